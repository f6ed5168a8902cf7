import { expect, test } from 'vitest';
import { openSandbox } from '../support/sandbox.ts';

const kinds = ['message', 'edited_message'];

async function chat() {
  const sandbox = await openSandbox();
  const anna = sandbox.user();
  const boris = sandbox.user({ firstName: 'Boris' });
  anna.says('/start');
  boris.says('/start');
  await sandbox.take(kinds);
  /** Copies a message of Anna's to Boris; what he has then. */
  const copy = async (message_id: unknown, more: object = {}) => {
    await sandbox.ask('copyMessage', { chat_id: boris.id, from_chat_id: anna.id, message_id, ...more });
    return boris.messages.at(-1)?.raw;
  };
  return { sandbox, anna, boris, copy };
}

test.each([
  'photo',
  'video',
  'document',
  'audio',
  'voice',
  'animation',
  'video_note',
  'sticker',
  'contact',
  'location',
] as const)('a person sends one: %s; the bot copies it', async (kind) => {
  const { sandbox, anna, copy } = await chat();
  anna.sends(kind);
  const [update] = await sandbox.take();
  const message = update?.['message'] as Record<string, unknown>;
  expect(message).toMatchObject({ chat: { id: anna.id } });
  const copied = await copy(message['message_id']);
  expect(copied).toMatchObject({ from: { id: sandbox.bot.id }, [kind]: message[kind] });
});

test('a caption is copied with its file, replaced or taken away', async () => {
  const { anna, copy } = await chat();
  anna.sends('photo', { caption: '/paysupport where is my link?' });
  const id = anna.messages.at(-1)?.id;
  expect(await copy(id)).toMatchObject({ caption: '/paysupport where is my link?' });
  expect(await copy(id, { caption: '<b>Anna</b>', parse_mode: 'HTML' })).toMatchObject({
    caption: 'Anna',
    caption_entities: [{ type: 'bold' }],
  });
  expect(await copy(id, { caption: '' })).not.toHaveProperty('caption');
});

test('an album is several messages of one group, the caption at its first', async () => {
  const { sandbox, anna } = await chat();
  anna.sendsAlbum(['photo', 'video', 'photo'], { caption: 'My weekend' });
  const updates = await sandbox.take();
  const messages = updates.map(({ message }) => message as Record<string, unknown>);
  expect(messages).toMatchObject([{ caption: 'My weekend', photo: [{}] }, { video: {} }, { photo: [{}] }]);
  expect(new Set(messages.map(({ media_group_id }) => media_group_id)).size).toBe(1);
});

test('a live location is edited while the person moves', async () => {
  const { sandbox, anna } = await chat();
  expect(() => anna.moves()).toThrow('shares no live location');
  anna.sharesLocation(900);
  anna.moves();
  anna.moves();
  const [shared, ...moved] = await sandbox.take();
  expect(shared).toMatchObject({ message: { location: { live_period: 900 } } });
  expect(moved).toMatchObject([
    { edited_message: { location: { latitude: 55.751, live_period: 900 } } },
    { edited_message: { edit_date: expect.any(Number) } },
  ]);
});

test('a person edits a text, and the caption of a file', async () => {
  const { sandbox, anna } = await chat();
  anna.says('Helo');
  anna.edits('Hello');
  anna.sends('video', { caption: 'A cat' });
  anna.edits('My cat');
  expect(await sandbox.take()).toMatchObject([
    { message: {} },
    { edited_message: { text: 'Hello' } },
    { message: {} },
    { edited_message: { caption: 'My cat', video: {} } },
  ]);
});

test('any other message is sent by its fields, also a service message, which cannot be copied', async () => {
  const { sandbox, anna, boris } = await chat();
  anna.sends({ dice: { emoji: '🎲', value: 6 } });
  anna.sends({ message_auto_delete_timer_changed: { message_auto_delete_time: 86_400 } });
  expect(await sandbox.take()).toMatchObject([
    { message: { dice: { value: 6 } } },
    { message: { message_auto_delete_timer_changed: {} } },
  ]);
  const { id, kind } = anna.messages.at(-1) ?? {};
  expect(kind).toBe('service');
  const copied = { chat_id: boris.id, from_chat_id: anna.id, message_id: id };
  expect(await sandbox.call('copyMessage', copied)).toMatchObject({
    description: "Bad Request: the message can't be copied",
  });
});
