import type { Command } from 'commander';
import { readEnvironment, readVariables } from '#environment';
import { openRedisStore } from '#runtime';
import { paint } from '#terminal';
import { botOf } from './bot.ts';
import { withStored } from './stored.ts';

export function addReload(program: Command): void {
  program
    .command('reload')
    .description('let the running bot take its content anew, without a restart (SIGHUP does the same)')
    .action(reload);
}

/** Checks the content, and lets every running copy take it. */
async function reload(): Promise<void> {
  const environment = readEnvironment(readVariables(), { token: false });
  const bot = await botOf();
  const { warnings } = await bot.load(environment);
  for (const warning of warnings) console.log(`${paint.yellow('warning')} ${warning}`);
  const copies = await withStored((redis, where) => openRedisStore(redis, where).announceContent());
  if (copies === 0)
    console.log('The content is in order. No bot is running; it takes the content when it starts.');
  else
    console.log(
      `The content is in order; ${copies === 1 ? 'the bot takes' : `${copies} copies take`} it now.`,
    );
}
