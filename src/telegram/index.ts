export {
  type ArrivalRules,
  answerTo,
  arrivalOf,
  basicUpdates,
  commandOf,
  cut,
  isOperator,
  isSaid,
  languageOf,
  longestAnswer,
  type Meaning,
  mayCause,
  type Route,
  senderOf,
} from './arrivals.ts';
export type { Begun, BotOptions, BotSurroundings, RunningBot, Signed } from './blueprint.ts';
export { type BotDefinition, defineBot, planOf, type StartOptions, startBot } from './bot.ts';
export type { Call, MediaRef } from './call.ts';
export { bulkWindow, createApis, type Perform } from './client.ts';
export {
  type Conversation,
  checkStates,
  loadConversation,
  needsOf,
  type Plan,
  rulesOf,
} from './conversation.ts';
export {
  amountOf,
  currencies,
  digitsOf,
  highestPrice,
  lowestPrice,
  moneyIn,
  wholeOf,
} from './currency.ts';
export { edits } from './edits.ts';
export type { Feature } from './feature.ts';
export { gated } from './gate.ts';
export { checkBot } from './identity.ts';
export { pollingIntake } from './intake.ts';
export { type Actors, joinKinds, type Kinds } from './kinds.ts';
export { createMedia, keptFileIds } from './media.ts';
export { polls } from './polls.ts';
export { runBot } from './run.ts';
export { createSender } from './sender.ts';
export { prepareTelegram, publishCommands, TokenRefused } from './sign-in.ts';
export { answerButton, type InlineButton, noticeTexts, type Speech, speak } from './speak.ts';
export { renderTalk, sends, speech, type TalkParts, talk } from './talk.ts';
export { aheadBy, followTelegram } from './time.ts';
export { isTokenRefusal, verdict } from './verdict.ts';
