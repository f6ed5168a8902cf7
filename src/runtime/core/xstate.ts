import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, StateValue } from 'xstate';
import { createActor } from 'xstate';
import type { JsonObject } from './effects.ts';

/**
 * XState's border: whatever its types do not say, or say otherwise than it is, is told here and nowhere else in the core. A
 * next major version of it is work on this file.
 */

/** One transition as XState resolved it. */
export interface NodeTransition {
  readonly eventType: string;
  readonly target?: readonly StateNode[] | undefined;
  readonly reenter?: boolean;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly description?: string;
}

/** What is read of a state node. `config` is what was written; the node's own lists hold what XState adds for its timers. */
export interface StateNode {
  readonly id: string;
  readonly key: string;
  readonly path: readonly string[];
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly history: 'shallow' | 'deep' | false;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly transitions: ReadonlyMap<string, readonly NodeTransition[]>;
  readonly always: readonly NodeTransition[] | undefined;
  readonly states: Readonly<Record<string, StateNode>>;
}

/** What `setup` declared, by name. */
export interface Implementations {
  readonly actions: Readonly<Record<string, unknown>>;
  readonly guards: Readonly<Record<string, unknown>>;
  readonly actors: Readonly<Record<string, unknown>>;
  readonly delays: Readonly<Record<string, unknown>>;
}

export const rootOf = (machine: AnyStateMachine): StateNode => machine.root as unknown as StateNode;

/** The state that this node's history goes to when there is none yet; undefined: the initial one of its parent. */
export function historyTarget(machine: AnyStateMachine, node: StateNode): readonly string[] | undefined {
  const target = node.config['target'];
  if (typeof target !== 'string') return undefined;
  const parent = node.path.slice(0, -1);
  if (target.startsWith('#')) return (machine.getStateNodeById(target) as unknown as StateNode).path;
  return [...parent, ...target.split('.')];
}

export const implementationsOf = (machine: AnyStateMachine): Implementations =>
  machine.implementations as unknown as Implementations;

/**
 * The machine with delays of its own.
 * @param longestChain transitions without an event that may follow each other
 */
export function withDelays(
  machine: AnyStateMachine,
  delays: Readonly<Record<string, number>>,
  longestChain: number,
): AnyStateMachine {
  const logic: AnyStateMachine = machine.provide({ delays });
  logic.options.maxIterations = longestChain;
  return logic;
}

/** An actor that never runs, as XState's pure functions make it for one event. */
export function inertScope(machine: AnyStateMachine, input: object): AnyActorScope {
  const self = createActor(machine, { input: input as never });
  const nothing = () => {};
  return {
    self,
    system: self.system,
    id: '',
    sessionId: '',
    logger: nothing,
    defer: nothing,
    emit: nothing,
    stopChild: nothing,
    actionExecutor: nothing,
  };
}

/**
 * The snapshot of a new session.
 * @throws what the machine's context, guards or assigns throw
 */
export function firstSnapshot(
  machine: AnyStateMachine,
  scope: AnyActorScope,
  input: object,
): AnyMachineSnapshot {
  const snapshot = machine.getInitialSnapshot(scope, input as never) as AnyMachineSnapshot;
  if (snapshot.status === 'error') throw snapshot.error;
  return snapshot;
}

/** The snapshot after an event: the same object when the machine does not react to it. */
export const nextSnapshot = (
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
  scope: AnyActorScope,
): AnyMachineSnapshot => machine.transition(snapshot, event, scope) as AnyMachineSnapshot;

/** A snapshot as it is stored. */
export interface StoredSnapshot {
  readonly value: StateValue;
  readonly context: JsonObject;
  readonly status: 'active' | 'done' | 'error';
  readonly history?: JsonObject;
}

/** The snapshot that `nextSnapshot` takes, without a live actor. */
export function restoredSnapshot(machine: AnyStateMachine, stored: StoredSnapshot): AnyMachineSnapshot {
  const { value, context, status, history } = stored;
  if (history === undefined)
    return machine.resolveState({ value, context, status } as never) as AnyMachineSnapshot;
  const persisted = { value, context, status, historyValue: history, children: {}, tags: [] };
  return machine.restoreSnapshot(persisted as never, undefined as never) as AnyMachineSnapshot;
}

/** What is stored of a snapshot. History is kept as plain ids, the form that `restoredSnapshot` takes. */
export function storedSnapshot(snapshot: AnyMachineSnapshot): StoredSnapshot {
  const nodes = snapshot.historyValue as Readonly<Record<string, readonly { id: string }[]>>;
  const history = Object.entries(nodes).map(([key, value]) => [key, value.map(({ id }) => ({ id }))]);
  return {
    value: snapshot.value as StateValue,
    context: snapshot.context as JsonObject,
    status: snapshot.status as StoredSnapshot['status'],
    ...(history.length > 0 && { history: Object.fromEntries(history) }),
  };
}
