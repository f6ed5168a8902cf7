import { GrammyError } from 'grammy';
import { expect, inject, test } from 'vitest';
import { connect } from '../../src/runtime/redis/connect.ts';
import { gated } from '../../src/telegram/gate.ts';
import { editContent } from '../support/content.ts';
import { buys, clubId, inviteOf, isOffered, openShop, product } from '../support/shop.ts';

const club = { id: clubId };
const refusal = (code: number, retryAfter?: number) =>
  new GrammyError(
    'failed',
    {
      ok: false,
      error_code: code,
      description: 'refused',
      ...(retryAfter !== undefined && { parameters: { retry_after: retryAfter } }),
    },
    'm',
    {},
  );

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
  // The operators hear of the other club.
  await bot.settled();
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

test('a 429 holds back its own method alone; then one call tries for all', async () => {
  let now = 1_000;
  const calls: string[] = [];
  const answers: (GrammyError | Promise<string> | string)[] = [];
  const call = gated(
    async (method) => {
      calls.push(method);
      const answer = await (answers.shift() ?? 'ok');
      if (answer instanceof GrammyError) throw answer;
      return answer;
    },
    () => now,
  );
  const retryAfter = (method: string) =>
    call(method, {}).then(
      (answer) => answer,
      (error: GrammyError) => error.parameters?.retry_after ?? error.error_code,
    );
  answers.push(refusal(429, 20));
  expect(await retryAfter('link')).toBe(20);
  now += 5_500;
  expect(await retryAfter('link')).toBe(15);
  expect(await retryAfter('other')).toBe('ok');
  expect(calls).toEqual(['link', 'other']);
  now += 14_500;
  // The one that tries fails in another way: the next one tries.
  answers.push(refusal(500));
  expect(await retryAfter('link')).toBe(500);
  let answered: (answer: string) => void = () => {};
  answers.push(new Promise((resolve) => (answered = resolve)));
  const trying = retryAfter('link');
  expect(await retryAfter('link')).toBe(1);
  answered('taken');
  expect(await trying).toBe('taken');
  expect([await retryAfter('link'), await retryAfter('link')]).toEqual(['ok', 'ok']);
  expect(calls.length).toBe(6);
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

const toldOf = (operator: { messages: readonly { text: string }[] }, words: string) =>
  operator.messages.filter(({ text }) => text.includes(words)).length;

/** The bot misses whatever Telegram has for it now. */
async function losesUpdates({ url, token }: { url: string; token: string }): Promise<void> {
  const updates = async (offset: number) => {
    const response = await fetch(`${url}/bot${token}/getUpdates?offset=${offset}`);
    return ((await response.json()) as { result: { update_id: number }[] }).result;
  };
  const last = (await updates(0)).at(-1);
  if (last !== undefined) await updates(last.update_id + 1);
}

test.each([
  ['the group itself says', false],
  ['an error alone says, since the message of the group was lost', true],
])('a club has moved, which %s: it is followed, and told of once', async (_, isLost) => {
  const group = { id: clubId - 9 };
  const { bot, operator } = await openShop(product.month, ['bot.yaml', 'chat_id:', `chat_id: ${group.id}`]);
  const place = bot.sandbox.club({ id: group.id, type: 'group' });
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  await isOffered(bot, anna);
  await isOffered(bot, boris);
  await bot.app.stop();
  const moved = place.migrates();
  if (isLost) await losesUpdates(bot.sandbox);
  await bot.restart();
  for (const one of [anna, boris]) {
    await one.pays();
    await one.sees('your way into the club');
    one.joins(inviteOf(one));
    await expect.poll(() => one.isMember(moved)).toBe(true);
  }
  await operator.sees('The club has become a supergroup');
  await bot.restart();
  await bot.settled();
  expect(toldOf(operator, 'The club has become a supergroup')).toBe(1);
  expect(toldOf(operator, 'access and no link to the club')).toBe(0);
});

test('nothing is stored of what is said in the club, and of what happens in other chats', async () => {
  const { bot } = await openShop(product.club);
  bot.sandbox.club({ id: clubId });
  const redis = connect(inject('redis'));
  try {
    const stored = async () => {
      const keys = (await redis.keys(`*${bot.prefix}*`)).filter(
        (key) => !/:(owner|poller|copies|news)/.test(key),
      );
      return Object.fromEntries(
        await Promise.all(keys.sort().map(async (key) => [key, await redis.dump(key)])),
      );
    };
    await bot.settled();
    const before = await stored();
    const lines = bot.log.length;
    const date = Math.floor(bot.clock.now() / 1_000);
    const [club, other] = [
      { id: clubId, type: 'supergroup', title: 'The club' },
      { id: -1_009, type: 'supergroup', title: 'Elsewhere' },
    ];
    const from = { id: 7_001, is_bot: false, first_name: 'Gossip' };
    const member = (status: string) => ({
      status,
      user: from,
      ...(status === 'member' && { until_date: 0 }),
    });
    const change = { from, date, old_chat_member: member('left'), new_chat_member: member('member') };
    for (const chat of [club, other]) {
      for (const message of [
        { text: 'hello' },
        { text: '/start' },
        { new_chat_members: [from] },
        { migrate_from_chat_id: -5 },
      ])
        bot.sandbox.push({ message: { message_id: 1, date, chat, from, ...message } });
      bot.sandbox.push({ edited_message: { message_id: 1, date, edit_date: date, chat, from, text: 'hi' } });
    }
    bot.sandbox.push({ message: { message_id: 1, date, chat: other, from, migrate_to_chat_id: -1_010 } });
    bot.sandbox.push({
      channel_post: { message_id: 1, date, chat: { ...other, type: 'channel' }, text: 'news' },
    });
    bot.sandbox.push({ chat_member: { chat: other, ...change } });
    bot.sandbox.push({ chat_join_request: { chat: other, from, user_chat_id: from.id, date } });
    const me = { id: 42, is_bot: true, first_name: 'Bot' };
    bot.sandbox.push({
      my_chat_member: {
        chat: other,
        from,
        date,
        old_chat_member: { status: 'left', user: me },
        new_chat_member: { status: 'member', user: me },
      },
    });
    await bot.settled();
    expect(await stored()).toEqual(before);
    expect(bot.log.slice(lines).some(({ level }) => Number(level) >= 40)).toBe(false);
  } finally {
    redis.disconnect();
  }
});
