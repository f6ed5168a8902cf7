import type { AnyStateMachine } from 'xstate';
import { accessMachine } from '#machines/access';
import { membershipMachine } from '#machines/membership';
import { refundsMachine } from '#machines/refunds';
import { supportMachine } from '#machines/support';
import { type Actors, gated, type Plan } from '#telegram';
import { membership } from './membership/index.ts';
import type { ClubFeature, ClubParts } from './parts.ts';
import { payments } from './payments/index.ts';
import { privacy } from './privacy/index.ts';
import type { ClubRules } from './rules.ts';
import type { ClubSettings } from './settings.ts';
import { support } from './support/index.ts';
import { sendWithCare } from './support/refusals.ts';
import { talk } from './talk.ts';
import { clubNeeds } from './words.ts';

/** The conversations, by precedence. */
export const machines: readonly AnyStateMachine[] = [
  accessMachine,
  membershipMachine,
  supportMachine,
  refundsMachine,
];

/** What the club can do. An update is read by the first that knows it. */
export const features: readonly ClubFeature[] = [payments, membership, support, privacy, talk];

/**
 * What the club talks about.
 * @param sources conversations in place of its own
 * @param actors promise actors besides its own
 */
export const clubPlan = (
  sources: readonly AnyStateMachine[] = machines,
  actors: Actors = {},
): Plan<ClubSettings, ClubRules, ClubParts> => ({ machines: sources, features, actors, needs: clubNeeds });

/**
 * What the club's effects are performed with.
 * @param surroundings `send` renders and sends; what Telegram refuses of it is looked after here
 */
export function clubParts(surroundings: Omit<ClubParts, 'callClub' | 'nameOf'>): ClubParts {
  const { call, now } = surroundings;
  return {
    ...surroundings,
    send: sendWithCare(surroundings),
    callClub: gated(call, now),
    nameOf: async (chat) => {
      const found = await call('getChat', { chat_id: chat }).catch(() => ({}));
      return (found as { first_name?: string }).first_name;
    },
  };
}
