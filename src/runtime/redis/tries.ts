import type { Tries } from '../store.ts';
import type { Cause } from '../stored.ts';
import type { Ground } from './ground.ts';

/** For how long it is remembered that a cause was begun, s. */
const triedSeconds = 86_400;

/** What may have ended the process, and who was told that something broke. */
export class RedisTries implements Tries {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  tryOnce = async (cause: Cause): Promise<number> => {
    const { redis, keys } = this.#ground;
    const key = keys.trying(cause.shard);
    const [tries] = await Promise.all([redis.hincrby(key, cause.id, 1), redis.expire(key, triedSeconds)]);
    return tries;
  };

  outlive = async (cause: Cause): Promise<void> => {
    const { redis, keys } = this.#ground;
    await redis.hdel(keys.trying(cause.shard), cause.id);
  };

  trust = async (shard: number): Promise<void> => {
    const { redis, keys } = this.#ground;
    await redis.del(keys.trying(shard));
  };

  maySaySorry = async (chat: number, now: number, period: number): Promise<boolean> => {
    const { redis, keys } = this.#ground;
    const key = keys.sorry(this.#ground.shardOf(chat), chat);
    const last = Number((await redis.get(key)) ?? Number.NEGATIVE_INFINITY);
    if (now - last < period) return false;
    await redis.set(key, now, 'EX', Math.ceil(period / 1_000) + 86_400);
    return true;
  };
}
