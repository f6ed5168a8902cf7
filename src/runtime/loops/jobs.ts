import type { Arrival } from '../core/arrival.ts';
import type { MachineEvent, Signal } from '../core/commit.ts';
import { type DurableMachine, expiryTimer } from '../core/machine.ts';
import type { Session } from '../core/session.ts';
import { resultEvent } from '../core/step.ts';
import { timerEvent } from '../core/timers.ts';
import type { Cause, DeadLetter, DueTimer, Entry, StoredResult } from '../stored.ts';

/** A step to make: for the first of these machines that reacts. */
export interface Job {
  readonly cause: Cause;
  readonly chat: number;
  /** By precedence, at least one. */
  readonly machines: readonly [DurableMachine, ...DurableMachine[]];
  /** What the machine hears, by the session that is stored; null: its time is over, and the session ends. */
  readonly eventFor: (session: Session | null) => MachineEvent | null;
  readonly kind: DeadLetter['kind'];
  readonly body: unknown;
  readonly arrival?: Arrival;
  /** Signals of machines that led here. */
  readonly hops: number;
}

/** What a cause asks for. */
export type Task =
  | { readonly kind: 'step'; readonly chat: number; readonly job: Job }
  | { readonly kind: 'forget' | 'abandon'; readonly chat: number }
  /** It stands in the inbox of a shard that its chat does not belong to. */
  | { readonly kind: 'move'; readonly chat: number; readonly arrival: Arrival }
  /** No conversation is about it. */
  | { readonly kind: 'discard'; readonly chat: null };

/**
 * What a stored entry means: an `arrival` of this release or an earlier one, or an `update` as it came. null: nothing.
 * @throws Error when it cannot be read
 */
export type Arrive = (kind: 'arrival' | 'update', text: string) => Arrival | null;

export interface Reading {
  readonly machines: readonly DurableMachine[];
  readonly arrive: Arrive;
  readonly shardOf: (chat: number) => number;
}

/**
 * Reads an inbox entry.
 * @throws Error when it is of a kind, for a machine or in a form that is not known here
 */
export function taskOf(entry: Entry, reading: Reading): Task {
  switch (entry.kind) {
    case 'arrival':
    case 'update': {
      const arrival = reading.arrive(entry.kind, entry.text);
      return arrival === null ? { kind: 'discard', chat: null } : taskOfArrival(entry, arrival, reading);
    }
    case 'unreachable':
      return { kind: 'abandon', chat: Number(entry.text) };
    case 'forget': {
      const { chat } = JSON.parse(entry.text) as { chat: number };
      return { kind: 'forget', chat };
    }
    case 'result':
    case 'signal':
      return taskOfStored(entry, JSON.parse(entry.text) as StoredResult | Signal, reading);
    case null:
      throw new Error('Expected an entry of a kind that this release knows; another release has written it');
  }
}

function taskOfArrival(entry: Entry, arrival: Arrival, { machines, shardOf }: Reading): Task {
  const { chat, event } = arrival;
  if (shardOf(chat) !== entry.shard) return { kind: 'move', chat, arrival };
  if (arrival.leaves === true) return { kind: 'abandon', chat };
  const open = machines.filter(({ forOperators }) => !forOperators || arrival.fromOperator === true);
  const able = open.filter(({ events }) => events.has(event.type));
  // What an operator says may be an answer that is being waited for.
  able.sort((a, b) => Number(b.forOperators) - Number(a.forOperators));
  const [first = open[0], ...others] = able;
  if (first === undefined) return { kind: 'discard', chat: null };
  const job: Job = {
    cause: entry,
    chat,
    machines: [first, ...others],
    eventFor: () => event,
    kind: 'update',
    body: arrival,
    arrival,
    hops: 0,
  };
  return { kind: 'step', chat, job };
}

/** An event that the store itself keeps: the result of an actor, or a signal of another machine. */
function taskOfStored(entry: Entry, stored: StoredResult | Signal, { machines }: Reading): Task {
  const machine = machines.find(({ id }) => id === stored.machine);
  if (machine === undefined) throw new Error(`No machine "${stored.machine}" is loaded`);
  const isSignal = 'event' in stored;
  const event = isSignal ? stored.event : eventOf(stored);
  const job: Job = {
    cause: entry,
    chat: stored.chat,
    machines: [machine],
    eventFor: () => event,
    kind: isSignal ? 'signal' : 'result',
    body: stored,
    // An earlier release did not count.
    hops: isSignal ? (stored.hops ?? 1) : 0,
  };
  return { kind: 'step', chat: stored.chat, job };
}

/** @throws Error when the machine, or its timer, is not known here */
export function jobOfTimer(timer: DueTimer, machines: readonly DurableMachine[]): Job {
  const machine = machines.find(({ id }) => id === timer.machine);
  const isExpiry = timer.timer === expiryTimer;
  if (machine === undefined || (!isExpiry && timerEvent(machine, timer.timer) === null))
    throw new Error(`No machine "${timer.machine}" with a timer "${timer.timer}" is loaded`);
  return {
    cause: timer,
    chat: timer.chat,
    machines: [machine],
    eventFor: (session) => (isExpiry ? null : timerEvent(machine, timer.timer, session?.value)),
    kind: 'timer',
    body: timer.id,
    hops: 0,
  };
}

const eventOf = (stored: StoredResult): MachineEvent =>
  resultEvent(stored.invocation, 'error' in stored ? { error: stored.error } : { output: stored.output });
