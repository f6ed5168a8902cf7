import type { Payment } from './book.ts';
export const day = 86_400_000;
/** Telegram renews a subscription around its end: so long it may take to say so, ms. */
export const renewalGrace = day / 4;
/** The time of one payment of a subscription, and how far Telegram's dates may be off, ms. */
export const month = 30 * day;
export const slack = 3 * day;

/** Days that wait for their turn, or run: ms left. They stand still while a subscription or access for ever covers. */
export interface Credit {
  charge: string;
  left: number;
}

export interface Subscription {
  readonly payload: string;
  /** The first charge that is known: Telegram names the subscription by it. */
  readonly first: string;
  /** End of the last month that was paid, ms. */
  until: number;
  /** What it covers: its months that were not taken back. */
  months: { charge: string; until: number }[];
  state: 'active' | 'canceled' | 'off';
  /** It was bought while another one went on: none of its payments gives anything. */
  isExtra: boolean;
  /** A month went back, or access was taken: it must not go on. */
  mustEnd: boolean;
  /** Its next month could not be paid. Telegram may try again, but nobody who buys anew pays twice. */
  hasFailed?: boolean;
}

export interface Extra {
  readonly payment: Payment;
  /** The payment of the same invoice. */
  readonly doubles?: string;
  readonly subscription?: Subscription;
}

export const isResumable = ({ state, until, isExtra, mustEnd }: Subscription, now: number): boolean =>
  state === 'canceled' && !isExtra && !mustEnd && until > now;

export const isGoingOn = ({ state, until, isExtra }: Subscription, now: number): boolean =>
  state === 'active' && !isExtra && until + renewalGrace > now;
