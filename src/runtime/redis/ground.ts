import type { Redis } from 'ioredis';
import { shardOf } from '../core/shard.ts';
import type { Role } from '../stored.ts';
import { Keys } from './keys.ts';

export interface Where {
  readonly prefix: string;
  readonly shards: number;
}

/** What all roles of the store stand on: the connection, the keys, and what this copy owns. */
export class Ground {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly shards: number;
  readonly #tokens = new Map<Role, string>();

  constructor(redis: Redis, { prefix, shards }: Where) {
    this.redis = redis;
    this.keys = new Keys(prefix);
    this.shards = shards;
  }

  shardOf(chat: number): number {
    return shardOf(chat, this.shards);
  }

  /** What an owner's writes carry; without it every write answers 'fenced'. */
  token(role: Role): string {
    return this.#tokens.get(role) ?? 'none';
  }

  /** @param token null: it is owned no more */
  own(role: Role, token: string | null): void {
    if (token === null) this.#tokens.delete(role);
    else this.#tokens.set(role, token);
  }

  everyShard<T>(work: (shard: number) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: this.shards }, (_, shard) => work(shard)));
  }

  async announce(shards: readonly number[]): Promise<void> {
    if (shards.length > 0) await this.redis.publish(this.keys.hints(), shards.join());
  }

  async announceEffects(shards: readonly number[]): Promise<void> {
    if (shards.length > 0) await this.redis.publish(this.keys.outboxHints(), shards.join());
  }
}

export const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** A flat list of answers, so many for each. */
export const groups = (size: number, flat: readonly string[]): string[][] =>
  Array.from({ length: flat.length / size }, (_, index) => flat.slice(index * size, (index + 1) * size));
