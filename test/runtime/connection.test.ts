import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { setup } from 'xstate';
import { machines } from '../../src/club/club.ts';
import { SystemClock } from '../../src/runtime/clock.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { Timers } from '../../src/runtime/loops/timers.ts';
import { connect, readInfo } from '../../src/runtime/redis/connect.ts';
import { Keys } from '../../src/runtime/redis/keys.ts';
import { startEmbeddedRedis } from '../../src/runtime/redis/server.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { Store } from '../../src/runtime/store.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { startBot } from '../support/bot.ts';
import { dataDir, run, variablesFor } from '../support/process.ts';
import { freePort, type RedisProxy, startProxy } from '../support/proxy.ts';
import { openTestRedis } from '../support/redis.ts';

/** A Redis of the test's own. */
async function server() {
  const started = await startEmbeddedRedis(dataDir());
  onTestFinished(() => started.stop());
  const redis = connect(started.socket, { connectionName: 'control' });
  onTestFinished(() => redis.disconnect());
  return { socket: started.socket, redis };
}

async function proxyTo(socket: string): Promise<RedisProxy> {
  const proxy = await startProxy(socket);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Two servers, the second a replica of the first, behind one address. */
async function failover() {
  const [master, replica] = [await server(), await server()];
  const [port, replicaPort] = [await freePort(), await freePort()];
  await master.redis.config('SET', 'port', port);
  await replica.redis.config('SET', 'port', replicaPort);
  await master.redis.config('SET', 'repl-diskless-sync-delay', '0');
  await replica.redis.replicaof('127.0.0.1', port);
  await expect
    .poll(() => readInfo(replica.redis, 'replication'), { timeout: 10_000 })
    .toContain('link_status:up');
  const proxy = await proxyTo(master.socket);
  return {
    proxy,
    master,
    replica,
    port,
    /** The master takes no writes any more; new connections still lead to it. */
    demote: async () => {
      // Both agree on what was written before they change places.
      await expect.poll(async () => (await master.redis.wait(1, 100)) as number).toBe(1);
      await replica.redis.replicaof('NO', 'ONE');
      await master.redis.replicaof('127.0.0.1', replicaPort);
    },
    /** New connections lead to the new master. */
    promote: () => proxy.lead(replica.socket),
  };
}

async function bot(address: string) {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const program = run(['start'], variablesFor(sandbox, { REDIS_URL: address, SHARDS: '16' }));
  await program.logged('ready');
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  const said = (text: string) => program.log().filter(({ msg }) => String(msg).startsWith(text)).length;
  const answers = () => anna.messages.filter(({ from }) => from === 'bot').length;
  return { sandbox, program, anna, said, answers };
}

test('after a failover behind one address the bot goes on with the new master; one line says away, one back', async () => {
  const { proxy, demote, promote } = await failover();
  const { program, anna, said, answers } = await bot(proxy.url);
  const opened = proxy.opened;
  const since = performance.now();
  await demote();
  anna.says('/help');
  await expect.poll(() => said('Redis is away'), { timeout: 10_000 }).toBe(1);
  // While no other server is there, it is tried seldom.
  await expect.poll(() => proxy.opened, { timeout: 15_000 }).toBeGreaterThan(opened + 6);
  expect((proxy.opened - opened) / (performance.now() - since)).toBeLessThan(0.01);
  expect(answers()).toBe(1);
  expect(said('Redis is back')).toBe(0);
  promote();
  await expect.poll(answers, { timeout: 10_000 }).toBe(2);
  await expect.poll(() => [said('Redis is away'), said('Redis is back')]).toEqual([1, 1]);
  expect(program.log().find(({ msg }) => String(msg).startsWith('Redis is away'))).toMatchObject({
    reason: expect.stringContaining('READONLY'),
  });
});

test('a connection that is dead but open is found, named and opened anew; nothing is answered twice', async () => {
  const { socket } = await server();
  const proxy = await proxyTo(socket);
  const { sandbox, program, anna, said, answers } = await bot(proxy.url);
  proxy.blackHole();
  anna.says('/help');
  await expect.poll(() => said('the lease could not be renewed for 3 s'), { timeout: 10_000 }).toBe(1);
  await expect.poll(() => said('Redis is away'), { timeout: 10_000 }).toBe(1);
  expect(program.log().find(({ msg }) => String(msg).startsWith('Redis is away'))).toMatchObject({
    redis: proxy.url,
    reason: expect.stringContaining('Socket timeout'),
  });
  expect(answers()).toBe(1);
  proxy.pass();
  await expect.poll(answers, { timeout: 15_000 }).toBe(2);
  await expect.poll(() => [said('the lease is renewed again'), said('Redis is back')]).toEqual([1, 1]);
  await sandbox.waitFor(() => sandbox.pendingUpdates === 0, 'the confirmation', 10_000);
  expect(answers()).toBe(2);
});

test('what a network has kept to itself and delivers late changes nothing twice', async () => {
  const { socket } = await server();
  const proxy = await proxyTo(socket);
  const { sandbox, anna, said, answers } = await bot(proxy.url);
  proxy.stall();
  anna.says('/help');
  await expect.poll(() => said('the lease could not be renewed for 3 s'), { timeout: 10_000 }).toBe(1);
  expect(answers()).toBe(1);
  proxy.pass();
  await expect.poll(answers, { timeout: 15_000 }).toBe(2);
  await sandbox.waitFor(() => sandbox.pendingUpdates === 0, 'the confirmation', 10_000);
  anna.says('/terms');
  await anna.sees('Terms');
  expect(answers()).toBe(3);
});

const alarm = setup({
  types: { context: {} as { language: string }, events: {} as { type: string } },
  delays: { ring: 60_000, ring_again: 180_000 },
  actions: { send: (_, _params: { message: string }) => {} },
}).createMachine({
  id: 'alarm',
  context: { language: 'en' },
  meta: { userEvents: ['arm.requested'] },
  initial: 'resting',
  states: {
    resting: { on: { 'arm.requested': 'armed' } },
    armed: {
      after: {
        ring: { actions: { type: 'send', params: { message: 'terms' } } },
        ring_again: { target: 'resting', actions: { type: 'send', params: { message: 'help' } } },
      },
    },
  },
});

test('a timer that was in hand when Redis came back fires before a later one of its chat, which would take it away', async () => {
  const { socket } = await server();
  const proxy = await proxyTo(socket);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let claimed = 0;
  let isHolding = false;
  const bot = await startBot({
    machines: [alarm, ...machines],
    variables: { REDIS_URL: proxy.url },
    at: (point) => {
      if (point === 'timer claimed') claimed++;
      if (point !== 'cause read' || claimed !== 1 || isHolding) return undefined;
      isHolding = true;
      return held;
    },
  });
  const redis = connect(socket);
  onTestFinished(() => redis.disconnect());
  const anna = bot.sandbox.user();
  anna.says('/arm');
  const waiting = () => redis.zcard(new Keys(bot.prefix).timers(shardOf(anna.id, 4)));
  await expect.poll(waiting).toBe(2);
  bot.clock.shift(60_000);
  await expect.poll(() => isHolding).toBe(true);
  const back = () => bot.log.filter(({ msg }) => msg === 'Redis is back').length;
  proxy.cut();
  await expect.poll(back).toBe(1);
  bot.clock.shift(120_000);
  await expect.poll(() => claimed, { timeout: 10_000 }).toBeGreaterThan(1);
  release();
  await anna.sees('What I can do');
  expect(anna.messages.filter(({ from }) => from === 'bot').map(({ text }) => text.slice(0, 5))).toEqual([
    expect.stringContaining('Terms'),
    expect.stringContaining('What'),
  ]);
});

/** The store over Redis, whose reading of timers can be held up. */
function heldStore(redis: Redis, where: { prefix: string; shards: number }) {
  const store = openRedisStore(redis, where);
  const held = {
    ...store,
    held: Promise.resolve(),
    reads: 0,
    dueTimers: async (...given: Parameters<Store['dueTimers']>) => {
      const found = await store.dueTimers(...given);
      held.reads++;
      await held.held;
      return found;
    },
  };
  return held;
}

test('timers that were read before Redis fell back do not pass by one that has come back; none is in hand three times', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = heldStore(redis, { prefix, shards: 1 });
  const ends: (() => void)[] = [];
  const taken: string[] = [];
  const timers = new Timers({
    store,
    handle: ({ timer }) => new Promise((end) => ends.push(end) && taken.push(timer)),
    room: () => 100,
    waits: () => false,
    news: () => Number.POSITIVE_INFINITY,
    clock: new SystemClock(),
    log: pino({ level: 'silent' }),
  });
  let release = () => {};
  store.held = new Promise((resolve) => {
    release = resolve;
  });
  const key = store.keys.timers(0);
  await redis.zadd(key, 2, 'access:7|later');
  timers.start();
  timers.gain(0);
  await expect.poll(() => store.reads).toBe(1);
  await redis.zadd(key, 1, 'access:7|earlier');
  timers.reread();
  release();
  await expect.poll(() => taken).toEqual(['earlier', 'later']);

  timers.reread();
  await expect.poll(() => taken).toEqual(['earlier', 'later', 'earlier', 'later']);
  for (const end of ends.splice(0, 2)) end();
  const reads = store.reads;
  timers.hint(0, 1);
  await expect.poll(() => store.reads).toBeGreaterThan(reads);
  for (const end of ends.splice(0)) end();
  await redis.del(key);
  await timers.stop();
  expect(taken).toHaveLength(4);
});

test('what is asked while a connection is being opened is answered, though that attempt fails', async () => {
  const { socket } = await server();
  const proxy = await proxyTo(socket);
  const redis = connect(proxy.url, { socketTimeout: 300 });
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  proxy.blackHole();
  proxy.cut();
  await expect.poll(() => redis.status).toBe('connect');
  const asked = readInfo(redis, 'server');
  await expect.poll(() => redis.status).toBe('reconnecting');
  proxy.pass();
  expect(await asked).toContain('run_id');
});

test('a connection that only listens is found dead as well, and says that hints were missed', async () => {
  const { socket, redis } = await server();
  const proxy = await proxyTo(socket);
  const behind = connect(proxy.url);
  onTestFinished(() => behind.disconnect());
  const hints: number[] = [];
  let missed = 0;
  const stop = openRedisStore(behind, { prefix: 'test', shards: 4 }).listen(
    (shard) => hints.push(shard),
    () => {},
    () => {},
    () => missed++,
  );
  onTestFinished(stop);
  await expect.poll(() => missed).toBe(1);
  const there = openRedisStore(redis, { prefix: 'test', shards: 4 });
  proxy.blackHole();
  await there.announce([1]);
  await expect.poll(() => proxy.open, { timeout: 15_000 }).toBe(0);
  proxy.pass();
  await expect.poll(() => missed, { timeout: 10_000 }).toBe(2);
  await there.announce([2]);
  await expect.poll(() => hints).toEqual([2]);
});

test('a listening connection on which nothing happens stays open', async () => {
  const { socket } = await server();
  const proxy = await proxyTo(socket);
  const redis = connect(proxy.url, { socketTimeout: 200 });
  onTestFinished(() => redis.disconnect());
  let missed = 0;
  const stop = openRedisStore(redis, { prefix: 'test', shards: 1 }).listen(
    () => {},
    () => {},
    () => {},
    () => missed++,
  );
  onTestFinished(stop);
  await expect.poll(() => missed).toBe(1);
  const looks = performance.now() + 1_000;
  await expect.poll(() => performance.now() > looks, { timeout: 5_000 }).toBe(true);
  expect([proxy.opened, missed]).toEqual([1, 1]);
});

test.each([['start'], ['status']])(
  'a replica is refused by %s, with its master named; exit code 78',
  async (command) => {
    const { replica, port } = await failover();
    const sandbox = await startSandbox();
    onTestFinished(() => sandbox.close());
    const program = run([command], variablesFor(sandbox, { REDIS_URL: `unix://${replica.socket}` }));
    expect(await program.ended).toBe(78);
    expect(program.output()).toContain(`replica of 127.0.0.1:${port}`);
  },
);

test('a member of a cluster is refused by name; exit code 78', async () => {
  const [folder, port] = [dataDir(), await freePort()];
  const settings = ['--port', `${port}`, '--cluster-enabled', 'yes', '--dir', folder, '--save', ''];
  const member = spawn('redis-server', settings, { stdio: 'ignore' });
  onTestFinished(async () => {
    member.kill('SIGKILL');
    await once(member, 'exit');
  });
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const program = run(['start'], variablesFor(sandbox, { REDIS_URL: `redis://127.0.0.1:${port}` }));
  expect(await program.ended).toBe(78);
  expect(program.output()).toContain('found a member of a cluster');
});

test('a Redis that accepts and does not answer is named, and given up after 30 s; exit code 69', async () => {
  const { socket } = await server();
  const proxy = await proxyTo(socket);
  proxy.blackHole();
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const program = run(['start'], variablesFor(sandbox, { REDIS_URL: proxy.url }));
  await program.logged(
    /^Redis does not answer yet at .*(Socket timeout|accepts connections and is not ready)/,
  );
  program.shift(30_000);
  expect(await program.ended).toBe(69);
});

test('a report without a Redis says at once, in a plain line, what it waits for', async () => {
  const program = run(['status'], { REDIS_URL: 'redis://user:password@127.0.0.1:9' });
  await expect.poll(() => program.output(), { timeout: 10_000 }).toContain('\n');
  expect(program.output()).toMatch(
    /^Redis does not answer yet at redis:\/\/…@127.0.0.1:9: connect ECONNREFUSED .*; trying for 30 s\n$/,
  );
});
