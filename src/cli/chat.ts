import type { Command } from 'commander';
import { readChat } from '#club';
import { openRedisStore } from '#runtime';
import { amountOf } from '#telegram';
import { paint } from '#terminal';
import { chatId, json } from './arguments.ts';
import { reported, withStored } from './stored.ts';

export function addChat(program: Command): void {
  program
    .command('chat')
    .description('show everything stored about one chat')
    .argument('<id>', 'the chat id', chatId)
    .addOption(json())
    .action(chat);
}

async function chat(id: number, options: { json?: boolean }): Promise<void> {
  const found = await withStored(async (redis, where) =>
    readChat(openRedisStore(redis, where), id, { machines: await reported() }),
  );
  if (options.json === true) {
    console.log(JSON.stringify(found));
    return;
  }
  if (found.sessions.length === 0) console.log(`Chat ${id} has no session.`);
  for (const session of found.sessions) {
    console.log(
      `${paint.bold(session.machine)}  ${paint.green(session.state)}  ${paint.dim(JSON.stringify(session.context))}`,
    );
    for (const timer of session.timers) console.log(`  ${timer.name.padEnd(24)} ${timer.due}`);
  }
  for (const { charge, direction, amount, currency, at } of found.payments) {
    console.log(
      `  ${direction === 'in' ? 'paid' : 'refunded'} ${amountOf({ amount, currency })}  ${new Date(at).toISOString()}  ${paint.dim(charge)}`,
    );
  }
}
