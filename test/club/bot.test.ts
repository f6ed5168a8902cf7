import { expect, test } from 'vitest';
import { machines } from '../../src/club/club.ts';
import type { SandboxUser } from '../../src/sandbox/index.ts';
import { startBot } from '../support/bot.ts';
import { jobMachine } from '../support/job.machine.ts';
import { isOffered } from '../support/shop.ts';

const minutes = 60_000;
const hours = 3_600_000;

test('from /start to a chosen topic', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user({ languageCode: 'ru' });
  anna.says('/start ad_7');
  await anna.sees('Получить доступ');
  expect(await bot.chat(anna)).toMatchObject({
    sessions: [{ machine: 'access', state: 'idle', context: { language: 'ru', source: 'ad_7' }, timers: [] }],
  });

  anna.presses('Получить доступ');
  await bot.sandbox.waitFor(() => anna.messages.at(-1)?.kind === 'invoice', 'the invoice');
  expect((await bot.chat(anna)).sessions[0]).toMatchObject({
    state: 'awaiting_payment',
    timers: [{ name: 'payment_reminder' }, { name: 'second_reminder' }, { name: 'offer_expiry' }],
  });

  bot.clock.shift(5 * minutes);
  expect(await anna.sees('3 ловушки')).toMatchObject({ kind: 'video' });

  const { charge } = await anna.pays();
  await bot.settled();
  const asked = anna.messages.at(-1);
  expect(await bot.chat(anna)).toMatchObject({
    sessions: [{ state: 'paid', timers: [{ name: 'topic_reminder' }, { name: 'second_topic_reminder' }] }],
    payments: [{ charge, direction: 'in', currency: 'XTR' }],
  });

  const topic = asked?.buttons.flat().find(({ data }) => data?.startsWith('topic.selected:'));
  anna.presses(topic?.data ?? '');
  await bot.settled();
  expect((await bot.chat(anna)).sessions[0]).toMatchObject({
    state: 'topic_selected',
    timers: [{ name: 'follow_up' }],
  });
  expect(await bot.status()).toMatchObject({
    inbox: 0,
    outbox: 0,
    dead: 0,
    chats: 1,
    payments: 1,
    timers: 1,
  });
});

test('every topic delivers its material', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await anna.pays();
  await bot.settled();
  const topics = anna.messages.at(-1)?.buttons.flat() ?? [];
  expect(topics.length).toBeGreaterThanOrEqual(3);
  for (const { data } of topics) {
    const before = anna.messages.length;
    anna.presses(data ?? '');
    await bot.settled();
    expect(anna.messages.length).toBeGreaterThanOrEqual(before + 2);
  }
  expect((await bot.status()).dead).toBe(0);
});

test('a reminder that is due while the bot is down is sent after it starts, once', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await bot.app.stop();
  bot.clock.shift(10 * minutes);
  await bot.restart();
  await anna.sees('3 traps');
  await bot.restart();
  await bot.settled();
  expect(anna.messages.filter(({ kind }) => kind === 'video')).toHaveLength(1);
});

test('an offer that nobody takes is reminded of twice and then ends', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  const asked = anna.messages.length;
  for (const [wait, count] of [
    [5 * minutes, 1],
    [24 * hours, 2],
    [48 * hours, 3],
  ] as const) {
    bot.clock.shift(wait);
    await bot.sandbox.waitFor(() => anna.messages.length === asked + count, `reminder ${count}`);
  }
  expect(await bot.state(anna)).toBe('idle');
  bot.clock.shift(hours);
  await expect.poll(() => bot.state(anna)).toBeUndefined();
});

test('strange input gets an answer, and the state stays', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  const answers = async (act: () => unknown) => {
    const before = anna.messages.filter(({ from }) => from === 'bot').length;
    act();
    await bot.settled();
    return anna.messages.filter(({ from }) => from === 'bot').length - before;
  };
  for (const act of [
    () => anna.says('/nonsense'),
    () => anna.says('x'.repeat(5_000)),
    () => anna.sends('sticker'),
    () => anna.says('/start'),
    () => anna.says('/help'),
    () => anna.says('/status'),
    () => anna.says('/terms'),
    () => anna.says('/paysupport where is my money'),
    () => anna.says('/language'),
  ]) {
    // Help that nobody asked for comes once a minute.
    bot.clock.shift(minutes);
    expect(await answers(act)).toBeGreaterThan(0);
  }
  const toasts = anna.toasts.length;
  for (const data of ['payment.received', 'topic.selected:focus', 'x'.repeat(64)]) {
    expect(await answers(() => anna.pressesRaw(data))).toBe(0);
  }
  expect(anna.toasts.length - toasts).toBe(3);
  expect(await bot.state(anna)).toBe('awaiting_payment');
  expect(await bot.status()).toMatchObject({ dead: 0, payments: 0 });
});

test('updates that no conversation is about are settled and change nothing', async () => {
  const bot = await startBot();
  const chat = { id: -100, type: 'supergroup', title: 'g' };
  bot.sandbox.push({
    message: {
      message_id: 1,
      date: 1,
      chat,
      text: '/start',
      from: { id: 9, is_bot: false, first_name: 'x' },
    },
  });
  bot.sandbox.push({
    channel_post: { message_id: 1, date: 1, chat: { ...chat, type: 'channel' }, text: 'hi' },
  });
  bot.sandbox.push({
    message: { message_id: 2, date: 1, chat: { id: 5, type: 'private' }, text: 'no sender' },
  });
  bot.sandbox.push({ message: null });
  bot.sandbox.push({ message: {} });
  bot.sandbox.push({ callback_query: { id: '1' } });
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  await bot.settled();
  expect(await bot.status()).toMatchObject({ chats: 1, inbox: 0 });
});

test('language is taken from Telegram, changed by /language, and kept', async () => {
  const bot = await startBot();
  const ivan = bot.sandbox.user({ languageCode: 'ru', firstName: 'Иван' });
  ivan.says('/start');
  await ivan.sees('Получить доступ');
  ivan.says('/language');
  await bot.settled();
  ivan.presses('language.selected:en');
  await bot.settled();
  ivan.says('/start');
  await ivan.sees('Get access');
});

test('the same payment under another update id is not granted twice', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await anna.pays();
  await bot.settled();
  const paid = anna.messages.find(({ raw }) => 'successful_payment' in raw);
  bot.sandbox.push({ message: paid?.raw });
  await bot.settled();
  expect((await bot.chat(anna)).payments).toHaveLength(1);
  expect((await bot.chat(anna)).access).toMatchObject({ has: true, extras: [] });
});

test('a checkout of another price is rejected with a reason, and nothing is paid', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  const answer = await anna.checkout({ amount: 1 });
  expect(answer.ok).toBe(false);
  expect(answer.error?.length).toBeGreaterThan(10);
  expect(await bot.state(anna)).toBe('awaiting_payment');
});

test('a send that fails for a passing reason is tried again after 1 s, 5 s and 15 s, in order', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  bot.sandbox.fail('sendMessage', { status: 500, description: 'Internal Server Error' }, { times: 3 });
  anna.says('/start');
  anna.says('/help');
  for (const wait of [1_000, 5_000, 15_000]) {
    const failures = () =>
      bot.log.filter(({ msg }) => msg === 'an effect failed; trying again').map(({ ms }) => ms);
    await expect.poll(failures).toContain(wait);
    expect(anna.messages.filter(({ from }) => from === 'bot')).toHaveLength(0);
    bot.clock.shift(wait);
  }
  await anna.sees('Get access');
  await bot.settled();
  expect(anna.messages.filter(({ from }) => from === 'bot')).toHaveLength(2);
});

test('a pause that Telegram asks for is kept exactly, for this chat alone', async () => {
  const bot = await startBot();
  const [anna, boris] = [bot.sandbox.user({ id: 1 }), bot.sandbox.user({ id: 2 })];
  bot.sandbox.fail(
    'sendMessage',
    { status: 429, description: 'Too Many Requests: retry after 60', retryAfter: 60 },
    { chat: anna.id },
  );
  anna.says('/start');
  await expect.poll(() => bot.log.some(({ msg }) => msg === 'Telegram asks for a pause')).toBe(true);
  boris.says('/start');
  await boris.sees('Get access');
  bot.clock.shift(58_000);
  boris.says('/help');
  await expect.poll(() => boris.messages.length).toBe(4);
  expect(anna.messages).toHaveLength(1);
  bot.clock.shift(2_000);
  await anna.sees('Get access');
});

test.each(['Telegram tells', 'a message is refused'])(
  'whoever blocked the bot is left alone at once, and goes on after coming back: %s',
  async (how) => {
    const bot = await startBot();
    const anna = bot.sandbox.user();
    await isOffered(bot, anna);
    const timers = async () => (await bot.chat(anna)).sessions[0]?.timers.map(({ name }) => name);
    expect(await timers()).toEqual(['payment_reminder', 'second_reminder', 'offer_expiry']);
    if (how === 'Telegram tells') anna.blocks();
    else {
      const blocked = { status: 403, description: 'Forbidden: bot was blocked by the user' };
      bot.sandbox.fail('sendMessage', blocked, { chat: anna.id });
      anna.says('/help');
      anna.says('/terms');
    }
    await expect.poll(timers).toEqual([]);
    await bot.settled();
    const heard = anna.messages.length;
    bot.clock.shift(100 * 60 * minutes);
    await bot.settled();
    expect(anna.messages).toHaveLength(heard);
    expect(await bot.state(anna)).toBe('awaiting_payment');

    if (how === 'Telegram tells') anna.unblocks();
    else anna.says('/status');
    await expect.poll(timers).toEqual(['payment_reminder', 'second_reminder', 'offer_expiry']);
    bot.clock.shift(5 * minutes);
    await anna.sees('3 traps');
    expect(await timers()).toEqual(['second_reminder', 'offer_expiry']);
    expect((await bot.status()).dead).toBe(0);
  },
);

test('an invoked actor: its result comes back as an event, a failure is tried again and then takes onError', async () => {
  let attempts = 0;
  const double = async (effect: { params?: Record<string, unknown> }) => {
    attempts++;
    if (attempts === 1) throw new Error('passing');
    return Number(effect.params?.['n']) * 2;
  };
  const bot = await startBot({ machines: [jobMachine, ...machines], actors: { double } });
  const anna = bot.sandbox.user();
  anna.says('go');
  await expect.poll(() => attempts).toBe(1);
  expect(await bot.state(anna)).toBe('working');
  bot.clock.shift(1_000);
  await expect.poll(() => bot.state(anna)).toBe('done');
  expect((await bot.chat(anna)).sessions[0]).toMatchObject({ context: { result: 42 }, timers: [] });
});

test('when Telegram refuses several chats in a row, the whole bot pauses; a checkout is answered all the same', async () => {
  const bot = await startBot();
  const users = [1, 2, 3, 4].map((id) => bot.sandbox.user({ id }));
  const [first, , , last] = users as [SandboxUser, SandboxUser, SandboxUser, SandboxUser];
  await isOffered(bot, last);
  const flood = { status: 429, description: 'Too Many Requests: retry after 60', retryAfter: 60 };
  for (const { id } of users.slice(0, 3)) bot.sandbox.fail('sendMessage', flood, { chat: id });
  for (const user of users.slice(0, 3)) user.says('/start');
  await expect
    .poll(() => bot.log.some(({ msg }) => msg === 'Telegram asks the whole bot for a pause'))
    .toBe(true);
  const before = last.messages.length;
  last.says('/help');
  expect((await last.checkout()).ok).toBe(true);
  expect(last.messages).toHaveLength(before + 1);
  bot.clock.shift(60_000);
  await first.sees('Get access');
  await bot.settled();
  expect(last.messages).toHaveLength(before + 2);
});
