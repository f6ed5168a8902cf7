import type { AnyMachineSnapshot, StateValue } from 'xstate';
import type { StepInput, TimerChange } from './commit.ts';
import type { JsonObject } from './effects.ts';
import { type DurableMachine, expiryTimer } from './machine.ts';
import type { Session } from './session.ts';
import { isActive } from './timers.ts';
export function mayEnd(
  machine: DurableMachine,
  { value, status, context }: Session,
  isAway: boolean,
): boolean {
  if (status !== 'active' || expiryAfter(machine, value, context) !== null) return true;
  const { endsAfter, stays } = machine.whileUnreachable;
  return isAway && endsAfter !== null && !stays.some((path) => isActive(value, path));
}

/** ms after which a session in this state expires when nothing touches it; null: never. What it has to keep, it keeps longer. */
function expiryAfter({ expiry }: DurableMachine, value: StateValue, context: JsonObject): number | null {
  let least: number | null = null;
  let kept = 0;
  for (const { path, after, field } of expiry) {
    if (!isActive(value, path)) continue;
    if (field === undefined) least = Math.min(least ?? after, after);
    else if (context[field] !== undefined) kept = Math.max(kept, after);
  }
  return least === null ? null : Math.max(least, kept);
}

/** Whether a session stays though its person is forgotten: something that it began must come to its end. */
export const outlivesForgetting = (machine: DurableMachine, { value, invocations }: Session): boolean =>
  invocations !== undefined || machine.outlives.some((path) => isActive(value, path));

/** Every step counts the time of an untouched session anew; one that leads out of it, or back to the person, ends it. */
export function expiryChange(
  given: StepInput,
  from: AnyMachineSnapshot,
  to: AnyMachineSnapshot,
): TimerChange[] {
  const after = expiryAfter(given.machine, to.value, to.context);
  if (after !== null) return [{ name: expiryTimer, due: given.now + after }];
  const wasSet = given.isBack === true || expiryAfter(given.machine, from.value, from.context) !== null;
  return wasSet ? [{ name: expiryTimer, due: null }] : [];
}
