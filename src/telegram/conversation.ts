import type { AnyStateMachine } from 'xstate';
import { type Content, describeProblem, loadContent, type Needs } from '#content';
import {
  checkKnown,
  checkPrivileges,
  checkSignals,
  type DurableMachine,
  hasState,
  Misconfigured,
  prepareMachine,
} from '#runtime';
import type { ArrivalRules } from './arrivals.ts';
import type { Feature } from './feature.ts';
import { type Actors, joinKinds } from './kinds.ts';

/** What a bot talks about: its conversations, what performs their effects, and what they ask of the content. */
export interface Plan<Settings, Rules extends ArrivalRules, Parts> {
  /** By precedence: an event goes to the first that reacts to it. */
  readonly machines: readonly AnyStateMachine[];
  /** An update is read by the first that knows it. */
  readonly features: readonly Feature<Rules, Parts>[];
  /** Promise actors besides those of the features. */
  readonly actors?: Actors;
  /** What is asked of the content besides what machines and features send. Default: nothing. */
  readonly needs?: Omit<Needs<Settings>, 'messages' | 'delays' | 'events'>;
}

/** Content and the machines that run with it, checked against each other. */
export interface Conversation<Settings> {
  readonly content: Content<Settings>;
  /** What could be better, one line each: a text that one language lends to another, a state that nothing leads to. */
  readonly warnings: readonly string[];
  readonly machines: readonly DurableMachine[];
}

/**
 * What a plan asks of its content.
 * @throws MachineRefused with everything that cannot run: an action that nobody performs, a signal to nobody …
 */
export function needsOf<Settings, Rules extends ArrivalRules, Parts>(
  plan: Plan<Settings, Rules, Parts>,
): Needs<Settings> & Required<Pick<Needs, 'messages' | 'delays' | 'events'>> {
  const { features, needs, actors = {} } = plan;
  const machines = plan.machines.map((machine) => prepareMachine(machine));
  const kinds = joinKinds(features, actors);
  const privileged = Object.entries(kinds.rules).flatMap(([type, rule]) => (rule.privileged ? [type] : []));
  checkKnown(machines, { effects: Object.keys(kinds.effects), actors: Object.keys(kinds.actors) });
  checkSignals(machines);
  checkPrivileges(machines, new Set(privileged));
  const named = machines.flatMap(({ actions }) =>
    actions.flatMap(({ type, params }) => kinds.effects[type]?.messages?.(params) ?? []),
  );
  const own = features.flatMap(({ messages = [] }) => messages);
  const delays = plan.machines.flatMap(({ implementations }) => Object.entries(implementations.delays));
  const heard = machines.flatMap(({ forOperators, userEvents }) => (forOperators ? [] : [...userEvents]));
  return {
    ...needs,
    texts: { ...Object.assign({}, ...features.map(({ texts }) => texts)), ...needs?.texts },
    messages: [...new Set([...named, ...own])].filter((name): name is string => typeof name === 'string'),
    // A delay that a machine computes is not for bot.yaml to set.
    delays: [...new Set(delays.flatMap(([name, value]) => (typeof value === 'number' ? [name] : [])))],
    events: [...new Set(heard)],
  };
}

/**
 * Loads content and machines.
 * @throws StartRefused (78) with every problem of the content at once; MachineRefused
 */
export async function loadConversation<Settings, Rules extends ArrivalRules, Parts>(
  contentDir: string,
  plan: Plan<Settings, Rules, Parts>,
): Promise<Conversation<Settings>> {
  const loaded = await loadContent<Settings>(contentDir, needsOf(plan));
  if ('problems' in loaded) {
    const lines = loaded.problems.map((problem) => `  ${describeProblem(problem)}`);
    throw new Misconfigured(
      `The content has ${lines.length === 1 ? 'a problem' : `${lines.length} problems`}:\n${lines.join('\n')}`,
    );
  }
  const { content } = loaded;
  const input = { language: content.defaultLanguage };
  const machines = plan.machines.map((source) => prepareMachine(source, content.delays, input));
  return {
    content,
    warnings: [...loaded.warnings.map(describeProblem), ...machines.flatMap((machine) => machine.warnings)],
    machines,
  };
}

/**
 * Checks that every state in which people stand is still there: their sessions could not be read.
 * @param stored how many sessions stand in each state, by machine
 * @throws StartRefused (78) naming each state and how many stand there
 */
export function checkStates(
  loaded: readonly DurableMachine[],
  stored: Readonly<Record<string, Readonly<Record<string, number>>>>,
): void {
  const missing = loaded.flatMap((machine) =>
    Object.entries(stored[machine.id] ?? {})
      .filter(([state, count]) => count > 0 && !hasState(machine, state))
      .map(([state, count]) => {
        const people = count === 1 ? '1 session stands' : `${count} sessions stand`;
        return `  machine "${machine.id}": expected the state "${state}", in which ${people}, found none`;
      }),
  );
  if (missing.length === 0) return;
  throw new Misconfigured(
    `The machines lack states in which people are:\n${missing.join('\n')}\n` +
      'Keep such a state until it is empty, with a way that leads on from it; `turnstile status` counts who is left.',
  );
}

/** The events that people and operators may cause in a conversation, and the buttons that its content has. */
export function rulesOf({
  machines,
  content,
}: Conversation<unknown>): Pick<ArrivalRules, 'userEvents' | 'operatorEvents' | 'buttonData'> {
  const eventsOf = (forOperators: boolean) =>
    new Set(
      machines
        .filter((machine) => machine.forOperators === forOperators)
        .flatMap(({ userEvents }) => [...userEvents]),
    );
  return {
    userEvents: eventsOf(false),
    operatorEvents: eventsOf(true),
    buttonData: content.buttonData,
  };
}
