import type { User } from 'grammy/types';
import type { Logger } from 'pino';
import type { Clock } from '#runtime';
import type { Perform } from '#telegram';
import type { Payment } from './book.ts';
import type { Ledger } from './ledger.ts';
import { type Commission, type Listed, type Reading, readList } from './list.ts';
import type { FoundUpdate } from './updates.ts';

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

/** How often the lists are compared, ms. */
const interval = 5 * 60_000;

/**
 * Compares Telegram's list of transactions, oldest first, with the ledger.
 * @param from how many transactions were compared before
 * @param now ms; what is less than a minute old is left for later, and counted as `recent`
 * @returns what is missing here, and up to where the lists were compared
 */
export async function compare(
  call: Perform,
  ledger: Ledger,
  from: number,
  now: number,
): Promise<Omit<Reading, 'missing'> & { differences: Difference[] }> {
  const { missing, ...reading } = await readList(call, ledger, { from, now });
  return { differences: missing.map(differenceOf), ...reading };
}

function differenceOf({
  charge,
  direction,
  user,
  payload,
  amount,
  at,
  month,
  commission,
}: Listed): Difference {
  const paid = { currency: 'XTR', total_amount: amount, invoice_payload: payload } as const;
  const charged = { ...paid, telegram_payment_charge_id: charge };
  const term = month !== undefined && {
    is_recurring: true,
    ...(month.first === true && { is_first_recurring: true }),
    subscription_expiration_date: month.until / 1_000,
  };
  const content =
    direction === 'out'
      ? { refunded_payment: charged }
      : { successful_payment: { ...charged, provider_payment_charge_id: '', ...term } };
  const update = foundUpdate(user, at / 1_000, content, commission);
  return { charge, direction, chat: user.id, amount, update };
}

/** An update made of what Telegram or an operator says of a payment; it goes the same way as one of Telegram's. */
export function foundUpdate(user: User, date: number, content: object, commission?: number): FoundUpdate {
  const chat = { id: user.id, type: 'private', first_name: user.first_name };
  const message = { message_id: 0, date, chat, from: user, ...content };
  const update = { update_id: 0, found: true, message, ...(commission !== undefined && { commission }) };
  return update as unknown as FoundUpdate;
}

export interface ReconciliationOptions {
  readonly call: Perform;
  readonly ledger: Ledger;
  /** How many transactions were compared; kept so that a restart goes on from there. null: there was no comparison yet. */
  readonly position: { get(): Promise<number | null>; set(position: number): Promise<void> };
  /** Since when this installation keeps books, ms; null: it has had some before it was noted. */
  readonly began: () => Promise<number | null>;
  /** Hears that there is a history that is in no book: until it is taken over, nothing is compared. */
  readonly unadopted: () => Promise<void>;
  /**
   * The last gap in what Telegram has told, which a pass that began after it makes up for, and what hears that one did.
   */
  readonly gap: { get(): Promise<string>; closed(gap: string): Promise<void> };
  /** Stores an update in the inbox of its chat. Twice does no harm: the ledger takes a charge once. */
  readonly append: (chat: number, update: FoundUpdate) => Promise<void>;
  /** Adds to a payment of the ledger what only the list tells. */
  readonly noteCommission: (commission: Commission) => Promise<void>;
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
    const { call, ledger, position, gap, unadopted, append, noteCommission, clock, log } = this.#options;
    const before = await gap.get();
    const known = await position.get();
    // What would make up for the gap is not asked: deadlines go on waiting.
    if (known === null && (await this.#hasHistory())) return unadopted();
    const from = known ?? 0;
    const found = await compare(call, ledger, from, clock.now());
    for (const { charge, direction, chat, amount, update } of found.differences) {
      log.warn({ charge, direction, chat, amount }, 'Telegram lists a payment that never came; taken up');
      await append(chat, update);
    }
    for (const commission of found.commissions) await noteCommission(commission);
    if (found.position !== known) await position.set(found.position);
    await gap.closed(before);
    log.debug({ position: found.position, differences: found.differences.length }, 'payments compared');
  }

  /** Telegram lists payments from before this installation: it is a new or a restored one of a bot that has sold before. */
  async #hasHistory(): Promise<boolean> {
    const { call, ledger, began, clock } = this.#options;
    const beginning = await began();
    if (beginning === null) return false;
    const isEarlier = ({ at }: Listed) => at < beginning;
    const { missing } = await readList(call, ledger, { from: 0, now: clock.now(), stopsAt: isEarlier });
    return missing.some(isEarlier);
  }
}
