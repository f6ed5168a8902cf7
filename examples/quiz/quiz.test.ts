import { resolve } from 'node:path';
import { SystemClock } from 'turnstile/runtime';
import { type SandboxUser, startSandbox } from 'turnstile/sandbox';
import { startBot } from 'turnstile/telegram';
import { expect, onTestFinished, test } from 'vitest';
import { openTestRedis } from '../../test/support/redis.ts';
import quiz from './bot.ts';

/** The bot as it is, with Telegram's stand-in, a Redis, and a clock that the test moves. */
async function open() {
  const { prefix, address } = await openTestRedis();
  const clock = new SystemClock();
  const sandbox = await startSandbox({ clock });
  const environment = {
    botToken: sandbox.token,
    apiRoot: sandbox.url,
    redisUrl: `unix://${address}`,
    redisPrefix: prefix,
    shards: 4,
    contentDir: resolve(import.meta.dirname, 'content'),
  };
  const start = () => startBot(quiz, { environment, clock, pollTimeout: 5 });
  let bot = await start();
  onTestFinished(async () => {
    await bot.stop();
    await sandbox.close();
  });
  const restart = async (away = 0) => {
    await bot.stop();
    clock.shift(away);
    bot = await start();
  };
  return { sandbox, clock, restart };
}

/** What the right answers say. */
const answers = [
  ...['Jupiter', 'Four', 'Ottawa', 'Mercury', 'Pushkin'],
  ...['Eight', 'The Pacific', 'Plants', '1969', 'Carbon dioxide'],
];

/** Answers the questions from one to another as they come. */
async function answer(person: SandboxUser, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) {
    await person.sees(new RegExp(`^${number}\\. `));
    person.presses(answers[number - 1] ?? '');
    await person.sees('Right!');
  }
}

test('ten questions, one of them wrong, one unanswered: the score says so', async () => {
  const { sandbox, clock } = await open();
  const anna = sandbox.user({ firstName: 'Anna' });
  anna.says('/start');
  await anna.sees('Hello, Anna!');
  anna.presses('Play');
  await answer(anna, 1, 7);
  await anna.sees(/^8\. /);
  anna.presses('Stones');
  await anna.sees('No, that was another one.');
  await anna.sees(/^9\. /);
  clock.shift(30_000);
  await anna.sees('Time is up.');
  await answer(anna, 10, 10);
  await anna.sees('That was the tenth: 8 points out of ten.');
  anna.says('/score');
  await anna.sees('You have 8 points.');
  anna.presses('From the beginning');
  await anna.sees(/^1\. /);
});

test('a button of an earlier question counts for nothing, and says so', async () => {
  const { sandbox } = await open();
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Play');
  anna.presses('Play');
  await answer(anna, 1, 1);
  await anna.sees(/^2\. /);
  anna.presses('Jupiter');
  await sandbox.waitFor(() => anna.toasts.includes('This button is out of date.'), 'the notice');
  anna.says('/score');
  await anna.sees('You have 1 point.');
});

test('a question whose time passes while the bot is down is followed by the next, once', async () => {
  const { sandbox, restart } = await open();
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Play');
  anna.presses('Play');
  await answer(anna, 1, 2);
  await anna.sees(/^3\. /);
  await restart(45_000);
  await anna.sees('Time is up.');
  await answer(anna, 4, 4);
  await sandbox.idle();
  expect(anna.messages.filter(({ text }) => text === 'Time is up.')).toHaveLength(1);
});

test('a pause lasts over night; the player is asked to come back, once, and goes on where it was', async () => {
  const { sandbox, clock, restart } = await open();
  const anna = sandbox.user({ languageCode: 'ru' });
  anna.says('/start');
  await anna.sees('Начнём?');
  anna.presses('Играть');
  await anna.sees(/^1\. /);
  anna.presses('Юпитер');
  await anna.sees(/^2\. /);
  anna.says('/pause');
  await anna.sees('Пауза на вопросе 2, у вас 1 очко.');
  await restart();
  clock.shift(20 * 3_600_000);
  await anna.sees('Вас ждёт вопрос 2.');
  clock.shift(4 * 3_600_000);
  anna.presses('Продолжить');
  await anna.sees(/^2\. /);
  anna.presses('Четыре');
  await anna.sees('Верно!');
  expect(anna.messages.filter(({ text }) => text.startsWith('Вас ждёт'))).toHaveLength(1);
});
