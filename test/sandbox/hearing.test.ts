import { expect, test } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/index.ts';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

type Json = Record<string, unknown>;

/** A club that Anna is in, with a bot of this standing, and what the bot was told before is confirmed. */
async function clubbed(options: Parameters<CallableSandbox['club']>[0], more: SandboxOptions = {}) {
  const sandbox = await openSandbox(more);
  const club = sandbox.club(options);
  const anna = sandbox.user();
  club.alreadyHas(anna);
  await sandbox.take();
  const chat_id = club.id;
  /** The texts and kinds of what the bot was told. */
  const told = async () =>
    (await sandbox.take()).map((update) => {
      const [kind = '', content] = Object.entries(update).find(([name]) => name !== 'update_id') ?? [];
      return `${kind}: ${(content as Json)['text'] ?? ''}`;
    });
  return { sandbox, club, anna, chat_id, told };
}

test('with privacy mode a bot hears commands, replies to it, its name and service messages', async () => {
  const { sandbox, club, anna, chat_id, told } = await clubbed({ bot: 'member' });
  const boris = sandbox.user({ firstName: 'Boris', username: 'boris' });
  const { message_id: replyTo } = await sandbox.ask<{ message_id: number }>('sendMessage', {
    chat_id,
    text: 'Rules',
  });
  const to = club;
  for (const text of [
    ...['hello all', '/start', '/start@turnstile_sandbox_bot', '/start@other_bot', 'please /start', '/'],
    ...[
      'hey @turnstile_sandbox_bot!',
      'hey @Turnstile_Sandbox_Bot',
      'hey @other_bot',
      'me@turnstile_sandbox_bot.org',
    ],
    'then /stop@turnstile_sandbox_bot',
  ])
    anna.says(text, { to });
  anna.says('which rules?', { to, replyTo });
  anna.says('to myself', { to, replyTo: club.messages.at(-1)?.id as number });
  anna.sends('photo', { to, caption: '/help' });
  anna.sends('photo', { to });
  boris.joins(club.primaryLink);
  expect(await told()).toEqual([
    ...[
      '/start',
      '/start@turnstile_sandbox_bot',
      'hey @turnstile_sandbox_bot!',
      'hey @Turnstile_Sandbox_Bot',
    ].map((text) => `message: ${text}`),
    'message: then /stop@turnstile_sandbox_bot',
    'message: which rules?',
    'message: ',
    'message: ',
  ]);
  expect(club.messages.at(-1)?.raw).toMatchObject({ new_chat_members: [{ id: boris.id }] });
});

test('an administrator and a bot without privacy mode hear everything; edits go the same way', async () => {
  const { club, anna, told, sandbox } = await clubbed({ bot: 'member' });
  expect(await sandbox.ask('getMe')).toMatchObject({ can_read_all_group_messages: false });
  const to = club;
  anna.says('one', { to });
  anna.edits('two', { in: club });
  expect(await told()).toEqual([]);
  anna.edits('/three', { in: club });
  expect(await told()).toEqual(['edited_message: /three']);
  club.botBecomes('administrator');
  anna.says('four', { to });
  anna.edits('five', { in: club });
  expect(await told()).toEqual(['my_chat_member: ', 'message: four', 'edited_message: five']);

  const open = await clubbed({ bot: 'member' }, { bot: { readsAllMessages: true } });
  open.anna.says('hello all', { to: open.club });
  expect(await open.told()).toEqual(['message: hello all']);
  expect(await open.sandbox.ask('getMe')).toMatchObject({ can_read_all_group_messages: true });
});

test('a bot that is no member hears nothing, not even its name', async () => {
  for (const bot of ['left', 'kicked'] as const) {
    const { club, anna, told } = await clubbed({ bot });
    anna.says('/start@turnstile_sandbox_bot', { to: club });
    anna.edits('/stop@turnstile_sandbox_bot', { in: club });
    anna.leaves(club);
    expect(await told()).toEqual([]);
  }
});

test('a channel speaks for itself: posts and their edits have a chat and nobody that wrote them', async () => {
  const { sandbox, club, anna, chat_id, told } = await clubbed({ type: 'channel', title: 'News' });
  expect(() => anna.says('Hello', { to: club })).toThrow('only they post in a channel');
  club.promotes(anna);
  await sandbox.take();
  anna.says('It rains', { to: club });
  const [{ channel_post: post } = {}] = await sandbox.take();
  expect(post).toMatchObject({ text: 'It rains', chat: { type: 'channel' }, sender_chat: { id: chat_id } });
  expect(post).not.toHaveProperty('from');
  anna.edits('It snows', { in: club });
  expect(await told()).toEqual(['edited_channel_post: It snows']);

  const own = await sandbox.ask<Json>('sendMessage', { chat_id, text: 'Weather' });
  expect(own).toMatchObject({ sender_chat: { id: chat_id, title: 'News' } });
  expect(own).not.toHaveProperty('from');
  const boris = sandbox.user();
  boris.says('/start');
  const source = { chat_id: boris.id, from_chat_id: chat_id, message_id: (post as Json)['message_id'] };
  expect(await sandbox.ask('forwardMessage', source)).toMatchObject({
    from: { id: sandbox.bot.id },
    forward_origin: { type: 'channel', chat: { id: chat_id }, message_id: source.message_id },
  });
  await sandbox.ask('copyMessage', source);
  expect(boris.messages.at(-1)?.raw).not.toHaveProperty('sender_chat');

  club.botBecomes('member');
  await sandbox.take();
  anna.says('Unheard', { to: club });
  expect(await told()).toEqual([]);
});

test('who is outside or may only read says nothing in a group, and sees and presses nothing', async () => {
  const { sandbox, club, anna } = await clubbed({});
  const boris = sandbox.user({ firstName: 'Boris' });
  for (const act of [() => boris.says('Hello', { to: club }), () => boris.presses('Go', { in: club })])
    expect(act).toThrow(`${boris.id} is not in “The club”.`);
  await expect(boris.sees('Hello', { in: club, timeoutMs: 10 })).rejects.toThrow('is not in “The club”');
  club.restricts(anna);
  expect(() => anna.says('Hello', { to: club })).toThrow('may only read');
});

test('buttons of a group are pressed by its members, below a message and below the text field', async () => {
  const { sandbox, club, anna, chat_id } = await clubbed({});
  const send = (text: string, reply_markup: Json) =>
    sandbox.ask('sendMessage', { chat_id, text, reply_markup });
  await send('Ready?', { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] });
  const seen = await anna.sees('Ready?', { in: club });
  anna.presses('Go', { in: club });
  const [{ callback_query } = {}] = await sandbox.take();
  expect(callback_query).toMatchObject({
    data: 'go',
    message: { chat: { id: chat_id } },
    from: { id: anna.id },
  });
  const { id } = callback_query as { id: string };
  await sandbox.ask('answerCallbackQuery', { callback_query_id: id, text: 'Gone' });
  expect(anna.toasts).toEqual(['Gone']);
  expect(anna.pressesOn(seen.id, 'go', { in: club })).not.toBe(id);
  await send('Sure?', { keyboard: [['Yes']] });
  anna.presses('Yes', { in: club });
  expect(club.messages.at(-1)).toMatchObject({ from: 'user', text: 'Yes' });
  expect(() => anna.presses('No', { in: club })).toThrow('Expected a button “No”, found “Go”');
});
