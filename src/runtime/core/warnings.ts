import {
  actionsOf,
  type Chart,
  type ChartState,
  placeOf,
  placeOfTrigger,
  type StateWithTransitions,
  statesOf,
} from './chart.ts';
import type { Expiry } from './durable.ts';
import { Reach } from './reach.ts';

/** What runs, but hardly as it was meant: one line each, the state first. */
export function warningsOf(chart: Chart, expiry: readonly Expiry[]): string[] {
  const states = statesOf(chart);
  return [
    ...new Set([
      ...unreachable(chart),
      ...deadEnds(chart, expiry),
      ...states.flatMap(withoutReenter),
      ...states.flatMap((state) => computed(state, chart)),
    ]),
  ];
}

function unreachable(chart: Chart): string[] {
  const reach = new Reach(chart);
  return chart.states
    .filter(({ path, parent }) => !reach.has(path) && reach.has(parent ?? ''))
    .map(
      (state) =>
        `${placeOf(state)}: no transition leads to it; write one, make it the initial state, or remove it`,
    );
}

function deadEnds(chart: Chart, expiry: readonly Expiry[]): string[] {
  const reach = new Reach(chart);
  const resting = chart.states.filter(({ type, children }) => type !== 'history' && children.length === 0);
  // A machine of one state answers for ever, and is meant to.
  if (resting.length === 1) return [];
  const expires = ({ keys }: ChartState) =>
    expiry.some(({ path, field }) => field === undefined && path.every((key, index) => key === keys[index]));
  const isEnd = (state: ChartState) => state.type === 'final' && endsMachine(state, chart);
  return resting
    .filter((state) => reach.has(state.path) && !isEnd(state) && !expires(state) && !reach.leadsOn(state))
    .map(
      (state) =>
        `${placeOf(state)}: nothing leads on from it, so whoever comes here stays for ever; write a transition, ${
          state.type === 'final' ? 'such as onDone of the state around it' : "type: 'final'"
        }, or the tag "expires after <delay>"`,
    );
}

/** A final state ends the machine at its top level, and as the end of a region, when all others have ended too. */
function endsMachine({ parent }: ChartState, { states }: Chart): boolean {
  const around = states.find(({ path }) => path === parent);
  if (around === undefined || around.parent === null) return true;
  return states.some(({ path, type }) => path === around.parent && type === 'parallel');
}

/**
 * XState re-enters the state that a transition begins in only when it says `reenter`, and editors drop the word. Other states
 * around it are left and entered anew all the same.
 */
function withoutReenter(one: StateWithTransitions): string[] {
  return one.transitions.flatMap(({ source, trigger, targets, reenter }) => {
    const where = `${placeOf(one.state)}, ${placeOfTrigger(trigger)}`;
    if (targets.length === 0)
      return reenter
        ? [`${where}: reenter without a target does nothing; write the state as the target, or leave it out`]
        : [];
    return reenter || trigger.kind === 'always' || !targets.includes(source) || !hasEntry(one)
      ? []
      : [
          `${where}: leads to the state itself without reenter: true, so neither its entry and exit actions nor its timers begin anew; write reenter: true, or leave the target out`,
        ];
  });
}

const hasEntry = ({ state, transitions }: StateWithTransitions): boolean =>
  state.entry.length > 0 ||
  state.exit.length > 0 ||
  state.invokes.length > 0 ||
  transitions.some(({ trigger }) => trigger.kind === 'after');

/** XState calls such functions in the step and hands their result on: they run, and only the checks cannot see through them. */
const computed = (one: StateWithTransitions, { declared }: Chart): string[] =>
  actionsOf(one).flatMap(({ where, call: { type, isComputed } }) => [
    ...(isComputed
      ? [
          `${where}: the params of "${type}" are a function; whether what they name (a message, a reason) is there shows only when it is sent. Write literal params where you can`,
        ]
      : []),
    ...(declared.actions.get(type ?? '')?.builtin === 'xstate.enqueueActions'
      ? [
          `${where}: "${type}" enqueues actions by a function; whether somebody performs them, and what they name is there, shows only at the step. Write transitions with guards and lists of actions where you can`,
        ]
      : []),
  ]);
