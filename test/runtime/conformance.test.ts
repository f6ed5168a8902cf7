import { describe, expect, test } from 'vitest';
import type { Commit } from '../../src/runtime/core/commit.ts';
import type { Effect, Lane } from '../../src/runtime/core/effects.ts';
import { expiryTimer } from '../../src/runtime/core/machine.ts';
import { DeadLetters, type StoredLetter } from '../../src/runtime/letters.ts';
import { Memory } from '../../src/runtime/memory/memory.ts';
import { openMemoryStore } from '../../src/runtime/memory/store.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { Store } from '../../src/runtime/store.ts';
import type { Cause, CommitOptions, Entry, Taken } from '../../src/runtime/stored.ts';
import { openTestRedis } from '../support/redis.ts';

const now = 1_700_000_000_000;
const chat = 77;
const shards = 4;

/** What a suite needs of a store: each `open` is the store of another copy of the bot, over the same ground. */
type Ground = () => Promise<{ open: () => Store }>;

const grounds: readonly [string, Ground][] = [
  [
    'Redis',
    async () => {
      const { redis, prefix } = await openTestRedis();
      return { open: () => openRedisStore(redis, { prefix, shards }) };
    },
  ],
  [
    'memory',
    async () => {
      const memory = new Memory({ shards, now: () => now });
      return { open: () => openMemoryStore(memory) };
    },
  ],
];

const effect = (id: string, more: Partial<Effect> = {}): Effect => ({
  id,
  type: 'send',
  machine: 'm',
  chat,
  lane: 'reply',
  queue: `${chat}`,
  context: {},
  ...more,
});

const commitOf = (more: Partial<Commit> = {}): Commit => ({
  session: { value: 'open', context: { n: 1 }, status: 'active' },
  from: null,
  to: 'open',
  ends: false,
  timers: [],
  effects: [],
  signals: [],
  counts: [],
  records: [],
  forgets: false,
  ...more,
});

const target = (version: number) => ({ machine: 'm', machineVersion: 'v', chat, version });
const line = (key: string, more: object = {}) => ({ key, line: { chat, ...more } });
const letter = (more: object = {}) => ({ kind: 'update' as const, error: 'x', at: now, body: '{}', ...more });

async function all<T>(walk: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of walk) found.push(one);
  return found;
}

describe.each(grounds)('the store in %s', (_, ground) => {
  async function opened() {
    const { open } = await ground();
    const store = open();
    const shard = store.shardOf(chat);
    for (let other = 0; other < shards; other++) await store.acquire(other, 'a', []);
    let id = 0;
    const append = async (text = '{}'): Promise<Entry> => {
      await store.appendUpdates([{ id: ++id, chat, lane: 'reply', text }]);
      return (await store.readInbox(shard, 'inbox', '', 1_000)).at(-1) as Entry;
    };
    const entries = () => store.readInbox(shard, 'inbox', '', 1_000);
    const apply = async (version: number, more: Partial<Commit> = {}, options: Partial<CommitOptions> = {}) =>
      store.commit(await append(), target(version), commitOf(more), { now, ...options });
    const take = async (lane: Lane = 'reply', at = now) =>
      (await store.takeEffects(shard, lane, at, 10, [])).taken;
    const head = async () => (await take())[0] as Taken;
    const other = async () => {
      const another = open();
      for (let number = 0; number < shards; number++) await another.acquire(number, 'b', []);
      return another;
    };
    return { open, store, shard, append, entries, apply, take, head, other };
  }

  test('an update that comes again within 25 h is stored once, whatever became of it', async () => {
    const { store, append, entries } = await opened();
    const entry = await append('first');
    const again = { id: 1, chat, lane: 'reply' as const, text: 'again' };
    expect(await store.appendUpdates([again, again])).toBe(0);
    expect((await entries()).map(({ text }) => text)).toEqual(['first']);
    expect(await store.discard(entry, now)).toBe('ok');
    expect(await store.appendUpdates([again, { ...again, id: 2 }])).toBe(1);
  });

  test('an inbox is read in the order of arrival, from and to an entry; checkouts have one of their own', async () => {
    const { store, shard, append } = await opened();
    const [first, second, third] = [await append('1'), await append('2'), await append('3')];
    await store.appendUpdates([{ id: 9, chat, lane: 'checkout', kind: 'arrival', text: 'query' }]);
    const read = async (after: string, limit: number, until?: string) =>
      (await store.readInbox(shard, 'inbox', after, limit, until)).map(({ text }) => text);
    expect(await read('', 2)).toEqual(['1', '2']);
    expect(await read(first.id, 9)).toEqual(['2', '3']);
    expect(await read('', 9, second.id)).toEqual(['1', '2']);
    expect(await read(third.id, 9)).toEqual([]);
    expect(await store.readInbox(shard, 'inbox:checkout', '', 9)).toMatchObject([
      { source: 'inbox:checkout', kind: 'arrival', chat, text: 'query', due: 0 },
    ]);
    expect(await store.chatsWaiting(shard)).toEqual(new Set([chat]));
  });

  test('an update of an unknown chat is kept in the first shard, and any chat may be waiting there', async () => {
    const { store } = await opened();
    await store.appendUpdates([{ id: 1, chat: null, lane: 'reply', text: '?' }]);
    expect(await store.readInbox(0, 'inbox', '', 9)).toMatchObject([{ chat: null, kind: 'update' }]);
    expect(await store.chatsWaiting(0)).toBeNull();
  });

  test('what was found elsewhere is stored as often as it comes', async () => {
    const { store, entries } = await opened();
    await store.appendFound(chat, 'found');
    await store.appendFound(chat, 'found');
    const arrival = { update: 0, chat, event: { type: 'e' }, lane: 'reply' as const };
    await store.appendArrivals([arrival]);
    expect((await entries()).map(({ kind }) => kind)).toEqual(['update', 'update', 'arrival']);
    expect(JSON.parse((await entries())[2]?.text ?? '')).toEqual(arrival);
  });

  test('a commit takes its cause, once, and writes the session with a new version', async () => {
    const { store, append, entries } = await opened();
    const entry = await append();
    expect(await store.loadSession('m', chat)).toEqual({ session: null, version: 0, away: false, book: [] });
    expect(await store.commit(entry, target(0), commitOf(), { now, seen: true })).toBe('ok');
    expect(await entries()).toEqual([]);
    expect(await store.loadSession('m', chat)).toEqual({
      session: { value: 'open', context: { n: 1 }, status: 'active' },
      version: 1,
      away: false,
      book: [],
    });
    expect(await store.commit(entry, target(1), commitOf(), { now })).toBe('gone');
    expect(await store.totals()).toEqual({ timers: 0, inbox: 0, outbox: 0, dead: 0, chats: 1 });
    expect(await all(store.sessions('m'))).toEqual([{ chat, state: 'open', context: { n: 1 } }]);
  });

  test('a step on another version than the stored one is refused, and its cause stays', async () => {
    const { store, append, apply, entries } = await opened();
    const entry = await append();
    await apply(0);
    const step = commitOf({ effects: [effect('1')], counts: ['c'] });
    expect(await store.commit(entry, target(0), step, { now })).toBe('conflict');
    expect(await store.commit(entry, target(7), step, { now })).toBe('conflict');
    expect((await entries()).map(({ id }) => id)).toEqual([entry.id]);
    expect(await store.totals()).toMatchObject({ outbox: 0 });
    expect(await store.counters()).toEqual(new Map());
  });

  test('two steps on one version at the same moment: one is written', async () => {
    const { store, append } = await opened();
    const [one, two] = [await append(), await append()];
    const answers = await Promise.all(
      [one, two].map((entry) => store.commit(entry, target(0), commitOf(), { now })),
    );
    expect(answers.sort()).toEqual(['conflict', 'ok']);
  });

  test('after another copy has become the owner, nothing of the former one is written', async () => {
    const { store, shard, append, apply, head, other, entries } = await opened();
    await apply(0, { effects: [effect('1')] });
    const [entry, taken] = [await append(), await head()];
    const owner = await other();
    expect(await store.isOwner(shard)).toBe(false);
    expect(await owner.isOwner(shard)).toBe(true);
    expect(await store.commit(entry, target(1), commitOf(), { now })).toBe('fenced');
    expect(await store.commit(entry, null, null, { now, letter: letter() })).toBe('fenced');
    expect(await store.abandon(entry, chat, [])).toBe('fenced');
    expect(await store.forgetChat(entry, chat, [])).toBe('fenced');
    expect(await store.takeEffects(shard, 'reply', now, 9, [])).toMatchObject({ fenced: true, taken: [] });
    expect(await store.settle(taken, now)).toBe('fenced');
    expect(await store.postpone(taken, taken.effect, now + 1)).toBe('fenced');
    expect(await entries()).toHaveLength(1);
    expect(await store.totals()).toMatchObject({ outbox: 1, dead: 0 });
    // Its late word ends nothing of the owner's.
    await store.release(shard);
    expect(await owner.isOwner(shard)).toBe(true);
  });

  test('a shard has one owner among those that live, and says whether the last one released it', async () => {
    const { open } = await ground();
    const [first, second] = [open(), open()];
    expect(await first.acquire('poller', 'a', ['a', 'b'])).toBe('clean');
    expect(await second.acquire('poller', 'b', ['a', 'b'])).toBe('no');
    expect(await second.acquire('poller', 'b', ['b'])).toBe('unclean');
    await second.release('poller');
    expect(await second.isOwner('poller')).toBe(false);
    expect(await first.acquire('poller', 'a', ['a', 'b'])).toBe('clean');
    first.forget('poller');
    expect(await first.isOwner('poller')).toBe(false);
  });

  test('who has joined lives until they leave; who leaves says so', async () => {
    const { open } = await ground();
    const [first, second] = [open(), open()];
    await first.join('a', 60_000, 1_000);
    await second.join('b', 60_000, 1_000, true);
    const found = await first.join('a', 60_000, 1_000);
    expect({ live: found.live.sort(), leaving: found.leaving }).toEqual({ live: ['a', 'b'], leaving: ['b'] });
    await second.leave('b');
    expect((await first.join('a', 60_000, 1_000)).live).toEqual(['a']);
  });

  test('a line stands once in the books; a step that brings it again is void, and its cause stays', async () => {
    const { store, apply, entries } = await opened();
    const paid = line('c1', { amount: 5 });
    expect(await apply(0, {}, { entry: paid })).toBe('ok');
    expect(await apply(1, { effects: [effect('1')] }, { entry: paid })).toBe('charged');
    expect(await entries()).toHaveLength(1);
    expect(await store.totals()).toMatchObject({ outbox: 0 });
    expect((await store.loadSession('m', chat)).book).toEqual([paid.line]);
  });

  test('a line whose step was given up is kept as one to be granted, and the step can be made good', async () => {
    const { store, append, apply } = await opened();
    const paid = line('c1');
    expect(await store.commit(await append(), null, null, { now, entry: paid, letter: letter() })).toBe('ok');
    expect(await store.bookOf(chat)).toEqual([{ ...paid.line, ungranted: true }]);
    expect(await apply(0, {}, { entry: paid })).toBe('ok');
    expect(await store.bookOf(chat)).toEqual([paid.line]);
    expect(await apply(1, {}, { entry: paid })).toBe('charged');
    // Given up once more, it is not un-granted.
    expect(await store.commit(await append(), null, null, { now, entry: paid, letter: letter() })).toBe('ok');
    expect(await store.bookOf(chat)).toEqual([paid.line]);
    expect(await store.countLetters()).toBe(2);
  });

  test('records that stand there already change nothing; a book is read in order, and alone', async () => {
    const { store, apply } = await opened();
    await apply(0, {}, { records: [line('~a', { n: 1 }), line('b', { n: 2 })] });
    await apply(1, {}, { records: [line('~a', { n: 3 }), line('c', { n: 4 })] });
    expect((await store.bookOf(chat)).map((one) => (one as { n?: number }).n)).toEqual([1, 2, 4]);
    expect(await store.bookOf(chat + 1)).toEqual([]);
    expect([await store.hasLine(chat, 'b'), await store.hasLine(chat, 'x')]).toEqual([true, false]);
    expect(await store.findLines(['x', 'c'])).toEqual([null, { chat, n: 4 }]);
    expect(await store.countLines()).toEqual({ lines: 3, asides: 1 });
    expect(await all(store.allLines())).toHaveLength(3);
    await store.changeLine(chat, 'b', (found) => ({ ...found, more: true }));
    await store.changeLine(chat, 'x', (found) => ({ ...found, more: true }));
    expect(await store.findLines(['b', 'x'])).toEqual([{ chat, n: 2, more: true }, null]);
  });

  test('signals, counters and states are written with the step', async () => {
    const { store, apply, entries } = await opened();
    const signal = { machine: 'n', chat, event: { type: 'e' }, hops: 1 };
    await apply(0, { signals: [signal], counts: ['started:x', 'started:x'], forgets: true });
    expect((await entries()).map(({ kind }) => kind)).toEqual(['signal', 'forget']);
    expect(JSON.parse((await entries())[0]?.text ?? '')).toEqual(signal);
    expect(await store.counters()).toEqual(new Map([['started:x', 2]]));
    await apply(1, { from: 'open', to: 'shut' });
    expect(await store.states()).toEqual(
      new Map([
        ['m:open', 0],
        ['m:shut', 1],
      ]),
    );
    await apply(2, { from: 'shut', to: 'shut', ends: true });
    expect((await store.states()).get('m:shut')).toBe(0);
    expect(await store.loadSession('m', chat)).toMatchObject({ session: null, version: 0 });
  });

  test('of the changes of a timer the last one counts', async () => {
    const { store, shard, apply } = await opened();
    await apply(0, {
      timers: [
        { name: 'a', due: now + 1 },
        { name: 'b', due: now + 2 },
        { name: 'a', due: null },
        { name: 'b', due: now + 3 },
        { name: expiryTimer, due: now + 9 },
      ],
    });
    expect(await store.timersOf('m', chat, ['a', 'b', expiryTimer])).toEqual([null, now + 3, now + 9]);
    expect(await store.totals()).toMatchObject({ timers: 1 });
    expect(await store.dueTimers(shard, now, 9)).toEqual({ due: [], next: now + 3, reminders: 0 });
    expect(await store.isNewerDue('m', chat, ['a', 'b'], now, now + 3)).toBe(true);
    expect(await store.isNewerDue('m', chat, ['a', 'b'], now, now + 2)).toBe(false);
    expect(await store.isNewerDue('m', chat, ['b'], now + 3, now + 9)).toBe(false);
    expect(await store.isNewerDue('m', chat, [], 0, now + 9)).toBe(false);
  });

  test('timers are due earliest first; one is taken with the time that was claimed, once', async () => {
    const { store, shard, apply } = await opened();
    await apply(0, {
      timers: [
        { name: 'late', due: now + 2 },
        { name: 'early', due: now + 1 },
      ],
    });
    const { due, next } = await store.dueTimers(shard, now + 2, 1);
    expect(due).toMatchObject([
      { machine: 'm', chat, timer: 'early', due: now + 1, source: 'timers', shard },
    ]);
    expect(next).toBe(now + 2);
    const timer = due[0] as Cause;
    expect(await store.commit({ ...timer, due: now }, target(1), null, { now })).toBe('gone');
    expect(await store.commit(timer, target(1), commitOf({ from: 'open' }), { now })).toBe('ok');
    expect(await store.discard(timer, now)).toBe('gone');
    expect((await store.dueTimers(shard, now + 9, 9)).due).toMatchObject([{ timer: 'late' }]);
  });

  test('a step with a time that is none is refused for good, whole, and takes no other along', async () => {
    const { store, append, entries } = await opened();
    const [bad, good] = [await append(), await append()];
    const broken = commitOf({ effects: [effect('1')], timers: [{ name: 'a', due: Number.NaN }] });
    const ends = await Promise.allSettled([
      store.commit(bad, { ...target(0), machine: 'n' }, broken, { now }),
      store.commit(good, target(0), commitOf(), { now }),
    ]);
    expect(ends).toMatchObject([
      { status: 'rejected', reason: { name: 'Refused', message: expect.stringContaining('is no number') } },
      { status: 'fulfilled', value: 'ok' },
    ]);
    expect(store.isPassing((ends[0] as PromiseRejectedResult).reason)).toBe(false);
    expect((await entries()).map(({ id }) => id)).toEqual([bad.id]);
    expect(await store.totals()).toMatchObject({ outbox: 0 });
    expect(await store.loadSession('n', chat)).toMatchObject({ version: 0 });
  });

  test('the effects of a queue go one by one in their order, and only the head can be ended', async () => {
    const { store, apply, take, head } = await opened();
    await apply(0, { effects: [effect('1'), effect('2'), effect('3', { queue: 'other' })] });
    expect((await take()).map((taken) => taken.effect.id).sort()).toEqual(['1', '3']);
    expect((await store.takeEffects(store.shardOf(chat), 'reply', now, 9, [`${chat}`])).taken).toMatchObject([
      { queue: 'other' },
    ]);
    const first = (await take()).find(({ queue }) => queue === `${chat}`) as Taken;
    const second = (await store.settle(first, now)) as Taken;
    expect(second.effect).toEqual(effect('2'));
    expect(await store.settle(first, now)).toBeNull();
    expect(await store.postpone(first, first.effect, now + 1)).toBe('gone');
    expect(await store.totals()).toMatchObject({ outbox: 2 });
    expect(await store.settle(second, now)).toBeNull();
    expect((await head()).effect.id).toBe('3');
  });

  test('a queue stands in the best lane of what waits in it', async () => {
    const { store, apply, take } = await opened();
    await apply(0, { effects: [effect('1', { lane: 'broadcast' })] });
    await store.post(effect('2', { lane: 'reminder' }), now);
    expect(await take('broadcast')).toEqual([]);
    const [head] = (await take('reminder')) as [Taken];
    expect(head.effect.id).toBe('1');
    expect((await store.dueTimers(store.shardOf(chat), now, 1)).reminders).toBe(1);
    expect(await store.settle(head, now)).toMatchObject({ lane: 'reminder', effect: { id: '2' } });
  });

  test('an effect that is put off keeps those behind it waiting, changed as it was given back', async () => {
    const { store, shard, apply, take, head } = await opened();
    await apply(0, { effects: [effect('1'), effect('2')] });
    const first = await head();
    expect(await store.postpone(first, { ...first.effect, attempt: 1 }, now + 5)).toBe('ok');
    expect(await store.takeEffects(shard, 'reply', now + 4, 9, [])).toEqual({
      taken: [],
      spoiled: [],
      next: now + 5,
      fenced: false,
    });
    expect(await store.postpone(first, first.effect, now + 9)).toBe('gone');
    expect((await take('reply', now + 5))[0]?.effect).toEqual({ ...effect('1'), attempt: 1 });
    expect(await store.look(shard)).toEqual({ inbox: false, lanes: ['reply'], nextTimer: null });
    // It is the same effect, whenever its end is known.
    expect(await store.settle(first, now + 1)).toMatchObject({ effect: { id: '2' } });
  });

  test('what an effect has come to goes to the inbox with its end, and the rest of a queue with it when it must', async () => {
    const { store, apply, head, entries } = await opened();
    await apply(0, { effects: [effect('1'), effect('2'), effect('3')] });
    const result = { machine: 'm', chat, invocation: { id: 'i', generation: 1 }, output: 5 };
    const second = (await store.settle(await head(), now, { result })) as Taken;
    expect(
      await store.settle(await head(), now, { unreachable: chat, dead: letter(), dropQueue: true }),
    ).toBeNull();
    expect(await store.settle(second, now, { result })).toBeNull();
    expect((await entries()).map(({ kind, chat: of }) => [kind, of])).toEqual([
      ['result', chat],
      ['unreachable', chat],
    ]);
    expect(JSON.parse((await entries())[0]?.text ?? '')).toEqual(result);
    expect(await store.totals()).toMatchObject({ outbox: 0, dead: 1 });
  });

  test('a queue that a former owner still sends from is left alone until that ends', async () => {
    const { store, shard, apply, head, other, entries } = await opened();
    await apply(0, { effects: [effect('1'), effect('2')] });
    const taken = await head();
    await store.hold(shard, [taken], 60_000);
    const owner = await other();
    const found = async () => (await owner.takeEffects(shard, 'reply', now, 9, [])).taken;
    expect(await found()).toEqual([]);
    const result = { machine: 'm', chat, invocation: { id: 'i', generation: 1 } };
    expect(await store.settle(taken, now, { result })).toMatchObject({ effect: { id: '2' } });
    expect(await entries()).toMatchObject([{ kind: 'result' }]);
    const [next] = (await found()) as [Taken];
    expect(next.effect.id).toBe('2');
    expect(await store.settle(next, now)).toBe('fenced');
    expect(await owner.settle(next, now)).toBeNull();
  });

  test('a hold that is given up frees its queue; a copy that has none can make none', async () => {
    const { store, shard, apply, head, other } = await opened();
    await apply(0, { effects: [effect('1')] });
    const taken = await head();
    await store.hold(shard, [taken], 60_000);
    const owner = await other();
    const found = async () => (await owner.takeEffects(shard, 'reply', now, 9, [])).taken;
    await store.hold(shard, [taken], 0);
    expect(await found()).toHaveLength(1);
    await store.hold(shard, [taken], 60_000);
    expect(await found()).toHaveLength(1);
    expect(await store.settle(taken, now)).toBe('fenced');
  });

  test('to forget a chat takes its sessions and timers, spares those that outlive it, and leaves the book', async () => {
    const { store, shard, append, apply } = await opened();
    await apply(0, { timers: [{ name: 'a', due: now }], counts: [] }, { entry: line('c1'), seen: true });
    const wish = await append();
    const spared = { id: 'm', timers: ['a'], outlives: () => true };
    const machines = [{ ...spared, outlives: () => false }];
    const second = await append();
    expect(await store.forgetChat(wish, chat, [spared])).toBe('ok');
    expect(await store.loadSession('m', chat)).toMatchObject({ version: 1 });
    expect(await store.forgetChat(second, chat, machines)).toBe('ok');
    expect(await store.forgetChat(second, chat, machines)).toBe('gone');
    expect(await store.loadSession('m', chat)).toMatchObject({ session: null, version: 0 });
    expect((await store.dueTimers(shard, now, 9)).due).toEqual([]);
    expect(await store.bookOf(chat)).toHaveLength(1);
    expect(await store.totals()).toEqual({ timers: 0, inbox: 0, outbox: 0, dead: 0, chats: 0 });
    expect((await store.states()).get('m:open')).toBe(0);
  });

  test('who cannot be reached keeps the session, marked and with an end; who is back is not away', async () => {
    const { store, append, apply } = await opened();
    await apply(0, { timers: [{ name: 'a', due: now }], effects: [effect('1')] });
    const entry = await append();
    const machines = [{ id: 'm', timers: ['a'], endsAt: now + 5 }];
    expect(await store.abandon(entry, chat, machines)).toBe('ok');
    expect(await store.abandon(entry, chat, machines)).toBe('gone');
    expect(await store.loadSession('m', chat)).toMatchObject({ version: 1, away: true });
    expect(await store.timersOf('m', chat, ['a', expiryTimer])).toEqual([null, now + 5]);
    expect(await store.totals()).toMatchObject({ outbox: 0, timers: 0 });
    expect(
      await store.abandon(
        await append(),
        chat,
        machines.map((one) => ({ ...one, endsAt: now + 9 })),
      ),
    ).toBe('ok');
    expect(await store.timersOf('m', chat, [expiryTimer])).toEqual([now + 5]);
    await apply(1, { from: 'open' });
    expect(await store.loadSession('m', chat)).toMatchObject({ version: 2, away: true });
    await apply(2, { from: 'open' }, { back: true });
    expect(await store.loadSession('m', chat)).toMatchObject({ version: 3, away: false });
  });

  test('letters stand oldest first, and go back in that order, behind what waits', async () => {
    const { store, shard, append, apply, entries, head } = await opened();
    const bury = async (more: object) =>
      store.commit(await append(), null, null, { now, letter: letter({ chat, ...more }) });
    await bury({ kind: 'signal', body: 'one' });
    await bury({ kind: 'signal', body: 'two' });
    await bury({ kind: 'effect', body: effect('1', { attempt: 3 }) });
    await bury({ kind: 'timer', body: `m:${chat}|a`, due: now + 5 });
    await append('waits');
    await apply(0, { effects: [effect('0')] });
    const dead = new DeadLetters(store);
    const letters = await all(dead.all());
    const [oldest] = letters as [StoredLetter];
    expect(letters.map(({ letter: { kind } }) => kind)).toEqual(['signal', 'signal', 'effect', 'timer']);
    expect((await dead.list(1)).map(({ letter: { kind } }) => kind)).toEqual(['timer']);
    for (const one of letters) expect(await dead.retry(one)).toBe(true);
    expect(await dead.retry(oldest)).toBe(false);
    expect(await dead.find(oldest.id)).toBeNull();
    expect((await entries()).map(({ text }) => text)).toEqual(['waits', 'one', 'two']);
    expect(await store.settle(await head(), now)).toMatchObject({ effect: effect('1') });
    expect((await store.dueTimers(shard, now + 5, 9)).due).toMatchObject([
      { timer: 'a', chat, machine: 'm' },
    ]);
    expect([await store.countLetters(), await store.lettersAdded()]).toEqual([0, 4]);
  });

  test('a timer that goes back gives way to one of its name that was set since', async () => {
    const { store, append, apply } = await opened();
    const cause = await append();
    await store.commit(cause, null, null, {
      now,
      letter: letter({ kind: 'timer', body: `m:${chat}|a`, due: now + 5 }),
    });
    await apply(0, { timers: [{ name: 'a', due: now + 9 }] });
    const dead = new DeadLetters(store);
    for (const one of await dead.list(9)) await dead.retry(one);
    expect(await store.timersOf('m', chat, ['a'])).toEqual([now + 9]);
  });

  test('a walk of letters ends whatever is added meanwhile; the letters of a chat are forgotten, and no others', async () => {
    const { store, shard, append } = await opened();
    const bury = async (more: object) =>
      store.commit(await append(), null, null, { now, letter: letter(more) });
    await bury({ chat });
    await bury({ chat: 5, body: { chat } });
    await bury({ body: { from: { id: chat } } });
    const seen: unknown[] = [];
    for await (const { letter: found } of store.deadLetters(shard)) {
      seen.push(found.chat);
      if (seen.length < 9) await bury({ chat: 6 });
    }
    expect(seen).toEqual([chat, 5, undefined]);
    await store.forgetLetters(shard, chat);
    const left = await all(store.deadLetters(shard));
    expect(left.map(({ letter: found }) => found.chat)).toEqual([5, 6, 6, 6]);
    expect(await store.removeLetters(left)).toBe(4);
    expect(await store.removeLetters(left)).toBe(0);
  });

  test('what may have ended the process is counted by itself, until it is outlived or trusted', async () => {
    const { store, shard, append } = await opened();
    const [deadly, harmless] = [await append(), await append()];
    expect([await store.tryOnce(deadly), await store.tryOnce(harmless), await store.tryOnce(deadly)]).toEqual(
      [1, 1, 2],
    );
    await store.outlive(harmless);
    expect([await store.tryOnce(harmless), await store.tryOnce(deadly)]).toEqual([1, 3]);
    await store.trust(shard);
    expect(await store.tryOnce(deadly)).toBe(1);
  });

  test('a person is told once in a period that something broke', async () => {
    const { store } = await opened();
    const asked = [now, now + 9, now + 10, now + 11].map((at) => () => store.maySaySorry(chat, at, 10));
    const answers: boolean[] = [];
    for (const ask of asked) answers.push(await ask());
    expect(answers).toEqual([true, false, true, false]);
  });

  test('notes, tables and groups are the same for all copies', async () => {
    const { open } = await ground();
    const [{ notes }, { notes: others }] = [open(), open()];
    expect(await notes.get('a note')).toBeNull();
    await notes.set('a note', '1');
    expect(await others.get('a note')).toBe('1');
    const [table, same] = [notes.table('a table'), others.table('a table')];
    expect([await table.set('a', '1'), await table.set('a', '2')]).toEqual([true, false]);
    expect([await same.add('a', '3'), await same.add('b', '4')]).toEqual([false, true]);
    expect([await table.raise('n'), await same.raise('n')]).toEqual([1, 2]);
    expect(await same.all()).toEqual({ a: '2', b: '4', n: '2' });
    expect([await table.remove('a', 'x'), await table.remove()]).toEqual([1, 0]);
    expect(await same.get('a')).toBeNull();
    const [group, whole] = [notes.group('a group'), others.group('a group')];
    await group.add('x', 'y', 'x');
    await group.add();
    expect((await whole.all()).sort()).toEqual(['x', 'y']);
    await whole.remove('x', 'z');
    expect(await group.all()).toEqual(['y']);
  });

  test('the news know the last asking, and a gap before it', async () => {
    const { open } = await ground();
    const [{ news }, { news: others }] = [open(), open()];
    expect(await news.read()).toEqual({ asked: Number.NEGATIVE_INFINITY, gap: '', compared: '' });
    const first = await news.note(now, 100);
    expect(await others.note(now + 99, 100)).toBe(false);
    expect(await news.note(now + 199, 100)).toBe(true);
    await news.noteCompared(`${now + 199}`);
    expect(await others.read()).toEqual({ asked: now + 199, gap: `${now + 199}`, compared: `${now + 199}` });
    expect(first).toBe(true);
  });

  test('words reach who listens, until they stop', async () => {
    const { open } = await ground();
    const [store, other] = [open(), open()];
    const heard: string[] = [];
    const stop = other.listen(
      (shard) => heard.push(`inbox ${shard}`),
      () => heard.push('content'),
      (shard) => heard.push(`outbox ${shard}`),
      () => heard.push('missed'),
      () => heard.push('wanted'),
    );
    await expect.poll(() => heard.splice(0)).toEqual(['missed']);
    await store.announce([1, 2]);
    await store.announceEffects([3]);
    expect(await store.announceContent()).toBe(1);
    await store.news.want();
    await expect.poll(() => heard).toEqual(['inbox 1', 'inbox 2', 'outbox 3', 'content', 'wanted']);
    stop();
    await expect.poll(() => store.announceContent()).toBe(0);
  });

  test('what was stored is written where it stays, by the server that stored it', async () => {
    const { open } = await ground();
    const store = open();
    await store.ping();
    await expect(store.untilWritten(await store.server())).resolves.toBeUndefined();
    await expect(store.untilWritten('another')).rejects.toThrow();
  });
});
