export { ofToday, route } from './arrivals.ts';
export { clubParts, clubPlan, features, machines } from './club.ts';
export {
  type ClubConversation,
  checkProvider,
  factsOf,
  loadClub,
  type Running,
  renderFor,
  reportOf,
  rulesFor,
  runningOf,
} from './conversation.ts';
export { startLoops } from './loops.ts';
export { type Known, lacksWayIn, readKnown } from './membership/census.ts';
export { Clubs } from './membership/clubs.ts';
export { tellWhoWaits } from './membership/opening.ts';
export { clubProblem, isInside } from './membership/rights.ts';
export { StrangerList } from './membership/stranger-list.ts';
export { migrate, requireFormat } from './migrate.ts';
export type { ClubParts } from './parts.ts';
export { accessOf } from './payments/access.ts';
export { account, clubBook } from './payments/account.ts';
export {
  type Access,
  type Act,
  booksOf,
  boughtBy,
  type Entry,
  isAct,
  isPaid,
  isPayment,
  keyOf,
  type Payment,
} from './payments/book.ts';
export { History } from './payments/history.ts';
export { Ledger } from './payments/ledger.ts';
export { type Listed, readList } from './payments/list.ts';
export { compare, foundUpdate } from './payments/reconcile.ts';
export { refundPayment } from './payments/refund.ts';
export { type PaymentReport, reportPayments, toCsv } from './payments/report.ts';
export { createSigner } from './payments/signature.ts';
export { renewalGrace } from './payments/subscriptions.ts';
export type { FoundUpdate } from './payments/updates.ts';
export { createRender } from './render.ts';
export { readChat, readStatus } from './reports.ts';
export type { ClubRules } from './rules.ts';
export { type ClubContent, type ClubSettings, type Sale, sales } from './settings.ts';
export { type ByHand, meaningOfByHand, readByHand, refusalOf } from './support/by-hand.ts';
export { tellOperators } from './support/tell.ts';
export { arrivalByHand, askedByHand } from './support/updates.ts';
