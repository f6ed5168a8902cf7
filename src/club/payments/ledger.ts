import type { Store } from '#runtime';
import { type Entry, isPayment, keyOf, type Payment } from './book.ts';

/** Reads the payments, which are kept for ever. They are written by the commit that changes the session. */
export class Ledger {
  readonly #store: Pick<Store, 'hasLine' | 'findLines' | 'bookOf' | 'allLines' | 'changeLine'>;

  constructor(store: Pick<Store, 'hasLine' | 'findLines' | 'bookOf' | 'allLines' | 'changeLine'>) {
    this.#store = store;
  }

  /** Whether it has this payment or refund. */
  has(payment: Pick<Payment, 'chat' | 'charge' | 'direction'>): Promise<boolean> {
    return this.#store.hasLine(payment.chat, keyOf(payment as Payment));
  }

  /** A payment and its refund by the charge alone, whosever it is. */
  async find(charge: string): Promise<{ paid: Payment | null; refunded: Payment | null }> {
    const keys = (['in', 'out'] as const).map((direction) => keyOf({ charge, direction } as Payment));
    const [paid, refunded] = (await this.#store.findLines(keys)) as (Payment | null)[];
    return { paid: paid ?? null, refunded: refunded ?? null };
  }

  /** What a chat has paid and got back, oldest first. Looks at no other's payments. */
  async of(chat: number): Promise<Payment[]> {
    return (await this.book(chat)).filter(isPayment);
  }

  /** Everything that gave or took a chat's access, oldest first. */
  async book(chat: number): Promise<Entry[]> {
    return ((await this.#store.bookOf(chat)) as Entry[]).sort(byTime);
  }

  /** All payments and refunds, oldest first. */
  async all(): Promise<Payment[]> {
    return (await this.entries()).filter(isPayment);
  }

  /** Every line of every book, oldest first. */
  async entries(): Promise<Entry[]> {
    const found: Entry[] = [];
    for await (const line of this.#store.allLines()) found.push(line as Entry);
    return found.sort(byTime);
  }

  /** Adds to a payment what went to who had brought the person, Stars. One that is not there is left. */
  noteCommission({
    chat,
    charge,
    commission,
  }: {
    readonly chat: number;
    readonly charge: string;
    readonly commission: number;
  }): Promise<void> {
    const key = keyOf({ charge, direction: 'in' } as Payment);
    return this.#store.changeLine(chat, key, (line) => ({ ...line, commission }) as Payment);
  }
}

const byTime = (a: Entry, b: Entry): number => a.at - b.at;
