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

/** Whoever brought a person to the bot gets so many of each 1,000 Stars. */
export interface Affiliate {
  readonly perMille: number;
}

export interface Charge {
  readonly id: string;
  readonly user: number;
  readonly offer: Offer;
  readonly affiliate?: Affiliate;
  refunded: boolean;
}
