import type { Message, Update, User } from 'grammy/types';
import type { Lane } from './effects.ts';
import type { MachineEvent } from './step.ts';

/** A payment or a refund, as the ledger keeps it. */
export interface Payment {
  readonly charge: string;
  readonly direction: 'in' | 'out';
  readonly chat: number;
  readonly payload: string;
  readonly currency: string;
  /** Minor units; whole Stars for XTR. */
  readonly amount: number;
  /** ms since 1970. */
  readonly at: number;
  readonly providerCharge?: string;
}

/** What an update means to the bot. */
export interface Routed {
  readonly chat: number;
  readonly event: MachineEvent;
  readonly lane: Extract<Lane, 'checkout' | 'reply'>;
  /** The person's Telegram language, for a new session. */
  readonly languageCode?: string;
  /** A pressed button: the query must be answered, and says so when the press is out of date. */
  readonly button?: { readonly query: string; readonly known: boolean };
  /** Goes to the ledger in the same commit. */
  readonly payment?: Payment;
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
}

/** The kinds of updates asked of Telegram: those that `route` knows. */
export const allowedUpdates = [
  'message',
  'edited_message',
  'callback_query',
  'pre_checkout_query',
  'my_chat_member',
] as const satisfies readonly Exclude<keyof Update, 'update_id'>[];

const cut = (text: string, length: number): string =>
  [...text.slice(0, length * 2)].slice(0, length).join('');

/** What every event carries of its sender; cut, since anyone can call himself anything. */
const sender = (user: User): { name: string; username?: string } => ({
  name: cut(user.first_name ?? '', 64),
  ...(user.username !== undefined && { username: cut(user.username, 32) }),
});

/**
 * Turns an update into a machine's event. Pure.
 * @returns null for what no conversation is about: groups, channels, updates without a person
 */
export function route(update: Update, rules: RouteRules): Routed | null {
  const message = update.message ?? update.edited_message;
  if (message !== undefined) return routeMessage(message, update.edited_message !== undefined, rules);
  if (update.callback_query !== undefined) return routeButton(update.callback_query, rules);
  if (update.pre_checkout_query !== undefined) {
    const query = update.pre_checkout_query;
    const offer = { payload: query.invoice_payload, currency: query.currency, amount: query.total_amount };
    const problem = rules.checkoutProblem(offer);
    return {
      chat: query.from.id,
      lane: 'checkout',
      event: { type: 'checkout.requested', query: query.id, ...(problem !== undefined && { problem }) },
      ...languageOf(query.from),
    };
  }
  if (update.my_chat_member?.chat.type === 'private') {
    const { chat, from, new_chat_member } = update.my_chat_member;
    const type = new_chat_member.status === 'kicked' ? 'bot.blocked' : 'bot.unblocked';
    return { chat: chat.id, lane: 'reply', event: { type }, ...languageOf(from) };
  }
  return null;
}

function routeMessage(message: Message, edited: boolean, rules: RouteRules): Routed | null {
  const { from, chat } = message;
  const payment = edited ? null : paymentOf(message);
  if (payment !== null) {
    const type = payment.direction === 'in' ? 'payment.received' : 'payment.refunded';
    const event = { type, charge: payment.charge, currency: payment.currency, amount: payment.amount };
    const person = from === undefined ? {} : sender(from);
    return {
      chat: payment.chat,
      lane: 'reply',
      event: { ...event, ...person },
      payment,
      ...languageOf(from),
    };
  }
  if (from === undefined || from.is_bot || chat.type !== 'private') return null;
  const base = { chat: chat.id, lane: 'reply' as const, ...languageOf(from) };
  const text = message.text;
  const command =
    edited || text === undefined ? null : /^\/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+([\s\S]+))?$/i.exec(text);
  const type = command === null ? '' : `${command[1]?.toLowerCase()}.requested`;
  if (command !== null && rules.userEvents.has(type)) {
    const payload = command[2] === undefined ? {} : { payload: cut(command[2].trim(), 1000) };
    return { ...base, event: { type, ...payload, ...sender(from) } };
  }
  const kind = edited ? 'edited' : command !== null ? 'command' : text !== undefined ? 'text' : 'other';
  const quoted = text === undefined ? {} : { text: cut(text, 500) };
  return { ...base, event: { type: 'message.received', kind, ...quoted, ...sender(from) } };
}

function routeButton(query: NonNullable<Update['callback_query']>, rules: RouteRules): Routed | null {
  const chat = query.message?.chat;
  if (chat !== undefined && chat.type !== 'private') return null;
  const data = query.data ?? '';
  const split = data.indexOf(':');
  const type = split === -1 ? data : data.slice(0, split);
  const known = rules.buttonData.has(data) && rules.userEvents.has(type);
  const value = split === -1 ? {} : { value: data.slice(split + 1) };
  return {
    chat: chat?.id ?? query.from.id,
    lane: 'reply',
    event: known ? { type, ...value, ...sender(query.from) } : { type: 'button.unknown' },
    button: { query: query.id, known },
    ...languageOf(query.from),
  };
}

function paymentOf(message: Message): Payment | null {
  const paid = message.successful_payment ?? message.refunded_payment;
  if (paid === undefined) return null;
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
