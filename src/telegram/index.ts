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
  type Meaning,
  mayCause,
  type Route,
  senderOf,
} from './arrivals.ts';
export type { Call, MediaRef } from './call.ts';
export { bulkWindow, createApis, type Perform } from './client.ts';
export { gated } from './gate.ts';
export { createMedia, keptFileIds } from './media.ts';
export { Poller, PollingEnded } from './poller.ts';
export { createSender } from './sender.ts';
export { prepareTelegram, publishCommands, TokenRefused } from './sign-in.ts';
export { aheadBy } from './time.ts';
export { isTokenRefusal, verdict } from './verdict.ts';
