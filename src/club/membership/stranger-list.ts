import type { Redis } from 'ioredis';
import { Keys } from '#runtime';

/** Somebody who came into the club without access. */
export interface Stranger {
  readonly chat: number;
  /** As it is shown; '' when it is not known. */
  readonly name: string;
  /** They are taken out; otherwise they are left inside. */
  readonly isRemoved: boolean;
}

/** Keeps strangers until the operators are told of them, and the ids of those who are left inside, for all copies. */
export class StrangerList {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #inside: string;

  constructor(redis: Redis, { prefix }: { prefix: string }) {
    this.#redis = redis;
    const keys = new Keys(prefix);
    this.#key = keys.strangers();
    this.#inside = keys.strangersInside();
  }

  /** Twice is once. */
  async add({ chat, ...stranger }: Stranger): Promise<void> {
    await this.#redis.hset(this.#key, chat, JSON.stringify(stranger));
  }

  async list(): Promise<Stranger[]> {
    const fields = await this.#redis.hgetall(this.#key);
    return Object.entries(fields).map(([chat, text]) => ({
      ...(JSON.parse(text) as Omit<Stranger, 'chat'>),
      chat: Number(chat),
    }));
  }

  /** The operators were told of them. */
  async drop(strangers: readonly Pick<Stranger, 'chat' | 'isRemoved'>[]): Promise<void> {
    if (strangers.length === 0) return;
    const inside = strangers.filter(({ isRemoved }) => !isRemoved).map(({ chat }) => chat);
    if (inside.length > 0) await this.#redis.sadd(this.#inside, ...inside);
    await this.#redis.hdel(this.#key, ...strangers.map(({ chat }) => `${chat}`));
  }

  /** Those who were left inside. */
  async inside(): Promise<number[]> {
    return (await this.#redis.smembers(this.#inside)).map(Number);
  }

  /** These are outside, or have access by now. */
  async forget(chats: readonly number[]): Promise<void> {
    if (chats.length > 0) await this.#redis.srem(this.#inside, ...chats);
  }
}
