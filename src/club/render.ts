import {
  type Attachment,
  buttonsOf,
  type Content,
  longest,
  type MessageContent,
  moneyIn,
  type Row,
  show,
  type Variables,
  wholeOf,
} from '#content';
import type { Effect, JsonObject } from '#runtime';
import type { Call, MediaRef } from '#telegram';
import { type Access, type Bought, boughtBy } from './payments/book.ts';
import type { Signer } from './payments/signature.ts';

/** A button that only this message has: a label's key and callback data. */
interface ExtraButton {
  readonly label: string;
  readonly data: string;
  /** What its label calls `$paid`. */
  readonly paid?: { readonly currency: string; readonly amount: number };
}

/** What is needed besides the content: to sell, and to say what is left of a time. */
interface Surroundings {
  readonly providerToken: string;
  readonly signer: Signer;
  readonly now: () => number;
}

type Source = Content & Surroundings;

/**
 * Makes the function that turns an effect into the call that performs it. Pure but for the clock: no I/O.
 * @param options.providerToken for currencies other than Stars
 * @param options.signer signs the payloads of invoices
 * @param options.now ms since 1970
 * @throws Error, from the function, when an effect or its message is unknown, saying what was expected and found
 */
export function createRender(content: Content, options: Surroundings): (effect: Effect) => Call {
  return renderOf({ ...content, ...options });
}

function renderOf(content: Source): (effect: Effect) => Call {
  return (effect) => {
    switch (effect.type) {
      case 'send':
      case 'tellOperator':
      case 'tellFound':
      case 'forwardQuestion':
      case 'sendAnswer':
        return sendMessage(content, effect, messageOf(content, effect, text(effect, 'message')));
      case 'sendMaterial':
        return sendMessage(content, effect, messageOf(content, effect, materialOf(content, effect)));
      case 'copyMessage':
        return {
          method: 'copyMessage',
          payload: {
            chat_id: effect.to ?? effect.chat,
            from_chat_id: effect.chat,
            message_id: effect.event?.['message'],
          },
        };
      case 'sendInvoice':
        return content.product.isSubscription
          ? sendSubscription(content, effect)
          : sendInvoice(content, effect);
      case 'approveCheckout':
        return {
          method: 'answerPreCheckoutQuery',
          payload: { pre_checkout_query_id: queryOf(effect), ok: true },
        };
      case 'rejectCheckout': {
        const { text: key } = messageOf(content, effect, text(effect, 'reason'));
        const reason = content.format(languageOf(content, effect), key, variablesOf(content, effect), true);
        const payload = { pre_checkout_query_id: queryOf(effect), ok: false, error_message: reason };
        return { method: 'answerPreCheckoutQuery', payload };
      }
      case 'answerButton': {
        const { stale, broke } = effect.params ?? {};
        const notice = stale === true ? 'button-stale' : broke === true ? 'something-broke' : null;
        const payload = {
          callback_query_id: text(effect, 'query'),
          ...(notice !== null && { text: content.format(languageOf(content, effect), notice, {}, true) }),
        };
        return { method: 'answerCallbackQuery', payload };
      }
      default:
        throw new Error(
          'Expected an effect of type send, sendInvoice, sendMaterial, approveCheckout, rejectCheckout, tellOperator, ' +
            `tellFound, forwardQuestion, sendAnswer, copyMessage or answerButton, found ${show(effect.type)} from machine ${show(effect.machine)}`,
        );
    }
  };
}

/**
 * The payload of an invoice, `<product>:<version>:<days>:<effect>:<signature>`: which offer it is, what it sells, and a name
 * of its own within the chat, by which a second payment of it is told. At most 128 bytes.
 */
const invoicePayload = ({ product, signer }: Source, effect: Effect): string =>
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
  content: Content,
  query: { readonly payload: string; readonly currency: string; readonly amount: number },
  { isSigned }: Signer,
): string | undefined {
  const { product } = content;
  const [id, version, days] = query.payload.split(':');
  if (id !== product.id || !isSigned(query.payload)) return 'other_product';
  if (version !== product.version || days !== String(product.accessDays)) return 'other_price';
  return query.currency === product.currency && query.amount === product.price ? undefined : 'other_amount';
}

function text(effect: Effect, name: string): string {
  const value = effect.params?.[name];
  if (typeof value === 'string') return value;
  throw new Error(
    `Expected the effect "${effect.type}" of machine "${effect.machine}" to name its ${name}, found ${show(value)}`,
  );
}

function queryOf(effect: Effect): string {
  const query = effect.event?.['query'];
  if (typeof query === 'string') return query;
  throw new Error(
    `Expected the event that caused "${effect.type}" to carry a checkout query's id, found ${show(query)}`,
  );
}

function messageOf(content: Content, effect: Effect, name: string): MessageContent {
  const message = content.messages.get(name);
  if (message !== undefined) return message;
  throw new Error(
    `Expected messages.yaml to have an entry "${name}", which "${effect.type}" of machine "${effect.machine}" sends, found nothing`,
  );
}

const materialOf = ({ topics }: Content, { context }: Effect): string =>
  topics.find(({ id }) => id === context['topic'])?.material ?? 'choose_topic';

/** The name of the message that an effect sends, where it has pictures, videos or files. */
export function mediaMessageOf(content: Content, effect: Effect): string | null {
  const name = effect.type === 'sendMaterial' ? materialOf(content, effect) : effect.params?.['message'];
  if (typeof name !== 'string') return null;
  return (content.messages.get(name)?.attachments ?? []).length > 0 ? name : null;
}

/** Effects whose message goes to the operators. */
export const toOperators: ReadonlySet<string> = new Set(['tellOperator', 'tellFound', 'forwardQuestion']);

/** The person's; for the operator's messages, the default. */
function languageOf(content: Content, effect: Effect): string {
  const language = effect.context['language'];
  const isTheirs =
    !toOperators.has(effect.type) && typeof language === 'string' && content.languages.includes(language);
  return isTheirs ? language : content.defaultLanguage;
}

function sendMessage(content: Source, effect: Effect, message: MessageContent): Call {
  const language = languageOf(content, effect);
  const body = content.format(language, message.text, variablesOf(content, effect), message.plain);
  const common = {
    chat_id: effect.to ?? effect.chat,
    ...(message.isProtected && { protect_content: true }),
  };
  const html = message.plain ? {} : { parse_mode: 'HTML' };
  const markup = keyboard(content, language, effect, message.rows);
  // What Telegram does not take as a picture goes as a file, and what it does not take at all is told of.
  const { media: instead } = effect.params ?? {};
  const attachments =
    instead === 'none'
      ? []
      : message.attachments.map(
          (attachment): Attachment =>
            instead === 'document' ? { ...attachment, kind: 'document' } : attachment,
        );
  const [first, ...others] = attachments;
  if (first === undefined) {
    const text = instead === 'none' ? `${body}\n\n${content.format(language, 'media-failed')}` : body;
    // Nobody who calls himself a link can make the bot show its preview.
    const payload = { ...common, text, ...html, link_preview_options: { is_disabled: true }, ...markup };
    return { method: 'sendMessage', payload };
  }
  const refOf = (attachment: Attachment): MediaRef => ({ media: content.fileOf(attachment, language) });
  if (others.length > 0) {
    const media = attachments.map((attachment, index) => ({
      type: attachment.kind,
      media: refOf(attachment),
      ...(index === 0 && { caption: body, ...html }),
    }));
    return { method: 'sendMediaGroup', payload: { ...common, media } };
  }
  const methods = { video: 'sendVideo', photo: 'sendPhoto', document: 'sendDocument' } as const;
  const streaming = first.kind === 'video' ? { supports_streaming: true } : {};
  const payload = { ...common, [first.kind]: refOf(first), ...streaming, caption: body, ...html, ...markup };
  return { method: methods[first.kind], payload };
}

function keyboard(content: Source, language: string, effect: Effect, rows: readonly Row[]): JsonObject {
  const { link } = effect.context;
  const inline = rows.flatMap((row): JsonObject[][] => {
    if (typeof row === 'object' && 'club' in row) {
      const text = content.format(language, row.club, {}, true);
      return typeof link === 'string' ? [[{ text, url: link }]] : [];
    }
    const buttons = buttonsOf(row, content.topics, content.languages)
      .filter(({ when }) => when !== 'renewable' || isRenewable(effect))
      .map((button) => ({
        text: content.format(button.language ?? language, button.label, {}, true),
        callback_data: button.data,
      }));
    if (buttons.length === 0) return [];
    return typeof row === 'string' ? buttons.map((button) => [button]) : [buttons];
  });
  const extra = (effect.params?.['buttons'] ?? []) as readonly ExtraButton[];
  for (const { label, data, paid } of extra) {
    const event = { ...effect.event, ...paid };
    const text = content.format(language, label, variablesOf(content, { ...effect, event }), true);
    inline.push([{ text, callback_data: data }]);
  }
  return inline.length === 0 ? {} : { reply_markup: { inline_keyboard: inline } };
}

/** Whether the person has a time that can be made longer: not for ever, and it does not go on by itself. */
function isRenewable({ event, context }: Effect): boolean {
  const access = event?.['access'] as Access | undefined;
  // What a timer sends tells of no book: then what the machine remembers of it counts.
  if (access === undefined) return typeof context['until'] === 'number' && context['renews'] !== true;
  return access.has && access.forEver !== true && access.renews !== true;
}

function sendInvoice(content: Source, effect: Effect): Call {
  const payload = {
    chat_id: effect.to ?? effect.chat,
    ...invoiceOf(content, effect),
    provider_token: content.product.currency === 'XTR' ? '' : content.providerToken,
    // A forwarded invoice leads to the bot; without this, strangers could pay it on the spot.
    start_parameter: 'invoice',
  };
  return { method: 'sendInvoice', payload };
}

/** A subscription can be offered by a link only: it is made, and sent under a button. */
function sendSubscription(content: Source, effect: Effect): Call {
  const language = languageOf(content, effect);
  const variables = variablesOf(content, effect);
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
  const payload = { ...invoiceOf(content, effect), provider_token: '', subscription_period: month };
  return { method: 'createInvoiceLink', payload, next: message };
}

function invoiceOf(content: Source, effect: Effect): JsonObject {
  const { currency, price } = content.product;
  const language = languageOf(content, effect);
  const words = (key: string) => content.format(language, key, variablesOf(content, effect), true);
  return {
    title: words('invoice-title'),
    description: words('invoice-description'),
    payload: invoicePayload(content, effect),
    currency,
    prices: [{ label: words('invoice-label'), amount: price }],
  };
}

/** What a text may say. All are there for every effect: what is unknown is a dash, or a word for an unknown name. */
function variablesOf(content: Source, effect: Effect): Variables {
  const language = languageOf(content, effect);
  const { product, topics } = content;
  const { event = {}, context } = effect;
  const { currency, amount, club } = event;
  const access = event['access'] as Access | undefined;
  const end = access === undefined ? context['until'] : access.until;
  // What an invoked actor came to.
  const { output, error: failure } = event as { output?: JsonObject | null; error?: JsonObject };
  // A debt that is being paid: what, and the charge.
  const [debt] = (context['open'] ?? []) as readonly string[];
  const topic = topics.find(({ id }) => id === context['topic']);
  const username = cut(event['username'], longest.username);
  // Operators are told of somebody, by whom it is; others are spoken to.
  const unnamed = toOperators.has(effect.type)
    ? `id ${effect.chat}`
    : content.format(language, 'name-unknown', {}, true);
  return {
    name: displayName(event['name']) ?? unnamed,
    username: username === '' ? '—' : `@${username}`,
    chat: String(effect.chat),
    // What cannot be said here stands below.
    text:
      cut(event['text'] ?? event['payload'] ?? event['title'], longest.text) ||
      (event['kind'] === 'other' ? '↓' : '—'),
    answer: cut(event['text'], longest.answer) || '—',
    reason:
      cut(
        failure?.['message'] ?? output?.['reason'] ?? event['refused'] ?? event['reason'],
        longest.reason,
      ) || '—',
    act: cut(event['act'], longest.act) || 'none',
    by: cut(String(event['by'] ?? context['bannedBy'] ?? ''), longest.by) || '—',
    access: access?.blocked === true ? 'blocked' : access?.has === true ? 'open' : 'none',
    book: cut(effect.params?.['book'], longest.book) || '—',
    people: cut(effect.params?.['people'], longest.people) || '—',
    removed: Number(effect.params?.['removed'] ?? 0),
    club: typeof club === 'number' ? String(club) : '—',
    place: cut(effect.params?.['place'], longest.place) || 'none',
    trouble: cut(event['trouble'], longest.trouble) || 'none',
    payments: cut(effect.params?.['payments'], longest.payments) || '—',
    charge: cut(output?.['charge'] ?? event['charge'] ?? debt?.replace(/^\w+ /, ''), longest.charge) || '—',
    price: money(content, language, product.currency, product.price),
    amount: wholeOf(product.price, product.currency),
    currency: product.currency,
    days: product.accessDays,
    plan: product.isSubscription ? 'monthly' : 'once',
    // What the book says now goes before what a machine remembers.
    until: dateOf(language, end),
    left: timeLeft(language, end, content.now()),
    topics: topics.length,
    count: Number(effect.params?.['count'] ?? 0),
    topic: topic === undefined ? '—' : content.format(language, `topic-${topic.id}`, {}, true),
    paid:
      typeof currency === 'string' && typeof amount === 'number'
        ? money(content, language, currency, amount)
        : '—',
  };
}

/** At most `most` characters, without halves of characters and without those that control a terminal or a layout. */
function cut(value: unknown, most: number): string {
  if (typeof value !== 'string') return '';
  // Two units a character: no need to look at ten thousand.
  const clean = value.slice(0, most * 4).replace(/[^\P{C}\n\u200d]/gu, '');
  return [...clean].slice(0, most).join('').trim();
}

/** A first name as it can stand within a sentence; undefined when nothing of it can be seen. */
function displayName(value: unknown): string | undefined {
  const name = cut(typeof value === 'string' ? value.replace(/\s+/g, ' ') : value, longest.name);
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(name.replace(/\p{DI}/gu, '')) ? name : undefined;
}

/**
 * When something ends, in words, in the time zone of the machine (TZ): the last day that is whole, else day and hour. `never`
 * where there is no end. Never ends with a full stop.
 */
export function dateOf(language: string, at: unknown): string {
  if (typeof at !== 'number') return 'never';
  const time = new Date(at);
  const isMidnight = time.getHours() === 0 && time.getMinutes() === 0;
  const format = new Intl.DateTimeFormat(language, {
    dateStyle: 'long',
    ...(!isMidnight && { timeStyle: 'short' }),
  });
  const parts = format.formatToParts(isMidnight ? at - 1 : at);
  // Some languages close a date with an abbreviation (“г.”), whose stop would stand beside that of the sentence.
  const last = parts.at(-1);
  if (last?.type === 'literal' && last.value.trimEnd().endsWith('.')) parts.pop();
  return parts.map(({ value }) => value).join('');
}

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

/**
 * What is left until a time, in words of the language: `3 days`, `36 hours`. Whole units, never more than there is, but that
 * a reminder which is sent a moment late does not say `2 days`. `soon` below an hour, `never` where there is no end.
 */
function timeLeft(language: string, at: unknown, now: number): string {
  if (typeof at !== 'number') return 'never';
  const left = at - now + 5 * minute;
  if (left < hour) return 'soon';
  const [unit, length] = left < 2 * day ? (['hour', hour] as const) : (['day', day] as const);
  const format = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' });
  return format.format(Math.floor(left / length));
}

/** A price in words: `250 звёзд`, `19,00 €`. */
export function money(content: Content, language: string, currency: string, amount: number): string {
  return currency === 'XTR'
    ? content.format(language, 'stars', { amount }, true)
    : moneyIn(language, amount, currency);
}
