import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { openSandbox } from '../support/sandbox.ts';

type Json = Record<string, unknown>;

const photo = readFileSync(resolve(import.meta.dirname, '../../content/media/rhythm-1.en.png'));

async function chat() {
  const sandbox = await openSandbox();
  const anna = sandbox.user();
  anna.says('/start');
  anna.sends('photo');
  const file = fileOf(anna.messages.at(-1)?.raw, 'photo');
  return { sandbox, anna, chat_id: anna.id, file };
}

const fileOf = (message: Json | undefined, kind: string): string => {
  const content = message?.[kind];
  return ((Array.isArray(content) ? content.at(-1) : content) as { file_id: string }).file_id;
};

test.each(['photo', 'video', 'document', 'audio', 'voice', 'animation'] as const)(
  'a person’s %s is downloaded and sent on by its id',
  async (kind) => {
    const { sandbox, anna, chat_id } = await chat();
    anna.sends(kind);
    const id = fileOf(anna.messages.at(-1)?.raw, kind);
    const { file_path, file_size } = await sandbox.ask('getFile', { file_id: id });
    const loaded = await fetch(`${sandbox.url}/file/bot${sandbox.token}/${file_path}`);
    const bytes = Buffer.from(await loaded.arrayBuffer());
    expect([loaded.status, bytes.length]).toEqual([200, file_size]);
    if (kind === 'photo') expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([90, 90]);
    const method = `send${kind[0]?.toUpperCase()}${kind.slice(1)}`;
    expect(fileOf(await sandbox.ask(method, { chat_id, [kind]: id }), kind)).toBe(id);
    expect((await sandbox.call('sendVoice', { chat_id, voice: id })).ok).toBe(kind === 'voice');
    anna.sends(kind);
    expect(fileOf(anna.messages.at(-1)?.raw, kind)).not.toBe(id);
    expect(anna.messages.at(-1)?.media).toBeUndefined();
  },
);

test.each(['sticker', 'video_note'] as const)('a person’s %s can be downloaded', async (kind) => {
  const { sandbox, anna, chat_id } = await chat();
  anna.sends(kind);
  const file_id = fileOf(anna.messages.at(-1)?.raw, kind);
  expect(await sandbox.ask('getFile', { file_id })).toMatchObject({ file_path: expect.any(String) });
  expect(await sandbox.call('sendPhoto', { chat_id, photo: file_id })).toMatchObject({
    description: `Bad Request: can't use file of type ${kind === 'sticker' ? 'Sticker' : 'VideoNote'} as Photo`,
  });
});

test('labels below the text field come with any message', async () => {
  const { sandbox, anna, chat_id, file } = await chat();
  const invoice = {
    title: 'a',
    description: 'b',
    payload: 'c',
    currency: 'XTR',
    prices: [{ label: 'a', amount: 1 }],
  };
  const copied = { from_chat_id: chat_id, message_id: anna.messages[0]?.id };
  for (const [method, parameters] of [
    ['sendPhoto', { photo: file }],
    ['copyMessage', copied],
    ['sendInvoice', invoice],
  ] as const) {
    const set = (reply_markup: Json) => sandbox.ask(method, { chat_id, ...parameters, reply_markup });
    await set({ keyboard: [[method]] });
    expect(anna.keyboard).toEqual([[method]]);
    await set({ remove_keyboard: true });
    expect(anna.keyboard).toEqual([]);
  }
});

test('what is marked in an edited text or caption is looked for anew', async () => {
  const { sandbox, anna } = await chat();
  const marked = (name: string) => anna.messages.at(-1)?.raw[name];
  anna.says('/start now');
  anna.edits('see https://example.org and @someone');
  expect(marked('entities')).toMatchObject([
    { type: 'url', offset: 4 },
    { type: 'mention', offset: 28 },
  ]);
  anna.edits('nothing');
  expect(marked('entities')).toBeUndefined();
  anna.sends('photo', { caption: 'me' });
  anna.edits('/help');
  expect(marked('caption_entities')).toMatchObject([{ type: 'bot_command', offset: 0, length: 5 }]);
  const updates = await sandbox.take();
  expect(updates.at(-1)).toMatchObject({ edited_message: { caption: '/help', caption_entities: [{}] } });
});

test('each message is found once; what waits for it again says so', async () => {
  const { sandbox, anna, chat_id } = await chat();
  await sandbox.ask('sendMessage', { chat_id, text: 'Welcome to the club' });
  await expect(anna.sees('Good bye', 10)).rejects.toThrow(
    'for a message that matches Good bye; it did not come',
  );
  await anna.sees(/welcome/i);
  await expect(anna.sees(/welcome/i, { timeoutMs: 10 })).rejects.toThrow(
    'for another message that matches /welcome/i (an earlier sees has found “Welcome to the club”, and each message is found once); it did not come',
  );
});

test('what a call asks of a message comes back with it', async () => {
  const { sandbox, anna, chat_id, file } = await chat();
  const [first] = anna.messages;
  const marks = {
    protect_content: 'true',
    message_effect_id: '5104841245755180586',
    disable_notification: 1,
  };
  const shown = { has_protected_content: true, effect_id: marks.message_effect_id };
  const source = { from_chat_id: chat_id, message_id: first?.id };
  expect(await sandbox.ask('sendMessage', { chat_id, text: 'x', ...marks })).toMatchObject(shown);
  expect(anna.messages.at(-1)?.isSilent).toBe(true);
  expect(await sandbox.ask('forwardMessage', { chat_id, ...source, ...marks })).toMatchObject(shown);
  await sandbox.ask('copyMessage', { chat_id, ...source, ...marks });
  expect(anna.messages.at(-1)).toMatchObject({ isSilent: true, raw: shown });
  const media = [
    { type: 'photo', media: file, has_spoiler: true, show_caption_above_media: true },
    { type: 'photo', media: file },
  ];
  const [spoiler, plain] = await sandbox.ask<Json[]>('sendMediaGroup', { chat_id, media, ...marks });
  expect(spoiler).toMatchObject({ ...shown, has_media_spoiler: true, show_caption_above_media: true });
  expect(plain).toMatchObject(shown);
  expect(plain).not.toHaveProperty('has_media_spoiler');
  expect(sandbox.ignored).toEqual([]);
});

test('media carries what it is called with: names, pictures, where it starts', async () => {
  const { sandbox, anna, chat_id, file } = await chat();
  anna.sends('video');
  anna.sends('audio');
  const [video, audio] = [-2, -1].map((index) => anna.messages.at(index)?.raw) as [Json, Json];
  const song = { chat_id, audio: fileOf(audio, 'audio'), performer: 'Anna', title: 'Rain', duration: 61 };
  expect(await sandbox.ask('sendAudio', song)).toMatchObject({
    audio: { performer: 'Anna', title: 'Rain', duration: 61 },
  });
  const body = new FormData();
  const fields = {
    chat_id,
    video: fileOf(video, 'video'),
    thumbnail: 'attach://small',
    cover: file,
    start_timestamp: 5,
    show_caption_above_media: 'yes',
  };
  for (const [name, value] of Object.entries(fields)) body.set(name, String(value));
  body.set('small', new Blob([photo]), 'small.png');
  const response = await fetch(`${sandbox.url}/bot${sandbox.token}/sendVideo`, { method: 'POST', body });
  const plain = { chat_id, audio: song.audio, thumbnail: 'of nothing' };
  expect(await sandbox.ask('sendAudio', plain)).not.toHaveProperty('audio.thumbnail');
  expect(await response.json()).toMatchObject({
    result: {
      video: { thumbnail: { width: photo.readUInt32BE(16) }, cover: [{ file_id: file }], start_timestamp: 5 },
      show_caption_above_media: true,
    },
  });
});

test('a reply quotes, reaches into other chats, and may do without what is gone', async () => {
  const { sandbox, anna, chat_id } = await chat();
  anna.says('Is it open on Sunday?');
  const message_id = anna.messages.at(-1)?.id;
  const reply = (reply_parameters: Json, to = chat_id) =>
    sandbox.call('sendMessage', { chat_id: to, text: 'Yes', reply_parameters });
  expect(
    (await reply({ message_id, quote: '<b>on</b> Sunday', quote_parse_mode: 'HTML' })).result,
  ).toMatchObject({
    reply_to_message: { message_id },
    quote: { text: 'on Sunday', position: 11, is_manual: true, entities: [{ type: 'bold' }] },
  });
  expect(await reply({ message_id, quote: 'on Monday' })).toMatchObject({
    description: 'Bad Request: QUOTE_TEXT_INVALID',
  });
  expect((await reply({ message_id: 999, allow_sending_without_reply: 'true' })).result).not.toHaveProperty(
    'reply_to_message',
  );
  expect(await reply({ message_id: 999 })).toMatchObject({
    description: 'Bad Request: message to be replied not found',
  });
  const boris = sandbox.user();
  boris.says('/start');
  const { result } = await reply({ message_id, chat_id }, boris.id);
  expect(result).toMatchObject({
    external_reply: { origin: { type: 'user', sender_user: { id: anna.id } } },
  });
  expect(result).not.toHaveProperty('reply_to_message');
});

test('how links are previewed is set, changed and kept by its old name', async () => {
  const { sandbox, chat_id } = await chat();
  const text = 'https://example.org';
  const old = await sandbox.ask<Json>('sendMessage', { chat_id, text, disable_web_page_preview: true });
  expect(old).toMatchObject({ link_preview_options: { is_disabled: true } });
  const edit = { chat_id, message_id: old['message_id'], text };
  const above = { show_above_text: true };
  expect(await sandbox.ask('editMessageText', { ...edit, link_preview_options: above })).toMatchObject({
    link_preview_options: above,
  });
  expect(await sandbox.ask('editMessageText', edit)).not.toHaveProperty('link_preview_options');
});

test('parameters that change nothing here are listed, each once', async () => {
  const { sandbox, chat_id } = await chat();
  const send = () =>
    sandbox.ask('sendMessage', { chat_id, text: 'x', allow_paid_broadcast: true, silent: true });
  await send();
  await send();
  await sandbox.call('sendMessage', { chat_id, business_connection_id: 'refused' });
  await sandbox.ask('getUpdates', { timeout: 0, limit: 5, offset: 0, allowed_updates: [] });
  await sandbox.ask('kickChatMember', {
    chat_id: sandbox.club().id,
    user_id: chat_id,
    revoke_messages: true,
  });
  expect(sandbox.ignored).toEqual([
    'sendMessage.allow_paid_broadcast',
    'sendMessage.silent',
    'banChatMember.revoke_messages',
  ]);
});
