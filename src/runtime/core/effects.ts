import { didYouMean } from './nearest.ts';

/** An effect's priority, best first. A checkout query must be answered within 10 s, a broadcast can wait for hours. */
export const lanes = ['checkout', 'reply', 'reminder', 'broadcast'] as const;
export type Lane = (typeof lanes)[number];

/** The lanes that an action may name in its params; the answer to a checkout query has its lane by its kind. */
export const namedLanes = ['reply', 'reminder', 'broadcast'] as const satisfies readonly Lane[];

/** @returns null for what an action may not name as its lane; undefined where it names none */
export function namedLane(params: JsonObject | undefined): (typeof namedLanes)[number] | null | undefined {
  const { lane } = params ?? {};
  return lane === undefined ? undefined : (namedLanes.find((name) => name === lane) ?? null);
}

/** What is wrong with a lane that `namedLane` does not know. */
export const problemOfLane = (type: string, { lane }: JsonObject): string =>
  `the lane ${JSON.stringify(lane)} of "${type}" is none.${didYouMean(String(lane), namedLanes)} Expected reply, reminder or broadcast`;

export type JsonObject = { [key: string]: unknown };

/** What a machine asks the world to do: one outbox entry, stored as JSON until it is settled. */
export interface Effect {
  /** Unique among the unsettled effects of its queue. */
  readonly id: string;
  /** The action's or the invoked actor's name in the machine, for example `send`. */
  readonly type: string;
  /** The action's static parameters, or the actor's input. */
  readonly params?: JsonObject;
  readonly machine: string;
  /** The chat whose session asked for it. */
  readonly chat: number;
  /** The chat that receives it, when it is another one (an operator's). */
  readonly to?: number;
  readonly lane: Lane;
  /** Effects of one queue are performed one after another, in order. */
  readonly queue: string;
  /** The session's context after the step. */
  readonly context: JsonObject;
  /** The event that caused it; absent for timers. */
  readonly event?: JsonObject;
  /** Set when this is an invoked actor: its result comes back as an event carrying both. */
  readonly invocation?: { readonly id: string; readonly generation: number };
  /** Attempts made so far that failed for a passing reason; 0 when absent. */
  readonly attempt?: number;
  /** How many of them lay with this program, not with the outside or the network; 0 when absent. */
  readonly faults?: number;
  /** When the first of them failed, ms. */
  readonly since?: number;
}

/** How effects of one kind wait, and who may cause them. */
export interface EffectRule {
  /** Default: the `lane` of the action's params, else that of what caused it: a reminder for timers, a reply for all else. */
  readonly lane?: Lane;
  /** `instant` effects are answers to a query: each goes by itself, and waits for nothing. Default: the chat's order. */
  readonly order?: 'chat' | 'instant';
  /** Only an operator, or the machine itself by a timer, a result or a signal, may cause it. */
  readonly privileged?: true;
}

/**
 * Everything that one kind of effect is: an action of a machine, or an actor that it invokes, by its name.
 * @template Parts what it is performed with
 */
export interface EffectKind<Parts> extends EffectRule {
  /** The effects that go out for one that a step asks for. Default: it alone. */
  readonly to?: (effect: Effect, operators: readonly number[]) => readonly Effect[];
  /** Whether it speaks to the chat: whom it cannot reach, nothing can. Default: actions do, actors do not. */
  readonly speaks?: boolean;
  /** The messages that it sends by its params. Default: none. */
  readonly messages?: (params: JsonObject) => readonly unknown[];
  /** Does it; the value is the result of an actor. What it throws is judged, and it may be tried again. */
  readonly perform: (effect: Effect, parts: Parts) => Promise<unknown>;
}

/** Whether what was read from a queue is an effect at all. */
export function isEffect(value: unknown): value is Effect {
  const { type, chat, lane } = (value ?? {}) as Partial<Effect>;
  return typeof type === 'string' && Number.isSafeInteger(chat) && lanes.some((known) => known === lane);
}
