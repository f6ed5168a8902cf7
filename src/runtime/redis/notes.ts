import type { Members, News, NewsNote, Notes, Table } from '../books.ts';
import { run } from './connect.ts';
import type { Ground } from './ground.ts';

/** Facts under names of their own: a string, a hash or a set each. */
export class RedisNotes implements Notes {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  get(name: string): Promise<string | null> {
    return this.#ground.redis.get(this.#ground.keys.note(name));
  }

  async set(name: string, value: string): Promise<void> {
    await this.#ground.redis.set(this.#ground.keys.note(name), value);
  }

  table(name: string): Table {
    const { redis, keys } = this.#ground;
    const key = keys.note(name);
    return {
      get: (field) => redis.hget(key, field),
      all: () => redis.hgetall(key),
      set: async (field, value) => (await redis.hset(key, field, value)) === 1,
      add: async (field, value) => (await redis.hsetnx(key, field, value)) === 1,
      raise: (field) => redis.hincrby(key, field, 1),
      remove: async (...fields) => (fields.length === 0 ? 0 : await redis.hdel(key, ...fields)),
    };
  }

  group(name: string): Members {
    const { redis, keys } = this.#ground;
    const key = keys.note(name);
    return {
      all: () => redis.smembers(key),
      add: async (...members) => {
        if (members.length > 0) await redis.sadd(key, ...members);
      },
      remove: async (...members) => {
        if (members.length > 0) await redis.srem(key, ...members);
      },
    };
  }
}

/** What is known of the news, for all copies: a hash. */
export class RedisNews implements News {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async read(): Promise<NewsNote> {
    const { redis, keys } = this.#ground;
    const [asked, gap, compared] = await redis.hmget(keys.news(), 'asked', 'gap', 'compared');
    const at = Number(asked ?? Number.NEGATIVE_INFINITY);
    return { asked: at, gap: gap ?? '', compared: compared ?? '' };
  }

  async note(asked: number, longest: number): Promise<boolean> {
    const { redis, keys } = this.#ground;
    return (await run(redis, 'news', [keys.news()], [asked, longest])) === 1;
  }

  async noteCompared(gap: string): Promise<void> {
    const { redis, keys } = this.#ground;
    await redis.hset(keys.news(), 'compared', gap);
  }

  async want(): Promise<void> {
    const { redis, keys } = this.#ground;
    await redis.publish(keys.newsWanted(), '');
  }
}
