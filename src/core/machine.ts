import type { AnyStateMachine } from 'xstate';
import { initialTransition } from 'xstate';

/** One delayed transition of a machine. */
export interface TimerSpec {
  /** The short name it is stored under: the delay's name, with the state's path where that is not unique. */
  readonly name: string;
  /** XState's own id, which is the event's type as well: `xstate.after.<delay>.<node>`. */
  readonly eventType: string;
  /** The delay's name in `setup({delays})`. */
  readonly delay: string;
  /** The state it belongs to. */
  readonly path: readonly string[];
}

/** A machine that passed the checks of `prepareMachine`, with what the step needs to know of it. */
export interface DurableMachine {
  readonly id: string;
  /** Changes when states, transitions or delays change; stored with each session. */
  readonly version: string;
  readonly logic: AnyStateMachine;
  /**
   * The same logic with its start computed once: XState's `transition` builds an inert actor, start and all, around
   * every event, which took half the time of a step.
   */
  readonly stepping: AnyStateMachine;
  /** By XState's id. */
  readonly timersByEvent: ReadonlyMap<string, TimerSpec>;
  /** By stored name. */
  readonly timersByName: ReadonlyMap<string, TimerSpec>;
  /** Where each invoked actor lives: invoke id → test of a snapshot's value. */
  readonly invokes: ReadonlyMap<string, { readonly src: string; readonly path: readonly string[] }>;
  /** The events that a user may cause, from the machine's `meta.userEvents`. */
  readonly userEvents: ReadonlySet<string>;
  /** Every event that the machine handles somewhere, timers and results of actors aside. */
  readonly events: ReadonlySet<string>;
  /** Delay in ms after which an untouched session in this state expires (tag `expires after <delay>`). */
  readonly expiry: ReadonlyMap<string, number>;
  /** Its timers stay while its person cannot be reached (`meta.whileUnreachable: 'goes on'`). */
  readonly goesOn: boolean;
  /** Names of actions that reach the outbox, with their static parameters, for checks of content. */
  readonly actions: readonly { readonly type: string; readonly params: Readonly<Record<string, unknown>> }[];
}

/** The machine uses something that cannot be made durable. One line per finding: state, what, why. */
export class MachineRefused extends Error {
  readonly problems: readonly string[];
  constructor(id: string, problems: readonly string[]) {
    super(`Machine "${id}" cannot run durably:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'MachineRefused';
    this.problems = problems;
  }
}

const builtinReasons: Record<string, string> = {
  'xstate.sendTo': 'sendTo needs a live actor; let the result of an invoked promise come back instead',
  'xstate.sendParent': 'sendParent needs a live parent actor',
  'xstate.forwardTo': 'forwardTo needs a live actor',
  'xstate.spawnChild': 'a spawned child would live in memory only; use invoke of a promise actor',
  'xstate.stopChild': 'there is no live child to stop',
};

interface NodeConfig {
  readonly [key: string]: unknown;
}
interface Node {
  readonly id: string;
  readonly key: string;
  readonly path: readonly string[];
  readonly config: NodeConfig;
  readonly states: Record<string, Node>;
  readonly tags: readonly string[];
}

const list = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const typeOf = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
      ? value.type
      : undefined;

/** 32-bit FNV-1a, base 36: short, stable, no cryptography wanted. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}

/**
 * Checks that a machine stays within the subset that can be made durable, and reads off what the step needs.
 * @param delays overrides of named delays, ms; names that the machine does not have are left alone
 * @param input what a new session of it is given, used for one trial run
 * @throws MachineRefused naming every state and reason at once
 */
export function prepareMachine(
  machine: AnyStateMachine,
  delays: Readonly<Record<string, number>> = {},
  input: Readonly<Record<string, unknown>> = {},
): DurableMachine {
  const problems: string[] = [];
  const known = machine.implementations.delays as Record<string, unknown>;
  const overrides = Object.fromEntries(Object.entries(delays).filter(([name]) => name in known));
  const logic: AnyStateMachine = machine.provide({ delays: overrides });
  const implementations = logic.implementations;
  const timers: { delay: string; node: Node; eventType: string }[] = [];
  const invokes = new Map<string, { src: string; path: readonly string[] }>();
  const events = new Set<string>();
  const expiry = new Map<string, number>();
  const actions: { type: string; params: Record<string, unknown> }[] = [];

  const checkActions = (where: string, value: unknown) => {
    for (const action of list(value)) {
      const type = typeOf(action);
      if (typeof action === 'function' || type === undefined) {
        problems.push(`${where}: an inline action; declare it by name in setup({actions})`);
        continue;
      }
      const implementation = implementations.actions[type] as unknown;
      if (implementation === undefined) {
        problems.push(`${where}: action "${type}" is not declared in setup({actions})`);
        continue;
      }
      const builtin = implementation as { type?: string; delay?: unknown };
      if (builtin.type !== undefined && builtin.type in builtinReasons) {
        problems.push(`${where}: action "${type}": ${builtinReasons[builtin.type]}`);
      } else if (builtin.type === 'xstate.raise' && builtin.delay !== undefined) {
        problems.push(
          `${where}: action "${type}": a delayed raise outlives its state; use \`after\` with a named delay`,
        );
      } else if (builtin.type === undefined) {
        const params = (action as { params?: unknown }).params;
        actions.push({ type, params: typeof params === 'object' && params !== null ? { ...params } : {} });
      }
    }
  };
  const checkTransitions = (where: string, value: unknown) => {
    for (const transition of list(value)) {
      if (typeof transition !== 'object' || transition === null) continue;
      const { guard, actions: named } = transition as { guard?: unknown; actions?: unknown };
      checkActions(where, named);
      if (guard === undefined) continue;
      const type = typeOf(guard);
      if (typeof guard === 'function' || type === undefined) {
        problems.push(`${where}: an inline guard; declare it by name in setup({guards})`);
      } else if (!(type in implementations.guards)) {
        problems.push(`${where}: guard "${type}" is not declared in setup({guards})`);
      }
    }
  };

  const visit = (node: Node) => {
    const where = `state "${node.path.join('.') || node.id}"`;
    const config = node.config;
    checkActions(`${where}, entry`, config['entry']);
    checkActions(`${where}, exit`, config['exit']);
    for (const [type, transition] of Object.entries((config['on'] as object | undefined) ?? {})) {
      events.add(type);
      checkTransitions(`${where}, on "${type}"`, transition);
    }
    checkTransitions(`${where}, always`, config['always']);
    checkTransitions(`${where}, onDone`, config['onDone']);
    for (const [delay, transition] of Object.entries((config['after'] as object | undefined) ?? {})) {
      if (!(delay in implementations.delays)) {
        problems.push(
          `${where}: after "${delay}" is not a delay named in setup({delays}); raw milliseconds are refused`,
        );
        continue;
      }
      timers.push({ delay, node, eventType: `xstate.after.${delay}.${node.id}` });
      checkTransitions(`${where}, after "${delay}"`, transition);
    }
    for (const item of list(config['invoke']) as { id?: string; src?: unknown; onSnapshot?: unknown }[]) {
      const src = item.src;
      if (typeof src !== 'string') {
        problems.push(`${where}: an inline invoke; declare the actor by name in setup({actors})`);
        continue;
      }
      if (typeof item.id !== 'string') problems.push(`${where}: invoke of "${src}" needs an explicit id`);
      const actor = implementations.actors[src] as { root?: unknown } | undefined;
      if (actor === undefined) problems.push(`${where}: actor "${src}" is not declared in setup({actors})`);
      else if (actor.root !== undefined) {
        problems.push(
          `${where}: actor "${src}" is a machine; timers and actions of a child machine would be lost`,
        );
      }
      if (item.onSnapshot !== undefined)
        problems.push(`${where}: invoke of "${src}" uses onSnapshot; only its end is reported`);
      const { onDone, onError } = item as { onDone?: unknown; onError?: unknown };
      checkTransitions(`${where}, onDone of "${src}"`, onDone);
      checkTransitions(`${where}, onError of "${src}"`, onError);
      if (typeof item.id === 'string') {
        if (invokes.has(item.id)) problems.push(`${where}: the invoke id "${item.id}" is used twice`);
        invokes.set(item.id, { src, path: node.path });
      }
    }
    for (const tag of node.tags) {
      const delay = /^expires after (\S+)$/.exec(tag)?.[1];
      if (delay === undefined) continue;
      const ms = (implementations.delays as Record<string, unknown>)[delay];
      if (typeof ms !== 'number')
        problems.push(`${where}: tag "${tag}" names no delay with a number in setup({delays})`);
      else expiry.set(node.path.join('.'), ms);
    }
    for (const child of Object.values(node.states)) visit(child);
  };
  const root = logic.root as unknown as Node;
  visit(root);

  const timersByEvent = new Map<string, TimerSpec>();
  const timersByName = new Map<string, TimerSpec>();
  for (const { delay, node, eventType } of timers) {
    const unique = timers.filter((other) => other.delay === delay).length === 1;
    const spec = {
      name: unique ? delay : `${delay}@${node.path.join('.')}`,
      eventType,
      delay,
      path: node.path,
    };
    timersByEvent.set(eventType, spec);
    timersByName.set(spec.name, spec);
  }

  const meta = root.config['meta'] as
    | { userEvents?: readonly string[]; whileUnreachable?: string }
    | undefined;
  const userEvents = meta?.userEvents ?? [];
  for (const type of userEvents) {
    if (!events.has(type)) problems.push(`meta.userEvents: no state handles "${type}"`);
  }

  const stepping = Object.create(logic) as AnyStateMachine;
  if (problems.length === 0) {
    const [snapshot] = initialTransition(logic, input);
    stepping.getInitialSnapshot = () => snapshot as never;
    if (snapshot.status === 'error') problems.push(`its start fails: ${String(snapshot.error)}`);
    else {
      const text = JSON.stringify(snapshot.context);
      for (const [key, value] of Object.entries(snapshot.context as object)) {
        if (
          ['function', 'symbol', 'bigint'].includes(typeof value) ||
          value instanceof Map ||
          value instanceof Set
        ) {
          problems.push(`context.${key}: only JSON values can be stored`);
        }
      }
      if (text === undefined) problems.push('context: only a JSON object can be stored');
    }
  }
  if (problems.length > 0) throw new MachineRefused(machine.id, problems);

  const shape = JSON.stringify(machine.config, (key, value) => (key === 'description' ? undefined : value));
  return {
    id: machine.id,
    version: fingerprint(shape),
    logic,
    stepping,
    timersByEvent,
    timersByName,
    invokes,
    userEvents: new Set(userEvents),
    events,
    expiry,
    goesOn: meta?.whileUnreachable === 'goes on',
    actions,
  };
}
