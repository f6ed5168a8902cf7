import { badRequest } from './errors.ts';
import type { SandboxMessage } from './message.ts';
import type { Json } from './parameters.ts';
import type { Telegram } from './telegram.ts';

/** What an invoice or a payment link asks for. */
export interface Offer {
  readonly title: string;
  readonly description: string;
  readonly payload: string;
  readonly currency: string;
  /** In the currency's smallest units. */
  readonly amount: number;
  /** Seconds between two payments of a subscription. */
  readonly period?: number;
}

interface Charge {
  readonly id: string;
  readonly providerId: string;
  readonly user: number;
  readonly offer: Offer;
  refunded: boolean;
}

export interface Subscription {
  /** The charge that began it. */
  readonly charge: string;
  readonly user: number;
  readonly offer: Offer;
  /** ms since 1970: when the next payment is due, or the subscription ends. */
  expires: number;
  state: 'active' | 'canceled' | 'ended';
  /** Who called it off: the bot's word must be taken back by the bot. */
  canceledByBot: boolean;
  /** The person has no Stars for the next payment. */
  failing: boolean;
}

export interface CheckoutAnswer {
  readonly ok: boolean;
  /** The reason that the bot gave. */
  readonly error?: string;
}

export interface PaymentsState {
  readonly offers: [string, Offer][];
  readonly charges: Charge[];
  readonly transactions: Json[];
  readonly subscriptions: Subscription[];
  readonly balance: number;
}

/** Telegram waits this long for the answer to a checkout query, ms. */
const checkoutLimit = 10_000;

const messageKey = ({ chat, id }: Pick<SandboxMessage, 'chat' | 'id'>) => `${chat}:${id}`;

/** Invoices, payments, the list of Star transactions, subscriptions. */
export class Payments {
  readonly #telegram: Telegram;
  /** By link, or by chat and message. */
  readonly #offers = new Map<string, Offer>();
  readonly #charges = new Map<string, Charge>();
  readonly #subscriptions = new Map<string, Subscription>();
  /** StarTransactions, oldest first. */
  #transactions: Json[] = [];
  /** Stars of the bot. */
  #balance = 0;

  constructor(telegram: Telegram) {
    this.#telegram = telegram;
  }

  get balance(): number {
    return this.#balance;
  }

  get transactions(): readonly Json[] {
    return this.#transactions;
  }

  subscriptionsOf(user: number): Subscription[] {
    return [...this.#subscriptions.values()].filter((one) => one.user === user);
  }

  /** Makes an address that opens this offer. */
  link(offer: Offer): string {
    const link = `https://t.me/$${this.#telegram.newId(8)}`;
    this.#offers.set(link, offer);
    return link;
  }

  attach(message: SandboxMessage, offer: Offer): void {
    this.#offers.set(messageKey(message), offer);
  }

  /** The offer behind a link, or behind a message: its invoice, or the payment link on one of its buttons. */
  offerOf(source: string | SandboxMessage): Offer | undefined {
    if (typeof source === 'string') return this.#offers.get(source);
    const invoice = this.#offers.get(messageKey(source));
    if (invoice !== undefined) return invoice;
    const links = source.buttons.flat().map(({ url }) => this.#offers.get(url ?? ''));
    return links.find((offer) => offer !== undefined);
  }

  /** Asks the bot whether it takes the payment. Resolves with a refusal when 10 s pass by the clock. */
  checkout(user: number, offer: Offer): Promise<CheckoutAnswer> {
    const telegram = this.#telegram;
    const query = telegram.newId(9);
    const { payload: invoice_payload, currency, amount: total_amount } = offer;
    return new Promise((resolve) => {
      const end = (answer: CheckoutAnswer) => {
        off();
        telegram.emit({ type: 'checkout_answered', user, query, ...answer });
        resolve(answer);
      };
      const off = telegram.clock.at(telegram.clock.now() + checkoutLimit, () =>
        end({ ok: false, error: 'The bot did not answer the checkout within 10 s.' }),
      );
      const answered = (values: Json) =>
        end(
          String(values['ok']) === 'true'
            ? { ok: true }
            : { ok: false, error: String(values['error_message'] ?? '') },
        );
      telegram.ask(query, user, answered, checkoutLimit);
      telegram.emit({ type: 'checkout_asked', user, query, currency, amount: total_amount });
      const from = telegram.userOf(user);
      telegram.push({ pre_checkout_query: { id: query, from, currency, total_amount, invoice_payload } });
    });
  }

  /**
   * Money comes in: a charge, a line in the list, a message in the chat.
   * @param options.loseUpdate the bot is never told
   */
  pay(user: number, offer: Offer, { loseUpdate = false } = {}): { charge: string } {
    const now = this.#telegram.clock.now();
    if (offer.period === undefined) return { charge: this.#charge(user, offer, {}, loseUpdate) };
    const expires = now + offer.period * 1_000;
    const recurring = { is_recurring: true, is_first_recurring: true };
    const fields = { subscription_expiration_date: Math.floor(expires / 1_000), ...recurring };
    const charge = this.#charge(user, offer, fields, loseUpdate);
    const subscription: Subscription = {
      charge,
      user,
      offer,
      expires,
      state: 'active',
      canceledByBot: false,
      failing: false,
    };
    this.#subscriptions.set(charge, subscription);
    this.#scheduleRenewal(subscription);
    return { charge };
  }

  /** The money of a charge goes back; the bot hears of it by a message. */
  refund(charge: string, user?: number): void {
    if (charge === '') throw badRequest('CHARGE_ID_EMPTY');
    const paid = this.#charges.get(charge);
    const isStars = paid?.offer.currency === 'XTR';
    if (paid === undefined || !isStars || (user !== undefined && paid.user !== user))
      throw badRequest('CHARGE_ID_INVALID');
    if (paid.refunded) throw badRequest('CHARGE_ALREADY_REFUNDED');
    paid.refunded = true;
    const { currency, amount: total_amount, payload: invoice_payload } = paid.offer;
    this.#balance -= total_amount;
    this.#transactions.push({
      id: charge,
      amount: total_amount,
      date: this.#telegram.seconds(),
      receiver: this.#partner(paid.user, paid.offer),
    });
    const refunded = { currency, total_amount, invoice_payload, telegram_payment_charge_id: charge };
    // The one message of its own that Telegram tells a bot of.
    const message = this.#telegram.add(paid.user, 'bot', { refunded_payment: refunded });
    this.#telegram.emit({ type: 'refunded', user: paid.user, charge });
    this.#telegram.push({ message: message.raw });
  }

  /** A subscription is called off, or taken up again before its time is over. */
  cancel(charge: string, user: number, isCanceled: boolean, by: 'bot' | 'user'): void {
    const found = this.#subscriptions.get(charge);
    if (found === undefined || found.user !== user || found.state === 'ended')
      throw badRequest('CHARGE_ID_INVALID');
    if (!isCanceled && by === 'user' && found.canceledByBot)
      throw new Error('The bot has canceled this subscription; only the bot can allow it again.');
    const state = isCanceled ? 'canceled' : 'active';
    if (by === 'bot') found.canceledByBot = isCanceled;
    if (found.state === state) return;
    found.state = state;
    this.#changed(found, state);
    if (by === 'user') this.#tell(found, state);
  }

  save(): PaymentsState {
    return {
      offers: [...this.#offers],
      charges: [...this.#charges.values()],
      transactions: this.#transactions,
      subscriptions: [...this.#subscriptions.values()],
      balance: this.#balance,
    };
  }

  restore(state: PaymentsState): void {
    for (const [key, offer] of state.offers) this.#offers.set(key, offer);
    for (const charge of state.charges) this.#charges.set(charge.id, charge);
    for (const subscription of state.subscriptions) {
      this.#subscriptions.set(subscription.charge, subscription);
      this.#scheduleRenewal(subscription);
    }
    this.#transactions = state.transactions;
    this.#balance = state.balance;
  }

  #charge(user: number, offer: Offer, fields: Json, loseUpdate: boolean): string {
    const isStars = offer.currency === 'XTR';
    const id = isStars ? `stx${this.#telegram.newId(24)}` : `${this.#telegram.newId(12)}_tg`;
    const providerId = isStars ? '' : `ch_${this.#telegram.newId(12)}`;
    this.#charges.set(id, { id, providerId, user, offer, refunded: false });
    const { currency, amount, payload } = offer;
    if (isStars) {
      this.#balance += amount;
      const source = this.#partner(user, offer);
      this.#transactions.push({ id, amount, date: this.#telegram.seconds(), source });
    }
    const message = this.#telegram.add(user, user, {
      successful_payment: {
        currency,
        total_amount: amount,
        invoice_payload: payload,
        ...fields,
        telegram_payment_charge_id: id,
        provider_payment_charge_id: providerId,
      },
    });
    this.#telegram.emit({ type: 'paid', user, charge: id });
    if (!loseUpdate) this.#telegram.push({ message: message.raw });
    return id;
  }

  #partner(user: number, { payload, period }: Offer): Json {
    return {
      type: 'user',
      transaction_type: 'invoice_payment',
      user: this.#telegram.userOf(user),
      invoice_payload: payload,
      ...(period !== undefined && { subscription_period: period }),
    };
  }

  #scheduleRenewal(subscription: Subscription): void {
    if (subscription.state !== 'ended')
      this.#telegram.clock.at(subscription.expires, () => this.#renew(subscription));
  }

  /** The period is over: the next payment, or the end. */
  #renew(subscription: Subscription): void {
    const { user, offer, state, failing } = subscription;
    if (state === 'active' && !failing) {
      subscription.expires += (offer.period as number) * 1_000;
      const subscription_expiration_date = Math.floor(subscription.expires / 1_000);
      this.#charge(user, offer, { subscription_expiration_date, is_recurring: true }, false);
      this.#scheduleRenewal(subscription);
      return;
    }
    subscription.state = 'ended';
    if (state === 'active') {
      this.#changed(subscription, 'failed');
      this.#tell(subscription, 'failed');
    }
    this.#changed(subscription, 'ended');
  }

  #changed({ user, charge }: Subscription, state: 'active' | 'canceled' | 'failed' | 'ended'): void {
    this.#telegram.emit({ type: 'subscription_changed', user, charge, state });
  }

  #tell({ user, offer }: Subscription, state: 'active' | 'canceled' | 'failed'): void {
    this.#telegram.push({
      subscription: { user: this.#telegram.userOf(user), invoice_payload: offer.payload, state },
    });
  }
}
