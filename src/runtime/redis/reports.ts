import type { Reports, SessionReport, Totals } from '../books.ts';
import { decodeSession, stateName } from '../core/session.ts';
import { type Ground, sum } from './ground.ts';
import { sessionSuffix } from './keys.ts';

/** Keys in one reading. */
const page = 1_000;

/** How it stands, from counters that the scripts keep. */
export class RedisReports implements Reports {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  totals = async (): Promise<Totals> => {
    const { redis, keys } = this.#ground;
    const counts = await this.#ground.everyShard(async (shard) => {
      const [timers, expiries, inbox, checkout, outbox, dead, chats] = await Promise.all([
        redis.zcard(keys.timers(shard)),
        redis.get(keys.expiryCount(shard)),
        redis.xlen(keys.inbox(shard)),
        redis.xlen(keys.checkoutInbox(shard)),
        redis.get(keys.outboxCount(shard)),
        redis.xlen(keys.dead(shard)),
        redis.zcard(keys.chats(shard)),
      ]);
      return {
        timers: timers - Number(expiries ?? 0),
        inbox: inbox + checkout,
        outbox: Number(outbox ?? 0),
        dead,
        chats,
      };
    });
    const total = (name: keyof Totals) => sum(counts.map((count) => count[name]));
    return {
      timers: total('timers'),
      inbox: total('inbox'),
      outbox: total('outbox'),
      dead: total('dead'),
      chats: total('chats'),
    };
  };

  states = (): Promise<ReadonlyMap<string, number>> =>
    this.#counts((shard) => this.#ground.keys.states(shard));

  counters = (): Promise<ReadonlyMap<string, number>> =>
    this.#counts((shard) => this.#ground.keys.counts(shard));

  /** The counters of all shards, added up. */
  async #counts(keyOf: (shard: number) => string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#ground.everyShard((shard) => this.#ground.redis.hgetall(keyOf(shard)));
    const counts = new Map<string, number>();
    for (const [field, count] of rows.flatMap((row) => Object.entries(row)))
      counts.set(field, (counts.get(field) ?? 0) + Number(count));
    return counts;
  }

  sessions = (machine: string): AsyncGenerator<SessionReport> => this.#walk(machine);

  async *#walk(machine: string): AsyncGenerator<SessionReport> {
    const { redis, keys } = this.#ground;
    const pattern = `{${keys.prefix}:*}:${sessionSuffix(machine, 0).replace(/0$/, '*')}`;
    const seen = new Set<number>();
    let cursor = '0';
    do {
      const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', page);
      const texts = await Promise.all(found.map((key) => redis.hget(key, 's')));
      for (const [index, key] of found.entries()) {
        const chat = Number(key.slice(key.lastIndexOf(':') + 1));
        const text = texts[index];
        // A scan may bring a key twice.
        if (typeof text !== 'string' || seen.has(chat)) continue;
        seen.add(chat);
        const { value, context } = decodeSession(text);
        yield { chat, state: stateName(value), context };
      }
      cursor = next;
    } while (cursor !== '0');
  }
}
