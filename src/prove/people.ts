import type { Update } from 'grammy/types';

/** What one payment buys, as Telegram and the invoice tell it. */
export type Kind = 'days' | 'month' | 'forever' | 'foreign';

export interface Invoice {
  readonly payload: string;
  readonly kind: Kind;
  readonly days: number;
}

/** A payment as it really was, whatever the bot knows of it. */
export interface Paid extends Invoice {
  readonly charge: string;
  /** ms, in whole seconds. */
  readonly at: number;
  /** End of the month that was paid, ms. */
  readonly until?: number;
  /** The first charge of its subscription. */
  readonly first?: string;
  /** How the bot came to know of it; absent: not yet. */
  readonly known?: 'update' | 'list';
  /** When the money went back, ms. */
  readonly refunded?: number;
  /** The bot knows that it went back. */
  readonly refundKnown?: true;
  /** What it buys was there already: a payment of the same invoice, a subscription that goes on, or access for ever. */
  readonly extra?: 'double' | 'beside';
  /** When it came, the bot knew of all others, so it could tell that it was too many. */
  readonly clear?: true;
  /** An operator has asked for its refund, or has dropped it. */
  readonly asked?: 'owe' | 'keep';
  /** The bot has tried to give it back, and its person knows. */
  readonly promised?: true;
  /** When an operator counted it as time, ms. */
  readonly counted?: number;
  /** The bot's settings said that payments too many stay, when it came. */
  readonly keeps?: true;
  /** The operator was told of it. */
  readonly told?: true;
}

export interface Subscription {
  /** The charge of its first payment. */
  readonly first: string;
  readonly payload: string;
  /** ms. */
  readonly until: number;
  /** `off`: the bot has called it off; `failed`: the next month could not be paid; `ended`: its time is over. */
  readonly state: 'active' | 'canceled' | 'off' | 'failed' | 'ended';
}

/** What an operator did to somebody's access, or the person by /forget. */
export interface Deed {
  readonly kind: 'grant' | 'revoke' | 'block' | 'unblock';
  /** ms. */
  readonly at: number;
  /** Days that were granted, below 0 taken back; absent: for ever. */
  readonly days?: number;
}

/** One person, as Telegram and the world outside know them. */
export interface Person {
  readonly id: number;
  readonly name: string;
  /** They have blocked the bot. */
  readonly away?: true;
  readonly invoices: readonly Invoice[];
  readonly payments: readonly Paid[];
  readonly subscriptions: readonly Subscription[];
  readonly deeds: readonly Deed[];
  readonly place: 'out' | 'in' | 'banned';
  /** Who banned them. */
  readonly bannedBy?: 'bot' | 'admin';
  /** The last link to the club that the bot sent them. */
  readonly link?: string;
  /** Updates about them that Telegram has not delivered yet. */
  readonly late: readonly Update[];
  /** The operator was told of trouble with their place in the club. */
  readonly told?: true;
}

export const month = 30 * 86_400_000;
