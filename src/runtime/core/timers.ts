import type { AnyMachineSnapshot, StateValue } from 'xstate';
import { type MachineEvent, type StepInput, StepRefused, type TimerChange } from './commit.ts';
import type { JsonObject } from './effects.ts';
import { type DurableMachine, expiryTimer, type TimerSpec } from './machine.ts';
import { implementationsOf } from './xstate.ts';
/** Everything that may stand in the sorted set for a session, under whatever name. */
export const timerNamesOf = (machine: DurableMachine): string[] => [
  ...new Set(machine.timers.flatMap(({ name, formerNames }) => [name, ...formerNames])),
  expiryTimer,
];

export const allTimersOf = (machine: DurableMachine): TimerChange[] =>
  timerNamesOf(machine).map((name) => ({ name, due: null }));

/** A timer goes under its name of today and those that an earlier release may have stored it under. */
export function cancelled(machine: DurableMachine, spec: TimerSpec, value: StateValue): TimerChange[] {
  // A bare name may mean the timer of another state that is active beside this one.
  const isShared = machine.timers.some(
    (other) => other !== spec && other.delay === spec.delay && isActive(value, other.path),
  );
  const former = spec.formerNames.filter((name) => !isShared || name !== spec.delay);
  return [spec.name, ...former].map((name) => ({ name, due: null }));
}

/** The timers of the states that are active, as if they were entered now, but for those that the step itself sets. */
export function awaitedTimers(
  given: StepInput,
  snapshot: AnyMachineSnapshot,
  set: readonly TimerChange[],
): TimerChange[] {
  const delays = implementationsOf(given.machine.logic).delays;
  const known = new Set(set.map(({ name }) => name));
  return given.machine.timers
    .filter(({ name, path }) => !known.has(name) && isActive(snapshot.value, path))
    .flatMap(({ name, delay }) => {
      const found = delays[delay];
      const event = { ...given.event, ...given.facts, at: given.now };
      const ms = typeof found === 'function' ? found({ context: snapshot.context, event }) : found;
      return timerAfter(given.machine, name, given.now, ms);
    });
}

/**
 * The event of a timer's stored name. A name that an earlier release gave may belong to several states today: then it is
 * the timer of the one that is active.
 * @returns null when the machine no longer has such a timer
 */
export function timerEvent(machine: DurableMachine, name: string, value?: StateValue): MachineEvent | null {
  const specs = machine.timers.filter((spec) => spec.name === name || spec.formerNames.includes(name));
  const found = specs.find(({ path }) => value !== undefined && isActive(value, path)) ?? specs[0];
  return found === undefined ? null : { type: found.eventType };
}

/** Whether a timer of this stored name takes something away, and so waits for the news. */
export const waitsForNews = (machine: DurableMachine, name: string): boolean =>
  machine.timers.some((spec) => spec.waits && (spec.name === name || spec.formerNames.includes(name)));

export function isActive(value: StateValue, path: readonly string[]): boolean {
  let at: StateValue | undefined = value;
  for (const key of path) {
    if (typeof at === 'string') return at === key && key === path.at(-1);
    at = at?.[key];
    if (at === undefined) return false;
  }
  return true;
}

export function raisedTimer(
  machine: DurableMachine,
  params: JsonObject | undefined,
  now: number,
): TimerChange[] {
  if (params?.['delay'] === undefined) return [];
  const spec = machine.timersByEvent.get(String(params['id']));
  if (spec === undefined) {
    throw new StepRefused(
      `Machine "${machine.id}" raised "${String(params['id'])}" with a delay; only \`after\` is durable`,
    );
  }
  return timerAfter(machine, spec.name, now, params['delay']);
}

/** The last time that a Date can name, ms. */
const endOfTime = 8.64e15;

/** A delay may be computed: what has passed is due at once, `Infinity` is never. */
function timerAfter(machine: DurableMachine, name: string, now: number, delay: unknown): TimerChange[] {
  if (typeof delay !== 'number' || Number.isNaN(delay))
    throw new StepRefused(`Machine "${machine.id}": the delay of ${name} is ${String(delay)}; expected ms`);
  const due = now + Math.max(0, Math.round(delay));
  return due > endOfTime ? [] : [{ name, due }];
}
