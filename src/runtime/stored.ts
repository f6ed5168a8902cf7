import type { Line } from './core/arrival.ts';
import type { Effect, Lane } from './core/effects.ts';
import type { Session } from './core/session.ts';

/** What one copy of the bot owns at a time: a shard, or the polling. */
export type Role = number | 'poller';

/** Where a step's cause is stored until its commit takes it. */
export type Source = 'inbox' | 'inbox:checkout' | 'timers';

/** What causes a step: one stored update or result, or one due timer. */
export interface Cause {
  readonly shard: number;
  readonly source: Source;
  /** What the store calls it. */
  readonly id: string;
  /** The timer's due time that was claimed, ms; 0 for entries. */
  readonly due: number;
}

/**
 * `arrival`: what an update means, as the poller understood it. `update`: one as it was sent, still to be understood:
 * found elsewhere, or strange to the poller, or stored by an earlier release. `result` of an actor, `signal` between
 * machines, the wish to `forget` a chat. `unreachable`: a message to the chat was refused for good.
 */
export type EntryKind = 'arrival' | 'update' | 'result' | 'signal' | 'forget' | 'unreachable';

/** Something that was given up, kept with its reason. */
export interface DeadLetter {
  /** `update` is an arrival as well as an update that could not be understood; `unknown` an entry of another release. */
  readonly kind: Exclude<EntryKind, 'arrival'> | 'timer' | 'effect' | 'unknown';
  readonly error: string;
  readonly stack?: string;
  readonly at: number;
  readonly chat?: number;
  /** When the timer was due, ms. */
  readonly due?: number;
  readonly body: unknown;
}

/** A line of a book, with the key that it stands under for ever. */
export interface KeyedLine {
  readonly key: string;
  readonly line: Line;
}

/** An inbox entry. */
export interface Entry extends Cause {
  /** null: of a kind that this release does not know. */
  readonly kind: EntryKind | null;
  /** The chat it is about; null when only its text tells. */
  readonly chat: number | null;
  /** How the store has noted its kind and chat: to be kept with it when it is given up. */
  readonly field: string;
  readonly text: string;
}

export interface DueTimer extends Cause {
  readonly machine: string;
  readonly chat: number;
  readonly timer: string;
}

/** An update on its way into an inbox. */
export interface Incoming {
  readonly id: number;
  readonly chat: number | null;
  readonly lane: 'checkout' | 'reply';
  /** Default: one as it was sent. */
  readonly kind?: 'arrival' | 'update';
  readonly text: string;
}

/** A stored session with its version; null and 0 where there is none. */
export interface Loaded {
  readonly session: Session | null;
  readonly version: number;
  /** Its person could not be reached, and its timers were dropped. */
  readonly away: boolean;
  /** The chat's book. */
  readonly book: readonly Line[];
}

/** The session that a step writes, with the version that was read. */
export interface Target {
  readonly machine: string;
  readonly machineVersion: string;
  readonly chat: number;
  readonly version: number;
}

/** What a commit writes besides the step. */
export interface CommitOptions {
  readonly now: number;
  /** The chat is noted as one that was there. */
  readonly seen?: boolean;
  /** A line of the chat's book. One that is there already makes the whole step void. */
  readonly entry?: KeyedLine;
  /** Further lines; those that are there already change nothing. */
  readonly records?: readonly KeyedLine[];
  /** What goes out. Default: what the step asks for. */
  readonly effects?: readonly Effect[];
  /** The person is back. */
  readonly back?: boolean;
  /** The cause is given up, and kept as this. A line that it brings is recorded as one still to be granted. */
  readonly letter?: DeadLetter;
}

export type CommitResult = 'ok' | 'fenced' | 'gone' | 'conflict' | 'charged';

export interface ForgottenMachine {
  readonly id: string;
  readonly timers: readonly string[];
  /** Whether a session must come to its own end: somebody must be taken out, or a debt be paid. */
  readonly outlives: (session: Session) => boolean;
}

export interface AbandonedMachine {
  readonly id: string;
  readonly timers: readonly string[];
  readonly endsAt: number | null;
}

/** What stands at the head of a queue, with the text it is stored as: the token that settles it. */
export interface Head {
  readonly shard: number;
  readonly queue: string;
  /** The lane that the queue stands in. */
  readonly lane: Lane;
  readonly text: string;
}

/** An effect at the head of its queue. */
export interface Taken extends Head {
  readonly effect: Effect;
}

/** How an effect ends; without any of these it is done, and that is all. */
export interface EffectEnd {
  readonly result?: StoredResult;
  readonly dead?: DeadLetter;
  /** Everything else that waits in the queue goes with it. */
  readonly dropQueue?: boolean;
  /** A chat that cannot be reached. */
  readonly unreachable?: number;
}

/** The result of an invoked actor on its way back to the machine. */
export interface StoredResult {
  readonly machine: string;
  readonly chat: number;
  readonly invocation: { readonly id: string; readonly generation: number };
  readonly output?: unknown;
  readonly error?: unknown;
}

/** What stands in a shard at one moment. */
export interface Look {
  /** Something is in one of its inboxes. */
  readonly inbox: boolean;
  /** Lanes in which something waits, due or not. */
  readonly lanes: readonly Lane[];
  /** When its next timer is due, ms; null: it has none. */
  readonly nextTimer: number | null;
}

/** What a store refuses of one call in itself, in the store's own words. */
export class Refused extends Error {
  override name = 'Refused';
}
