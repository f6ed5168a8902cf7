import type { Books, News, Notes, Reports } from './books.ts';
import type { Arrival } from './core/arrival.ts';
import type { Commit } from './core/commit.ts';
import type { Effect, Lane } from './core/effects.ts';
import type { Letters } from './letters.ts';
import type {
  AbandonedMachine,
  Cause,
  CommitOptions,
  CommitResult,
  DueTimer,
  EffectEnd,
  Entry,
  ForgottenMachine,
  Head,
  Incoming,
  Loaded,
  Look,
  Role,
  Taken,
  Target,
} from './stored.ts';

/**
 * Everything that is stored, verb by verb, grouped by who needs it. A store is an object of plain functions: to change one
 * verb, spread it.
 *
 * Every verb is atomic: it happens whole or not at all, whenever the process ends. Every verb may be repeated, so that an
 * answer that got lost costs nothing. What an answer says:
 * - `ok`: it is written, and outlives this process.
 * - `fenced`: the shard has another owner. Nothing was written, and nothing of this copy will be.
 * - `gone`: what it was about is done already, or is not the same any more. Nothing was written.
 * - `conflict`: the session is of another version than the one that was read. Nothing was written; read it again.
 * - `charged`: the line stands in the book already. Nothing was written; only the cause is left to be taken away.
 *
 * What is thrown either passes (`isPassing`): the store is away, and the same call succeeds later. Or it is final: this call
 * fails as often as it is made, nothing of it was written, and calls that came at the same time are not touched by it.
 *
 * Deliberately not part of it: keys and what they hold, any type of a database, an order of writing, what an update means,
 * what a machine does, how a message is sent. Times are ms since 1970 and come as arguments, but for what all copies must
 * judge alike, however their clocks go: leases, holds, and for how long an update's id is remembered. These are measured by
 * the store's own clock.
 */
export interface Store
  extends Inbox,
    Sessions,
    Timers,
    Outbox,
    Shards,
    Hints,
    Tries,
    Letters,
    Books,
    Reports,
    Server {
  readonly shards: number;
  /** The shard of a chat: everything of the chat is there, for ever. */
  shardOf(chat: number): number;
  readonly news: News;
  readonly notes: Notes;
}

/** For the loops that store what comes in, and those that work it off. */
export interface Inbox {
  /**
   * Stores updates that were not seen in the last 25 h. One that its inbox refuses for good becomes a dead letter, so that
   * it does not hold up the others.
   * @param updates `lane` checkout goes to the inbox that is read first; chat null: not known, and kept in shard 0
   * @returns how many were new
   */
  appendUpdates(updates: readonly Incoming[]): Promise<number>;
  /** Stores an update that was not sent but found elsewhere. It is not looked for: its repetition must be harmless. */
  appendFound(chat: number, text: string): Promise<void>;
  /** Stores what updates would mean that were not sent, and tells the owners. Their repetition must be harmless. */
  appendArrivals(arrivals: readonly Arrival[]): Promise<void>;
  /**
   * Reads inbox entries in the order in which they were stored.
   * @param after the id of the last entry read before; '' for the beginning
   * @param until the last id to read; '' or none for the end
   */
  readInbox(
    shard: number,
    source: 'inbox' | 'inbox:checkout',
    after: string,
    limit: number,
    until?: string,
  ): Promise<Entry[]>;
  /**
   * The chats that have something in a shard's inboxes. A commit takes its cause and leaves its signals in one write, and
   * whatever is added comes behind, so that nothing of a chat can slip past.
   * @returns null when any chat may have: there are too many entries, or one whose chat only its text tells
   */
  chatsWaiting(shard: number): Promise<ReadonlySet<number> | null>;
}

/** For the worker: what a step reads, and what it writes. */
export interface Sessions {
  /**
   * The session with its version; null and 0 where there is none.
   * @throws SyntaxError when what is stored is no session
   */
  loadSession(machine: string, chat: number): Promise<Loaded>;
  /**
   * Writes one step, whole or not at all, and takes its cause away: only while that cause is there, and with the time that
   * was claimed of a timer.
   * @param target the session's machine and chat, and the version that was read
   * @param commit null when the machine did not react: only the cause goes, and `effects` come
   */
  commit(
    cause: Cause,
    target: Target | null,
    commit: Commit | null,
    options: CommitOptions,
  ): Promise<CommitResult>;
  /** Takes a cause away that means nothing. */
  discard(cause: Cause, now: number): Promise<CommitResult>;
  /**
   * Removes everything stored about a chat but its book.
   * @param machines those that may have a session or timers of it; a session that `outlives` is left
   * @returns `conflict`: a session has changed since; look again
   */
  forgetChat(
    cause: Cause,
    chat: number,
    machines: readonly ForgottenMachine[],
  ): Promise<'ok' | 'fenced' | 'gone' | 'conflict'>;
  /**
   * The person of a chat cannot be reached: drops what waits to be sent to it, and the timers of these machines, whose
   * sessions stay and are marked.
   * @param machines with the names of their timers, and the time at which a session ends that has no end yet; null: never
   */
  abandon(
    cause: Cause,
    chat: number,
    machines: readonly AbandonedMachine[],
  ): Promise<'ok' | 'fenced' | 'gone'>;
}

/** For the loop that fires timers. A timer that was read is a claim: the commit checks it against what is stored. */
export interface Timers {
  /**
   * Timers due by `now`, earliest first, and the time of the next one after them (null: none).
   * @returns `reminders`: queues of the shard that wait in the lane which timers fill
   */
  dueTimers(
    shard: number,
    now: number,
    limit: number,
  ): Promise<{ due: DueTimer[]; next: number | null; reminders: number }>;
  /** Whether one of these timers of a session is due by `now` and was due later than `than`, ms. */
  isNewerDue(
    machine: string,
    chat: number,
    timers: readonly string[],
    than: number,
    now: number,
  ): Promise<boolean>;
  /** When timers of a session are due, ms, in the order of their names; null where there is none. */
  timersOf(machine: string, chat: number, timers: readonly string[]): Promise<(number | null)[]>;
}

/**
 * For the loop that sends. The effects of a queue are in order, and one at a time can be ended: its head. A queue stands in
 * the best lane of what waits in it.
 */
export interface Outbox {
  /** Puts an effect into the outbox of its chat that no step asked for. Repeated, it is there twice. */
  post(effect: Effect, now: number): Promise<void>;
  /**
   * The heads of the queues of one lane that are due. They stay where they are: the caller remembers what it holds.
   * @param held queues already in hand, left out
   * @returns `spoiled`: heads that are no effects, which can only be given up; `next`: the time of the next queue after
   * these (null: none); `fenced`: the shard has another owner
   */
  takeEffects(
    shard: number,
    lane: Lane,
    now: number,
    limit: number,
    held: readonly string[],
  ): Promise<{ taken: Taken[]; spoiled: Head[]; next: number | null; fenced: boolean }>;
  /**
   * Ends an effect while it is the head of its queue: done, or given up with a dead letter. What it tells the inbox is
   * stored in the same write.
   * @returns the next effect of the queue when there is one, which the caller may go on with; 'fenced' when the shard
   * has another owner
   */
  settle(head: Head, now: number, end?: EffectEnd): Promise<Taken | null | 'fenced'>;
  /** Puts an effect off to `due` (ms); those behind it in its queue wait with it. */
  postpone(taken: Taken, effect: Effect, due: number): Promise<'ok' | 'fenced' | 'gone'>;
  /**
   * Keeps queues of a shard whose heads are being sent, though the shard goes to another owner: it leaves them alone until
   * this copy settles or postpones them, or has said nothing for `length`. Asked for anew, a hold lasts longer.
   * @param length ms, a minute at the most; 0 ends the holds: the queues are free at once
   */
  hold(shard: number, heads: readonly Head[], length: number): Promise<void>;
}

/** For the leases: who lives, and who owns which shard. Everything that an owner writes is checked against this. */
export interface Shards {
  /**
   * Says that a copy of the bot lives.
   * @param length how long others will believe it, ms
   * @param silence longer than this nobody is silent but while the store is away, ms: such a time counts against no copy
   * @param leaving it takes nothing more, and gives back what it has
   * @returns the copies that live, this one among them, and which of them are leaving
   */
  join(
    copy: string,
    length: number,
    silence: number,
    leaving?: boolean,
  ): Promise<{ live: string[]; leaving: string[] }>;
  /** Takes a copy off the list of those that live. */
  leave(copy: string): Promise<void>;
  /**
   * Becomes the owner of a shard, or of the polling, unless one of the copies that live has it. The previous owner's
   * writes are refused from then on.
   * @returns `no`: another copy has it; `clean`: it was free; `unclean`: its owner has not released it, and may have
   * done what it could not note
   */
  acquire(role: Role, copy: string, live: readonly string[]): Promise<'no' | 'clean' | 'unclean'>;
  /** Whether nobody has become the owner since. */
  isOwner(role: Role): Promise<boolean>;
  /** Gives a shard, or the polling, back. */
  release(role: Role): Promise<void>;
  /** It has another owner: nothing of it can be written from here any more. */
  forget(role: Role): void;
  /** Looks at everything that a loop may have to do in a shard. */
  look(shard: number): Promise<Look>;
}

/** Words between copies. Each is a hint that may get lost: what is stored is the truth. */
export interface Hints {
  /** Tells the copies that own these shards that there is something in their inboxes. */
  announce(shards: readonly number[]): Promise<void>;
  /** The same for their outboxes. */
  announceEffects(shards: readonly number[]): Promise<void>;
  /** Lets every running copy take the content anew. @returns how many copies heard it */
  announceContent(): Promise<number>;
  /**
   * Hears such words.
   * @param hinted something is in a shard's inbox
   * @param asked the content is to be taken anew
   * @param effects something is in a shard's outbox
   * @param missed called at the beginning, and whenever words may have been lost
   * @param wanted a deadline waits for the news
   * @returns the function that ends it
   */
  listen(
    hinted: (shard: number) => void,
    asked?: () => void,
    effects?: (shard: number) => void,
    missed?: () => void,
    wanted?: () => void,
  ): () => void;
}

/** For caution with what may have ended the process. */
export interface Tries {
  /**
   * Notes that a cause is about to be handled, in a shard whose last owner died with something in hand.
   * @returns how often it has been begun so far and not outlived, this time included
   */
  tryOnce(cause: Cause): Promise<number>;
  /** The process has outlived a cause that it tried: what was counted of it is forgotten. */
  outlive(cause: Cause): Promise<void>;
  /** Nothing of the shard is under suspicion any more. */
  trust(shard: number): Promise<void>;
  /** Whether a person may be told now that something broke: at most once in `period` ms. Asking counts as telling. */
  maySaySorry(chat: number, now: number, period: number): Promise<boolean>;
}

/** What is behind the store. */
export interface Server {
  /** Which server process answers: one that was started anew may have lost what it had answered before. */
  server(): Promise<string>;
  /**
   * Resolves when everything stored so far is where a kill of the server cannot take it away.
   * @param server the process that it was stored in
   * @throws Error when another one answers
   */
  untilWritten(server: string): Promise<void>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /** Whether a call that failed with this can succeed when it is made again. */
  isPassing(error: unknown): boolean;
}
