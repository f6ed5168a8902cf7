import type { Command } from 'commander';
import { type ByHand, readByHand } from '#club';
import {
  actOnMember,
  exportMembers,
  importMembers,
  listMembers,
  type MembersOptions,
  showMember,
} from '#operator';
import { chatId, json } from './arguments.ts';
import { clockOf, todaysFacts, withStored } from './stored.ts';

export function addMembers(program: Command): void {
  const members = program.command('members').description('who has access, and access by hand');
  const withMembers = (work: (options: MembersOptions) => Promise<void>) =>
    withStored((redis, where) => work({ redis, where, clock: clockOf() }));
  members
    .command('list', { isDefault: true })
    .description('show everyone who has a book: access, until when, payments too many')
    .addOption(json())
    .action((options: { json?: boolean }) => withMembers((stored) => listMembers(stored, options)));
  members
    .command('show')
    .description('show one, with every line of the book')
    .argument('<user>', 'the user id', chatId)
    .addOption(json())
    .action((user: number, options: { json?: boolean }) =>
      withMembers((stored) => showMember(stored, user, options)),
    );
  members
    .command('export')
    .description('print all as CSV, which import reads')
    .option('--csv [file]', 'into this file; without one, to stdout')
    .action((options: { csv?: string | true }) =>
      withMembers((stored) =>
        exportMembers(stored, typeof options.csv === 'string' ? options.csv : undefined),
      ),
    );
  members
    .command('import')
    .description('give the people of a CSV file access: id, and until (a day) or days; nobody gets a message')
    .argument('<csv>')
    .option('--apply', 'do it; without it, show what would be done')
    .action(async (file: string, options: { apply?: boolean }) => {
      const facts = await todaysFacts();
      await withMembers((stored) => importMembers(stored, facts, file, options));
    });
  for (const [act, words, description] of [
    ['grant', '<user> <days> [reason...]', 'give access for so many days, or forever'],
    [
      'extend',
      '<user> <days> [reason...]',
      'give a member so many days more; below 0, such as -7, take them back',
    ],
    ['revoke', '<user> [reason...]', 'end access'],
    ['block', '<user> [reason...]', 'end access, and let nothing be bought'],
    ['unblock', '<user> [reason...]', 'the opposite'],
  ] as const satisfies readonly (readonly [ByHand['act'], string, string])[]) {
    members
      .command(`${act} ${words}`)
      .description(description)
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const asked = readByHand(act, command.args.join(' '));
        if (asked === null) return command.error(`Expected: members ${act} ${words}`);
        const facts = await todaysFacts();
        await withMembers((stored) => actOnMember(stored, facts, asked));
      });
  }
}
