import { GrammyError } from 'grammy';
import { expect, test } from 'vitest';
import { gated } from '../src/features/access/gate.ts';
import { editContent } from './support/content.ts';
import { buys, clubId, inviteOf, isOffered, openShop, product } from './support/shop.ts';

const club = { id: clubId };

test('a new club: the operators hear how many have access and no link, once', async () => {
  const { bot, folder, operator } = await openShop();
  const people = [bot.sandbox.user(), bot.sandbox.user()];
  for (const person of people) await buys(bot, person);
  const refunded = bot.sandbox.user();
  const { charge } = await buys(bot, refunded);
  refunded.refunds(charge);
  await refunded.sees('Access is closed');
  await bot.settled();
  await editContent(folder, product.club);
  await bot.app.reload();
  expect((await operator.sees('have access and no link')).text).toContain('2 people');
  const heard = operator.messages.length;
  await bot.app.reload();
  await bot.restart();
  await bot.settled();
  expect(operator.messages.length).toBe(heard);
});

test('what is said in the club, and what happens in other chats, is not stored', async () => {
  const { bot } = await openShop(product.club);
  const anna = bot.sandbox.user();
  const other = bot.sandbox.club({ title: 'Another club' });
  const place = bot.sandbox.club({ id: clubId });
  place.alreadyHas(anna);
  const before = await bot.status();
  anna.says('Hello everybody', { to: club });
  anna.joins(other.primaryLink);
  anna.leaves(other);
  place.restricts(anna);
  await bot.settled();
  expect(await bot.chat(anna)).toMatchObject({ sessions: [], payments: [] });
  expect(await bot.status()).toEqual(before);
});

test('Telegram asks for a pause with links: it is asked no more, people hear of it, and all else goes on', async () => {
  const { bot, operator, membership } = await openShop(product.club);
  const people = Array.from({ length: 4 }, () => bot.sandbox.user());
  const flood = { status: 429, description: 'Too Many Requests: retry after 400', retryAfter: 400 };
  bot.sandbox.fail('createChatInviteLink', flood);
  for (const person of people) await isOffered(bot, person);
  for (const person of people) {
    await person.pays();
    await expect.poll(() => membership(person)).toBe('active.inviting');
    await expect
      .poll(() => bot.log.some(({ chat, effect }) => chat === person.id && effect === 'createInvite'))
      .toBe(true);
  }
  const asked = () => bot.sandbox.calls.filter(({ method }) => method === 'createChatInviteLink').length;
  expect(asked()).toBe(1);
  expect(bot.log.some(({ msg }) => msg === 'Telegram asks the whole bot for a pause')).toBe(false);
  // Who comes meanwhile is answered at once.
  const boris = bot.sandbox.user();
  boris.says('/start');
  await boris.sees('Get access');
  const heard = operator.messages.length;
  bot.clock.shift(30_000);
  for (const person of people) await person.sees('takes its time with the link');
  bot.clock.shift(271_000);
  await operator.sees('Links to the club are five minutes late');
  expect(operator.messages.length).toBe(heard + 1);
  bot.clock.shift(100_000);
  for (const person of people) await person.sees('your way into the club');
  await operator.sees('Links to the club are made again');
  expect(asked()).toBe(5);
});

test('the gate keeps one method still for as long as Telegram asks, and no other', async () => {
  let now = 1_000_000;
  const calls: string[] = [];
  const answer = { ok: false, error_code: 429, description: 'Too Many Requests: retry after 7' } as const;
  const perform = gated(
    async (method) => {
      calls.push(method);
      if (calls.length === 1)
        throw new GrammyError('flood', { ...answer, parameters: { retry_after: 7 } }, method, {});
      return true;
    },
    'createChatInviteLink',
    () => now,
  );
  await expect(perform('createChatInviteLink', {})).rejects.toMatchObject({ parameters: { retry_after: 7 } });
  now += 2_500;
  await expect(perform('createChatInviteLink', {})).rejects.toMatchObject({ parameters: { retry_after: 5 } });
  expect(await perform('sendMessage', {})).toBe(true);
  now += 4_500;
  expect(await perform('createChatInviteLink', {})).toBe(true);
  expect(calls).toEqual(['createChatInviteLink', 'sendMessage', 'createChatInviteLink']);
});

test('requests to join of strangers, however many, hold up no checkout', async () => {
  const { bot } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const strangers = Array.from({ length: 30 }, () => bot.sandbox.user());
  for (const stranger of strangers) stranger.joins(inviteOf(anna));
  await expect
    .poll(() => bot.sandbox.calls.filter(({ method }) => method === 'declineChatJoinRequest').length)
    .toBe(30);
  await bot.settled();
  const lanes = bot.log.filter(({ effect }) => effect === 'declineJoin').map(({ lane }) => lane);
  expect(new Set(lanes)).toEqual(new Set(['reply']));
});
