import type { Redis } from 'ioredis';
import { decodeSession, Keys, readStates, shardOf, stateName, timerMember } from '#runtime';
import { type Access, type Act, accessOf, isAct, isPayment, type Payment } from './payments/book.ts';
import { Ledger } from './payments/ledger.ts';

/** What `turnstile status --json` prints. */
export interface Status {
  readonly states: Record<string, Record<string, number>>;
  /** Without the ends of untouched sessions. */
  readonly timers: number;
  readonly inbox: number;
  readonly outbox: number;
  readonly dead: number;
  readonly chats: number;
  readonly payments: number;
  /** By the link that brought people first, what `count` actions counted: `{ad_7: {started: 3, paid: 1}}`. */
  readonly sources: Record<string, Record<string, number>>;
  /** Telegram lists payments from before this installation: nothing is compared until they are taken over. */
  readonly unadopted?: true;
}

/** What `turnstile chat <id> --json` prints. */
export interface ChatReport {
  readonly chat: number;
  readonly sessions: {
    machine: string;
    state: string;
    context: unknown;
    timers: { name: string; due: string }[];
  }[];
  readonly payments: Payment[];
  /** What gave or took access besides payments; absent when there is nothing. */
  readonly acts?: Act[];
  /** What the book comes to; absent when it is empty. */
  readonly access?: Access;
}

/** A machine as a report needs it. */
export interface ReportedMachine {
  readonly id: string;
  readonly states: readonly string[];
}

/** A timer as a report needs it: the names that it may be stored under, and the one that is shown. */
export interface ReportedTimer {
  readonly names: readonly string[];
  readonly shownName: string;
}

/** Counts of a whole installation. Reads only; its cost does not grow with what is stored. */
export async function readStatus(
  redis: Redis,
  options: { prefix: string; shards: number; machines: readonly ReportedMachine[] },
): Promise<Status> {
  const keys = new Keys(options.prefix);
  const stored = await readStates(redis, options);
  const known = options.machines.map(({ id, states }) => {
    const none = Object.fromEntries(states.map((state) => [state, 0]));
    return [id, { ...none, ...stored[id] }] as const;
  });
  const sources: Record<string, Record<string, number>> = {};
  const total = { timers: 0, inbox: 0, outbox: 0, dead: 0, chats: 0, payments: 0 };
  await Promise.all(
    Array.from({ length: options.shards }, async (_, shard) => {
      const [timers, expiries, inbox, checkout, outbox, dead, chats, lines, acts, counts] = await Promise.all(
        [
          redis.zcard(keys.timers(shard)),
          redis.get(keys.expiryCount(shard)),
          redis.xlen(keys.inbox(shard)),
          redis.xlen(keys.checkoutInbox(shard)),
          redis.get(keys.outboxCount(shard)),
          redis.xlen(keys.dead(shard)),
          redis.zcard(keys.chats(shard)),
          redis.hlen(keys.ledger(shard)),
          redis.get(keys.actCount(shard)),
          redis.hgetall(keys.counts(shard)),
        ],
      );
      total.timers += timers - Number(expiries ?? 0);
      total.inbox += inbox + checkout;
      total.outbox += Number(outbox ?? 0);
      total.dead += dead;
      total.chats += chats;
      total.payments += lines - Number(acts ?? 0);
      for (const [field, count] of Object.entries(counts)) {
        const [counter = '', source = ''] = field.split(':');
        const name = source === '' ? 'none' : source;
        const known = sources[name] ?? {};
        sources[name] = { ...known, [counter]: (known[counter] ?? 0) + Number(count) };
      }
    }),
  );
  const isUnadopted = (await redis.hexists(keys.settings(), 'unadopted')) === 1;
  return {
    states: { ...stored, ...Object.fromEntries(known) },
    ...total,
    sources,
    ...(isUnadopted && { unadopted: true }),
  };
}

/** Everything stored about one chat. */
export async function readChat(
  redis: Redis,
  chat: number,
  options: {
    prefix: string;
    shards: number;
    machines: readonly (ReportedMachine & { timers: readonly ReportedTimer[] })[];
    /** ms since 1970. Default: the machine's clock. */
    now?: number;
  },
): Promise<ChatReport> {
  const keys = new Keys(options.prefix);
  const shard = shardOf(chat, options.shards);
  const sessions: ChatReport['sessions'] = [];
  for (const machine of options.machines) {
    const text = await redis.hget(keys.session(shard, machine.id, chat), 's');
    if (text === null) continue;
    const session = decodeSession(text);
    const set = await Promise.all(
      machine.timers.map(async ({ names, shownName }) => {
        const members = names.map((name) => timerMember(machine.id, chat, name));
        const due = (await redis.zmscore(keys.timers(shard), ...members)).find((score) => score !== null);
        return { name: shownName, due: Number(due ?? Number.NaN) };
      }),
    );
    const timers = set
      .filter(({ due }) => !Number.isNaN(due))
      .sort((a, b) => a.due - b.due)
      .map(({ name, due }) => ({ name, due: new Date(due).toISOString() }));
    sessions.push({ machine: machine.id, state: stateName(session.value), context: session.context, timers });
  }
  const book = await new Ledger(redis, options).book(chat);
  const acts = book.filter(isAct);
  return {
    chat,
    sessions,
    payments: book.filter(isPayment),
    ...(acts.length > 0 && { acts }),
    ...(book.length > 0 && { access: accessOf(book, options.now ?? Date.now()) }),
  };
}
