import fc from 'fast-check';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { SystemClock } from '../../src/runtime/clock.ts';
import { Leases } from '../../src/runtime/loops/leases.ts';
import { sharesOf } from '../../src/runtime/loops/shares.ts';
import { openRedisStore, type RedisStore } from '../../src/runtime/redis/store.ts';
import type { Store } from '../../src/runtime/store.ts';
import type { Role } from '../../src/runtime/stored.ts';
import { openTestRedis } from '../support/redis.ts';

/** Names as copies have them, oldest first. */
const names = (least: number, most: number) =>
  fc
    .uniqueArray(fc.stringMatching(/^[a-z0-9]{8}-[a-f0-9]{12}-[1-9]\d{0,4}$/), {
      minLength: least,
      maxLength: most,
    })
    .map((copies) => copies.sort());
const shardCounts = fc.constantFrom(1, 4, 16, 64, 256);
const moved = (before: readonly string[], after: readonly string[]) =>
  before.filter((copy, shard) => copy !== after[shard]).length;
const loadsOf = (copies: readonly string[], owners: readonly string[]) =>
  copies.map((copy) => owners.filter((owner) => owner === copy).length);

test('every shard has one owner, loads differ by one at most, and the order of the list is no matter', () => {
  fc.assert(
    fc.property(names(1, 12), shardCounts, (copies, shards) => {
      const owners = sharesOf(copies, shards);
      expect(owners).toHaveLength(shards);
      const loads = loadsOf(copies, owners);
      expect(loads.reduce((sum, load) => sum + load, 0)).toBe(shards);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      expect(sharesOf([...copies].reverse(), shards)).toEqual(owners);
    }),
    { numRuns: 60 },
  );
  expect(sharesOf([], 4)).toEqual([]);
});

test('a copy that joins takes its part and moves nothing between the others', () => {
  fc.assert(
    fc.property(names(2, 12), shardCounts, (copies, shards) => {
      const before = sharesOf(copies.slice(0, -1), shards);
      const after = sharesOf(copies, shards);
      expect(moved(before, after)).toBe(Math.floor(shards / copies.length));
      expect(after.filter((owner, shard) => owner !== before[shard] && owner !== copies.at(-1))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('a copy that leaves moves its own shards, and few of the others', () => {
  const rounds: number[] = [];
  fc.assert(
    fc.property(names(9, 9), fc.nat(8), (copies, gone) => {
      const before = sharesOf(copies, 64);
      const after = sharesOf(
        copies.filter((_, index) => index !== gone),
        64,
      );
      const all = moved(before, after);
      rounds.push(all);
      expect(all).toBeLessThan(40);
    }),
    { numRuns: 60 },
  );
  // Shares by remainder move 56.
  expect(rounds.reduce((sum, all) => sum + all, 0) / rounds.length).toBeLessThan(20);
});

/** A copy whose drains the test ends, or which are done at once. */
async function copyOf(store: Store, name: string) {
  const held = new Set<Role>();
  const unclean = new Set<Role>();
  const drains = new Map<number, () => void>();
  let isSlow = false;
  const log: string[] = [];
  const leases = new Leases({
    store,
    copy: name,
    isDead: () => false,
    clock: new SystemClock(),
    gained: (shard, isUnclean) => {
      held.add(shard);
      if (isUnclean) unclean.add(shard);
    },
    drained: async (shard) => {
      held.delete(shard);
      if (isSlow) await new Promise<void>((done) => drains.set(shard, done));
    },
    startPolling: () => void held.add('poller'),
    stopPolling: async () => void held.delete('poller'),
    copiesChanged: () => {},
    log: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line).msg) }),
  });
  await leases.start();
  return {
    leases,
    held,
    unclean,
    drains,
    log,
    slow: () => {
      isSlow = true;
    },
  };
}

async function twoCopies(shards = 4) {
  const { redis, prefix } = await openTestRedis();
  const stores = [0, 1].map(() => openRedisStore(redis, { prefix, shards })) as [RedisStore, RedisStore];
  const first = await copyOf(stores[0], 'a');
  const second = await copyOf(stores[1], 'b');
  await expect.poll(() => [first.held.size, second.held.size]).toEqual([shards / 2 + 1, shards / 2]);
  return { redis, prefix, stores, first, second };
}

test('a copy that stops gives back each role as soon as it is drained, keeps the others, and leaves last', async () => {
  const { redis, stores, first, second } = await twoCopies();
  onTestFinished(() => second.leases.stop());
  first.slow();
  const stopped = first.leases.stop();
  await expect.poll(() => first.drains.size).toBe(2);
  const [quick, slow] = [...first.drains.keys()] as [number, number];
  first.drains.get(quick)?.();
  await expect.poll(() => second.held).toContain(quick);
  expect(second.held).toContain('poller');
  // Longer than a lease: the one that is leaving is still heard of, and keeps what it has in hand.
  const until = performance.now() + 4_000;
  await expect.poll(() => performance.now() > until, { timeout: 6_000 }).toBe(true);
  expect(second.held).not.toContain(slow);
  expect(await stores[0].isOwner(slow)).toBe(true);
  expect(await redis.zcard(stores[0].keys.copies())).toBe(2);
  first.drains.get(slow)?.();
  await stopped;
  await expect.poll(() => second.held.size).toBe(5);
  expect(await redis.zrange(stores[0].keys.copies(), 0, '-1')).toEqual(['b']);
  expect(second.unclean.size).toBe(0);
  expect(second.log).not.toContain('the lease could not be renewed for 3 s');
});

test('what is taken over from a copy that has not given it back is known as such', async () => {
  const { redis, prefix } = await openTestRedis();
  const dead = openRedisStore(redis, { prefix, shards: 4 });
  expect(await dead.acquire(2, 'dead', [])).toBe('clean');
  const copy = await copyOf(openRedisStore(redis, { prefix, shards: 4 }), 'b');
  expect(copy.held.size).toBe(5);
  expect([...copy.unclean]).toEqual([2]);
  await copy.leases.stop();
});
