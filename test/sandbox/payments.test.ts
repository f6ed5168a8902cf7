import { expect, test } from 'vitest';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

const offer = {
  title: 'Access',
  description: 'A month in the club',
  payload: 'access:1001',
  currency: 'XTR',
  prices: [{ label: 'Access', amount: 500 }],
};
const month = 2_592_000;
const kinds = ['message', 'pre_checkout_query', 'subscription'];

/** A person who has started the bot; what they do next is the first update that the bot sees. */
async function started(sandbox: CallableSandbox) {
  const user = sandbox.user();
  user.says('/start');
  await sandbox.take(kinds);
  return user;
}

type Query = { pre_checkout_query: { id: string } };

/** Approves the checkout that waits, or rejects it with a reason. */
async function settle(sandbox: CallableSandbox, reason?: string) {
  const update = ((await sandbox.take()) as Query[]).find((one) => 'pre_checkout_query' in one);
  const verdict = reason === undefined ? { ok: true } : { ok: false, error_message: reason };
  const pre_checkout_query_id = update?.pre_checkout_query.id;
  return sandbox.call('answerPreCheckoutQuery', { pre_checkout_query_id, ...verdict });
}

/** What Telegram tells the bot of payments, without ids that differ from run to run. */
const paymentsIn = (updates: readonly Record<string, unknown>[]) =>
  updates.map(({ message }) => {
    const { successful_payment, refunded_payment } = message as Record<string, Record<string, unknown>>;
    return { ...successful_payment, ...refunded_payment };
  });

test('an invoice is paid: checkout, approval, successful_payment, a line in the list of transactions', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const paying = anna.pays();
  await settle(sandbox);
  const { charge } = await paying;
  const paid = {
    currency: 'XTR',
    total_amount: 500,
    invoice_payload: 'access:1001',
    telegram_payment_charge_id: charge,
    provider_payment_charge_id: '',
  };
  expect(paymentsIn(await sandbox.take())).toEqual([paid]);
  expect(await sandbox.ask('getStarTransactions')).toEqual({
    transactions: [
      {
        id: charge,
        amount: 500,
        date: expect.any(Number),
        source: {
          type: 'user',
          transaction_type: 'invoice_payment',
          user: { id: anna.id, is_bot: false, first_name: 'Anna', language_code: 'en' },
          invoice_payload: 'access:1001',
        },
      },
    ],
  });
  expect(await sandbox.ask('getMyStarBalance')).toEqual({ amount: 500 });
});

test('a checkout is refused by the bot, with its reason', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const paying = anna.pays();
  paying.catch(() => {});
  await settle(sandbox, 'Sold out');
  await expect(paying).rejects.toThrow('The checkout was rejected: Sold out');
  expect(await sandbox.ask('getStarTransactions')).toEqual({ transactions: [] });
});

test('a checkout that is not answered within 10 s by the clock ends, and a late answer is refused', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const inTime = anna.checkout();
  sandbox.clock.advance('9s');
  await settle(sandbox);
  expect(await inTime).toEqual({ ok: true });
  const checkout = anna.checkout();
  const asked = sandbox.clock.now();
  sandbox.clock.advance('10s');
  expect(await checkout).toEqual({ ok: false, error: 'The bot did not answer the checkout within 10 s.' });
  expect(sandbox.clock.now() - asked).toBeLessThan(10_900);
  expect(await settle(sandbox)).toMatchObject({
    ok: false,
    error_code: 400,
    description: 'Bad Request: query is too old and response timeout expired or query ID is invalid',
  });
});

test('an offer behind a link is paid by its address, by the button that carries it, and twice', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  const link = await sandbox.ask<string>('createInvoiceLink', offer);
  expect(link).toMatch(/^https:\/\/t\.me\/\$/);
  const keyboard = { inline_keyboard: [[{ text: 'Pay 500', url: link }]] };
  await sandbox.ask('sendMessage', { chat_id: anna.id, text: 'The offer', reply_markup: keyboard });
  const charges = new Set<string>();
  for (const source of [{ link }, {}]) {
    const paying = anna.pays(source);
    await settle(sandbox);
    charges.add((await paying).charge);
  }
  charges.add((await anna.paysAgain()).charge);
  expect(charges.size).toBe(3);
  expect(await sandbox.ask('getMyStarBalance')).toEqual({ amount: 1_500 });
});

test('a payment whose update is lost stands in the list of transactions', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const paying = anna.pays({ loseUpdate: true });
  await settle(sandbox);
  const { charge } = await paying;
  expect(await sandbox.take()).toEqual([]);
  expect(await sandbox.ask('getStarTransactions')).toMatchObject({ transactions: [{ id: charge }] });
});

test('a refund goes back once, is told to the bot, and has the id of its payment in the list', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const { charge } = await anna.paysAgain();
  await sandbox.take();
  const refund = { user_id: anna.id, telegram_payment_charge_id: charge };
  const of = (changes: object) => sandbox.call('refundStarPayment', { ...refund, ...changes });
  const refused = (reason: string) => ({ ok: false, error_code: 400, description: `Bad Request: ${reason}` });
  expect(await of({ telegram_payment_charge_id: 'stx0' })).toEqual(refused('CHARGE_ID_INVALID'));
  expect(await of({ telegram_payment_charge_id: '' })).toEqual(refused('CHARGE_ID_EMPTY'));
  expect(await of({ user_id: sandbox.user().id })).toEqual(refused('CHARGE_ID_INVALID'));
  expect(await of({ user_id: 5 })).toEqual(refused('USER_ID_INVALID'));
  expect(await of({})).toEqual({ ok: true, result: true });
  expect(await of({})).toEqual(refused('CHARGE_ALREADY_REFUNDED'));
  expect(paymentsIn(await sandbox.take())).toMatchObject([{ telegram_payment_charge_id: charge }]);
  const { transactions } = await sandbox.ask<{ transactions: object[] }>('getStarTransactions');
  expect(transactions).toMatchObject([
    { id: charge, source: { type: 'user' } },
    { id: charge, receiver: { type: 'user' } },
  ]);
  expect(transactions[1]).not.toHaveProperty('source');
  expect(await sandbox.ask('getMyStarBalance')).toEqual({ amount: 0 });
});

test('the list of transactions is read in pages, oldest first', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const charges: string[] = [];
  for (let count = 0; count < 5; count++) charges.push((await anna.paysAgain()).charge);
  const page = async (parameters: object) => {
    const answer = await sandbox.ask<{ transactions: { id: string }[] }>('getStarTransactions', {
      ...parameters,
    });
    return answer.transactions.map(({ id }) => id);
  };
  expect(await page({ offset: 0, limit: 2 })).toEqual(charges.slice(0, 2));
  expect(await page({ offset: 2, limit: 2 })).toEqual(charges.slice(2, 4));
  expect(await page({ offset: 4 })).toEqual(charges.slice(4));
  expect(await page({ offset: 5 })).toEqual([]);
});

test('a subscription renews each month by the clock until the person calls it off', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  const link = await sandbox.ask<string>('createInvoiceLink', { ...offer, subscription_period: month });
  const { charge } = await anna.paysAgain({ link });
  const first = paymentsIn(await sandbox.take())[0] as { subscription_expiration_date: number };
  expect(first).toMatchObject({ is_recurring: true, is_first_recurring: true });
  const until = first.subscription_expiration_date;

  const messages = anna.messages.length;
  sandbox.clock.advance('30d');
  await sandbox.waitFor(() => anna.messages.length > messages, 'the renewal');
  const [renewal] = paymentsIn(await sandbox.take());
  expect(renewal).toMatchObject({ is_recurring: true, subscription_expiration_date: until + month });
  expect(renewal).not.toHaveProperty('is_first_recurring');
  expect(renewal?.['telegram_payment_charge_id']).not.toBe(charge);
  const { transactions } = await sandbox.ask<{ transactions: object[] }>('getStarTransactions');
  expect(transactions).toMatchObject([1, 2].map(() => ({ source: { subscription_period: month } })));

  anna.cancelsSubscription();
  anna.resumesSubscription();
  anna.cancelsSubscription();
  const told = (state: string) => ({ subscription: { state, invoice_payload: 'access:1001' } });
  expect(await sandbox.take()).toMatchObject([told('canceled'), told('active'), told('canceled')]);
  sandbox.clock.advance('30d');
  await sandbox.waitFor(() => anna.subscriptions[0]?.state === 'ended', 'the end');
  expect(await sandbox.take()).toEqual([]);
});

test('a subscription that cannot be paid fails and ends; the bot is told', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  const link = await sandbox.ask<string>('createInvoiceLink', { ...offer, subscription_period: month });
  await anna.paysAgain({ link });
  await sandbox.take();
  anna.runsOutOfStars();
  sandbox.clock.advance('30d');
  await sandbox.waitFor(() => anna.subscriptions[0]?.state === 'ended', 'the end');
  expect(await sandbox.take()).toMatchObject([{ subscription: { state: 'failed' } }]);
});

test('the bot calls a subscription off, and only the bot allows it again', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  const link = await sandbox.ask<string>('createInvoiceLink', { ...offer, subscription_period: month });
  const { charge } = await anna.paysAgain({ link });
  const edit = (is_canceled: boolean, user_id = anna.id) =>
    sandbox.call('editUserStarSubscription', { user_id, telegram_payment_charge_id: charge, is_canceled });
  expect(await edit(true)).toEqual({ ok: true, result: true });
  expect(() => anna.resumesSubscription()).toThrow('only the bot can allow it again');
  expect(await edit(false)).toEqual({ ok: true, result: true });
  expect(anna.subscriptions).toMatchObject([{ charge, state: 'active' }]);
  expect(await edit(true, sandbox.user().id)).toMatchObject({
    description: 'Bad Request: CHARGE_ID_INVALID',
  });
});

test.each([
  ['JPY', 1_200],
  ['USD', 145],
  ['KWD', 1_450],
])(
  'a payment by a provider in %s keeps its smallest units and stays out of the Stars',
  async (currency, amount) => {
    const sandbox = await openSandbox();
    const anna = await started(sandbox);
    const prices = [
      { label: 'Access', amount: amount + 100 },
      { label: 'Discount', amount: -100 },
    ];
    const invoice = { ...offer, currency, prices, provider_token: '1:TEST' };
    await sandbox.ask('sendInvoice', { chat_id: anna.id, ...invoice });
    const paying = anna.pays();
    await settle(sandbox);
    const { charge } = await paying;
    const [paid] = paymentsIn(await sandbox.take());
    expect(paid).toMatchObject({ currency, total_amount: amount });
    expect(paid?.['provider_payment_charge_id']).not.toBe('');
    expect(await sandbox.ask('getStarTransactions')).toEqual({ transactions: [] });
    const refund = { user_id: anna.id, telegram_payment_charge_id: charge };
    expect(await sandbox.call('refundStarPayment', refund)).toMatchObject({ ok: false });
  },
);

test('a forged checkout reaches the bot as it was forged', async () => {
  const sandbox = await openSandbox();
  const anna = await started(sandbox);
  await sandbox.ask('sendInvoice', { chat_id: anna.id, ...offer });
  const checkout = anna.checkout({ amount: 1 });
  const [update] = await sandbox.take();
  expect(update).toMatchObject({ pre_checkout_query: { total_amount: 1, invoice_payload: 'access:1001' } });
  sandbox.clock.advance('10s');
  await checkout;
});
