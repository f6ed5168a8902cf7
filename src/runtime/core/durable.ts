import type { AnyActorScope, AnyStateMachine } from 'xstate';
import { Misconfigured } from '../refused.ts';
import type { JsonObject } from './effects.ts';

/** One delayed transition of a machine. */
export interface TimerSpec {
  /**
   * The name it is stored under, `<delay>@<digest of the state's path>`: it keeps its meaning when another state begins to
   * use the same delay, and is short, since half a million of them stand in Redis.
   */
  readonly name: string;
  /** The name it is shown under: the delay's, with the state's path where several states use it. */
  readonly shownName: string;
  /** Names that an earlier release stored it under. */
  readonly formerNames: readonly string[];
  /** XState's own id, which is the event's type as well: `xstate.after.<delay>.<node>`. */
  readonly eventType: string;
  /** The delay's name in `setup({delays})`. */
  readonly delay: string;
  /** The state it belongs to. */
  readonly path: readonly string[];
  /**
   * It takes something away (tag of the machine: `<delay> waits for the news`): it fires only when everything that could
   * make it void has been asked for since it was due.
   */
  readonly waits: boolean;
}

/** A machine that passed the checks of `prepareMachine`, with what the step needs to know of it. */
export interface DurableMachine {
  readonly id: string;
  /** Changes when states, transitions or delays change; stored with each session. */
  readonly version: string;
  readonly logic: AnyStateMachine;
  /**
   * What XState's `transition` and `initialTransition` make around every event, an inert actor with its start, which took
   * half the time of a step: made once. The actions that are asked for are to be heard by an `actionExecutor` of the step's.
   */
  readonly scope: () => AnyActorScope;
  /** The names of all states that a session can rest in, as `stateName` gives them; without those of parallel states. */
  readonly states: readonly string[];
  readonly timers: readonly TimerSpec[];
  /** By XState's id. */
  readonly timersByEvent: ReadonlyMap<string, TimerSpec>;
  /** Where each invoked actor lives: invoke id → test of a snapshot's value. */
  readonly invokes: ReadonlyMap<string, { readonly src: string; readonly path: readonly string[] }>;
  /** The events that a user may cause, from the machine's `meta.userEvents`. */
  readonly userEvents: ReadonlySet<string>;
  /** Every event that the machine handles somewhere, timers and results of actors aside. */
  readonly events: ReadonlySet<string>;
  /**
   * States in which an untouched session expires, with the delay in ms: tag `expires after <delay>`, or `expires after <delay>
   * with <field>` for sessions whose context has something to keep.
   */
  readonly expiry: readonly Expiry[];
  /** States whose sessions stay when their person is forgotten, until they have left them (tag `outlives forgetting`). */
  readonly outlives: readonly (readonly string[])[];
  /** What becomes of a session while its person cannot be reached. */
  readonly whileUnreachable: WhileUnreachable;
  /** The actions that are performed outside, with their static parameters, for checks of content. */
  readonly actions: readonly OutsideAction[];
  /** Only operators talk to it (`meta.audience: 'operators'`): its user events are theirs alone. */
  readonly forOperators: boolean;
  /** What runs, but hardly as it was meant: one line each, with the machine and the state. */
  readonly warnings: readonly string[];
}

/** An action where it stands in a machine. */
export interface OutsideAction {
  readonly type: string;
  readonly params: Readonly<JsonObject>;
  /** The parameters are a function: what they name shows only when it is called, and `params` is empty. */
  readonly isComputed: boolean;
  /** As a message names the place: `state "paid", on "topic.selected"`. */
  readonly where: string;
}

export interface Expiry {
  readonly path: readonly string[];
  readonly after: number;
  /** A field of the context; absent: for every session. */
  readonly field?: string;
}

export interface WhileUnreachable {
  /** Its timers stay (root tag `goes on while unreachable`); without it they are dropped until the person is back. */
  readonly goesOn: boolean;
  /** ms after which it ends (root tag `ends after <delay> while unreachable`); null: never. */
  readonly endsAfter: number | null;
  /** States in which it does not end all the same (tag `stays while unreachable`). */
  readonly stays: readonly (readonly string[])[];
}

/** The timer at whose time an untouched session ends: the runtime's own, in every machine. */
export const expiryTimer = '~expiry';

/** What the one state of a machine without states is called. */
export const onlyState = 'root';

/** Actions that the commit itself performs; see core/step.ts. */
export const commitActions = {
  signal: 'signal',
  count: 'count',
  record: 'record',
  forget: 'forget',
} as const;

/** The machine uses something that cannot be made durable. One line per finding: state, what, why. */
export class MachineRefused extends Misconfigured {
  readonly problems: readonly string[];
  constructor(id: string, problems: readonly string[]) {
    super(`Machine "${id}" cannot run durably:\n${listed(problems)}`);
    this.problems = problems;
  }
}

export const listed = (problems: readonly string[]): string =>
  problems.map((problem) => `  - ${problem}`).join('\n');
