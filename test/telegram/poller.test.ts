import { expect, test } from 'vitest';
import { PollingEnded } from '../../src/telegram/poller.ts';
import { startBot, type TestBot } from '../support/bot.ts';

const refusals = {
  '401': { status: 401, description: 'Unauthorized' },
  '404': { status: 404, description: 'Not Found' },
} as const;

const faults = (bot: TestBot) => bot.log.filter(({ msg }) => msg === 'polling failed; trying again');
const polls = (bot: TestBot) => bot.sandbox.calls.filter(({ method }) => method === 'getUpdates').length;

/** Lets the poller's waits pass until it has met so many faults more. */
async function meetFaults(bot: TestBot, count: number): Promise<void> {
  for (const wanted = faults(bot).length + count; faults(bot).length < wanted; ) {
    const before = faults(bot).length;
    bot.clock.shift(3_000);
    await expect.poll(() => faults(bot).length).toBeGreaterThan(before);
  }
}

test.each([
  ['401', refusals['401']],
  ['404', refusals['404']],
  ['page of HTML', 'html-502'],
] as const)('one stray %s at getUpdates ends nothing', async (_, fault) => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  bot.sandbox.fail('getUpdates', fault);
  anna.says('/start');
  await expect.poll(() => faults(bot).length).toBe(1);
  bot.clock.shift(3_000);
  anna.says('/help');
  await anna.sees('What I can do');
});

test('polling ends when getUpdates and getMe have been refused for two minutes, not earlier', async () => {
  const bot = await startBot();
  const ended = bot.app.ended.then(
    () => null,
    (error: unknown) => error,
  );
  bot.sandbox.fail('getUpdates', refusals['401'], { times: 1_000 });
  bot.sandbox.fail('getMe', refusals['404'], { times: 1_000 });
  bot.sandbox.user().says('/start');
  await expect.poll(() => faults(bot).length).toBe(1);
  await meetFaults(bot, 37);
  bot.clock.shift(15_000);
  const error = await ended;
  expect(error).toBeInstanceOf(PollingEnded);
  expect(error).toMatchObject({ reason: 'unauthorized' });
});

test('a getMe that is answered, or anything but a refusal, begins the two minutes anew', async () => {
  const bot = await startBot();
  bot.sandbox.fail('getUpdates', refusals['401'], { times: 90 });
  bot.sandbox.user().says('/start');
  await expect.poll(() => faults(bot).length).toBe(1);
  await meetFaults(bot, 60);
  bot.sandbox.fail('getMe', refusals['401'], { times: 29 });
  await meetFaults(bot, 29);
  // Refused ninety times in nine minutes; the last half minute of them without a good word between.
  bot.sandbox.fail('getUpdates', 'html-502');
  await meetFaults(bot, 1);
  bot.sandbox.fail('getUpdates', refusals['401'], { times: 15 });
  bot.sandbox.fail('getMe', refusals['401'], { times: 15 });
  await meetFaults(bot, 15);
  const anna = bot.sandbox.user();
  anna.says('/help');
  bot.clock.shift(3_000);
  await anna.sees('What I can do');
});

test('after an outage, however long, polling waits 3 s at the most', async () => {
  const bot = await startBot();
  bot.sandbox.fail('getUpdates', 'reset-before', { times: 20 });
  bot.sandbox.user().says('/start');
  await expect.poll(() => faults(bot).length).toBe(1);
  await meetFaults(bot, 19);
  expect(Math.max(...faults(bot).map(({ wait }) => Number(wait)))).toBe(3_000);
  const before = polls(bot);
  bot.clock.shift(3_000);
  await expect.poll(() => polls(bot)).toBeGreaterThan(before);
});

test('a pause that Telegram asks of the poller is kept exactly', async () => {
  const bot = await startBot();
  const flood = { status: 429, description: 'Too Many Requests: retry after 50', retryAfter: 50 };
  bot.sandbox.fail('getUpdates', flood);
  bot.sandbox.user().says('/start');
  await expect.poll(() => bot.log.some(({ msg }) => msg === 'Telegram asks the poller to wait')).toBe(true);
  const before = polls(bot);
  bot.clock.shift(45_000);
  const anna = bot.sandbox.user();
  anna.says('/help');
  // Long enough for a request that should not be there.
  for (let look = 0; look < 20; look++) await bot.status();
  expect(polls(bot)).toBe(before);
  bot.clock.shift(5_000);
  await anna.sees('What I can do');
});
