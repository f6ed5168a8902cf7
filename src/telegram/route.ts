import type { ChatMember, Message, Update, User } from 'grammy/types';
import type { JsonObject, Lane, MachineEvent } from '#runtime';
import { type Act, type Bought, boughtBy, type Entry, type Payment } from '../club/payments/book.ts';
import { isActByHand, meaningOfByHand, readByHand } from '../club/support/by-hand.ts';

/** What an update means to the bot: made once, and stored until its step is committed. */
export interface Arrival {
  /** The update's id; 0 for one that Telegram did not send. */
  readonly update: number;
  readonly chat: number;
  readonly event: MachineEvent;
  readonly lane: Extract<Lane, 'checkout' | 'reply'>;
  /** The person's Telegram language, for a new session. */
  readonly languageCode?: string;
  /** A pressed button: the query must be answered, and says so when the press is out of date. */
  readonly button?: { readonly query: string; readonly known: boolean };
  /** Goes to the person's book in the same commit. */
  readonly entry?: Entry;
  /** The same, as an earlier release stored it. */
  readonly payment?: Payment;
  /** An operator's own doing: machines for operators hear of it too. */
  readonly fromOperator?: true;
  /** It happened elsewhere, in the club for example: the person may never have written to the bot. */
  readonly elsewhere?: true;
}

/** The line that an arrival brings. What an earlier release stored says in its event until when a subscription was paid. */
export function entryOf({ entry, payment, event }: Arrival): Entry | undefined {
  const until = event['until'];
  if (entry !== undefined || payment === undefined || typeof until !== 'number') return entry ?? payment;
  return { ...payment, bought: { until, ...(event['renewal'] !== true && { first: true }) } };
}

/** What an operator does to somebody, and no update tells: for that person's inbox. */
export const arrivalByHand = (event: MachineEvent, entry: Entry): Arrival => ({
  ...askedByHand(entry.chat, event),
  entry,
});

/** What an operator asks of a person's conversation, with nothing for the book. */
export const askedByHand = (chat: number, event: MachineEvent): Arrival => ({
  update: 0,
  chat,
  lane: 'reply',
  event,
  fromOperator: true,
  elsewhere: true,
});

export interface RouteRules {
  /** The events that a user may cause. */
  readonly userEvents: ReadonlySet<string>;
  /** The callback data that a button of today's content can carry. */
  readonly buttonData: ReadonlySet<string>;
  /** Why a checkout cannot go ahead; undefined when it matches product and price. */
  readonly checkoutProblem: (query: {
    payload: string;
    currency: string;
    amount: number;
  }) => string | undefined;
  /** User ids of the operators, and the events that only they may cause. Default: none. */
  readonly operators?: ReadonlySet<number>;
  readonly operatorEvents?: ReadonlySet<string>;
  /** The chat whose doors the bot keeps. Default: none. */
  readonly club?: number | null;
  /** What becomes of who came into the club without access. Default: `tell`. */
  readonly strangers?: 'remove' | 'tell' | 'leave';
  /** User ids that may be in the club without access. Default: none. */
  readonly whitelist?: ReadonlySet<number>;
  /** The bot's own id: what it does itself is nobody else's ban. */
  readonly bot?: number;
  /** What every event of a person tells of today's offer. */
  readonly facts?: JsonObject;
  /** What an invoice sold, by its payload; null when it is none of this bot's. Default: what the payload says. */
  readonly boughtBy?: (payload: string) => Bought | null;
}

/** An update, or one made of Telegram's list of transactions when it never came. */
export type FoundUpdate = Update & { readonly found?: true; readonly commission?: number };

/** The kinds of updates asked of Telegram: those that `route` knows. */
export const allowedUpdates = [
  'message',
  'callback_query',
  'pre_checkout_query',
  'my_chat_member',
  'chat_join_request',
  'chat_member',
  'subscription',
] as const satisfies readonly Exclude<keyof Update, 'update_id'>[];

/** Characters of a message that an event carries: a person's question, an operator's answer. What is longer is copied. */
/** Of what an operator answers; a text of a person's is shorter. */
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

const cut = (text: string, length: number): string =>
  [...text.slice(0, length * 2)].slice(0, length).join('');

/** What every event carries of its sender; cut, since anyone can call himself anything. */
const sender = (
  user: Pick<User, 'username'> & { first_name?: string },
): { name: string; username?: string } => ({
  name: cut(user.first_name ?? '', 64),
  ...(user.username !== undefined && { username: cut(user.username, 32) }),
});

/**
 * Turns an update into a machine's event. Pure.
 * @returns null for what no conversation is about: groups, channels, updates without a person
 */
export function route(update: FoundUpdate, rules: RouteRules): Arrival | null {
  const meaning = meaningOf(update, rules);
  return meaning === null ? null : { update: update.update_id, ...meaning };
}

type Meaning = Omit<Arrival, 'update'>;

function meaningOf(update: FoundUpdate, rules: RouteRules): Meaning | null {
  const { message } = update;
  if (message?.migrate_to_chat_id !== undefined) return routeGroup(update, rules);
  if (message !== undefined) {
    const payment = paymentOf(message);
    return payment === null
      ? routeMessage(message, update.update_id, rules)
      : routePayment(message, payment, update, rules);
  }
  if (update.callback_query !== undefined) return routeButton(update.callback_query, rules);
  if (update.pre_checkout_query !== undefined) return routeCheckout(update.pre_checkout_query, rules);
  if (update.chat_join_request !== undefined || update.chat_member !== undefined)
    return routeClub(update, rules);
  if (update.subscription !== undefined) {
    const { user, state } = update.subscription;
    const event = { type: 'subscription.changed', state };
    const { invoice_payload: payload } = update.subscription;
    // Telegram gives it no date: the worker's time of handling it counts.
    const entry: Act = {
      kind: 'subscription',
      id: String(update.update_id),
      chat: user.id,
      at: 0,
      payload,
      state,
    };
    return { chat: user.id, lane: 'reply', event, entry, elsewhere: true, ...languageOf(user) };
  }
  if (update.my_chat_member?.chat.type === 'private') {
    const { chat, from, new_chat_member } = update.my_chat_member;
    const type = new_chat_member.status === 'kicked' ? 'bot.blocked' : 'bot.unblocked';
    return { chat: chat.id, lane: 'reply', event: { type }, ...languageOf(from) };
  }
  return routeGroup(update, rules);
}

function routeCheckout(query: NonNullable<Update['pre_checkout_query']>, rules: RouteRules): Meaning {
  const { invoice_payload: payload, currency, total_amount: amount } = query;
  const problem = rules.checkoutProblem({ payload, currency, amount });
  return {
    chat: query.from.id,
    lane: 'checkout',
    event: {
      ...rules.facts,
      type: 'checkout.requested',
      query: query.id,
      invoice: payload,
      ...(problem !== undefined && { problem }),
    },
    ...languageOf(query.from),
  };
}

function routePayment(
  message: Message,
  payment: Payment,
  { found, commission }: FoundUpdate,
  rules: RouteRules,
): Meaning {
  const { from, chat, successful_payment: paid } = message;
  const isFound = found === true;
  // What tells of a refund may come as the bot's own; then the chat names the person.
  const person = from?.is_bot === true && chat.type === 'private' ? chat : from;
  const { charge, currency, amount, payload } = payment;
  const until = paid?.subscription_expiration_date;
  const sold = rules.boughtBy === undefined ? boughtBy({ payload }) : rules.boughtBy(payload);
  const bought: Bought | null =
    until === undefined
      ? sold
      : { until: until * 1_000, ...(paid?.is_first_recurring === true && { first: true }) };
  const entry: Payment = {
    ...payment,
    ...(payment.direction === 'in' && bought !== null && { bought }),
    ...(sold === null && { foreign: true }),
    ...(isFound && { found: true }),
    ...(commission !== undefined && { commission }),
  };
  return {
    chat: payment.chat,
    lane: 'reply',
    event: {
      ...rules.facts,
      type: payment.direction === 'in' ? 'payment.received' : 'payment.refunded',
      charge,
      currency,
      amount,
      invoice: payload,
      ...(isFound && { found: true }),
      ...(person !== undefined && sender(person)),
    },
    entry,
    ...languageOf(from),
  };
}

function routeMessage(message: Message, id: number, rules: RouteRules): Meaning | null {
  const { from, chat } = message;
  if (from === undefined || from.is_bot || chat.type !== 'private') return null;
  if (!contents.some((content) => message[content] !== undefined)) return null;
  const isOperator = rules.operators?.has(from.id) === true;
  const base = {
    chat: chat.id,
    lane: 'reply' as const,
    ...languageOf(from),
    ...(isOperator && { fromOperator: true as const }),
  };
  const kind = message.text === undefined ? 'other' : 'text';
  // What is sent with a picture counts as said.
  const text = message.text ?? message.caption;
  const where = {
    message: message.message_id,
    ...(message.media_group_id !== undefined && { album: message.media_group_id }),
  };
  const command = text === undefined ? null : /^\/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+([\s\S]+))?$/i.exec(text);
  const [, name = '', words = ''] = command ?? [];
  const type = `${name.toLowerCase()}.requested`;
  if (command !== null && mayCause(type, isOperator, rules)) {
    const other = isOperator ? routeByHand(name.toLowerCase(), words, message, id, rules) : null;
    if (other !== null) return other;
    const payload = cut(words.trim(), longestPayload);
    const isCut = payload !== words.trim();
    const said = { ...(payload !== '' && { payload }), ...(isCut && { isCut }) };
    return { ...base, event: { ...rules.facts, type, kind, ...said, ...where, ...sender(from) } };
  }
  const most = isOperator ? longestAnswer : longestText;
  const quoted = text === undefined ? {} : { text: cut(text, most) };
  const isCut = text !== undefined && quoted.text !== text;
  return {
    ...base,
    event: {
      type: 'message.received',
      kind: command !== null && kind === 'text' ? 'command' : kind,
      ...quoted,
      ...(isCut && { isCut }),
      ...where,
      ...sender(from),
    },
  };
}

/** A command of an operator that names another person is about that person's conversation. */
function routeByHand(
  name: string,
  words: string,
  message: Message,
  id: number,
  rules: RouteRules,
): Meaning | null {
  const asked = isActByHand(name) ? readByHand(name, words) : null;
  if (asked === null) return null;
  const by = message.from?.id ?? message.chat.id;
  const { chat, event, entry } = meaningOfByHand(asked, { by, id: String(id), at: message.date * 1_000 });
  return {
    chat,
    lane: 'reply',
    event: { ...rules.facts, ...event },
    entry,
    fromOperator: true,
    elsewhere: true,
  };
}

const mayCause = (type: string, isOperator: boolean, rules: RouteRules): boolean =>
  rules.userEvents.has(type) || (isOperator && rules.operatorEvents?.has(type) === true);

function routeButton(query: NonNullable<Update['callback_query']>, rules: RouteRules): Meaning | null {
  const chat = query.message?.chat;
  if (chat !== undefined && chat.type !== 'private') return null;
  const data = query.data ?? '';
  const split = data.indexOf(':');
  const type = split === -1 ? data : data.slice(0, split);
  // An operator's buttons name a chat or a payment, so no list of them can be kept: who presses is what counts.
  const isOperator = rules.operators?.has(query.from.id) === true;
  const known =
    (rules.buttonData.has(data) && rules.userEvents.has(type)) ||
    (isOperator && rules.operatorEvents?.has(type) === true);
  const value = split === -1 ? {} : { value: data.slice(split + 1) };
  const admitted = isOperator ? /^member\.admitted:(\d{1,15})$/.exec(data)?.[1] : undefined;
  if (admitted !== undefined) {
    const event = { ...rules.facts, type, by: query.from.id };
    const button = { query: query.id, known: true };
    return { chat: Number(admitted), lane: 'reply', event, button, fromOperator: true, elsewhere: true };
  }
  return {
    chat: chat?.id ?? query.from.id,
    lane: 'reply',
    event: known ? { ...rules.facts, type, ...value, ...sender(query.from) } : { type: 'button.unknown' },
    button: { query: query.id, known },
    ...languageOf(query.from),
    ...(isOperator && { fromOperator: true }),
  };
}

/** Who knocks at the club's door, enters, leaves or is banned. */
function routeClub(update: Update, rules: RouteRules): Meaning | null {
  const { chat_join_request: request, chat_member: changed } = update;
  if ((request ?? changed)?.chat.id !== rules.club || rules.club === undefined) return null;
  if (request !== undefined) {
    const { from, query_id: query } = request as typeof request & { query_id?: string };
    const asked = query === undefined ? {} : { query };
    const event = { ...rules.facts, type: 'join.requested', ...asked, ...sender(from) };
    // Such a query must be answered within 10 s, as that of a checkout.
    const lane = query === undefined ? 'reply' : 'checkout';
    return { chat: from.id, lane, event, elsewhere: true, ...languageOf(from) };
  }
  if (changed === undefined || changed.new_chat_member.user.is_bot) return null;
  const { from, new_chat_member: member, old_chat_member: before } = changed;
  const { user, status } = member;
  const arrive = (type: string, fields: JsonObject = {}): Meaning => {
    const event = { ...rules.facts, type, ...fields, ...sender(user) };
    return { chat: user.id, lane: 'reply', event, elsewhere: true, ...languageOf(user) };
  };
  if (status === 'kicked') return arrive('club.banned', from.id === rules.bot ? {} : { by: from.id });
  if (before.status === 'kicked' && status === 'left') return arrive('club.unbanned');
  if (!isInside(member)) return arrive('club.left');
  // A change of what a member may do is no entry; one who administers the club no longer is looked at as if they came.
  if (isInside(before) && !isManager(before)) return null;
  const isTrusted =
    isManager(member) || rules.operators?.has(user.id) === true || rules.whitelist?.has(user.id) === true;
  const { strangers = 'tell' } = rules;
  return arrive('club.joined', { strangers: isTrusted ? 'leave' : strangers });
}

const isManager = ({ status }: ChatMember): boolean => status === 'creator' || status === 'administrator';

/** Whether somebody is in a chat, with whatever rights. */
export const isInside = (member: { readonly status: string; readonly is_member?: boolean }): boolean =>
  member.status === 'restricted'
    ? member.is_member === true
    : /^(creator|administrator|member)$/.test(member.status);

/** What concerns the club itself, or another group: the operators hear of it through the first of them. */
function routeGroup(update: Update, rules: RouteRules): Meaning | null {
  const [chat] = rules.operators ?? [];
  if (chat === undefined) return null;
  const tell = (event: MachineEvent): Meaning => ({
    chat,
    lane: 'reply',
    event,
    elsewhere: true,
    fromOperator: true,
  });
  const moved = update.message?.migrate_to_chat_id;
  if (moved !== undefined)
    return update.message?.chat.id === rules.club ? tell({ type: 'club.moved', club: moved }) : null;
  const changed = update.my_chat_member;
  if (changed === undefined || changed.chat.type === 'private') return null;
  const { chat: place, new_chat_member: now, old_chat_member: before } = changed;
  if (place.id === rules.club) return tell({ type: 'club.rights', missing: missingRight(now) });
  if (now.status !== 'administrator' || before.status === 'administrator') return null;
  const title = cut('title' in place ? (place.title ?? '') : '', 64);
  return tell({ type: 'club.found', club: place.id, title });
}

/** What the bot lacks to keep the doors of a club; '' when it lacks nothing. */
export function missingRight(member: ChatMember): string {
  if (member.status !== 'administrator') return `the bot is no administrator there (${member.status})`;
  const missing = [
    ...(member.can_invite_users ? [] : ['invite users']),
    ...(member.can_restrict_members ? [] : ['ban users']),
  ];
  return missing.length === 0 ? '' : `the bot may not ${missing.join(' and ')} there`;
}

function paymentOf(message: Message): Payment | null {
  const paid = message.successful_payment ?? message.refunded_payment;
  if (paid === undefined) return null;
  if (typeof paid.telegram_payment_charge_id !== 'string' || paid.telegram_payment_charge_id === '')
    throw new Error('Expected a payment with a charge id, found one without');
  const chat = message.chat.type === 'private' ? message.chat.id : (message.from?.id ?? message.chat.id);
  const providerCharge = paid.provider_payment_charge_id;
  return {
    charge: paid.telegram_payment_charge_id,
    direction: message.successful_payment !== undefined ? 'in' : 'out',
    chat,
    payload: paid.invoice_payload,
    currency: paid.currency,
    amount: paid.total_amount,
    at: message.date * 1000,
    ...(providerCharge !== undefined && providerCharge !== '' && { providerCharge }),
  };
}

const languageOf = (from: User | undefined): { languageCode?: string } =>
  from?.language_code === undefined ? {} : { languageCode: from.language_code };
