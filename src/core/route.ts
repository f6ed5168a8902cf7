import type { Message, Update, User } from 'grammy/types';
import { type Act, type Bought, boughtBy, type Entry, type Payment } from './book.ts';
import type { JsonObject, Lane } from './effects.ts';
import type { MachineEvent } from './step.ts';

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
  'edited_message',
  'callback_query',
  'pre_checkout_query',
  'my_chat_member',
  'chat_join_request',
  'chat_member',
  'subscription',
] as const satisfies readonly Exclude<keyof Update, 'update_id'>[];

/** Characters of a message that an event carries: a person's question, an operator's answer. */
const longestText = 500;
export const longestAnswer = 1_900;

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
  const message = update.message ?? update.edited_message;
  if (message !== undefined) {
    const payment = update.edited_message === undefined ? paymentOf(message) : null;
    return payment === null
      ? routeMessage(message, update.edited_message !== undefined, rules)
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
  return null;
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

function routeMessage(message: Message, edited: boolean, rules: RouteRules): Meaning | null {
  const { from, chat } = message;
  if (from === undefined || from.is_bot || chat.type !== 'private') return null;
  const isOperator = rules.operators?.has(from.id) === true;
  const base = {
    chat: chat.id,
    lane: 'reply' as const,
    ...languageOf(from),
    ...(isOperator && { fromOperator: true as const }),
  };
  const text = message.text;
  const command =
    edited || text === undefined ? null : /^\/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+([\s\S]+))?$/i.exec(text);
  const type = command === null ? '' : `${command[1]?.toLowerCase()}.requested`;
  if (command !== null && mayCause(type, isOperator, rules)) {
    const payload = command[2] === undefined ? {} : { payload: cut(command[2].trim(), 1000) };
    return { ...base, event: { ...rules.facts, type, ...payload, ...sender(from) } };
  }
  const kind = edited ? 'edited' : command !== null ? 'command' : text !== undefined ? 'text' : 'other';
  const most = isOperator ? longestAnswer : longestText;
  const quoted = text === undefined ? {} : { text: cut(text, most) };
  const isCut = text !== undefined && quoted.text !== text;
  return {
    ...base,
    event: { type: 'message.received', kind, ...quoted, ...(isCut && { isCut }), ...sender(from) },
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
  return {
    chat: chat?.id ?? query.from.id,
    lane: 'reply',
    event: known ? { ...rules.facts, type, ...value, ...sender(query.from) } : { type: 'button.unknown' },
    button: { query: query.id, known },
    ...languageOf(query.from),
    ...(isOperator && { fromOperator: true }),
  };
}

/** Who knocks at the club's door, enters or leaves. */
function routeClub(update: Update, rules: RouteRules): Meaning | null {
  const { chat_join_request: request, chat_member: changed } = update;
  if ((request ?? changed)?.chat.id !== rules.club || rules.club === undefined) return null;
  if (request !== undefined) {
    const event = { ...rules.facts, type: 'join.requested', ...sender(request.from) };
    return { chat: request.from.id, lane: 'reply', event, elsewhere: true, ...languageOf(request.from) };
  }
  const member = changed?.new_chat_member;
  if (member === undefined || member.user.is_bot) return null;
  const isInside = member.status === 'restricted' ? member.is_member : !/^(left|kicked)$/.test(member.status);
  const event = { type: isInside ? 'club.joined' : 'club.left' };
  return { chat: member.user.id, lane: 'reply', event, elsewhere: true };
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
