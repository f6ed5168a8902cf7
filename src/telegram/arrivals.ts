import type { Contact, Document, Message, Update, User } from 'grammy/types';
import type { Arrival, JsonObject } from '#runtime';

/** What an update means, but for its id. */
export type Meaning = Omit<Arrival, 'update'>;

/** What updates are read by; it changes with the content. */
export interface ArrivalRules {
  /** The events that a user may cause. */
  readonly userEvents: ReadonlySet<string>;
  /** The callback data that a button of today's content can carry. */
  readonly buttonData: ReadonlySet<string>;
  /** User ids of the operators, and the events that only they may cause. Default: none. */
  readonly operators?: ReadonlySet<number>;
  readonly operatorEvents?: ReadonlySet<string>;
  /** What every event of a person tells. */
  readonly facts?: JsonObject;
}

/** How one capability reads updates. @returns null for what means nothing, undefined for what is not its own */
export type Route<Rules extends ArrivalRules = ArrivalRules> = (
  update: Update,
  rules: Rules,
) => Meaning | null | undefined;

/** The kinds of updates that every bot asks of Telegram; capabilities add theirs. */
export const basicUpdates = ['message', 'callback_query', 'my_chat_member'] as const;

/** Characters of a message that an event carries: a person's question, an operator's answer. What is longer is copied. */
export const longestAnswer = 1_900;
const longestText = 500;
const longestPayload = 1_000;

/** What people say and send. A message with none of it is Telegram's own word: something was pinned, a chat was shared. */
const contents = [
  'text',
  'photo',
  'video',
  'voice',
  'document',
  'sticker',
  'animation',
  'audio',
  'video_note',
  'paid_media',
  'story',
  'checklist',
  'contact',
  'dice',
  'game',
  'poll',
  'venue',
  'location',
] as const satisfies readonly (keyof Message)[];

/** The first characters of a text; none is cut in two. */
export const cut = (text: string, length: number): string =>
  [...text.slice(0, length * 2)].slice(0, length).join('');

/** What every event carries of its sender; cut, since anyone can call himself anything. */
export const senderOf = (
  user: Pick<User, 'username'> & { first_name?: string },
): { name: string; username?: string } => ({
  name: cut(user.first_name ?? '', 64),
  ...(user.username !== undefined && { username: cut(user.username, 32) }),
});

/** The language of a person's Telegram, for a new session; nothing when Telegram does not tell it. */
export const languageOf = (from: User | undefined): { languageCode?: string } =>
  from?.language_code === undefined ? {} : { languageCode: from.language_code };

/** A pressed button need not wait any more; a press that is out of date, and one that failed, is told so. */
export const answerTo = (query: string): NonNullable<Arrival['answer']> => ({
  id: `b${query}`,
  type: 'answerButton',
  params: { query },
  whenIgnored: { stale: true },
  whenBroken: { broke: true },
});

/** A command and what follows it: `/start abc`; null for other texts. */
export function commandOf(text: string | undefined): { name: string; words: string } | null {
  const found = text === undefined ? null : /^\/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+([\s\S]+))?$/i.exec(text);
  return found === null ? null : { name: (found[1] ?? '').toLowerCase(), words: found[2] ?? '' };
}

/**
 * Turns an update into a machine's event. Pure.
 * @param routes asked in turn before the update is read as what a person says, presses or blocks
 * @returns null for what no conversation is about: groups, channels, updates without a person
 */
export function arrivalOf<Rules extends ArrivalRules>(
  update: Update,
  rules: Rules,
  routes: readonly Route<Rules>[] = [],
): Arrival | null {
  for (const route of routes) {
    const meaning = route(update, rules);
    if (meaning !== undefined) return meaning === null ? null : { update: update.update_id, ...meaning };
  }
  const meaning = meaningOf(update, rules);
  return meaning === null ? null : { update: update.update_id, ...meaning };
}

function meaningOf(update: Update, rules: ArrivalRules): Meaning | null {
  if (update.message !== undefined) return said(update.message, rules);
  if (update.callback_query !== undefined) return pressed(update.callback_query, rules);
  if (update.my_chat_member?.chat.type !== 'private') return null;
  const { chat, from, new_chat_member } = update.my_chat_member;
  const isBlocked = new_chat_member.status === 'kicked';
  const event = { type: isBlocked ? 'bot.blocked' : 'bot.unblocked' };
  return { chat: chat.id, lane: 'reply', event, ...(isBlocked && { leaves: true }), ...languageOf(from) };
}

/** Whether somebody may cause an event by a command. */
export const mayCause = (type: string, isOperator: boolean, rules: ArrivalRules): boolean =>
  rules.userEvents.has(type) || (isOperator && rules.operatorEvents?.has(type) === true);

/** Whether a user is one of the operators; without a list of them nobody is. */
export const isOperator = (user: User | undefined, { operators }: ArrivalRules): boolean =>
  user !== undefined && operators?.has(user.id) === true;

/** Whether a person says it to the bot alone: no service message, no group. */
export const isSaid = ({ from, chat, ...message }: Message): boolean =>
  from !== undefined &&
  !from.is_bot &&
  chat.type === 'private' &&
  contents.some((content) => (message as Message)[content] !== undefined);

function said(message: Message, rules: ArrivalRules): Meaning | null {
  const { from } = message;
  const text = wordsOf(message);
  const command = commandOf(text);
  const type = `${command?.name}.requested`;
  if (from === undefined || command === null || !mayCause(type, isOperator(from, rules), rules))
    return saidIn(message, rules, 'message.received');
  if (!isSaid(message)) return null;
  const words = command.words.trim();
  const payload = cut(words, longestPayload);
  const rest = { ...(payload !== '' && { payload }), ...(payload !== words && { isCut: true }) };
  const kind = kindOf(message);
  return meantBy(message, from, rules, { ...rules.facts, type, kind, ...rest });
}

/** What is sent with a picture counts as said. */
const wordsOf = ({ text, caption }: Message): string | undefined => text ?? caption;

const kindOf = ({ text }: Message): 'text' | 'other' => (text === undefined ? 'other' : 'text');

/**
 * A message as an event that tells all there is in it, and is no command.
 * @returns null for one that nobody says to the bot alone
 */
export function saidIn(message: Message, rules: ArrivalRules, type: string): Meaning | null {
  const { from } = message;
  if (from === undefined || !isSaid(message)) return null;
  const words = wordsOf(message);
  const text = cut(words ?? '', isOperator(from, rules) ? longestAnswer : longestText);
  const kind = kindOf(message);
  return meantBy(message, from, rules, {
    type,
    kind: kind === 'text' && commandOf(words) !== null ? 'command' : kind,
    ...(words !== undefined && { text }),
    ...(words !== undefined && text !== words && { isCut: true }),
    ...dataOf(message),
  });
}

function meantBy(message: Message, from: User, rules: ArrivalRules, event: Meaning['event']): Meaning {
  const { message_id, media_group_id: album } = message;
  return {
    chat: message.chat.id,
    lane: 'reply',
    ...languageOf(from),
    ...(isOperator(from, rules) && { fromOperator: true }),
    event: { ...event, message: message_id, ...(album !== undefined && { album }), ...senderOf(from) },
  };
}

/** What a message holds besides words: ids of files, and what is small. An event is stored, and goes with its effects. */
function dataOf({ photo, voice, document, animation, location, contact }: Message): JsonObject {
  const largest = photo?.at(-1);
  // Every animation has a document as well, for clients that know none.
  const file = animation === undefined ? document : undefined;
  return {
    ...(largest && { photo: { file: largest.file_id, width: largest.width, height: largest.height } }),
    ...(voice && { voice: { file: voice.file_id, duration: voice.duration } }),
    ...(file && { document: documentOf(file) }),
    ...(location && { location: { latitude: location.latitude, longitude: location.longitude } }),
    ...(contact && { contact: contactOf(contact) }),
  };
}

const documentOf = ({ file_id, file_name, mime_type, file_size }: Document) => ({
  file: file_id,
  ...(file_name !== undefined && { name: cut(file_name, 64) }),
  ...(mime_type !== undefined && { type: cut(mime_type, 64) }),
  ...(file_size !== undefined && { size: file_size }),
});

const contactOf = ({ phone_number, first_name, user_id }: Contact) => ({
  phone: cut(phone_number, 32),
  name: cut(first_name, 64),
  ...(user_id !== undefined && { user: user_id }),
});

function pressed(query: NonNullable<Update['callback_query']>, rules: ArrivalRules): Meaning | null {
  const chat = query.message?.chat;
  if (chat !== undefined && chat.type !== 'private') return null;
  const data = query.data ?? '';
  const split = data.indexOf(':');
  const type = split === -1 ? data : data.slice(0, split);
  // An operator's buttons name a chat or a payment, so no list of them can be kept: who presses is what counts.
  const fromOperator = isOperator(query.from, rules);
  const isKnown =
    (rules.buttonData.has(data) && rules.userEvents.has(type)) ||
    (fromOperator && rules.operatorEvents?.has(type) === true);
  const value = split === -1 ? {} : { value: data.slice(split + 1) };
  return {
    chat: chat?.id ?? query.from.id,
    lane: 'reply',
    event: isKnown ? { ...rules.facts, type, ...value, ...senderOf(query.from) } : { type: 'button.unknown' },
    answer: answerTo(query.id),
    ...languageOf(query.from),
    ...(fromOperator && { fromOperator }),
  };
}
