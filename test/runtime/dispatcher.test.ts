import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { SystemClock } from '../../src/runtime/clock.ts';
import type { Effect } from '../../src/runtime/core/effects.ts';
import { Dispatcher } from '../../src/runtime/loops/dispatcher.ts';
import { openRedisStore, type RedisStore } from '../../src/runtime/redis/store.ts';
import type { Taken } from '../../src/runtime/stored.ts';
import { openTestRedis } from '../support/redis.ts';

test('what waited for its turn while the shard went to another copy and came back is not sent once more', async () => {
  const { redis, prefix } = await openTestRedis();
  const [mine, other] = [1, 2].map(() => openRedisStore(redis, { prefix, shards: 1 })) as [
    RedisStore,
    RedisStore,
  ];
  const clock = new SystemClock();
  const sent: string[] = [];
  const dispatcher = new Dispatcher({
    store: mine,
    clock,
    log: pino({ level: 'silent' }),
    perform: async ({ id }) => void sent.push(id),
    judge: () => ({ kind: 'refused', reason: 'test' }),
    resulted: () => {},
    fenced: () => {},
    holds: () => true,
    // The second message of all waits for a second.
    outside: { name: 'the outside', credential: 'a key' },
    rates: { total: 1, bulk: 1 },
    window: { answers: 8, bulk: 8 },
  });
  onTestFinished(() => dispatcher.stop());
  const post = (id: string, chat: number) => {
    const effect: Effect = {
      id,
      type: 'send',
      machine: 'm',
      chat,
      lane: 'reply',
      queue: `${chat}`,
      context: {},
    };
    return mine.post(effect, clock.now());
  };
  await mine.acquire(0, 'mine', []);
  dispatcher.start();
  dispatcher.gain(0);
  await post('first', 1);
  dispatcher.hint(0, 'reply');
  await expect.poll(() => sent).toEqual(['first']);
  await post('second', 2);
  dispatcher.hint(0, 'reply');
  await expect
    .poll(async () => (await mine.takeEffects(0, 'reply', clock.now(), 9, [])).taken.length)
    .toBe(1);
  await dispatcher.drain(0);
  await other.acquire(0, 'other', []);
  const { taken } = await other.takeEffects(0, 'reply', clock.now(), 9, []);
  expect(taken).toMatchObject([{ effect: { id: 'second' } }]);
  await other.settle(taken[0] as Taken, clock.now());
  await mine.acquire(0, 'mine', []);
  dispatcher.gain(0);
  await post('third', 2);
  dispatcher.hint(0, 'reply');
  await expect
    .poll(
      () => {
        dispatcher.hint(0, 'reply');
        return sent.at(-1);
      },
      { timeout: 10_000 },
    )
    .toBe('third');
  expect(sent).toEqual(['first', 'third']);
});
