import type { Books } from '../books.ts';
import type { Line } from '../core/arrival.ts';
import { run } from './connect.ts';
import { type Ground, sum } from './ground.ts';
import { bookSuffix } from './keys.ts';

/** Lines in one reading. */
const page = 1_000;

/** `rewrite.lua` with nothing but lines: its six other lists are empty. */
const nothingElse = [0, 0, 0, 0, 0, 0];

/** The books of all chats: a hash of lines a shard, and for each chat a list of its fields in it. */
export class RedisBooks implements Books {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  bookOf = async (chat: number): Promise<Line[]> => {
    const { redis, keys } = this.#ground;
    const shard = this.#ground.shardOf(chat);
    const fields = await redis.lrange(keys.book(shard, chat), 0, '-1');
    if (fields.length === 0) return [];
    const texts = await redis.hmget(keys.ledger(shard), ...fields);
    return texts.flatMap((text) => (typeof text === 'string' ? [lineOf(text)] : []));
  };

  hasLine = async (chat: number, key: string): Promise<boolean> => {
    const { redis, keys } = this.#ground;
    return (await redis.hexists(keys.ledger(this.#ground.shardOf(chat)), key)) === 1;
  };

  findLines = async (fields: readonly string[]): Promise<(Line | null)[]> => {
    const { redis, keys } = this.#ground;
    const rows = await this.#ground.everyShard((shard) => redis.hmget(keys.ledger(shard), ...fields));
    return fields.map((_, index) => {
      const text = rows.map((row) => row[index]).find((found) => typeof found === 'string');
      return typeof text === 'string' ? lineOf(text) : null;
    });
  };

  allLines = (): AsyncGenerator<Line> => this.#walk();

  async *#walk(): AsyncGenerator<Line> {
    const { redis, keys, shards } = this.#ground;
    for (let shard = 0; shard < shards; shard++) {
      let cursor = '0';
      do {
        const [next, rows] = await redis.hscan(keys.ledger(shard), cursor, 'COUNT', page);
        for (let index = 1; index < rows.length; index += 2) yield lineOf(rows[index] as string);
        cursor = next;
      } while (cursor !== '0');
    }
  }

  countLines = async (): Promise<{ lines: number; asides: number }> => {
    const { redis, keys } = this.#ground;
    const counts = await this.#ground.everyShard((shard) =>
      Promise.all([redis.hlen(keys.ledger(shard)), redis.get(keys.actCount(shard))]),
    );
    return {
      lines: sum(counts.map(([lines]) => lines)),
      asides: sum(counts.map(([, asides]) => Number(asides ?? 0))),
    };
  };

  changeLine: Books['changeLine'] = async (chat, key, change) => {
    const { redis, keys } = this.#ground;
    const shard = this.#ground.shardOf(chat);
    for (let outcome: unknown = 'changed'; outcome === 'changed'; ) {
      const before = await redis.hget(keys.ledger(shard), key);
      if (before === null) return;
      const after = JSON.stringify(change(lineOf(before)));
      const args = [bookSuffix(chat), 1, key, before, after, ...nothingElse];
      outcome = await run(redis, 'rewrite', [keys.shard(shard)], args);
    }
  };
}

export const lineOf = (text: string): Line => JSON.parse(text) as Line;
