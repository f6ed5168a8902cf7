import { readFile } from 'node:fs/promises';
import type { ChatMember } from 'grammy/types';
import type { Redis } from 'ioredis';
import {
  accessOf,
  askedByHand,
  isAct,
  isInside,
  type Known,
  lacksWayIn,
  readKnown,
  StrangerList,
} from '#club';
import { type Arrival, type Clock, CommandRefused, type JsonObject, openRedisStore } from '#runtime';
import type { Perform } from '#telegram';
import { createProgress, paint } from '#terminal';
import { patient } from './patient.ts';

/** The club cannot be looked at, or a file of ids cannot be read. */
export class DoorRefused extends CommandRefused {}

export interface AuditOptions {
  readonly redis: Redis;
  readonly where: { readonly prefix: string; readonly shards: number };
  readonly call: Perform;
  readonly clock: Clock;
  readonly club: number;
  /** User ids that may be inside whatever their books say. */
  readonly trusted: ReadonlySet<number>;
  /** What every event of a person tells of today's offer. */
  readonly facts: JsonObject;
  /** Ends the looking; what was found so far is shown, and nothing is done. */
  readonly signal?: AbortSignal;
}

export interface AuditFlags {
  readonly json?: boolean;
  /** Takes out who is inside without access. */
  readonly remove?: boolean;
  /** Sends a link to who has access and is outside. */
  readonly invite?: boolean;
  /** A file with ids of people of whom the bot knows nothing: one a line, or the first column of a CSV. */
  readonly ids?: string;
}

interface Found {
  readonly id: number;
  /** As Telegram shows it; '' where it does not. */
  readonly name: string;
  readonly reason: string;
}

/** What `turnstile door audit --json` prints. */
export interface Audit {
  readonly club: number;
  /** People of whom something is known, and how many of them Telegram was asked about. */
  readonly known: number;
  readonly checked: number;
  readonly insideUnpaid: readonly Found[];
  readonly outsidePaid: readonly Found[];
  /** How many were taken in hand, by `--remove` and by `--invite`. */
  readonly removed: number;
  readonly invited: number;
}

/** Telegram is asked about so many people a second. */
const perSecond = 20;

/**
 * Compares who is inside the club with who has access: everybody of whom the bot knows is looked up at Telegram. A bot cannot
 * list the members of a club, so whoever was there before it and never met it has to be named by `ids`. Owners,
 * administrators and bots are left out.
 * @throws DoorRefused
 */
export async function auditDoor(options: AuditOptions, flags: AuditFlags): Promise<void> {
  const { redis, where, club, trusted, signal, clock } = options;
  const store = openRedisStore(redis, where);
  const known = new Map(await readKnown(store, clock.now()));
  const list = new StrangerList(store.notes);
  const stranger: Known = { book: [], access: accessOf([], clock.now()), wayIn: {} };
  for (const id of [...(await list.inside()), ...(await idsIn(flags.ids))])
    if (!known.has(id)) known.set(id, stranger);
  for (const id of [...known.keys()]) if (trusted.has(id) || id <= 0) known.delete(id);

  const progress = createProgress();
  const [insideUnpaid, outsidePaid, outside]: [Found[], Found[], number[]] = [[], [], []];
  let checked = 0;
  for (const [id, person] of known) {
    if (signal?.aborted === true) break;
    progress(bar(checked, known.size));
    const { isIn, isManager, isBanned, name } = await lookUp(options, id);
    checked++;
    const { has } = person.access;
    if (isIn && !has && !isManager) insideUnpaid.push({ id, name, reason: whyNoAccess(person, clock.now()) });
    if (!isIn && has) outsidePaid.push({ id, name, reason: whyOutside(person, club, isBanned) });
    if (!isIn || has) outside.push(id);
    await new Promise<void>((resolve) => clock.at(clock.now() + 1_000 / perSecond, resolve));
  }
  progress('');
  await list.forget(outside);
  const isWhole = checked === known.size;
  const act = async (wanted: boolean | undefined, found: readonly Found[], fields: Arrival['event']) => {
    if (wanted !== true || !isWhole) return 0;
    await append(options, found, fields);
    return found.length;
  };
  const removed = await act(flags.remove, insideUnpaid, { type: 'club.joined', strangers: 'remove' });
  const invited = await act(flags.invite, outsidePaid, { type: 'invite.requested' });
  const audit = { club, known: known.size, checked, insideUnpaid, outsidePaid, removed, invited };
  if (flags.json === true) console.log(JSON.stringify(audit));
  else print(audit, flags);
}

async function idsIn(file: string | undefined): Promise<number[]> {
  if (file === undefined) return [];
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new DoorRefused(`${file} cannot be read: ${error.message}`);
  });
  const cells = text.split(/\r?\n/).map((line) => line.split(/[,;\t]/, 1)[0]?.trim() ?? '');
  return cells.filter((cell) => /^[1-9]\d{0,14}$/.test(cell)).map(Number);
}

async function lookUp({ call, club, clock }: AuditOptions, id: number) {
  const nobody = { isIn: false, isManager: false, isBanned: false, name: '' };
  try {
    const member = (await patient(call, clock)('getChatMember', {
      chat_id: club,
      user_id: id,
    })) as ChatMember;
    const { status, user } = member;
    return {
      isIn: isInside(member),
      isManager: status === 'creator' || status === 'administrator' || user.is_bot,
      isBanned: status === 'kicked',
      name: [user.first_name, user.username === undefined ? '' : `@${user.username}`].join(' ').trim(),
    };
  } catch (error) {
    const said = String((error as Error).message);
    if (/PARTICIPANT_ID_INVALID|user not found|member not found|USER_ID_INVALID/i.test(said)) return nobody;
    throw new DoorRefused(`The club ${club} cannot be looked at. Telegram says: ${said}`, {
      cause: error,
    });
  }
}

function whyNoAccess({ book, access }: Known, now: number): string {
  if (access.blocked === true) return 'blocked';
  const last = book.findLast((entry) => !isAct(entry) || /^(grant|revoke)$/.test(entry.kind));
  if (last === undefined) return 'no payment, and nothing given';
  if (isAct(last) && last.kind === 'revoke') return 'access was taken away';
  if (!isAct(last) && last.direction === 'out') return 'refunded';
  const { ends } = access;
  return ends !== undefined && ends <= now
    ? `access ended on ${new Date(ends).toISOString().slice(0, 10)}`
    : 'what was paid gives no access here';
}

function whyOutside(person: Known, club: number, isBanned: boolean): string {
  if (isBanned) return 'banned from the club';
  return lacksWayIn(person, club) ? 'has no link' : 'has a link';
}

/** The running bot does it, with its words to the person, its repetitions and its rules for bans. */
async function append(
  { redis, where, facts, club }: AuditOptions,
  found: readonly Found[],
  fields: Arrival['event'],
): Promise<void> {
  await openRedisStore(redis, where).appendArrivals(
    found.map(({ id, name }) => askedByHand(id, { ...facts, club, name, ...fields })),
  );
}

const bar = (done: number, all: number): string => {
  const full = all === 0 ? 20 : Math.floor((20 * done) / all);
  return `${'█'.repeat(full)}${'░'.repeat(20 - full)} ${done} of ${all}`;
};

function print(
  { known, checked, insideUnpaid, outsidePaid, removed, invited }: Audit,
  flags: AuditFlags,
): void {
  const lines = (found: readonly Found[]) => {
    for (const { id, name, reason } of found)
      console.log(`  ${String(id).padEnd(12)}  ${name.padEnd(24)}  ${paint.dim(reason)}`);
  };
  console.log(paint.bold(`Inside without access: ${insideUnpaid.length}`));
  lines(insideUnpaid);
  console.log(paint.bold(`With access, and outside: ${outsidePaid.length}`));
  lines(outsidePaid);
  if (checked < known) {
    console.log(
      paint.yellow(`Interrupted: ${checked} of ${known} people were looked up, and nothing was done.`),
    );
    return;
  }
  console.log(paint.dim(`${checked} people were looked up.`));
  if (removed > 0) console.log(`The bot takes ${removed} out, now or when it starts.`);
  else if (insideUnpaid.length > 0 && flags.remove !== true)
    console.log('To take them out: turnstile door audit --remove');
  if (invited > 0) console.log(`The bot sends a link to ${invited}, now or when it starts.`);
  else if (outsidePaid.length > 0 && flags.invite !== true)
    console.log('To send them a link: turnstile door audit --invite');
}
