import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiCall } from './api/call-log.ts';
import type { Fault, Limits } from './api/faults.ts';
import type { Json } from './api/json.ts';
import type { SandboxClock, SharedClock } from './clock.ts';
import type { ClubOptions, SandboxClub } from './people/clubs.ts';
import type { UserOptions } from './people/people.ts';
import type { SandboxUser } from './people/user.ts';
import type { WaitFor } from './waiting.ts';
import type { SandboxEvent } from './world/events.ts';
import type { SandboxMessage } from './world/message.ts';
import type { EarlierPayment } from './world/payments.ts';
import type { BotCommand } from './world/telegram.ts';

/** A running local Telegram. Times are ms; moments are ms since 1970 where nothing else is said. */
export interface Sandbox {
  /** For TELEGRAM_API_ROOT, without a slash at its end. */
  readonly url: string;
  /** The bot's token; every other is refused with 401. */
  readonly token: string;
  /** The bot's own account. */
  readonly bot: { readonly id: number; readonly first_name: string; readonly username: string };
  /** Time travel; a bot under test may take its time from here. */
  readonly clock: SandboxClock;
  /** The last 10,000 calls of the bot, newest last; fewer when their parameters take more than 8 MB. */
  readonly calls: readonly ApiCall[];
  /**
   * Parameters that calls of the bot had and that changed nothing here, each once, such as
   * `sendMessage.allow_paid_broadcast`: what the bot expects of them, this sandbox cannot show.
   */
  readonly ignored: readonly string[];
  /** Updates that the bot has not confirmed yet. */
  readonly pendingUpdates: number;
  /** A person; the same id is the same person, who keeps the name that they have. */
  user(options?: UserOptions): SandboxUser;
  /** Everybody that there is, also of an earlier start with the same `stateFile`. */
  users(): SandboxUser[];
  /** A group, supergroup or channel; the same id is the same club, which keeps what it is. */
  club(options?: ClubOptions): SandboxClub;
  /** Puts an earlier payment, or another program's, into the bot's list of transactions; the bot is told nothing. */
  hasPayment(payment: EarlierPayment): { charge: string };
  /**
   * Takes Stars from the bot's balance: too few are left for its refunds.
   * @param amount default: all
   * @throws Error when the bot does not have so many
   */
  withdrawsStars(amount?: number): void;
  /** The withdrawals that are under way fail: their Stars are the bot's again. @throws Error when there is none */
  returnsStars(): void;
  /** What the bot has, and what is on its way to its owner. */
  readonly stars: { readonly balance: number; readonly withdrawn: number };
  /** The address of a file's bytes, sent by whomever; undefined for an unknown one. */
  fileUrl(fileId: string): string | undefined;
  /** The commands menu that a person with this language sees in their chat. */
  commandsFor(language: string, chat?: number): readonly BotCommand[];
  /** Answers a request with the bytes of a file, whole or the range asked for; also while the bot is offline. */
  serveFile(fileId: string, request: IncomingMessage, response: ServerResponse): void;
  /** Hears every message that a chat shows, new or changed; returns the function that ends it. */
  onMessage(listener: (message: SandboxMessage) => void): () => void;
  /** Hears everything that a chat client shows; returns the function that ends it. */
  onEvent(listener: (event: SandboxEvent) => void): () => void;
  /** Queues any update unless the bot does not ask for its kind, also a strange one. Returns its id. */
  push(update: Json): number;
  /**
   * The next calls of a method meet a fault; faults are met in the order in which they were asked for.
   * @param method `*` is any but getUpdates
   * @param options.times how many calls; default 1
   * @param options.chat only calls with this chat_id; default: any
   */
  fail(method: string, fault: Fault, options?: { times?: number; chat?: number }): void;
  /** Flood limits from now on, with 429 and retry_after; `{}` for none, which is the default. */
  limits(limits: Limits): void;
  /** Every answer takes this many ms of the clock longer; default 0. */
  latency(ms: number): void;
  /** The bot's connections break and new calls fail, for so many ms of the clock or until `goOnline`. */
  goOffline(ms?: number): void;
  goOnline(): void;
  /** Resolves once a predicate holds, and rejects when it does not within 4,500 ms or the time that is named. */
  readonly waitFor: WaitFor;
  /**
   * Resolves once the bot has taken every update and asks for the next, and no other call of it is under way.
   * @param timeoutMs default 4,500
   */
  idle(timeoutMs?: number): Promise<void>;
  /**
   * Ends it, once.
   * @throws Error with `strict`, when an answer or update had a shape that the Bot API does not document
   */
  close(): Promise<void>;
}

/** How a sandbox is started. */
export interface SandboxOptions {
  /** Default: a free one. */
  readonly port?: number;
  /**
   * Its first part is the bot's id. Default: that of an earlier start with the same `stateFile`, else one in the form of
   * Telegram's.
   */
  readonly token?: string;
  readonly bot?: {
    /** Default: Turnstile. */
    readonly firstName?: string;
    /** Without @. Default: turnstile_sandbox_bot. */
    readonly username?: string;
    /**
     * It hears everything that is said in its groups, also where it is no administrator: privacy mode is off. Default:
     * false, as for every new bot of Telegram's.
     */
    readonly readsAllMessages?: boolean;
  };
  /** A clock that the bot shares. Default: one of the sandbox's own. */
  readonly clock?: SharedClock;
  /** ms since 1970, in place of a clock: a time that somebody else moves. */
  readonly now?: () => number;
  /**
   * Where chats and unconfirmed updates are kept, so that a later start goes on with them; files stand beside it.
   * Default: nothing outlives the process.
   */
  readonly stateFile?: string;
  /** Gets every request whose path begins with neither `/bot` nor `/file/`. Default: they are answered with 404. */
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Compares every answer and update with the Bot API's documentation. Default: whether SANDBOX_STRICT is 1. */
  readonly strict?: boolean;
}
