export type { Call, MediaRef } from './call.ts';
export { bulkWindow, createApis, type Perform } from './client.ts';
export {
  amountOf,
  currencies,
  digitsOf,
  highestPrice,
  lowestPrice,
  moneyIn,
  wholeOf,
} from './currency.ts';
export { gated } from './gate.ts';
export { createMedia } from './media.ts';
export { Poller, PollingEnded } from './poller.ts';
export {
  type Arrival,
  allowedUpdates,
  arrivalByHand,
  askedByHand,
  entryOf,
  type FoundUpdate,
  isInside,
  longestAnswer,
  missingRight,
  type RouteRules,
  route,
} from './route.ts';
export { createSender } from './sender.ts';
export { clubProblem, prepareTelegram, publishCommands, TokenRefused } from './sign-in.ts';
export { answerButton, type InlineButton, noticeTexts, type Speech, speak } from './speak.ts';
export { aheadBy } from './time.ts';
export { isTokenRefusal, verdict } from './verdict.ts';
