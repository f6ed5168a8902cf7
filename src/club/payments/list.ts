import type { StarTransaction, TransactionPartnerUser, User } from 'grammy/types';
import type { Perform } from '#telegram';
import type { Ledger } from './ledger.ts';
import { beginsSubscription, type Month, monthsOf } from './months.ts';

/** A payment of an invoice, or its refund, as Telegram's list has it. */
export interface Listed {
  readonly charge: string;
  readonly direction: 'in' | 'out';
  readonly user: User;
  readonly payload: string;
  /** Whole Stars. */
  readonly amount: number;
  /** ms since 1970. */
  readonly at: number;
  /** Of a payment for a subscription. */
  readonly month?: Month;
  /** Stars that went to who had brought the person. */
  readonly commission?: number;
}

/** Stars of a payment that went to who had brought the person. */
export interface Commission {
  readonly chat: number;
  readonly charge: string;
  readonly commission: number;
}

/** What Telegram's list tells that the books do not. */
export interface Reading {
  /** What is in no book. */
  readonly missing: readonly Listed[];
  /** Payments that are, of which a part went to who had brought the person: no update tells that. */
  readonly commissions: readonly Commission[];
  /** How many transactions were read so far, those before `from` included. */
  readonly position: number;
  /** Transactions of the last minute, which were left for later. */
  readonly recent: number;
}

/** Telegram gives at most this many transactions at once. */
const page = 100;
/** The update of a payment may be on its way: younger ones are looked at the next time, ms. */
const grace = 60_000;

/**
 * Reads Telegram's list, oldest first, and tells what is missing in the ledger.
 * @param options.from how many transactions were read before
 * @param options.now ms; what is less than a minute old is left for later
 * @param options.stopsAt where to read no further. Default: nowhere
 * @param options.read hears how many were read so far, page by page
 * @throws what the client throws
 */
export async function readList(
  call: Perform,
  ledger: Ledger,
  options: {
    readonly from: number;
    readonly now: number;
    readonly stopsAt?: (listed: Listed) => boolean;
    readonly read?: (position: number) => void;
  },
): Promise<Reading> {
  const { from, now, stopsAt = () => false, read = () => {} } = options;
  const missing: Listed[] = [];
  const commissions: Commission[] = [];
  const months = new Map<number, Month[]>();
  let position = from;
  let recent = 0;
  for (let offset = from; ; offset += page) {
    const answer = await call('getStarTransactions', { offset, limit: page });
    const { transactions } = answer as { transactions: StarTransaction[] };
    for (const transaction of transactions) {
      if (recent > 0 || transaction.date * 1_000 > now - grace) {
        recent++;
        continue;
      }
      position++;
      const listed = await listedOf(transaction, ledger, months);
      if (listed === null) continue;
      if (!('user' in listed)) {
        commissions.push(listed);
        continue;
      }
      missing.push(listed);
      if (stopsAt(listed)) return { missing, commissions, position, recent };
    }
    read(position);
    if (transactions.length < page) return { missing, commissions, position, recent };
  }
}

/** null for what the ledger has and the list adds nothing to, and for gifts, withdrawals and the like. */
async function listedOf(
  { id: charge, amount, date, source, receiver }: StarTransaction,
  ledger: Ledger,
  months: Map<number, Month[]>,
): Promise<Listed | Commission | null> {
  const direction = source === undefined ? 'out' : 'in';
  const partner = source ?? receiver;
  if (partner?.type !== 'user' || partner.transaction_type !== 'invoice_payment') return null;
  const { user, invoice_payload: payload = '', subscription_period: period, affiliate } = partner;
  const commission = affiliate?.amount;
  if (await ledger.has({ chat: user.id, charge, direction }))
    return commission === undefined || direction === 'out' ? null : { chat: user.id, charge, commission };
  const at = date * 1_000;
  const isMonth = direction === 'in' && period !== undefined;
  return {
    charge,
    direction,
    user,
    payload,
    amount,
    at,
    ...(isMonth && {
      month: await monthOf(partner, { payload, at, until: at + period * 1_000 }, ledger, months),
    }),
    ...(commission !== undefined && { commission }),
  };
}

/** The paid month; whether it is a subscription's first one, the list does not tell. */
async function monthOf(
  { user }: TransactionPartnerUser,
  month: Month,
  ledger: Ledger,
  found: Map<number, Month[]>,
): Promise<Month> {
  const others = found.get(user.id) ?? [];
  found.set(user.id, others);
  const isFirst = beginsSubscription([...monthsOf(await ledger.book(user.id)), ...others], month);
  const told: Month = isFirst ? { ...month, first: true } : month;
  others.push(told);
  return told;
}
