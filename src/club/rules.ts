import type { ArrivalRules } from '#telegram';
import type { Bought } from './payments/book.ts';

/** What the club's updates are read by. */
export interface ClubRules extends ArrivalRules {
  /** Why a checkout cannot go ahead; undefined when it matches product and price. */
  readonly checkoutProblem: (query: {
    payload: string;
    currency: string;
    amount: number;
  }) => string | undefined;
  /** The chat whose doors the bot keeps. Default: none. */
  readonly club?: number | null;
  /** What becomes of who came into the club without access. Default: `tell`. */
  readonly strangers?: 'remove' | 'tell' | 'leave';
  /** User ids that may be in the club without access. Default: none. */
  readonly whitelist?: ReadonlySet<number>;
  /** The bot's own id: what it does itself is nobody else's ban. */
  readonly bot?: number;
  /** What an invoice sold, by its payload; null when it is none of this bot's. Default: what the payload says. */
  readonly boughtBy?: (payload: string) => Bought | null;
}
