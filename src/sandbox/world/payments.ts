import { badRequest } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { flag, text } from '../api/values.ts';
import type { SandboxMessage } from './message.ts';
import type { Affiliate, Charge, Offer } from './offer.ts';
import { StarAccount, type StarState } from './stars.ts';
import type { Telegram } from './telegram.ts';

export interface PayOptions {
  /** The bot is never told. */
  readonly loseUpdate?: boolean;
  /** Of each payment of a subscription, for as long as it renews. */
  readonly affiliate?: Affiliate;
}

/** A payment that Telegram's list has from an earlier time, or for another program that had the same token. */
export interface EarlierPayment {
  readonly user: number;
  /** As that program wrote it. */
  readonly payload: string;
  /** Stars. */
  readonly amount: number;
  /** ms since 1970; default: now. */
  readonly at?: number;
  /** Seconds between two payments of a subscription, which is active if that time is not over. */
  readonly period?: number;
}

export interface Subscription {
  /** The charge that began it. */
  readonly charge: string;
  readonly user: number;
  readonly offer: Offer;
  readonly affiliate?: Affiliate;
  /** ms since 1970: when the next payment is due, or the subscription ends. */
  expires: number;
  state: 'active' | 'canceled' | 'ended';
  /** Who called it off: the bot's word must be taken back by the bot. */
  canceledByBot: boolean;
  /** The person has no Stars for the next payment. */
  failing: boolean;
  /** The bot is not told of the next payment. */
  losesRenewal: boolean;
}

export interface CheckoutAnswer {
  readonly ok: boolean;
  /** The reason that the bot gave. */
  readonly error?: string;
}

export interface PaymentsState extends StarState {
  readonly offers: [string, Offer][];
  readonly charges: Charge[];
  readonly subscriptions: Subscription[];
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
  /** What the bot has. */
  readonly stars: StarAccount;

  constructor(telegram: Telegram) {
    this.#telegram = telegram;
    this.stars = new StarAccount(telegram);
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
        end(flag(values, 'ok') ? { ok: true } : { ok: false, error: text(values, 'error_message') ?? '' });
      telegram.ask(query, user, answered, checkoutLimit);
      telegram.emit({ type: 'checkout_asked', user, query, currency, amount: total_amount });
      const from = telegram.userOf(user);
      telegram.push({ pre_checkout_query: { id: query, from, currency, total_amount, invoice_payload } });
    });
  }

  /** Money comes in: a charge, a line in the list, a message in the chat. */
  pay(user: number, offer: Offer, { loseUpdate = false, affiliate }: PayOptions = {}): { charge: string } {
    if (offer.period === undefined) return { charge: this.#pay(user, offer, {}, loseUpdate, affiliate) };
    const expires = this.#telegram.clock.now() + offer.period * 1_000;
    const recurring = { is_recurring: true, is_first_recurring: true };
    const fields = { subscription_expiration_date: Math.floor(expires / 1_000), ...recurring };
    const charge = this.#pay(user, offer, fields, loseUpdate, affiliate);
    this.#subscribe(charge, user, offer, expires, affiliate);
    return { charge };
  }

  /** Puts a payment into the list, by its date, of which the bot was told before or never. */
  book({ user, payload, amount, at, period }: EarlierPayment): { charge: string } {
    const now = this.#telegram.clock.now();
    const time = at ?? now;
    const terms = period === undefined ? {} : { period };
    const offer = { title: '', description: '', payload, currency: 'XTR', amount, ...terms };
    const charge = this.#charge(user, offer, time);
    const expires = time + (period ?? 0) * 1_000;
    if (expires > now) this.#subscribe(charge, user, offer, expires);
    this.#telegram.changed();
    return { charge };
  }

  /**
   * The money of a charge goes back; the bot hears of it by a message.
   * @param by a bot needs the Stars for it; Telegram takes them, and the balance can fall below nothing
   */
  refund(charge: string, user: number, by: 'bot' | 'telegram'): void {
    if (charge === '') throw badRequest('CHARGE_ID_EMPTY');
    const paid = this.#charges.get(charge);
    if (paid === undefined || paid.offer.currency !== 'XTR' || paid.user !== user)
      throw badRequest('CHARGE_ID_INVALID');
    if (paid.refunded) throw badRequest('CHARGE_ALREADY_REFUNDED');
    this.stars.giveBack(paid, by);
    paid.refunded = true;
    const { currency, amount: total_amount, payload: invoice_payload } = paid.offer;
    const refunded = { currency, total_amount, invoice_payload, telegram_payment_charge_id: charge };
    // The one message of its own that Telegram tells a bot of.
    const message = this.#telegram.add(user, 'bot', { refunded_payment: refunded });
    this.#telegram.emit({ type: 'refunded', user, charge });
    this.#telegram.push({ message: message.raw });
  }

  /** A subscription is called off, or taken up again before its time is over. */
  cancel(charge: string, user: number, isCanceled: boolean, by: 'bot' | 'user'): void {
    const subscription = this.#subscriptions.get(charge);
    if (subscription === undefined || subscription.user !== user || subscription.state === 'ended')
      throw badRequest('CHARGE_ID_INVALID');
    if (!isCanceled && by === 'user' && subscription.canceledByBot)
      throw new Error('The bot has canceled this subscription; only the bot can allow it again.');
    const state = isCanceled ? 'canceled' : 'active';
    if (by === 'bot') subscription.canceledByBot = isCanceled;
    if (subscription.state === state) return;
    subscription.state = state;
    this.#changed(subscription, state);
    if (by === 'user') this.#tell(subscription, state);
  }

  save(): PaymentsState {
    return {
      offers: [...this.#offers],
      charges: [...this.#charges.values()],
      subscriptions: [...this.#subscriptions.values()],
      ...this.stars.save(),
    };
  }

  restore(state: PaymentsState): void {
    for (const [key, offer] of state.offers) this.#offers.set(key, offer);
    for (const charge of state.charges) this.#charges.set(charge.id, charge);
    for (const subscription of state.subscriptions) {
      this.#subscriptions.set(subscription.charge, subscription);
      this.#scheduleRenewal(subscription);
    }
    this.stars.restore(state);
  }

  /** A charge and its line in the list, at a time in ms since 1970. Returns its id. */
  #charge(user: number, offer: Offer, time: number, affiliate?: Affiliate): string {
    const isStars = offer.currency === 'XTR';
    const id = isStars ? `stx${this.#telegram.newId(24)}` : `${this.#telegram.newId(12)}_tg`;
    const charge = { id, user, offer, ...(affiliate && { affiliate }), refunded: false };
    this.#charges.set(id, charge);
    if (isStars) this.stars.receive(charge, Math.floor(time / 1_000));
    return id;
  }

  /** A charge of now, with its message. Returns its id. */
  #pay(user: number, offer: Offer, fields: Json, loseUpdate: boolean, affiliate?: Affiliate): string {
    const id = this.#charge(user, offer, this.#telegram.clock.now(), affiliate);
    const { currency, amount, payload } = offer;
    const message = this.#telegram.add(user, user, {
      successful_payment: {
        currency,
        total_amount: amount,
        invoice_payload: payload,
        ...fields,
        telegram_payment_charge_id: id,
        provider_payment_charge_id: currency === 'XTR' ? '' : `ch_${this.#telegram.newId(12)}`,
      },
    });
    this.#telegram.emit({ type: 'paid', user, charge: id });
    if (!loseUpdate) this.#telegram.push({ message: message.raw });
    return id;
  }

  #subscribe(charge: string, user: number, offer: Offer, expires: number, affiliate?: Affiliate): void {
    const subscription: Subscription = {
      charge,
      user,
      offer,
      ...(affiliate && { affiliate }),
      expires,
      state: 'active',
      canceledByBot: false,
      failing: false,
      losesRenewal: false,
    };
    this.#subscriptions.set(charge, subscription);
    this.#scheduleRenewal(subscription);
  }

  #scheduleRenewal(subscription: Subscription): void {
    if (subscription.state !== 'ended')
      this.#telegram.clock.at(subscription.expires, () => this.#renew(subscription));
  }

  /** The period is over: the next payment, or the end. */
  #renew(subscription: Subscription): void {
    const { user, offer, state, failing, losesRenewal, affiliate } = subscription;
    if (state === 'active' && !failing) {
      subscription.expires += (offer.period as number) * 1_000;
      subscription.losesRenewal = false;
      const subscription_expiration_date = Math.floor(subscription.expires / 1_000);
      const fields = { subscription_expiration_date, is_recurring: true };
      this.#pay(user, offer, fields, losesRenewal, affiliate);
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
