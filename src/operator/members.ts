import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import {
  type Access,
  type Act,
  accessOf,
  arrivalByHand,
  type ByHand,
  booksOf,
  keyOf,
  Ledger,
  meaningOfByHand,
  refusalOf,
} from '#club';
import { type Arrival, type Clock, CommandRefused, type JsonObject, openRedisStore } from '#runtime';
import { paint } from '#terminal';

/** What was asked for would come to nothing, or a file cannot be read. */
export class MembersRefused extends CommandRefused {}

export interface MembersOptions {
  readonly redis: Redis;
  readonly where: { readonly prefix: string; readonly shards: number };
  readonly clock: Clock;
}

/** Who has a book, and what it comes to. */
interface Member {
  readonly chat: number;
  readonly access: 'open' | 'blocked' | 'none';
  /** ISO time, `forever`; null where there is no time left. */
  readonly until: string | null;
  readonly renews: boolean;
  /** Charges of payments too many, and of those that must go back. */
  readonly extras: readonly string[];
  readonly owed: readonly string[];
}

const memberOf = (chat: number, access: Access, now: number): Member => {
  const { has, blocked, forEver, ends = 0, until = 0, renews, extras, owed } = access;
  return {
    chat,
    access: blocked === true ? 'blocked' : has ? 'open' : 'none',
    until: forEver === true ? 'forever' : ends > now ? new Date(until).toISOString() : null,
    renews: renews === true,
    extras,
    owed,
  };
};

const line = ({ chat, access, until, renews, extras, owed }: Member): string =>
  [
    String(chat).padEnd(12),
    (access === 'open' ? paint.green : access === 'blocked' ? paint.red : paint.dim)(access.padEnd(8)),
    (until === null ? '' : until === 'forever' ? 'for ever' : `until ${shown(until)}`).padEnd(24),
    renews ? 'renews' : '',
    extras.length > 0 ? paint.yellow(`${extras.length} paid too many`) : '',
    owed.length > 0 ? paint.yellow(`${owed.length} to go back`) : '',
  ]
    .join('  ')
    .trimEnd();

/** A time in the zone of this machine: `2026-12-25 14:30`. */
function shown(time: string | number): string {
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, 16)
    .replace('T', ' ');
}

async function membersOf({ redis, where, clock }: MembersOptions): Promise<Member[]> {
  const books = booksOf(await new Ledger(openRedisStore(redis, where)).entries());
  const now = clock.now();
  return [...books]
    .map(([chat, book]) => memberOf(chat, accessOf(book, now), now))
    .sort((a, b) => a.chat - b.chat);
}

/** Prints everyone who has a book. */
export async function listMembers(options: MembersOptions, { json }: { json?: boolean }): Promise<void> {
  const members = await membersOf(options);
  if (json === true) return console.log(JSON.stringify(members));
  for (const member of members) console.log(line(member));
  const open = members.filter(({ access }) => access === 'open').length;
  console.log(paint.dim(`${members.length} with a book, ${open} of them with access`));
}

/** Writes the same as CSV, to a file or to stdout; `import` reads it. */
export async function exportMembers(options: MembersOptions, file: string | undefined): Promise<void> {
  const rows = (await membersOf(options)).map(({ chat, access, until, renews, extras, owed }) =>
    [chat, access, until ?? '', renews, extras.length, owed.length].join(','),
  );
  const csv = ['id,access,until,renews,extras,owed', ...rows].map((row) => `${row}\r\n`).join('');
  if (file === undefined) process.stdout.write(csv);
  else await writeFile(file, csv);
}

/** Prints what one book comes to, and its lines. */
export async function showMember(
  { redis, where, clock }: MembersOptions,
  chat: number,
  { json }: { json?: boolean },
): Promise<void> {
  const book = await new Ledger(openRedisStore(redis, where)).book(chat);
  const member = memberOf(chat, accessOf(book, clock.now()), clock.now());
  if (json === true) return console.log(JSON.stringify({ ...member, book }));
  console.log(line(member));
  for (const { at, chat: _, ...entry } of book)
    console.log(`  ${shown(at)}  ${paint.dim(JSON.stringify(entry))}`);
}

const refusals = {
  no_access: 'has no access',
  for_ever: 'has access for ever: there is nothing to add',
  blocked: 'is blocked; unblock first',
  not_blocked: 'is not blocked',
  no_extra: 'has no such payment too many',
  no_days: 'has no days that could be taken back; a subscription ends by revoke',
} as const;

/**
 * Does by hand what an operator can do in a chat with the bot. The bot writes it into the book, and tells the person.
 * @param facts what every event of a person tells of today's offer
 * @throws MembersRefused when it would come to nothing
 */
export async function actOnMember(
  { redis, where, clock }: MembersOptions,
  facts: JsonObject,
  asked: ByHand,
): Promise<void> {
  const now = clock.now();
  const { person } = asked;
  const { event, entry } = meaningOfByHand(asked, { by: 'cli', id: `cli.${now}.${person}`, at: now });
  const book = await new Ledger(openRedisStore(redis, where)).book(person);
  const after = accessOf([...book, entry], now);
  const refusal = refusalOf(accessOf(book, now), after, entry, asked.act, now);
  if (refusal !== null) throw new MembersRefused(`${person} ${refusals[refusal]}. Nothing was changed.`);
  await openRedisStore(redis, where).appendArrivals([arrivalByHand({ ...facts, ...event }, entry)]);
  console.log(line(memberOf(person, after, now)));
  console.log('The bot writes it into the book and tells the person, now or when it starts.');
}

/** A row of a file of members, or what is wrong with it. */
type Row =
  | { readonly chat: number; readonly days?: number; readonly until?: number }
  | { readonly line: number; readonly problem: string }
  | null;

/**
 * Gives the people of a CSV file access, silently. Each row has an id and `until` (a day, which counts to its end, or a time; or
 * `forever`) or `days`; a head may name the columns. Nobody loses anything. Doing it twice with the same file does it once.
 * @param options.apply without it, nothing is done and everything is shown
 * @throws MembersRefused when a row cannot be understood; nothing is done then
 */
export async function importMembers(
  { redis, where, clock }: MembersOptions,
  facts: JsonObject,
  file: string,
  { apply = false }: { apply?: boolean },
): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new MembersRefused(`${file} cannot be read: ${error.message}`);
  });
  const now = clock.now();
  const rows = rowsOf(text, now);
  const problems = rows.flatMap((row) => (row !== null && 'problem' in row ? [row] : []));
  if (problems.length > 0) {
    const lines = problems.map(({ line, problem }) => `  line ${line}: ${problem}`);
    throw new MembersRefused(`${file} has problems; nothing was imported:\n${lines.join('\n')}`);
  }
  const ledger = new Ledger(openRedisStore(redis, where));
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const arrivals: Arrival[] = [];
  let [unchanged, left] = [0, 0];
  for (const row of rows) {
    if (row === null || !('chat' in row)) {
      left++;
      continue;
    }
    const book = await ledger.book(row.chat);
    const entry: Act = {
      kind: 'grant',
      id: `import.${digest}.${row.chat}`,
      at: now,
      by: 'cli',
      reason: 'import',
      ...row,
    };
    const [before, after] = [accessOf(book, now), accessOf([...book, entry], now)];
    const isSame = before.forEver === after.forEver && before.until === after.until;
    const isDone = book.some((known) => keyOf(known) === keyOf(entry));
    if (isSame || isDone || refusalOf(before, after, entry, 'grant', now) !== null) {
      unchanged++;
      continue;
    }
    arrivals.push(arrivalByHand({ ...facts, type: 'access.adopted' }, entry));
    console.log(line(memberOf(row.chat, after, now)));
  }
  const kept = `${unchanged} unchanged: they have as much already, or are blocked`;
  console.log(paint.dim(`${arrivals.length} get access or more of it; ${kept}; ${left} rows without access`));
  if (!apply) {
    console.log('Nothing was done. With --apply it is; nobody gets a message.');
    return;
  }
  await openRedisStore(redis, where).appendArrivals(arrivals);
  console.log('The bot writes it into the books, now or when it starts. Nobody gets a message.');
}

const columns = ['id', 'access', 'until', 'days'] as const;

function rowsOf(text: string, now: number): Row[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((row, index) => ({
      line: index + 1,
      cells: row.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')),
    }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const head = lines[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const hasHead = head.includes('id');
  const at = (name: (typeof columns)[number]) => (hasHead ? head.indexOf(name) : name === 'id' ? 0 : -1);
  const seen = new Set<string>();
  return lines.slice(hasHead ? 1 : 0).map(({ line, cells }): Row => {
    const cell = (name: (typeof columns)[number]) => cells[at(name)] ?? '';
    const id = cell('id');
    if (!/^[1-9]\d{0,14}$/.test(id)) return { line, problem: `expected a user id in digits, found "${id}"` };
    if (seen.has(id)) return { line, problem: `${id} stands in it twice` };
    seen.add(id);
    // An export names those who have none as well.
    if (/^(none|blocked)$/.test(cell('access'))) return null;
    const time = hasHead ? cell('days') || cell('until') : (cells[1] ?? '');
    const found = timeOf(time);
    if (found === null)
      return {
        line,
        problem: `expected days, a date such as 2026-12-25, or forever, found "${time}"`,
      };
    if (found.until !== undefined && found.until <= now) return { line, problem: `${time} is over already` };
    return { chat: Number(id), ...found };
  });
}

function timeOf(text: string): { days?: number; until?: number } | null {
  if (text === 'forever') return {};
  if (/^[1-9]\d{0,4}$/.test(text)) return { days: Number(text) };
  const day = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (day !== null) {
    const [year = 0, month = 0, date = 0] = day.slice(1).map(Number);
    const start = new Date(year, month - 1, date);
    // The 31st of a short month is no day.
    if (start.getMonth() !== month - 1) return null;
    return { until: new Date(year, month - 1, date + 1).getTime() };
  }
  const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : { until: time };
}
