import { expect, test } from 'vitest';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

const kinds = ['message', 'chat_member', 'my_chat_member', 'chat_join_request'];

interface Member {
  readonly status: string;
  readonly user: { readonly id: number };
}

/** The changes of membership that wait for the bot. */
async function changes(sandbox: CallableSandbox) {
  const updates = await sandbox.take();
  return updates.flatMap(({ chat_member }) =>
    chat_member === undefined ? [] : [chat_member as Record<string, unknown>],
  );
}

/** The same, as `who: before → after by whom`. */
const told = async (sandbox: CallableSandbox) =>
  (await changes(sandbox)).map((change) => {
    const { old_chat_member, new_chat_member, from } = change as unknown as Record<string, Member> & {
      from: { id: number };
    };
    return `${new_chat_member?.user.id}: ${old_chat_member?.status} → ${new_chat_member?.status} by ${from.id}`;
  });

async function clubbed(options: Parameters<CallableSandbox['club']>[0] = {}) {
  const sandbox = await openSandbox();
  const club = sandbox.club(options);
  await sandbox.take(kinds);
  const anna = sandbox.user();
  return { sandbox, club, anna, person: { chat_id: club.id, user_id: anna.id } };
}

test('whoever comes by the primary link or another administrator’s is told with half of that link', async () => {
  const { sandbox, club, anna } = await clubbed();
  const olga = sandbox.user({ firstName: 'Olga' });
  club.promotes(olga);
  expect(club.primaryLink).toBe(club.primaryLink);
  const link = club.adminLink({ by: olga, name: 'Friends', memberLimit: 1 });
  await sandbox.take();
  expect(anna.joins(club.primaryLink)).toBe('joined');
  expect(sandbox.user().joins(link)).toBe('joined');
  const [first, second] = await changes(sandbox);
  expect(first).toMatchObject({
    invite_link: {
      invite_link: expect.stringMatching(/^https:\/\/t\.me\/\+[\w-]{8}…$/),
      creator: { id: 999 },
      is_primary: true,
    },
  });
  expect(second).toMatchObject({
    invite_link: { creator: { id: olga.id }, name: 'Friends', is_primary: false },
  });
  expect(() => sandbox.user().joins(link)).toThrow('used as often as it may be');
  const revoke = { chat_id: club.id, invite_link: link };
  expect(await sandbox.call('revokeChatInviteLink', revoke)).toMatchObject({
    description: 'Bad Request: INVITE_HASH_EXPIRED',
  });
});

test('a member adds somebody: the update comes from that member, without a link', async () => {
  const { sandbox, club, anna } = await clubbed();
  const boris = sandbox.user({ firstName: 'Boris' });
  expect(() => club.adds(anna, boris)).toThrow('can add nobody');
  boris.joins(club.primaryLink);
  await sandbox.take();
  club.adds(anna, boris);
  const updates = await sandbox.take();
  expect(updates).toMatchObject([
    { chat_member: { from: { id: boris.id }, new_chat_member: { status: 'member', user: { id: anna.id } } } },
    { message: { from: { id: boris.id }, new_chat_members: [{ id: anna.id }] } },
  ]);
  expect(updates[0]?.['chat_member']).not.toHaveProperty('invite_link');
  club.bans(anna);
  expect(() => club.adds(anna, boris)).toThrow('is banned');
  club.adds(anna);
  expect(anna.isMember(club)).toBe(true);
});

test('who is banned is listed, and every ban and its end are events', async () => {
  const { sandbox, club, anna, person } = await clubbed();
  const bans: string[] = [];
  sandbox.onEvent((event) => {
    if (event.type === 'banned' || event.type === 'unbanned') bans.push(`${event.type} ${event.user}`);
  });
  const boris = sandbox.user({ firstName: 'Boris' });
  anna.joins(club.primaryLink);
  club.bans(anna);
  club.bans(boris);
  expect(club.banned).toEqual([anna.id, boris.id]);
  expect(await sandbox.call('unbanChatMember', person)).toMatchObject({ ok: true });
  club.adds(boris);
  expect(club.banned).toEqual([]);
  expect(bans).toEqual([
    `banned ${anna.id}`,
    `banned ${boris.id}`,
    `unbanned ${anna.id}`,
    `unbanned ${boris.id}`,
  ]);
});

test('a chat folder lets in, and says so', async () => {
  const { sandbox, club, anna } = await clubbed();
  expect(anna.opens(club.folderLink)).toMatchObject({ kind: 'club', way: 'join' });
  expect(anna.joins(club.folderLink)).toBe('joined');
  const [change] = await changes(sandbox);
  expect(change).toMatchObject({ via_chat_folder_invite_link: true });
  expect(change).not.toHaveProperty('invite_link');
});

test('an approved request carries its link, or that there was none; whoever approves is named', async () => {
  const { sandbox, club, anna } = await clubbed({ joinByRequest: true });
  const boris = sandbox.user({ firstName: 'Boris' });
  const olga = sandbox.user({ firstName: 'Olga' });
  club.promotes(olga);
  const { invite_link } = await sandbox.ask<{ invite_link: string }>('createChatInviteLink', {
    chat_id: club.id,
    creates_join_request: true,
  });
  expect(anna.joins(invite_link)).toBe('requested');
  expect(boris.joins(club)).toBe('requested');
  await sandbox.take();
  club.approves(anna, olga);
  club.approves(boris);
  const [byLink, directly] = await changes(sandbox);
  expect(byLink).toMatchObject({ from: { id: olga.id }, invite_link: { invite_link } });
  expect(byLink).not.toHaveProperty('via_join_request');
  expect(directly).toMatchObject({ from: { id: 999 }, via_join_request: true });
  expect(directly).not.toHaveProperty('invite_link');
  expect(() => club.declines(anna)).toThrow('USER_ALREADY_PARTICIPANT');
});

test('whoever was inside before the bot is found by asking, and by nothing else', async () => {
  const { sandbox, club, anna, person } = await clubbed();
  club.alreadyHas(anna);
  expect(await sandbox.take()).toEqual([]);
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'member' });
  expect(await sandbox.ask('getChatMemberCount', { chat_id: club.id })).toBe(3);
});

test('whoever asks to join may be written to for five minutes', async () => {
  const { sandbox, club, anna } = await clubbed({ joinByRequest: true });
  anna.joins(club);
  const write = () => sandbox.call('sendMessage', { chat_id: anna.id, text: 'One moment' });
  sandbox.clock.advance('299s');
  expect(await write()).toMatchObject({ ok: true });
  const boris = sandbox.user();
  boris.joins(club);
  sandbox.clock.advance('301s');
  expect(await sandbox.call('sendMessage', { chat_id: boris.id, text: 'Too late' })).toMatchObject({
    description: 'Bad Request: chat not found',
  });
});

test('administrators come and go, and cannot be removed by the bot', async () => {
  const { sandbox, club, anna, person } = await clubbed();
  club.promotes(anna);
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'administrator' });
  expect(await sandbox.call('banChatMember', person)).toMatchObject({
    description: 'Bad Request: user is an administrator of the chat',
  });
  const administrators = await sandbox.ask<Member[]>('getChatAdministrators', { chat_id: club.id });
  expect(administrators.map(({ user }) => user.id)).toEqual([999, anna.id, sandbox.bot.id]);
  club.demotes(anna);
  await sandbox.ask('banChatMember', person);
  expect(await told(sandbox)).toEqual([
    `${anna.id}: left → administrator by 999`,
    `${anna.id}: administrator → member by 999`,
    `${anna.id}: member → kicked by ${sandbox.bot.id}`,
  ]);
  expect(() => club.demotes(999)).toThrow('owns');
});

test('an administrator bans for ever or for a time, and lifts it', async () => {
  const { sandbox, club, anna, person } = await clubbed();
  const olga = sandbox.user({ firstName: 'Olga' });
  club.promotes(olga);
  anna.joins(club.primaryLink);
  await sandbox.take();
  const until = Math.floor(sandbox.clock.now() / 1_000) + 3_600;
  club.bans(anna, { by: olga, until });
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'kicked', until_date: until });
  expect(() => anna.joins(club.primaryLink)).toThrow('is banned');
  sandbox.clock.advance('1h');
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'left' });
  club.bans(anna);
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'kicked', until_date: 0 });
  club.unbans(anna, olga);
  expect(await told(sandbox)).toEqual([
    `${anna.id}: member → kicked by ${olga.id}`,
    `${anna.id}: left → kicked by 999`,
    `${anna.id}: kicked → left by ${olga.id}`,
  ]);
  expect(anna.joins(club.primaryLink)).toBe('joined');
});

test('who is restricted stays inside or outside, until the time is over', async () => {
  const { sandbox, club, anna, person } = await clubbed();
  anna.joins(club.primaryLink);
  const until = Math.floor(sandbox.clock.now() / 1_000) + 3_600;
  club.restricts(anna, { until });
  const asked = () => sandbox.ask('getChatMember', person);
  expect(await asked()).toMatchObject({ status: 'restricted', is_member: true, until_date: until });
  expect(anna.isMember(club)).toBe(true);
  anna.leaves(club);
  expect(await asked()).toMatchObject({ status: 'restricted', is_member: false });
  expect(anna.isMember(club)).toBe(false);
  expect(anna.joins(club.primaryLink)).toBe('joined');
  expect(await asked()).toMatchObject({ status: 'restricted', is_member: true });
  sandbox.clock.advance('1h');
  expect(await asked()).toMatchObject({ status: 'member' });
  expect(await told(sandbox)).toEqual([
    `${anna.id}: left → member by ${anna.id}`,
    `${anna.id}: member → restricted by 999`,
    `${anna.id}: restricted → restricted by ${anna.id}`,
    `${anna.id}: restricted → restricted by ${anna.id}`,
  ]);
  expect(() => sandbox.club({ type: 'channel' }).restricts(anna)).toThrow('Only supergroups');
});

test('the bot hears which rights it loses; what needs them is refused, the rest goes on', async () => {
  const { sandbox, club, anna, person } = await clubbed();
  const { invite_link } = await sandbox.ask<{ invite_link: string }>('createChatInviteLink', {
    chat_id: club.id,
    creates_join_request: true,
  });
  anna.joins(invite_link);
  await sandbox.take();
  const refusal = async (method: string) =>
    (await sandbox.call(method, { ...person, invite_link })).description;

  club.botBecomes('administrator', { can_invite_users: false });
  expect(await sandbox.take()).toMatchObject([
    {
      my_chat_member: {
        old_chat_member: { can_invite_users: true, can_restrict_members: true },
        new_chat_member: { can_invite_users: false, can_restrict_members: true },
      },
    },
  ]);
  const links = 'Bad Request: not enough rights to manage chat invite link';
  const requests = 'Bad Request: not enough rights to manage chat join requests';
  expect(await refusal('createChatInviteLink')).toBe(links);
  expect(await refusal('revokeChatInviteLink')).toBe(links);
  expect(await refusal('approveChatJoinRequest')).toBe(requests);
  expect(await refusal('declineChatJoinRequest')).toBe(requests);
  expect(await refusal('unbanChatMember')).toBeUndefined();
  sandbox.user().joins(invite_link);
  expect(await sandbox.take()).toEqual([]);

  club.botBecomes('administrator', { can_restrict_members: false });
  const members = 'Bad Request: not enough rights to restrict/unrestrict chat member';
  expect(await refusal('banChatMember')).toBe(members);
  expect(await refusal('unbanChatMember')).toBe(members);
  expect(await refusal('approveChatJoinRequest')).toBeUndefined();
  expect(await sandbox.ask('getChatMember', { ...person, user_id: sandbox.bot.id })).toMatchObject({
    can_restrict_members: false,
  });
});

test('somebody makes the bot an administrator of a group or channel that it was not in', async () => {
  const { sandbox, club, anna } = await clubbed({ bot: 'left' });
  const chat = { chat_id: club.id };
  expect(await sandbox.call('getChat', chat)).toMatchObject({
    description: 'Forbidden: bot is not a member of the supergroup chat',
  });
  anna.joins(club.primaryLink);
  anna.says('Nobody hears this', { to: club });
  expect(await sandbox.take()).toEqual([]);
  club.botBecomes('administrator', {}, anna);
  expect(await sandbox.take()).toMatchObject([
    {
      my_chat_member: {
        from: { id: anna.id },
        old_chat_member: { status: 'left' },
        new_chat_member: { status: 'administrator', can_invite_users: true },
      },
    },
    { message: { from: { id: anna.id }, new_chat_members: [{ id: sandbox.bot.id }] } },
  ]);

  const channel = sandbox.club({ type: 'channel', bot: 'member' });
  const asked = { chat_id: channel.id, user_id: anna.id };
  expect(await sandbox.call('getChatMember', asked)).toMatchObject({
    description: 'Bad Request: CHAT_ADMIN_REQUIRED',
  });
  channel.botBecomes('administrator');
  expect(await sandbox.call('getChatMember', asked)).toMatchObject({ ok: true });
  expect(await sandbox.take()).toMatchObject([{ my_chat_member: { chat: { type: 'channel' } } }]);
});

async function asked(result?: string) {
  const { sandbox, club, anna, person } = await clubbed({ joinByRequest: true, asksBot: true });
  anna.joins(club);
  const [update = {}] = await sandbox.take();
  const { query_id } = update['chat_join_request'] as { query_id: string };
  const answer = (changes: object) =>
    sandbox.call('answerChatJoinRequestQuery', {
      chat_join_request_query_id: query_id,
      result,
      ...changes,
    });
  return { sandbox, club, anna, person, answer };
}

test('a bot that is asked lets in, turns away, or leaves it to the administrators', async () => {
  const approved = await asked('approve');
  expect(await approved.sandbox.ask('getMe')).toMatchObject({ supports_join_request_queries: true });
  expect(await approved.sandbox.ask('getChat', { chat_id: approved.club.id })).toMatchObject({
    guard_bot: { id: approved.sandbox.bot.id },
  });
  expect(await approved.answer({ result: 'perhaps' })).toMatchObject({ ok: false });
  expect(await approved.answer({})).toEqual({ ok: true, result: true });
  expect(approved.anna.isMember(approved.club)).toBe(true);
  expect(await changes(approved.sandbox)).toMatchObject([
    { from: { id: approved.sandbox.bot.id }, via_join_request: true },
  ]);
  expect(await approved.answer({})).toMatchObject({
    description: 'Bad Request: query is too old and response timeout expired or query ID is invalid',
  });

  const declined = await asked('decline');
  await declined.answer({});
  expect(declined.club.requests).toEqual([]);
  expect(declined.anna.isMember(declined.club)).toBe(false);

  const queued = await asked('queue');
  await queued.answer({});
  expect(queued.club.requests).toEqual([queued.anna.id]);
  expect(await queued.sandbox.ask('approveChatJoinRequest', queued.person)).toBe(true);
});

test('a query that is not answered within 10 s by the clock leaves the request to the administrators', async () => {
  const { sandbox, club, anna, answer } = await asked('approve');
  sandbox.clock.advance('10s');
  expect(await answer({})).toMatchObject({ ok: false, error_code: 400 });
  expect(club.requests).toEqual([anna.id]);
  club.approves(anna);
  expect(anna.isMember(club)).toBe(true);
});

test('a group becomes a supergroup: everybody moves, and the old id says where to', async () => {
  const { sandbox, club: group, anna } = await clubbed({ type: 'group', title: 'Early birds' });
  const olga = sandbox.user({ firstName: 'Olga' });
  group.promotes(olga);
  anna.joins(group.primaryLink);
  expect(await sandbox.ask('getChat', { chat_id: group.id })).toMatchObject({ type: 'group' });
  await sandbox.take();
  const supergroup = group.migrates();
  expect(supergroup.id).toBeLessThan(-1_000_000_000_000);
  expect(await sandbox.take()).toMatchObject([
    { message: { chat: { id: group.id, type: 'group' }, migrate_to_chat_id: supergroup.id } },
    { message: { chat: { id: supergroup.id, type: 'supergroup' }, migrate_from_chat_id: group.id } },
  ]);
  for (const method of ['sendMessage', 'getChat', 'getChatMember', 'createChatInviteLink', 'banChatMember'])
    expect(await sandbox.call(method, { chat_id: group.id, user_id: anna.id, text: 'x' })).toEqual({
      ok: false,
      error_code: 400,
      description: 'Bad Request: group chat was upgraded to a supergroup chat',
      parameters: { migrate_to_chat_id: supergroup.id },
    });
  expect(supergroup.members).toEqual([999, olga.id, anna.id]);
  expect([anna.isMember(supergroup), anna.isMember(group)]).toEqual([true, true]);
  expect(await sandbox.ask('getChat', { chat_id: supergroup.id })).toMatchObject({
    title: 'Early birds',
    type: 'supergroup',
  });
  expect(() => supergroup.migrates()).toThrow('no group that could become a supergroup');
});

test('a group keeps nobody out: a ban only removes, and there is nothing to lift', async () => {
  const { sandbox, club, anna, person } = await clubbed({ type: 'group' });
  anna.joins(club.primaryLink);
  await sandbox.ask('banChatMember', person);
  expect(await sandbox.ask('getChatMember', person)).toMatchObject({ status: 'left' });
  expect(anna.joins(club.primaryLink)).toBe('joined');
  expect(await sandbox.call('unbanChatMember', person)).toMatchObject({
    description: 'Bad Request: method is available for supergroup and channel chats only',
  });
});

test('flood control and strange answers can be asked for at any method, so many times', async () => {
  const { sandbox, club, person } = await clubbed();
  const flood = { status: 429, description: 'Too Many Requests: retry after 20', retryAfter: 20 };
  sandbox.fail('createChatInviteLink', flood, { times: 2, chat: club.id });
  const create = () => sandbox.call('createChatInviteLink', { chat_id: club.id });
  const refused = { ok: false, error_code: 429, parameters: { retry_after: 20 } };
  expect([await create(), await create(), await create()]).toMatchObject([refused, refused, { ok: true }]);
  const description = 'Bad Request: PARTICIPANT_ID_INVALID';
  sandbox.fail('getChatMember', { status: 400, description });
  expect(await sandbox.call('getChatMember', person)).toMatchObject({ error_code: 400, description });
  expect(await sandbox.call('getChatMember', person)).toMatchObject({ ok: true });
});
