import type { Arrival, Effect, EffectKind, JsonObject } from '#runtime';
import type { Feature, Perform } from '#telegram';
import type { Strangers } from './membership/strangers.ts';
import type { Ledger } from './payments/ledger.ts';
import type { ChatReport } from './reports.ts';
import type { ClubRules } from './rules.ts';
import type { ClubContent } from './settings.ts';
import type { Troubles } from './support/troubles.ts';

/** What the club's effects are performed with. */
export interface ClubParts {
  readonly content: () => ClubContent;
  readonly ledger: Ledger;
  /** Calls Telegram among the replies. */
  readonly call: Perform;
  /** The same for the club's own affairs: what Telegram wants to be patient with there holds back nothing else. */
  readonly callClub: Perform;
  /** Renders and sends a message. */
  readonly send: (effect: Effect) => Promise<unknown>;
  /** Everything stored about a chat. */
  readonly stored: (chat: number) => Promise<ChatReport>;
  /** The person's first name, as Telegram has it; undefined when it does not say. */
  readonly nameOf: (chat: number) => Promise<string | undefined>;
  /** Puts what an operator did into the inbox of the person whom it is about. Twice does no harm. */
  readonly append: (arrival: Arrival) => Promise<void>;
  /** What every event of a person tells of today's offer. */
  readonly facts: () => JsonObject;
  readonly troubles: Pick<Troubles, 'met' | 'over' | 'isOpen'>;
  readonly strangers: Pick<Strangers, 'note'>;
  /** The bot's own id. */
  readonly bot: number;
  /** The club has become a supergroup, with another id. */
  readonly moved: (from: number, to: number) => Promise<void>;
  /** ms since 1970. */
  readonly now: () => number;
}

export type ClubEffect = EffectKind<ClubParts>;
export type ClubFeature = Feature<ClubRules, ClubParts>;

/** The chat of the club; null when bot.yaml names none. */
export const clubOf = ({ content }: Pick<ClubParts, 'content'>): number | null =>
  content().settings.club.chatId;

/** An effect that sends the message which its params name. */
export const messages: NonNullable<ClubEffect['messages']> = ({ message }) => [message];
