import type { Redis } from 'ioredis';
import { Keys } from './keys.ts';

/** Somebody who came into the club without access. */
export interface Stranger {
  readonly chat: number;
  /** As it is shown; '' when it is not known. */
  readonly name: string;
  /** They are taken out; otherwise they are left inside. */
  readonly isRemoved: boolean;
}

/** Keeps strangers until the operators are told of them, for all copies. */
export class StrangerList {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, { prefix }: { prefix: string }) {
    this.#redis = redis;
    this.#key = new Keys(prefix).strangers();
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

  async drop(chats: readonly number[]): Promise<void> {
    if (chats.length > 0) await this.#redis.hdel(this.#key, ...chats.map(String));
  }
}
