import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { SystemClock } from '../../src/runtime/clock.ts';
import { News } from '../../src/runtime/loops/news.ts';
import { Timers } from '../../src/runtime/loops/timers.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { type SandboxUser, startSandbox } from '../../src/sandbox/index.ts';
import type { TestBot } from '../support/bot.ts';
import { run, variablesFor } from '../support/process.ts';
import { openTestRedis } from '../support/redis.ts';
import { buys, clubId, days, inviteOf, isOffered, openShop, product } from '../support/shop.ts';

const club = { id: clubId };
const hours = 3_600_000;
const minutes = 60_000;

/** A subscriber inside the club, an hour before the end of the paid month. */
async function subscriber() {
  const shop = await openShop(product.club, product.subscription);
  const { bot } = shop;
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await bot.settled();
  bot.clock.shift(30 * days - hours);
  await bot.settled();
  const stays = async () => {
    await anna.sees('Access is open until');
    await bot.settled();
    expect(await shop.membership(anna)).toBe('active.member');
    expect(await bot.state(anna)).toBe('paid');
    expect(anna.isMember(club)).toBe(true);
    const { payments, sessions } = await bot.chat(anna);
    expect(payments).toHaveLength(2);
    const membership = sessions.find(({ machine }) => machine === 'membership');
    const until = Number((membership?.context as { until?: number } | undefined)?.until);
    expect(until - bot.clock.now()).toBeGreaterThan(28 * days);
    expect(anna.messages.some(({ text }) => text.includes('has ended'))).toBe(false);
    const asked = new Set(bot.sandbox.calls.map(({ method }) => method));
    for (const method of ['banChatMember', 'editUserStarSubscription']) expect(asked).not.toContain(method);
  };
  return { ...shop, anna, stays };
}

/** What the bot has said since the last call. */
function said(user: SandboxUser): () => string[] {
  let before = user.messages.length;
  return () => {
    const texts = user.messages.slice(before).flatMap(({ from, text }) => (from === 'bot' ? [text] : []));
    before = user.messages.length;
    return texts;
  };
}

const logged = (bot: TestBot, message: string) => bot.log.filter(({ msg }) => msg === message).length;

test('the bot is away for 8 h around a renewal: the subscriber stays, and the renewal counts', async () => {
  const { bot, stays } = await subscriber();
  await bot.app.stop();
  bot.clock.shift(8 * hours);
  await bot.restart();
  await stays();
});

test('the bot is away for 30 h, and Telegram has forgotten the renewal: its list tells, and the subscriber stays', async () => {
  const { bot, stays, operator } = await subscriber();
  await bot.app.stop();
  bot.clock.shift(2 * hours);
  await expect.poll(() => bot.sandbox.pendingUpdates).toBe(1);
  bot.clock.shift(28 * hours);
  expect(bot.sandbox.pendingUpdates).toBe(0);
  await bot.restart();
  await stays();
  await operator.sees('A payment was found');
});

test('a list that cannot be read keeps deadlines waiting until it can', async () => {
  const { bot, anna, operator, membership } = await subscriber();
  anna.runsOutOfStars();
  await bot.app.stop();
  const fault = { status: 400, description: 'Bad Request: not now' };
  bot.sandbox.fail('getStarTransactions', fault, { times: 1 });
  bot.clock.shift(30 * hours);
  await bot.restart();
  const failure = 'comparing payments with Telegram failed; trying again';
  await expect.poll(() => logged(bot, failure)).toBe(1);
  operator.says('/help');
  await operator.sees('What I can do');
  expect(await membership(anna)).toBe('active.member');
  bot.clock.shift(5 * minutes);
  operator.says('/help');
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => anna.isMember(club)).toBe(false);
});

test('the network is away for 8 h around a renewal: nobody is removed, then the renewal counts', async () => {
  const { bot, stays, membership, anna } = await subscriber();
  bot.sandbox.goOffline();
  bot.clock.shift(8 * hours);
  const failure = 'polling failed; trying again';
  await expect.poll(() => logged(bot, failure)).toBeGreaterThan(0);
  expect(await membership(anna)).toBe('active.member');
  bot.sandbox.goOnline();
  bot.clock.shift(3_000);
  await stays();
});

test('a subscription that was not renewed while the bot was away ends', async () => {
  const { bot, anna, membership } = await subscriber();
  anna.runsOutOfStars();
  await bot.app.stop();
  bot.clock.shift(8 * hours);
  await bot.restart();
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => anna.isMember(club)).toBe(false);
  await expect.poll(() => membership(anna)).toBe('none');
});

test('an offer that was paid while the bot was away, and ran out before it was back, is paid', async () => {
  const { bot } = await openShop();
  const anna = bot.sandbox.user();
  await isOffered(bot, anna);
  await bot.app.stop();
  const texts = said(anna);
  bot.clock.shift(70 * hours);
  await anna.paysAgain();
  bot.clock.shift(4 * hours);
  await bot.restart();
  await anna.sees('Your payment has arrived');
  await bot.settled();
  expect(await bot.state(anna)).toBe('paid');
  expect(texts().filter((text) => /The offer has ended|plan for your first week/.test(text))).toEqual([]);
});

test('after four days off one message comes, after two days one reminder, before and after the payment', async () => {
  const { bot } = await openShop();
  const [anna, boris, vera] = [bot.sandbox.user(), bot.sandbox.user(), bot.sandbox.user()];
  const away = async (time: number) => {
    await bot.app.stop();
    bot.clock.shift(time);
    await bot.restart();
  };
  await isOffered(bot, anna);
  await bot.settled();
  const toAnna = said(anna);
  await away(4 * days);
  await anna.sees('The offer has ended');
  await bot.settled();
  expect(toAnna()).toEqual([expect.stringContaining('The offer has ended')]);

  await isOffered(bot, boris);
  await buys(bot, vera);
  await bot.settled();
  const [toBoris, toVera] = [said(boris), said(vera)];
  await away(2 * days);
  await boris.sees('plan for your first week');
  await vera.sees('Your material is waiting');
  await bot.settled();
  expect(toBoris()).toEqual([expect.stringContaining('plan for your first week')]);
  expect(toVera()).toEqual([expect.stringContaining('Your material is waiting')]);
});

test('two copies, and the one that polls is killed: what was paid meanwhile is handled before offers end', async () => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const first = run(['start'], variables);
  await first.logged('ready');
  const second = run(['start'], variables);
  await second.logged('ready');
  const people = Array.from({ length: 6 }, () => sandbox.user());
  for (const person of people) {
    person.says('/start');
    await person.sees('Get access');
    person.presses('Get access');
  }
  const has = (person: SandboxUser, words: string) =>
    person.messages.some(({ text }) => text.includes(words));
  const isOut = (person: SandboxUser) => person.messages.some(({ kind }) => kind === 'invoice');
  await sandbox.waitFor(() => people.every(isOut), 'the invoices', 10_000);
  await sandbox.idle();
  await first.kill('SIGKILL');
  for (const person of people) await person.paysAgain();
  second.shift(73 * hours);
  const isPaid = (person: SandboxUser) => has(person, 'Your payment has arrived');
  await sandbox.waitFor(() => people.every(isPaid), 'the thanks', 20_000);
  expect(people.filter((person) => has(person, 'The offer has ended'))).toEqual([]);
}, 40_000);

/** Timers of one shard over Redis, all of them deadlines but those called `other`. */
async function deadlines(news: (due: number) => number | Promise<number>) {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 1 });
  const fired: string[] = [];
  const timers = new Timers({
    store,
    handle: async ({ id }) => {
      fired.push(id);
      await redis.zrem(key, id);
    },
    room: () => 10_000,
    waits: ({ timer }) => timer !== 'other',
    news,
    clock: new SystemClock(),
    log: pino({ level: 'silent' }),
  });
  onTestFinished(() => timers.stop());
  const key = store.keys.timers(0);
  const start = () => {
    timers.start();
    timers.gain(0);
  };
  return { redis, store, timers, fired, key, start };
}

const says = (chat: number, text = '{}') =>
  ({ id: chat, chat, lane: 'reply', kind: 'arrival', text }) as const;

test('a deadline waits for what its chat has in the inboxes; other chats, and other timers of its own, go on', async () => {
  const { redis, store, fired, key, start } = await deadlines(() => Number.POSITIVE_INFINITY);
  await store.appendUpdates([says(7), { ...says(8), lane: 'checkout' }]);
  const members = ['access:7|end', 'access:8|end', 'access:9|end', 'access:7|other'];
  for (const [index, member] of members.entries()) await redis.zadd(key, 100 + index, member);
  start();
  await expect.poll(() => fired).toEqual(['access:9|end', 'access:7|other']);
  await redis.del(store.keys.checkoutInbox(0));
  await expect.poll(() => fired.slice(2)).toEqual(['access:8|end']);
  // What a step leaves for another machine of the chat is in the way as well.
  await redis.xadd(store.keys.inbox(0), '*', 's7', '{}');
  const [first] = await store.readInbox(0, 'inbox', '', 1);
  await redis.xdel(store.keys.inbox(0), first?.id ?? '');
  expect(await store.chatsWaiting(0)).toEqual(new Set([7]));
  expect(fired).toHaveLength(3);
  await redis.del(store.keys.inbox(0));
  await expect.poll(() => fired.slice(3)).toEqual(['access:7|end']);
});

test('an inbox too long to look through, of an unknown chat, or out of shape is in the way of every deadline', async () => {
  const { redis, store } = await deadlines(() => 0);
  expect(await store.chatsWaiting(0)).toEqual(new Set());
  await store.appendUpdates(Array.from({ length: 1_000 }, (_, index) => says(index + 1)));
  expect((await store.chatsWaiting(0))?.size).toBe(1_000);
  await store.appendUpdates([says(2_000)]);
  expect(await store.chatsWaiting(0)).toBeNull();
  await redis.del(store.keys.inbox(0));
  await store.appendUpdates([{ ...says(2_001), chat: null }]);
  expect(await store.chatsWaiting(0)).toBeNull();
  await redis.set(store.keys.inbox(0), 'no stream');
  expect(await store.chatsWaiting(0)).toBeNull();
});

test('any number of deadlines that wait hide no other timer, and all fire when the news have come', async () => {
  let until = 0;
  const { redis, timers, fired, key, start } = await deadlines(() => until);
  const many = Array.from({ length: 700 }, (_, index) => [index + 1, `access:${index + 1}|end`]).flat();
  await redis.zadd(key, ...(many as [number, string]));
  await redis.zadd(key, 1_000, 'access:7|other');
  start();
  await expect.poll(() => fired).toEqual(['access:7|other']);
  until = 350;
  timers.newsCame();
  await expect.poll(() => fired.length).toBe(351);
  until = 1_000;
  timers.newsCame();
  await expect.poll(() => fired.length).toBe(701);
});

test('news are those that were asked for since; a gap of 23 h holds them back until a comparison that began after it', async () => {
  const { redis, prefix } = await openTestRedis();
  const store = openRedisStore(redis, { prefix, shards: 1 });
  const clock = new SystemClock();
  const news = new News({ store, longestGap: 23 * hours, clock });
  const start = clock.now();
  expect(await news.until(start)).toBe(Number.NEGATIVE_INFINITY);
  expect(await news.came(start)).toBe('gap');
  // Nobody knows what was before the first time.
  expect(await news.until(start)).toBe(Number.NEGATIVE_INFINITY);
  const compared = async () => store.news.noteCompared((await store.news.read()).gap);
  await compared();
  expect(await news.until(start)).toBe(start);

  expect(await news.came(start + 10)).toBe('known');
  news.wanted();
  expect(await news.came(start + 20)).toBe('noted');
  expect(await news.until(start)).toBe(start + 20);

  const before = (await store.news.read()).gap;
  clock.shift(23 * hours);
  expect(await news.came(start + 23 * hours + 20)).toBe('gap');
  expect(await news.until(start)).toBe(Number.NEGATIVE_INFINITY);
  await store.news.noteCompared(before);
  expect(await news.until(start)).toBe(Number.NEGATIVE_INFINITY);
  await compared();
  expect(await news.until(start)).toBe(start + 23 * hours + 20);
  // A clock that was set back by so much tells nothing of the time between.
  clock.shift(-50 * hours);
  expect(await news.came(start - 27 * hours)).toBe('gap');
  expect(await news.until(start)).toBe(Number.NEGATIVE_INFINITY);
});

test('a timer is newer when it is of the same session, due, and was due later', async () => {
  const { redis, store, key } = await deadlines(() => 0);
  await redis.zadd(key, 10, 'access:7|a', 20, 'access:7|b', 30, 'access:7|c', 25, 'access:8|d');
  const isNewer = (than: number, now: number) =>
    store.isNewerDue('access', 7, ['a', 'b', 'c', 'd'], than, now);
  expect([await isNewer(10, 22), await isNewer(20, 29), await isNewer(20, 30)]).toEqual([true, false, true]);
});
