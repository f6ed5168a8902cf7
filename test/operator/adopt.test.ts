import { expect, inject, test } from 'vitest';
import type { FoundUpdate } from '#club';
import { route } from '../../src/club/arrivals.ts';
import type { Payment } from '../../src/club/payments/book.ts';
import { Ledger } from '../../src/club/payments/ledger.ts';
import { compare } from '../../src/club/payments/reconcile.ts';
import { createSigner } from '../../src/club/payments/signature.ts';
import { type Adoption, type AdoptOptions, adoptPayments } from '../../src/operator/adopt.ts';
import { PaymentRefused, reconcilePayments } from '../../src/operator/payments.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { Keys } from '../../src/runtime/redis/keys.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { createApis } from '../../src/telegram/client.ts';
import type { TestBot } from '../support/bot.ts';
import { openTestRedis } from '../support/redis.ts';
import { buys, clubId, days, isOffered, openShop, product, type Shop } from '../support/shop.ts';

const minutes = 60_000;

/** The bot is started anew on a disk without anything. */
async function losesDisk(bot: TestBot): Promise<void> {
  await bot.app.stop();
  await withRedis(async (redis) => {
    const keys = await redis.keys(`*${bot.prefix}*`);
    await redis.del(...keys);
  });
  bot.clock.shift(2 * minutes);
  await bot.restart();
}

async function withRedis<T>(work: (redis: ReturnType<typeof connect>) => Promise<T>): Promise<T> {
  const redis = connect(inject('redis'));
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

const callOf = ({ sandbox }: TestBot) =>
  createApis({ token: sandbox.token, root: sandbox.url, ratePerSecond: 30 }).perform('reply');

/** What `turnstile payments adopt --json` does and prints. */
async function adopts(bot: TestBot, flags: Partial<AdoptOptions> = {}): Promise<Adoption> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => void lines.push(line);
  try {
    await withRedis((redis) =>
      adoptPayments(redis, { prefix: bot.prefix, shards: 4 }, callOf(bot), bot.clock, {
        json: true,
        product: 'club',
        facts: {},
        isSigned: createSigner(bot.sandbox.token).isSigned,
        ...flags,
      }),
    );
  } finally {
    console.log = log;
  }
  return JSON.parse(lines.join('')) as Adoption;
}

/** What another program, or an earlier release, sold with the bot's token. */
async function sells(bot: TestBot, user: { readonly id: number }, payload: string): Promise<void> {
  const response = await fetch(`${bot.sandbox.url}/bot${bot.sandbox.token}/sendInvoice`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      chat_id: user.id,
      title: 't',
      description: 'd',
      payload,
      currency: 'XTR',
      prices: [{ label: 'l', amount: 5 }],
    }),
  });
  expect(await response.json()).toMatchObject({ ok: true });
}

const compared = ({ log }: TestBot) => log.filter(({ msg }) => msg === 'payments compared').length;
const callsOf = ({ sandbox }: TestBot, ...methods: string[]) =>
  sandbox.calls.filter(({ method }) => methods.includes(method)).length;

/** A bot that has sold, on new books, and has found that out. */
async function isHeld({ bot, operator }: Shop): Promise<void> {
  await losesDisk(bot);
  operator.says('/help');
  await operator.sees('payments that the books of this installation do not have');
  await bot.settled();
}

test('a bot that has sold before and starts on empty books says so once, grants nothing, and compares nothing', async () => {
  const shop = await openShop(product.club, product.month);
  const { bot, operator } = shop;
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  for (let month = 0; month < 3; month++) {
    if (month > 0) bot.clock.shift(31 * days);
    await bot.settled();
    await buys(bot, anna);
  }
  const before = compared(bot);
  const messages = anna.messages.length;
  await isHeld(shop);
  expect(
    bot.log.filter(({ level, msg }) => level === 50 && String(msg).includes('payments adopt')),
  ).toHaveLength(1);
  expect(await bot.status()).toMatchObject({ payments: 0, unadopted: true });
  await expect(
    withRedis((redis) =>
      reconcilePayments(redis, { prefix: bot.prefix, shards: 4 }, callOf(bot), bot.clock, {}),
    ),
  ).rejects.toThrow(PaymentRefused);

  // It asks again, and says nothing more; after a restart neither.
  for (const restart of [false, true]) {
    if (restart) await bot.restart();
    const asked = callsOf(bot, 'getStarTransactions');
    bot.clock.shift(6 * minutes);
    operator.says('/help');
    await expect.poll(() => callsOf(bot, 'getStarTransactions')).toBeGreaterThan(asked);
    await bot.settled();
  }
  expect(operator.messages.filter(({ text }) => text.includes('of this installation'))).toHaveLength(1);
  expect(compared(bot)).toBe(before);
  expect(anna.messages.length).toBe(messages);
  expect((await bot.chat(anna)).payments).toEqual([]);

  // What is sold meanwhile is handled as ever.
  await buys(bot, boris);
  expect(await bot.state(boris)).toBe('paid');
});

test('a new bot whose list is empty compares as ever, also when it sells before the first comparison', async () => {
  const { bot, operator } = await openShop();
  const anna = bot.sandbox.user();
  await expect.poll(() => compared(bot)).toBe(1);
  await isOffered(bot, anna);
  await anna.pays({ loseUpdate: true });
  bot.clock.shift(6 * minutes);
  operator.says('/help');
  await anna.sees('Your payment has arrived');
  expect((await bot.status()).unadopted).toBeUndefined();
});

test('payments adopt: a dry run changes nothing; books and ends are rebuilt without a message; what follows is ordinary', async () => {
  const shop = await openShop(product.club, product.month);
  const { bot, operator, membership } = shop;
  const [anna, boris, clara, dora] = [0, 1, 2, 3].map(() => bot.sandbox.user()) as [
    ReturnType<typeof bot.sandbox.user>,
    ReturnType<typeof bot.sandbox.user>,
    ReturnType<typeof bot.sandbox.user>,
    ReturnType<typeof bot.sandbox.user>,
  ];
  // Boris has had his time, Clara her money back, and Dora, after a refund, access again.
  await buys(bot, boris);
  bot.clock.shift(31 * days);
  await bot.settled();
  const { charge } = await buys(bot, clara);
  clara.refunds(charge);
  const lost = await buys(bot, dora);
  dora.refunds(lost.charge);
  await bot.settled();
  bot.clock.shift(days);
  await buys(bot, dora);
  await buys(bot, anna);
  const until = (await bot.chat(anna)).access?.until;
  bot.sandbox.club({ id: clubId }).alreadyHas(anna);
  await sells(bot, boris, 'tip_jar');
  await boris.paysAgain({ loseUpdate: true });
  await isHeld(shop);

  const counts = () => [anna, boris, clara, dora, operator].map(({ messages }) => messages.length);
  const before = { messages: counts(), door: callsOf(bot, 'createChatInviteLink', 'banChatMember') };
  const facts = { club: clubId };
  const dry = await adopts(bot, { facts, dryRun: true });
  expect(dry).toMatchObject({
    read: 8,
    recent: 0,
    people: 4,
    payments: 5,
    refunds: 2,
    foreign: 1,
    access: { now: 2, forEver: 0 },
  });
  expect((await bot.status()).payments).toBe(0);

  expect(await adopts(bot, { facts })).toEqual(dry);
  await bot.settled();
  expect((await bot.status()).unadopted).toBeUndefined();
  expect((await bot.chat(anna)).access).toMatchObject({ has: true });
  expect(Math.abs(((await bot.chat(anna)).access?.until ?? 0) - (until ?? 0))).toBeLessThan(2_000);
  expect((await bot.chat(boris)).payments).toMatchObject([
    { adopted: true },
    { adopted: true, foreign: true },
  ]);
  expect(await Promise.all([anna, boris, clara, dora].map((user) => bot.state(user)))).toEqual([
    'paid',
    'idle',
    'idle',
    'paid',
  ]);
  expect(await membership(anna)).toBe('active.member');
  expect(await membership(dora)).toBe('active.member');
  // Again: everything is known.
  expect(await adopts(bot, { facts })).toMatchObject({
    people: 0,
    payments: 0,
    foreign: 0,
    access: { now: 2 },
  });
  bot.clock.shift(26 * minutes * 60);
  await bot.settled();
  expect(counts()).toEqual(before.messages);
  expect(callsOf(bot, 'createChatInviteLink', 'banChatMember')).toBe(before.door);

  // From there on the lists are compared.
  anna.says('/start');
  await anna.sees('Choose');
  await isOffered(bot, boris);
  const found = await boris.pays({ loseUpdate: true });
  bot.clock.shift(6 * minutes);
  operator.says('/help');
  const charges = async () => (await bot.chat(boris)).payments.map((payment) => payment.charge);
  await expect.poll(charges).toContain(found.charge);
  bot.clock.shift(30 * days);
  await anna.sees('has ended');
  // The word to the other machine goes through the inbox.
  await expect.poll(() => bot.state(anna)).toBe('idle');
  await expect.poll(() => anna.isMember(clubId)).toBe(false);
});

test('subscriptions: renewals after an adoption are ordinary, and the first charge is known', async () => {
  const shop = await openShop(product.club, product.subscription);
  const { bot, operator, membership } = shop;
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  bot.clock.shift(30 * days);
  await anna.sees('Access is open until');
  bot.clock.shift(10 * days);
  await isHeld(shop);
  const told = operator.messages.length;
  const facts = { club: clubId, subscription: true };
  expect(await adopts(bot, { facts })).toMatchObject({ people: 1, payments: 2, access: { now: 1 } });
  await bot.settled();
  expect((await bot.chat(anna)).payments).toMatchObject([
    { charge, bought: { first: true } },
    { bought: { until: expect.any(Number) } },
  ]);
  expect((await bot.chat(anna)).payments[1]?.bought).not.toHaveProperty('first');
  expect((await bot.chat(anna)).access).toMatchObject({ has: true, renews: true });
  bot.clock.shift(20 * days);
  await expect.poll(async () => (await bot.chat(anna)).payments.length).toBe(3);
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
  expect(anna.messages.filter(({ text }) => text.includes('Access is open until'))).toHaveLength(2);
  expect(operator.messages.length).toBe(told);
  expect(callsOf(bot, 'editUserStarSubscription', 'banChatMember')).toBe(0);
});

test('without a club, and on a stopped bot: nobody gets a message when it starts', async () => {
  const shop = await openShop();
  const { bot } = shop;
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  await buys(bot, anna);
  const { charge } = await buys(bot, boris);
  boris.refunds(charge);
  await bot.settled();
  await losesDisk(bot);
  await bot.app.stop();
  const messages = anna.messages.length;
  expect(await adopts(bot)).toMatchObject({ people: 2, access: { now: 1, forEver: 1, until: null } });
  // A refund is booked before its payment: nobody is taken out of the club for a time that was over long ago.
  const waiting = await withRedis((redis) =>
    redis.xrange(new Keys(bot.prefix).inbox(shardOf(boris.id, 4)), '-', '+'),
  );
  const entries = waiting.map(([, [, text = '']]) => (JSON.parse(text) as { entry: Payment }).entry);
  expect(entries.filter(({ chat }) => chat === boris.id).map(({ direction }) => direction)).toEqual([
    'out',
    'in',
  ]);
  await bot.restart();
  await bot.settled();
  expect(await bot.state(anna)).toBe('paid');
  expect((await bot.chat(anna)).access).toMatchObject({ forEver: true });
  expect(anna.messages.length).toBe(messages);
});

test('an earlier release did not sign: its payments of this product are taken, others when that is asked for', async () => {
  const shop = await openShop(product.month);
  const { bot } = shop;
  const [anna, boris, clara] = [bot.sandbox.user(), bot.sandbox.user(), bot.sandbox.user()];
  for (const [user, payload] of [
    [anna, 'club:0123abcd:60:17-0.1'],
    [boris, 'course:0123abcd:0:17-0.1'],
    [clara, 'order:12345678'],
  ] as const) {
    user.says('/start');
    await user.sees('Get access');
    await sells(bot, user, payload);
    await user.paysAgain({ loseUpdate: true });
  }
  await isHeld(shop);
  expect(await adopts(bot, { dryRun: true })).toMatchObject({ people: 1, foreign: 2 });
  expect(await adopts(bot, { includeUnsigned: true })).toMatchObject({ people: 2, foreign: 1 });
  await bot.settled();
  const accesses = await Promise.all([anna, boris, clara].map(async (user) => (await bot.chat(user)).access));
  expect(accesses).toMatchObject([{ has: true }, { has: true, forEver: true }, { has: false }]);
  expect(accesses[0]?.until).toBeGreaterThan(bot.clock.now() + 59 * days);
});

test('a pause that Telegram asks for is waited for, and cut off anywhere it can be begun anew', async () => {
  const shop = await openShop(product.month);
  const { bot } = shop;
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await losesDisk(bot);
  bot.sandbox.fail('getStarTransactions', { status: 400, description: 'Bad Request: no' });
  await expect(adopts(bot)).rejects.toThrow('Bad Request: no');
  expect((await bot.chat(anna)).payments).toEqual([]);
  bot.sandbox.fail('getStarTransactions', { status: 500, description: 'Internal Server Error' });
  const adopting = adopts(bot);
  await expect.poll(() => callsOf(bot, 'getStarTransactions')).toBeGreaterThan(1);
  bot.clock.shift(minutes);
  expect(await adopting).toMatchObject({ people: 1 });
  expect(await adopts(bot)).toBeDefined();
  await bot.settled();
  expect((await bot.chat(anna)).payments).toHaveLength(1);
});

test('what the affiliate programme took is noted: of a payment that was found, and of one that came', async () => {
  const { redis, prefix } = await openTestRedis();
  const where = { prefix, shards: 4 };
  const store = openRedisStore(redis, where);
  const ledger = new Ledger(store);
  const now = 1_700_000_000_000;
  const transaction = (id: string) => ({
    id,
    amount: 225,
    date: now / 1_000 - 600,
    source: {
      type: 'user',
      transaction_type: 'invoice_payment',
      user: { id: 7, is_bot: false, first_name: 'Anna' },
      invoice_payload: `club:0123abcd:30:${id}`,
      affiliate: { commission_per_mille: 100, amount: 25 },
    },
  });
  const call = async () => ({ transactions: [transaction('came'), transaction('found')] });
  const came = {
    charge: 'came',
    direction: 'in',
    chat: 7,
    payload: 'p',
    currency: 'XTR',
    amount: 250,
    at: now,
  };
  await redis.hset(store.keys.ledger(store.shardOf(7)), 'came', JSON.stringify(came));
  const { differences, commissions } = await compare(call, ledger, 0, now);
  expect(differences).toMatchObject([{ charge: 'found', update: { found: true, commission: 25 } }]);
  const arrival = route(differences[0]?.update as FoundUpdate, {
    userEvents: new Set(),
    buttonData: new Set(),
    checkoutProblem: () => undefined,
  });
  expect(arrival?.entry).toMatchObject({ charge: 'found', commission: 25, found: true });
  for (const commission of commissions) await ledger.noteCommission(commission);
  await ledger.noteCommission({ chat: 7, charge: 'gone', commission: 1 });
  expect((await ledger.find('came')).paid).toEqual({ ...came, commission: 25 });
  expect((await ledger.find('gone')).paid).toBeNull();
});
