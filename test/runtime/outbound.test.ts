import { expect, inject, onTestFinished, test } from 'vitest';
import { machines } from '../../src/club/club.ts';
import { lanes } from '../../src/runtime/core/effects.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { DeadLetters } from '../../src/runtime/letters.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { Keys } from '../../src/runtime/redis/keys.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { SandboxUser } from '../../src/sandbox/index.ts';
import { startBot, type TestBot } from '../support/bot.ts';
import { jobMachine } from '../support/job.machine.ts';

const serverError = { status: 500, description: 'Internal Server Error' };
const refusedToken = { status: 401, description: 'Unauthorized' };

const lockedOut = 'Telegram refuses BOT_TOKEN; nothing is sent until it takes it again';

const texts = (user: SandboxUser) =>
  user.messages.filter(({ from }) => from === 'bot').map(({ text }) => text.split('\n')[0] ?? '');
const calls = (bot: TestBot, name: string) =>
  bot.sandbox.calls.filter(({ method }) => method === name).length;
const logged = (bot: TestBot, message: string) => bot.log.filter(({ msg }) => msg === message);
const sends = (bot: TestBot, user: SandboxUser) =>
  bot.sandbox.calls.filter(
    ({ method, payload }) => method === 'sendMessage' && Number(payload['chat_id']) === user.id,
  ).length;

function redisOf(bot: TestBot) {
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  const keys = new Keys(bot.prefix);
  return { redis, keys, dead: new DeadLetters(openRedisStore(redis, { prefix: bot.prefix, shards: 4 })) };
}

/** Puts effects into the outbox as a commit does it. */
function effectsOf(bot: TestBot) {
  const stored = redisOf(bot);
  const { redis, keys } = stored;
  const queue = async (effect: { type: string; chat: number; queue: string } & Record<string, unknown>) => {
    const shard = shardOf(effect.chat, 4);
    const whole = { id: 'x', machine: 'access', lane: 'reply', context: { language: 'en' }, ...effect };
    await redis.rpush(keys.outbox(shard, effect.queue), `1${JSON.stringify(whole)}`);
    await redis.incr(keys.outboxCount(shard));
    await redis.zadd(keys.lane(shard, 'reply'), bot.clock.now(), effect.queue);
    await openRedisStore(redis, { prefix: bot.prefix, shards: 4 }).announceEffects([shard]);
  };
  return { ...stored, queue };
}

test.each([
  ['a 5xx', serverError],
  ['a page of HTML', 'html-502'],
  ['a connection that breaks', 'reset-before'],
] as const)(
  'what meets %s for an hour is sent in the end, and what follows in order behind it; others are served meanwhile',
  async (_, fault) => {
    const bot = await startBot();
    const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
    bot.sandbox.fail('sendMessage', fault, { times: 66, chat: anna.id });
    anna.says('/start');
    anna.says('/help');
    const failures = () => logged(bot, 'an effect failed; trying again').length;
    let attempts = 1;
    for (const seconds of [1, 5, 15, 30, ...Array.from({ length: 62 }, () => 60)]) {
      await expect.poll(failures, { timeout: 10_000 }).toBe(attempts);
      expect(sends(bot, anna)).toBe(attempts);
      if (seconds === 30) {
        boris.says('/help');
        await boris.sees('What I can do');
      }
      expect(texts(anna)).toEqual([]);
      bot.clock.shift(seconds * 1_000);
      attempts++;
    }
    await anna.sees('What I can do');
    expect(texts(anna).map((text) => text.slice(0, 5))).toEqual(['Hello', 'What ']);
    await bot.settled();
    expect((await bot.status()).dead).toBe(0);
  },
);

test('an invoice whose answer is lost is sent again, and becomes no dead letter', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  bot.sandbox.fail('sendInvoice', 'reset-after', { chat: anna.id });
  anna.says('/start');
  await anna.sees('Get access');
  anna.presses('Get access');
  await bot.sandbox.waitFor(() => anna.messages.at(-1)?.kind === 'invoice', 'the invoice');
  await expect.poll(() => logged(bot, 'an effect failed; trying again').length).toBe(1);
  bot.clock.shift(1_000);
  await bot.sandbox.waitFor(
    () => anna.messages.filter(({ kind }) => kind === 'invoice').length === 2,
    'the second invoice',
  );
  await bot.settled();
  expect((await bot.status()).dead).toBe(0);
});

test('while Telegram refuses the token nothing is consumed, one message at a time tries, and all goes on by itself', async () => {
  const bot = await startBot();
  const users = Array.from({ length: 5 }, () => bot.sandbox.user());
  bot.sandbox.fail('sendMessage', refusedToken, { times: 8 });
  for (const user of users) user.says('/start');
  await expect.poll(() => logged(bot, lockedOut).length).toBe(1);
  const tries = () => calls(bot, 'sendMessage');
  // Whatever was on its way when the first refusal came has come back.
  await expect.poll(async () => (await bot.status()).outbox).toBe(5);
  await expect.poll(() => bot.sandbox.pendingUpdates).toBe(0);
  for (let before = tries(); tries() < 8; before = tries()) {
    bot.clock.shift(16_000);
    await expect.poll(tries).toBe(before + 1);
    if (tries() < 8) expect((await bot.status()).outbox).toBe(5);
  }
  await expect.poll(() => bot.sandbox.calls.length).toBeGreaterThan(0);
  bot.clock.shift(16_000);
  for (const user of users) await user.sees('Get access');
  await bot.settled();
  expect(logged(bot, lockedOut)).toHaveLength(1);
  expect(logged(bot, 'Telegram takes the token again; sending goes on')).toHaveLength(1);
  expect((await bot.status()).dead).toBe(0);
  expect(users.map((user) => texts(user).length)).toEqual([1, 1, 1, 1, 1]);
});

test('a method that Telegram does not know stops nothing but itself', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  bot.sandbox.fail('sendMessage', { status: 404, description: 'Not Found: method not found' });
  anna.says('/start');
  anna.says('/help');
  await anna.sees('What I can do');
  await bot.settled();
  expect((await bot.status()).dead).toBe(1);
});

test('a chat that is told to wait waits exactly so long, and alone', async () => {
  const bot = await startBot();
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  const flood = { status: 429, description: 'Too Many Requests: retry after 100', retryAfter: 100 };
  bot.sandbox.fail('sendMessage', flood, { chat: anna.id });
  anna.says('/start');
  await expect.poll(() => logged(bot, 'Telegram asks for a pause').length).toBe(1);
  boris.says('/help');
  await boris.sees('What I can do');
  await bot.sandbox.idle();
  bot.clock.shift(90_000);
  boris.says('/help');
  await expect.poll(() => texts(boris).length).toBe(2);
  expect(sends(bot, anna)).toBe(1);
  bot.clock.shift(10_000);
  await anna.sees('Get access');
});

test('when the whole bot is told to wait for hours, one message tries each 15 s, and the first that is taken ends it', async () => {
  const bot = await startBot();
  const users = [1, 2, 3].map((id) => bot.sandbox.user({ id }));
  const flood = { status: 429, description: 'Too Many Requests: retry after 10000', retryAfter: 10_000 };
  for (const { id } of users) bot.sandbox.fail('sendMessage', flood, { chat: id });
  for (const user of users) user.says('/start');
  await expect.poll(() => logged(bot, 'Telegram asks the whole bot for a pause').length).toBe(1);
  const late = bot.sandbox.user({ id: 4 });
  late.says('/help');
  const tries = () => calls(bot, 'sendMessage');
  await expect.poll(async () => (await bot.status()).outbox).toBe(4);
  expect(tries()).toBe(3);
  bot.sandbox.fail('sendMessage', flood);
  bot.clock.shift(15_000);
  await expect.poll(tries).toBe(4);
  await expect.poll(() => logged(bot, 'Telegram asks for a pause').length).toBe(4);
  expect(texts(late)).toEqual([]);
  bot.clock.shift(16_000);
  for (const user of users) await user.sees('Get access');
  await late.sees('What I can do');
  await bot.settled();
  expect(logged(bot, 'the pause of the whole bot is over')).toHaveLength(1);
});

test('a checkout waits neither for an answer of the same chat that hangs nor for a pause of the bot', async () => {
  const bot = await startBot();
  const { queue } = effectsOf(bot);
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  anna.presses('Get access');
  await bot.sandbox.waitFor(() => anna.messages.at(-1)?.kind === 'invoice', 'the invoice');
  await bot.settled();
  bot.sandbox.fail('answerCallbackQuery', { delay: 3_600_000 });
  await queue({ type: 'answerButton', params: { query: '1' }, chat: anna.id, queue: `${anna.id}?button` });
  await expect.poll(() => calls(bot, 'answerCallbackQuery')).toBe(2);
  bot.sandbox.fail('sendMessage', refusedToken);
  anna.says('/help');
  await expect.poll(() => logged(bot, lockedOut).length).toBe(1);
  expect(await anna.checkout()).toEqual({ ok: true });
  bot.clock.shift(3_600_000);
});

test('what stands in an outbox and is no effect becomes a dead letter; its queue and all others go on', async () => {
  const bot = await startBot();
  const { redis, keys, dead } = redisOf(bot);
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  const shard = shardOf(anna.id, 4);
  await redis.rpush(keys.outbox(shard, `${anna.id}`), '1not JSON', 'no lane', '1"a string"', '1{}', '1null');
  await redis.incrby(keys.outboxCount(shard), 5);
  await redis.zadd(keys.lane(shard, 'reply'), bot.clock.now(), `${anna.id}`);
  anna.says('/help');
  boris.says('/help');
  await anna.sees('What I can do');
  await boris.sees('What I can do');
  await bot.settled();
  const letters = await dead.list(10);
  expect(letters.map(({ letter }) => letter.body)).toHaveLength(5);
  expect(letters.every(({ letter }) => letter.error.includes('Expected an effect'))).toBe(true);
  const [first] = letters;
  expect(await dead.retry(first as NonNullable<typeof first>)).toBe(false);
  for (const lane of lanes) expect(await redis.zcard(keys.lane(shard, lane))).toBe(0);
});

test('a queue that is no list is left alone, a lane that is no set too; all others go on, and the bot stops in order', async () => {
  const bot = await startBot();
  const { redis, keys } = redisOf(bot);
  const [anna, boris, vera] = [1, 2, 3].map((id) => bot.sandbox.user({ id })) as [
    SandboxUser,
    SandboxUser,
    SandboxUser,
  ];
  const shard = shardOf(anna.id, 4);
  await redis.set(keys.outbox(shard, `${anna.id}`), 'not a queue');
  await redis.zadd(keys.lane(shard, 'reply'), 0, `${anna.id}`);
  await redis.set(keys.lane(shard, 'reminder'), 'not a lane');
  const said = () => logged(bot, 'what came of an effect cannot be stored; its queue is left alone').length;
  const store = openRedisStore(redis, { prefix: bot.prefix, shards: 4 });
  await store.announceEffects([shard]);
  await expect.poll(said, { timeout: 10_000 }).toBe(1);
  for (const user of [boris, vera]) {
    // The outbox is looked at again; what was left alone is not taken once more.
    await store.announceEffects([shard]);
    user.says('/help');
    await user.sees('What I can do');
  }
  await expect
    .poll(() => logged(bot, 'reading the outbox failed; trying again').length, { timeout: 10_000 })
    .toBeGreaterThan(1);
  expect(said()).toBe(1);
  const before = Date.now();
  await bot.restart();
  expect(Date.now() - before).toBeLessThan(6_000);
  await redis.del(keys.lane(shard, 'reminder'));
});

test('an error that cannot even be read is a fault of our own like any other', async () => {
  const double = async () => {
    throw Object.create(null);
  };
  const bot = await startBot({ machines: [jobMachine, ...machines], actors: { double } });
  const anna = bot.sandbox.user();
  anna.says('go');
  for (let failures = 1; failures <= 3; failures++) {
    await expect.poll(() => logged(bot, 'an effect failed; trying again').length).toBe(failures);
    bot.clock.shift(15_000);
  }
  await expect.poll(() => bot.state(anna)).toBe('failed');
});

test('an effect that nobody performs is given up after the short schedule, and the chat goes on', async () => {
  const bot = await startBot();
  const { dead, queue } = effectsOf(bot);
  const anna = bot.sandbox.user();
  await queue({ type: 'fly', chat: anna.id, queue: `${anna.id}` });
  anna.says('/help');
  for (const [index, seconds] of [1, 5, 15].entries()) {
    await expect.poll(() => logged(bot, 'an effect failed; trying again').length).toBe(index + 1);
    bot.clock.shift(seconds * 1_000);
  }
  await anna.sees('What I can do');
  expect((await dead.list(10)).map(({ letter }) => letter.body)).toMatchObject([{ type: 'fly' }]);
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;

test.each([
  ['a BigInt', 1n],
  ['a circle', circular],
])('a result of an actor that JSON cannot hold (%s) is an error for its machine', async (_, output) => {
  const bot = await startBot({ machines: [jobMachine, ...machines], actors: { double: async () => output } });
  const anna = bot.sandbox.user();
  anna.says('go');
  await expect.poll(() => bot.state(anna)).toBe('failed');
  await bot.settled();
});

test('a result that the store refuses for good is kept as a dead letter, and is not made twice', async () => {
  let performed = 0;
  const bot = await startBot({
    machines: [jobMachine, ...machines],
    actors: {
      double: async () => {
        performed++;
        return 42;
      },
    },
  });
  const { redis, keys, dead, queue } = effectsOf(bot);
  const anna = bot.sandbox.user();
  const shard = shardOf(anna.id, 4);
  const name = `${anna.id}!doubling`;
  await redis.set(keys.inbox(shard), 'not an inbox');
  await queue({
    type: 'double',
    machine: 'job',
    chat: anna.id,
    queue: name,
    invocation: { id: 'doubling', generation: 1 },
  });
  await expect
    .poll(() => dead.list(10))
    .toMatchObject([{ letter: { error: expect.stringContaining('WRONGTYPE') } }]);
  expect(performed).toBe(1);
  expect(await redis.llen(keys.outbox(shard, name))).toBe(0);
  await redis.del(keys.inbox(shard));
});
