import { type Lane, lanes } from '../core/effects.ts';
import type { Shards } from '../store.ts';
import type { Look, Role } from '../stored.ts';
import { isPassing, run } from './connect.ts';
import type { Ground } from './ground.ts';

/** Who lives, and who owns which shard. */
export class RedisShards implements Shards {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  join: Shards['join'] = async (copy, length, silence, leaving = false) => {
    const { redis, keys } = this.#ground;
    const args = [copy, length, silence, leaving ? 1 : 0];
    const names = (await run(redis, 'join', [keys.copies()], args)) as string[];
    const plain = (name: string) => name.replace(/~$/, '');
    return { live: names.map(plain), leaving: names.filter((name) => name.endsWith('~')).map(plain) };
  };

  leave = async (copy: string): Promise<void> => {
    const { redis, keys } = this.#ground;
    await redis.zrem(keys.copies(), copy, `${copy}~`);
  };

  acquire = async (
    role: Role,
    copy: string,
    live: readonly string[],
  ): Promise<'no' | 'clean' | 'unclean'> => {
    const { redis, keys } = this.#ground;
    const answer = (await run(redis, 'acquire', [keys.owner(role)], [copy, ...live])) as string[];
    const [token, owner] = answer;
    if (token === undefined) return 'no';
    this.#ground.own(role, token);
    return owner === '' ? 'clean' : 'unclean';
  };

  isOwner = async (role: Role): Promise<boolean> => {
    const { redis, keys } = this.#ground;
    return (await redis.get(keys.owner(role))) === this.#ground.token(role);
  };

  release = async (role: Role): Promise<void> => {
    const { redis, keys } = this.#ground;
    const token = this.#ground.token(role);
    this.forget(role);
    await run(redis, 'release', [keys.owner(role)], [token]);
  };

  forget = (role: Role): void => this.#ground.own(role, null);

  /** In one round trip. */
  look = async (shard: number): Promise<Look> => {
    const { redis, keys } = this.#ground;
    // A key that is out of shape must not hide the others: whoever reads it says what is wrong.
    const orElse = <T>(fallback: T, answer: Promise<T>) =>
      answer.catch((error: unknown) => {
        if (isPassing(error)) throw error;
        return fallback;
      });
    const [inbox, checkout, timers, ...queues] = await Promise.all([
      orElse(1, redis.xlen(keys.inbox(shard))),
      orElse(1, redis.xlen(keys.checkoutInbox(shard))),
      orElse([], redis.zrange(keys.timers(shard), 0, '0', 'WITHSCORES')),
      ...lanes.map((lane: Lane) => orElse(1, redis.zcard(keys.lane(shard, lane)))),
    ]);
    return {
      inbox: inbox + checkout > 0,
      lanes: lanes.filter((_, index) => (queues[index] ?? 0) > 0),
      nextTimer: timers[1] === undefined ? null : Number(timers[1]),
    };
  };
}
