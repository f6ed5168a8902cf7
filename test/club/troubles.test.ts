import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SandboxUser } from '../../src/sandbox/index.ts';
import { buys, isOffered, openShop, operatorId } from '../support/shop.ts';

const minutes = 60_000;
const second = 901;
const saying = (user: SandboxUser, words: string) =>
  user.messages.filter(({ from, text }) => from === 'bot' && text.includes(words)).length;

test('an invoice that Telegram refuses: the buyers hear so, the operator once, each hour with a count, and when it is over', async () => {
  const { bot, operator } = await openShop();
  const refused = { status: 400, description: 'Bad Request: PAYMENT_PROVIDER_INVALID' };
  bot.sandbox.fail('sendInvoice', refused, { times: 3 });
  const people = [1, 2, 3].map(() => bot.sandbox.user());
  for (const person of people) {
    await isOffered(bot, person);
    await person.sees('This cannot be paid just now');
  }
  const told = await operator.sees('Telegram does not take the invoice');
  expect(told.text).toContain('PAYMENT_PROVIDER_INVALID');
  await bot.settled();
  expect(saying(operator, 'does not take the invoice')).toBe(1);
  bot.clock.shift(61 * minutes);
  await operator.sees('Met so far: 3');
  await bot.settled();
  // Nothing new: nothing is said.
  bot.clock.shift(3 * 61 * minutes);
  await bot.settled();

  const [anna] = people as [SandboxUser];
  anna.presses('Pay');
  await operator.sees('Invoices are taken again');
  expect((await anna.pays()).charge).toMatch(/^stx/);
  const boris = bot.sandbox.user({ firstName: 'Boris' });
  await buys(bot, boris);
  expect(saying(operator, 'Invoices are taken again')).toBe(1);
  expect(saying(operator, 'does not take the invoice')).toBe(2);
  expect(await bot.status()).toMatchObject({ dead: 0, outbox: 0 });
});

test('a subscription whose link Telegram refuses is told in the same way', async () => {
  const { bot, operator } = await openShop(['bot.yaml', 'subscription:', 'subscription: monthly']);
  const refused = { status: 400, description: 'Bad Request: SUBSCRIPTION_EXPORT_MISSING' };
  bot.sandbox.fail('createInvoiceLink', refused);
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await anna.sees('This cannot be paid just now');
  expect((await operator.sees('does not take the invoice')).text).toContain('SUBSCRIPTION_EXPORT_MISSING');
  bot.clock.shift(2 * minutes);
  anna.presses('Pay');
  await operator.sees('Invoices are taken again');
});

test('a trouble is still known after a restart', async () => {
  const { bot, operator } = await openShop();
  bot.sandbox.fail('sendInvoice', { status: 400, description: 'Bad Request: CURRENCY_TOTAL_AMOUNT_INVALID' });
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user({ firstName: 'Boris' })];
  await isOffered(bot, anna);
  await operator.sees('does not take the invoice');
  await bot.restart();
  await isOffered(bot, boris);
  await operator.sees('Invoices are taken again');
});

test('material that Telegram does not take as pictures comes as files; what it takes in no way is said', async () => {
  const { bot, operator, folder } = await openShop();
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  // No picture at all, whatever its name says.
  for (const number of [1, 2, 3])
    writeFileSync(join(folder, `media/rhythm-${number}.en.png`), `no ${number}`);
  anna.presses('Keep the rhythm');
  await anna.sees('There you go!');
  const files = anna.messages.filter(({ kind }) => kind === 'document');
  expect(files).toHaveLength(3);
  expect(files[0]?.text).toContain('Three rules for the days');
  expect((await operator.sees('does not take a picture')).text).toContain('material_rhythm: 400');

  const refused = { status: 400, description: 'Bad Request: FILE_PARTS_INVALID' };
  bot.sandbox.fail('sendDocument', refused, { times: 2 });
  anna.presses('The first week');
  const words = await anna.sees('Seven days, seven small steps');
  expect(words.kind).toBe('text');
  expect(words.text).toContain('A file belongs here that cannot be sent just now');
  expect((await operator.sees('does not take a picture')).text).toContain('material_week');
  // Each of them is over by itself.
  anna.presses('The first week');
  await operator.sees('is taken again');
  await bot.settled();
  expect(saying(operator, 'is taken again')).toBe(1);
  expect((await bot.status()).dead).toBe(0);
});

test('an operator who has blocked the bot: the other one hears so once, and when it is over', async () => {
  const { bot, operator } = await openShop({ variables: { ADMIN_IDS: `${operatorId},${second}` } });
  const other = bot.sandbox.user({ id: second, firstName: 'Oleg' });
  other.says('/start');
  await other.sees('Get access');
  other.blocks();
  await bot.settled();
  const anna = bot.sandbox.user();
  for (const words of ['one', 'two', 'three']) {
    anna.says(`/paysupport ${words}`);
    await operator.sees(`Question: ${words}`);
  }
  const told = await operator.sees('An operator cannot be reached');
  expect(told.text).toContain(`${second}`);
  await bot.settled();
  expect(saying(operator, 'cannot be reached')).toBe(1);
  other.unblocks();
  anna.says('/paysupport four');
  await other.sees('Question: four');
  await operator.sees('The operator can be reached again');
  await bot.settled();
  expect(saying(other, 'can be reached again')).toBe(0);
  expect((await bot.status()).dead).toBe(0);
});
