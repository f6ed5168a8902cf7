import { expect, inject, onTestFinished, test } from 'vitest';
import { setup } from 'xstate';
import { machines } from '../src/conversation.ts';
import type { Lane } from '../src/core/effects.ts';
import { shardOf } from '../src/core/shard.ts';
import { startSandbox } from '../src/sandbox/sandbox.ts';
import { DeadLetters } from '../src/store/dead.ts';
import { Keys } from '../src/store/keys.ts';
import { connect } from '../src/store/redis.ts';
import { Store } from '../src/store/store.ts';
import { startBot } from './support/bot.ts';
import { ownAll } from './support/own.ts';
import { run, variablesFor } from './support/process.ts';
import { openTestRedis } from './support/redis.ts';

function lettersOf(prefix: string): DeadLetters {
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  return new DeadLetters(redis, { prefix, shards: 4 });
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
  expect(await dead.retry(letter as NonNullable<typeof letter>, bot.clock.now())).toBe(true);
  await anna.sees('Get access');
  await bot.settled();
  expect((await bot.status()).dead).toBe(0);
  expect(await dead.retry(letter as NonNullable<typeof letter>, bot.clock.now())).toBe(false);
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
  await dead.retry(letter as NonNullable<typeof letter>, bot.clock.now());
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
  await dead.retry(letter as NonNullable<typeof letter>, bot.clock.now());
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

test('an effect that is put back lifts what waits before it into its own lane, in order', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = new Store(redis, { prefix, shards: 1 });
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
  const dead = new DeadLetters(redis, { prefix, shards: 1 });
  const [found] = await dead.list(1);
  expect(await dead.retry(found as NonNullable<typeof found>, 9)).toBe(true);
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
  expect((await command('retry')).code).not.toBe(0);
});
