import type { Offer } from '../../world/offer.ts';
import type { Methods } from '../../world/world.ts';
import { badRequest } from '../errors.ts';
import { isObject, type Json } from '../json.ts';
import { flag, integer, jsonOf, text } from '../values.ts';
import { deliver, extrasOf } from './sending.ts';

const currencies = new Set(Intl.supportedValuesOf('currency'));
/** The only period of a subscription, seconds. */
const month = 2_592_000;
/** A payment in Stars is at most this many; the documentation names the limit of subscriptions alone. */
const mostStars = 10_000;

function offerOf(values: Json, period?: number): Offer {
  const required = (name: string) => text(values, name) ?? '';
  const [title, description, payload] = [required('title'), required('description'), required('payload')];
  const currency = required('currency');
  if (title.length < 1 || title.length > 32) throw badRequest('INVOICE_TITLE_INVALID');
  if (description.length < 1 || description.length > 255) throw badRequest('INVOICE_DESCRIPTION_INVALID');
  const size = Buffer.byteLength(payload);
  if (size < 1 || size > 128) throw badRequest('INVOICE_PAYLOAD_INVALID');
  const amount = totalOf(values);
  const hasProvider = required('provider_token') !== '';
  if (currency === 'XTR') {
    if (hasProvider || (jsonOf(values, 'prices') as unknown[]).length !== 1)
      throw badRequest('STARS_INVOICE_INVALID');
    if (amount > mostStars) throw badRequest('CURRENCY_TOTAL_AMOUNT_INVALID');
  } else {
    if (!currencies.has(currency)) throw badRequest('CURRENCY_INVALID');
    if (!hasProvider) throw badRequest('PAYMENT_PROVIDER_INVALID');
  }
  if (period !== undefined && (period !== month || currency !== 'XTR'))
    throw badRequest('SUBSCRIPTION_PERIOD_INVALID');
  return { title, description, payload, currency, amount, ...(period !== undefined && { period }) };
}

function totalOf(values: Json): number {
  const prices = jsonOf(values, 'prices');
  if (!Array.isArray(prices)) throw badRequest('expected an Array of labeled prices');
  if (prices.length === 0) throw badRequest('there must be at least one price');
  let total = 0;
  for (const price of prices as unknown[]) {
    const refuse = (reason: string) => badRequest(`can't parse labeled price: ${reason}`);
    if (!isObject(price)) throw refuse('LabeledPrice must be an Object');
    if (typeof price['label'] !== 'string') throw refuse('Field "label" must be of type String');
    if (price['label'] === '') throw refuse('LabeledPrice label must be non-empty');
    const amount = integer(price, 'amount');
    if (amount === undefined) throw refuse('Field "amount" must be a valid Number');
    total += amount;
  }
  if (total <= 0 || total > Number.MAX_SAFE_INTEGER) throw badRequest('CURRENCY_TOTAL_AMOUNT_INVALID');
  return total;
}

/** Invoices, checkout, Stars. */
export const paymentMethods: Methods = {
  sendinvoice: ({ telegram, payments }, { values }) => {
    const chat = telegram.reachable(values);
    const offer = offerOf(values);
    const { title, description, currency, amount: total_amount } = offer;
    const start_parameter = text(values, 'start_parameter') ?? '';
    const invoice = { title, description, start_parameter, currency, total_amount };
    const message = deliver(telegram, chat, { invoice }, extrasOf(telegram, chat, values, true));
    payments.attach(message, offer);
    return message.raw;
  },
  createinvoicelink: ({ payments }, { values }) =>
    payments.link(offerOf(values, integer(values, 'subscription_period'))),
  answerprecheckoutquery: ({ telegram }, { values }) => {
    if (!flag(values, 'ok') && (text(values, 'error_message') ?? '') === '')
      throw badRequest('parameter "error_message" is required');
    telegram.answer(text(values, 'pre_checkout_query_id') ?? '', values);
    return true;
  },
  getstartransactions: ({ payments }, { values }) => {
    const offset = Math.max(0, integer(values, 'offset') ?? 0);
    const limit = Math.min(100, Math.max(1, integer(values, 'limit') ?? 100));
    return { transactions: payments.stars.transactions.slice(offset, offset + limit) };
  },
  refundstarpayment: ({ telegram, payments }, { values }) => {
    const user = integer(values, 'user_id') ?? 0;
    if (!telegram.users.has(user)) throw badRequest('USER_ID_INVALID');
    payments.refund(text(values, 'telegram_payment_charge_id') ?? '', user, 'bot');
    return true;
  },
  getmystarbalance: ({ payments }) => ({ amount: payments.stars.balance }),
  edituserstarsubscription: ({ telegram, payments }, { values }) => {
    const user = integer(values, 'user_id') ?? 0;
    if (!telegram.users.has(user)) throw badRequest('USER_ID_INVALID');
    const charge = text(values, 'telegram_payment_charge_id') ?? '';
    payments.cancel(charge, user, flag(values, 'is_canceled'), 'bot');
    return true;
  },
};
