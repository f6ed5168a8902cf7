import { type ArrivalRules, saidIn } from './arrivals.ts';
import type { Feature } from './feature.ts';

/**
 * A message that a person edits, or a live location that moves, reaches their machines as `message.edited`, with the
 * fields of `message.received`. A command in it asks for nothing.
 */
export const edits: Feature<ArrivalRules, unknown> = {
  updates: ['edited_message'],
  route: ({ edited_message: message }, rules) =>
    message === undefined ? undefined : saidIn(message, rules, 'message.edited'),
};
