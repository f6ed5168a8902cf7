import type { Redis } from 'ioredis';
import type { Store } from '../store.ts';
import { RedisBooks } from './books.ts';
import { RedisServer } from './durability.ts';
import { Ground, type Where } from './ground.ts';
import { RedisHints } from './hints.ts';
import { RedisInbox } from './inbox.ts';
import type { Keys } from './keys.ts';
import { RedisLetters } from './letters.ts';
import { RedisNews, RedisNotes } from './notes.ts';
import { RedisOutbox } from './outbox.ts';
import { RedisReports } from './reports.ts';
import { RedisSessions } from './sessions.ts';
import { RedisShards } from './shards.ts';
import { RedisTimers } from './timers.ts';
import { RedisTries } from './tries.ts';

/** The store in Redis, with the names of its keys for those who look at Redis itself. */
export interface RedisStore extends Store {
  readonly keys: Keys;
}

/**
 * The store of one copy of the bot, over a connection.
 * @param where the prefix of all keys, and the number of shards that was fixed at the first start
 */
export function openRedisStore(redis: Redis, where: Where): RedisStore {
  const ground = new Ground(redis, where);
  // Their verbs are fields, so that they can be put together.
  return {
    shards: ground.shards,
    keys: ground.keys,
    shardOf: (chat) => ground.shardOf(chat),
    ...new RedisInbox(ground),
    ...new RedisSessions(ground),
    ...new RedisTimers(ground),
    ...new RedisOutbox(ground),
    ...new RedisShards(ground),
    ...new RedisHints(ground),
    ...new RedisTries(ground),
    ...new RedisLetters(ground),
    ...new RedisBooks(ground),
    ...new RedisReports(ground),
    ...new RedisServer(ground),
    news: new RedisNews(ground),
    notes: new RedisNotes(ground),
  };
}
