import {
  actionsOf,
  type Chart,
  type ChartCall,
  type ChartState,
  placeOf,
  placeOfTrigger,
  type StateWithTransitions,
  statesOf,
} from './chart.ts';
import { commitActions } from './durable.ts';
import { namedLane, problemOfLane } from './effects.ts';
import { didYouMean } from './nearest.ts';

const builtinReasons: Readonly<Record<string, string>> = {
  'xstate.sendTo': 'sendTo needs a live actor; let the result of an invoked promise come back instead',
  'xstate.sendParent': 'sendParent needs a live parent actor',
  'xstate.forwardTo': 'forwardTo needs a live actor',
  'xstate.spawnChild': 'a spawned child would live in memory only; use invoke of a promise actor',
  'xstate.stopChild': 'there is no live child to stop',
};

/** What XState calls a machine whose `id` is not written. */
const namelessId = '(machine)';

/** Whatever keeps a machine out of the subset that can be made durable: one line each, the state first. */
export function problemsOf(chart: Chart): string[] {
  const perState = statesOf(chart).flatMap((one) => [
    ...namesOf(one),
    ...problemsOfInitial(one.state, chart),
    ...actionsOf(one).flatMap(({ where, call }) => problemsOfAction(where, call, chart)),
    ...problemsOfTransitions(one, chart),
    ...problemsOfInvokes(one.state, chart),
  ]);
  return [...new Set([...problemsOfId(chart.id), ...perState, ...repeatedInvokes(chart)])];
}

function problemsOfId(id: string): string[] {
  if (id === '' || id === namelessId)
    return [`it has no id; write id: '…' at its root, since what is stored is named by it`];
  return /[:|\s]/.test(id)
    ? [
        'its id has a ":", "|" or space, which part the names of what is stored; use letters, digits, "_" or "-"',
      ]
    : [];
}

/** Names that are part of what is stored, or that come back in the data of a button. */
function namesOf({ state, transitions }: StateWithTransitions): string[] {
  const where = placeOf(state);
  const found: string[] = [];
  if (state.parent !== null && (/[.+>:|#\p{Cc}]/u.test(state.name) || state.name === ''))
    found.push(
      `${where}: the key "${state.name}" has a ".", "+", ">", ":", "|", "#" or control character, or is empty; states are stored under their names, which these part. Use letters, digits, "_" or "-"`,
    );
  for (const { trigger } of transitions) {
    if (trigger.kind === 'event' && /[:\s\p{Cc}]/u.test(trigger.name))
      found.push(
        `${where}: the event "${trigger.name}" has a ":" or space, where the data of a button or a command is parted; name it like "topic.selected"`,
      );
    if (trigger.kind === 'after' && /[~|@]/.test(trigger.name))
      found.push(
        `${where}: the delay "${trigger.name}" has a "~", "|" or "@", which part the names of stored timers; use letters, digits, "_" or "-"`,
      );
  }
  return found;
}

function problemsOfInitial({ initial, children, ...state }: ChartState, chart: Chart): string[] {
  if (initial === null) return [];
  const keys = chart.states.filter(({ path }) => children.includes(path)).map(({ name }) => name);
  if (keys.includes(initial)) return [];
  return [
    `${placeOf({ initial, children, ...state })}: initial "${initial}" is none of its states.${didYouMean(initial, keys) || ` Expected one of ${keys.join(', ')}`}`,
  ];
}

function problemsOfAction(where: string, call: ChartCall, { declared }: Chart): string[] {
  const { type } = call;
  if (type === null) return [`${where}: an inline action; declare it by name in setup({actions})`];
  const action = declared.actions.get(type);
  if (action === undefined)
    return [
      `${where}: action "${type}" is not declared in setup({actions}).${didYouMean(type, declared.actions.keys())}`,
    ];
  if (action.builtin === null) return problemsOfOutside(where, type, call);
  const reason = builtinReasons[action.builtin];
  if (reason !== undefined) return [`${where}: action "${type}": ${reason}`];
  return action.builtin === 'xstate.raise' && action.isDelayed
    ? [`${where}: action "${type}": a delayed raise outlives its state; use \`after\` with a named delay`]
    : [];
}

function problemsOfOutside(where: string, type: string, call: ChartCall): string[] {
  if (type === commitActions.signal && !isSignal(call))
    return [`${where}: action "signal" needs the literal params {machine, event}`];
  return Object.hasOwn(commitActions, type) || namedLane(call.params) !== null
    ? []
    : [`${where}: ${problemOfLane(type, call.params)}`];
}

/** Whether the parameters of a `signal` can be checked: a function's can not. */
export const isSignal = ({ params }: Pick<ChartCall, 'params'>): boolean =>
  typeof params['machine'] === 'string' && typeof params['event'] === 'string';

function problemsOfTransitions(
  { state, transitions }: StateWithTransitions,
  { declared, delays }: Chart,
): string[] {
  return transitions.flatMap(({ trigger, guard }) => {
    const where = `${placeOf(state)}, ${placeOfTrigger(trigger)}`;
    const found: string[] = [];
    if (trigger.kind === 'after' && !delays.has(trigger.name))
      found.push(
        `${where}: not a delay named in setup({delays}); raw milliseconds are refused.${didYouMean(trigger.name, delays.keys())}`,
      );
    if (trigger.kind === 'actor snapshot')
      found.push(`${where}: only the end of an actor is reported; use onDone`);
    if (guard?.type === null) found.push(`${where}: an inline guard; declare it by name in setup({guards})`);
    else if (guard !== null && !declared.guards.has(guard.type))
      found.push(
        `${where}: guard "${guard.type}" is not declared in setup({guards}).${didYouMean(guard.type, declared.guards)}`,
      );
    return found;
  });
}

function problemsOfInvokes(state: ChartState, { declared }: Chart): string[] {
  const where = placeOf(state);
  return state.invokes.flatMap(({ src, id }) => {
    if (src === null) return [`${where}: an inline invoke; declare the actor by name in setup({actors})`];
    const found: string[] = [];
    if (id === null) found.push(`${where}: invoke of "${src}" needs an explicit id`);
    const actor = declared.actors.get(src);
    if (actor === undefined)
      found.push(
        `${where}: actor "${src}" is not declared in setup({actors}).${didYouMean(src, declared.actors.keys())}`,
      );
    else if (actor.isMachine)
      found.push(
        `${where}: actor "${src}" is a machine; timers and actions of a child machine would be lost`,
      );
    return found;
  });
}

function repeatedInvokes({ states }: Chart): string[] {
  const known = new Map<string, string>();
  return states.flatMap((state) =>
    state.invokes.flatMap(({ id }) => {
      if (id === null) return [];
      const first = known.get(id);
      known.set(id, first ?? placeOf(state));
      return first === undefined
        ? []
        : [
            `${placeOf(state)}: the invoke id "${id}" is used twice, in ${first} as well; results come back by it`,
          ];
    }),
  );
}
