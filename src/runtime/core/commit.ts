import type { Effect, EffectRule, JsonObject } from './effects.ts';
import type { DurableMachine } from './machine.ts';
import type { Session } from './session.ts';
/** What a machine receives. Timers and results of actors carry XState's own types. */
export interface MachineEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface StepInput {
  readonly machine: DurableMachine;
  readonly chat: number;
  /** null: the chat has no session of this machine yet. */
  readonly session: Session | null;
  readonly event: MachineEvent;
  /** Names what caused the step, uniquely within its chat; the ids of its effects begin with it. */
  readonly cause: string;
  /** What a new session is given. */
  readonly input: JsonObject;
  /** ms since 1970. */
  readonly now: number;
  /** Signals of machines that led here one after another. Default 0. */
  readonly hops?: number;
  /** What is true of the chat now: guards, assigns and effects find it in the event, and signals do not carry it on. */
  readonly facts?: JsonObject;
  /** Somebody who is no operator caused it. */
  readonly isFromOutside?: boolean;
  /** The person is back after timers were dropped: those of the state they are in start anew. */
  readonly isBack?: boolean;
  readonly rules: Readonly<Record<string, EffectRule>>;
}

/** A delayed transition to be written (`due`, ms) or taken away (null), in this order. */
export interface TimerChange {
  readonly name: string;
  readonly due: number | null;
}

/**
 * An event from one machine of a chat to another, by the action `signal` with params `{machine, event, with}`. It carries
 * the causing event's fields, and those of the sender's context that `with` names. The commit appends it to the inbox of
 * its own shard, so that it comes by the same door as an update, exactly once.
 */
export interface Signal {
  readonly machine: string;
  readonly chat: number;
  readonly event: MachineEvent;
  /** Signals that led to each other, this one included. */
  readonly hops: number;
}

/** What one step wants written. */
export interface Commit {
  readonly session: Session;
  readonly from: string | null;
  readonly to: string;
  /** The machine has come to its end, or the session's time is over: it goes, and the next event begins anew. */
  readonly ends: boolean;
  readonly timers: readonly TimerChange[];
  readonly effects: readonly Effect[];
  readonly signals: readonly Signal[];
  /** Counters to raise by one, by the action `count` with params `{counter, by}`: `<counter>:<context[by]>`. */
  readonly counts: readonly string[];
  /** Lines for the chat's book, by the action `record` with params `{kind, with}`: `with` names fields of the result or event. */
  readonly records: readonly JsonObject[];
  /** The action `forget`: everything stored about the chat is to be removed, by an inbox entry of its own. */
  readonly forgets: boolean;
}

/** The machine asked for something outside the subset, which only shows while it runs. */
export class StepRefused extends Error {
  override name = 'StepRefused';
}
