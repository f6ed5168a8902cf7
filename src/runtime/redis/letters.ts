import type { Redis } from 'ioredis';
import type { Effect, JsonObject } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';
import { run } from './connect.ts';
import { type DeadLetter, entryField, placeOf, Store, type StoredLetter, storedLetter } from './store.ts';

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
    return all.flat().sort(byAge).reverse().slice(0, limit);
  }

  /** All that there are now, oldest first, read in pages. What is given up meanwhile does not come. */
  async *all(): AsyncGenerator<StoredLetter> {
    const heads = await Promise.all(
      Array.from({ length: this.#store.shards }, async (_, shard) => {
        const walk = this.#store.deadLetters(shard);
        return { walk, next: await walk.next() };
      }),
    );
    for (;;) {
      let oldest: { head: (typeof heads)[number]; stored: StoredLetter } | undefined;
      for (const head of heads) {
        if (head.next.done === true) continue;
        const stored = head.next.value;
        if (oldest === undefined || byAge(stored, oldest.stored) < 0) oldest = { head, stored };
      }
      if (oldest === undefined) return;
      yield oldest.stored;
      oldest.head.next = await oldest.head.walk.next();
    }
  }

  /** null when there is none of this id. */
  async find(id: string): Promise<StoredLetter | null> {
    if (!/^\d+-\d+-\d+$/.test(id)) return null;
    const { shard, entry } = placeOf(id);
    if (shard >= this.#store.shards) return null;
    const [row] = await this.#redis.xrange(this.#store.keys.dead(shard), entry, entry);
    return row === undefined ? null : storedLetter(shard, row);
  }

  /**
   * Puts what a letter holds back to where it came from: it is tried again as if it were new. A timer keeps its time, and
   * gives way to one of its name that was set since.
   * @returns false when the letter is gone
   */
  async retry({ id, letter }: StoredLetter): Promise<boolean> {
    // What stood in an outbox and was no effect cannot be tried.
    if (letter.kind === 'effect' && typeof letter.body !== 'object') return false;
    const { shard, entry } = placeOf(id);
    const code = await run(
      this.#redis,
      'revive',
      [this.#store.keys.shard(shard)],
      [entry, ...backTo(letter)],
    );
    await Promise.all([this.#store.announce([shard]), this.#store.announceEffects([shard])]);
    return code === 'ok';
  }

  /** @returns false when the letter is gone */
  async drop(stored: StoredLetter): Promise<boolean> {
    return (await this.#store.removeLetters([stored])) === 1;
  }
}

/** The order in which things were given up. */
export function byAge(a: StoredLetter, b: StoredLetter): number {
  if (a.letter.at !== b.letter.at) return a.letter.at - b.letter.at;
  const [left = [], right = []] = [a, b].map(({ id }) => {
    const [shard = 0, ms = 0, count = 0] = id.split('-').map(Number);
    return [ms, count, shard];
  });
  return left.map((part, index) => part - (right[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

function backTo(letter: DeadLetter): (string | number)[] {
  const { kind, body, at, due = at } = letter;
  if (kind === 'timer') return ['timer', String(body), due];
  if (kind === 'effect') {
    const { attempt: _, faults: __, since: ___, ...effect } = body as Effect;
    return ['effect', effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect), at];
  }
  if (kind === 'unknown') {
    const { field, text } = body as { field: string; text: string };
    return ['inbox', field, text];
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const content = contentOf(text);
  if (kind !== 'update') return ['inbox', entryField(kind, letter.chat ?? chatOf(content)), text];
  // An update that could not be understood names no chat: it is read again from the beginning.
  const isArrival = 'event' in content;
  return ['inbox', isArrival ? entryField('arrival', chatOf(content)) : entryField('update', null), text];
}

const chatOf = ({ chat }: JsonObject): number | null => (typeof chat === 'number' ? chat : null);

/** What an entry's text says; a bare number is a chat. */
function contentOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'number') return { chat: value };
    return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
  } catch {
    // What is no JSON was given up for just that.
    return {};
  }
}
