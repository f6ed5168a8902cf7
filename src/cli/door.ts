import type { Command } from 'commander';
import { Clubs, factsOf, loadClub } from '#club';
import { readEnvironment, readVariables } from '#environment';
import { type AuditFlags, auditDoor, DoorRefused } from '#operator';
import { openRedisStore } from '#runtime';
import { json } from './arguments.ts';
import { clockOf, telegram, withOwnStore } from './stored.ts';

export function addDoor(program: Command): void {
  const door = program.command('door').description('who is inside the club, against who has access');
  door
    .command('audit')
    .description(
      'look everyone up at Telegram of whom the bot knows, and change nothing without --remove or --invite (needs BOT_TOKEN)',
    )
    .option('--remove', 'take out who is inside without access')
    .option('--invite', 'send a link to who has access and is outside')
    .option('--ids <file>', 'look these user ids up as well: one a line')
    .addOption(json())
    .addHelpText('after', '\nIt may be interrupted: what was found so far is shown, and nothing is done.')
    .action(audit);
}

async function audit(flags: AuditFlags): Promise<void> {
  const environment = readEnvironment(readVariables(), { token: true });
  const { content } = await loadClub(environment.contentDir);
  const stopping = new AbortController();
  process.once('SIGINT', () => {
    stopping.abort();
    process.exitCode = 130;
  });
  await withOwnStore(async (redis, where) => {
    const club = await new Clubs(openRedisStore(redis, where).notes).today(content.settings.club.chatId);
    if (club === null) throw new DoorRefused('club.chat_id in bot.yaml names no club.');
    const trusted = new Set([...environment.adminIds, ...content.settings.club.whitelist]);
    const facts = factsOf({ ...content.settings, club: { ...content.settings.club, chatId: club } });
    const stored = { redis, where, call: telegram(), clock: clockOf() };
    await auditDoor({ ...stored, club, trusted, facts, signal: stopping.signal }, flags);
  });
}
