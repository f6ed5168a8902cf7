import type { Update } from 'grammy/types';
import type { Arrival } from '#runtime';
import { answerTo, arrivalOf } from '#telegram';
import { features } from './club.ts';
import type { Bought, Entry, Payment } from './payments/book.ts';
import type { ClubRules } from './rules.ts';

const routes = features.flatMap((feature) => feature.route ?? []);

/** What an update means to the club; null: nothing. Pure. */
export const route = (update: Update, rules: ClubRules): Arrival | null => arrivalOf(update, rules, routes);

/** An arrival as an earlier release stored it. */
interface FormerArrival extends Arrival {
  readonly payment?: Payment;
  readonly button?: { readonly query: string };
}

/** Says in the words of today what an earlier release stored. */
export function ofToday({ payment, button, ...arrival }: FormerArrival): Arrival {
  const entry = arrival.entry ?? (payment === undefined ? undefined : entryOf(payment, arrival));
  return {
    ...arrival,
    ...(entry !== undefined && { entry }),
    ...(button !== undefined && { answer: answerTo(button.query) }),
    ...(arrival.event.type === 'bot.blocked' && { leaves: true }),
  };
}

/** Its event said until when a subscription was paid. */
function entryOf(payment: Payment, { event }: Arrival): Entry {
  const until = event['until'];
  if (typeof until !== 'number') return payment;
  const bought: Bought = { until, ...(event['renewal'] !== true && { first: true }) };
  return { ...payment, bought };
}
