import type { SandboxMessage } from '../world/message.ts';
import type { Offer } from '../world/offer.ts';
import type { CheckoutAnswer, PayOptions, Subscription } from '../world/payments.ts';
import type { World } from '../world/world.ts';
import { findOffer, type OfferSource } from './offers.ts';
import { transcriptOf } from './reading.ts';

/** The chat of one person with the bot, and what they pay in it. */
export class Buyer {
  readonly id: number;
  protected readonly world: World;

  constructor(id: number, world: World) {
    this.id = id;
    this.world = world;
  }

  /** The chat so far, both sides. */
  get messages(): readonly SandboxMessage[] {
    return this.world.telegram.messages.get(this.id) ?? [];
  }

  /** The chat as lines, for errors. */
  transcript(): string {
    return transcriptOf(this.id, this.messages);
  }

  /**
   * Opens an offer: the bot has 10 s to approve it.
   * @param options which offer, and what of it a modified client would change
   */
  checkout(options: OfferSource & Partial<Offer> = {}): Promise<CheckoutAnswer> {
    const { link: _, message: __, ...changes } = options;
    return this.world.payments.checkout(this.id, { ...this.#offer(options), ...changes });
  }

  /**
   * Pays, after the bot has approved.
   * @param options.loseUpdate the bot is not told; only Telegram's list of transactions has the payment
   * @param options.affiliate somebody brought the person here and gets so many of each 1,000 Stars
   * @throws Error with the bot's reason when it rejects the checkout
   */
  async pays(options: OfferSource & PayOptions = {}): Promise<{ charge: string }> {
    const offer = this.#offer(options);
    const answer = await this.world.payments.checkout(this.id, offer);
    if (!answer.ok) throw new Error(`The checkout was rejected: ${answer.error}`);
    return this.world.payments.pay(this.id, offer, options);
  }

  /** Pays once more without asking the bot, which Telegram can do. */
  async paysAgain(options: OfferSource & PayOptions = {}): Promise<{ charge: string }> {
    return this.world.payments.pay(this.id, this.#offer(options), options);
  }

  /** Telegram gives the money of a charge back, whether or not the bot still has it. */
  refunds(charge: string): void {
    this.world.payments.refund(charge, this.id, 'telegram');
  }

  /** What the person subscribes to; `expires` is in ms since 1970. */
  get subscriptions(): readonly Readonly<Subscription>[] {
    return this.world.payments.subscriptionsOf(this.id);
  }

  /** Calls off the next payment; the newest subscription when none is named. */
  cancelsSubscription(charge = this.#newestSubscription()): void {
    this.world.payments.cancel(charge, this.id, true, 'user');
  }

  /** Takes a subscription up again before its time is over. */
  resumesSubscription(charge = this.#newestSubscription()): void {
    this.world.payments.cancel(charge, this.id, false, 'user');
  }

  /** Has no Stars left when the next payments are due. */
  runsOutOfStars(): void {
    for (const subscription of this.world.payments.subscriptionsOf(this.id)) subscription.failing = true;
  }

  /** The bot is not told of the next payment of a subscription, the newest when none is named. */
  losesRenewal(charge = this.#newestSubscription()): void {
    const subscription = this.world.payments.subscriptionsOf(this.id).find((one) => one.charge === charge);
    if (subscription === undefined) throw new Error(`${this.id} has no subscription ${charge}.`);
    subscription.losesRenewal = true;
  }

  #offer(source: OfferSource): Offer {
    const offer = findOffer(this.world, this.messages, source);
    if (offer !== undefined) return offer;
    throw new Error(`There is no ${source.link ?? 'invoice or payment link'} to pay.\n${this.transcript()}`);
  }

  #newestSubscription(): string {
    const newest = this.subscriptions.at(-1);
    if (newest === undefined) throw new Error(`${this.id} has no subscription.`);
    return newest.charge;
  }
}
