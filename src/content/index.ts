export { commands } from './checks.ts';
export { type Content, describeProblem, loadContent, type Needs } from './content.ts';
export { amountOf, digitsOf, moneyIn, wholeOf } from './currency.ts';
export type { Variables } from './locale.ts';
export {
  type Attachment,
  buttonsOf,
  longest,
  longestAnswer,
  type MessageContent,
  type Row,
} from './message.ts';
export { show, suggest } from './problem.ts';
