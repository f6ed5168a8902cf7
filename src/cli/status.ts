import type { Command } from 'commander';
import { readStatus } from '#club';
import { openRedisStore } from '#runtime';
import { paint } from '#terminal';
import { json } from './arguments.ts';
import { botOf } from './bot.ts';
import { reported, unadoptedLine, withStored } from './stored.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('count sessions by state, timers, inbox, outbox, payments')
    .addOption(json())
    .action(status);
}

async function status(options: { json?: boolean }): Promise<void> {
  const found = await withStored(async (redis, where) =>
    readStatus(openRedisStore(redis, where), { machines: await reported() }),
  );
  if (options.json === true) {
    console.log(JSON.stringify(found));
    return;
  }
  const { states, sources, unadopted, payments, ...others } = found;
  // Only the club sells something.
  const counts = (await botOf()).definition === null ? { ...others, payments } : others;
  for (const [machine, byState] of Object.entries(states)) {
    console.log(paint.bold(machine));
    for (const [state, count] of Object.entries(byState))
      console.log(`  ${state.padEnd(20)} ${String(count).padStart(8)}`);
  }
  console.log(paint.bold('stored'));
  for (const [name, count] of Object.entries(counts)) {
    const shown = String(count).padStart(8);
    console.log(`  ${name.padEnd(20)} ${name === 'dead' && count > 0 ? paint.red(shown) : shown}`);
  }
  if (Object.keys(sources).length > 0) console.log(paint.bold('sources'));
  for (const [source, { started = 0, paid = 0 }] of Object.entries(sources)) {
    // Who comes without a link is not counted before they pay.
    const came = source === 'none' && started === 0 ? '–' : String(started);
    console.log(`  ${source.padEnd(20)} ${came.padStart(8)} came ${String(paid).padStart(8)} paid`);
  }
  if (unadopted === true) console.log(paint.red(unadoptedLine));
}
