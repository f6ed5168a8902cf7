import type { Effect } from '#runtime';
import { sends, speech } from '#telegram';
import { type ClubFeature, messages } from '../parts.ts';
import { copyOf, deliverAnswer, isShownWhole, withPayments } from '../payments/question.ts';
import { withChoice } from './choice.ts';
import { showMember } from './member.ts';
import { routeByHand } from './updates.ts';

/** One for each operator, in a queue of the operator's own. */
const toEach = (effect: Effect, operators: readonly number[]): Effect[] =>
  operators.map((to) => ({ ...effect, to, queue: `${to}` }));

/** The operators: what they hear, ask and do. */
export const support: ClubFeature = {
  route: routeByHand,
  effects: {
    tellOperator: {
      messages,
      to: toEach,
      perform: async (effect, { send, ledger }) => send(await withChoice(effect, ledger)),
    },
    // Told of only when Telegram's list brought it.
    tellFound: {
      ...speech,
      to: (effect, operators) => (effect.event?.['found'] === true ? toEach(effect, operators) : []),
    },
    forwardQuestion: {
      messages,
      // The head of a question, and below it what the head cannot show.
      to: (effect, operators) =>
        toEach(effect, operators).flatMap((sent) => (isShownWhole(effect) ? [sent] : [sent, copyOf(sent)])),
      perform: async (effect, { send, ledger, content }) =>
        send(await withPayments(effect, ledger, content())),
    },
    forwardMore: {
      to: (effect, operators) => toEach(effect, operators).map(copyOf),
      perform: sends,
    },
    copyMessage: { perform: sends },
    sendAnswer: speech,
    showMember: { privileged: true, perform: showMember },
  },
  actors: { deliverAnswer: { privileged: true, perform: deliverAnswer } },
  messages: [
    'operator_gave_up',
    'operator_member',
    'operator_media_refused',
    'operator_unreachable',
    'operator_trouble_over',
    'support_answer',
  ],
};
