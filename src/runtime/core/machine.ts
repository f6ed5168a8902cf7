import type { AnyActorScope, AnyStateMachine } from 'xstate';
import { actionsOf, type Chart, readChart, statesOf } from './chart.ts';
import {
  type DurableMachine,
  MachineRefused,
  type OutsideAction,
  onlyState,
  type TimerSpec,
} from './durable.ts';
import { lostInJson } from './json.ts';
import { problemsOf } from './subset.ts';
import { readTags } from './tags.ts';
import { warningsOf } from './warnings.ts';
import { firstSnapshot, implementationsOf, inertScope, withDelays } from './xstate.ts';

export {
  commitActions,
  type DurableMachine,
  expiryTimer,
  MachineRefused,
  onlyState,
  type TimerSpec,
} from './durable.ts';
export { checkKnown, checkPrivileges, checkSignals } from './together.ts';

/** Transitions without an event that may follow each other; two that lead into each other would never end. */
const longestChain = 1_000;

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
  const known = implementationsOf(machine).delays;
  // A delay that the machine computes is not for bot.yaml to set.
  const overrides = Object.fromEntries(
    Object.entries(delays).filter(([name]) => typeof known[name] === 'number'),
  );
  const logic = withDelays(machine, overrides, longestChain);
  const chart = readChart(logic);
  const tags = readTags(chart);
  const timers = timersOf(chart, tags.deadlines);
  const events = new Set(
    chart.transitions.flatMap(({ trigger: { kind, name } }) => (kind === 'event' ? [name] : [])),
  );
  const meta = chart.meta as { userEvents?: readonly string[]; audience?: string };
  const userEvents = meta.userEvents ?? [];
  const problems = [
    ...problemsOf(chart),
    ...tags.problems,
    ...namesakes(timers),
    ...userEvents
      .filter((type) => !events.has(type))
      .map((type) => `meta.userEvents: no state handles "${type}"`),
  ];
  if (problems.length > 0) throw new MachineRefused(machine.id, problems);

  const shape = JSON.stringify(machine.config, (key, value) => (key === 'description' ? undefined : value));
  return {
    id: machine.id,
    version: fingerprint(shape),
    logic,
    scope: trialRun(logic, chart, input),
    states: chart.states
      .filter(({ type, children }) => type !== 'history' && children.length === 0)
      .map(({ path }) => path || onlyState),
    timers,
    timersByEvent: new Map(timers.map((timer) => [timer.eventType, timer])),
    invokes: invokesOf(chart),
    userEvents: new Set(userEvents),
    events,
    expiry: tags.expiry,
    outlives: tags.outlives,
    whileUnreachable: tags.whileUnreachable,
    actions: outsideActions(chart),
    forOperators: meta.audience === 'operators',
    warnings: [...tags.warnings, ...warningsOf(chart, tags.expiry)].map(
      (warning) => `machine "${machine.id}", ${warning}`,
    ),
  };
}

function timersOf({ states, transitions }: Chart, deadlines: ReadonlySet<string>): TimerSpec[] {
  const delayed = states.flatMap(({ path, keys }) => {
    const own = transitions.filter(({ source, trigger }) => source === path && trigger.kind === 'after');
    const byEvent = new Map(own.map(({ eventType, trigger }) => [eventType, trigger.name]));
    return [...byEvent].map(([eventType, delay]) => ({ eventType, delay, path, keys }));
  });
  return delayed.map(({ eventType, delay, path, keys }) => {
    const isUnique = delayed.filter((other) => other.delay === delay).length === 1;
    const long = `${delay}@${path}`;
    return {
      name: `${delay}@${fingerprint(path).slice(-4)}`,
      shownName: isUnique ? delay : long,
      // One that had no namesake was stored under the delay alone.
      formerNames: isUnique ? [delay, long] : [long, delay],
      eventType,
      delay,
      path: keys,
      waits: deadlines.has(delay),
    };
  });
}

function namesakes(timers: readonly TimerSpec[]): string[] {
  const names = timers.map(({ name }) => name);
  return timers
    .filter(({ name }) => names.indexOf(name) !== names.lastIndexOf(name))
    .map(
      ({ path }) =>
        `state "${path.join('.')}": rename it; its timer would be stored under the name of another`,
    );
}

function invokesOf({ states }: Chart): DurableMachine['invokes'] {
  return new Map(
    states.flatMap(({ keys, invokes }) =>
      invokes.flatMap(({ id, src }) => (id === null || src === null ? [] : [[id, { src, path: keys }]])),
    ),
  );
}

const outsideActions = (chart: Chart): OutsideAction[] =>
  statesOf(chart).flatMap((state) =>
    actionsOf(state).flatMap(({ where, call: { type, params, isComputed } }) =>
      type === null || chart.declared.actions.get(type)?.builtin !== null
        ? []
        : [{ type, params, isComputed, where }],
    ),
  );

/**
 * Begins a session once, to see that the machine can.
 * @returns what gives each step its actor scope
 * @throws MachineRefused
 */
function trialRun(logic: AnyStateMachine, { id, states }: Chart, input: object): () => AnyActorScope {
  const refuse = (problem: string) => {
    throw new MachineRefused(id, [problem]);
  };
  try {
    const shared = inertScope(logic, input);
    const lost = lostInJson(firstSnapshot(logic, shared, input).context);
    if (lost !== null) refuse(`context${lost}, which JSON cannot hold`);
    // A name is taken once in a system of actors: each event has a system of its own then.
    const hasSystemIds = states.some(({ invokes }) => invokes.some((invoke) => invoke.hasSystemId));
    return hasSystemIds ? () => inertScope(logic, input) : () => shared;
  } catch (error) {
    if (error instanceof MachineRefused) throw error;
    throw new MachineRefused(id, [`its start fails: ${String(error)}`]);
  }
}

/** Whether a session can stand in a state of this name, as `stateName` gives it. */
export function hasState({ states }: DurableMachine, name: string): boolean {
  // Regions of a parallel state are joined by "+"; what leads to all of them stands before the first alone.
  return name
    .split('+')
    .every((part) => states.some((state) => state === part || state.endsWith(`.${part}`)));
}
