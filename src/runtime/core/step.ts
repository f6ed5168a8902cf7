import type { AnyMachineSnapshot, StateValue } from 'xstate';
import { type Effect, type EffectRule, type JsonObject, namedLane, problemOfLane } from './effects.ts';
import { lostInJson } from './json.ts';
import { commitActions, type DurableMachine, expiryTimer, type TimerSpec } from './machine.ts';
import { restoreSnapshot, type Session, stateName } from './session.ts';
import { firstSnapshot, implementationsOf, nextSnapshot, storedSnapshot } from './xstate.ts';

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

/** Signals that may lead to each other, machine to machine, before they are taken for a circle. */
const longestRelay = 50;

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

/** The part of XState's executable action objects that we read. */
interface Action {
  readonly type: string;
  readonly params?: JsonObject;
  readonly info?: { readonly context: JsonObject; readonly event: MachineEvent };
}

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

  const actions: Action[] = [];
  const scope = { ...machine.scope(), actionExecutor: (action: unknown) => actions.push(action as Action) };
  let snapshot: AnyMachineSnapshot;
  if (session === null) {
    snapshot = firstSnapshot(machine.logic, scope, given.input);
  } else {
    snapshot = restoreSnapshot(machine, session);
  }
  const before = actions.length;
  const next = nextSnapshot(machine.logic, snapshot, event, scope);
  if (next === snapshot && actions.length === before && given.isBack !== true) return null;
  if (next.status === 'error') throw next.error;

  const spawned = Object.keys(next.children).find((id) => !machine.invokes.has(id));
  if (spawned !== undefined) {
    throw new StepRefused(
      `Machine "${machine.id}" spawned "${spawned}" in an assign; only invoke of a promise is durable`,
    );
  }
  if (session === null || next.context !== snapshot.context) checkJson(machine, 'context', next.context);

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

function mayEnd(machine: DurableMachine, { value, status, context }: Session, isAway: boolean): boolean {
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
function expiryChange(given: StepInput, from: AnyMachineSnapshot, to: AnyMachineSnapshot): TimerChange[] {
  const after = expiryAfter(given.machine, to.value, to.context);
  if (after !== null) return [{ name: expiryTimer, due: given.now + after }];
  const wasSet = given.isBack === true || expiryAfter(given.machine, from.value, from.context) !== null;
  return wasSet ? [{ name: expiryTimer, due: null }] : [];
}

/** Everything that may stand in the sorted set for a session, under whatever name. */
export const timerNamesOf = (machine: DurableMachine): string[] => [
  ...new Set(machine.timers.flatMap(({ name, formerNames }) => [name, ...formerNames])),
  expiryTimer,
];

const allTimersOf = (machine: DurableMachine): TimerChange[] =>
  timerNamesOf(machine).map((name) => ({ name, due: null }));

/** A timer goes under its name of today and those that an earlier release may have stored it under. */
function cancelled(machine: DurableMachine, spec: TimerSpec, value: StateValue): TimerChange[] {
  // A bare name may mean the timer of another state that is active beside this one.
  const isShared = machine.timers.some(
    (other) => other !== spec && other.delay === spec.delay && isActive(value, other.path),
  );
  const former = spec.formerNames.filter((name) => !isShared || name !== spec.delay);
  return [spec.name, ...former].map((name) => ({ name, due: null }));
}

function checkJson(machine: DurableMachine, what: string, value: unknown): void {
  const lost = lostInJson(value);
  if (lost !== null)
    throw new StepRefused(
      `Machine "${machine.id}": ${what}${lost}, which JSON cannot hold; nothing was written`,
    );
}

/** The timers of the states that are active, as if they were entered now, but for those that the step itself sets. */
function awaitedTimers(
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

function isActive(value: StateValue, path: readonly string[]): boolean {
  let at: StateValue | undefined = value;
  for (const key of path) {
    if (typeof at === 'string') return at === key && key === path.at(-1);
    at = at?.[key];
    if (at === undefined) return false;
  }
  return true;
}

function raisedTimer(machine: DurableMachine, params: JsonObject | undefined, now: number): TimerChange[] {
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
