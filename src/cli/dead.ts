import { type Command, Option } from 'commander';
import { endDead, listDead, showDead } from '#operator';
import { DeadLetters, openRedisStore } from '#runtime';
import { json, whole } from './arguments.ts';
import { withStored } from './stored.ts';

export function addDead(program: Command): void {
  const dead = program
    .command('dead')
    .description('what was given up: updates, timers and effects, with the reason');
  const withDead = (work: (dead: DeadLetters) => Promise<void>) =>
    withStored((redis, where) => work(new DeadLetters(openRedisStore(redis, where))));
  dead
    .command('list', { isDefault: true })
    .description('show the newest')
    .addOption(new Option('--limit <n>', 'how many at the most').default(50).argParser(whole))
    .addOption(json())
    .action((options: { json?: boolean; limit: number }) =>
      withDead((letters) => listDead(letters, options)),
    );
  dead
    .command('show')
    .description('show one, with its stack and what it holds')
    .argument('<id>')
    .addOption(json())
    .action((id: string, options: { json?: boolean }) =>
      withDead((letters) => showDead(letters, id, options)),
    );
  for (const [what, description] of [
    ['retry', 'put it back: it is tried again as if it were new'],
    ['drop', 'throw it away'],
  ] as const) {
    dead
      .command(what)
      .description(description)
      .argument('[ids...]')
      .option('--all', 'all of them')
      .action((ids: string[], options: { all?: boolean }, command: Command) => {
        if (ids.length === 0 && options.all !== true) command.error('Expected ids, or --all.');
        return withDead((letters) => endDead(letters, what, ids, options.all === true));
      });
  }
}
