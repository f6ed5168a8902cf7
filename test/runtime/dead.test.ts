import type { Update } from 'grammy/types';
import { expect, inject, onTestFinished, test } from 'vitest';
import { setup } from 'xstate';
import { machines } from '../../src/club/club.ts';
import { endDead } from '../../src/operator/dead.ts';
import type { Lane } from '../../src/runtime/core/effects.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import type { StoredLetter } from '../../src/runtime/letters.ts';
import { DeadLetters } from '../../src/runtime/letters.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { Keys } from '../../src/runtime/redis/keys.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { DeadLetter } from '../../src/runtime/stored.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { startBot } from '../support/bot.ts';
import { ownAll } from '../support/own.ts';
import { run, variablesFor } from '../support/process.ts';
import { openTestRedis } from '../support/redis.ts';

function lettersOf(prefix: string): DeadLetters {
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  return new DeadLetters(openRedisStore(redis, { prefix, shards: 4 }));
}

test('an effect that Telegram refuses for good becomes a dead letter; the chat goes on, and it can be tried again', async () => {
  const bot = await startBot();
  const dead = lettersOf(bot.prefix);
  const anna = bot.sandbox.user();
  bot.sandbox.fail('sendMessage', { status: 400, description: "Bad Request: can't parse entities" });
  anna.says('/start');
  anna.says('/help');
  await anna.sees('What I can do');
  await bot.settled();
  const [letter] = await dead.list(10);
  expect(letter?.letter).toMatchObject({ kind: 'effect', chat: anna.id, error: /can't parse entities/ });
  expect(letter?.letter.stack).toContain('GrammyError');
  expect(await dead.retry(letter as StoredLetter)).toBe(true);
  await anna.sees('Get access');
  await bot.settled();
  expect((await bot.status()).dead).toBe(0);
  expect(await dead.retry(letter as StoredLetter)).toBe(false);
});

test('an update that a machine chokes on is kept with its stack; other chats never notice, and it goes on once mended', async () => {
  let isBroken = true;
  const machine = setup({
    guards: {
      fragile: () => {
        if (isBroken) throw new Error('the guard chokes');
        return true;
      },
    },
    actions: { send: (_, _params: { message: string }) => {} },
  }).createMachine({
    id: 'fragile',
    context: { language: 'en' },
    meta: { userEvents: ['status.requested', 'message.received'] },
    on: {
      'status.requested': { guard: 'fragile', actions: { type: 'send', params: { message: 'terms' } } },
      'message.received': { actions: { type: 'send', params: { message: 'help' } } },
    },
  });
  const bot = await startBot({ machines: [machine, ...machines] });
  const dead = lettersOf(bot.prefix);
  const [anna, boris] = [bot.sandbox.user({ id: 1 }), bot.sandbox.user({ id: 2 })];
  anna.says('/status');
  anna.says('hello');
  boris.says('hello');
  await anna.sees('What I can do');
  await boris.sees('What I can do');
  const [letter] = await dead.list(10);
  expect(letter?.letter).toMatchObject({
    kind: 'update',
    chat: 1,
    error: expect.stringContaining('the guard chokes'),
  });
  expect(letter?.letter.stack).toContain('fragile');
  isBroken = false;
  await dead.retry(letter as StoredLetter);
  await anna.sees('Terms');
});

test('what Redis calls wrong in itself is given up in place of being tried for ever, and the chat goes on', async () => {
  const bot = await startBot();
  const dead = lettersOf(bot.prefix);
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  const anna = bot.sandbox.user();
  const key = new Keys(bot.prefix).session(shardOf(anna.id, 4), 'access', anna.id);
  await redis.set(key, 'not a session');
  anna.says('/start');
  await expect.poll(async () => (await dead.list(1))[0]?.letter.error).toMatch(/^WRONGTYPE/);
  await redis.del(key);
  anna.says('/help');
  await anna.sees('What I can do');
  const [letter] = await dead.list(1);
  await dead.retry(letter as StoredLetter);
  await anna.sees('Get access');
});

test('a payment that names no charge is kept for the operator, and the chat goes on', async () => {
  const bot = await startBot();
  const dead = lettersOf(bot.prefix);
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  const message = { ...anna.messages[0]?.raw, successful_payment: { currency: 'XTR', total_amount: 250 } };
  bot.sandbox.push({ message });
  anna.says('/help');
  await anna.sees('What I can do');
  expect(await dead.list(9)).toMatchObject([
    { letter: { kind: 'update', error: expect.stringContaining('charge id') } },
  ]);
  expect(await bot.state(anna)).toBe('idle');
});

/** A machine that is told to ring in an hour, and rings; the word `ring` in its guard chokes while it is broken. */
function alarm() {
  const fault = { isThere: true };
  const machine = setup({
    delays: { patience: () => 3_600_000 },
    guards: {
      fragile: () => {
        if (fault.isThere) throw new Error('the guard chokes');
        return true;
      },
    },
    actions: { send: (_, _params: { message: string }) => {} },
  }).createMachine({
    id: 'alarm',
    context: { language: 'en' },
    meta: { userEvents: ['message.received'] },
    initial: 'waiting',
    states: {
      waiting: {
        after: { patience: { guard: 'fragile', actions: { type: 'send', params: { message: 'terms' } } } },
        on: { 'message.received': { target: 'waiting', reenter: true } },
      },
    },
  });
  return { machine, fault };
}

test('a timer that is put back gives way to the one that was set since, and fires at its time', async () => {
  const { machine, fault } = alarm();
  const bot = await startBot({ machines: [machine, ...machines] });
  const dead = lettersOf(bot.prefix);
  const anna = bot.sandbox.user();
  const rings = () => anna.messages.filter(({ text }) => text?.includes('Terms')).length;
  const due = async () => (await bot.chat(anna)).sessions.at(0)?.timers.at(0)?.due;
  anna.says('hello');
  await expect.poll(due).toBeDefined();
  bot.clock.shift(3_600_000);
  await expect.poll(async () => (await dead.list(1)).length).toBe(1);
  const [letter] = await dead.list(1);
  expect(letter?.letter.kind).toBe('timer');
  anna.says('hello');
  await expect.poll(due).toBeDefined();
  const set = await due();
  expect(await dead.retry(letter as StoredLetter)).toBe(true);
  expect(await due()).toBe(set);
  expect(await dead.list(1)).toEqual([]);
  fault.isThere = false;
  bot.clock.shift(3_599_000);
  anna.says('/help');
  await anna.sees('What I can do');
  expect(rings()).toBe(0);
  bot.clock.shift(1_000);
  await anna.sees('Terms');
  await bot.settled();
  expect(rings()).toBe(1);
});

const at = 1_700_000_000_000;
/** Letters written by hand in a store that no bot runs on. */
async function openLetters() {
  const { redis, prefix } = await openTestRedis();
  const keys = new Keys(prefix);
  const add = async (shard: number, letter: Partial<DeadLetter>): Promise<string> => {
    const text = JSON.stringify({ kind: 'update', error: 'x', at, body: null, ...letter });
    return `${shard}-${await redis.xadd(keys.dead(shard), '*', 'd', text)}`;
  };
  const entries = async (shard: number) =>
    (await redis.xrange(keys.inbox(shard), '-', '+')).map(([, fields]) => fields);
  return { redis, keys, dead: new DeadLetters(openRedisStore(redis, { prefix, shards: 4 })), add, entries };
}

test('a timer that is put back is due when it was due, by the clock that gave it up', async () => {
  const { redis, keys, dead, add } = await openLetters();
  const ids = [
    await add(1, { kind: 'timer', chat: 7, body: 'm:7|known', due: at - 500 }),
    // Letters of earlier releases do not say it.
    await add(1, { kind: 'timer', chat: 7, body: 'm:7|unknown' }),
  ];
  await endDead(dead, 'retry', ids, false);
  expect(await redis.zrange(keys.timers(1), 0, '-1', 'WITHSCORES')).toEqual([
    'm:7|known',
    String(at - 500),
    'm:7|unknown',
    String(at),
  ]);
});

test.each([
  ['a raw update', { kind: 'update', body: { update_id: 1 } }, 'u', '{"update_id":1}'],
  [
    'a raw update of a known chat',
    { kind: 'update', chat: 7, body: { update_id: 1 } },
    'u',
    '{"update_id":1}',
  ],
  ['what is no JSON', { kind: 'update', body: '{"a' }, 'u', '{"a'],
  [
    'a routed update',
    { kind: 'update', chat: 7, body: { chat: 7, event: { type: 'e' } } },
    'a7',
    '{"chat":7,"event":{"type":"e"}}',
  ],
  [
    'a routed update that was kept as text',
    { kind: 'update', body: '{"chat":-7,"event":{}}' },
    'a-7',
    '{"chat":-7,"event":{}}',
  ],
  ['a result', { kind: 'result', chat: 7, body: { chat: 7 } }, 'r7', '{"chat":7}'],
  ['a signal', { kind: 'signal', body: '{"chat":7}' }, 's7', '{"chat":7}'],
  ['a wish to be forgotten', { kind: 'forget', body: '{"chat":7}' }, 'f7', '{"chat":7}'],
  ['a person who cannot be reached', { kind: 'unreachable', body: '7' }, 'b7', '7'],
] satisfies [string, Partial<DeadLetter>, string, string][])(
  'an entry that is put back names its kind and its chat, and stands where it stood: %s',
  async (_, letter, field, text) => {
    const { dead, add, entries } = await openLetters();
    const id = await add(3, letter);
    expect(await dead.retry((await dead.find(id)) as StoredLetter)).toBe(true);
    expect(await entries(3)).toEqual([[field, text]]);
  },
);

test.each(['all', 'by their ids'])(
  'letters are put back in the order in which they were given up: %s',
  async (which) => {
    const { dead, add, entries } = await openLetters();
    const ids: string[] = [];
    for (let n = 0; n < 450; n++)
      ids.push(await add(2, { chat: 7, body: { update_id: n }, at: at + Math.floor(n / 3) }));
    await endDead(dead, 'retry', which === 'all' ? [] : [...ids].reverse(), which === 'all');
    const numbers = (await entries(2)).map(([, text]) => (JSON.parse(text ?? '') as Update).update_id);
    expect(numbers).toEqual(ids.map((_, n) => n));
  },
);

test('letters of several shards are walked by the time at which they were given up', async () => {
  const { dead, add } = await openLetters();
  for (const [shard, n] of [3, 0, 1, 3, 3, 0].entries()) await add(n, { at: at + shard });
  const times = [];
  for await (const { letter } of dead.all()) times.push(letter.at - at);
  expect(times).toEqual([0, 1, 2, 3, 4, 5]);
  expect((await dead.list(3)).map(({ letter }) => letter.at - at)).toEqual([5, 4, 3]);
});

test('a letter that comes back while all are put back is not put back again', async () => {
  const { redis, keys, dead, add } = await openLetters();
  for (let n = 0; n < 3; n++) await add(0, { body: { update_id: n } });
  for await (const stored of dead.all()) {
    expect(await dead.retry(stored)).toBe(true);
    await add(0, { body: (stored.letter.body as Update) ?? {} });
  }
  expect(await redis.xlen(keys.inbox(0))).toBe(3);
  expect(await redis.xlen(keys.dead(0))).toBe(3);
});

test('an effect that is put back counts as waiting again, due at once by the clock that gave it up', async () => {
  const { redis, keys, dead, add } = await openLetters();
  const effect = { id: '1', type: 'send', machine: 'm', chat: 7, lane: 'reply', queue: '7', context: {} };
  const id = await add(1, { kind: 'effect', chat: 7, body: { ...effect, attempt: 3, since: at - 1 } });
  await dead.retry((await dead.find(id)) as StoredLetter);
  expect(await redis.get(keys.outboxCount(1))).toBe('1');
  expect(await redis.lrange(keys.outbox(1, '7'), 0, '-1')).toEqual([`1${JSON.stringify(effect)}`]);
  expect(await redis.zscore(keys.lane(1, 'reply'), '7')).toBe(String(at));
});

test('an effect that is put back lifts what waits before it into its own lane, in order', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 1 });
  await ownAll(store, 'test');
  const effect = (lane: Lane) => ({
    id: lane,
    type: 'send',
    machine: 'x',
    chat: 7,
    lane,
    queue: '7',
    context: {},
  });
  await redis.rpush(store.keys.outbox(0, '7'), `2${JSON.stringify(effect('reminder'))}`);
  await redis.zadd(store.keys.lane(0, 'reminder'), 5, '7');
  const letter = { kind: 'effect', error: 'x', at: 1, chat: 7, body: effect('reply') };
  await redis.xadd(store.keys.dead(0), '*', 'd', JSON.stringify(letter));
  const dead = new DeadLetters(openRedisStore(redis, { prefix, shards: 1 }));
  const [found] = await dead.list(1);
  expect(await dead.retry(found as NonNullable<typeof found>)).toBe(true);
  const [head] = (await store.takeEffects(0, 'reply', 5, 9, [])).taken;
  expect(head?.effect.lane).toBe('reminder');
  expect(await store.settle(head as NonNullable<typeof head>, 9)).toMatchObject({
    effect: { lane: 'reply' },
  });
  expect(await redis.zcard(store.keys.lane(0, 'reminder'))).toBe(0);
});

test('turnstile dead lists, shows, puts back and drops letters', async () => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const bot = run(['start'], variables);
  await bot.logged('ready');
  const anna = sandbox.user();
  sandbox.fail('sendMessage', { status: 400, description: 'Bad Request: message is too long' }, { times: 2 });
  anna.says('/start');
  anna.says('/help');
  anna.says('/terms');
  await anna.sees('Terms');
  const command = async (...args: string[]) => {
    const program = run(['dead', ...args], variables);
    return { code: await program.ended, output: program.output() };
  };
  const [second, first] = JSON.parse((await command('list', '--json')).output) as { id: string }[];
  expect((await command('list')).output).toMatch(/effect.*chat 1001.*message is too long/);
  expect((await command('show', `${first?.id}`)).output).toContain('"welcome"');
  expect((await command('drop', `${second?.id}`)).output).toContain('1 dropped');
  expect((await command('retry', '--all')).output).toContain('1 put back');
  await anna.sees('Get access');
  expect(await command('show', `${first?.id}`)).toMatchObject({ code: 66 });
  expect((await command('list')).output).toContain('no dead letters');
  for (const wrong of [['retry'], ['show'], ['list', '--limit', 'none'], ['list', '--nothing'], ['nothing']])
    expect((await command(...wrong)).code, wrong.join(' ')).toBe(64);
  expect((await command('--help')).code).toBe(0);
});
