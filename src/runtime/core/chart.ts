import type { AnyStateMachine } from 'xstate';
import type { JsonObject } from './effects.ts';
import { historyTarget, implementationsOf, type NodeTransition, rootOf, type StateNode } from './xstate.ts';

/** A machine as plain data: what the checks, the pictures and the texts about machines go by. */
export interface Chart {
  readonly id: string;
  /** Of the root: who talks to it, which events a user may cause. */
  readonly meta: JsonObject;
  /** In the order in which they are written, each before its children; the root is the first. */
  readonly states: readonly ChartState[];
  /** State by state in that order; within a state in the order in which XState tries them, `always` last. */
  readonly transitions: readonly ChartTransition[];
  /** The delays of `setup`: ms; null where the machine computes it. */
  readonly delays: ReadonlyMap<string, number | null>;
  /** What `setup` declares besides. */
  readonly declared: {
    /** Name → XState's own kind of action, such as `xstate.assign`; null: one that is performed outside. */
    readonly actions: ReadonlyMap<string, { readonly builtin: string | null; readonly isDelayed: boolean }>;
    readonly guards: ReadonlySet<string>;
    /** Name → whether it is a machine itself. */
    readonly actors: ReadonlyMap<string, { readonly isMachine: boolean }>;
  };
}

export interface ChartState {
  /** The keys that lead to it, joined by dots; the root's is empty. */
  readonly path: string;
  readonly keys: readonly string[];
  /** XState's id of it. */
  readonly id: string;
  /** Its own key; of the root, the machine's id. */
  readonly name: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Path; null: the root. */
  readonly parent: string | null;
  /** Paths. */
  readonly children: readonly string[];
  /** Name of the child that is entered first, as it is written; null where there is none. */
  readonly initial: string | null;
  /** Of a history state: path of what it goes to when there is no history yet; null: its parent's initial one. */
  readonly fallback: string | null;
  /** Of a history state: it recalls the states within the state as well. */
  readonly isDeep: boolean;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly entry: readonly ChartCall[];
  readonly exit: readonly ChartCall[];
  readonly invokes: readonly ChartInvoke[];
}

/** An action or a guard, by its name. */
export interface ChartCall {
  /** null: it is written inline. */
  readonly type: string | null;
  readonly params: Readonly<JsonObject>;
  /** The parameters are a function: what they come to shows only when it is called. */
  readonly isComputed: boolean;
}

export interface ChartInvoke {
  /** null: it is written inline. */
  readonly src: string | null;
  /** null: none is written. */
  readonly id: string | null;
  readonly hasSystemId: boolean;
}

/** What a transition waits for. `name`: the event's type, the delay's name or the invoke's id. */
export interface Trigger {
  readonly kind: 'event' | 'after' | 'always' | 'done' | 'actor done' | 'actor error' | 'actor snapshot';
  readonly name: string;
}

export interface ChartTransition {
  /** Path. */
  readonly source: string;
  readonly trigger: Trigger;
  /** The type of the event that the machine receives; empty for `always`. */
  readonly eventType: string;
  readonly guard: ChartCall | null;
  readonly actions: readonly ChartCall[];
  /** Paths; none: it stays where it is. */
  readonly targets: readonly string[];
  readonly reenter: boolean;
  readonly description: string | undefined;
}

/** Reads an XState machine. Pure; the one reader of machines that there is. */
export function readChart(machine: AnyStateMachine): Chart {
  const implementations = implementationsOf(machine);
  const root = rootOf(machine);
  const nodes = nodesOf(root);
  return {
    id: machine.id,
    meta: (root.config['meta'] ?? {}) as JsonObject,
    states: nodes.map((node) => readState(machine, node)),
    transitions: nodes.flatMap((node) =>
      [...node.transitions.values(), node.always ?? []].flat().map((one) => readTransition(node, one)),
    ),
    delays: new Map(
      Object.entries(implementations.delays).map(([name, ms]) => [name, typeof ms === 'number' ? ms : null]),
    ),
    declared: {
      actions: new Map(
        Object.entries(implementations.actions).map(([name, action]) => {
          const { type, delay } = (action ?? {}) as { type?: string; delay?: unknown };
          return [name, { builtin: type ?? null, isDelayed: delay !== undefined }];
        }),
      ),
      guards: new Set(Object.keys(implementations.guards)),
      actors: new Map(
        Object.entries(implementations.actors).map(([name, actor]) => [
          name,
          { isMachine: (actor as { root?: unknown } | undefined)?.root !== undefined },
        ]),
      ),
    },
  };
}

const nodesOf = (node: StateNode): StateNode[] => [node, ...Object.values(node.states).flatMap(nodesOf)];

const pathOf = (node: StateNode): string => node.path.join('.');

const list = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

function readState(machine: AnyStateMachine, node: StateNode): ChartState {
  const { config } = node;
  const isRoot = node.path.length === 0;
  return {
    path: pathOf(node),
    keys: node.path,
    id: node.id,
    name: isRoot ? machine.id : node.key,
    type: node.type,
    parent: isRoot ? null : node.path.slice(0, -1).join('.'),
    children: Object.values(node.states).map(pathOf),
    initial: node.type === 'compound' ? initialOf(config['initial']) : null,
    fallback: node.type === 'history' ? (historyTarget(machine, node)?.join('.') ?? null) : null,
    isDeep: node.history === 'deep',
    description: config['description'] as string | undefined,
    tags: node.tags,
    // The node's own `entry` and `exit` hold what XState adds for its timers; the configuration does not.
    entry: list(config['entry']).map(readCall),
    exit: list(config['exit']).map(readCall),
    invokes: list(config['invoke']).map(readInvoke),
  };
}

function initialOf(value: unknown): string {
  const { target } = (typeof value === 'object' && value !== null ? value : { target: value }) as {
    target?: unknown;
  };
  return String(target);
}

function readCall(value: unknown): ChartCall {
  if (typeof value === 'string') return { type: value, params: {}, isComputed: false };
  const { type, params } = (typeof value === 'object' && value !== null ? value : {}) as {
    type?: unknown;
    params?: unknown;
  };
  return {
    type: typeof type === 'string' ? type : null,
    params: typeof params === 'object' && params !== null ? { ...params } : {},
    isComputed: typeof params === 'function',
  };
}

function readInvoke(value: unknown): ChartInvoke {
  const { src, id, systemId } = value as { src?: unknown; id?: unknown; systemId?: unknown };
  return {
    src: typeof src === 'string' ? src : null,
    id: typeof id === 'string' ? id : null,
    hasSystemId: systemId !== undefined,
  };
}

function readTransition(node: StateNode, one: NodeTransition): ChartTransition {
  return {
    source: pathOf(node),
    trigger: triggerOf(one.eventType, node),
    eventType: one.eventType,
    guard: one.guard === undefined ? null : readCall(one.guard),
    actions: one.actions.map(readCall),
    targets: (one.target ?? []).map(pathOf),
    reenter: one.reenter === true,
    description: one.description,
  };
}

const ofActor = { done: 'actor done', error: 'actor error' } as const;

function triggerOf(eventType: string, node: StateNode): Trigger {
  if (eventType === '') return { kind: 'always', name: '' };
  const own = `.${node.id}`;
  if (eventType.startsWith('xstate.after.') && eventType.endsWith(own))
    return { kind: 'after', name: eventType.slice('xstate.after.'.length, -own.length) };
  if (eventType === `xstate.done.state${own}`) return { kind: 'done', name: node.id };
  const [, kind, actor = ''] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(eventType) ?? [];
  if (kind === 'done' || kind === 'error') return { kind: ofActor[kind], name: actor };
  const [, watched] = /^xstate\.snapshot\.(.+)$/.exec(eventType) ?? [];
  return watched === undefined
    ? { kind: 'event', name: eventType }
    : { kind: 'actor snapshot', name: watched };
}

/** How a message names a state. */
export const placeOf = ({ path, id }: ChartState): string => `state "${path === '' ? id : path}"`;

/** How a message names a transition, after its state. */
export function placeOfTrigger({ kind, name }: Trigger): string {
  switch (kind) {
    case 'event':
      return `on "${name}"`;
    case 'after':
      return `after "${name}"`;
    case 'always':
      return 'always';
    case 'done':
      return 'onDone';
    case 'actor done':
      return `onDone of "${name}"`;
    case 'actor error':
      return `onError of "${name}"`;
    case 'actor snapshot':
      return `onSnapshot of "${name}"`;
  }
}

/** A state with the transitions that are written in it. */
export interface StateWithTransitions {
  readonly state: ChartState;
  readonly transitions: readonly ChartTransition[];
}

export function statesOf({ states, transitions }: Chart): StateWithTransitions[] {
  const bySource = new Map<string, ChartTransition[]>();
  for (const one of transitions) bySource.set(one.source, [...(bySource.get(one.source) ?? []), one]);
  return states.map((state) => ({ state, transitions: bySource.get(state.path) ?? [] }));
}

/** Every action of a state, with the place that a message names. */
export function actionsOf({
  state,
  transitions,
}: StateWithTransitions): { where: string; call: ChartCall }[] {
  const at = (where: string, calls: readonly ChartCall[]) =>
    calls.map((call) => ({ where: `${placeOf(state)}, ${where}`, call }));
  return [
    ...at('entry', state.entry),
    ...at('exit', state.exit),
    ...transitions.flatMap(({ trigger, actions }) => at(placeOfTrigger(trigger), actions)),
  ];
}
