import type { AnyMachineSnapshot, StateValue } from 'xstate';
import { initialTransition, transition } from 'xstate';
import type { Effect, JsonObject, Lane } from './effects.ts';
import type { DurableMachine } from './machine.ts';
import { restoreSnapshot, type Session, stateName } from './session.ts';

/** What a machine receives. Timers and results of actors carry XState's own types. */
export interface MachineEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Where an action's or an actor's effect waits: `self` (the default) keeps the chat's order. */
export interface EffectRule {
  readonly lane?: Lane;
  /** `instant` effects are answers to a query that do not wait behind messages. */
  readonly queue?: 'chat' | 'instant';
}

export interface StepInput {
  readonly machine: DurableMachine;
  readonly chat: number;
  /** null: the chat has no session of this machine yet. */
  readonly session: Session | null;
  /** The stored version of the session; 0 when there is none. */
  readonly version: number;
  readonly event: MachineEvent;
  /** What a new session is given. */
  readonly input: JsonObject;
  /** ms since 1970. */
  readonly now: number;
  /** The person is back after timers were dropped: those of the state they are in start anew. */
  readonly isBack?: boolean;
  readonly rules: Readonly<Record<string, EffectRule>>;
}

/** A delayed transition to be written (`due`, ms) or taken away (null), in this order. */
export interface TimerChange {
  readonly name: string;
  readonly due: number | null;
}

/** What one step wants written. */
export interface Commit {
  readonly session: Session;
  readonly from: string | null;
  readonly to: string;
  /** ms after which the session expires if nothing touches it; null: never. */
  readonly expiresIn: number | null;
  readonly timers: readonly TimerChange[];
  readonly effects: readonly Effect[];
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
  const { machine, session, event } = given;
  if (session !== null && isStale(machine, session, event)) return null;

  let snapshot: AnyMachineSnapshot;
  let actions: Action[] = [];
  if (session === null) {
    const [first, firstActions] = initialTransition(machine.logic, given.input as never);
    if (first.status === 'error') throw (first as AnyMachineSnapshot).error;
    snapshot = first as AnyMachineSnapshot;
    actions = firstActions as unknown as Action[];
  } else {
    snapshot = restoreSnapshot(machine, session);
  }
  const [next, nextActions] = transition(machine.stepping, snapshot as never, event as never) as unknown as [
    AnyMachineSnapshot,
    Action[],
  ];
  if (next === snapshot && nextActions.length === 0 && given.isBack !== true) return null;
  if (next.status === 'error') throw next.error;
  actions = [...actions, ...nextActions];

  const spawned = Object.keys(next.children).find((id) => !machine.invokes.has(id));
  if (spawned !== undefined) {
    throw new StepRefused(
      `Machine "${machine.id}" spawned "${spawned}" in an assign; only invoke of a promise is durable`,
    );
  }

  const timers: TimerChange[] = [];
  const effects: Effect[] = [];
  let generation = session?.generation ?? 0;
  const invocations = keptInvocations(machine, session, next.value);
  const settled = resultOf(event);
  if (settled !== null) delete invocations[settled.invocation];

  for (const action of actions) {
    if (action.type === 'xstate.raise') {
      timers.push(...raisedTimer(machine, action.params, given.now));
    } else if (action.type === 'xstate.cancel') {
      const spec = machine.timersByEvent.get(String(action.params?.['sendId']));
      if (spec !== undefined) timers.push({ name: spec.name, due: null });
    } else if (action.type === 'xstate.spawnChild') {
      const id = String(action.params?.['id']);
      invocations[id] = ++generation;
      effects.push(effectOf(given, action, effects.length, { id, generation }));
    } else if (!action.type.startsWith('xstate.')) {
      effects.push(effectOf(given, action, effects.length));
    } else if (!ignoredBuiltins.has(action.type)) {
      throw new StepRefused(`Machine "${machine.id}": the action ${action.type} cannot be made durable`);
    }
  }
  if (next.status !== 'active') {
    for (const name of machine.timersByName.keys()) timers.push({ name, due: null });
  }

  const timersOfReturn = given.isBack === true ? awaitedTimers(given, next, timers) : [];

  const to = stateName(next.value);
  const history = Object.keys(next.historyValue).length > 0 ? historyOf(next) : undefined;
  return {
    session: {
      value: next.value as StateValue,
      context: next.context as JsonObject,
      status: next.status as Session['status'],
      ...(history !== undefined && { history }),
      ...(Object.keys(invocations).length > 0 && { invocations }),
      ...(generation > 0 && { generation }),
    },
    from: session === null ? null : stateName(session.value),
    to,
    expiresIn: next.status === 'active' ? (machine.expiry.get(to) ?? null) : null,
    timers: [...timersOfReturn, ...timers],
    effects,
  };
}

/** The timers of the states that are active, as if they were entered now, but for those that the step itself sets. */
function awaitedTimers(
  given: StepInput,
  snapshot: AnyMachineSnapshot,
  set: readonly TimerChange[],
): TimerChange[] {
  const delays = given.machine.logic.implementations.delays as Record<string, unknown>;
  const known = new Set(set.map(({ name }) => name));
  return [...given.machine.timersByName.values()]
    .filter(({ name, path }) => !known.has(name) && isActive(snapshot.value, path))
    .map(({ name, delay }) => {
      const found = delays[delay];
      const ms =
        typeof found === 'function' ? found({ context: snapshot.context, event: given.event }) : found;
      return { name, due: given.now + Math.max(0, Math.round(Number(ms))) };
    });
}

/** The event of a timer's stored name; null when the machine no longer has such a timer. */
export function timerEvent(machine: DurableMachine, name: string): MachineEvent | null {
  const spec = machine.timersByName.get(name);
  return spec === undefined ? null : { type: spec.eventType };
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

/** A result that is not awaited any more: its state was left, or entered anew since. */
function isStale(machine: DurableMachine, session: Session, event: MachineEvent): boolean {
  if (session.status !== 'active') return true;
  const result = resultOf(event);
  if (result === null || !machine.invokes.has(result.invocation)) return false;
  return session.invocations?.[result.invocation] !== result.generation;
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
  return [{ name: spec.name, due: now + Math.max(0, Math.round(Number(params['delay']))) }];
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
  const isTimer = given.event.type.startsWith('xstate.after.');
  const chat = given.chat;
  return {
    id: `${given.version + 1}.${index}`,
    type,
    ...(params !== undefined && { params }),
    machine: given.machine.id,
    chat,
    lane: rule.lane ?? (isTimer ? 'reminder' : 'reply'),
    queue:
      invocation !== undefined
        ? `${chat}!${invocation.id}`
        : rule.queue === 'instant'
          ? `${chat}?`
          : `${chat}`,
    context: action.info?.context ?? {},
    ...(!isTimer && { event: given.event }),
    ...(invocation !== undefined && { invocation }),
  };
}

/** History as plain ids, the form that `restoreSnapshot` takes. */
function historyOf(snapshot: AnyMachineSnapshot): JsonObject {
  const nodes = snapshot.historyValue as Record<string, readonly { id: string }[]>;
  return Object.fromEntries(
    Object.entries(nodes).map(([key, value]) => [key, value.map(({ id }) => ({ id }))]),
  );
}
