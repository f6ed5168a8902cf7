import type { AnyStateMachine } from 'xstate';
import { type DurableMachine, type Effect, exitCodes, type JsonObject, StartRefused } from '#runtime';
import { type Actors, type Call, type Conversation, loadConversation, needsOf, rulesOf } from '#telegram';
import { clubPlan } from './club.ts';
import { checkoutProblem, soldBy } from './payments/invoice.ts';
import { createSigner } from './payments/signature.ts';
import { createRender } from './render.ts';
import type { ClubRules } from './rules.ts';
import type { ClubContent, ClubSettings } from './settings.ts';

export type ClubConversation = Conversation<ClubSettings>;

/**
 * Loads the club's content and machines.
 * @param sources conversations in place of its own
 * @param actors promise actors besides its own
 * @throws StartRefused (78) with every problem at once; MachineRefused
 */
export const loadClub = (
  contentDir: string,
  sources?: readonly AnyStateMachine[],
  actors?: Actors,
): Promise<ClubConversation> => loadConversation(contentDir, clubPlan(sources, actors));

/** What the club's machines ask of the content. @throws MachineRefused */
export const clubNeedsOf = (sources?: readonly AnyStateMachine[]) => needsOf(clubPlan(sources));

/** What of the environment the club goes by. */
export interface ClubEnvironment {
  readonly botToken: string;
  /** User ids of the operators. */
  readonly adminIds: readonly number[];
  /** '' for none. */
  readonly providerToken: string;
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
export interface Running extends ClubConversation {
  readonly rules: ClubRules;
  readonly render: (effect: Effect) => Call;
}

/** What updates are read by, as the content and the environment say. */
export function rulesFor(conversation: ClubConversation, { botToken, adminIds }: ClubEnvironment): ClubRules {
  const { content } = conversation;
  const { club } = content.settings;
  const signer = createSigner(botToken);
  return {
    ...rulesOf(conversation),
    checkoutProblem: (query) => checkoutProblem(content, query, signer),
    operators: new Set(adminIds),
    club: club.chatId,
    strangers: club.strangers,
    whitelist: new Set(club.whitelist),
    bot: Number(botToken.split(':')[0]),
    facts: factsOf(content.settings),
    boughtBy: (payload) => soldBy(payload, signer),
  };
}

/** @param now ms since 1970, for texts that say how much time is left */
export const renderFor = (
  { content }: ClubConversation,
  { botToken, providerToken }: ClubEnvironment,
  now: () => number,
): Running['render'] => createRender(content, { providerToken, signer: createSigner(botToken), now });

/** Both, for those that need a whole conversation. */
export const runningOf = (
  conversation: ClubConversation,
  environment: ClubEnvironment,
  now: () => number,
): Running => ({
  ...conversation,
  rules: rulesFor(conversation, environment),
  render: renderFor(conversation, environment, now),
});

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
