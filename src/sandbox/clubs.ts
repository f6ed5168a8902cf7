import { type Club, isInside, type MemberStatus } from './club.ts';
import type { SandboxMessage } from './message.ts';
import type { World } from './world.ts';

/** A supergroup or channel in which the bot is an administrator. */
export interface SandboxClub {
  readonly id: number;
  readonly title: string;
  /** Ids of who is inside, the owner too; without the bot. */
  readonly members: readonly number[];
  /** Ids of who waits to be let in. */
  readonly requests: readonly number[];
  /** What a member reads there. */
  readonly messages: readonly SandboxMessage[];
  /** The owner changes what the bot is; the bot hears of it. */
  botBecomes(status: MemberStatus): void;
}

export interface ClubOptions {
  /** Telegram's begin with -100. Default: counted down from -1001000000001. */
  readonly id?: number;
  readonly title?: string;
  readonly type?: Club['type'];
  /** Whoever finds the club without a link must be approved. */
  readonly joinByRequest?: boolean;
}

/** The person who owns every club. */
export const ownerId = 999;
const firstClub = -1_001_000_000_001;

/** The club with this id; a new one when there is none. */
export function openClub({ telegram, membership }: World, options: ClubOptions): SandboxClub {
  const id = options.id ?? firstClub - telegram.clubs.size;
  const club = telegram.clubs.get(id) ?? {
    id,
    title: options.title ?? 'The club',
    type: options.type ?? 'supergroup',
    joinByRequest: options.joinByRequest ?? false,
    bot: 'administrator' as const,
    members: new Map([[ownerId, { status: 'creator' as const, until: 0 }]]),
    links: new Map(),
    requests: new Map(),
  };
  telegram.users.set(ownerId, { id: ownerId, first_name: 'Owner', language_code: 'en' });
  telegram.clubs.set(id, club);
  return {
    id,
    title: club.title,
    get members() {
      return [...club.members.keys()].filter((user) => isInside(membership.status(club, user)));
    },
    get requests() {
      return [...club.requests.keys()];
    },
    get messages() {
      return telegram.messages.get(id) ?? [];
    },
    botBecomes: (status) => membership.setBot(club, status),
  };
}
