import { expect, test } from 'vitest';
import { editContent } from '../support/content.ts';
import { buys, clubId, days, inviteOf, isOffered, openShop, product } from '../support/shop.ts';

const club = { id: clubId };
const minutes = 60_000;
const strangers = (what: string) => ['bot.yaml', 'strangers: tell', `strangers: ${what}`] as const;

test('a passed-on link lets no stranger in, however many try', async () => {
  const { bot } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  const friends = Array.from({ length: 5 }, () => bot.sandbox.user());
  for (const friend of friends) friend.joins(inviteOf(anna));
  for (const friend of friends) await friend.sees('This club is for members');
  await bot.settled();
  expect(friends.map((friend) => friend.isMember(club))).toEqual(friends.map(() => false));
  // The payer leaves: the link lets no other one in for that.
  anna.leaves(club);
  friends[0]?.joins(inviteOf(anna));
  await bot.settled();
  expect(friends[0]?.isMember(club)).toBe(false);
});

test('two hundred presses in eight seconds make two links at the most', async () => {
  const { bot } = await openShop(product.club);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const before = anna.messages.length;
  for (let count = 0; count < 200; count++) anna.presses('A new link');
  await bot.settled();
  expect(anna.messages.length - before).toBeLessThanOrEqual(2);
  const links = bot.sandbox.calls.filter(({ method }) => method === 'createChatInviteLink');
  expect(links.length).toBeLessThanOrEqual(2);
});

test('two hundred presses while Telegram makes the link wait ask for no second one', async () => {
  const { bot, membership } = await openShop(product.club);
  const anna = bot.sandbox.user();
  const flood = { status: 429, description: 'Too Many Requests: retry after 90', retryAfter: 90 };
  bot.sandbox.fail('createChatInviteLink', flood);
  await isOffered(bot, anna);
  await anna.pays();
  await expect.poll(() => membership(anna)).toBe('active.inviting');
  const heard = () =>
    expect
      .poll(async () => bot.sandbox.pendingUpdates + (await bot.status()).inbox, { timeout: 10_000 })
      .toBe(0);
  for (let count = 0; count < 200; count++) anna.says('/club');
  await heard();
  // Also when the minute is over.
  bot.clock.shift(70_000);
  anna.says('/club');
  await heard();
  bot.clock.shift(20_000);
  await anna.sees('your way into the club');
  await bot.settled();
  const calls = bot.sandbox.calls.filter(({ method }) => method === 'createChatInviteLink');
  expect(calls.length).toBe(2);
});

test('a query that has waited too long is answered as any other request', async () => {
  const id = clubId - 8;
  const { bot } = await openShop(['bot.yaml', 'chat_id:', `chat_id: ${id}`]);
  const place = bot.sandbox.club({ id, asksBot: true });
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  bot.sandbox.fail('answerChatJoinRequestQuery', {
    status: 400,
    description: 'Bad Request: query is too old and response timeout expired or query ID is invalid',
  });
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(place)).toBe(true);
});

test('a query of Telegram is answered by its own method: for who has access, and for a stranger', async () => {
  const id = clubId - 7;
  const { bot } = await openShop(['bot.yaml', 'chat_id:', `chat_id: ${id}`]);
  const place = bot.sandbox.club({ id, asksBot: true });
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(place)).toBe(true);
  boris.joins(inviteOf(anna));
  await boris.sees('This club is for members');
  await bot.settled();
  const answers = bot.sandbox.calls.filter(({ method }) => method === 'answerChatJoinRequestQuery');
  expect(answers.map(({ payload }) => payload['result'])).toEqual(['approve', 'decline']);
  expect(bot.sandbox.calls.some(({ method }) => /^(approve|decline)ChatJoinRequest$/.test(method))).toBe(
    false,
  );
});

test('strangers: removed with a word, told of once, or left; operators, admins and the whitelist stay', async () => {
  const { bot, operator } = await openShop(product.club, strangers('remove'), [
    'bot.yaml',
    'whitelist: []',
    'whitelist: [4711]',
  ]);
  const place = bot.sandbox.club({ id: clubId });
  const people = Array.from({ length: 4 }, () => bot.sandbox.user());
  const friend = bot.sandbox.user({ id: 4711 });
  for (const person of [...people, friend]) person.says('/start');
  await bot.settled();
  const heard = operator.messages.length;
  for (const person of [...people, friend, operator]) place.adds(person);
  for (const person of people) await person.sees('taken out of it');
  await bot.settled();
  expect(people.map((person) => person.isMember(club))).toEqual(people.map(() => false));
  expect([friend.isMember(club), operator.isMember(club)]).toEqual([true, true]);
  bot.clock.shift(minutes);
  const told = await operator.sees('Came into the club without access: 4');
  expect(told.text).toContain('Taken out again: 4');
  for (const { id } of people) expect(told.text).toContain(`(${id})`);
  await bot.settled();
  expect(operator.messages.length).toBe(heard + 1);
  bot.clock.shift(minutes);
  await bot.settled();
  expect(operator.messages.length).toBe(heard + 1);
});

test('strangers: tell leaves them in, and the operator hears once', async () => {
  const { bot, operator, membership } = await openShop(product.club);
  const place = bot.sandbox.club({ id: clubId });
  const boris = bot.sandbox.user();
  place.adds(boris);
  await bot.settled();
  bot.clock.shift(minutes);
  expect((await operator.sees('Came into the club without access: 1')).text).toContain('Taken out again: 0');
  expect(boris.isMember(club)).toBe(true);
  // Fewer rights inside are no entry.
  const heard = operator.messages.length;
  place.restricts(boris);
  await bot.settled();
  bot.clock.shift(minutes);
  await bot.settled();
  expect(operator.messages.length).toBe(heard);
  // They buy, and are known to be inside.
  await buys(bot, boris);
  expect(boris.messages.some(({ text }) => /in the club already|way into the club/.test(text))).toBe(false);
  expect(await membership(boris)).toBe('active.member');
});

test('strangers: leave tells nobody, and one who never wrote to the bot is removed without a word', async () => {
  const { bot, folder, operator } = await openShop(product.club, strangers('leave'));
  const place = bot.sandbox.club({ id: clubId });
  const [boris, clara] = [bot.sandbox.user(), bot.sandbox.user()];
  const heard = operator.messages.length;
  place.adds(boris);
  await bot.settled();
  bot.clock.shift(minutes);
  await bot.settled();
  expect(operator.messages.length).toBe(heard);
  await editContent(folder, ['bot.yaml', 'strangers: leave', 'strangers: remove']);
  await bot.app.reload();
  place.adds(clara);
  await expect.poll(() => clara.isMember(club)).toBe(false);
  await bot.settled();
  expect(clara.messages).toEqual([]);
  expect(boris.isMember(club)).toBe(true);
  expect((await bot.status()).dead).toBe(0);
});

test('who comes in by another way and has access is a member', async () => {
  const { bot, membership } = await openShop(product.club);
  const place = bot.sandbox.club({ id: clubId });
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  place.adds(anna);
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
  expect(anna.isMember(club)).toBe(true);
});

test('banned by another: the operator decides; let in, they get a link; a removal lifts no such ban', async () => {
  const { bot, operator, membership } = await openShop(product.club, product.month);
  const place = bot.sandbox.club({ id: clubId });
  const anna = bot.sandbox.user();
  place.bans(anna);
  await buys(bot, anna);
  await anna.sees('has banned you there');
  const told = await operator.sees('Paid, and banned from the club');
  expect(told.buttons.flat().map(({ label }) => label)).toEqual(['Let in', 'Refund 250 Stars']);
  expect(told.text).toContain(`Who: id ${anna.id}`);
  expect(await membership(anna)).toBe('active.barred');
  operator.presses('Let in');
  await anna.sees('your way into the club');
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  place.bans(anna);
  bot.clock.shift(30 * days);
  await anna.sees('Your access to the club has ended');
  await expect.poll(() => membership(anna)).toBe('none');
  // The ban of the administrator stands, whatever link they have.
  expect(() => anna.joins(place.adminLink())).toThrow();
  place.unbans(anna);
  expect(anna.joins(place.adminLink())).toBe('joined');
});

test('a ban that is lifted in the club itself brings the link; the operator hears of a ban once', async () => {
  const { bot, operator, membership } = await openShop(product.club);
  const place = bot.sandbox.club({ id: clubId });
  const anna = bot.sandbox.user();
  anna.says('/start');
  await bot.settled();
  place.bans(anna);
  await buys(bot, anna);
  const told = await operator.sees('Paid, and banned from the club');
  expect(told.text).toContain('Banned by: 999');
  const heard = operator.messages.length;
  for (let count = 0; count < 20; count++) anna.says('/club');
  await bot.settled();
  bot.clock.shift(minutes);
  anna.says('/club');
  await bot.settled();
  const looks = bot.sandbox.calls.filter(
    ({ method, payload }) => method === 'getChatMember' && Number(payload['user_id']) === anna.id,
  );
  expect(looks.length).toBe(2);
  expect(operator.messages.length).toBe(heard);
  bot.clock.shift(minutes);
  place.unbans(anna);
  await anna.sees('your way into the club');
  await expect.poll(() => membership(anna)).toBe('active.member');
});

test('who is let in by hand while the operator thinks is inside, and gets no link', async () => {
  const { bot, operator, membership } = await openShop(product.club);
  const place = bot.sandbox.club({ id: clubId });
  const anna = bot.sandbox.user();
  place.bans(anna);
  await buys(bot, anna);
  await operator.sees('Paid, and banned from the club');
  place.adds(anna);
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
  operator.presses('Let in');
  operator.presses('Let in');
  await bot.settled();
  expect(await membership(anna)).toBe('active.member');
  expect(anna.messages.some(({ text }) => text.includes('way into the club'))).toBe(false);
  expect(anna.isMember(club)).toBe(true);
});

test('nobody else can let a banned person in', async () => {
  const { bot, membership } = await openShop(product.club);
  const place = bot.sandbox.club({ id: clubId });
  const [anna, mallory] = [bot.sandbox.user(), bot.sandbox.user()];
  place.bans(anna);
  await buys(bot, anna);
  await anna.sees('has banned you there');
  mallory.says('/start');
  await mallory.sees('Get access');
  mallory.pressesRaw(`member.admitted:${anna.id}`);
  anna.pressesRaw(`member.admitted:${anna.id}`);
  await bot.settled();
  expect(await membership(anna)).toBe('active.barred');
});

test('an administrator of the club stays when access ends, and the operator hears one word', async () => {
  const { bot, operator, membership } = await openShop(product.club, product.month);
  const place = bot.sandbox.club({ id: clubId });
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  place.promotes(anna);
  await bot.settled();
  bot.clock.shift(30 * days);
  await operator.sees('the person stays in the club');
  await expect.poll(() => membership(anna)).toBe('none');
});

test('a member of whom Telegram says once that it knows nothing is removed all the same', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  bot.sandbox.fail('banChatMember', { status: 400, description: 'Bad Request: PARTICIPANT_ID_INVALID' });
  bot.clock.shift(30 * days);
  await anna.sees('Your access to the club has ended');
  await expect
    .poll(() => bot.log.some(({ effect, ms }) => effect === 'removeMember' && ms === 1_000))
    .toBe(true);
  expect(anna.isMember(club)).toBe(true);
  bot.clock.shift(1_000);
  await expect.poll(() => anna.isMember(club)).toBe(false);
  await expect.poll(() => membership(anna)).toBe('none');
});

test('a removal that is cut short leaves no ban behind', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const place = bot.sandbox.club({ id: clubId });
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  bot.sandbox.fail('unbanChatMember', { status: 502, description: 'Bad Gateway' });
  bot.clock.shift(30 * days);
  await anna.sees('Your access to the club has ended');
  await expect
    .poll(() => bot.log.some(({ effect, ms }) => effect === 'removeMember' && ms === 1_000))
    .toBe(true);
  bot.clock.shift(1_000);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(anna.joins(place.adminLink())).toBe('joined');
});

test('a link that may not be revoked is not taken for one that is gone', async () => {
  const { bot, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const link = inviteOf(anna);
  bot.sandbox.fail('revokeChatInviteLink', {
    status: 400,
    description: 'Bad Request: not enough rights to manage chat invite link',
  });
  bot.clock.shift(30 * days);
  await expect.poll(() => membership(anna)).toBe('removal_trouble');
  bot.clock.shift(60 * minutes);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(() => anna.joins(link)).toThrow('revoked');
});

test('rights lost and given back: one message each, however many members wait', async () => {
  const { bot, operator } = await openShop(product.club);
  const place = bot.sandbox.club({ id: clubId });
  place.botBecomes('administrator', { can_invite_users: false });
  await operator.sees('The bot lacks rights in the club');
  const heard = operator.messages.length;
  const people = Array.from({ length: 3 }, () => bot.sandbox.user());
  for (const person of people) await buys(bot, person);
  for (const person of people) await person.sees('could not be made just now');
  await bot.settled();
  expect(operator.messages.length).toBe(heard);
  place.botBecomes('administrator', { can_invite_users: true });
  await operator.sees('has its rights in the club again');
  bot.clock.shift(15 * minutes);
  for (const person of people) await person.sees('your way into the club');
});

test('one right that is back is not taken for both', async () => {
  const { bot, operator, membership } = await openShop(product.club, product.month);
  const place = bot.sandbox.club({ id: clubId });
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user()];
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  place.botBecomes('administrator', { can_restrict_members: false });
  await operator.sees('The bot lacks rights in the club');
  const heard = operator.messages.length;
  bot.clock.shift(30 * days);
  await expect.poll(() => membership(anna)).toBe('removal_trouble');
  await buys(bot, boris);
  await boris.sees('your way into the club');
  await bot.settled();
  const news = operator.messages.slice(heard).map(({ text }) => text);
  expect(news.some((text) => text.includes('has its rights in the club again'))).toBe(false);
  place.botBecomes('administrator');
  await operator.sees('has its rights in the club again');
  bot.clock.shift(60 * minutes);
  await expect.poll(() => anna.isMember(club)).toBe(false);
});

test('a group that becomes a supergroup is followed, also after a restart', async () => {
  const { bot, operator } = await openShop(product.club);
  const moved = clubId - 500;
  const group = bot.sandbox.club({ id: clubId });
  bot.sandbox.push({
    message: {
      message_id: 1,
      date: Math.floor(bot.clock.now() / 1_000),
      chat: { id: group.id, type: 'group', title: 'The club' },
      from: { id: 999, is_bot: false, first_name: 'Owner' },
      migrate_to_chat_id: moved,
    },
  });
  bot.sandbox.club({ id: moved });
  await operator.sees('The club has become a supergroup');
  await bot.settled();
  await bot.restart();
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  await anna.sees('your way into the club');
  const call = bot.sandbox.calls.find(({ method }) => method === 'createChatInviteLink');
  expect(Number(call?.payload['chat_id'])).toBe(moved);
});

test('the bot tells the id of a group that it is made an administrator of', async () => {
  const { bot, operator } = await openShop();
  const other = bot.sandbox.club({ title: 'Somewhere else', bot: 'left' });
  other.botBecomes('administrator');
  expect((await operator.sees('Somewhere else')).text).toContain(String(other.id));
});

test('a member of the club of before is removed there when the time ends', async () => {
  const { bot, folder, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  const next = bot.sandbox.club({ title: 'The next club' });
  await editContent(folder, ['bot.yaml', `chat_id: ${clubId}`, `chat_id: ${next.id}`]);
  await bot.app.reload();
  bot.clock.shift(30 * days);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(anna.isMember(club)).toBe(false);
});

test('who renews after the club was changed is invited to the next one, and removed from both in the end', async () => {
  const { bot, folder, membership } = await openShop(product.club, product.month);
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  const first = inviteOf(anna);
  anna.joins(first);
  await expect.poll(() => anna.isMember(club)).toBe(true);
  const next = bot.sandbox.club({ title: 'The next club' });
  await editContent(folder, ['bot.yaml', `chat_id: ${clubId}`, `chat_id: ${next.id}`]);
  await bot.app.reload();
  bot.clock.shift(27 * days);
  await anna.sees('ends in 3 days');
  anna.presses('Renew access');
  await bot.settled();
  await anna.pays();
  await expect.poll(() => inviteOf(anna)).not.toBe(first);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(next)).toBe(true);
  bot.clock.shift(33 * days);
  await expect.poll(() => membership(anna)).toBe('none');
  expect([anna.isMember(club), anna.isMember(next)]).toEqual([false, false]);
  expect(() => anna.joins(first)).toThrow('revoked');
});

test('a member from before the club became a supergroup is removed from the supergroup', async () => {
  const group = { id: clubId - 9 };
  const { bot, membership } = await openShop(product.month, ['bot.yaml', 'chat_id:', `chat_id: ${group.id}`]);
  const place = bot.sandbox.club({ id: group.id, type: 'group' });
  const anna = bot.sandbox.user();
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(group)).toBe(true);
  const moved = place.migrates();
  await bot.settled();
  expect(anna.isMember(moved)).toBe(true);
  bot.clock.shift(30 * days);
  await expect.poll(() => membership(anna)).toBe('none');
  expect(anna.isMember(moved)).toBe(false);
});
