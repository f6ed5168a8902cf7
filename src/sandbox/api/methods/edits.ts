import type { SandboxMessage } from '../../world/message.ts';
import type { Telegram } from '../../world/telegram.ts';
import type { Methods } from '../../world/world.ts';
import { badRequest } from '../errors.ts';
import { isObject, type Json } from '../json.ts';
import { keyboard } from '../keyboard.ts';
import { formatText } from '../text/format.ts';
import { flag, integer, jsonOf, text } from '../values.ts';
import { fileOf, type MediaKind, mediaContent, mediaKinds, picturesOf } from './media.ts';
import { previewOf } from './sending.ts';

/** Seconds: what is older can no longer be deleted. */
const deletable = 48 * 3_600;
const mediaFields = [...mediaKinds, 'has_media_spoiler'];
const captionFields = ['caption', 'caption_entities', 'show_caption_above_media'];

function findMessage(telegram: Telegram, values: Json, what: 'edit' | 'delete'): SandboxMessage {
  const chat = telegram.reachable(values);
  const id = integer(values, 'message_id');
  if (id === undefined || id <= 0) throw badRequest('message identifier is not specified');
  const message = telegram.messages.get(chat)?.find((one) => one.id === id);
  if (message === undefined) throw badRequest(`message to ${what} not found`);
  return message;
}

function editableMessage(telegram: Telegram, values: Json): SandboxMessage {
  const message = findMessage(telegram, values, 'edit');
  if (message.from !== 'bot' || message.kind === 'service') throw badRequest("message can't be edited");
  return message;
}

/** Sets the fields; the keyboard goes unless the call brings one. */
function edit(telegram: Telegram, message: SandboxMessage, values: Json, content: Json): Json {
  const next: Json = {
    reply_markup: undefined,
    ...content,
    ...keyboard(values, message.kind === 'invoice'),
  };
  const isSame = Object.entries(next).every(
    ([key, value]) => JSON.stringify(message.raw[key]) === JSON.stringify(value),
  );
  if (isSame)
    throw badRequest(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    );
  telegram.edit(message, next);
  return message.raw;
}

const without = (fields: readonly string[]): Json =>
  Object.fromEntries(fields.map((name) => [name, undefined]));

/** In private chats only what is young enough, and no lines of the bot's own such as a refund. */
function checkDeletable(telegram: Telegram, message: SandboxMessage): void {
  const isPrivate = message.chat > 0;
  const isOwnLine = message.from === 'bot' && message.kind === 'service';
  if (isPrivate && (isOwnLine || telegram.seconds() - message.date > deletable))
    throw badRequest("message can't be deleted for everyone");
}

/** Messages that are changed or taken away. */
export const editMethods: Methods = {
  editmessagetext: ({ telegram }, { values }) => {
    const message = editableMessage(telegram, values);
    const content = {
      ...without(['entities', 'link_preview_options']),
      ...formatText(telegram, values, 'text'),
      ...previewOf(values),
    };
    if (message.raw['text'] === undefined) throw badRequest('there is no text in the message to edit');
    return edit(telegram, message, values, content);
  },
  editmessagecaption: ({ telegram }, { values }) => {
    const message = editableMessage(telegram, values);
    if (!mediaFields.some((name) => name in message.raw))
      throw badRequest('there is no caption in the message to edit');
    return edit(telegram, message, values, {
      ...without(captionFields),
      ...formatText(telegram, values, 'caption'),
      ...(flag(values, 'show_caption_above_media') && { show_caption_above_media: true }),
    });
  },
  editmessagemedia: ({ telegram }, call) => {
    const message = editableMessage(telegram, call.values);
    const media = jsonOf(call.values, 'media', 'input media');
    if (media === undefined) throw badRequest('media is not specified');
    if (!isObject(media)) throw badRequest("can't parse InputMedia: expected an Object");
    const kind = text(media, 'type') as MediaKind;
    if (!mediaKinds.includes(kind)) throw badRequest(`type "${kind}" can't be used here`);
    const file = fileOf(telegram, call, text(media, 'media'), kind, 'media');
    return edit(telegram, message, call.values, {
      ...without([...mediaFields, ...captionFields, 'text', 'entities']),
      ...mediaContent(telegram, kind, file, media, picturesOf(telegram, call, media)),
      ...formatText(telegram, media, 'caption'),
    });
  },
  editmessagereplymarkup: ({ telegram }, { values }) =>
    edit(telegram, editableMessage(telegram, values), values, {}),
  deletemessage: ({ telegram }, { values }) => {
    const message = findMessage(telegram, values, 'delete');
    checkDeletable(telegram, message);
    telegram.delete(message.chat, [message.id]);
    return true;
  },
  deletemessages: ({ telegram }, { values }) => {
    const chat = telegram.reachable(values);
    const ids = jsonOf(values, 'message_ids');
    if (!Array.isArray(ids) || ids.length < 1 || ids.length > 100)
      throw badRequest('expected from 1 to 100 message identifiers');
    const wanted = new Set(ids.map((id) => integer({ id }, 'id')));
    const messages = (telegram.messages.get(chat) ?? []).filter(({ id }) => wanted.has(id));
    // All or nothing; what is not there is passed over.
    for (const message of messages) checkDeletable(telegram, message);
    telegram.delete(
      chat,
      messages.map(({ id }) => id),
    );
    return true;
  },
};
