import { expect, test } from 'vitest';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

const kinds = ['message', 'chat_member', 'my_chat_member', 'chat_join_request'];

interface Link {
  readonly invite_link: string;
}

const linkTo = (sandbox: CallableSandbox, chat_id: number, options: object = {}) =>
  sandbox.ask<Link>('createChatInviteLink', { chat_id, ...options });

/** Changes of membership in the updates that wait, as `who: before → after by whom`. */
async function changes(sandbox: CallableSandbox): Promise<string[]> {
  const updates = await sandbox.take();
  return updates.flatMap(({ chat_member }) => {
    if (chat_member === undefined) return [];
    const { old_chat_member, new_chat_member, from } = chat_member as Record<
      string,
      { status: string; id: number; user: { id: number } }
    >;
    return [
      `${new_chat_member?.user.id}: ${old_chat_member?.status} → ${new_chat_member?.status} by ${from?.id}`,
    ];
  });
}

async function clubbed(options: Parameters<CallableSandbox['club']>[0] = {}) {
  const sandbox = await openSandbox();
  const club = sandbox.club(options);
  await sandbox.take(kinds);
  return { sandbox, club, anna: sandbox.user() };
}

test('a link for one lets one in, and the bot hears who came by it', async () => {
  const { sandbox, club, anna } = await clubbed();
  const link = await linkTo(sandbox, club.id, { member_limit: 1, name: 'for Anna' });
  expect(anna.opens(link.invite_link)).toEqual({ kind: 'club', title: 'The club', members: 1, way: 'join' });
  expect(anna.isMember(club)).toBe(false);
  expect(anna.joins(link.invite_link)).toBe('joined');
  expect(anna.isMember(club)).toBe(true);
  expect(anna.opens(link.invite_link)).toMatchObject({ members: 2, way: 'inside' });
  const updates = await sandbox.take();
  expect(updates).toMatchObject([
    {
      chat_member: {
        chat: { id: club.id, type: 'supergroup' },
        from: { id: anna.id },
        old_chat_member: { status: 'left' },
        new_chat_member: { status: 'member', user: { id: anna.id } },
        invite_link: { invite_link: link.invite_link, member_limit: 1 },
      },
    },
    { message: { new_chat_members: [{ id: anna.id }] } },
  ]);
  expect(() => sandbox.user().joins(link.invite_link)).toThrow('used as often as it may be');
});

test('a bot that does not ask for chat_member is not told', async () => {
  const { sandbox, club, anna } = await clubbed();
  await sandbox.take([]);
  anna.joins(club);
  expect(await sandbox.take()).toMatchObject([{ message: { new_chat_members: [{ id: anna.id }] } }]);
});

test('a channel shows no lines of who comes and goes', async () => {
  const { sandbox, club, anna } = await clubbed({ type: 'channel' });
  anna.joins(club);
  anna.leaves(club);
  expect(await sandbox.take()).toMatchObject([{ chat_member: {} }, { chat_member: {} }]);
});

test('links that are revoked or expired let nobody in', async () => {
  const { sandbox, club, anna } = await clubbed();
  const seconds = Math.floor(sandbox.clock.now() / 1_000);
  const short = await linkTo(sandbox, club.id, { expire_date: seconds + 3_600 });
  const revoked = await linkTo(sandbox, club.id);
  const parameters = { chat_id: club.id, invite_link: revoked.invite_link };
  expect(await sandbox.ask('revokeChatInviteLink', parameters)).toMatchObject({ is_revoked: true });
  expect(() => anna.joins(revoked.invite_link)).toThrow('has been revoked');
  sandbox.clock.advance('1h');
  expect(() => anna.joins(short.invite_link)).toThrow('has expired');
  expect(() => anna.joins('https://t.me/+unknown')).toThrow('There is no invite link');
});

test('a request waits for the bot, which may write meanwhile; approved, the person is inside', async () => {
  const { sandbox, club, anna } = await clubbed();
  const link = await linkTo(sandbox, club.id, { creates_join_request: true });
  const write = () => sandbox.call('sendMessage', { chat_id: anna.id, text: 'One moment' });
  expect(await write()).toMatchObject({ description: 'Bad Request: chat not found' });
  anna.requestsToJoin(link.invite_link);
  expect(anna.isMember(club)).toBe(false);
  expect(await write()).toMatchObject({ ok: true });
  expect(await sandbox.take()).toMatchObject([
    {
      chat_join_request: {
        from: { id: anna.id },
        user_chat_id: anna.id,
        invite_link: { invite_link: link.invite_link, pending_join_request_count: 1 },
      },
    },
  ]);
  const request = { chat_id: club.id, user_id: anna.id };
  expect(await sandbox.ask('approveChatJoinRequest', request)).toBe(true);
  expect(anna.isMember(club)).toBe(true);
  expect(await changes(sandbox)).toEqual([`${anna.id}: left → member by ${sandbox.bot.id}`]);
  expect(await sandbox.call('approveChatJoinRequest', request)).toMatchObject({
    description: 'Bad Request: USER_ALREADY_PARTICIPANT',
  });
});

test('a declined request is gone; a club can ask for one without a link', async () => {
  const { sandbox, club, anna } = await clubbed({ joinByRequest: true });
  anna.requestsToJoin(club);
  const request = { chat_id: club.id, user_id: anna.id };
  expect(club.requests).toEqual([anna.id]);
  expect(await sandbox.ask('declineChatJoinRequest', request)).toBe(true);
  expect(club.requests).toEqual([]);
  expect(anna.isMember(club)).toBe(false);
  expect(await sandbox.call('declineChatJoinRequest', request)).toMatchObject({
    description: 'Bad Request: HIDE_REQUESTER_MISSING',
  });
  anna.requestsToJoin(club);
  await sandbox.take();
  await sandbox.ask('approveChatJoinRequest', request);
  expect(await sandbox.take()).toMatchObject([{ chat_member: { via_join_request: true } }, { message: {} }]);
});

test('a ban throws out and keeps out; lifted, the person may come back', async () => {
  const { sandbox, club, anna } = await clubbed();
  const person = { chat_id: club.id, user_id: anna.id };
  anna.joins(club);
  await sandbox.ask('banChatMember', person);
  expect(anna.isMember(club)).toBe(false);
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'kicked', until_date: 0 });
  expect(() => anna.joins(club)).toThrow('is banned');
  await sandbox.ask('unbanChatMember', { ...person, only_if_banned: true });
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'left' });
  anna.joins(club);
  await sandbox.ask('unbanChatMember', { ...person, only_if_banned: true });
  expect(anna.isMember(club)).toBe(true);
  await sandbox.ask('unbanChatMember', person);
  expect(anna.isMember(club)).toBe(false);
  expect(await changes(sandbox)).toEqual([
    `${anna.id}: left → member by ${anna.id}`,
    `${anna.id}: member → kicked by ${sandbox.bot.id}`,
    `${anna.id}: kicked → left by ${sandbox.bot.id}`,
    `${anna.id}: left → member by ${anna.id}`,
    `${anna.id}: member → left by ${sandbox.bot.id}`,
  ]);
});

test('a ban for a time ends by the clock', async () => {
  const { sandbox, club, anna } = await clubbed();
  const until_date = Math.floor(sandbox.clock.now() / 1_000) + 86_400;
  await sandbox.ask('banChatMember', { chat_id: club.id, user_id: anna.id, until_date });
  expect(() => anna.joins(club)).toThrow('is banned');
  sandbox.clock.advance('1d');
  expect(anna.joins(club)).toBe('joined');
});

test('what the bot may not do is refused in the words of Telegram', async () => {
  const { sandbox, club, anna } = await clubbed();
  const chat_id = club.id;
  const refusal = async (method: string, parameters: object) =>
    (await sandbox.call(method, { chat_id, ...parameters })).description;
  expect(await refusal('createChatInviteLink', { chat_id: -100 })).toBe('Bad Request: chat not found');
  expect(await refusal('createChatInviteLink', { creates_join_request: true, member_limit: 1 })).toBe(
    "Bad Request: member limit can't be specified for links requiring administrator approval",
  );
  expect(await refusal('revokeChatInviteLink', { invite_link: 'https://t.me/+x' })).toBe(
    'Bad Request: INVITE_HASH_EXPIRED',
  );
  expect(await refusal('banChatMember', { user_id: 999 })).toBe("Bad Request: can't remove chat owner");
  expect(await refusal('banChatMember', { user_id: 5 })).toBe('Bad Request: member not found');
  club.botBecomes('member');
  expect(await refusal('createChatInviteLink', {})).toBe(
    'Bad Request: not enough rights to manage chat invite link',
  );
  expect(await refusal('banChatMember', { user_id: anna.id })).toBe(
    'Bad Request: not enough rights to restrict/unrestrict chat member',
  );
  club.botBecomes('kicked');
  expect(await refusal('sendMessage', { text: 'Hello' })).toBe(
    'Forbidden: bot was kicked from the supergroup chat',
  );
  expect(await sandbox.take()).toMatchObject([
    { my_chat_member: { new_chat_member: { status: 'member' } } },
    { my_chat_member: { new_chat_member: { status: 'kicked' } } },
  ]);
});

test('the bot reads what is said in the club, what it is and who runs it', async () => {
  const { sandbox, club, anna } = await clubbed({ title: 'Early birds' });
  const chat_id = club.id;
  anna.joins(club);
  await sandbox.take();
  anna.says('Hello all', { to: club });
  expect(await sandbox.take()).toMatchObject([
    { message: { text: 'Hello all', chat: { id: chat_id }, from: { id: anna.id } } },
  ]);
  expect(club.messages.at(-1)?.text).toBe('Hello all');
  expect(await sandbox.ask('getChat', { chat_id })).toMatchObject({
    title: 'Early birds',
    type: 'supergroup',
  });
  expect(await sandbox.ask('getChatMemberCount', { chat_id })).toBe(3);
  expect(await sandbox.ask('getChatMember', { chat_id, user_id: sandbox.bot.id })).toMatchObject({
    status: 'administrator',
    can_invite_users: true,
  });
  const administrators = await sandbox.ask<object[]>('getChatAdministrators', { chat_id });
  expect(administrators).toMatchObject([{ status: 'creator' }, { status: 'administrator' }]);
});
