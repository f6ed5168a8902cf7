import { expect, test } from 'vitest';
import { editContent } from '../support/content.ts';
import { buys, clubId, days, inviteOf, openShop, product } from '../support/shop.ts';

const club = { id: clubId };
const hours = 3_600_000;

test('for ever: the payment brings a link, which lets in who has access and nobody else; no timer runs', async () => {
  const { bot, membership } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await anna.sees('your way into the club');
  expect(anna.joins(inviteOf(anna))).toBe('requested');
  await expect.poll(() => anna.isMember(club)).toBe(true);
  const boris = bot.sandbox.user();
  expect(boris.joins(inviteOf(anna))).toBe('requested');
  await boris.sees('This club is for members');
  await bot.settled();
  expect(boris.isMember(club)).toBe(false);
  expect(await membership(anna)).toBe('active.member');
  const { sessions } = await bot.chat(anna);
  expect(sessions.find(({ machine }) => machine === 'membership')).toMatchObject({
    context: { joined: true },
    timers: [],
  });
  bot.clock.shift(400 * days);
  await bot.settled();
  expect(anna.isMember(club)).toBe(true);
});

test('30 days: reminded three days and one day before, renewed without losing a day, then removed', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await bot.settled();
  const start = bot.clock.now();
  bot.clock.shift(27 * days);
  await anna.sees('ends in 3 days');

  anna.presses('Renew access');
  await bot.settled();
  expect(anna.messages.at(-1)?.kind).toBe('invoice');
  await anna.pays();
  await anna.sees('Access is open until');
  const until = Number(((await bot.chat(anna)).sessions[1]?.context as { until: number } | undefined)?.until);
  expect(Math.abs(until - (start + 60 * days))).toBeLessThan(60_000);
  expect(await bot.state(anna)).toBe('paid');

  bot.clock.shift(30 * days);
  await anna.sees('ends in 3 days');
  bot.clock.shift(2 * days);
  await anna.sees('ends in 24 hours');
  expect(anna.isMember(club)).toBe(true);
  bot.clock.shift(1 * days);
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => anna.isMember(club)).toBe(false);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(await bot.state(anna)).toBe('idle');
  // Not banned: who pays again gets a new link and comes back.
  const before = inviteOf(anna);
  expect(() => anna.joins(before)).toThrow('revoked');
  anna.presses('Renew access');
  await bot.settled();
  await anna.pays();
  await bot.settled();
  expect(anna.joins(inviteOf(anna))).toBe('requested');
  await expect.poll(() => anna.isMember(club)).toBe(true);
  expect((await bot.status()).dead).toBe(0);
});

test('a member who has blocked the bot is removed when the paid time is over all the same', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await bot.settled();
  anna.blocks();
  await bot.settled();
  bot.clock.shift(30 * days);
  await expect.poll(() => anna.isMember(club)).toBe(false);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(await bot.state(anna)).toBe('idle');
  expect((await bot.status()).dead).toBe(0);
});

test('without a club the paid time ends all the same, and nothing is asked of a club', async () => {
  const { bot, membership } = await openShop(product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  expect(await membership(anna)).toBe('active.member');
  anna.says('/status');
  await anna.sees(/Access is open until .*20\d\d/);
  bot.clock.shift(30 * days);
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => bot.state(anna)).toBe('idle');
  const methods = new Set(bot.sandbox.calls.map(({ method }) => method));
  for (const method of ['createChatInviteLink', 'banChatMember']) expect(methods).not.toContain(method);
});

test('without a club and without an end there is no membership at all', async () => {
  const { bot, membership } = await openShop();
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  expect(await membership(anna)).toBeUndefined();
});

test('a subscription renews by itself without reminders, and lapses when it is not paid', async () => {
  const { bot, membership } = await openShop(product.club, product.subscription);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await bot.settled();
  bot.clock.shift(30 * days);
  await anna.sees('Access is open until');
  await bot.settled();
  expect((await bot.chat(anna)).payments).toHaveLength(2);
  expect(anna.messages.some(({ text }) => text.includes('ends in 3 days'))).toBe(false);

  anna.runsOutOfStars();
  bot.clock.shift(30 * days);
  await anna.sees('could not renew');
  expect(anna.isMember(club)).toBe(true);
  bot.clock.shift(6 * hours);
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => membership(anna)).toBe('none');
  expect(anna.isMember(club)).toBe(false);
  expect(await bot.state(anna)).toBe('idle');
});

test('who calls a subscription off is reminded, and keeps access to the end of what is paid', async () => {
  const { bot, membership } = await openShop(product.club, product.subscription);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.cancelsSubscription();
  await bot.settled();
  bot.clock.shift(27 * days);
  await anna.sees('ends in 3 days');
  anna.presses('Renew access');
  await anna.sees('take it up again in Telegram');
  expect(await membership(anna)).toBe('active.member');
  bot.clock.shift(3 * days);
  await anna.sees('Your access to the club has ended');
});

test('the link fails twice and then works: nobody notices', async () => {
  const { bot, membership } = await openShop(product.club);
  const anna = bot.sandbox.user();
  bot.sandbox.fail(
    'createChatInviteLink',
    { status: 500, description: 'Internal Server Error' },
    { times: 2 },
  );
  await buys(bot, anna).catch(() => {});
  for (const wait of [1_000, 5_000]) {
    await expect
      .poll(() => bot.log.some(({ effect, ms }) => effect === 'createInvite' && ms === wait))
      .toBe(true);
    bot.clock.shift(wait);
  }
  await anna.sees('your way into the club');
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
  expect(anna.messages.some(({ text }) => text.includes('could not be made'))).toBe(false);
});

test('a club that is gone is no matter of the person: trouble, and no silence', async () => {
  const { bot, operator, membership } = await openShop(product.club);
  const anna = bot.sandbox.user();
  const gone = { status: 403, description: 'Forbidden: bot was kicked from the supergroup chat' };
  bot.sandbox.fail('createChatInviteLink', gone);
  await buys(bot, anna);
  await anna.sees('could not be made just now');
  await operator.sees('The bot lacks rights in the club');
  await expect.poll(() => membership(anna)).toBe('active.trouble');
  expect((await bot.chat(anna)).sessions[0]?.timers.length).toBeGreaterThan(0);
  bot.clock.shift(15 * 60_000);
  await anna.sees('your way into the club');
});

test('a club that cannot be reached stops no reminder of the person', async () => {
  const { bot } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const timers = async () => (await bot.chat(anna)).sessions[0]?.timers.map(({ name }) => name);
  const before = await timers();
  const gone = { status: 403, description: 'Forbidden: bot was kicked from the supergroup chat' };
  bot.sandbox.fail('approveChatJoinRequest', gone);
  anna.requestsToJoin(club);
  await expect.poll(async () => (await bot.status()).dead).toBe(1);
  await bot.settled();
  expect(await timers()).toEqual(before);
  expect(before).toHaveLength(2);
});

test('a bot that may not invite tells the operator once, reassures the person, and tries again', async () => {
  const { bot, operator, membership } = await openShop(product.club);
  const anna = bot.sandbox.user();
  const refused = { status: 400, description: 'Bad Request: not enough rights to manage chat invite link' };
  bot.sandbox.fail('createChatInviteLink', refused, { times: 2 });
  await buys(bot, anna);
  await anna.sees('could not be made just now');
  expect((await operator.sees('The bot lacks rights in the club')).text).toContain('not enough rights');
  expect(await membership(anna)).toBe('active.trouble');
  const heard = operator.messages.length;
  bot.clock.shift(15 * 60_000);
  await expect
    .poll(() => bot.sandbox.calls.filter(({ method }) => method === 'createChatInviteLink').length)
    .toBe(2);
  await expect.poll(() => membership(anna)).toBe('active.trouble');
  bot.clock.shift(15 * 60_000);
  await anna.sees('your way into the club');
  await operator.sees('The bot has its rights in the club again');
  expect(operator.messages.length).toBe(heard + 1);
});

test('a member that cannot be removed yet is removed later', async () => {
  const { bot, operator, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  const refused = {
    status: 400,
    description: 'Bad Request: not enough rights to restrict/unrestrict chat member',
  };
  bot.sandbox.fail('banChatMember', refused);
  bot.clock.shift(30 * days);
  await operator.sees('The bot lacks rights in the club');
  await expect.poll(() => membership(anna)).toBe('removal_trouble');
  bot.clock.shift(hours);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(anna.isMember(club)).toBe(false);
});

test('a club that the bot does not keep is named at the start', async () => {
  const { bot } = await openShop(product.club);
  const problems = () =>
    bot.log.filter(({ msg }) => String(msg).startsWith('club.chat_id')).map(({ msg }) => msg);
  // The club is opened after the bot here.
  expect(problems()).toEqual([expect.stringContaining('expected a group or channel that the bot is in')]);
  await bot.app.reload();
  expect(problems()).toHaveLength(1);
});

test('reminders speak the language that was chosen since', async () => {
  const { bot } = await openShop(product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.says('/language');
  await anna.sees('Choose a language');
  anna.presses('language.selected:ru');
  await bot.settled();
  bot.clock.shift(27 * days);
  await anna.sees('закончится через 3 дня');
});

test('a lost link is replaced, and the one of before is revoked', async () => {
  const { bot } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const first = inviteOf(anna);
  // Within a minute it is the same.
  anna.presses('A new link');
  await bot.settled();
  expect(inviteOf(anna)).toBe(first);
  bot.clock.shift(60_000);
  anna.presses('A new link');
  await expect.poll(() => inviteOf(anna)).not.toBe(first);
  expect(() => anna.joins(first)).toThrow('revoked');
  anna.says('/club');
  await bot.settled();
  expect(anna.joins(inviteOf(anna))).toBe('requested');
  await expect.poll(() => anna.isMember(club)).toBe(true);
});

test('who paid before there was a club gets in by /club', async () => {
  const { bot, folder } = await openShop();
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await editContent(folder, product.club);
  await bot.app.reload();
  anna.says('/club');
  await anna.sees('your way into the club');
  expect(anna.joins(inviteOf(anna))).toBe('requested');
  await expect.poll(() => anna.isMember(club)).toBe(true);
});

test('join requests: approved for who has paid, declined with a word for others', async () => {
  const { bot } = await openShop(product.club);
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  boris.says('/start');
  await boris.sees('Get access');
  await buys(bot, anna);
  anna.requestsToJoin(club);
  boris.requestsToJoin(club);
  await boris.sees('This club is for members');
  await bot.settled();
  expect([anna.isMember(club), boris.isMember(club)]).toEqual([true, false]);
  const declined = bot.sandbox.calls.filter(({ method }) => method === 'declineChatJoinRequest');
  expect(declined.map(({ payload }) => Number(payload['user_id']))).toEqual([boris.id]);
});

test('a stranger at the door is no chat of the bot, and is forgotten', async () => {
  const { bot } = await openShop(product.club);
  const boris = bot.sandbox.user();
  const before = (await bot.status()).chats;
  const silent = { status: 403, description: "Forbidden: bot can't initiate conversation with a user" };
  bot.sandbox.fail('sendMessage', silent, { chat: boris.id });
  boris.requestsToJoin(club);
  await bot.settled();
  expect((await bot.status()).chats).toBe(before);
  expect(bot.sandbox.calls.filter(({ method }) => method === 'declineChatJoinRequest')).toHaveLength(1);
  bot.clock.shift(hours);
  await expect.poll(async () => (await bot.chat(boris)).sessions).toEqual([]);
});

test('a refund takes the member out at once, and calls the subscription off', async () => {
  const { bot, membership } = await openShop(product.club, product.subscription);
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await bot.settled();
  anna.refunds(charge);
  await anna.sees('Access is closed');
  await expect.poll(() => membership(anna)).toBe('none');
  expect(anna.isMember(club)).toBe(false);
  expect(anna.subscriptions[0]?.state).not.toBe('active');
});

test('the refund of a month that is over leaves the month of today alone', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  bot.clock.shift(30 * days);
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => bot.state(anna)).toBe('idle');
  anna.presses('Renew access');
  await bot.settled();
  await anna.pays();
  await bot.settled();
  anna.refunds(charge);
  await anna.sees('It paid for a time that is over');
  await bot.settled();
  expect([await bot.state(anna), await membership(anna)]).toEqual(['paid', 'active.member']);
});

test('who has access for ever keeps it when the club begins to sell months', async () => {
  const { bot, folder, membership } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await editContent(folder, product.month);
  await bot.app.reload();
  // Money that comes all the same is given back.
  await anna.paysAgain();
  await anna.sees('It goes back to you right away');
  await bot.settled();
  bot.clock.shift(60 * days);
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
});

test('the refund of one of two months takes its days, and the other month stays', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  bot.clock.shift(27 * days);
  await anna.sees('ends in 3 days');
  anna.presses('Renew access');
  await bot.settled();
  const { charge } = await anna.pays();
  await bot.settled();
  anna.refunds(charge);
  await anna.sees('is taken off');
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
  bot.clock.shift(3 * days);
  await anna.sees('Your access to the club has ended');
});
