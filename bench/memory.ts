import { accessMachine } from '../machines/access.machine.ts';
import { prepareMachine } from '../src/runtime/core/machine.ts';
import { step } from '../src/runtime/core/step.ts';
import { openRedisStore } from '../src/runtime/redis/store.ts';
import { machineLine, ownAll, row, withRedis } from './support.ts';

const count = 500_000;

/** What Redis itself takes for an item of this size (measured: sorted-set member of 24 bytes, small hash). */
const baseline = { timer: 128, session: 170 };

/** 500,000 chats that await payment, written through the real commit, and one reminder of each left to come. */
export async function benchMemory(): Promise<void> {
  await withRedis(async (redis) => {
    console.log(await machineLine(redis));
    const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    const store = openRedisStore(redis, { prefix: 'turnstile', shards: 16 });
    await ownAll(store);
    const machine = prepareMachine(accessMachine, {}, { language: 'en' });
    const empty = await used();
    const commitOf = (chat: number) => {
      const given = { machine, chat, input: { language: 'en' }, now: 1_700_000_000_000 + chat, rules: {} };
      const commit = step({ ...given, session: null, cause: 'bench', event: { type: 'access.requested' } });
      if (commit === null) throw new Error('Expected the access machine to take access.requested');
      return { ...commit, effects: [] };
    };
    const sizes = { sessions: 0, timers: 0, chats: 0 };
    // One kind after the other, so that each can be weighed alone.
    const weigh = async (write: (chat: number) => Promise<unknown>) => {
      const before = await used();
      for (let chat = 0; chat < count; chat += 1_000) {
        await Promise.all(Array.from({ length: 1_000 }, (_, at) => write(1_000_000_000 + chat + at)));
      }
      return (await used()) - before;
    };
    const commit = async (chat: number, keepTimers: boolean, seen: boolean) => {
      const shard = store.shardOf(chat);
      const id = await redis.xadd(store.keys.inbox(shard), '*', 'u', '{}');
      const step = commitOf(chat);
      const timers = keepTimers ? step.timers.filter(({ name }) => name.startsWith('offer_expiry@')) : [];
      const target = {
        machine: machine.id,
        machineVersion: machine.version,
        chat,
        version: 0,
      };
      const cause = { shard, source: 'inbox' as const, id: String(id), due: 0 };
      const code = await store.commit(cause, target, { ...step, timers }, { now: 1_700_000_000_000, seen });
      if (code !== 'ok') throw new Error(`Expected ok, found ${code}`);
    };
    sizes.sessions = await weigh((chat) => commit(chat, false, false));
    sizes.timers = await weigh((chat) =>
      redis.zadd(
        store.keys.timers(store.shardOf(chat)),
        1_700_000_000_000 + chat,
        `access:${chat}|payment_reminder`,
      ),
    );
    sizes.chats = await weigh((chat) =>
      redis.zadd(store.keys.chats(store.shardOf(chat)), 1_700_000_000_000 + chat, chat),
    );
    const each = (bytes: number) => bytes / count;
    const over = {
      timer: each(sizes.timers) - baseline.timer,
      session: each(sizes.sessions) - baseline.session,
    };
    row('a timer, bytes', each(sizes.timers).toFixed(0), `<= ${baseline.timer} + 100`, over.timer <= 100);
    row(
      'a session, bytes',
      each(sizes.sessions).toFixed(0),
      `<= ${baseline.session} + 100`,
      over.session <= 100,
    );
    row('a place in the list of chats, bytes', each(sizes.chats).toFixed(0));
    const megabytes = (sizes.timers + sizes.sessions) / 1e6;
    row('500,000 timers and sessions, MB', megabytes.toFixed(0), '< 200', megabytes < 200);
    row('with the list of chats, all of Redis, MB', (((await used()) - empty) / 1e6).toFixed(0));
  });
}
