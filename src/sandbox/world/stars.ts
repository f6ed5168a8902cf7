import { badRequest } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import type { Affiliate, Charge, Offer } from './offer.ts';
import type { Telegram } from './telegram.ts';

export interface StarState {
  readonly transactions: Json[];
  readonly balance: number;
}

/** Who brings people to the bot. */
const affiliateUser = { id: 998, is_bot: false, first_name: 'Affiliate' };

/** Stars that go to the affiliate. */
const commissionOf = ({ amount }: Offer, affiliate?: Affiliate): number =>
  Math.floor((amount * (affiliate?.perMille ?? 0)) / 1_000);

/** The bot's Stars: how many there are, and where they came from and went. */
export class StarAccount {
  readonly #telegram: Telegram;
  /** StarTransactions, oldest first. */
  #transactions: Json[] = [];
  #balance = 0;

  constructor(telegram: Telegram) {
    this.#telegram = telegram;
  }

  get balance(): number {
    return this.#balance;
  }

  /** Stars of the withdrawals that are under way. */
  get withdrawn(): number {
    return this.#transactions.filter(isUnderWay).reduce((sum, { amount }) => sum + Number(amount), 0);
  }

  get transactions(): readonly Json[] {
    return this.#transactions;
  }

  /** What came in is listed without the affiliate's part, which stands beside it. @param date seconds since 1970 */
  receive(charge: Charge, date: number): void {
    const amount = amountOf(charge);
    const line = { id: charge.id, amount, date, source: this.#partner(charge) };
    const after = this.#transactions.findLastIndex((other) => Number(other['date']) <= date);
    this.#transactions.splice(after + 1, 0, line);
    this.#balance += amount;
  }

  /**
   * A charge goes back, and the affiliate's part with it.
   * @param by a bot needs the Stars for it; Telegram takes them, and the balance can fall below zero
   */
  giveBack(charge: Charge, by: 'bot' | 'telegram'): void {
    const amount = amountOf(charge);
    if (by === 'bot' && amount > this.#balance) throw badRequest('BALANCE_TOO_LOW');
    this.#send(charge.id, amount, this.#partner(charge, -1));
  }

  /** Stars leave the bot for its owner's wallet; all of them when no number is named. */
  withdraw(amount = this.#balance): void {
    if (amount < 1 || amount > this.#balance)
      throw new Error(`Expected from 1 to ${this.#balance} Stars to withdraw, found ${amount}.`);
    const receiver = { type: 'fragment', withdrawal_state: { type: 'pending' } };
    this.#send(this.#telegram.newId(24), amount, receiver);
    this.#telegram.changed();
  }

  /** The withdrawals that are under way fail: their Stars come back. @throws Error when there is none */
  returnWithdrawn(): void {
    const underWay = this.#transactions.filter(isUnderWay);
    if (underWay.length === 0) throw new Error('No withdrawal of Stars is under way.');
    for (const line of underWay) {
      line['receiver'] = { type: 'fragment', withdrawal_state: { type: 'failed' } };
      const { id, amount } = line;
      this.#transactions.push({ id, amount, date: this.#telegram.seconds(), source: { type: 'fragment' } });
      this.#balance += Number(amount);
    }
    this.#telegram.changed();
  }

  save(): StarState {
    return { transactions: this.#transactions, balance: this.#balance };
  }

  restore({ transactions, balance }: StarState): void {
    this.#transactions = transactions;
    this.#balance = balance;
  }

  #send(id: string, amount: number, receiver: Json): void {
    this.#balance -= amount;
    this.#transactions.push({ id, amount, date: this.#telegram.seconds(), receiver });
  }

  /** Whom the money came from or goes to. @param sign -1 when an affiliate gives their part back */
  #partner({ user, offer, affiliate }: Charge, sign: 1 | -1 = 1): Json {
    const { payload, period } = offer;
    return {
      type: 'user',
      transaction_type: 'invoice_payment',
      user: this.#telegram.userOf(user),
      ...(affiliate !== undefined && {
        affiliate: {
          affiliate_user: affiliateUser,
          commission_per_mille: affiliate.perMille,
          amount: sign * commissionOf(offer, affiliate),
        },
      }),
      invoice_payload: payload,
      ...(period !== undefined && { subscription_period: period }),
    };
  }
}

/** A withdrawal that has neither succeeded nor failed. */
const isUnderWay = ({ receiver }: Json): boolean =>
  ((receiver as Json | undefined)?.['withdrawal_state'] as Json | undefined)?.['type'] === 'pending';

/** What a charge brings the bot. */
const amountOf = ({ offer, affiliate }: Charge): number => offer.amount - commissionOf(offer, affiliate);
