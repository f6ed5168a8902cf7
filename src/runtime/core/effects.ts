/** An effect's priority, best first. A checkout query must be answered within 10 s, a broadcast can wait for hours. */
export const lanes = ['checkout', 'reply', 'reminder', 'broadcast'] as const;
export type Lane = (typeof lanes)[number];

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
  /** How many of them lay with this program, not with Telegram or the network; 0 when absent. */
  readonly faults?: number;
  /** When the first of them failed, ms. */
  readonly since?: number;
}
