import { expect, test } from 'vitest';
import type { Edit } from '../support/content.ts';
import { buys, days, openShop, operatorId, product, type Shop } from '../support/shop.ts';

const minutes = 60_000;
const keepDuplicates: Edit = ['bot.yaml', 'refund_duplicates:', 'refund_duplicates: false'];
const secondOperator = 901;
const file = (name: string, bytes = Buffer.from('bytes')) => ({ name, bytes });

const refundsIn = ({ bot }: Shop) =>
  bot.sandbox.calls.filter(({ method }) => method === 'refundStarPayment').length;
const factOf = async ({ bot }: Shop, user: { id: number }) => (await bot.chat(user as never)).access;

test('the button “Refund” asks once more, and nothing goes back before “Yes”', async () => {
  const shop = await openShop();
  const { bot, operator } = shop;
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.says('/paysupport money back please');
  await operator.sees('A question about payment');
  operator.presses('Refund 250 Stars');
  await operator.sees('Refund 250 Stars to Anna?');
  operator.presses('No');
  await operator.sees('Nothing goes back');
  await bot.settled();
  expect(refundsIn(shop)).toBe(0);
  operator.presses('Refund 250 Stars');
  await operator.sees('Refund 250 Stars to Anna?');
  operator.presses('Yes, refund');
  await anna.sees('Your money was returned');
  await bot.settled();
  expect(refundsIn(shop)).toBe(1);
  expect(await bot.state(anna)).toBe('idle');
  // Each further press is answered, and does nothing.
  operator.presses('Yes, refund');
  await operator.sees('250 Stars went back already');
  operator.presses('Refund 250 Stars');
  await operator.sees('250 Stars went back already');
  await bot.settled();
  expect(refundsIn(shop)).toBe(1);
});

test('a second press, a second operator and an unknown charge are answered while a refund waits', async () => {
  const shop = await openShop({ variables: { ADMIN_IDS: `${operatorId},${secondOperator}` } });
  const { bot, operator } = shop;
  const second = bot.sandbox.user({ id: secondOperator, firstName: 'Oleg' });
  second.says('/start');
  await second.sees('Get access');
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  bot.sandbox.fail('refundStarPayment', { status: 400, description: 'Bad Request: BALANCE_TOO_LOW' });
  operator.says(`/refund ${charge}`);
  await operator.sees('did not go through yet');
  await second.sees('did not go through yet');
  operator.says(`/refund ${charge}`);
  await operator.sees('is on its way already');
  anna.says('/paysupport where is it?');
  await second.sees('A question about payment');
  second.presses('Refund 250 Stars');
  await second.sees('is on its way already');
  second.pressesRaw(`refund.requested:${anna.id}.0123456789abcdef`);
  await second.sees('The ledger has no such payment');
  second.pressesRaw(`refund.confirmed:${anna.id}.0123456789abcdef`);
  await second.sees('The ledger has no such payment');

  // Meanwhile questions are answered.
  second.presses('Answer');
  await second.sees('Write your answer in one message');
  second.says('In an hour.');
  await second.sees('Delivered');
  await anna.sees('In an hour.');

  // And it can be ended, once.
  second.says(`/cancel ${charge}`);
  await second.sees('It is not tried again');
  operator.says(`/cancel ${charge}`);
  await operator.sees('No refund of 250 Stars is on its way');
  await bot.settled();
  bot.clock.shift(2 * 60 * minutes);
  await bot.settled();
  expect(refundsIn(shop)).toBe(1);
  expect(await bot.state(anna)).toBe('paid');
});

test('/cancel ends a refund that the bot owes by itself', async () => {
  const shop = await openShop();
  const { bot, operator } = shop;
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  bot.sandbox.fail('refundStarPayment', { status: 400, description: 'Bad Request: BALANCE_TOO_LOW' });
  await anna.paysAgain();
  const told = await operator.sees('did not go through yet');
  const charge = /stx\w+/.exec(told.text)?.[0];
  operator.says(`/cancel ${charge}`);
  await operator.sees('It is not tried again');
  await bot.settled();
  bot.clock.shift(2 * 60 * minutes);
  await bot.settled();
  expect(refundsIn(shop)).toBe(1);
  expect(await factOf(shop, anna)).toMatchObject({ extras: [expect.any(String)], owed: [] });
});

test('“Answer”, then “Refund”: the answer is still awaited', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.says('/paysupport hello');
  await operator.sees('A question about payment');
  operator.presses('Answer');
  await operator.sees('Write your answer');
  operator.presses('Refund 250 Stars');
  await operator.sees('Refund 250 Stars to Anna?');
  operator.presses('Yes, refund');
  await anna.sees('Your money was returned');
  operator.says('It is on its way to you.');
  await operator.sees('Delivered');
  await anna.sees('It is on its way to you.');
});

test('an answer is said to be delivered only when it was', async () => {
  const { bot, operator } = await openShop();
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user({ firstName: 'Boris' })];
  for (const person of [anna, boris]) {
    person.says('/paysupport hello');
    await person.sees('I have passed this on');
  }
  await operator.sees(/From: Anna[\s\S]*hello/);
  const theirs = await operator.sees(/From: Boris[\s\S]*hello/);
  const answerBoris = theirs.buttons.flat().find(({ label }) => label === 'Answer')?.data as string;
  operator.presses('Answer');
  await operator.sees('Write your answer');
  // Telegram is away for a while: the answer waits, and another question can be answered meanwhile.
  bot.sandbox.fail('sendMessage', { status: 500, description: 'Internal Server Error' }, { chat: boris.id });
  operator.says('To Boris');
  await expect.poll(() => bot.log.some(({ msg }) => msg === 'an effect failed; trying again')).toBe(true);
  expect(operator.messages.some(({ text }) => text === 'Delivered.')).toBe(false);
  operator.presses(answerBoris);
  await operator.sees('Write your answer');
  operator.says('Once more to Boris');
  bot.clock.shift(1_000);
  await boris.sees('To Boris');
  await boris.sees('Once more to Boris');
  await operator.sees('Delivered');
  await operator.sees('Delivered');

  // Asked for while another one is on its way, and written when that has arrived.
  bot.sandbox.fail('sendMessage', { status: 500, description: 'Internal Server Error' }, { chat: boris.id });
  operator.presses(answerBoris);
  await operator.sees('Write your answer');
  operator.says('A third time');
  await expect
    .poll(() => bot.log.filter(({ msg }) => msg === 'an effect failed; trying again').length)
    .toBe(2);
  operator.presses(answerBoris);
  await operator.sees('Write your answer');
  bot.clock.shift(1_000);
  await boris.sees('A third time');
  await operator.sees('Delivered');
  await bot.settled();
  operator.says('And a fourth');
  await boris.sees('And a fourth');
  await operator.sees('Delivered');

  anna.says('/paysupport still there?');
  await operator.sees('still there?');
  operator.presses('Answer');
  await operator.sees('Write your answer');
  anna.blocks();
  operator.says('Too late');
  await operator.sees('has blocked the bot');
  await bot.settled();
  expect(operator.messages.filter(({ text }) => text === 'Delivered.')).toHaveLength(4);
  expect(await bot.status()).toMatchObject({ dead: 0, outbox: 0 });
});

test('/paysupport alone: the next message is the question, a voice or a file as well', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  anna.says('/paysupport');
  await anna.sees('Write your question in your next message');
  anna.sends('voice');
  await anna.sees('I have passed this on');
  const head = await operator.sees('A question about payment');
  await bot.settled();
  const [copy] = operator.messages.filter(({ id, kind }) => id > head.id && kind === 'voice');
  expect(copy).toBeDefined();
  // What comes after the question is none.
  anna.says('and another thing');
  await anna.sees('I am a bot and understand buttons');
  // A picture with the command in its words is a question at once.
  anna.sendsFile('photo', file('receipt.png', PNG), '/paysupport is this right?');
  await anna.sees('I have passed this on');
  const second = await operator.sees('Question: is this right?');
  await bot.settled();
  expect(operator.messages.filter(({ id, kind }) => id > second.id && kind === 'photo')).toHaveLength(1);

  // An answer may be a file; it stands as an answer to the question.
  operator.presses('Answer');
  await operator.sees('Write your answer');
  operator.sendsFile('document', file('bill.pdf'), 'Here it is');
  await operator.sees('Delivered');
  const answer = await anna.sees('Here it is');
  expect(answer.kind).toBe('document');
  expect(answer.raw['reply_to_message']).toMatchObject({ caption: '/paysupport is this right?' });
});

test('an hour after /paysupport a message is no question any more', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  anna.says('/paysupport');
  await anna.sees('Write your question');
  bot.clock.shift(59 * minutes);
  await bot.settled();
  anna.says('/paysupport');
  await anna.sees('Write your question');
  bot.clock.shift(60 * minutes);
  anna.says('hello');
  await anna.sees('I am a bot');
  await bot.settled();
  expect(operator.messages.some(({ text }) => text.includes('A question about payment'))).toBe(false);
});

test('a question of 4,096 characters and an answer of as many arrive whole', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  const long = (sign: string, end: string) => `${sign.repeat(4_096 - end.length)}${end}`;
  anna.says('/paysupport');
  await anna.sees('Write your question');
  anna.says(long('q', 'the end of the question'));
  await operator.sees('A question about payment');
  expect((await operator.sees(/q{9}the end of the question$/)).text).toHaveLength(4_096);
  operator.presses('Answer');
  await operator.sees('Write your answer');
  operator.says(long('a', 'the end of the answer'));
  await operator.sees('Delivered');
  expect((await anna.sees(/the end of the answer$/)).text).toHaveLength(4_096);
});

test('paid twice and kept: “Count it as another month” makes it time, once', async () => {
  const shop = await openShop(keepDuplicates, product.month);
  const { bot, operator } = shop;
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const before = (await factOf(shop, anna))?.until as number;
  await anna.paysAgain();
  const told = await operator.sees('Paid twice');
  expect(told.buttons.flat().map(({ label }) => label)).toEqual([
    'Refund 250 Stars',
    'Count it as another month',
  ]);
  operator.presses('Count it as another month');
  await operator.sees('The payment counts as time');
  await anna.sees('The organiser has given you more time');
  await bot.settled();
  expect(await factOf(shop, anna)).toMatchObject({ until: before + 30 * days, extras: [] });
  operator.presses('Count it as another month');
  await operator.sees('it counts already, or went back');
  await bot.settled();
  expect(await factOf(shop, anna)).toMatchObject({ until: before + 30 * days });
  expect((await bot.chat(anna)).acts).toMatchObject([{ kind: 'count', by: operatorId }]);
});

test('paid twice for access for ever: there is nothing to count, and the operator hears so', async () => {
  const shop = await openShop(keepDuplicates);
  const { bot, operator } = shop;
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await anna.paysAgain();
  await operator.sees('Paid twice');
  operator.presses('Count it as another month');
  await operator.sees('This person has access for good');
  await bot.settled();
  expect(await factOf(shop, anna)).toMatchObject({ forEver: true, extras: [expect.any(String)] });
  operator.presses('Refund 250 Stars');
  await operator.sees('Refund 250 Stars to Anna?');
  operator.presses('Yes, refund');
  await anna.sees('The extra payment was returned');
  expect(await bot.state(anna)).toBe('paid');
});

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
