#!/usr/bin/env node
import { Command } from 'commander';
import { exitCodeOf, explain, withDeepStacks } from '#cli/failure';
import { exitCodes } from '#runtime';
import { paint } from '#terminal';

/** In the order of `turnstile --help`. A command is read when it is called: a start must not wait for the others. */
const commands = {
  start: async () => (await import('#cli/start')).addStart,
  demo: async () => (await import('#cli/demo')).addDemo,
  prove: async () => (await import('#cli/prove')).addProve,
  check: async () => (await import('#cli/check')).addCheck,
  status: async () => (await import('#cli/status')).addStatus,
  machines: async () => (await import('#cli/machines')).addMachines,
  chat: async () => (await import('#cli/chat')).addChat,
  reload: async () => (await import('#cli/reload')).addReload,
  preview: async () => (await import('#cli/preview')).addPreview,
  payments: async () => (await import('#cli/payments')).addPayments,
  members: async () => (await import('#cli/members')).addMembers,
  door: async () => (await import('#cli/door')).addDoor,
  dead: async () => (await import('#cli/dead')).addDead,
};

/** What only the club has. */
const ofClub = new Set(['prove', 'payments', 'members', 'door']);

const program = new Command('turnstile')
  .description(
    'A Telegram bot that sells access to a paid club, and the durable statechart runtime under it.',
  )
  .showHelpAfterError('(turnstile --help tells what there is)')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitCodes.usage));

async function main([called = '']: readonly string[]): Promise<void> {
  const wanted = Object.entries(commands).filter(([name]) => name === called);
  const reads = () => (wanted.length === 1 ? wanted : Object.entries(commands)).map(([, read]) => read());
  for (const add of await withDeepStacks(() => Promise.all(reads()))) add(program);
  if (ofClub.has(called)) (await import('#cli/bot')).refuseOther(called);
  await program.parseAsync();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${paint.red('turnstile:')} ${explain(error)}\n`);
  process.exit(exitCodeOf(error));
});
