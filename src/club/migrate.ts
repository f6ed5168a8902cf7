import type { Redis } from 'ioredis';
import { decodeSession, expiryTimer, Keys, run, SettingDiffers, stateName, timerMember } from '#runtime';
import type { Payment } from './payments/book.ts';
import { Rewriter } from './rewrite.ts';

/** The format of what this release stores. */
const current = 3;
/** Items in one reading: Redis serves others in between. */
const page = 500;
/** Keys between two lines about how far it is. */
const reportEvery = 100_000;

interface Where {
  readonly prefix: string;
  readonly shards: number;
}

/**
 * For those who only read the store.
 * @throws SettingDiffers when a bot of another release wrote it
 */
export async function requireFormat(redis: Redis, prefix: string): Promise<void> {
  const [format, bot] = await redis.hmget(new Keys(prefix).settings(), 'format', 'bot');
  refuseNewer(prefix, Number(format));
  if (Number(format) === current || bot === null) return;
  throw new SettingDiffers(
    `Expected a store of this release's format ${current}, found one of an earlier release under the prefix "${prefix}". ` +
      'Start the bot once: it brings the store to the new format.',
  );
}

/**
 * Brings a store that an earlier release wrote to this one's format, once, before anything else runs. Waits while a
 * copy of that release lives. It can be cut off anywhere and begun anew.
 * @param report takes a line now and then
 * @param now the bot's time, ms. Default: the machine's
 * @throws SettingDiffers when a newer release wrote it
 */
export async function migrate(
  redis: Redis,
  where: Where,
  report: (line: string) => void,
  now = Date.now(),
): Promise<void> {
  const keys = new Keys(where.prefix);
  let found = 0;
  const isOld = async () => {
    const [format, bot] = await redis.hmget(keys.settings(), 'format', 'bot');
    found = Number(format);
    refuseNewer(where.prefix, found);
    // Where no bot has ever run there is nothing to bring along.
    return found !== current && bot !== null;
  };
  for (let isTold = false; await isOld(); isTold = true) {
    const [seconds = 0] = await redis.time();
    if ((await redis.zcount(keys.copies(), Number(seconds) * 1_000, '+inf')) === 0) {
      if (found < 2) await new Migration(redis, where, report).run();
      await rewriteChats(redis, where, report, now);
      break;
    }
    if (!isTold) report('waiting until the copies of the previous release have stopped');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await redis.hset(keys.settings(), 'format', current);
}

function refuseNewer(prefix: string, format: number): void {
  if (format <= current) return;
  throw new SettingDiffers(
    `Expected a store of format ${current} or older, found one of format ${format} under the prefix "${prefix}": a newer release wrote it. ` +
      'Run that release, or one that is newer still.',
  );
}

/** From format 2: each chat by itself, its book with its sessions. */
async function rewriteChats(
  redis: Redis,
  where: Where,
  report: (line: string) => void,
  now: number,
): Promise<void> {
  const rewriter = new Rewriter(redis, where, now);
  for (let shard = 0; shard < where.shards; shard++) await rewriter.begin(shard);
  const form = /^\{[^}]*:\d+\}:(?:session:[^:]+|book):(-?\d+)$/;
  let [cursor, seen] = ['0', 0];
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `{${where.prefix}:*}:*`, 'COUNT', page);
    const chats = found.flatMap((key) => form.exec(key)?.[1] ?? []).map(Number);
    await Promise.all([...new Set(chats)].map((chat) => rewriter.chat(chat)));
    const round = Math.floor(seen / reportEvery);
    seen += found.length;
    if (Math.floor(seen / reportEvery) > round)
      report(`writing the books of this release: ${seen} keys looked at`);
    cursor = next;
  } while (cursor !== '0');
}

/** From the first format to the second. */
class Migration {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #shards: readonly number[];
  readonly #report: (line: string) => void;
  /** Per shard, its lists of sessions that expire, as `<machine>:<state>`. */
  readonly #expiring: readonly Set<string>[];
  /** Per shard, its queues with their lengths. A scan may bring one twice. */
  readonly #queues: readonly Map<string, number>[];

  constructor(redis: Redis, { prefix, shards }: Where, report: (line: string) => void) {
    this.#redis = redis;
    this.#keys = new Keys(prefix);
    this.#shards = Array.from({ length: shards }, (_, shard) => shard);
    this.#report = report;
    this.#expiring = this.#shards.map(() => new Set<string>());
    this.#queues = this.#shards.map(() => new Map<string, number>());
  }

  async run(): Promise<void> {
    await this.#scan();
    await Promise.all(
      this.#shards.map(async (shard) => {
        for (const list of this.#expiring[shard] ?? []) await this.#moveExpiring(shard, list);
        await this.#writeBooks(shard);
        const waiting = [...(this.#queues[shard]?.values() ?? [])].reduce((sum, length) => sum + length, 0);
        // Another copy that did the same may be at work already: its count is the right one.
        await this.#redis.set(this.#keys.outboxCount(shard), waiting, 'NX');
      }),
    );
  }

  /** One look at every key. From now on sessions end by a timer; Redis must remove none by itself. */
  async #scan(): Promise<void> {
    const form = /^\{[^}]*:(\d+)\}:(session|outbox|expiring):(.*)$/;
    const pattern = `{${this.#keys.prefix}:*}:*`;
    let cursor = '0';
    let seen = 0;
    do {
      const [next, found] = await this.#redis.scan(cursor, 'MATCH', pattern, 'COUNT', page);
      const sessions = new Map<number, string[]>();
      const queues: { shard: number; name: string }[] = [];
      for (const key of found) {
        const [, tag = '', kind, name = ''] = form.exec(key) ?? [];
        const shard = Number(tag);
        if (kind === 'session') {
          const suffixes = sessions.get(shard) ?? [];
          suffixes.push(`session:${name}`);
          sessions.set(shard, suffixes);
        }
        if (kind === 'expiring') this.#expiring[shard]?.add(name);
        if (kind === 'outbox') queues.push({ shard, name });
      }
      await Promise.all([
        ...[...sessions].map(([shard, suffixes]) => this.#move(shard, { sessions: suffixes })),
        ...queues.map(async ({ shard, name }) =>
          this.#queues[shard]?.set(name, await this.#redis.llen(this.#keys.outbox(shard, name))),
        ),
      ]);
      const round = Math.floor(seen / reportEvery);
      seen += found.length;
      if (Math.floor(seen / reportEvery) > round)
        this.#report(`bringing the store to the format of this release: ${seen} keys looked at`);
      cursor = next;
    } while (cursor !== '0');
  }

  /** Sessions that end by themselves: by a timer from now on, and counted like all others. */
  async #moveExpiring(shard: number, list: string): Promise<void> {
    const split = list.indexOf(':');
    const [machine, state] = [list.slice(0, split), list.slice(split + 1)];
    const key = this.#keys.expiring(shard, machine, state);
    const text = `${this.#keys.shard(shard)}:*->s`;
    for (;;) {
      // Each member with the text of the session that it names.
      const [texts, scores] = await Promise.all([
        this.#redis.sort(key, 'BY', 'nosort', 'LIMIT', 0, page, 'GET', '#', 'GET', text),
        this.#redis.zrange(key, 0, String(page - 1), 'WITHSCORES'),
      ]);
      if (scores.length === 0) return;
      const textOf = new Map(pairsOf(texts as (string | null)[]));
      const members = pairsOf(scores).map(([session, due]) => {
        const chat = Number(session?.slice(session.lastIndexOf(':') + 1));
        // A list of the previous release may name a session that is in another state by now, or in none.
        const isThere = stateOf(textOf.get(session) ?? '') === state;
        return [session ?? '', isThere ? timerMember(machine, chat, expiryTimer) : '', due ?? ''];
      });
      await this.#move(shard, { list, members });
    }
  }

  /** Each chat's payments, so that they are found without looking at those of others. */
  async #writeBooks(shard: number): Promise<void> {
    let cursor = '0';
    do {
      const [next, rows] = await this.#redis.hscan(this.#keys.ledger(shard), cursor, 'COUNT', page);
      cursor = next;
      const payments = pairsOf(rows).map(([field, text]) => [(JSON.parse(text) as Payment).chat, field]);
      if (payments.length > 0) await this.#move(shard, { payments });
    } while (cursor !== '0');
  }

  async #move(
    shard: number,
    {
      list = '',
      members = [],
      sessions = [],
      payments = [],
    }: {
      list?: string;
      members?: string[][];
      sessions?: readonly string[];
      payments?: (string | number)[][];
    },
  ): Promise<void> {
    await run(
      this.#redis,
      'migrate',
      [this.#keys.shard(shard)],
      [
        `expiring:${list}`,
        list,
        members.length,
        ...members.flat(),
        sessions.length,
        ...sessions,
        ...payments.flat(),
      ],
    );
  }
}

/** A flat list of names and values. */
const pairsOf = <T>(flat: readonly T[]): [T, T][] =>
  Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index] as T, flat[2 * index + 1] as T]);

function stateOf(text: string): string | null {
  try {
    return stateName(decodeSession(text).value);
  } catch {
    // What is no session is in no state.
    return null;
  }
}
