import { type Entry, isAct } from './book.ts';

/** A month of a subscription, as a list of payments tells of it. */
export interface Month {
  readonly payload: string;
  /** When it was paid, ms. */
  readonly at: number;
  /** Its end, ms. */
  readonly until: number;
  /** Telegram said that it began a subscription. */
  readonly first?: true;
}

/** Telegram renews at the end of a month: so much sooner or later it may be, ms. */
const sooner = 86_400_000;
const later = 3 * sooner;

/**
 * Whether a payment began a subscription: a list does not say so, and one invoice may be bought more than once. It went on
 * with an earlier one when it came at the end of a month of that one. Pure.
 * @param earlier months that the same person paid, in any order; those of other invoices and later ones do not count
 */
export function beginsSubscription(earlier: readonly Month[], { payload, at }: Month): boolean {
  const ends: number[] = [];
  const months = earlier.filter((month) => month.payload === payload && month.at < at);
  for (const month of months.sort((a, b) => a.at - b.at)) {
    const before = month.first === true ? -1 : nearest(ends, month.at);
    if (before === -1) ends.push(month.until);
    else ends[before] = month.until;
  }
  return nearest(ends, at) === -1;
}

/** Which of these ends a payment at this time goes on from; -1: none. */
function nearest(ends: readonly number[], at: number): number {
  const off = (end: number) =>
    at < end - sooner || at > end + later ? Number.POSITIVE_INFINITY : Math.abs(end - at);
  const least = Math.min(...ends.map(off));
  return Number.isFinite(least) ? ends.findIndex((end) => off(end) === least) : -1;
}

/** The months of subscriptions in a book. */
export const monthsOf = (book: readonly Entry[]): Month[] =>
  book.flatMap((entry) => {
    if (isAct(entry) || entry.direction === 'out' || entry.bought === undefined) return [];
    return 'until' in entry.bought ? [{ payload: entry.payload, at: entry.at, ...entry.bought }] : [];
  });
