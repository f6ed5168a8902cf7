import type { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { assign, setup } from 'xstate';
import { supportMachine } from '../../machines/support.machine.ts';
import { machines } from '../../src/club/club.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { DeadLetters } from '../../src/runtime/letters.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { Keys } from '../../src/runtime/redis/keys.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { SandboxUser } from '../../src/sandbox/index.ts';
import { startBot, type TestBot } from '../support/bot.ts';
import { isOffered, openShop } from '../support/shop.ts';

const minutes = 60_000;
const days = 86_400_000;

/** Everything that a machine can do wrong while it runs, each by a command of its own. */
const wrongMachine = setup({
  types: { context: {} as { language: string; odd?: unknown }, events: {} as { type: string; at: number } },
  delays: { soon: 60_000, never: ({ context }) => Number(context.odd) * Number.NaN },
  guards: {
    throwing: () => {
      throw new Error('the guard throws');
    },
    nameless: () => {
      throw Object.create(null);
    },
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    big: assign({ odd: 1n }),
    dated: assign({ odd: () => new Date() }),
    mapped: assign({ odd: () => new Map() }),
    gaps: assign({ odd: () => [undefined] }),
    broken: assign({ odd: Number.NaN }),
    throwing: assign(() => {
      throw new Error('the assign throws');
    }),
  },
}).createMachine({
  id: 'wrong',
  context: { language: 'en' },
  meta: {
    userEvents: [
      ...['big', 'dated', 'mapped', 'gaps', 'broken', 'guard', 'nameless', 'assign'],
      ...['endless', 'late', 'armed', 'done', 'fine'],
    ].map((name) => `${name}.requested`),
  },
  initial: 'here',
  states: {
    here: {
      on: {
        'big.requested': { actions: 'big' },
        'dated.requested': { actions: 'dated' },
        'mapped.requested': { actions: 'mapped' },
        'gaps.requested': { actions: 'gaps' },
        'broken.requested': { actions: 'broken' },
        'assign.requested': { actions: 'throwing' },
        'guard.requested': { guard: 'throwing', actions: 'big' },
        'nameless.requested': { guard: 'nameless', actions: 'big' },
        'endless.requested': 'there',
        'late.requested': 'late',
        'armed.requested': 'armed',
        'done.requested': 'done',
        'fine.requested': { actions: { type: 'send', params: { message: 'terms' } } },
      },
    },
    there: { always: 'back' },
    back: { always: 'there' },
    late: { after: { never: 'here' } },
    armed: { after: { soon: { target: 'here', actions: 'big' } } },
    done: { type: 'final', entry: { type: 'send', params: { message: 'language_changed' } } },
  },
});

const wrong = [
  ...['big', 'dated', 'mapped', 'gaps', 'broken', 'guard', 'nameless', 'assign', 'endless', 'late'],
] as const;

interface Stand {
  readonly bot: TestBot;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly dead: DeadLetters;
}

async function stand(options: Parameters<typeof startBot>[0] = {}): Promise<Stand> {
  const bot = await startBot({ machines: [wrongMachine, ...machines], ...options });
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  const { prefix } = bot;
  return {
    bot,
    redis,
    keys: new Keys(prefix),
    dead: new DeadLetters(openRedisStore(redis, { prefix, shards: 4 })),
  };
}

/** Chats of one shard. */
const sameShard = (count: number): number[] =>
  Array.from({ length: 400 }, (_, index) => 5_000 + index)
    .filter((id) => shardOf(id, 4) === 1)
    .slice(0, count);

const textsOf = (user: SandboxUser) =>
  user.messages.filter(({ from }) => from === 'bot').map(({ text }) => text.split('\n')[0] ?? '');

test.each(wrong)(
  'an update that a machine cannot take (%s) is given up at once, and its chat goes on',
  async (name) => {
    const { bot, dead } = await stand();
    const anna = bot.sandbox.user();
    anna.says('/fine');
    await anna.sees('Terms');
    anna.says(`/${name}`);
    anna.says('/fine');
    await bot.sandbox.waitFor(
      () => textsOf(anna).filter((text) => text.startsWith('Terms')).length === 2,
      'the second answer',
    );
    await bot.settled();
    const letters = await dead.list(9);
    expect(letters).toMatchObject([{ letter: { kind: 'update', chat: anna.id } }]);
    expect(await bot.state(anna)).toBe('here');
    expect(await bot.status()).toMatchObject({ timers: 0, outbox: 0 });
  },
);

test('as many updates as the bot can hold, all of them impossible, stop nobody', async () => {
  const { bot } = await stand();
  for (let id = 1; id <= 260; id++) bot.sandbox.user({ id: 10_000 + id }).says('/big');
  const anna = bot.sandbox.user();
  anna.says('/fine');
  await anna.sees('Terms');
  await expect.poll(async () => (await bot.status()).dead).toBe(260);
});

test('as many timers as the bot can hold, all of them impossible, stop no other; and the bot stops in order', async () => {
  const { bot, dead } = await stand();
  const people = Array.from({ length: 130 }, (_, index) => bot.sandbox.user({ id: 10_000 + index }));
  for (const person of people) person.says('/armed');
  await bot.settled();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  bot.clock.shift(5 * minutes);
  await anna.sees('3 traps');
  await expect.poll(async () => (await bot.status()).dead).toBe(130);
  expect((await dead.list(1))[0]?.letter).toMatchObject({ kind: 'timer', due: expect.any(Number) });
  await bot.restart();
  anna.says('/help');
  await anna.sees('What I can do');
});

test('a stored session that is no JSON, or of another type, costs its own updates alone', async () => {
  const { bot, redis, keys, dead } = await stand();
  const ids = sameShard(7);
  const [first = 0, second = 0] = ids;
  await redis.hset(keys.session(1, 'access', first), { s: '{', n: 1 });
  await redis.set(keys.session(1, 'access', second), 'text');
  const people = ids.map((id) => bot.sandbox.user({ id }));
  for (const person of people) person.says('/start');
  for (const person of people.slice(2)) await person.sees('Get access');
  await expect.poll(async () => (await bot.status()).dead).toBe(2);
  const letters = await dead.list(9);
  expect(letters.map(({ letter }) => letter.chat).sort()).toEqual([first, second].sort());
  await redis.del(keys.session(1, 'access', first), keys.session(1, 'access', second));
  for (const letter of letters) await dead.retry(letter);
  for (const person of people.slice(0, 2)) await person.sees('Get access');
});

test('an inbox that takes nothing keeps its updates as dead letters, and polling goes on', async () => {
  const { bot, redis, keys, dead } = await stand();
  const [id = 0] = sameShard(1);
  await redis.set(keys.inbox(1), 'text');
  bot.sandbox.user({ id }).says('/start');
  const anna = bot.sandbox.user({ id: 77 });
  expect(shardOf(77, 4)).not.toBe(1);
  anna.says('/start');
  await anna.sees('Get access');
  await expect.poll(async () => (await dead.list(9))[0]?.letter.error).toMatch(/^WRONGTYPE/);
  await redis.del(keys.inbox(1));
  await dead.retry((await dead.list(1))[0] as NonNullable<Awaited<ReturnType<typeof dead.find>>>);
  await expect.poll(async () => (await bot.status()).chats).toBe(2);
});

test('what stands in an inbox and cannot be read is kept; the same from another release', async () => {
  const { bot, redis, keys, dead } = await stand();
  await redis.xadd(keys.inbox(1), '*', 'a5', 'no JSON');
  await redis.xadd(keys.inbox(2), '*', 'z77', '{"new":true}');
  await redis.xadd(keys.inbox(3), '*', 's', '{"machine":"of another release","chat":5,"event":{"type":"x"}}');
  await expect.poll(async () => (await bot.status()).dead).toBe(3);
  const letters = (await dead.list(9)).map(({ letter }) => letter);
  expect(letters.map(({ kind }) => kind).sort()).toEqual(['signal', 'unknown', 'update']);
  expect((await bot.status()).inbox).toBe(0);
  for (const letter of await dead.list(9)) await dead.retry(letter);
  await expect.poll(async () => (await bot.status()).dead).toBe(3);
  expect((await dead.list(9)).map(({ letter }) => letter.body)).toContainEqual({
    field: 'z77',
    text: '{"new":true}',
  });
});

test('what stands among the timers and is none is given up; the timers of its shard go on', async () => {
  const { bot, redis, keys } = await stand();
  const anna = bot.sandbox.user({ id: 77 });
  await isOffered(bot, anna);
  await redis.zadd(keys.timers(shardOf(77, 4)), 5, 'no timer', 6, 'access:77|of another release');
  bot.clock.shift(5 * minutes);
  await anna.sees('3 traps');
  await expect.poll(async () => (await bot.status()).dead).toBe(2);
});

test('an update in the inbox of another shard goes to its own, once', async () => {
  const { bot, redis, keys } = await stand();
  const [id = 0] = sameShard(1);
  const anna = bot.sandbox.user({ id });
  anna.says('/help');
  await anna.sees('What I can do');
  const from = { id, is_bot: false, first_name: 'Anna' };
  const message = { message_id: 1, date: 1, from, chat: { id, type: 'private' }, text: '/start' };
  const update = JSON.stringify({ update_id: 900_001, message });
  // As an earlier release stored it, before the club or the number of a chat changed.
  for (let copy = 0; copy < 2; copy++) await redis.xadd(keys.inbox(2), '*', 'u', update);
  await anna.sees('Get access');
  await bot.settled();
  expect(textsOf(anna).filter((text) => text.startsWith('Hello'))).toHaveLength(1);
  expect(await bot.status()).toMatchObject({ inbox: 0, dead: 0 });
});

test('words in the club and what else means nothing are not stored', async () => {
  const { bot, redis, keys } = await stand();
  const before = await redis.keys(`*${bot.prefix}*`);
  const chat = { id: -100_777, type: 'supergroup', title: 'Club' };
  const from = { id: 5, is_bot: false, first_name: 'Boris' };
  for (let id = 1; id <= 20; id++)
    bot.sandbox.push({ message: { message_id: id, date: 1, chat, from, text: `secret ${id}` } });
  const anna = bot.sandbox.user();
  anna.says('/help');
  await anna.sees('What I can do');
  await bot.settled();
  expect(before.length).toBeGreaterThan(0);
  const [, added] = (await redis.xinfo('STREAM', keys.inbox(shardOf(anna.id, 4)))) as unknown[];
  expect(added).toBe(0);
  for (let shard = 0; shard < 4; shard++) {
    const info = (await redis.xinfo('STREAM', keys.inbox(shard)).catch(() => [])) as unknown[];
    expect(Number(info[info.indexOf('entries-added') + 1] ?? 0)).toBe(shard === shardOf(anna.id, 4) ? 1 : 0);
  }
});

test('a machine that has come to its end begins anew with the next update', async () => {
  const { bot } = await stand();
  const anna = bot.sandbox.user();
  for (let round = 1; round <= 2; round++) {
    anna.says('/done');
    await bot.sandbox.waitFor(
      () => anna.messages.filter(({ from }) => from === 'bot').length === 2 * round - 1,
      'the end',
    );
    anna.says('/fine');
    await bot.sandbox.waitFor(
      () => anna.messages.filter(({ from }) => from === 'bot').length === 2 * round,
      'a beginning',
    );
  }
  anna.says('/done');
  await bot.settled();
  expect(await bot.chat(anna)).toMatchObject({ sessions: [] });
  expect((await bot.status()).states['wrong']).toMatchObject({ here: 0, done: 0 });
});

test('an operator who sends /answer without a question, and then a text, is told how; nothing stops', async () => {
  const { bot, operator } = await openShop();
  operator.says('/answer');
  await operator.sees('Press “Answer” under the question');
  operator.says('some text');
  await bot.settled();
  bot.sandbox.push({
    callback_query: {
      id: 'forged',
      from: { id: operator.id, is_bot: false, first_name: 'Olga' },
      chat_instance: '1',
      message: operator.messages.at(-1)?.raw,
      data: 'answer.requested:nobody',
    },
  } as never);
  operator.says('/help');
  await operator.sees('What I can do');
  await bot.settled();
  expect(await bot.status()).toMatchObject({ dead: 0, inbox: 0, outbox: 0 });
});

test('whose update was given up hears so once an hour, a pressed button is answered, and the operators hear one count', async () => {
  const { bot, redis, keys } = await stand({ variables: { ADMIN_IDS: '900' } });
  const operator = bot.sandbox.user({ id: 900 });
  operator.says('/fine');
  await operator.sees('Terms');
  const anna = bot.sandbox.user({ id: 77 });
  anna.says('/start');
  await anna.sees('Get access');
  await bot.settled();
  const key = keys.session(shardOf(77, 4), 'access', 77);
  const session = await redis.hgetall(key);
  await redis.hset(key, 's', '{');
  const sorry = () => textsOf(anna).filter((text) => text.startsWith('Something went wrong'));
  anna.says('/big');
  await anna.sees('Something went wrong');
  anna.presses('Get access');
  anna.says('/big');
  await bot.settled();
  expect(sorry()).toHaveLength(1);
  const answer = bot.sandbox.calls.filter(({ method }) => method === 'answerCallbackQuery').at(-1);
  expect(answer?.payload).toHaveProperty('text', expect.stringMatching(/Something went wrong/));
  bot.clock.shift(10_000);
  await operator.sees(/3 события/);
  await bot.settled();
  const told = () => textsOf(operator).filter((text) => text.startsWith('Не удалось обработать')).length;
  expect(told()).toBe(1);
  anna.says('/big');
  await bot.settled();
  bot.clock.shift(61 * minutes);
  await expect.poll(told).toBe(2);
  anna.says('/big');
  await expect.poll(() => sorry().length).toBe(2);
  await redis.hset(key, session);
});

test('a payment whose step fails is in the ledger, and is granted when it is tried again', async () => {
  const { bot, redis, keys, dead } = await stand();
  const anna = bot.sandbox.user({ id: 77 });
  await isOffered(bot, anna);
  const key = keys.session(shardOf(77, 4), 'access', 77);
  const session = await redis.hget(key, 's');
  await redis.hset(key, 's', '{');
  const { charge } = await anna.paysAgain();
  await expect.poll(async () => (await bot.status()).dead).toBe(1);
  expect(await redis.hget(keys.ledger(shardOf(77, 4)), charge)).toContain('"ungranted":true');
  await redis.hset(key, 's', session ?? '');
  await dead.retry((await dead.list(1))[0] as NonNullable<Awaited<ReturnType<typeof dead.find>>>);
  await anna.sees('Thank you');
  expect(await bot.chat(anna)).toMatchObject({ payments: [{ charge }] });
  expect(await redis.hget(keys.ledger(shardOf(77, 4)), charge)).not.toContain('ungranted');
  expect(await redis.llen(keys.book(shardOf(77, 4), 77))).toBe(1);
});

test('refunding and answering need an operator, whatever a machine says of itself', async () => {
  // As an editor that keeps no `meta` would save it.
  const { meta: _, ...config } = supportMachine.config;
  const machine = setup(supportMachine.implementations as object).createMachine(config as object);
  const starting = startBot({ machines: machines.map((one) => (one.id === 'support' ? machine : one)) });
  await expect(starting).rejects.toThrow(/"requestRefund" is for operators alone/);
});

test('who has blocked the bot is forgotten after 90 days, unless they have access', async () => {
  const bot = await startBot();
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  await isOffered(bot, anna);
  await isOffered(bot, boris);
  await boris.pays();
  await bot.settled();
  for (const person of [anna, boris]) person.blocks();
  await bot.settled();
  bot.clock.shift(89 * days);
  await bot.settled();
  expect(await bot.state(anna)).toBe('awaiting_payment');
  bot.clock.shift(2 * days);
  await expect.poll(() => bot.state(anna)).toBeUndefined();
  expect(await bot.state(boris)).toBe('paid');
  boris.unblocks();
  boris.says('/status');
  await boris.sees(/access/i);
});

test('who comes back in time keeps everything', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  anna.blocks();
  await bot.settled();
  bot.clock.shift(80 * days);
  anna.unblocks();
  anna.says('/status');
  await bot.settled();
  bot.clock.shift(1 * days);
  bot.clock.shift(1 * days);
  await bot.settled();
  bot.clock.shift(12 * 3_600_000);
  await bot.settled();
  expect(await bot.state(anna)).toBe('awaiting_payment');
});

test('an untouched session ends by the clock of the bot alone: Redis has no time of its own for it', async () => {
  const { bot, redis, keys } = await stand();
  const anna = bot.sandbox.user({ id: 77 });
  anna.says('/start');
  await anna.sees('Get access');
  await bot.settled();
  expect(await redis.pttl(keys.session(shardOf(77, 4), 'access', 77))).toBe(-1);
  // The bot is off for a night, after the person has asked for access.
  anna.presses('Get access');
  await bot.settled();
  await bot.app.stop();
  bot.clock.shift(12 * 60 * minutes);
  await bot.restart();
  await anna.sees('3 traps');
  await anna.pays();
  await bot.settled();
  bot.clock.shift(2 * days);
  await bot.settled();
  expect(await bot.state(anna)).toBe('paid');
  expect((await bot.status()).states['access']).toMatchObject({ idle: 0, awaiting_payment: 0, paid: 1 });
});

test('reminders that wait for their turn stay timers: who pays meanwhile is not asked to', async () => {
  const { bot } = await stand({ variables: { RATE_BULK: '1' } });
  const people = Array.from({ length: 30 }, (_, index) => bot.sandbox.user({ id: 600 + index }));
  for (const person of people) person.says('/start');
  for (const person of people) await person.sees('Get access');
  for (const person of people) person.presses('Get access');
  await bot.settled();
  bot.clock.shift(5 * minutes);
  await bot.sandbox.waitFor(
    () => people.some((person) => textsOf(person).some((text) => text.includes('3 traps'))),
    'the first reminder',
  );
  const asked = () =>
    people.filter((person) => textsOf(person).some((text) => text.includes('3 traps'))).length;
  const before = asked();
  await Promise.all(people.map((person) => person.pays()));
  await bot.settled();
  // Those that were in the lane already: a second or two of it in each of four shards.
  expect(asked() - before).toBeLessThanOrEqual(4 + 2);
  bot.clock.shift(10_000);
  await bot.settled();
  expect(asked() - before).toBeLessThanOrEqual(4 + 2);
});

test('a chat that floods its shard holds up nobody, loses nothing and keeps its order', async () => {
  const { bot } = await stand({ variables: { RATE_TOTAL: '100000' } });
  const [hot = 0, ...others] = sameShard(6);
  const flooder = bot.sandbox.user({ id: hot });
  const people = others.map((id) => bot.sandbox.user({ id }));
  const steps = () => bot.log.filter(({ chat, event }) => chat === hot && event === 'fine.requested').length;
  for (let count = 0; count < 3_000; count++) flooder.says('/fine');
  await expect.poll(steps).toBeGreaterThan(0);
  for (const person of people) person.says('/fine');
  for (const person of people) await person.sees('Terms');
  expect(steps()).toBeLessThan(1_000);
  await expect.poll(steps, { timeout: 20_000 }).toBe(3_000);
  const order = bot.log.flatMap(({ chat, update }) =>
    chat === hot && typeof update === 'number' ? [update] : [],
  );
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect((await bot.status()).inbox).toBe(0);
});

test('a start that would leave people in a state which is gone is refused, and names state and number', async () => {
  const here = setup({}).createMachine({
    id: 'wrong',
    context: { language: 'en' },
    meta: { userEvents: ['fine.requested'] },
    initial: 'elsewhere',
    states: { elsewhere: { on: { 'fine.requested': {} } } },
  });
  const { bot } = await stand();
  for (const person of [bot.sandbox.user(), bot.sandbox.user()]) person.says('/fine');
  await expect.poll(async () => (await bot.status()).states['wrong']?.['here']).toBe(2);
  await bot.app.stop();
  const start = startBot({
    machines: [here, ...machines],
    variables: { REDIS_PREFIX: bot.prefix },
  });
  await expect(start).rejects.toMatchObject({
    exitCode: 78,
    message: expect.stringMatching(/"wrong": expected the state "here", in which 2 sessions stand/),
  });
});
