import type { Effect } from '#runtime';
import { type ClubEffect, type ClubFeature, clubOf, messages } from '../parts.ts';
import { approveJoin, createInvite, declineJoin, removeMember, tellStranger } from './members.ts';
import { membershipUpdates, routeMembership } from './updates.ts';

/** Whom Telegram asks the bot about waits for 10 s at the most. Other requests wait their turn: anybody can make thousands. */
const answersFirst = {
  order: 'instant',
  speaks: false,
  to: (effect: Effect) => [
    typeof effect.event?.['query'] === 'string' ? { ...effect, lane: 'checkout' as const } : effect,
  ],
} satisfies Partial<ClubEffect>;

/** Who is in the club, and who comes in. */
export const membership: ClubFeature = {
  updates: membershipUpdates,
  route: routeMembership,
  effects: {
    approveJoin: { ...answersFirst, perform: approveJoin },
    declineJoin: { ...answersFirst, messages, perform: declineJoin },
    tellStranger: { speaks: false, messages, perform: tellStranger },
    noteStranger: { speaks: false, perform: (effect, { strangers }) => strangers.note(effect) },
    noteSlowInvite: {
      speaks: false,
      perform: (_, { troubles }) => troubles.met('invites', 'createChatInviteLink'),
    },
    noteRights: {
      privileged: true,
      speaks: false,
      perform: async ({ event }, { troubles }) => {
        const missing = String(event?.['missing'] ?? '');
        await (missing === '' ? troubles.over('rights') : troubles.met('rights', missing));
      },
    },
    followClub: {
      privileged: true,
      speaks: false,
      perform: async ({ event }, parts) => {
        const club = clubOf(parts);
        if (club !== null) await parts.moved(club, Number(event?.['club']));
      },
    },
  },
  actors: { createInvite: { perform: createInvite }, removeMember: { perform: removeMember } },
  messages: [
    'operator_rights_lost',
    'operator_invite_slow',
    'operator_strangers',
    'operator_club_moved',
    'operator_club_opened',
  ],
};
