import type { Redis } from 'ioredis';
import { Keys } from '#runtime';

/** A trouble that is not over, as it is kept. */
export interface Trouble {
  /** What is wrong, and of which: `invoice`, `operator:900`. It has no space. */
  readonly kind: string;
  /** What was said when it began. */
  readonly reason: string;
  /** How often it has been met. */
  readonly count: number;
  /** When it was last told, ms, and of how many; 0 and 0: not yet. */
  readonly told: number;
  readonly toldCount: number;
}

type Noted = Pick<Trouble, 'reason' | 'told' | 'toldCount'>;

const countOf = (kind: string): string => `${kind} count`;

/** Keeps what goes wrong for everybody until it is over, for all copies. */
export class TroubleBook {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, { prefix }: { prefix: string }) {
    this.#redis = redis;
    this.#key = new Keys(prefix).troubles();
  }

  /** Notes that a trouble was met. @returns whether it begins with this */
  async note(kind: string, reason: string): Promise<boolean> {
    const noted: Noted = { reason, told: 0, toldCount: 0 };
    await this.#redis.hincrby(this.#key, countOf(kind), 1);
    return (await this.#redis.hsetnx(this.#key, kind, JSON.stringify(noted))) === 1;
  }

  /** @returns the trouble that this call has ended; null: there was none any more */
  async end(kind: string): Promise<Trouble | null> {
    const trouble = (await this.list()).find((one) => one.kind === kind);
    if (trouble === undefined || (await this.#redis.hdel(this.#key, kind)) === 0) return null;
    await this.#redis.hdel(this.#key, countOf(kind));
    return trouble;
  }

  async list(): Promise<Trouble[]> {
    const fields = await this.#redis.hgetall(this.#key);
    return Object.entries(fields)
      .filter(([field]) => !field.includes(' '))
      .map(([kind, text]) => ({
        kind,
        ...(JSON.parse(text) as Noted),
        count: Number(fields[countOf(kind)] ?? 1),
      }));
  }

  /** It was told, with this count. */
  async told({ kind, reason, count: toldCount }: Pick<Trouble, 'kind' | 'reason' | 'count'>, told: number) {
    const noted: Noted = { reason, told, toldCount };
    // One that is over by now stays over.
    if (await this.#redis.hexists(this.#key, kind))
      await this.#redis.hset(this.#key, kind, JSON.stringify(noted));
  }
}
