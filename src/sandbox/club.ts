import type { Json } from './parameters.ts';

export type MemberStatus = 'creator' | 'administrator' | 'member' | 'left' | 'kicked';

export interface InviteLink {
  /** The Bot API's ChatInviteLink. */
  readonly raw: Json & { readonly invite_link: string; readonly creates_join_request: boolean };
  /** Who came by it. */
  readonly joined: Set<number>;
}

/** A supergroup or channel that the bot manages. */
export interface Club {
  readonly id: number;
  readonly title: string;
  readonly type: 'supergroup' | 'channel';
  /** Whoever finds the club without a link must be approved. */
  readonly joinByRequest: boolean;
  /** What the bot is in it. */
  bot: MemberStatus;
  /** `until` is in seconds since 1970; 0 is for ever. */
  readonly members: Map<number, { status: MemberStatus; until: number }>;
  readonly links: Map<string, InviteLink>;
  /** Who waits for an approval, and the link they came by, '' for none. */
  readonly requests: Map<number, string>;
}

export const clubChat = ({ id, title, type }: Club): Json => ({ id, title, type });

/** What a person is in the club at a time (seconds since 1970). A ban that is over leaves a stranger. */
export function statusIn(club: Club, user: number, now: number): MemberStatus {
  const member = club.members.get(user);
  if (member === undefined) return 'left';
  return member.status === 'kicked' && member.until !== 0 && member.until <= now ? 'left' : member.status;
}

export const isInside = (status: MemberStatus) => status !== 'left' && status !== 'kicked';

export type ClubState = Omit<Club, 'members' | 'links' | 'requests'> & {
  readonly members: [number, { status: MemberStatus; until: number }][];
  readonly links: { readonly raw: InviteLink['raw']; readonly joined: number[] }[];
  readonly requests: [number, string][];
};

export const saveClub = (club: Club): ClubState => ({
  ...club,
  members: [...club.members],
  links: [...club.links.values()].map(({ raw, joined }) => ({ raw, joined: [...joined] })),
  requests: [...club.requests],
});

export const restoreClub = (state: ClubState): Club => ({
  ...state,
  members: new Map(state.members),
  links: new Map(
    state.links.map(({ raw, joined }) => [raw.invite_link, { raw, joined: new Set(joined) }] as const),
  ),
  requests: new Map(state.requests),
});
