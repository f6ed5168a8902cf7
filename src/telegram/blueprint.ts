import type { Api } from 'grammy';
import type { Logger } from 'pino';
import type {
  Arrival,
  At,
  Book,
  DeadLetters,
  Effect,
  JsonObject,
  OpenStore,
  Runtime,
  Store,
  SystemClock,
} from '#runtime';
import type { ArrivalRules } from './arrivals.ts';
import type { Call } from './call.ts';
import type { Perform } from './client.ts';
import type { Conversation, Plan } from './conversation.ts';
/** Where and how a bot runs. */
export interface BotSurroundings {
  /** As @BotFather gives it. */
  readonly botToken: string;
  /** Without a slash at its end. */
  readonly apiRoot: string;
  /** null: an embedded private server below `dataDir`. */
  readonly redisUrl: string | null;
  /** Every key in Redis begins with it: bots of one Redis have different ones. */
  readonly redisPrefix: string;
  /** Slots that chats are spread over, fixed at the first start. null: what was fixed then, or 16. */
  readonly shards: number | null;
  /** For the embedded server, and `dead-letters.jsonl`. */
  readonly dataDir: string;
  /** bot.yaml, messages.yaml, locales/ and media/. */
  readonly contentDir: string;
  /** User ids of the operators. */
  readonly adminIds: readonly number[];
  /** Reminders and broadcasts together, and everything, messages a second of all copies. */
  readonly rateBulk: number;
  readonly rateTotal: number;
}

/** How a bot is started. */
export interface BotOptions {
  readonly environment: BotSurroundings;
  /** What happens, one line each. A failed request may name its address, and the token stands in that. */
  readonly log: Logger;
  /** All time of the bot. Default: one of its own. A test moves it by `shift`. */
  readonly clock?: SystemClock;
  /** Long polling, seconds. Default 30. */
  readonly pollTimeout?: number;
  /** Calls a start off that still waits for Redis or Telegram: what was opened is closed. */
  readonly signal?: AbortSignal;
  /** Called at named points of the loops; a crash test kills there. Nothing by default. */
  readonly at?: At;
}

/** A bot that polls, or waits to take over from another copy that does. */
export interface RunningBot {
  /** Resolves when the bot has stopped; rejects when it cannot go on. */
  readonly ended: Promise<void>;
  /**
   * Takes the content folder anew, without a pause.
   * @throws StartRefused with every problem; the previous content stays in use
   */
  reload(): Promise<void>;
  /** Stops polling, finishes what is in hand, closes; at most 10 s. */
  stop(): Promise<void>;
}

/** What makes one bot differ from another. */
export interface Blueprint<Settings, Rules extends ArrivalRules, Parts> {
  readonly plan: Plan<Settings, Rules, Parts>;
  /** Reads content and machines, at the start and at each reload. @throws StartRefused with every problem */
  readonly load: () => Promise<Conversation<Settings>>;
  /** Brings a store of an earlier release along. Default: there is none. */
  readonly migrate?: (open: OpenStore) => Promise<void>;
  /** The conversation with what only the store knows. Default: as it was read. */
  readonly adapt?: (conversation: Conversation<Settings>, open: OpenStore) => Promise<Conversation<Settings>>;
  /** What updates are read by. */
  readonly rules: (conversation: Conversation<Settings>) => Rules;
  readonly render: (conversation: Conversation<Settings>) => (effect: Effect) => Call;
  /** An arrival as an earlier release stored it, in the words of this one. Default: as it is. */
  readonly ofToday?: (arrival: Arrival) => Arrival;
  /** What a new session is given. */
  readonly input: (person: { readonly language: string }) => JsonObject;
  /** Default: no chat has a book. */
  readonly book?: Book;
  /** What is said to a person whose arrival was given up, at most once an hour. Default: nothing. */
  readonly apology?: { readonly type: string; readonly params: JsonObject };
  /** Makes what effects are performed with, once Telegram has been asked who the bot is. */
  readonly begin: (bot: Signed<Settings, Rules>) => Begun<Parts> | Promise<Begun<Parts>>;
}

/** A bot that has signed in and does not run yet. */
export interface Signed<Settings, Rules> extends OpenStore {
  /** The bot's own id. */
  readonly id: number;
  readonly store: Store;
  readonly letters: DeadLetters;
  /** For calls that belong to no lane. */
  readonly api: Api;
  /** Calls Telegram among the replies. */
  readonly call: Perform;
  /** Renders an effect and sends it. */
  readonly send: (effect: Effect) => Promise<unknown>;
  /** The loops; they run when `begin` has returned. */
  readonly runtime: () => Runtime;
  /** The conversation and the rules of the moment. */
  readonly current: () => { readonly conversation: Conversation<Settings>; readonly rules: Rules };
  readonly reload: () => Promise<void>;
  readonly clock: SystemClock;
  readonly log: Logger;
}

/** What a bot brings along once it has signed in. */
export interface Begun<Parts> {
  /** What its effects are performed with. */
  readonly parts: Parts;
  /** Everything that waited at Telegram is stored. `isAfterGap`: something may have been lost before. Default: nothing. */
  readonly caughtUp?: (isAfterGap: boolean) => void;
  /** Something was given up. */
  readonly gaveUp?: () => void;
  /** The bot runs. What it throws is logged. */
  readonly started?: () => Promise<void>;
  /** The bot has taken other content. @returns what the log says of it besides its languages */
  readonly reloaded?: () => Promise<JsonObject>;
  /** Ends what runs beside the loops. */
  readonly stop?: () => Promise<void>;
}
