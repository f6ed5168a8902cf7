import type { Parameters } from '../api/parameters.ts';
import type { Membership } from './membership.ts';
import type { Payments } from './payments.ts';
import type { Telegram } from './telegram.ts';

/** Everything that a call can read or change. */
export interface World {
  readonly telegram: Telegram;
  readonly payments: Payments;
  readonly membership: Membership;
}

/** One method of the Bot API: its result, or a TelegramError. */
export type Method = (world: World, call: Parameters) => unknown;
/** Methods by their name in small letters, for Telegram does not look at the case. */
export type Methods = Readonly<Record<string, Method>>;
