import type { Redis } from 'ioredis';
import { Keys } from '#runtime';

/** The club that the operators were told of last. */
const keptField = 'club';

/**
 * What is known of the club itself. A group that has become a supergroup has another id at Telegram, and bot.yaml may name
 * the former one.
 */
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

  /** A club has moved. @returns whether that is news */
  async follow(from: number, to: number): Promise<boolean> {
    const isNews = (await this.#redis.hset(this.#key, `club:${from}`, to)) === 1;
    if ((await this.#redis.hget(this.#key, keptField)) === `${from}`) await this.keep(to);
    return isNews;
  }

  /** The club that the bot has kept so far; null: none. */
  async kept(): Promise<number | null> {
    const club = await this.#redis.hget(this.#key, keptField);
    return club === null ? null : Number(club);
  }

  /** The bot keeps this club from now on; null: none. */
  async keep(club: number | null): Promise<void> {
    if (club === null) await this.#redis.hdel(this.#key, keptField);
    else await this.#redis.hset(this.#key, keptField, club);
  }
}
