import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { accessMachine } from '../../machines/access.machine.ts';
import { route } from '../../src/club/arrivals.ts';
import { SystemClock } from '../../src/runtime/clock.ts';
import { prepareMachine } from '../../src/runtime/core/machine.ts';
import { Caution } from '../../src/runtime/loops/caution.ts';
import { Worker, type WorkerOptions } from '../../src/runtime/loops/worker.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { Store } from '../../src/runtime/store.ts';
import type { Cause, Entry } from '../../src/runtime/stored.ts';
import { ownAll } from '../support/own.ts';
import { openTestRedis } from '../support/redis.ts';

/** The store over Redis, whose reading of an inbox can be held up. */
function heldStore(redis: Redis, where: { prefix: string; shards: number }) {
  const store = openRedisStore(redis, where);
  const held = {
    ...store,
    held: Promise.resolve(),
    reads: 0,
    readInbox: async (...given: Parameters<Store['readInbox']>) => {
      const entries = await store.readInbox(...given);
      held.reads += entries.length;
      if (given[1] === 'inbox') await held.held;
      return entries;
    },
  };
  return held;
}

const machine = prepareMachine(accessMachine, {}, { language: 'en' });

function workerOn(store: Store, parts: Partial<WorkerOptions>): Worker {
  const worker = new Worker({
    store,
    machines: [machine],
    arrive: (_, text) =>
      route(JSON.parse(text), {
        userEvents: machine.userEvents,
        buttonData: new Set(),
        checkoutProblem: () => undefined,
      }),
    effectRules: {},
    newSession: () => ({ language: 'en' }),
    apology: { type: 'send', params: { message: 'something_broke' } },
    address: (effect) => [effect],
    committed: () => {},
    moved: () => {},
    gaveUp: () => {},
    fenced: () => {},
    clock: new SystemClock(),
    log: pino({ level: 'silent' }),
    ...parts,
  });
  worker.start();
  onTestFinished(() => worker.stop());
  return worker;
}

function append(store: Store, id: number, text: string): Promise<number> {
  const from = { id: 7, is_bot: false, first_name: 'Anna' };
  const message = {
    message_id: 1,
    date: 0,
    from,
    chat: { id: 7, type: 'private', first_name: 'Anna' },
    text,
  };
  const update = JSON.stringify({ update_id: id, message });
  return store.appendUpdates([{ id, chat: 7, lane: 'reply', text: update }]);
}

test('what was read before Redis fell back does not pass over what has come back', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = heldStore(redis, { prefix, shards: 1 });
  await ownAll(store, 'test');
  const applied: unknown[] = [];
  const worker = workerOn(store, {
    committed: (_, { effects }) => applied.push(...effects.map(({ params }) => params?.['message'])),
  });
  await append(store, 1, '/start');
  const [first] = await redis.xrange(store.keys.inbox(0), '-', '+');
  worker.gain(0);
  await expect.poll(() => applied).toEqual(['welcome']);

  let release: () => void = () => {};
  store.held = new Promise((resolve) => {
    release = resolve;
  });
  await append(store, 2, '/help');
  const [second] = await redis.xrange(store.keys.inbox(0), '-', '+');
  const reads = store.reads;
  worker.hint(0);
  await expect.poll(() => store.reads).toBe(reads + 1);
  // The server has lost the first commit: its cause is back, before the second one.
  await redis.del(store.keys.inbox(0), store.keys.session(0, 'access', 7));
  for (const [id, fields] of [first, second].filter((entry) => entry !== undefined))
    await redis.xadd(store.keys.inbox(0), id, ...fields);
  worker.reread();
  release();
  await expect.poll(() => applied).toEqual(['welcome', 'welcome', 'help']);
});

/** A store in which somebody else is always first. */
function contestedStore(redis: Redis, where: { prefix: string; shards: number }) {
  const store = openRedisStore(redis, where);
  const contested = {
    ...store,
    tries: 0,
    commit: async (...given: Parameters<Store['commit']>) => {
      if (given[1] === null) return store.commit(...given);
      contested.tries++;
      return 'conflict' as const;
    },
    forgetChat: async () => {
      contested.tries++;
      return 'conflict' as const;
    },
  };
  return contested;
}

test.each(['a step', 'a wish to be forgotten'])(
  '%s that can never be written is given up after 50 tries',
  async (what) => {
    const { redis, prefix } = await openTestRedis();
    const store = contestedStore(redis, { prefix, shards: 1 });
    await ownAll(store, 'test');
    const reasons: string[] = [];
    const worker = workerOn(store, { gaveUp: (reason) => reasons.push(reason) });
    if (what === 'a step') await append(store, 1, '/start');
    else await redis.xadd(store.keys.inbox(0), '*', 'f7', '{"chat":7}');
    worker.gain(0);
    await expect.poll(() => reasons).toEqual([expect.stringContaining('changed 50 times')]);
    expect(store.tries).toBe(50);
    expect(await redis.xlen(store.keys.dead(0))).toBe(1);
  },
);
test('what Redis could not take and the same process tries again has not ended the process', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 1 });
  const cause: Cause = { shard: 0, source: 'inbox', id: '1-0', due: 0 };
  let attempts = 0;
  const start = () => {
    const caution = new Caution(store, new SystemClock());
    caution.suspect(0);
    return caution;
  };
  const attempt = (caution: Caution, failure: string) =>
    caution.perform(cause, async () => {
      attempts++;
      throw new Error(failure);
    });
  const first = start();
  for (let time = 1; time <= 5; time++)
    await expect(attempt(first, 'Connection is closed')).rejects.toThrow('Connection is closed');
  for (let death = 0; death < 2; death++) await store.tryOnce(cause);
  const third = start();
  await expect(attempt(third, '')).rejects.toThrow('ended 2 times in a row');
  expect(attempts).toBe(5);
  // Then it can be given up.
  await third.perform(cause, async () => {});
});

test('what has ended the process too often is kept as a dead letter, though nothing else is to be handled', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 1 });
  await ownAll(store, 'test');
  await append(store, 1, '/start');
  const [deadly] = (await store.readInbox(0, 'inbox', '', 1)) as [Entry];
  for (let death = 0; death < 2; death++) await store.tryOnce(deadly);
  const applied: unknown[] = [];
  const worker = workerOn(store, {
    committed: (_, { effects }) => applied.push(...effects.map(({ params }) => params?.['message'])),
  });
  worker.gain(0, true);
  await expect.poll(() => store.countLetters()).toBe(1);
  await append(store, 2, '/help');
  worker.hint(0);
  await expect.poll(() => applied).toEqual(['something_broke', 'help']);
  expect(await store.readInbox(0, 'inbox', '', 9)).toEqual([]);
});
