import type { SandboxMessage } from '../../world/message.ts';
import type { Telegram } from '../../world/telegram.ts';
import type { Method, Methods } from '../../world/world.ts';
import { badRequest } from '../errors.ts';
import { isObject, type Json } from '../json.ts';
import type { Parameters } from '../parameters.ts';
import { formatText } from '../text/format.ts';
import { chatId, flag, integer, jsonOf, text } from '../values.ts';
import { fileOf, type MediaKind, mediaContent, mediaKinds, picturesOf } from './media.ts';
import { deliver, extrasOf, originOf, plainExtras, previewOf, replyOf } from './sending.ts';

const actions = new Set(
  'typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location record_video_note upload_video_note'.split(
    ' ',
  ),
);
const albumKinds: readonly MediaKind[] = ['photo', 'video', 'document', 'audio'];

const sendMedia =
  (kind: MediaKind): Method =>
  ({ telegram }, call) => {
    const { values } = call;
    const chat = telegram.reachable(values);
    const caption = formatText(telegram, values, 'caption');
    const extras = extrasOf(telegram, chat, values);
    const file = fileOf(telegram, call, text(values, kind), kind);
    const pictures = kind === 'photo' || kind === 'voice' ? {} : picturesOf(telegram, call, values);
    const content = mediaContent(telegram, kind, file, values, pictures);
    return deliver(telegram, chat, { ...content, ...caption }, extras).raw;
  };

function sendAlbum(telegram: Telegram, call: Parameters): Json[] {
  const { values } = call;
  const chat = telegram.reachable(values);
  const media = itemsOf(values);
  const kinds = media.map((item) => text(item, 'type') as MediaKind);
  for (const kind of kinds) {
    if (!albumKinds.includes(kind)) throw badRequest(`type "${kind}" can't be used in an album`);
    if ((kind === 'document' || kind === 'audio') && kinds.some((other) => other !== kind))
      throw badRequest(`${kind} can't be mixed with other media types`);
  }
  // All or nothing: each item is looked at before the first is shown.
  const contents = media.map((item, index) => {
    const kind = kinds[index] as MediaKind;
    const file = fileOf(telegram, call, text(item, 'media'), kind, '');
    const content = mediaContent(telegram, kind, file, item, picturesOf(telegram, call, item));
    return { ...content, ...formatText(telegram, item, 'caption') };
  });
  const { fields, isSilent } = plainExtras(chat, values);
  const extras = { fields: { ...replyOf(telegram, chat, values), ...fields }, isSilent };
  const media_group_id = String(Number.parseInt(telegram.newId(6), 16));
  return contents.map((content) => deliver(telegram, chat, { media_group_id, ...content }, extras).raw);
}

/** What an album is made of. */
function itemsOf(values: Json): Json[] {
  const media = jsonOf(values, 'media');
  if (media === undefined) throw badRequest('parameter "media" is required');
  if (!Array.isArray(media)) throw badRequest('expected an Array of InputMedia');
  if (!media.every(isObject)) throw badRequest("can't parse InputMedia: expected an Object");
  if (media.length < 2) throw badRequest('album must have from 2 to 10 items');
  if (media.length > 10) throw badRequest('too many messages to send as an album');
  return media;
}

const cannot = (what: 'copy' | 'forward') =>
  badRequest(`the message can't be ${what === 'copy' ? 'copied' : 'forwarded'}`);

/** The message that is to be copied or forwarded. */
function original(telegram: Telegram, values: Json, what: 'copy' | 'forward'): SandboxMessage {
  const from = chatId(values, 'from_chat_id');
  if (!telegram.users.has(from) && !telegram.clubs.has(from)) throw badRequest('chat not found');
  const id = integer(values, 'message_id');
  const message = telegram.messages.get(from)?.find((one) => one.id === id);
  if (message === undefined) throw badRequest(`message to ${what} not found`);
  if (message.raw['has_protected_content'] === true)
    throw badRequest("message has protected content and can't be forwarded");
  if (message.kind === 'service') throw cannot(what);
  return message;
}

/** What a message says, without who, when, where and to what. */
function contentOf({ raw }: SandboxMessage): Json {
  const {
    message_id,
    from,
    sender_chat,
    chat,
    date,
    edit_date,
    reply_markup,
    reply_to_message,
    external_reply,
    quote,
    media_group_id,
    effect_id,
    ...content
  } = raw;
  return content;
}

const copy: Method = ({ telegram }, { values }) => {
  const chat = telegram.reachable(values);
  const source = original(telegram, values, 'copy');
  if (source.kind === 'invoice') throw cannot('copy');
  const { forward_origin: _, ...content } = contentOf(source);
  const isMedia = mediaKinds.some((kind) => kind in content);
  if (isMedia && values['caption'] !== undefined) {
    for (const name of ['caption', 'caption_entities', 'show_caption_above_media']) delete content[name];
    const isAbove = flag(values, 'show_caption_above_media');
    Object.assign(
      content,
      formatText(telegram, values, 'caption'),
      isAbove && { show_caption_above_media: true },
    );
  }
  return { message_id: deliver(telegram, chat, content, extrasOf(telegram, chat, values)).id };
};

const forward: Method = ({ telegram }, { values }) => {
  const chat = telegram.reachable(values);
  const source = original(telegram, values, 'forward');
  const content = { forward_origin: originOf(source), ...contentOf(source) };
  return deliver(telegram, chat, content, plainExtras(chat, values)).raw;
};

/** New messages of the bot. */
export const messageMethods: Methods = {
  sendmessage: ({ telegram }, { values }) => {
    const chat = telegram.reachable(values);
    const content = { ...formatText(telegram, values, 'text'), ...previewOf(values) };
    return deliver(telegram, chat, content, extrasOf(telegram, chat, values)).raw;
  },
  sendphoto: sendMedia('photo'),
  sendvideo: sendMedia('video'),
  senddocument: sendMedia('document'),
  sendanimation: sendMedia('animation'),
  sendaudio: sendMedia('audio'),
  sendvoice: sendMedia('voice'),
  sendmediagroup: ({ telegram }, call) => sendAlbum(telegram, call),
  copymessage: copy,
  forwardmessage: forward,
  sendchataction: ({ telegram }, { values }) => {
    const chat = telegram.reachable(values);
    const action = text(values, 'action') ?? '';
    if (!actions.has(action)) throw badRequest('wrong parameter action in request');
    telegram.emit({ type: 'chat_action', chat, action });
    return true;
  },
};
