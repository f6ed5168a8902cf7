import type { AnyMachineSnapshot, StateValue } from 'xstate';
import {
  type Commit,
  type MachineEvent,
  type Signal,
  type StepInput,
  StepRefused,
  type TimerChange,
} from './commit.ts';
import { type Effect, type JsonObject, namedLane, problemOfLane } from './effects.ts';
import { expiryChange, mayEnd } from './expiry.ts';
import { lostInJson } from './json.ts';
import { commitActions, type DurableMachine } from './machine.ts';
import { restoreSnapshot, type Session, stateName } from './session.ts';
import { allTimersOf, awaitedTimers, cancelled, isActive, raisedTimer } from './timers.ts';
import { firstSnapshot, nextSnapshot, storedSnapshot } from './xstate.ts';

/** The part of XState's executable action objects that we read. */
interface Action {
  readonly type: string;
  readonly params?: JsonObject;
  readonly info?: { readonly context: JsonObject; readonly event: MachineEvent };
}

/** Signals that may lead to each other, machine to machine, before they are taken for a circle. */
const longestRelay = 50;

const ignoredBuiltins = new Set(['xstate.log', 'xstate.emit', 'xstate.stopChild', 'xstate.assign']);

/**
 * One step: (machine, session, event, now) → commit. Pure.
 * @returns null when the machine does not react to the event: nothing to write
 * @throws whatever a guard or an assign of the machine throws, and StepRefused
 */
export function step(given: StepInput): Commit | null {
  const { machine } = given;
  // A session that has come to its end waits for nothing: whatever comes begins anew.
  const session = given.session?.status === 'active' ? given.session : null;
  // Guards, assigns and computed delays tell the time by this alone.
  const event: MachineEvent = { ...given.event, ...given.facts, at: given.now };
  if (session !== null && isStale(machine, session, event)) return null;

  const reaction = react(given, session, event);
  if (reaction === null) return null;
  const { from: snapshot, to: next, actions } = reaction;

  const timers: TimerChange[] = [];
  const effects: Effect[] = [];
  const signals: Signal[] = [];
  const counts: string[] = [];
  const records: JsonObject[] = [];
  let forgets = false;
  let generation = given.session?.generation ?? 0;
  const invocations = keptInvocations(machine, session, next.value);
  const settled = resultOf(event);
  if (settled !== null) delete invocations[settled.invocation];

  for (const action of actions) {
    if (action.type === 'xstate.raise') {
      timers.push(...raisedTimer(machine, action.params, given.now));
    } else if (action.type === 'xstate.cancel') {
      const spec = machine.timersByEvent.get(String(action.params?.['sendId']));
      if (spec !== undefined) timers.push(...cancelled(machine, spec, snapshot.value));
    } else if (action.type === 'xstate.spawnChild') {
      const id = String(action.params?.['id']);
      invocations[id] = ++generation;
      effects.push(effectOf(given, action, effects.length, { id, generation }));
    } else if (action.type === commitActions.signal) {
      signals.push(signalOf(given, action));
    } else if (action.type === commitActions.count) {
      const { counter, by } = action.params ?? {};
      counts.push(`${String(counter)}:${String(action.info?.context[String(by)] ?? '')}`);
    } else if (action.type === commitActions.record) {
      records.push(recordOf(event, action));
    } else if (action.type === commitActions.forget) {
      forgets = true;
    } else if (!action.type.startsWith('xstate.')) {
      effects.push(effectOf(given, action, effects.length));
    } else if (!ignoredBuiltins.has(action.type)) {
      throw new StepRefused(`Machine "${machine.id}": the action ${action.type} cannot be made durable`);
    }
  }
  const ends = next.status !== 'active';
  const timersOfReturn = given.isBack === true ? awaitedTimers(given, next, timers) : [];

  return {
    session: {
      ...storedSnapshot(next),
      ...(Object.keys(invocations).length > 0 && { invocations }),
      ...(generation > 0 && { generation }),
    },
    from: given.session === null ? null : stateName(given.session.value),
    to: stateName(next.value),
    ends,
    timers: ends
      ? allTimersOf(machine)
      : [...timersOfReturn, ...timers, ...expiryChange(given, snapshot, next)],
    effects,
    signals,
    counts,
    records,
    forgets,
  };
}

/** Lets the machine react to an event. @returns null when it does not */
function react(
  { machine, input, isBack }: StepInput,
  session: Session | null,
  event: MachineEvent,
): { from: AnyMachineSnapshot; to: AnyMachineSnapshot; actions: readonly Action[] } | null {
  const actions: Action[] = [];
  const scope = { ...machine.scope(), actionExecutor: (action: unknown) => actions.push(action as Action) };
  const from =
    session === null ? firstSnapshot(machine.logic, scope, input) : restoreSnapshot(machine, session);
  const before = actions.length;
  const to = nextSnapshot(machine.logic, from, event, scope);
  if (to === from && actions.length === before && isBack !== true) return null;
  if (to.status === 'error') throw to.error;
  const spawned = Object.keys(to.children).find((id) => !machine.invokes.has(id));
  if (spawned !== undefined) {
    throw new StepRefused(
      `Machine "${machine.id}" spawned "${spawned}" in an assign; only invoke of a promise is durable`,
    );
  }
  if (session === null || to.context !== from.context) checkJson(machine, 'context', to.context);
  return { from, to, actions };
}

/**
 * The end of a session whose expiry timer has come due. Decided by the state that is stored now: a tag may have been put on
 * or taken off since the timer was set.
 * @param isAway its person cannot be reached
 * @returns null when nothing is to end: only the timer goes
 */
export function expire(machine: DurableMachine, session: Session | null, isAway: boolean): Commit | null {
  if (session === null || !mayEnd(machine, session, isAway)) return null;
  const state = stateName(session.value);
  const nothing = { effects: [], signals: [], counts: [], records: [], forgets: false };
  return { session, from: state, to: state, ends: true, timers: allTimersOf(machine), ...nothing };
}

/** The event that brings an invoked actor's end back to its machine. */
export function resultEvent(
  invocation: { readonly id: string; readonly generation: number },
  result: { readonly output: unknown } | { readonly error: unknown },
): MachineEvent {
  const kind = 'output' in result ? 'done' : 'error';
  return {
    type: `xstate.${kind}.actor.${invocation.id}`,
    ...result,
    actorId: invocation.id,
    generation: invocation.generation,
  };
}

function resultOf(event: MachineEvent): { invocation: string; generation: unknown } | null {
  const invocation = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(event.type)?.[1];
  return invocation === undefined ? null : { invocation, generation: event['generation'] };
}

/** A result that is not awaited any more: its state was left, or entered anew since, or the machine lost the actor. */
function isStale(machine: DurableMachine, session: Session, event: MachineEvent): boolean {
  const result = resultOf(event);
  if (result === null) return false;
  return (
    !machine.invokes.has(result.invocation) || session.invocations?.[result.invocation] !== result.generation
  );
}

function keptInvocations(
  machine: DurableMachine,
  session: Session | null,
  value: StateValue,
): Record<string, number> {
  const kept: Record<string, number> = {};
  for (const [id, generation] of Object.entries(session?.invocations ?? {})) {
    const path = machine.invokes.get(id)?.path;
    if (path !== undefined && isActive(value, path)) kept[id] = generation;
  }
  return kept;
}

function signalOf(given: StepInput, action: Action): Signal {
  const { machine, event, with: names } = action.params ?? {};
  const carried = (names ?? []) as readonly string[];
  const context = action.info?.context ?? {};
  // Timers and results of actors mean something to their own machine only.
  const cause = given.event.type.startsWith('xstate.') ? {} : given.event;
  const fields = Object.fromEntries(carried.map((name) => [name, context[name]]));
  const hops = (given.hops ?? 0) + 1;
  if (hops > longestRelay)
    throw new StepRefused(
      `Machines signal each other in a circle: ${longestRelay} signals led to "${String(event)}" for "${String(machine)}"`,
    );
  return {
    machine: String(machine),
    chat: given.chat,
    event: { ...cause, ...fields, type: String(event) },
    hops,
  };
}

/** The line that an action asks for: the result of an actor may name what it is about, else the event does. */
function recordOf(event: MachineEvent, action: Action): JsonObject {
  const { with: names, ...fields } = action.params ?? {};
  const output = event['output'];
  const source = typeof output === 'object' && output !== null ? (output as JsonObject) : event;
  const carried = ((names ?? []) as readonly string[]).flatMap((name) =>
    source[name] === undefined ? [] : [[name, source[name]]],
  );
  return { ...fields, ...Object.fromEntries(carried) };
}

function effectOf(
  given: StepInput,
  action: Action,
  index: number,
  invocation?: Effect['invocation'],
): Effect {
  const type = invocation === undefined ? action.type : String(action.params?.['src']);
  const params =
    invocation === undefined ? action.params : (action.params?.['input'] as JsonObject | undefined);
  const rule = given.rules[type] ?? {};
  if (rule.privileged === true && given.isFromOutside === true)
    throw new StepRefused(
      `Machine "${given.machine.id}": "${type}" is for operators alone, and somebody else caused it`,
    );
  if (params !== undefined) checkJson(given.machine, `params of "${type}"`, params);
  // The input of an actor is the actor's own.
  const lane = invocation === undefined ? namedLane(params) : undefined;
  if (lane === null)
    throw new StepRefused(`Machine "${given.machine.id}": ${problemOfLane(type, params ?? {})}`);
  const isTimer = given.event.type.startsWith('xstate.after.');
  const { chat } = given;
  return {
    id: `${given.cause}.${index}`,
    type,
    ...(params !== undefined && { params }),
    machine: given.machine.id,
    chat,
    lane: rule.lane ?? lane ?? (isTimer ? 'reminder' : 'reply'),
    queue:
      invocation !== undefined
        ? `${chat}!${invocation.id}`
        : rule.order === 'instant'
          ? `${chat}?${given.cause}.${index}`
          : `${chat}`,
    context: action.info?.context ?? {},
    ...(!isTimer && { event: given.facts === undefined ? given.event : { ...given.event, ...given.facts } }),
    ...(invocation !== undefined && { invocation }),
  };
}

function checkJson(machine: DurableMachine, what: string, value: unknown): void {
  const lost = lostInJson(value);
  if (lost !== null)
    throw new StepRefused(
      `Machine "${machine.id}": ${what}${lost}, which JSON cannot hold; nothing was written`,
    );
}
