import type { Json } from '../api/json.ts';

export type MemberStatus = 'creator' | 'administrator' | 'member' | 'restricted' | 'left' | 'kicked';

/** What an administrator may do, by the Bot API's names such as `can_invite_users`. */
export type Rights = Readonly<Record<string, boolean>>;

/** What somebody is in a club. */
export interface Standing {
  readonly status: MemberStatus;
  /** When a ban or a restriction ends, in seconds since 1970; 0 is never. */
  readonly until: number;
  /** Whether someone restricted is inside; the other statuses tell it themselves. */
  readonly isMember?: boolean;
}

export interface InviteLink {
  /** The Bot API's ChatInviteLink, as its creator sees it. */
  readonly raw: Json & { readonly invite_link: string; readonly creates_join_request: boolean };
  /** Who came by it. */
  readonly joined: Set<number>;
}

/** Somebody who waits for an approval. */
export interface JoinRequest {
  /** The link that they came by, '' for none. */
  readonly link: string;
  /** Seconds since 1970. */
  readonly date: number;
}

/** A group, supergroup or channel that the bot can manage. */
export interface Club {
  readonly id: number;
  readonly title: string;
  readonly type: 'group' | 'supergroup' | 'channel';
  /** Whoever finds the club without a link must be approved. */
  readonly joinByRequest: boolean;
  /** The bot is assigned to process join requests. */
  readonly asksBot: boolean;
  /** What the bot is in it. */
  bot: MemberStatus;
  /** Where its rights differ from all that a club's bot needs. */
  botRights?: Rights;
  readonly members: Map<number, Standing>;
  readonly links: Map<string, InviteLink>;
  readonly requests: Map<number, JoinRequest>;
  /** The address of a chat folder that the club is shared in. */
  folder?: string;
  /** The supergroup that this group has become; nobody is in the group since. */
  movedTo?: number;
}

export const clubChat = ({ id, title, type }: Club): Json => ({ id, title, type });

const stranger: Standing = { status: 'left', until: 0 };

/** What a person is in the club at a time (seconds since 1970): a ban that is over leaves a stranger. */
export function standingIn(club: Club, user: number, now: number): Standing {
  const standing = club.members.get(user) ?? stranger;
  if (standing.until === 0 || standing.until > now) return standing;
  return standing.status === 'restricted' && isInside(standing) ? { status: 'member', until: 0 } : stranger;
}

export const isInside = ({ status, isMember = true }: Standing): boolean =>
  status === 'restricted' ? isMember : status !== 'left' && status !== 'kicked';

/** Ids of who is inside, the owner too, without the bot. */
export const insiders = (club: Club, now: number): number[] =>
  [...club.members.keys()].filter((user) => isInside(standingIn(club, user, now)));

/** Ids of who may not come in. */
export const banned = (club: Club, now: number): number[] =>
  [...club.members.keys()].filter((user) => standingIn(club, user, now).status === 'kicked');

/** The bot is an administrator with this right. */
export const botMay = ({ bot, botRights }: Club, right: string): boolean =>
  bot === 'administrator' && botRights?.[right] !== false;

export const botIsInside = ({ bot }: Club): boolean => isInside({ status: bot, until: 0 });

export type ClubState = Omit<Club, 'members' | 'links' | 'requests'> & {
  readonly members: [number, Standing][];
  readonly links: { readonly raw: InviteLink['raw']; readonly joined: number[] }[];
  readonly requests: [number, JoinRequest][];
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
