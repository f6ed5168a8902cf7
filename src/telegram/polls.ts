import type { Update } from 'grammy/types';
import { type ArrivalRules, languageOf, type Meaning, senderOf } from './arrivals.ts';
import type { Feature } from './feature.ts';

/**
 * Answers to polls that the bot has sent and that are not anonymous reach the machines of who answered, as `poll.answered`
 * with `{poll, options}`: the poll's id, and the chosen options from 0, none when an answer was taken back.
 */
export const polls: Feature<ArrivalRules, unknown> = {
  updates: ['poll_answer'],
  route: ({ poll_answer }) => (poll_answer === undefined ? undefined : answered(poll_answer)),
};

function answered({ poll_id, user, option_ids }: NonNullable<Update['poll_answer']>): Meaning | null {
  // A channel or group that answers as such has no conversation.
  if (user === undefined) return null;
  const event = { type: 'poll.answered', poll: poll_id, options: option_ids, ...senderOf(user) };
  // A poll may have been passed on to people who never wrote to the bot.
  return { chat: user.id, lane: 'reply', event, elsewhere: true, ...languageOf(user) };
}
