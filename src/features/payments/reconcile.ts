import type { StarTransaction, TransactionPartnerUser, User } from 'grammy/types';
import type { Logger } from 'pino';
import type { Payment } from '../../core/book.ts';
import type { FoundUpdate } from '../../core/route.ts';
import type { Clock } from '../../engine/clock.ts';
import type { Ledger } from '../../store/ledger.ts';
import type { Perform } from '../../telegram/api.ts';

/** What Telegram lists and the ledger lacks. */
export interface Difference {
  readonly charge: string;
  readonly direction: Payment['direction'];
  readonly chat: number;
  /** Whole Stars. */
  readonly amount: number;
  /** The update that never came, as it would have been. */
  readonly update: FoundUpdate;
}

/** Telegram gives at most this many transactions at once. */
const page = 100;
/** The update of a payment may be on its way: younger ones are looked at the next time, ms. */
const grace = 60_000;
/** How often the lists are compared, ms. */
const interval = 5 * 60_000;

/**
 * Compares Telegram's list of transactions, oldest first, with the ledger.
 * @param from how many transactions were compared before
 * @param now ms; what is less than a minute old is left for later
 * @returns what is missing here, and up to where the lists were compared
 */
export async function compare(
  call: Perform,
  ledger: Ledger,
  from: number,
  now: number,
): Promise<{ differences: Difference[]; position: number }> {
  const differences: Difference[] = [];
  for (let position = from; ; ) {
    const answer = await call('getStarTransactions', { offset: position, limit: page });
    const { transactions } = answer as { transactions: StarTransaction[] };
    for (const transaction of transactions) {
      if (transaction.date * 1_000 > now - grace) return { differences, position };
      const found = await differenceOf(transaction, ledger, differences);
      if (found !== null) differences.push(found);
      position++;
    }
    if (transactions.length < page) return { differences, position };
  }
}

async function differenceOf(
  transaction: StarTransaction,
  ledger: Ledger,
  before: readonly Difference[],
): Promise<Difference | null> {
  const { id: charge, amount, date, source, receiver } = transaction;
  const direction = source === undefined ? 'out' : 'in';
  const partner = source ?? receiver;
  if (partner?.type !== 'user' || partner.transaction_type !== 'invoice_payment') return null;
  const { user, invoice_payload: payload = '' } = partner;
  const chat = user.id;
  if (await ledger.has({ chat, charge, direction })) return null;
  const paid = { currency: 'XTR', total_amount: amount, invoice_payload: payload } as const;
  const charged = { ...paid, telegram_payment_charge_id: charge };
  const content =
    direction === 'out'
      ? { refunded_payment: charged }
      : {
          successful_payment: {
            ...charged,
            provider_payment_charge_id: '',
            ...(await termOf(partner, date, payload, ledger, before)),
          },
        };
  return { charge, direction, chat, amount, update: foundUpdate(user, date, content) };
}

/** The paid month of a subscription; Telegram's list does not tell its first payment from the others. */
async function termOf(
  { user, subscription_period: period }: TransactionPartnerUser,
  date: number,
  payload: string,
  ledger: Ledger,
  before: readonly Difference[],
): Promise<object> {
  if (period === undefined) return {};
  const isSame = (other: { chat: number; payload: string }) =>
    other.chat === user.id && other.payload === payload;
  const earlier = before.map(({ chat, update }) => ({
    chat,
    payload: update.message?.successful_payment?.invoice_payload ?? '',
  }));
  const isFirst = !earlier.some(isSame) && !(await ledger.of(user.id)).some(isSame);
  return {
    is_recurring: true,
    ...(isFirst && { is_first_recurring: true }),
    subscription_expiration_date: date + period,
  };
}

/** An update made of what Telegram or an operator says of a payment; it goes the same way as one of Telegram's. */
export function foundUpdate(user: User, date: number, content: object): FoundUpdate {
  const chat = { id: user.id, type: 'private', first_name: user.first_name };
  const message = { message_id: 0, date, chat, from: user, ...content };
  return { update_id: 0, found: true, message } as unknown as FoundUpdate;
}

export interface ReconciliationOptions {
  readonly call: Perform;
  readonly ledger: Ledger;
  /** How many transactions were compared; kept so that a restart goes on from there. */
  readonly position: { get(): Promise<number>; set(position: number): Promise<void> };
  /**
   * The last gap in what Telegram has told, which a pass that began after it makes up for, and what hears that one did.
   */
  readonly gap: { get(): Promise<string>; closed(gap: string): Promise<void> };
  /** Stores an update in the inbox of its chat. Twice does no harm: the ledger takes a charge once. */
  readonly append: (chat: number, update: FoundUpdate) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Compares the lists every few minutes, on the copy that polls, and puts what is missing into the inbox. */
export class Reconciliation {
  readonly #options: ReconciliationOptions;
  #last = Number.NEGATIVE_INFINITY;
  #pass: Promise<void> | null = null;
  /** A pass must begin as soon as none is under way. */
  #isAwaited = false;
  #isStopped = false;

  constructor(options: ReconciliationOptions) {
    this.#options = options;
  }

  /**
   * Everything that waited at Telegram is stored. Only then can the lists be compared: a payment whose update is still
   * waiting would be taken for a lost one.
   * @param isAfterGap Telegram may have forgotten something: a pass that began earlier says nothing of it
   */
  polled(isAfterGap = false): void {
    const { clock, log } = this.#options;
    if (isAfterGap) this.#isAwaited = true;
    if (this.#pass !== null || this.#isStopped) return;
    if (!this.#isAwaited && clock.now() - this.#last < interval) return;
    this.#isAwaited = false;
    this.#last = clock.now();
    this.#pass = this.#compare()
      .catch((error: unknown) =>
        log.warn({ err: error }, 'comparing payments with Telegram failed; trying again'),
      )
      .finally(() => {
        this.#pass = null;
        if (this.#isAwaited) this.polled();
      });
  }

  /** Resolves when a pass under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#pass;
  }

  async #compare(): Promise<void> {
    const { call, ledger, position, gap, append, clock, log } = this.#options;
    const before = await gap.get();
    const from = await position.get();
    const found = await compare(call, ledger, from, clock.now());
    for (const { charge, direction, chat, amount, update } of found.differences) {
      log.warn({ charge, direction, chat, amount }, 'Telegram lists a payment that never came; taken up');
      await append(chat, update);
    }
    if (found.position !== from) await position.set(found.position);
    await gap.closed(before);
    log.debug({ position: found.position, differences: found.differences.length }, 'payments compared');
  }
}
