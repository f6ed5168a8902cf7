import type { AnyActorScope, AnyStateMachine } from 'xstate';
import { createActor } from 'xstate';
import { Misconfigured } from '../refused.ts';
import { lostInJson } from './json.ts';

/** One delayed transition of a machine. */
export interface TimerSpec {
  /**
   * The name it is stored under, `<delay>@<digest of the state's path>`: it keeps its meaning when another state begins to
   * use the same delay, and is short, since half a million of them stand in Redis.
   */
  readonly name: string;
  /** The name it is shown under: the delay's, with the state's path where several states use it. */
  readonly shownName: string;
  /** Names that an earlier release stored it under. */
  readonly formerNames: readonly string[];
  /** XState's own id, which is the event's type as well: `xstate.after.<delay>.<node>`. */
  readonly eventType: string;
  /** The delay's name in `setup({delays})`. */
  readonly delay: string;
  /** The state it belongs to. */
  readonly path: readonly string[];
  /**
   * It takes something away (tag of the machine: `<delay> waits for the news`): it fires only when everything that could
   * make it void has been asked for since it was due.
   */
  readonly waits: boolean;
}

/** A machine that passed the checks of `prepareMachine`, with what the step needs to know of it. */
export interface DurableMachine {
  readonly id: string;
  /** Changes when states, transitions or delays change; stored with each session. */
  readonly version: string;
  readonly logic: AnyStateMachine;
  /**
   * What XState's `transition` and `initialTransition` make around every event, an inert actor with its start, which took
   * half the time of a step: made once. The actions that are asked for are to be heard by an `actionExecutor` of the step's.
   */
  readonly scope: () => AnyActorScope;
  /** The names of all states that a session can rest in, as `stateName` gives them; without those of parallel states. */
  readonly states: readonly string[];
  readonly timers: readonly TimerSpec[];
  /** By XState's id. */
  readonly timersByEvent: ReadonlyMap<string, TimerSpec>;
  /** Where each invoked actor lives: invoke id → test of a snapshot's value. */
  readonly invokes: ReadonlyMap<string, { readonly src: string; readonly path: readonly string[] }>;
  /** The events that a user may cause, from the machine's `meta.userEvents`. */
  readonly userEvents: ReadonlySet<string>;
  /** Every event that the machine handles somewhere, timers and results of actors aside. */
  readonly events: ReadonlySet<string>;
  /**
   * States in which an untouched session expires, with the delay in ms: tag `expires after <delay>`, or `expires after <delay>
   * with <field>` for sessions whose context has something to keep.
   */
  readonly expiry: readonly Expiry[];
  /** States whose sessions stay when their person is forgotten, until they have left them (tag `outlives forgetting`). */
  readonly outlives: readonly (readonly string[])[];
  /** What becomes of a session while its person cannot be reached. */
  readonly whileUnreachable: WhileUnreachable;
  /** Names of actions that reach the outbox, with their static parameters, for checks of content. */
  readonly actions: readonly { readonly type: string; readonly params: Readonly<Record<string, unknown>> }[];
  /** Only operators talk to it (`meta.audience: 'operators'`): its user events are theirs alone. */
  readonly forOperators: boolean;
}

export interface Expiry {
  readonly path: readonly string[];
  readonly after: number;
  /** A field of the context; absent: for every session. */
  readonly field?: string;
}

export interface WhileUnreachable {
  /** Its timers stay (root tag `goes on while unreachable`); without it they are dropped until the person is back. */
  readonly goesOn: boolean;
  /** ms after which it ends (root tag `ends after <delay> while unreachable`); null: never. */
  readonly endsAfter: number | null;
  /** States in which it does not end all the same (tag `stays while unreachable`). */
  readonly stays: readonly (readonly string[])[];
}

/** The timer at whose time an untouched session ends: the runtime's own, in every machine. */
export const expiryTimer = '~expiry';

/** What the one state of a machine without states is called. */
export const onlyState = 'root';

/** Transitions without an event that may follow each other; two that lead into each other would never end. */
const longestChain = 1_000;

/** Actions that the commit itself performs; see core/step.ts. */
export const commitActions = {
  signal: 'signal',
  count: 'count',
  record: 'record',
  forget: 'forget',
} as const;

/** The machine uses something that cannot be made durable. One line per finding: state, what, why. */
export class MachineRefused extends Misconfigured {
  readonly problems: readonly string[];
  constructor(id: string, problems: readonly string[]) {
    super(`Machine "${id}" cannot run durably:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
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
  readonly type: string;
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
  // A delay that the machine computes is not for bot.yaml to set.
  const overrides = Object.fromEntries(
    Object.entries(delays).filter(([name]) => typeof known[name] === 'number'),
  );
  const logic: AnyStateMachine = machine.provide({ delays: overrides });
  logic.options.maxIterations = longestChain;
  const implementations = logic.implementations;
  const timers: { delay: string; node: Node; eventType: string }[] = [];
  const invokes = new Map<string, { src: string; path: readonly string[] }>();
  let hasSystemIds = false;
  const events = new Set<string>();
  const expiry: Expiry[] = [];
  const outlives: (readonly string[])[] = [];
  const deadlines = new Set<string>();
  const whileUnreachable = {
    goesOn: false,
    endsAfter: null as number | null,
    stays: [] as (readonly string[])[],
  };
  const states: string[] = [];
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
        if (type === commitActions.signal && !isSignal(params))
          problems.push(`${where}: action "signal" needs the literal params {machine, event}`);
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

  const delayOf = (where: string, tag: string, name: string): number | undefined => {
    const ms = (implementations.delays as Record<string, unknown>)[name];
    if (typeof ms === 'number') return ms;
    problems.push(`${where}: tag "${tag}" names no delay with a number in setup({delays})`);
    return undefined;
  };
  const readTag = (where: string, node: Node, tag: string) => {
    const [, idle, field] = /^expires after (\S+)(?: with (\S+))?$/.exec(tag) ?? [];
    const [, away] = /^ends after (\S+) while unreachable$/.exec(tag) ?? [];
    const [, deadline] = /^(\S+) waits for the news$/.exec(tag) ?? [];
    const isRoot = node.path.length === 0;
    const isOfMachine = away !== undefined || deadline !== undefined || tag === 'goes on while unreachable';
    if (isOfMachine && !isRoot)
      problems.push(`${where}: the tag "${tag}" is one of the machine, not of a state`);
    if (idle !== undefined) {
      const after = delayOf(where, tag, idle);
      if (after !== undefined) expiry.push({ path: node.path, after, ...(field !== undefined && { field }) });
    } else if (tag === 'outlives forgetting') outlives.push(node.path);
    else if (away !== undefined) whileUnreachable.endsAfter = delayOf(where, tag, away) ?? null;
    else if (deadline !== undefined) {
      if (!(deadline in implementations.delays))
        problems.push(`${where}: tag "${tag}" names no delay of setup({delays})`);
      deadlines.add(deadline);
    } else if (tag === 'goes on while unreachable') whileUnreachable.goesOn = true;
    else if (tag === 'stays while unreachable') whileUnreachable.stays.push(node.path);
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
      if (/[~|@]/.test(delay))
        problems.push(`${where}: after "${delay}": a delay's name has no "~", "|" or "@"`);
      timers.push({ delay, node, eventType: `xstate.after.${delay}.${node.id}` });
      checkTransitions(`${where}, after "${delay}"`, transition);
    }
    for (const item of list(config['invoke']) as {
      id?: string;
      src?: unknown;
      onSnapshot?: unknown;
      systemId?: string;
    }[]) {
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
        hasSystemIds ||= item.systemId !== undefined;
      }
    }
    for (const tag of node.tags) readTag(where, node, tag);
    if (Object.keys(node.states).length === 0 && node.type !== 'history')
      states.push(node.path.join('.') || onlyState);
    for (const child of Object.values(node.states)) visit(child);
  };
  const root = logic.root as unknown as Node;
  visit(root);

  const specs = timers.map(({ delay, node, eventType }): TimerSpec => {
    const path = node.path.join('.');
    const isUnique = timers.filter((other) => other.delay === delay).length === 1;
    const long = `${delay}@${path}`;
    return {
      name: `${delay}@${fingerprint(path).slice(-4)}`,
      shownName: isUnique ? delay : long,
      // One that had no namesake was stored under the delay alone.
      formerNames: isUnique ? [delay, long] : [long, delay],
      eventType,
      delay,
      path: node.path,
      waits: deadlines.has(delay),
    };
  });
  const names = specs.map(({ name }) => name);
  for (const { name, path } of specs)
    if (names.filter((other) => other === name).length > 1)
      problems.push(
        `state "${path.join('.')}": rename it; its timer would be stored under the name of another`,
      );
  if (/[:|]/.test(machine.id))
    problems.push('its id has a ":" or "|", which part the names of what is stored');

  const meta = root.config['meta'] as { userEvents?: readonly string[]; audience?: string } | undefined;
  const userEvents = meta?.userEvents ?? [];
  for (const type of userEvents) {
    if (!events.has(type)) problems.push(`meta.userEvents: no state handles "${type}"`);
  }

  let scope = () => scopeOf(logic, input);
  if (problems.length === 0) {
    try {
      const shared = scope();
      // A name is taken once in a system of actors: each event has a system of its own then.
      if (!hasSystemIds) scope = () => shared;
      const snapshot = logic.getInitialSnapshot(shared, input as never);
      if (snapshot.status === 'error') throw (snapshot as { error?: unknown }).error;
      const lost = lostInJson(snapshot.context);
      if (lost !== null) problems.push(`context${lost}, which JSON cannot hold`);
    } catch (error) {
      problems.push(`its start fails: ${String(error)}`);
    }
  }
  if (problems.length > 0) throw new MachineRefused(machine.id, problems);

  const shape = JSON.stringify(machine.config, (key, value) => (key === 'description' ? undefined : value));
  return {
    id: machine.id,
    version: fingerprint(shape),
    logic,
    scope,
    states,
    timers: specs,
    timersByEvent: new Map(specs.map((spec) => [spec.eventType, spec])),
    invokes,
    userEvents: new Set(userEvents),
    events,
    expiry,
    outlives,
    whileUnreachable,
    actions,
    forOperators: meta?.audience === 'operators',
  };
}

/** An actor that never runs, as XState's pure functions make it for one event. */
function scopeOf(logic: AnyStateMachine, input: object | undefined): AnyActorScope {
  const self = createActor(logic, { input: input as never });
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

const isSignal = (params: unknown): params is { machine: string; event: string } =>
  typeof params === 'object' &&
  params !== null &&
  'machine' in params &&
  'event' in params &&
  typeof params.machine === 'string' &&
  typeof params.event === 'string';

/** Whether a session can stand in a state of this name, as `stateName` gives it. */
export function hasState({ states }: DurableMachine, name: string): boolean {
  // Regions of a parallel state are joined by "+"; what leads to all of them stands before the first alone.
  return name
    .split('+')
    .every((part) => states.some((state) => state === part || state.endsWith(`.${part}`)));
}

/**
 * Checks that what only operators may cause is asked for by machines for operators alone. The list belongs to the effects:
 * a machine that loses the line which says for whom it is must not open them to everybody.
 * @param privileged names of actions and actors
 * @throws MachineRefused
 */
export function checkPrivileges(machines: readonly DurableMachine[], privileged: ReadonlySet<string>): void {
  for (const { id, actions, invokes, forOperators } of machines) {
    if (forOperators) continue;
    const asked = [...actions.map(({ type }) => type), ...[...invokes.values()].map(({ src }) => src)];
    const problems = [...new Set(asked)]
      .filter((type) => privileged.has(type))
      .map(
        (type) =>
          `"${type}" is for operators alone; expected meta.audience: 'operators' at the machine's root`,
      );
    if (problems.length > 0) throw new MachineRefused(id, problems);
  }
}

/**
 * Holds the signals of machines that run together against each other.
 * @throws MachineRefused when one goes to a machine or an event that is not there
 */
export function checkSignals(machines: readonly DurableMachine[]): void {
  for (const { id, actions } of machines) {
    const problems = actions.flatMap(({ type, params }) => {
      if (type !== commitActions.signal || !isSignal(params)) return [];
      const target = machines.find((machine) => machine.id === params.machine);
      if (target === undefined) return [`signal "${params.event}": no machine "${params.machine}" is loaded`];
      if (!target.events.has(params.event))
        return [`signal "${params.event}": no state of "${params.machine}" handles it`];
      return [];
    });
    if (problems.length > 0) throw new MachineRefused(id, problems);
  }
}
