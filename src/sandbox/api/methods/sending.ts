import type { SandboxMessage } from '../../world/message.ts';
import type { Telegram } from '../../world/telegram.ts';
import { badRequest } from '../errors.ts';
import type { Json } from '../json.ts';
import { keyboard, replyKeyboard } from '../keyboard.ts';
import { pickDocumented } from '../pick.ts';
import { formatText } from '../text/format.ts';
import { chatId, flag, integer, object, text } from '../values.ts';

/** What a new message has besides its content. */
export interface Extras {
  readonly fields: Json;
  /** The labels below the text field, where the call sets them. */
  readonly labels?: string[][] | undefined;
  readonly isSilent: boolean;
}

/** What any message of the bot may have: keyboards, the message that it answers, protection, an effect. */
export function extrasOf(telegram: Telegram, chat: number, values: Json, isInvoice = false): Extras {
  const { fields, isSilent } = plainExtras(chat, values);
  return {
    fields: { ...keyboard(values, isInvoice), ...replyOf(telegram, chat, values), ...fields },
    labels: replyKeyboard(values),
    isSilent,
  };
}

/** What also a forwarded message may have. */
export function plainExtras(chat: number, values: Json): Extras {
  // Effects are shown in private chats only.
  const effect = chat > 0 ? (text(values, 'message_effect_id') ?? '') : '';
  return {
    fields: {
      ...(flag(values, 'protect_content') && { has_protected_content: true }),
      ...(effect !== '' && { effect_id: effect }),
    },
    isSilent: flag(values, 'disable_notification'),
  };
}

/** Puts a new message of the bot into a chat. */
export function deliver(telegram: Telegram, chat: number, content: Json, extras: Extras): SandboxMessage {
  const { fields, labels, isSilent } = extras;
  if (labels !== undefined) telegram.replyKeyboards.set(chat, labels);
  return telegram.add(chat, 'bot', { ...content, ...fields }, isSilent);
}

/** How links of a text are previewed. */
export function previewOf(values: Json): Json {
  const isDisabled = flag(values, 'disable_web_page_preview');
  const options = object(values, 'link_preview_options') ?? (isDisabled ? { is_disabled: true } : {});
  const known = pickDocumented('LinkPreviewOptions', options) as Json;
  return Object.keys(known).length === 0 ? {} : { link_preview_options: known };
}

/** The Bot API's MessageOrigin of a message that is shown elsewhere. */
export const originOf = ({ raw, date, id: message_id }: SandboxMessage): Json =>
  raw['from'] === undefined
    ? { type: 'channel', date, chat: raw['sender_chat'], message_id }
    : { type: 'user', date, sender_user: raw['from'] };

/** The message that a new one answers, and what it quotes of it. */
export function replyOf(telegram: Telegram, chat: number, values: Json): Json {
  const reply = object(values, 'reply_parameters') ?? {
    message_id: values['reply_to_message_id'],
    allow_sending_without_reply: values['allow_sending_without_reply'],
  };
  const id = integer(reply, 'message_id');
  if (id === undefined) return {};
  const from = text(reply, 'chat_id') === undefined ? chat : chatId(reply);
  const original = telegram.messages.get(from)?.find((one) => one.id === id);
  if (original === undefined) {
    if (flag(reply, 'allow_sending_without_reply')) return {};
    throw badRequest('message to be replied not found');
  }
  const quote = quoteOf(telegram, original, reply);
  if (from !== chat) return { external_reply: externalReply(original), ...quote };
  const { reply_to_message: _, ...raw } = original.raw;
  return { reply_to_message: raw, ...quote };
}

function quoteOf(telegram: Telegram, original: SandboxMessage, reply: Json): Json {
  const passage = text(reply, 'quote') ?? '';
  if (passage === '') return {};
  const { quote_parse_mode: parse_mode, quote_entities: entities } = reply;
  const quoted = formatText(telegram, { text: passage, parse_mode, entities }, 'text');
  const position = original.text.indexOf(String(quoted['text']), integer(reply, 'quote_position') ?? 0);
  if (position === -1) throw badRequest('QUOTE_TEXT_INVALID');
  return { quote: { ...quoted, position, is_manual: true } };
}

/** A message of another chat; which one it is, only groups and channels tell. */
function externalReply(original: SandboxMessage): unknown {
  const { chat, message_id, ...content } = original.raw;
  const place = original.chat < 0 ? { chat, message_id } : {};
  return pickDocumented('ExternalReplyInfo', { ...content, ...place, origin: originOf(original) });
}
