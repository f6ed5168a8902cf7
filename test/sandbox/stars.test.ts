import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

const month = 2_592_000;
const offer = {
  title: 'Access',
  description: 'A month in the club',
  payload: 'access:1001',
  currency: 'XTR',
  prices: [{ label: 'Access', amount: 500 }],
};

/** A person who has started the bot, and the addresses of an offer and of a subscription. */
async function shop(given?: CallableSandbox) {
  const sandbox = given ?? (await openSandbox());
  const anna = sandbox.user({ id: 1_001 });
  anna.says('/start');
  const once = await sandbox.ask<string>('createInvoiceLink', offer);
  const monthly = await sandbox.ask<string>('createInvoiceLink', { ...offer, subscription_period: month });
  await sandbox.take(['message', 'subscription']);
  const refund = (charge: string) =>
    sandbox.call('refundStarPayment', { user_id: anna.id, telegram_payment_charge_id: charge });
  const cancel = (charge: string) =>
    sandbox.call('editUserStarSubscription', {
      user_id: anna.id,
      telegram_payment_charge_id: charge,
      is_canceled: true,
    });
  return { sandbox, anna, once, monthly, refund, cancel };
}

const transactions = async (sandbox: CallableSandbox) =>
  (await sandbox.ask<{ transactions: Record<string, unknown>[] }>('getStarTransactions')).transactions;

const balance = (sandbox: CallableSandbox) => sandbox.ask('getMyStarBalance');

const refused = (reason: string) => ({ ok: false, error_code: 400, description: `Bad Request: ${reason}` });

/** The payments that the bot is told of, renewals without their ids. */
const paymentsIn = (updates: readonly Record<string, unknown>[]) =>
  updates.flatMap(({ message }) => {
    const { successful_payment } = (message ?? {}) as Record<string, Record<string, unknown>>;
    return successful_payment === undefined ? [] : [successful_payment];
  });

/** Moves the clock by a month; the renewals that are due have been paid then. */
async function renew(sandbox: CallableSandbox, payments: number) {
  sandbox.clock.advance('30d');
  const isPaid = () =>
    sandbox.user({ id: 1_001 }).messages.filter(({ text }) => text === 'Payment received').length ===
    payments;
  await sandbox.waitFor(isPaid, `${payments} payments`);
}

test('an affiliate’s part is kept back from what comes in, and stands in the list alone', async () => {
  const { sandbox, anna, once, refund } = await shop();
  const { charge } = await anna.paysAgain({ link: once, affiliate: { perMille: 155 } });
  const [payment] = paymentsIn(await sandbox.take());
  expect(payment).toMatchObject({ total_amount: 500 });
  expect(await balance(sandbox)).toEqual({ amount: 423 });
  expect(await transactions(sandbox)).toMatchObject([
    { id: charge, amount: 423, source: { affiliate: { commission_per_mille: 155, amount: 77 } } },
  ]);
  expect(await refund(charge)).toMatchObject({ ok: true });
  expect((await transactions(sandbox)).at(-1)).toMatchObject({
    amount: 423,
    receiver: { affiliate: { amount: -77 } },
  });
  expect(await balance(sandbox)).toEqual({ amount: 0 });
});

test('an affiliate has part in each renewal', async () => {
  const { sandbox, anna, monthly } = await shop();
  await anna.paysAgain({ link: monthly, affiliate: { perMille: 100 } });
  await renew(sandbox, 2);
  expect(await balance(sandbox)).toEqual({ amount: 900 });
});

test('two subscriptions by one link renew each on its own; a renewal can be lost, once', async () => {
  const { sandbox, anna, monthly } = await shop();
  const first = await anna.paysAgain({ link: monthly });
  const second = await anna.paysAgain({ link: monthly });
  expect(paymentsIn(await sandbox.take())).toMatchObject([
    { is_recurring: true, is_first_recurring: true },
    { is_recurring: true, is_first_recurring: true },
  ]);
  expect(anna.subscriptions.map(({ charge }) => charge)).toEqual([first.charge, second.charge]);
  anna.losesRenewal(first.charge);
  await renew(sandbox, 4);
  const renewals = paymentsIn(await sandbox.take());
  expect(renewals).toMatchObject([{ is_recurring: true }]);
  expect(renewals[0]).not.toHaveProperty('is_first_recurring');
  expect(await transactions(sandbox)).toHaveLength(4);
  await renew(sandbox, 6);
  expect(paymentsIn(await sandbox.take())).toHaveLength(2);
  expect(() => anna.losesRenewal('stx0')).toThrow('has no subscription stx0');
});

test('a subscription is called off by its first charge alone, and only while it lasts', async () => {
  const { sandbox, anna, monthly, cancel } = await shop();
  const { charge } = await anna.paysAgain({ link: monthly });
  await renew(sandbox, 2);
  const renewal = String((await transactions(sandbox)).at(-1)?.['id']);
  expect(renewal).not.toBe(charge);
  expect(await cancel(renewal)).toEqual(refused('CHARGE_ID_INVALID'));
  expect(await cancel(charge)).toEqual({ ok: true, result: true });
  sandbox.clock.advance('30d');
  await sandbox.waitFor(() => anna.subscriptions[0]?.state === 'ended', 'the end');
  expect(await cancel(charge)).toEqual(refused('CHARGE_ID_INVALID'));
});

test('a bot whose Stars were withdrawn refunds nothing; Telegram does, and the balance falls below zero', async () => {
  const { sandbox, anna, once, refund } = await shop();
  const { charge } = await anna.paysAgain({ link: once });
  sandbox.withdrawsStars(100);
  expect((await transactions(sandbox)).at(-1)).toMatchObject({ amount: 100, receiver: { type: 'fragment' } });
  expect(await refund(charge)).toEqual(refused('BALANCE_TOO_LOW'));
  expect(() => sandbox.withdrawsStars(401)).toThrow('Expected from 1 to 400 Stars');
  await sandbox.take();
  anna.refunds(charge);
  expect(await sandbox.take()).toMatchObject([{ message: { refunded_payment: { total_amount: 500 } } }]);
  expect(await balance(sandbox)).toEqual({ amount: -100 });
  expect(await refund(charge)).toEqual(refused('CHARGE_ALREADY_REFUNDED'));
});

test('Stars come back when their withdrawal fails, and refunds go through again', async () => {
  const { sandbox, anna, once, refund } = await shop();
  const { charge } = await anna.paysAgain({ link: once });
  expect(() => sandbox.returnsStars()).toThrow('No withdrawal');
  sandbox.withdrawsStars();
  expect(sandbox.stars).toEqual({ balance: 0, withdrawn: 500 });
  expect(await refund(charge)).toEqual(refused('BALANCE_TOO_LOW'));
  sandbox.returnsStars();
  const [, out, back] = await transactions(sandbox);
  expect(out).toMatchObject({ amount: 500, receiver: { withdrawal_state: { type: 'failed' } } });
  expect(back).toMatchObject({ id: out?.['id'], amount: 500, source: { type: 'fragment' } });
  expect(sandbox.stars).toEqual({ balance: 500, withdrawn: 0 });
  expect(() => sandbox.returnsStars()).toThrow('No withdrawal');
  expect(await refund(charge)).toMatchObject({ ok: true });
});

test('earlier payments and another program’s stand in the list by their date, and the bot is told of none', async () => {
  const { sandbox, anna, once, refund, cancel } = await shop();
  const { charge } = await anna.paysAgain({ link: once });
  await sandbox.take();
  const day = 86_400_000;
  const now = sandbox.clock.now();
  const paid = { user: anna.id, amount: 300 };
  const foreign = sandbox.hasPayment({ ...paid, payload: 'tip_jar', at: now - day });
  const begun = sandbox.hasPayment({ ...paid, payload: 'vip', at: now - 20 * day, period: month });
  const over = sandbox.hasPayment({ ...paid, payload: 'vip', at: now - 40 * day, period: month });
  expect(await sandbox.take()).toEqual([]);
  const listed = await transactions(sandbox);
  expect(listed.map(({ id }) => id)).toEqual([over.charge, begun.charge, foreign.charge, charge]);
  expect(listed[1]).toMatchObject({ source: { invoice_payload: 'vip', subscription_period: month } });
  expect(anna.subscriptions).toMatchObject([{ charge: begun.charge, expires: now + 10 * day }]);
  expect(await cancel(over.charge)).toEqual(refused('CHARGE_ID_INVALID'));
  expect(await cancel(begun.charge)).toMatchObject({ ok: true });
  expect(await refund(foreign.charge)).toMatchObject({ ok: true });
});

test('a later start with the same file knows clubs, rights, affiliates and what was lost', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-sandbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stateFile = join(folder, 'telegram.json');
  const { sandbox, anna, monthly } = await shop(await openSandbox({ stateFile }));
  await anna.paysAgain({ link: monthly, affiliate: { perMille: 100 } });
  anna.losesRenewal();
  const group = sandbox.club({ type: 'group', asksBot: true, joinByRequest: true });
  const boris = sandbox.user({ id: 1_002, firstName: 'Boris' });
  const olga = sandbox.user({ id: 1_003, firstName: 'Olga' });
  const club = group.migrates();
  club.restricts(olga);
  boris.joins(club);
  const { folderLink, primaryLink } = club;
  club.botBecomes('administrator', { can_invite_users: false });
  await sandbox.close();

  const later = await openSandbox({ stateFile });
  expect(later.club({ id: club.id })).toMatchObject({ folderLink, primaryLink, requests: [1_002] });
  expect(await later.call('createChatInviteLink', { chat_id: club.id })).toMatchObject({
    description: 'Bad Request: not enough rights to manage chat invite link',
  });
  expect(await later.call('getChat', { chat_id: group.id })).toMatchObject({
    parameters: { migrate_to_chat_id: club.id },
  });
  const asked = { chat_id: club.id, user_id: 1_003 };
  expect(await later.ask('getChatMember', asked)).toMatchObject({ status: 'restricted', is_member: false });
  await later.take();
  await renew(later, 2);
  expect(paymentsIn(await later.take())).toEqual([]);
  expect(await balance(later)).toEqual({ amount: 900 });
});
