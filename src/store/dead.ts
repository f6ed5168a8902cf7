import type { Redis } from 'ioredis';
import type { Effect } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';
import { run } from './redis.ts';
import { type DeadLetter, entryKindOf, Store } from './store.ts';

/** A dead letter as it stands in the store. */
export interface StoredLetter {
  /** `<shard>-<entry>`, as the commands take it. */
  readonly id: string;
  readonly letter: DeadLetter;
}

/** What was given up: read, put back, thrown away. Works beside a running bot. */
export class DeadLetters {
  readonly #redis: Redis;
  readonly #store: Store;

  constructor(redis: Redis, options: { prefix: string; shards: number }) {
    this.#redis = redis;
    this.#store = new Store(redis, options);
  }

  /** The newest first. @param limit how many at the most */
  async list(limit: number): Promise<StoredLetter[]> {
    const all = await Promise.all(
      Array.from({ length: this.#store.shards }, async (_, shard) => {
        const rows = await this.#redis.xrevrange(this.#store.keys.dead(shard), '+', '-', 'COUNT', limit);
        return rows.map((row) => storedLetter(shard, row));
      }),
    );
    return all
      .flat()
      .sort((a, b) => b.letter.at - a.letter.at)
      .slice(0, limit);
  }

  /** null when there is none of this id. */
  async find(id: string): Promise<StoredLetter | null> {
    const place = this.#place(id);
    if (place === null) return null;
    const [row] = await this.#redis.xrange(this.#store.keys.dead(place.shard), place.entry, place.entry);
    return row === undefined ? null : storedLetter(place.shard, row);
  }

  /** Puts what a letter holds back to where it came from: it is tried again as if it were new. */
  async retry({ id, letter }: StoredLetter, now: number): Promise<boolean> {
    // What stood in an outbox and was no effect cannot be tried.
    if (letter.kind === 'effect' && typeof letter.body !== 'object') return false;
    return this.#revive(id, backTo(letter, now));
  }

  async drop({ id }: StoredLetter): Promise<boolean> {
    return this.#revive(id, ['drop']);
  }

  async #revive(id: string, args: readonly (string | number)[]): Promise<boolean> {
    const place = this.#place(id);
    if (place === null) return false;
    const code = await run(
      this.#redis,
      'revive',
      [this.#store.keys.shard(place.shard)],
      [place.entry, ...args],
    );
    await Promise.all([this.#store.announce([place.shard]), this.#store.announceEffects([place.shard])]);
    return code === 'ok';
  }

  #place(id: string): { shard: number; entry: string } | null {
    const found = /^(\d+)-(\d+-\d+)$/.exec(id);
    if (found === null || Number(found[1]) >= this.#store.shards) return null;
    return { shard: Number(found[1]), entry: found[2] as string };
  }
}

const storedLetter = (
  shard: number,
  [entry, [, text]]: readonly [string, readonly string[]],
): StoredLetter => ({
  id: `${shard}-${entry}`,
  letter: JSON.parse(text ?? '') as DeadLetter,
});

function backTo({ kind, body }: DeadLetter, now: number): (string | number)[] {
  if (kind === 'timer') return ['timer', String(body), now];
  if (kind !== 'effect')
    return ['inbox', entryKindOf(kind), typeof body === 'string' ? body : JSON.stringify(body)];
  const { attempt: _, faults: __, since: ___, ...effect } = body as Effect;
  return ['effect', effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect), now];
}
