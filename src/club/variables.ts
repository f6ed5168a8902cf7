import type { Content, Variables } from '#content';
import type { Effect, JsonObject } from '#runtime';
import { moneyIn, wholeOf } from '#telegram';
import { languageOf, toOperators } from './audience.ts';
import type { Access } from './payments/book.ts';
import type { ClubContent } from './settings.ts';
import { longest } from './words.ts';

/**
 * What a text may say. All are there for every effect: what is unknown is a dash, or a word for an unknown name.
 * @param now ms since 1970
 */
export function variablesOf(content: ClubContent, effect: Effect, now: number): Variables {
  const language = languageOf(content, effect);
  const { product, topics } = content.settings;
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
    left: timeLeft(language, end, now),
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
