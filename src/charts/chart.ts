import type { AnyStateMachine } from 'xstate';

/** One transition as a picture names it. */
export interface ChartTransition {
  /** The event's type as the machine receives it. */
  readonly event: string;
  /** The same in words: `after payment_reminder`, `createBooking done`, `always`. */
  readonly label: string;
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  readonly description: string | undefined;
}

/** Transitions of one event that lead from one state to one other. */
export interface ChartEdge {
  readonly event: string;
  readonly from: string;
  /** A state's path, or that of a history state. */
  readonly to: string;
  readonly branches: readonly ChartTransition[];
}

/** One state of a machine, with everything that a picture shows of it. */
export interface ChartState {
  /** Path of keys joined by dots; the root's is empty. */
  readonly path: string;
  readonly name: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly isDeep: boolean;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly invokes: readonly string[];
  /** Transitions that stay in the state. */
  readonly inner: readonly ChartTransition[];
  /** Path of the initial child. */
  readonly initial: string | undefined;
  readonly children: readonly ChartState[];
}

export interface Chart {
  readonly root: ChartState;
  readonly edges: readonly ChartEdge[];
}

interface Definition {
  readonly eventType: string;
  readonly target?: readonly Node[] | undefined;
  readonly reenter?: boolean;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly description?: string;
}
/** What is read of XState's state nodes. */
interface Node {
  readonly id: string;
  readonly key: string;
  readonly path: readonly string[];
  readonly type: ChartState['kind'];
  readonly history: 'shallow' | 'deep' | false;
  readonly config: Readonly<Record<string, unknown>>;
  readonly initial: { readonly target?: readonly Node[] } | undefined;
  readonly transitions: ReadonlyMap<string, readonly Definition[]>;
  readonly always: readonly Definition[] | undefined;
  readonly invoke: readonly { readonly src: unknown }[];
  readonly states: Readonly<Record<string, Node>>;
}

/** Reads a machine's states and transitions, in the order in which they are written. */
export function chartOf(machine: AnyStateMachine): Chart {
  const edges: ChartEdge[] = [];
  return { root: readState(machine.root as unknown as Node, edges), edges };
}

function readState(node: Node, edges: ChartEdge[]): ChartState {
  const { config } = node;
  const inner: ChartTransition[] = [];
  const mine = new Map<string, { event: string; from: string; to: string; branches: ChartTransition[] }>();
  for (const definition of [...node.transitions.values(), node.always ?? []].flat()) {
    const transition: ChartTransition = {
      event: definition.eventType,
      label: labelOf(definition.eventType, node),
      guard: definition.guard === undefined ? undefined : nameOf(definition.guard),
      actions: definition.actions.map(nameOf),
      description: definition.description,
    };
    const target = definition.target?.[0] ?? (definition.reenter === true ? node : undefined);
    if (target === undefined) {
      inner.push(transition);
      continue;
    }
    const edge = { event: transition.event, from: pathOf(node), to: pathOf(target), branches: [transition] };
    const key = `${edge.event} ${edge.to}`;
    const known = mine.get(key);
    if (known === undefined) mine.set(key, edge);
    else known.branches.push(transition);
  }
  edges.push(...mine.values());
  const initial = node.initial?.target?.[0];
  return {
    path: pathOf(node),
    name: node.key,
    kind: node.type,
    isDeep: node.history === 'deep',
    description: config['description'] as string | undefined,
    tags: list(config['tags']).map(String),
    // The node's own `entry` and `exit` hold what XState adds for its timers; the configuration does not.
    entry: list(config['entry']).map(nameOf),
    exit: list(config['exit']).map(nameOf),
    invokes: node.invoke.map(({ src }) => nameOf(src)),
    inner,
    initial: initial === undefined || node.type !== 'compound' ? undefined : pathOf(initial),
    children: Object.values(node.states).map((child) => readState(child, edges)),
  };
}

const pathOf = (node: Node): string => node.path.join('.');

const list = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** An action, guard or actor with its parameters: `send welcome`. */
function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'function') return value.name === '' ? 'inline' : value.name;
  const { type = 'inline', params } = value as { type?: string; params?: unknown };
  const words = typeof params === 'object' && params !== null ? Object.values(params) : [];
  return [type, ...words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word)))].join(' ');
}

function labelOf(event: string, node: Node): string {
  if (event === '') return 'always';
  if (event === '*') return 'any event';
  const found = /^xstate\.(after|done\.actor|error\.actor|done\.state|snapshot)\.(.*)$/.exec(event);
  if (found === null) return event;
  const [, kind, rest = ''] = found;
  if (kind === 'after') {
    const delay = rest.slice(0, -(node.id.length + 1));
    return `after ${/^\d+$/.test(delay) ? `${delay} ms` : delay}`;
  }
  if (kind === 'done.state') return 'done';
  return `${rest} ${kind === 'done.actor' ? 'done' : kind === 'error.actor' ? 'error' : 'snapshot'}`;
}
