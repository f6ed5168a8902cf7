import type { AnyStateMachine } from 'xstate';
import { describeProblem, loadContent, type Needs } from '#content';
import {
  checkPrivileges,
  checkSignals,
  type DurableMachine,
  type Effect,
  exitCodes,
  hasState,
  type JsonObject,
  prepareMachine,
  StartRefused,
} from '#runtime';
import type { Call } from '#telegram';
import { effectRules, effects, features, machines } from './club.ts';
import { checkoutProblem, soldBy } from './payments/invoice.ts';
import { createSigner } from './payments/signature.ts';
import { createRender } from './render.ts';
import type { ClubRules } from './rules.ts';
import type { ClubContent, ClubSettings } from './settings.ts';
import { clubNeeds } from './words.ts';

/** What of the environment the club goes by. */
export interface ClubEnvironment {
  readonly botToken: string;
  /** User ids of the operators. */
  readonly adminIds: readonly number[];
  /** '' for none. */
  readonly providerToken: string;
}

const privileged = new Set(
  Object.entries(effectRules).flatMap(([type, rule]) => (rule.privileged === true ? [type] : [])),
);

/** The content and the machines that run with it, checked against each other. */
export interface Conversation {
  readonly content: ClubContent;
  /** What could be better: texts that one language lends to another. One line each. */
  readonly warnings: readonly string[];
  readonly machines: readonly DurableMachine[];
}

/**
 * What conversations ask of the content.
 * @throws MachineRefused
 */
export function needsOf(
  sources: readonly AnyStateMachine[],
): Needs<ClubSettings> & Required<Pick<Needs, 'messages' | 'delays' | 'events'>> {
  const bare = sources.map((machine) => prepareMachine(machine));
  checkSignals(bare);
  checkPrivileges(bare, privileged);
  const delays = sources.flatMap(({ implementations }) => Object.entries(implementations.delays));
  const named = bare.flatMap(({ actions }) =>
    actions.flatMap(({ type, params }) => effects[type]?.messages?.(params) ?? []),
  );
  const own = features.flatMap(({ messages = [] }) => messages);
  return {
    ...clubNeeds,
    messages: [...new Set([...named, ...own])].filter((name): name is string => typeof name === 'string'),
    // A delay that a machine computes is not for bot.yaml to set.
    delays: [...new Set(delays.flatMap(([name, value]) => (typeof value === 'number' ? [name] : [])))],
    events: [
      ...new Set(bare.flatMap(({ forOperators, userEvents }) => (forOperators ? [] : [...userEvents]))),
    ],
  };
}

/**
 * Loads content and machines.
 * @throws StartRefused (78) with every problem at once; MachineRefused
 */
export async function loadConversation(
  contentDir: string,
  sources: readonly AnyStateMachine[] = machines,
): Promise<Conversation> {
  const loaded = await loadContent(contentDir, needsOf(sources));
  if ('problems' in loaded) {
    const lines = loaded.problems.map((problem) => `  ${describeProblem(problem)}`);
    throw new StartRefused(
      exitCodes.configuration,
      `The content has ${lines.length === 1 ? 'a problem' : `${lines.length} problems`}:\n${lines.join('\n')}`,
    );
  }
  const { content } = loaded;
  const input = { language: content.defaultLanguage };
  return {
    content,
    warnings: loaded.warnings.map(describeProblem),
    machines: sources.map((machine) => prepareMachine(machine, content.delays, input)),
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
  throw new StartRefused(
    exitCodes.configuration,
    `The machines lack states in which people are:\n${missing.join('\n')}\n` +
      'Keep such a state until it is empty, with a way that leads on from it; `turnstile status` counts who is left.',
  );
}

/** @throws StartRefused (78) when bot.yaml sells in a currency that needs a payment provider, and there is none */
export function checkProvider(
  { settings: { product } }: ClubContent,
  { providerToken }: Pick<ClubEnvironment, 'providerToken'>,
): void {
  if (product.currency === 'XTR' || providerToken !== '') return;
  throw new StartRefused(
    exitCodes.configuration,
    `PROVIDER_TOKEN: expected the token of a payment provider, since bot.yaml sells in ${product.currency}, found nothing. ` +
      'Connect a provider in @BotFather (Payments) and put its token into .env, or sell in XTR.',
  );
}

/** A conversation with everything that is made of its content: taken anew as a whole when the content is. */
export interface Running extends Conversation {
  readonly rules: ClubRules;
  readonly render: (effect: Effect) => Call;
}

/**
 * @param now ms since 1970, for texts that say how much time is left
 * @param movedTo the id that the club has now, when it is not that of bot.yaml any more
 */
export function runningOf(
  conversation: Conversation,
  settings: ClubEnvironment,
  now: () => number,
  movedTo: number | null = null,
): Running {
  const { machines: loaded } = conversation;
  const written = conversation.content.settings;
  const club = { ...written.club, chatId: movedTo ?? written.club.chatId };
  const content = { ...conversation.content, settings: { ...written, club } };
  const signer = createSigner(settings.botToken);
  const eventsOf = (forOperators: boolean) =>
    new Set(
      loaded
        .filter((machine) => machine.forOperators === forOperators)
        .flatMap(({ userEvents }) => [...userEvents]),
    );
  return {
    ...conversation,
    content,
    render: createRender(content, { providerToken: settings.providerToken, signer, now }),
    rules: {
      userEvents: eventsOf(false),
      buttonData: content.buttonData,
      checkoutProblem: (query) => checkoutProblem(content, query, signer),
      operators: new Set(settings.adminIds),
      operatorEvents: eventsOf(true),
      club: club.chatId,
      strangers: club.strangers,
      whitelist: new Set(club.whitelist),
      bot: Number(settings.botToken.split(':')[0]),
      facts: factsOf(content.settings),
      boughtBy: (payload) => soldBy(payload, signer),
    },
  };
}

/** What every event of a person tells of today's offer. */
export const factsOf = ({ product, club, refundsDuplicates }: ClubSettings): JsonObject => ({
  ...(club.chatId !== null && { club: club.chatId }),
  ...(product.accessDays > 0 && { days: product.accessDays }),
  ...(product.isSubscription && { subscription: true }),
  ...(!refundsDuplicates && { keepsDuplicates: true }),
});

/** A machine as reports need it. */
export const reportOf = ({ id, states, timers }: DurableMachine) => ({
  id,
  states,
  timers: timers.map(({ name, formerNames, shownName }) => ({ names: [name, ...formerNames], shownName })),
});
