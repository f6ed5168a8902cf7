import type { SandboxMessage } from '../../world/message.ts';
import type { Telegram } from '../../world/telegram.ts';
import type { Method, Methods } from '../../world/world.ts';
import { badRequest } from '../errors.ts';
import { keyboard, replyKeyboard } from '../keyboard.ts';
import type { Json, Parameters } from '../parameters.ts';
import { formatted } from '../text/formatted.ts';
import { flag, integer, parsed, text } from '../values.ts';
import { fileOf, type MediaKind, mediaContent } from './media.ts';

const actions = new Set(
  'typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location record_video_note upload_video_note'.split(
    ' ',
  ),
);
const albumKinds = ['photo', 'video', 'document', 'audio'];

/** What any sent message may carry: the message it answers, protection. */
export function decorations(telegram: Telegram, chat: number, values: Json): Json {
  const reply = parsed(values, 'reply_parameters') as Json | undefined;
  const replied = integer(reply ?? {}, 'message_id') ?? integer(values, 'reply_to_message_id');
  const isProtected = flag(values, 'protect_content') ? { has_protected_content: true } : {};
  if (replied === undefined) return isProtected;
  const original = telegram.messages.get(chat)?.find(({ id }) => id === replied);
  if (original !== undefined) {
    const { reply_to_message: _, ...raw } = original.raw;
    return { reply_to_message: raw, ...isProtected };
  }
  if (flag(reply ?? values, 'allow_sending_without_reply')) return isProtected;
  throw badRequest('message to be replied not found');
}

const sendMedia =
  (kind: MediaKind): Method =>
  ({ telegram }, given) => {
    const { values } = given;
    const chat = telegram.reachable(values['chat_id']);
    const more = {
      ...formatted(values, 'caption'),
      ...(flag(values, 'show_caption_above_media') && { show_caption_above_media: true }),
      ...keyboard(values),
      ...decorations(telegram, chat, values),
    };
    const file = fileOf(telegram, given, values[kind], kind);
    return telegram.add(chat, 'bot', { ...mediaContent(telegram, kind, file, values), ...more }).raw;
  };

function sendAlbum(telegram: Telegram, given: Parameters): Json[] {
  const chat = telegram.reachable(given.values['chat_id']);
  const media = parsed(given.values, 'media') as (Json & { type: MediaKind })[] | undefined;
  if (media === undefined) throw badRequest('parameter "media" is required');
  if (!Array.isArray(media)) throw badRequest('expected an Array of InputMedia');
  if (media.length < 2) throw badRequest('album must have from 2 to 10 items');
  if (media.length > 10) throw badRequest('too many messages to send as an album');
  for (const { type } of media) {
    if (!albumKinds.includes(type)) throw badRequest(`type "${type}" can't be used in an album`);
    if ((type === 'document' || type === 'audio') && media.some((other) => other.type !== type))
      throw badRequest(`${type} can't be mixed with other media types`);
  }
  // All or nothing: each item is looked at before the first is shown.
  const contents = media.map((item) => ({
    ...mediaContent(telegram, item.type, fileOf(telegram, given, item['media'], item.type, ''), item),
    ...formatted(item, 'caption'),
  }));
  const more = decorations(telegram, chat, given.values);
  const media_group_id = String(Number.parseInt(telegram.newId(6), 16));
  return contents.map((content) => telegram.add(chat, 'bot', { media_group_id, ...content, ...more }).raw);
}

const cannot = (what: 'copy' | 'forward') =>
  badRequest(`the message can't be ${what === 'copy' ? 'copied' : 'forwarded'}`);

/** The message that is to be copied or forwarded. */
function original(telegram: Telegram, values: Json, what: 'copy' | 'forward'): SandboxMessage {
  const from = Number(values['from_chat_id']);
  if (!telegram.users.has(from) && !telegram.clubs.has(from)) throw badRequest('chat not found');
  const id = integer(values, 'message_id');
  const found = telegram.messages.get(from)?.find((one) => one.id === id);
  if (found === undefined) throw badRequest(`message to ${what} not found`);
  if (found.raw['has_protected_content'] === true)
    throw badRequest("message has protected content and can't be forwarded");
  if (found.kind === 'service') throw cannot(what);
  return found;
}

/** What a message says, without who, when, where and to what. */
function contentOf({ raw }: SandboxMessage): Json {
  const {
    message_id,
    from,
    chat,
    date,
    edit_date,
    reply_markup,
    reply_to_message,
    media_group_id,
    ...content
  } = raw;
  return content;
}

const copy: Method = ({ telegram }, { values }) => {
  const chat = telegram.reachable(values['chat_id']);
  const source = original(telegram, values, 'copy');
  if (source.kind === 'invoice') throw cannot('copy');
  const { forward_origin: _, ...content } = contentOf(source);
  const isRetold = values['caption'] !== undefined && !('text' in content);
  if (isRetold) {
    delete content['caption'];
    delete content['caption_entities'];
    Object.assign(content, formatted(values, 'caption'));
  }
  const more = { ...keyboard(values), ...decorations(telegram, chat, values) };
  return { message_id: telegram.add(chat, 'bot', { ...content, ...more }).id };
};

const forward: Method = ({ telegram }, { values }) => {
  const chat = telegram.reachable(values['chat_id']);
  const source = original(telegram, values, 'forward');
  const origin = { type: 'user', date: source.date, sender_user: source.raw['from'] };
  const content = { forward_origin: origin, ...contentOf(source) };
  return telegram.add(chat, 'bot', content).raw;
};

/** New messages of the bot. */
export const messageMethods: Methods = {
  sendmessage: ({ telegram }, { values }) => {
    const chat = telegram.reachable(values['chat_id']);
    const preview = parsed(values, 'link_preview_options');
    const content = {
      ...formatted(values, 'text'),
      ...(preview !== undefined && { link_preview_options: preview }),
      ...keyboard(values),
      ...decorations(telegram, chat, values),
    };
    const labels = replyKeyboard(values);
    if (labels !== undefined) telegram.replyKeyboards.set(chat, labels);
    return telegram.add(chat, 'bot', content).raw;
  },
  sendphoto: sendMedia('photo'),
  sendvideo: sendMedia('video'),
  senddocument: sendMedia('document'),
  sendanimation: sendMedia('animation'),
  sendaudio: sendMedia('audio'),
  sendvoice: sendMedia('voice'),
  sendmediagroup: ({ telegram }, given) => sendAlbum(telegram, given),
  copymessage: copy,
  forwardmessage: forward,
  sendchataction: ({ telegram }, { values }) => {
    const chat = telegram.reachable(values['chat_id']);
    const action = text(values, 'action') ?? '';
    if (!actions.has(action)) throw badRequest('wrong parameter action in request');
    telegram.emit({ type: 'chat_action', chat, action });
    return true;
  },
};
