import { expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { accessMachine } from '../../machines/access.machine.ts';
import { clubBook } from '../../src/club/payments/account.ts';
import { keyOf, type Payment } from '../../src/club/payments/book.ts';
import { Ledger } from '../../src/club/payments/ledger.ts';
import { readStatus } from '../../src/club/reports.ts';
import { toldNote } from '../../src/club/support/given-up.ts';
import { isEntered } from '../../src/runtime/core/arrival.ts';
import type { MachineEvent } from '../../src/runtime/core/commit.ts';
import { type Effect, type Lane, lanes } from '../../src/runtime/core/effects.ts';
import { expiryTimer, hasState, prepareMachine } from '../../src/runtime/core/machine.ts';
import { expire, step } from '../../src/runtime/core/step.ts';
import { timerNamesOf } from '../../src/runtime/core/timers.ts';
import { DeadLetters } from '../../src/runtime/letters.ts';
import { checkServer, RedisUnfit } from '../../src/runtime/redis/connect.ts';
import { fixShards, SettingDiffers } from '../../src/runtime/redis/settings.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { Store } from '../../src/runtime/store.ts';
import type { DeadLetter, Head, Taken } from '../../src/runtime/stored.ts';
import { fixBot } from '../../src/telegram/identity.ts';
import { ownAll } from '../support/own.ts';
import { openTestRedis } from '../support/redis.ts';

const machine = prepareMachine(accessMachine, {}, { language: 'en' });
const now = 1_700_000_000_000;
const chat = 77;

async function openStore() {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 4 });
  await ownAll(store, 'test');
  let id = 0;
  const append = async (text = '{}') => {
    await store.appendUpdates([{ id: ++id, chat, lane: 'reply', text }]);
    return (await store.readInbox(store.shardOf(chat), 'inbox', '', 100)).at(-1) as NonNullable<
      Awaited<ReturnType<Store['readInbox']>>[number]
    >;
  };
  const target = (version: number) => ({
    machine: machine.id,
    machineVersion: machine.version,
    chat,
    version,
  });
  const commitOf = async (event: MachineEvent) => {
    const { session, version } = await store.loadSession(machine.id, chat);
    const commit = step({
      machine,
      chat,
      session,
      cause: 'c',
      event,
      input: { language: 'en' },
      now,
      rules: {},
    });
    return { commit, target: target(version) };
  };
  const apply = async (event: MachineEvent, payment?: Payment) => {
    const entry = await append();
    const found = await commitOf(event);
    return store.commit(entry, found.target, found.commit, {
      now,
      seen: true,
      ...(payment && { entry: { key: keyOf(payment), line: payment } }),
    });
  };
  const status = () => readStatus(store, { machines: [{ id: 'access', states: ['idle'] }] });
  return { redis, prefix, store, append, target, commitOf, apply, status };
}

test('an update that comes again is stored once, also after it was handled', async () => {
  const { store, append } = await openStore();
  const entry = await append('{"first":1}');
  const again = { id: 1, chat, lane: 'reply' as const, text: '{"second":1}' };
  expect(await store.appendUpdates([again])).toBe(0);
  expect(await store.commit(entry, null, null, { now })).toBe('ok');
  expect(await store.appendUpdates([again, { ...again, id: 2 }])).toBe(1);
});

test('one commit writes session, timers, effects and counters, and takes the cause away', async () => {
  const { store, apply, status } = await openStore();
  expect(await apply({ type: 'access.requested' })).toBe('ok');
  expect(await store.loadSession('access', chat)).toMatchObject({
    version: 1,
    session: { value: 'awaiting_payment' },
  });
  expect(await status()).toEqual({
    states: { access: { idle: 0, awaiting_payment: 1 } },
    timers: 3,
    inbox: 0,
    outbox: 2,
    dead: 0,
    chats: 1,
    payments: 0,
    sources: {},
  });
});

test('a machine without states keeps its session, and is counted once', async () => {
  const { store, redis, append } = await openStore();
  const counter = setup({
    types: { context: {} as { n: number } },
    actions: { count: assign({ n: ({ context }) => context.n + 1 }) },
  }).createMachine({ id: 'counter', context: { n: 0 }, on: { counted: { actions: 'count' } } });
  const stateless = prepareMachine(counter);
  for (let round = 1; round <= 2; round++) {
    const entry = await append();
    const { session, version } = await store.loadSession('counter', chat);
    const event = { type: 'counted' };
    const given = { machine: stateless, chat, session, cause: 'c', event, input: {}, now, rules: {} };
    const target = { machine: 'counter', machineVersion: stateless.version, chat, version };
    expect(await store.commit(entry, target, step(given), { now })).toBe('ok');
  }
  expect(await store.loadSession('counter', chat)).toMatchObject({
    session: { context: { n: 2 } },
    version: 2,
  });
  expect(await redis.hgetall(store.keys.states(store.shardOf(chat)))).toEqual({ 'counter:root': '1' });
  expect(hasState(stateless, 'root')).toBe(true);
});

test('a cause is taken once: the second commit of an entry writes nothing', async () => {
  const { store, append, commitOf, status } = await openStore();
  const entry = await append();
  const { commit, target } = await commitOf({ type: 'access.requested' });
  expect(await store.commit(entry, target, commit, { now })).toBe('ok');
  expect(await store.commit(entry, { ...target, version: 1 }, commit, { now })).toBe('gone');
  expect((await status()).outbox).toBe(2);
});

test('a session that changed meanwhile is not overwritten, and the cause stays', async () => {
  const { store, append, commitOf, apply, status } = await openStore();
  const entry = await append();
  const { commit, target } = await commitOf({ type: 'access.requested' });
  expect(await apply({ type: 'start.requested' })).toBe('ok');
  expect(await store.commit(entry, target, commit, { now })).toBe('conflict');
  expect((await status()).inbox).toBe(1);
});

test('a former owner of a shard writes nothing', async () => {
  const { redis, prefix, store, append, commitOf } = await openStore();
  const entry = await append();
  const { commit, target } = await commitOf({ type: 'access.requested' });
  await ownAll(openRedisStore(redis, { prefix, shards: 4 }), 'another');
  expect(await store.commit(entry, target, commit, { now })).toBe('fenced');
  expect(
    await store.commit(entry, null, null, {
      now,
      letter: { kind: 'update', error: 'x', at: now, body: null },
    }),
  ).toBe('fenced');
  expect(await store.loadSession('access', chat)).toEqual({
    session: null,
    version: 0,
    away: false,
    book: [],
  });
});

test('a payment is recorded once per charge id, whatever brings it', async () => {
  const { apply, status, store } = await openStore();
  const payment: Payment = {
    charge: 'c1',
    direction: 'in',
    chat,
    payload: 'p',
    currency: 'XTR',
    amount: 1,
    at: now,
  };
  expect(await apply({ type: 'payment.received', charge: 'c1', change: 'gained' }, payment)).toBe('ok');
  expect(await apply({ type: 'payment.received', charge: 'c1', change: 'gained' }, payment)).toBe('charged');
  const { book } = await store.loadSession('access', chat);
  expect(isEntered(payment, book, clubBook.keyOf)).toBe(true);
  expect(isEntered({ ...payment, direction: 'out' } as Payment, book, clubBook.keyOf)).toBe(false);
  expect((await status()).payments).toBe(1);
});

test('signals and counters are written by the commit itself: not at all when it is refused, once when it is not', async () => {
  const { redis, store, append, commitOf, status } = await openStore();
  const shard = store.shardOf(chat);
  const signals = async () =>
    (await store.readInbox(shard, 'inbox', '', 100)).filter(({ kind }) => kind === 'signal');
  const entry = await append();
  const { commit, target } = await commitOf({
    type: 'payment.received',
    charge: 'c',
    change: 'gained',
    club: true,
  });
  expect(commit?.signals).toHaveLength(1);
  expect(await store.commit(entry, { ...target, version: 7 }, commit, { now })).toBe('conflict');
  expect(await signals()).toEqual([]);
  expect((await status()).sources).toEqual({});
  expect(await store.commit(entry, target, commit, { now })).toBe('ok');
  expect(await store.commit(entry, target, commit, { now })).toBe('conflict');
  expect(await store.commit(entry, { ...target, version: 1 }, commit, { now })).toBe('gone');
  expect((await signals()).map(({ text }) => JSON.parse(text))).toEqual(commit?.signals);
  expect((await status()).sources).toEqual({ none: { paid: 1 } });
  await redis.del(store.keys.inbox(shard));
});

test('a flood of sources fills no memory', async () => {
  const { redis, store, append, commitOf } = await openStore();
  const key = store.keys.counts(store.shardOf(chat));
  await redis.hset(
    key,
    Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`started:s${index}`, 1])),
  );
  const entry = await append();
  const { commit, target } = await commitOf({ type: 'start.requested', payload: 'one_more' });
  expect(await store.commit(entry, target, commit, { now })).toBe('ok');
  expect(await redis.hlen(key)).toBe(1_001);
  expect(await redis.hget(key, 'started:…')).toBe('1');
});

test('to forget a chat takes sessions, timers, counters and dead letters of it, and only of it', async () => {
  const { redis, store, append, apply, status } = await openStore();
  const machines = [{ id: 'access', timers: timerNamesOf(machine) }];
  await apply({ type: 'access.requested' });
  const shard = store.shardOf(chat);
  const letter = (id: number) => ({
    kind: 'update' as const,
    error: 'x',
    at: now,
    body: { from: { id, name: 'A' } },
  });
  await store.commit(await append(), null, null, { now, letter: letter(chat) });
  await store.commit(await append(), null, null, { now, letter: letter(chat * 10) });
  const wish = await append();
  const known = machines.map((machine) => ({ ...machine, outlives: () => false }));
  await store.forgetLetters(store.shardOf(chat), chat);
  expect(await store.forgetChat(wish, chat, known)).toBe('ok');
  expect(await store.forgetChat(wish, chat, known)).toBe('gone');
  expect(await store.loadSession('access', chat)).toMatchObject({ session: null, version: 0 });
  expect(await status()).toMatchObject({
    states: { access: { awaiting_payment: 0 } },
    timers: 0,
    chats: 0,
    dead: 1,
  });
  const [left] = await redis.xrange(store.keys.dead(shard), '-', '+');
  expect(JSON.parse(left?.[1][1] ?? '')).toMatchObject({ body: { from: { id: chat * 10 } } });
});

test('a timer is claimed with its time: one that was set anew does not fire by its old claim', async () => {
  const { store, apply, commitOf, status } = await openStore();
  await apply({ type: 'access.requested' });
  const shard = store.shardOf(chat);
  expect((await store.dueTimers(shard, now, 10)).next).toBe(now + 300_000);
  const { due, next } = await store.dueTimers(shard, now + 300_000, 10);
  expect(due).toMatchObject([
    { machine: 'access', chat, timer: expect.stringMatching(/^payment_reminder@/), due: now + 300_000 },
  ]);
  expect(next).toBe(now + 86_400_000);
  const timer = due[0] as (typeof due)[number];
  const { target } = await commitOf({ type: 'start.requested' });
  expect(await store.commit({ ...timer, due: timer.due - 1 }, target, null, { now })).toBe('gone');
  expect(await store.commit(timer, target, null, { now })).toBe('ok');
  expect(await store.commit(timer, target, null, { now })).toBe('gone');
  expect((await status()).timers).toBe(2);
});

test('leaving a state takes its timers away in the same write', async () => {
  const { apply, status } = await openStore();
  await apply({ type: 'access.requested' });
  await apply({ type: 'payment.received', charge: 'c', change: 'gained' });
  expect(await status()).toMatchObject({
    timers: 2,
    states: { access: { idle: 0, awaiting_payment: 0, paid: 1 } },
  });
});

test('only an idle session has a time at which it ends, and goes then with all that is counted of it', async () => {
  const { store, apply, target, status } = await openStore();
  const shard = store.shardOf(chat);
  const isExpiry = ({ timer }: { timer: string }) => timer === expiryTimer;
  const ends = async () => (await store.dueTimers(shard, 2 * now, 10)).due.filter(isExpiry);
  await apply({ type: 'start.requested' });
  expect(await ends()).toMatchObject([{ due: now + 3_600_000 }]);
  expect((await status()).states['access']).toMatchObject({ idle: 1 });
  await apply({ type: 'access.requested' });
  expect(await ends()).toEqual([]);
  await apply({ type: 'payment.refunded', charge: 'x', change: 'lost' });
  const [timer] = await ends();
  const { session, version } = await store.loadSession('access', chat);
  const end = expire(machine, session, false);
  const cause = timer as NonNullable<typeof timer>;
  expect(await store.commit({ ...cause, due: cause.due - 1 }, target(version), end, { now })).toBe('gone');
  expect(await store.commit(cause, target(version - 1), end, { now })).toBe('conflict');
  expect(await store.commit(cause, target(version), end, { now })).toBe('ok');
  expect(await store.loadSession('access', chat)).toEqual({
    session: null,
    version: 0,
    away: false,
    book: [],
  });
  expect(await status()).toMatchObject({ timers: 0, states: { access: { idle: 0 } } });
});

test('the effects of a chat are taken one at a time, in order, and stay until they are settled', async () => {
  const { store, apply, status } = await openStore();
  await apply({ type: 'access.requested' });
  const shard = store.shardOf(chat);
  const take = () => store.takeEffects(shard, 'reply', now, 10, []);
  const [first] = (await take()).taken;
  expect(first?.effect.params).toEqual({ message: 'offer' });
  expect((await store.takeEffects(shard, 'reply', now, 10, [`${chat}`])).taken).toEqual([]);
  expect((await take()).taken).toHaveLength(1);
  const second = await store.settle(first as NonNullable<typeof first>, now);
  expect(second).toMatchObject({ effect: { type: 'sendInvoice' } });
  expect(await store.settle(first as NonNullable<typeof first>, now)).toBeNull();
  expect((await status()).outbox).toBe(1);
  expect(await store.settle(second as NonNullable<typeof first>, now)).toBeNull();
  expect((await take()).taken).toEqual([]);
});

test('an effect that is put off keeps those behind it waiting, and is due again at its time', async () => {
  const { store, apply } = await openStore();
  await apply({ type: 'access.requested' });
  const shard = store.shardOf(chat);
  const [first] = (await store.takeEffects(shard, 'reply', now, 10, [])).taken;
  const effect: Effect = { ...(first as NonNullable<typeof first>).effect, attempt: 1 };
  expect(await store.postpone(first as NonNullable<typeof first>, effect, now + 1_000)).toBe('ok');
  expect(await store.takeEffects(shard, 'reply', now + 999, 10, [])).toEqual({
    taken: [],
    spoiled: [],
    next: now + 1_000,
    fenced: false,
  });
  const [later] = (await store.takeEffects(shard, 'reply', now + 1_000, 10, [])).taken;
  expect(later?.effect).toEqual(effect);
});

test('a reply behind a reminder lifts the whole queue into the lane of replies, in order', async () => {
  const { store, append, commitOf } = await openStore();
  const shard = store.shardOf(chat);
  for (const lane of ['reminder', 'reply'] as const) {
    const entry = await append();
    const { commit, target } = await commitOf({ type: 'help.requested' });
    const effects = commit?.effects.map((effect) => ({ ...effect, lane })) ?? [];
    await store.commit(entry, target, commit && { ...commit, effects }, { now });
  }
  expect((await store.takeEffects(shard, 'reminder', now, 10, [])).taken).toEqual([]);
  const [first] = (await store.takeEffects(shard, 'reply', now, 10, [])).taken;
  expect(first?.effect.lane).toBe('reminder');
  expect(await store.settle(first as NonNullable<typeof first>, now)).toMatchObject({
    effect: { lane: 'reply' },
  });
});

test('a chat that cannot be reached loses what waits for it; a refused effect becomes a dead letter', async () => {
  const { store, apply, status } = await openStore();
  await apply({ type: 'access.requested' });
  const shard = store.shardOf(chat);
  const [first] = (await store.takeEffects(shard, 'reply', now, 10, [])).taken;
  const dead = { kind: 'effect' as const, error: 'refused', at: now, body: null };
  expect(await store.settle(first as NonNullable<typeof first>, now, { dead, dropQueue: true })).toBeNull();
  expect(await status()).toMatchObject({ outbox: 0, dead: 1 });
});

/** Two stores of two copies: the second has just become the owner, and the first has a queue in its hands. */
async function handedOver(length: number) {
  const { redis, prefix, store, apply } = await openStore();
  await apply({ type: 'access.requested' });
  const shard = store.shardOf(chat);
  const take = async (of: Store) => (await of.takeEffects(shard, 'reply', now, 10, [])).taken;
  const [head] = (await take(store)) as [Taken];
  await store.hold(shard, [head], length);
  // Another queue keeps the notes alive.
  await redis.rpush(store.keys.outbox(shard, 'beside'), 'x');
  await store.hold(shard, [{ shard, queue: 'beside', lane: 'reply', text: 'x' }], 60_000);
  const owner = openRedisStore(redis, { prefix, shards: 4 });
  await ownAll(owner, 'another');
  return { redis, store, owner, shard, head, take: () => take(owner) };
}

test('who cannot be reached loses nothing by a write that Redis refuses', async () => {
  const { store, redis, prefix, append, apply } = await openStore();
  await apply({ type: 'access.requested' });
  const entry = await append('77');
  const aside = `${prefix}:aside`;
  const shard = store.shardOf(chat);
  const [session, timers] = [store.keys.session(shard, 'access', chat), store.keys.timers(shard)];
  await redis.rename(session, aside);
  await redis.set(session, 'something else');
  const names = timerNamesOf(machine);
  const before = await redis.zrange(timers, 0, '-1');
  const abandon = () => store.abandon(entry, chat, [{ id: 'access', timers: names, endsAt: null }]);
  await expect(abandon()).rejects.toThrow('WRONGTYPE');
  expect(await redis.llen(store.keys.outbox(shard, `${chat}`))).toBe(2);
  expect(await redis.zrange(timers, 0, '-1')).toEqual(before);
  await redis.rename(aside, session);
  expect(await abandon()).toBe('ok');
  expect(await redis.zrange(timers, 0, '-1')).toEqual([]);
});

test('what may have ended the process is counted by itself, until the process outlives it', async () => {
  const { store, append } = await openStore();
  const [deadly, other] = [await append(), await append()];
  expect(await store.tryOnce(deadly)).toBe(1);
  expect(await store.tryOnce(other)).toBe(1);
  expect(await store.tryOnce(deadly)).toBe(2);
  await store.outlive(other);
  expect(await store.tryOnce(other)).toBe(1);
  expect(await store.tryOnce(deadly)).toBe(3);
  await store.trust(deadly.shard);
  expect(await store.tryOnce(deadly)).toBe(1);
});

test('a queue that a former owner still sends from is left alone, and free again with the end of that', async () => {
  const { redis, store, owner, shard, head, take } = await handedOver(60_000);
  expect(await take()).toEqual([]);
  expect(await store.settle(head, now)).toMatchObject({ effect: { type: 'sendInvoice' } });
  expect(await take()).toMatchObject([{ effect: { type: 'sendInvoice' } }]);
  expect(await redis.hkeys(owner.keys.held(shard))).toEqual(['beside']);
  expect(await store.settle(head, now)).toBe('fenced');
});

test('a former owner can put off what it has in hand, or leave it', async () => {
  const { store, owner, shard, head, take } = await handedOver(60_000);
  expect(await store.postpone(head, { ...head.effect, attempt: 1 }, now + 1_000)).toBe('ok');
  expect(await take()).toEqual([]);
  const [later] = (await owner.takeEffects(shard, 'reply', now + 1_000, 10, [])).taken;
  expect(later?.effect).toEqual({ ...head.effect, attempt: 1 });

  const other = await handedOver(60_000);
  await other.store.hold(other.shard, [other.head], 0);
  expect(await other.take()).toMatchObject([{ effect: head.effect }]);
});

test('when a former owner says nothing more, the queue goes on without it, and its late word is refused', async () => {
  const { store, owner, shard, head, take } = await handedOver(1);
  await expect.poll(take, { timeout: 3_000 }).toMatchObject([{ effect: head.effect }]);
  expect(await store.settle(head, now)).toBeNull();
  expect(await store.postpone(head, head.effect, now + 9)).toBe('fenced');
  await store.hold(shard, [head], 60_000);
  expect(await take()).toMatchObject([{ effect: head.effect }]);
  expect(await owner.settle(head, now)).toMatchObject({ effect: { type: 'sendInvoice' } });

  const other = await handedOver(200);
  await expect.poll(other.take, { timeout: 3_000 }).toMatchObject([{ effect: head.effect }]);
  const later = { ...other.head.effect, attempt: 1 };
  expect(await other.store.postpone(other.head, later, now + 9)).toBe('gone');
  expect(await other.take()).toMatchObject([{ effect: other.head.effect }]);
});

test('a note from before Redis’ clock was set back holds no queue for long', async () => {
  const { redis, owner, shard, take } = await handedOver(60_000);
  const notes = owner.keys.held(shard);
  await redis.hset(notes, `${chat}`, `${Date.now() + 3_600_000}:someone`);
  expect(await take()).toHaveLength(1);
});

test('one effect whose end Redis refuses does not take the others along, and nothing of it is written', async () => {
  const { redis, store, status } = await openStore();
  const shard = store.shardOf(chat);
  const heads = await Promise.all(
    ['a', 'b'].map(async (queue) => {
      const effect = { id: queue, type: 'send', machine: 'access', chat, lane: 'reply', queue, context: {} };
      const text = `1${JSON.stringify(effect)}`;
      await redis.rpush(store.keys.outbox(shard, queue), text);
      await redis.incr(store.keys.outboxCount(shard));
      await redis.zadd(store.keys.lane(shard, 'reply'), now, queue);
      return { shard, queue, lane: 'reply' as const, text };
    }),
  );
  const [bad, good] = heads as [Head, Head];
  await redis.set(store.keys.dead(shard), 'no stream');
  const dead = { kind: 'effect' as const, error: 'x', at: now, body: null };
  const ends = await Promise.allSettled([store.settle(bad, now, { dead }), store.settle(good, now)]);
  expect(ends).toMatchObject([
    { status: 'rejected', reason: { message: expect.stringContaining('WRONGTYPE') } },
    { status: 'fulfilled', value: null },
  ]);
  await redis.del(store.keys.dead(shard));
  expect((await status()).outbox).toBe(1);
  const { taken } = await store.takeEffects(shard, 'reply', now, 10, []);
  expect(taken).toMatchObject([{ queue: 'a' }]);
});

test('a queue stands in one lane, wherever it was taken from and whatever came meanwhile', async () => {
  const { redis, store } = await openStore();
  const shard = store.shardOf(chat);
  const push = async (lane: Lane, id: number) => {
    const effect = { id, type: 'send', machine: 'access', chat, lane, queue: 'q', context: {} };
    await redis.rpush(store.keys.outbox(shard, 'q'), `${lanes.indexOf(lane)}${JSON.stringify(effect)}`);
  };
  const standing = async () => {
    const scores = await Promise.all(lanes.map((lane) => redis.zscore(store.keys.lane(shard, lane), 'q')));
    return lanes.filter((_, index) => scores[index] !== null);
  };
  for (let id = 0; id < 40; id++) await push('broadcast', id);
  await redis.zadd(store.keys.lane(shard, 'broadcast'), now, 'q');
  let [head] = (await store.takeEffects(shard, 'broadcast', now, 1, [])).taken as [Taken];
  // A better effect comes while the head is in hand, and lifts the queue.
  await push('reply', 40);
  await redis.zrem(store.keys.lane(shard, 'broadcast'), 'q');
  await redis.zadd(store.keys.lane(shard, 'reply'), now, 'q');
  for (let left = 40; left > 0; left--) {
    head = (await store.settle(head, now)) as Taken;
    expect(await standing()).toEqual([left > 31 ? 'broadcast' : 'reply']);
  }
  expect(await store.settle(head, now)).toBeNull();
  expect(await standing()).toEqual([]);
  // Put by somebody into another lane than its own.
  await push('reply', 41);
  await redis.zadd(store.keys.lane(shard, 'reminder'), now, 'q');
  [head] = (await store.takeEffects(shard, 'reminder', now, 1, [])).taken as [Taken];
  expect(await store.settle(head, now)).toBeNull();
  expect(await standing()).toEqual([]);
});

test('the number of shards is fixed at the first start', async () => {
  const { redis, prefix } = await openTestRedis();
  expect(await fixShards(redis, prefix, null)).toBe(16);
  expect(await fixShards(redis, prefix, 16)).toBe(16);
  await expect(fixShards(redis, prefix, 8)).rejects.toThrow(SettingDiffers);
});

test('a server that may evict keys is refused, one without an append-only file is warned about', async () => {
  const { redis } = await openTestRedis();
  expect(await checkServer(redis)).toEqual([]);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  try {
    await expect(checkServer(redis)).rejects.toThrow(RedisUnfit);
  } finally {
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
  }
});

test('another bot is refused on what the first one has stored', async () => {
  const { redis, prefix } = await openTestRedis();
  await fixBot(redis, prefix, 42);
  await fixBot(redis, prefix, 42);
  await expect(fixBot(redis, prefix, 43)).rejects.toThrow(SettingDiffers);
});

test('a time in which no copy could be heard counts against none of them', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 1 });
  const join = async (copy: string) => (await store.join(copy, 3_000, 1_000)).live.sort();
  /** Both were heard last so many ms ago. */
  const heard = (copy: string, ago: number) =>
    redis.zadd(store.keys.copies(), Date.now() + 3_000 - ago, copy);
  const uptime = async () => Number(/uptime_in_seconds:(\d+)/.exec(await redis.info('server'))?.[1]);
  // Longer than the server has been up: it was down meanwhile.
  const away = ((await uptime()) + 60) * 1_000;
  await heard('a', away);
  await heard('b', away + 500);
  expect(await join('a')).toEqual(['a', 'b']);
  // One copy is silent while the other is heard: dead.
  await heard('a', 500);
  await heard('b', 3_500);
  expect(await join('a')).toEqual(['a']);
  // Nobody was heard though the server was up: the silence is the copies' own.
  await expect.poll(uptime, { timeout: 5_000 }).toBeGreaterThan(1);
  await heard('a', 1_500);
  await heard('b', 3_400);
  expect(await join('a')).toEqual(['a']);
});

test('a shard has one owner among those that live; the epoch rises at each takeover and outlives a release', async () => {
  const { redis, prefix } = await openTestRedis();
  const [first, second] = [
    openRedisStore(redis, { prefix, shards: 1 }),
    openRedisStore(redis, { prefix, shards: 1 }),
  ];
  expect(await first.acquire(0, 'a', ['a', 'b'])).toBe('clean');
  expect(await second.acquire(0, 'b', ['a', 'b'])).toBe('no');
  expect(await first.isOwner(0)).toBe(true);
  expect(await second.acquire(0, 'b', ['b'])).toBe('unclean');
  expect(await first.isOwner(0)).toBe(false);
  await first.release(0);
  expect(await second.isOwner(0)).toBe(true);
  await second.release(0);
  expect(await first.acquire(0, 'a', ['a', 'b'])).toBe('clean');
  expect(await redis.get(first.keys.owner(0))).toBe('3:a');
});

test('what a chat has paid is read without looking at what others have paid', async () => {
  const { redis, prefix, store, apply } = await openStore();
  const payment = (charge: string, direction: Payment['direction'], at: number): Payment => ({
    charge,
    direction,
    chat,
    payload: 'p',
    currency: 'XTR',
    amount: 1,
    at,
  });
  const ledger = new Ledger(openRedisStore(redis, { prefix, shards: 4 }));
  expect(await ledger.of(chat)).toEqual([]);
  // Reading any other's payment would fail.
  await redis.hset(store.keys.ledger(store.shardOf(chat)), 'another', 'unreadable');
  const [paid, back] = [payment('c1', 'in', now + 1), payment('c1', 'out', now + 2)];
  await apply({ type: 'payment.received', charge: 'c1', change: 'gained' }, paid);
  await apply({ type: 'payment.refunded', charge: 'c1' }, back);
  await apply({ type: 'payment.received', charge: 'c0' }, payment('c0', 'in', now));
  expect(await ledger.of(chat)).toEqual([payment('c0', 'in', now), paid, back]);
});

test('the status counts what waits to be sent without looking at the queues', async () => {
  const { redis, store, apply, status } = await openStore();
  await apply({ type: 'access.requested' });
  // Looking at any queue would fail.
  await redis.set(store.keys.outbox(store.shardOf(chat), 'another'), 'no queue');
  await redis.zadd(store.keys.lane(store.shardOf(chat), 'reply'), now, 'another');
  expect((await status()).outbox).toBe(2);
});

test('to forget dead letters of a chat finds them wherever they lie, and takes no other', async () => {
  const { redis, prefix, store } = await openStore();
  const shard = store.shardOf(chat);
  expect(shard).not.toBe(0);
  const letter = (more: Partial<DeadLetter>) =>
    JSON.stringify({ kind: 'update', error: 'x', at: now, body: null, ...more });
  const add = (place: number, more: Partial<DeadLetter>) =>
    redis.xadd(store.keys.dead(place), '*', 'd', letter(more));
  const kept = { chat: 5, body: { amount: chat, from: { id: chat } } };
  for (let n = 0; n < 250; n++) await add(shard, n % 2 === 0 ? { chat } : kept);
  await add(shard, { kind: 'unreachable', body: String(chat) });
  await add(shard, { body: JSON.stringify({ message: { from: { id: chat, name: 'A' } } }) });
  await add(0, { body: { message: { chat: { id: chat } } } });
  await add(0, { body: { message: { chat: { id: chat * 10 } } } });
  await store.forgetLetters(shard, chat);
  const left = [];
  for await (const stored of new DeadLetters(openRedisStore(redis, { prefix, shards: 4 })).all())
    left.push(stored.letter);
  expect(left).toHaveLength(126);
  expect(left.filter((one) => one.chat === 5)).toHaveLength(125);
  expect(left.filter((one) => one.chat === undefined)).toMatchObject([
    { body: { message: { chat: { id: chat * 10 } } } },
  ]);
});

test('how many letters there have ever been only grows; how many were told of is remembered', async () => {
  const { redis, prefix, store, append } = await openStore();
  expect(await store.lettersAdded()).toBe(0);
  for (let n = 0; n < 3; n++)
    await store.commit(await append(), null, null, {
      now,
      letter: { kind: 'update', error: 'x', at: now, chat, body: null },
    });
  await store.forgetLetters(store.shardOf(chat), chat);
  expect(await store.countLetters()).toBe(0);
  expect(await store.lettersAdded()).toBe(3);
  expect(await toldNote(store.notes).get()).toBe(0);
  await toldNote(store.notes).set(3);
  expect(await toldNote(openRedisStore(redis, { prefix, shards: 4 }).notes).get()).toBe(3);
});
