import { expect, inject, test } from 'vitest';
import { connect } from '../../src/runtime/redis/connect.ts';
import type { Edit } from '../support/content.ts';
import { editContent } from '../support/content.ts';
import { buys, days, isOffered, openShop, operatorId, product } from '../support/shop.ts';

const minutes = 60_000;
const keepDuplicates: Edit = ['bot.yaml', 'refund_duplicates:', 'refund_duplicates: false'];

const chargesOf = (payments: readonly { charge: string; direction: string }[]) =>
  payments.map(({ charge, direction }) => `${direction} ${charge}`);

test('paid twice: both are in the ledger, the operator hears, and the second goes back by itself', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  const first = await buys(bot, anna);
  const second = await anna.paysAgain();
  await anna.sees('It goes back to you right away');
  await anna.sees('The extra payment was returned');
  await operator.sees('Paid twice');
  await bot.settled();
  expect(chargesOf((await bot.chat(anna)).payments).sort()).toEqual(
    [`in ${first.charge}`, `in ${second.charge}`, `out ${second.charge}`].sort(),
  );
  expect(await bot.state(anna)).toBe('paid');
  expect((await bot.chat(anna)).access).toMatchObject({ has: true, forEver: true, extras: [], owed: [] });
});

test('refund_duplicates: false leaves the second payment to the operator; refunds of both lead to idle', async () => {
  const { bot, operator } = await openShop(keepDuplicates);
  const anna = bot.sandbox.user();
  const first = await buys(bot, anna);
  const before = operator.messages.length;
  const second = await anna.paysAgain();
  await anna.sees('I have told the organiser');
  await bot.settled();
  expect(operator.messages.length).toBe(before + 1);
  anna.refunds(first.charge);
  await anna.sees('The extra payment was returned');
  expect(await bot.state(anna)).toBe('paid');
  anna.refunds(second.charge);
  await anna.sees('Access is closed');
  await bot.settled();
  expect(await bot.state(anna)).toBe('idle');
  expect((await bot.status()).payments).toBe(4);
});

test('a month paid twice by one invoice is no second month', async () => {
  const { bot } = await openShop(product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const until = async () => (await bot.chat(anna)).sessions[1]?.context;
  const before = await until();
  await anna.paysAgain();
  await anna.sees('The extra payment was returned');
  await bot.settled();
  expect(await until()).toEqual(before);
});

test('an expired offer, and one of an old price, are rejected in words; the old price brings a fresh invoice', async () => {
  const { bot, folder } = await openShop();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await editContent(folder, ['bot.yaml', 'price: 250', 'price: 300']);
  await bot.app.reload();
  await expect(anna.pays()).rejects.toThrow('this invoice is out of date. Nothing was charged');
  await bot.settled();
  expect(anna.messages.at(-1)?.raw['invoice']).toMatchObject({ total_amount: 300 });
  bot.clock.shift(3 * days);
  await anna.sees('The offer has ended');
  await editContent(folder, ['bot.yaml', 'price: 300', 'price: 350']);
  await bot.app.reload();
  await expect(anna.pays()).rejects.toThrow('This offer has ended, and nothing was charged');
  expect((await bot.status()).payments).toBe(0);
});

test('an offer of the fourth day whose product and price are still those of today is accepted', async () => {
  const { bot } = await openShop();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  bot.clock.shift(3 * days);
  await anna.sees('The offer has ended');
  await anna.pays();
  await anna.sees('access is open');
  expect(await bot.state(anna)).toBe('paid');
});

test.each([
  ['EUR', 1900, '€19.00'],
  ['JPY', 1900, '¥1,900'],
  ['BHD', 1900, 'BHD 1.900'],
  // Intl has no digits here, and Telegram two.
  ['HUF', 199900, 'HUF 1,999.00'],
])('a payment provider takes %s in its smallest units', async (currency, price, shown) => {
  const { bot, operator } = await openShop(
    ['bot.yaml', 'currency: XTR', `currency: ${currency}`],
    ['bot.yaml', 'price: 250', `price: ${price}`],
  );
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  expect(anna.messages.find(({ text }) => text.includes('Price:'))?.text.replaceAll('\u00a0', ' ')).toContain(
    `Price: ${shown}`,
  );
  expect((await bot.chat(anna)).payments).toMatchObject([{ currency, amount: price, charge }]);
  expect(await bot.state(anna)).toBe('paid');
  // Telegram cannot refund it.
  operator.says(`/refund ${charge}`);
  await operator.sees('It was paid through a payment provider');
});

test('a payment whose update is lost is found in Telegram’s list, once, and told', async () => {
  const { bot, operator } = await openShop(product.month);
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  const { charge } = await anna.pays({ loseUpdate: true });
  bot.clock.shift(5 * minutes);
  operator.says('/help');
  await anna.sees('Your payment has arrived');
  expect((await operator.sees('A payment was found')).text).toContain(charge);
  await bot.settled();
  expect(await bot.state(anna)).toBe('paid');
  expect((await bot.chat(anna)).payments).toMatchObject([
    { charge, direction: 'in', payload: expect.stringMatching(/^club:/) },
  ]);

  // Compared again from the beginning, and the update comes after all: nothing happens a second time.
  const told = operator.messages.length;
  const redis = connect(inject('redis'));
  await redis.set(`{${bot.prefix}}:reconciled`, 0);
  redis.disconnect();
  const raw = {
    message_id: 7,
    date: Math.floor(bot.clock.now() / 1_000),
    chat: { id: anna.id, type: 'private', first_name: 'Anna' },
    from: { id: anna.id, is_bot: false, first_name: 'Anna' },
    successful_payment: {
      currency: 'XTR',
      total_amount: 250,
      invoice_payload: (await bot.chat(anna)).payments[0]?.payload,
      telegram_payment_charge_id: charge,
      provider_payment_charge_id: '',
    },
  };
  bot.sandbox.push({ message: raw });
  bot.clock.shift(6 * minutes);
  operator.says('/help');
  await expect.poll(() => operator.messages.length).toBe(told + 2);
  await bot.settled();
  expect(operator.messages.length).toBe(told + 2);
  expect((await bot.chat(anna)).payments).toHaveLength(1);
});

test('a payment of this very minute is left alone: its update may be on its way', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  const compared = () =>
    bot.log.filter(({ msg }) => msg === 'payments compared').map(({ position }) => position);
  await expect.poll(compared).toEqual([0]);
  bot.clock.shift(5 * minutes);
  // Without a checkout, whose update would start the comparison too early.
  await anna.paysAgain({ loseUpdate: true });
  operator.says('/help');
  await expect.poll(compared).toEqual([0, 0]);
  await bot.settled();
  expect(await bot.state(anna)).toBe('awaiting_payment');
  bot.clock.shift(5 * minutes);
  operator.says('/help');
  await expect.poll(compared).toEqual([0, 0, 1]);
  await anna.sees('Your payment has arrived');
});

test('a lost refund revokes when it is found', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  await bot.app.stop();
  anna.refunds(charge);
  // Telegram forgets the update, as after a day.
  await fetch(`${bot.sandbox.url}/bot${bot.sandbox.token}/deleteWebhook?drop_pending_updates=true`);
  expect(bot.sandbox.pendingUpdates).toBe(0);
  bot.clock.shift(10 * minutes);
  await bot.restart();
  operator.says('/help');
  await anna.sees('Access is closed');
  await operator.sees('Refund');
  await bot.settled();
  expect(await bot.state(anna)).toBe('idle');
});

test('a found renewal of a subscription is a renewal, not a payment too many', async () => {
  const { bot, operator } = await openShop(product.subscription);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await bot.app.stop();
  bot.clock.shift(30 * days);
  await bot.sandbox.waitFor(() => bot.sandbox.pendingUpdates > 0, 'the renewal');
  await fetch(`${bot.sandbox.url}/bot${bot.sandbox.token}/deleteWebhook?drop_pending_updates=true`);
  bot.clock.shift(2 * minutes);
  await bot.restart();
  operator.says('/help');
  await operator.sees('A payment was found');
  await anna.sees('Access is open until');
  await bot.settled();
  expect(chargesOf((await bot.chat(anna)).payments)).toEqual([
    expect.stringMatching(/^in /),
    expect.stringMatching(/^in /),
  ]);
  expect(await bot.state(anna)).toBe('paid');
});

test('what another program sold with this token is left alone', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  const call = async (method: string, body: object) =>
    (
      await fetch(`${bot.sandbox.url}/bot${bot.sandbox.token}/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    ).json();
  anna.says('/start');
  await bot.settled();
  const offer = {
    title: 't',
    description: 'd',
    payload: 'order 66',
    currency: 'XTR',
    prices: [{ label: 'l', amount: 5 }],
  };
  await call('sendInvoice', { chat_id: anna.id, ...offer });
  await anna.paysAgain({ loseUpdate: true });
  bot.clock.shift(10 * minutes);
  operator.says('/help');
  await expect
    .poll(() => bot.log.some(({ msg, position }) => msg === 'payments compared' && position === 1))
    .toBe(true);
  await bot.settled();
  expect((await bot.chat(anna)).payments).toMatchObject([{ foreign: true, amount: 5 }]);
  expect((await bot.chat(anna)).access).toMatchObject({ has: false, owed: [] });
  expect(await bot.state(anna)).toBe('idle');
  // What the list tells is no news; what comes as it happens is told once.
  expect(operator.messages.some(({ text }) => text.includes('for something else'))).toBe(false);
  const live = await anna.paysAgain();
  expect((await operator.sees('A payment for something else')).text).toContain(live.charge);
  const messages = anna.messages.length;
  anna.refunds(live.charge);
  await bot.settled();
  expect((await bot.chat(anna)).payments).toMatchObject([
    { foreign: true },
    { foreign: true, direction: 'in' },
    { foreign: true, direction: 'out' },
  ]);
  // Telegram's own word is all that comes.
  expect(anna.messages.slice(messages).map(({ text }) => text)).toEqual(['Payment refunded']);
  expect(operator.messages.filter(({ text }) => text.includes('Refund'))).toEqual([]);
  expect(bot.sandbox.calls.some(({ method }) => method === 'refundStarPayment')).toBe(false);
  expect((await bot.status()).dead).toBe(0);
});

test('/refund: the operator gives a charge back; who paid loses access and hears', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  operator.says('/refund');
  await operator.sees('Write the charge after the command');
  operator.says('/refund stxNothing');
  await operator.sees('The ledger has no such payment');
  operator.says(`/refund ${charge}`);
  await anna.sees('Your money was returned: 250 Stars');
  expect((await operator.sees('Amount: 250 Stars')).text).toContain(`To: Anna, id ${anna.id}`);
  await bot.settled();
  expect(await bot.state(anna)).toBe('idle');
  // A second time is done already.
  operator.says(`/refund ${charge}`);
  await bot.settled();
  expect((await bot.chat(anna)).payments).toHaveLength(2);
  expect((await bot.status()).dead).toBe(0);
});

test('a refund that Telegram does not take is told once and tried again after an hour', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  bot.sandbox.fail('refundStarPayment', { status: 400, description: 'Bad Request: BALANCE_TOO_LOW' });
  operator.says(`/refund ${charge}`);
  expect((await operator.sees('did not go through yet')).text).toContain('BALANCE_TOO_LOW');
  await bot.settled();
  bot.clock.shift(60 * minutes);
  await anna.sees('Your money was returned');
});

test('/paysupport: the operator sees question and payments, answers or refunds by a button', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user({ languageCode: 'ru' });
  anna.says('/start');
  await anna.sees('Получить доступ');
  anna.presses('Получить доступ');
  await bot.settled();
  const { charge } = await anna.pays();
  anna.says('/paysupport Где мой чек?');
  await anna.sees('Передал ваше обращение');
  const question = await operator.sees('A question about payment');
  expect(question.text).toContain('Где мой чек?');
  expect(question.text).toContain(charge);
  expect(question.buttons.flat().map(({ label }) => label)).toEqual(['Refund 250 Stars', 'Answer']);

  operator.presses('Answer');
  await operator.sees('Write your answer in one message');
  operator.says('/status');
  await bot.settled();
  operator.says('Он в настройках <Telegram>.');
  await operator.sees('Delivered.');
  expect((await anna.sees('Ответ на ваш вопрос')).text).toContain('Он в настройках <Telegram>.');
  // The next message is an ordinary one.
  operator.says('thanks');
  await operator.sees('I am a bot and understand buttons');
  expect(anna.messages.some(({ text }) => text.includes('thanks'))).toBe(false);

  operator.presses('Refund 250 Stars');
  await operator.sees('Refund 250 Stars to Anna?');
  operator.presses('Yes, refund');
  await anna.sees('Деньги возвращены');
  await bot.settled();
  expect(await bot.state(anna)).toBe('idle');
});

test('operators’ commands and buttons do nothing for others, whatever they send', async () => {
  const { bot, operator } = await openShop();
  const [anna, mallory] = [bot.sandbox.user(), bot.sandbox.user({ firstName: 'Mallory' })];
  const { charge } = await buys(bot, anna);
  anna.says('/paysupport hello');
  const question = await operator.sees('A question about payment');
  const stolen = question.buttons.flat().flatMap(({ data }) => (data === undefined ? [] : [data]));
  expect(stolen).toHaveLength(2);
  mallory.says('/start');
  await mallory.sees('Get access');
  const toasts = mallory.toasts.length;
  for (const data of stolen) mallory.pressesRaw(data);
  mallory.says(`/refund ${charge}`);
  mallory.says('to Anna, from nobody');
  await bot.settled();
  expect(mallory.toasts.slice(toasts)).toEqual(stolen.map(() => expect.stringContaining('out of date')));
  expect((await bot.chat(mallory)).sessions.map(({ machine }) => machine)).toEqual(['access']);
  expect(bot.sandbox.calls.some(({ method }) => method === 'refundStarPayment')).toBe(false);
  expect(await bot.state(anna)).toBe('paid');
  expect(operatorId).not.toBe(mallory.id);
});

test('/forget: session, timers and chat are gone, the ledger stays, and nothing comes afterwards', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const chats = (await bot.status()).chats;
  anna.says('/forget');
  await anna.sees('Delete your data?');
  anna.presses('Yes, delete everything');
  await anna.sees('your data is deleted');
  await bot.settled();
  // What is left is that this person is no member any more, and that for an hour only.
  expect((await bot.chat(anna)).sessions).toEqual([
    { machine: 'membership', state: 'none', context: { language: 'en' }, timers: [] },
  ]);
  expect((await bot.chat(anna)).payments).toHaveLength(1);
  expect(JSON.stringify((await bot.chat(anna)).payments)).not.toContain('Anna');
  const status = await bot.status();
  expect(status).toMatchObject({ chats: chats - 1, timers: 0, dead: 0 });
  expect(status.states).toMatchObject({ access: { paid: 0 }, membership: { 'active.member': 0 } });
  const before = anna.messages.length;
  bot.clock.shift(60 * days);
  await bot.settled();
  expect(anna.messages.length).toBe(before);
  await expect.poll(() => membership(anna)).toBeUndefined();
  anna.says('/start');
  await anna.sees('Get access');
});

test('/mydata sends everything that is stored, as a file', async () => {
  const { bot } = await openShop(product.month);
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  anna.says('/mydata');
  const sent = await anna.sees('everything that is stored about you');
  expect(sent.media?.[0]?.fileName).toBe('mydata.json');
  const file = sent.media?.[0]?.fileId ?? '';
  const answer = (await (
    await fetch(`${bot.sandbox.url}/bot${bot.sandbox.token}/getFile?file_id=${file}`)
  ).json()) as { result: { file_path: string } };
  const stored = await (
    await fetch(`${bot.sandbox.url}/file/bot${bot.sandbox.token}/${answer.result.file_path}`)
  ).json();
  expect(stored).toMatchObject({
    chat: anna.id,
    sessions: [{ machine: 'access', state: 'paid' }, { machine: 'membership' }],
    payments: [{ charge }],
  });
});

test('deep links: the first source is kept, and counted with what it brought', async () => {
  const { bot } = await openShop();
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  anna.says('/start ad_7');
  await anna.sees('Get access');
  anna.says('/start ad_8');
  boris.says('/start ad_7');
  boris.says('/start <script>');
  await bot.settled();
  anna.presses('Get access');
  await bot.settled();
  await anna.pays();
  await bot.settled();
  expect((await bot.chat(anna)).sessions[0]?.context).toMatchObject({ source: 'ad_7' });
  expect((await bot.status()).sources).toEqual({ ad_7: { started: 2, paid: 1 } });
});

test('reload: good content is taken at once, broken content is refused and the old one stays', async () => {
  const { bot, folder } = await openShop();
  const anna = bot.sandbox.user();
  await editContent(folder, ['locales/en.ftl', 'button-access = Get access', 'button-access = Come in']);
  await bot.app.reload();
  anna.says('/start');
  await anna.sees('Come in');
  await editContent(folder, ['bot.yaml', 'price: 250', 'price: cheap']);
  await editContent(folder, ['locales/en.ftl', 'button-access = Come in', 'button-access = Wrong']);
  await expect(bot.app.reload()).rejects.toThrow(/product\.price: expected a whole number/);
  anna.says('/help');
  anna.says('/start');
  await anna.sees('Come in');
  anna.presses('Come in');
  await bot.settled();
  expect(anna.messages.at(-1)?.raw['invoice']).toMatchObject({ total_amount: 250 });
});
