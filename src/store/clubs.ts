import type { Redis } from 'ioredis';
import { Keys } from './keys.ts';

/** Groups that have become supergroups: Telegram gives them another id, and bot.yaml may name the former one. */
export class Clubs {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#key = new Keys(prefix).settings();
  }

  /** The id that a club has today. */
  async today(club: number | null): Promise<number | null> {
    if (club === null) return null;
    const moved = await this.#redis.hget(this.#key, `club:${club}`);
    return moved === null ? club : Number(moved);
  }

  /** A club has moved. */
  async follow(from: number, to: number): Promise<void> {
    await this.#redis.hset(this.#key, `club:${from}`, to);
  }
}
