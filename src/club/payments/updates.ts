import type { Message, Update } from 'grammy/types';
import { languageOf, type Meaning, type Route, senderOf } from '#telegram';
import type { ClubRules } from '../rules.ts';
import type { Act, Bought, Payment } from './book.ts';
import { boughtBy } from './book.ts';

/** What is asked of Telegram besides. */
export const paymentUpdates = ['pre_checkout_query', 'subscription'] as const;

/** An update, or one made of Telegram's list of transactions when it never came. */
export type FoundUpdate = Update & { readonly found?: true; readonly commission?: number };

/** Checkouts, payments, refunds, and what becomes of subscriptions. */
export const routePayments: Route<ClubRules> = (update, rules) => {
  const { message, pre_checkout_query: query, subscription } = update;
  if (message !== undefined && message.migrate_to_chat_id === undefined) {
    const payment = paymentOf(message);
    return payment === null ? undefined : routePayment(message, payment, update, rules);
  }
  if (query !== undefined) return routeCheckout(query, rules);
  return subscription === undefined ? undefined : routeSubscription(subscription, update.update_id);
};

function routeSubscription(
  { user, state, invoice_payload: payload }: NonNullable<Update['subscription']>,
  id: number,
): Meaning {
  // Telegram gives it no date: the worker's time of handling it counts.
  const entry: Act = { kind: 'subscription', id: String(id), chat: user.id, at: 0, payload, state };
  const event = { type: 'subscription.changed', state };
  return { chat: user.id, lane: 'reply', event, entry, elsewhere: true, ...languageOf(user) };
}

function routeCheckout(query: NonNullable<Update['pre_checkout_query']>, rules: ClubRules): Meaning {
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
  rules: ClubRules,
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
      ...(person !== undefined && senderOf(person)),
    },
    entry,
    ...languageOf(from),
  };
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
