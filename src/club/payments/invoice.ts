import type { Variables } from '#content';
import type { Effect, JsonObject } from '#runtime';
import type { Call } from '#telegram';
import type { ClubContent } from '../settings.ts';
import type { Bought } from './book.ts';
import { boughtBy } from './book.ts';
import type { Signer } from './signature.ts';

/** An invoice on its way to a person, in their language. */
export interface Offer {
  readonly language: string;
  /** What its texts may say. */
  readonly variables: Variables;
  /** Signs its payload. */
  readonly signer: Signer;
  /** For currencies other than Stars; '' for none. */
  readonly providerToken: string;
}

/** The call that offers the product; a subscription takes two, since Telegram offers one by a link only. */
export const renderInvoice = (content: ClubContent, effect: Effect, offer: Offer): Call =>
  content.settings.product.isSubscription
    ? sendSubscription(content, effect, offer)
    : sendInvoice(content, effect, offer);

/**
 * The payload of an invoice, `<product>:<version>:<days>:<effect>:<signature>`: which offer it is, what it sells, and a name
 * of its own within the chat, by which a second payment of it is told. At most 128 bytes.
 */
const invoicePayload = ({ settings: { product } }: ClubContent, effect: Effect, signer: Signer): string =>
  signer.sign(`${product.id}:${product.version}:${product.accessDays}:${effect.id}`);

/** What a paid invoice sold; null when this bot has not signed it. */
export function soldBy(payload: string, { isSigned }: Signer): Bought | null {
  return isSigned(payload) ? boughtBy({ payload }) : null;
}

/**
 * Why a checkout does not match today's product and price.
 * @returns `other_product`, `other_price` or `other_amount`; undefined when it matches
 */
export function checkoutProblem(
  { settings: { product } }: ClubContent,
  query: { readonly payload: string; readonly currency: string; readonly amount: number },
  { isSigned }: Signer,
): string | undefined {
  const [id, version, days] = query.payload.split(':');
  if (id !== product.id || !isSigned(query.payload)) return 'other_product';
  if (version !== product.version || days !== String(product.accessDays)) return 'other_price';
  return query.currency === product.currency && query.amount === product.price ? undefined : 'other_amount';
}

function sendInvoice(content: ClubContent, effect: Effect, offer: Offer): Call {
  const payload = {
    chat_id: effect.to ?? effect.chat,
    ...invoiceOf(content, effect, offer),
    provider_token: content.settings.product.currency === 'XTR' ? '' : offer.providerToken,
    // A forwarded invoice leads to the bot; without this, strangers could pay it on the spot.
    start_parameter: 'invoice',
  };
  return { method: 'sendInvoice', payload };
}

/** The link is made, and sent under a button. */
function sendSubscription(content: ClubContent, effect: Effect, offer: Offer): Call {
  const { language, variables } = offer;
  const message = (link: unknown): Call => ({
    method: 'sendMessage',
    payload: {
      chat_id: effect.to ?? effect.chat,
      text: content.format(language, 'subscribe', variables),
      parse_mode: 'HTML',
      reply_markup: {
        inline_keyboard: [
          [{ text: content.format(language, 'button-subscribe', variables, true), url: String(link) }],
        ],
      },
    },
  });
  const month = 30 * 86_400;
  const payload = { ...invoiceOf(content, effect, offer), provider_token: '', subscription_period: month };
  return { method: 'createInvoiceLink', payload, next: message };
}

function invoiceOf(content: ClubContent, effect: Effect, { language, variables, signer }: Offer): JsonObject {
  const { currency, price } = content.settings.product;
  const words = (key: string) => content.format(language, key, variables, true);
  return {
    title: words('invoice-title'),
    description: words('invoice-description'),
    payload: invoicePayload(content, effect, signer),
    currency,
    prices: [{ label: words('invoice-label'), amount: price }],
  };
}
