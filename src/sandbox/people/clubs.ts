import { setBot } from '../world/bot-standing.ts';
import { banned, type Club, insiders, type MemberStatus, type Rights, type Standing } from '../world/club.ts';
import { addLink, folderLink, type LinkOptions, primaryLink } from '../world/invites.ts';
import type { SandboxMessage } from '../world/message.ts';
import type { World } from '../world/world.ts';

/** A person, or their id. */
export type Person = number | { readonly id: number };

/** A group, supergroup or channel, and what its owner and administrators do there: the owner, unless `by` names another. */
export interface SandboxClub {
  readonly id: number;
  readonly title: string;
  /** Ids of who is inside, the owner too; without the bot. */
  readonly members: readonly number[];
  /** Ids of who is banned. */
  readonly banned: readonly number[];
  /** Ids of who waits to be let in. */
  readonly requests: readonly number[];
  /** What a member reads there. */
  readonly messages: readonly SandboxMessage[];
  /** The owner's own link, which lets anybody in. */
  readonly primaryLink: string;
  /** The address of a chat folder that the club is shared in. */
  readonly folderLink: string;
  /** A new invite link of an administrator; the bot sees half of its address. */
  adminLink(options?: LinkOptions & { readonly by?: Person }): string;
  /** Puts somebody inside who was there before the bot: it is told nothing. */
  alreadyHas(person: Person): void;
  /** A member adds somebody. @throws Error when `by` is no member, or the person is banned and `by` may not lift it */
  adds(person: Person, by?: Person): void;
  /** @throws TelegramError as approveChatJoinRequest answers when there is no such request */
  approves(person: Person, by?: Person): void;
  /** @throws TelegramError as declineChatJoinRequest answers when there is no such request */
  declines(person: Person, by?: Person): void;
  promotes(person: Person, by?: Person): void;
  /** Makes an administrator a member again. */
  demotes(person: Person, by?: Person): void;
  /** @param options.until seconds since 1970; default 0, for ever */
  bans(person: Person, options?: { readonly by?: Person; readonly until?: number }): void;
  /** Lifts a ban: the person is outside and may come back. */
  unbans(person: Person, by?: Person): void;
  /**
   * Takes the right to write from somebody, who stays inside or outside. Supergroups only.
   * @param options.until seconds since 1970; default 0, for ever
   */
  restricts(person: Person, options?: { readonly by?: Person; readonly until?: number }): void;
  /**
   * Somebody changes what the bot is; the bot hears of it.
   * @param rights where an administrator's differ from all that a bot needs, for example `{ can_invite_users: false }`
   */
  botBecomes(status: MemberStatus, rights?: Rights, by?: Person): void;
  /** Makes a group a supergroup. Returns that; the old id answers with where it went. */
  migrates(): SandboxClub;
}

export interface ClubOptions {
  /** Default: counted down, as Telegram's are, from -1001000000001, a group's from -4000000001. */
  readonly id?: number;
  readonly title?: string;
  /** Default: supergroup. */
  readonly type?: Club['type'];
  /** Whoever finds the club without a link must be approved. */
  readonly joinByRequest?: boolean;
  /** The bot is assigned to process join requests: each has a query_id, to be answered within 10 s. */
  readonly asksBot?: boolean;
  /** What the bot is at first, which it is not told. Default: administrator. */
  readonly bot?: MemberStatus;
}

/** The person who owns every club. */
export const ownerId = 999;
const firstClub = -1_001_000_000_001;
const firstGroup = -4_000_000_001;

/** The club with this id; a new one when there is none. */
export function openClub(world: World, options: ClubOptions): SandboxClub {
  const { telegram } = world;
  const { type = 'supergroup' } = options;
  const id = options.id ?? (type === 'group' ? firstGroup : firstClub) - telegram.clubs.size;
  const club = telegram.clubs.get(id) ?? {
    id,
    title: options.title ?? 'The club',
    type,
    joinByRequest: options.joinByRequest ?? false,
    asksBot: options.asksBot ?? false,
    bot: options.bot ?? 'administrator',
    members: new Map([[ownerId, { status: 'creator' as const, until: 0 }]]),
    links: new Map(),
    requests: new Map(),
  };
  telegram.users.set(ownerId, { id: ownerId, first_name: 'Owner', language_code: 'en' });
  telegram.clubs.set(id, club);
  return clubFace(world, club);
}

function clubFace(world: World, club: Club): SandboxClub {
  const { telegram, membership } = world;
  const set = (person: Person, standing: Standing, by?: Person) =>
    membership.set(club, idOf(person), standing, idOf(by));
  return {
    id: club.id,
    title: club.title,
    get members() {
      return insiders(club, telegram.seconds());
    },
    get banned() {
      return banned(club, telegram.seconds());
    },
    get requests() {
      return [...club.requests.keys()];
    },
    get messages() {
      return telegram.messages.get(club.id) ?? [];
    },
    get primaryLink() {
      return primaryLink(telegram, club, ownerId);
    },
    get folderLink() {
      return folderLink(telegram, club);
    },
    adminLink: ({ by, ...link } = {}) =>
      addLink(telegram, club, telegram.userOf(idOf(by)), link).raw.invite_link,
    alreadyHas: (person) => {
      club.members.set(idOf(person), { status: 'member', until: 0 });
      telegram.changed();
    },
    adds: (person, by) => membership.add(club, idOf(person), idOf(by)),
    approves: (person, by) => membership.settle(club, idOf(person), true, idOf(by)),
    declines: (person, by) => membership.settle(club, idOf(person), false, idOf(by)),
    promotes: (person, by) => set(person, { status: 'administrator', until: 0 }, by),
    demotes: (person, by) => set(person, { status: 'member', until: 0 }, by),
    bans: (person, { by, until = 0 } = {}) => set(person, { status: 'kicked', until }, by),
    unbans: (person, by) => set(person, { status: 'left', until: 0 }, by),
    restricts: (person, { by, until = 0 } = {}) => {
      if (club.type !== 'supergroup') throw new Error('Only supergroups restrict their members.');
      const isMember = membership.isInside(club, idOf(person));
      set(person, { status: 'restricted', until, isMember }, by);
    },
    botBecomes: (status, rights = {}, by) => setBot(telegram, club, status, rights, idOf(by)),
    migrates: () => clubFace(world, migrate(world, club)),
  };
}

const idOf = (person: Person = ownerId): number => (typeof person === 'number' ? person : person.id);

/** Moves everybody and everything of a group into a new supergroup; each shows a line of it. */
function migrate({ telegram }: World, group: Club): Club {
  if (group.type !== 'group' || group.movedTo !== undefined)
    throw new Error(`“${group.title}” is no group that could become a supergroup.`);
  const club: Club = {
    ...group,
    id: firstClub - telegram.clubs.size,
    type: 'supergroup',
    members: new Map(group.members),
    links: new Map(group.links),
    requests: new Map(group.requests),
  };
  telegram.clubs.set(club.id, club);
  telegram.post(group.id, ownerId, { migrate_to_chat_id: club.id });
  telegram.post(club.id, ownerId, { migrate_from_chat_id: group.id });
  group.movedTo = club.id;
  for (const gone of [group.members, group.links, group.requests]) gone.clear();
  delete group.folder;
  return club;
}
