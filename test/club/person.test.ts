import { expect, test } from 'vitest';
import type { SandboxUser } from '../../src/sandbox/index.ts';
import { buys, days, isOffered, openShop, product } from '../support/shop.ts';

const minutes = 60_000;
const fromBot = (user: SandboxUser) => user.messages.filter(({ from }) => from === 'bot').length;
const invoicesOf = (user: SandboxUser) => user.messages.filter(({ kind }) => kind === 'invoice').length;
const labelsOf = (user: SandboxUser) =>
  user.messages
    .at(-1)
    ?.buttons.flat()
    .map(({ label }) => label);

test('ten photos, edits, a location that moves, service messages: one help, and one more a minute later', async () => {
  const { bot } = await openShop();
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  const before = fromBot(anna);
  anna.sendsAlbum(Array.from({ length: 10 }, () => 'photo' as const));
  anna.says('hello');
  anna.edits('hello, I mean');
  anna.sharesLocation();
  for (let step = 0; step < 5; step++) anna.moves();
  anna.sends({ pinned_message: { message_id: 1, date: 0, chat: { id: anna.id, type: 'private' } } });
  await bot.settled();
  expect(fromBot(anna)).toBe(before + 1);
  bot.clock.shift(minutes);
  anna.says('hello?');
  await bot.settled();
  expect(fromBot(anna)).toBe(before + 2);
  // What is no word of a person's is not stored at all.
  bot.clock.shift(minutes);
  anna.edits('once more');
  anna.moves();
  anna.sends({ pinned_message: { message_id: 1, date: 0, chat: { id: anna.id, type: 'private' } } });
  await bot.settled();
  expect(fromBot(anna)).toBe(before + 2);
  expect((await bot.status()).dead).toBe(0);
});

test('what was written and pressed while the bot was down gets one answer, and one invoice', async () => {
  const { bot } = await openShop();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await bot.app.stop();
  bot.clock.shift(3 * minutes);
  const before = fromBot(anna);
  for (let time = 0; time < 10; time++) {
    anna.says(`are you there? ${time}`);
    anna.sends('voice');
  }
  await bot.restart();
  await bot.settled();
  expect(fromBot(anna)).toBe(before + 1);
  await bot.app.stop();
  bot.clock.shift(1 * minutes);
  for (let time = 0; time < 10; time++) anna.presses('Get access');
  await bot.restart();
  await bot.settled();
  expect(invoicesOf(anna)).toBe(2);
  expect(fromBot(anna)).toBeLessThanOrEqual(before + 4);
});

test('“Get access” again shows the offer again, with an invoice at most once a minute', async () => {
  const { bot } = await openShop();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  bot.clock.shift(2 * minutes);
  anna.presses('Get access');
  await anna.sees('Your offer still stands');
  await bot.settled();
  expect(invoicesOf(anna)).toBe(2);
  for (let time = 0; time < 12; time++) anna.presses('Get access');
  for (let time = 0; time < 12; time++) anna.says('/start');
  await bot.settled();
  expect(invoicesOf(anna)).toBe(2);
  expect(await bot.state(anna)).toBe('awaiting_payment');
});

test('every picture of an album that asks, or answers, arrives', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  anna.says('/paysupport');
  await anna.sees('Write your question');
  anna.sendsAlbum(['photo', 'photo', 'photo'], { caption: 'three receipts' });
  await operator.sees('Question: three receipts');
  await bot.settled();
  expect(operator.messages.filter(({ kind }) => kind === 'photo')).toHaveLength(3);
  expect(anna.messages.filter(({ text }) => text.includes('I am a bot'))).toHaveLength(0);
  operator.presses('Answer');
  await operator.sees('Write your answer');
  operator.sendsAlbum(['photo', 'photo'], { caption: 'two bills' });
  await anna.sees('two bills');
  await operator.sees('Delivered');
  await bot.settled();
  expect(anna.messages.filter(({ kind, from }) => kind === 'photo' && from === 'bot')).toHaveLength(2);
  expect((await bot.status()).dead).toBe(0);
});

test('the delete button says what is lost, and works for an hour', async () => {
  const { bot } = await openShop(product.month);
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user({ firstName: 'Boris' })];
  await buys(bot, anna);
  anna.says('/forget');
  const asked = await anna.sees('Delete your data?');
  expect(asked.text).toMatch(/Your access, which is open until .*, ends at once and is not paid back/);
  expect(asked.text).toContain('The button works for an hour.');
  boris.says('/forget');
  expect((await boris.sees('Delete your data?')).text).not.toContain('Your access');
  bot.clock.shift(61 * minutes);
  anna.presses('Yes, delete everything');
  await bot.settled();
  expect(anna.toasts.at(-1)).toContain('out of date');
  expect(await bot.state(anna)).toBe('paid');
  anna.says('/forget');
  await anna.sees('Delete your data?');
  bot.clock.shift(59 * minutes);
  anna.presses('Yes, delete everything');
  await anna.sees('your data is deleted');
});

test('a Renew button stands wherever renewal is possible, and nowhere else', async () => {
  const renew = 'Renew access';
  const month = await openShop(product.month);
  const anna = month.bot.sandbox.user();
  await buys(month.bot, anna);
  anna.says('/status');
  await anna.sees('Access is open until');
  expect(labelsOf(anna)).toContain(renew);
  anna.presses('Choose one thing');
  await anna.sees('There you go');
  month.bot.clock.shift(minutes);
  anna.says('/status');
  await anna.sees('Your topic right now');
  expect(labelsOf(anna)).toContain(renew);
  month.bot.clock.shift(27 * days);
  const reminder = await anna.sees('Renew it now and no day is lost');
  expect(reminder.buttons.flat().map(({ label }) => label)).toEqual([renew]);
  anna.presses(renew);
  await month.bot.settled();
  expect(anna.messages.at(-1)?.kind).toBe('invoice');
});

test.each([
  ['for ever', [] as const],
  ['by a subscription', [product.subscription] as const],
])('who has access %s is offered no renewal', async (_, edits) => {
  const { bot } = await openShop(...edits);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.says('/status');
  await anna.sees('Access is open');
  expect(labelsOf(anna)).toEqual(['Choose one thing', 'The first week', 'Keep the rhythm']);
});

test('protect_content: the message can be neither forwarded nor saved; others can', async () => {
  const { bot } = await openShop(
    ['messages.yaml', 'material_focus:', 'material_focus:\n  protect_content: true'],
    ['messages.yaml', 'material_rhythm:', 'material_rhythm:\n  protect_content: true'],
  );
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  for (const topic of ['Choose one thing', 'Keep the rhythm', 'The first week']) {
    anna.presses(topic);
    await anna.sees('There you go');
  }
  const isProtected = (text: string) =>
    anna.messages.find((message) => message.text.includes(text))?.raw['has_protected_content'];
  expect(isProtected('Take a sheet of paper')).toBe(true);
  expect(isProtected('Save the cards')).toBe(true);
  expect(isProtected('Seven days, seven small steps')).toBeUndefined();
});
