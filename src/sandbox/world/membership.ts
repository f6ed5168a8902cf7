import { badRequest } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { chatId } from '../api/values.ts';
import { botMember } from './bot-standing.ts';
import { chatMember } from './chat-member.ts';
import {
  botMay,
  type Club,
  clubChat,
  type InviteLink,
  isInside,
  type JoinRequest,
  type Standing,
  standingIn,
} from './club.ts';
import { findLink, shownLink } from './invites.ts';
import type { Telegram } from './telegram.ts';

/** Seconds: a ban that is longer or shorter than this is for ever. */
const longestBan = 366 * 86_400;
const shortestBan = 30;
/** A bot that is assigned to process join requests has this long for each, ms. */
const queryLimit = 10_000;

/** Who did something: the bot or a person. */
type Actor = 'bot' | number;

/** A way into a club, as one person finds it. */
interface Door {
  readonly club: Club;
  readonly link: InviteLink | undefined;
  /** It is the address of a chat folder. */
  readonly isFolder: boolean;
  readonly way: 'join' | 'request' | 'inside';
}

/** Who is in which club, and how they got in. */
export class Membership {
  readonly #telegram: Telegram;

  constructor(telegram: Telegram) {
    this.#telegram = telegram;
  }

  /**
   * The club of a call that needs a right. Throws what Telegram answers when the bot may not do this there.
   * @param action as Telegram's refusal words it
   */
  managedClub(values: Json, action: string, right: string): Club {
    const club = this.#telegram.clubs.get(chatId(values));
    if (club === undefined) throw badRequest('chat not found');
    this.#telegram.reachable(values);
    if (!botMay(club, right)) throw badRequest(`not enough rights to ${action}`);
    return club;
  }

  isInside(club: Club, user: number): boolean {
    return isInside(this.#standing(club, user));
  }

  /** @throws Error when the person may not write in the club */
  checkWriter(club: Club, user: number): void {
    const standing = this.#standing(club, user);
    if (!isInside(standing)) throw new Error(`${user} is not in “${club.title}”.`);
    const isAdministrator = /^(creator|administrator)$/.test(standing.status);
    if (club.type === 'channel' && !isAdministrator)
      throw new Error(`${user} is no administrator of “${club.title}”: only they post in a channel.`);
    if (standing.status === 'restricted') throw new Error(`${user} may only read in “${club.title}”.`);
  }

  /** The Bot API's ChatMember. */
  member(club: Club, id: number): Json {
    const { bot, users } = this.#telegram;
    if (id === bot.id) return botMember(this.#telegram, club);
    if (!users.has(id)) throw badRequest('member not found');
    return chatMember(this.#telegram.userOf(id), this.#standing(club, id));
  }

  /** Where an address leads, or a club that one can find without a link. Throws with the reason why the door is shut. */
  door(user: number, address: string | Club): Door {
    const { club, link } = this.#find(address);
    const isFolder = address === club.folder;
    const standing = this.#standing(club, user);
    if (standing.status === 'kicked') throw new Error(`${user} is banned from “${club.title}”.`);
    if (isInside(standing)) return { club, link, isFolder, way: 'inside' };
    if (link === undefined ? club.joinByRequest : link.raw.creates_join_request)
      return { club, link, isFolder, way: 'request' };
    if (link !== undefined) {
      const inside = [...link.joined].filter((one) => this.isInside(club, one)).length;
      if (inside >= Number(link.raw['member_limit'] ?? Infinity))
        throw new Error(`The link ${address} has been used as often as it may be.`);
    }
    return { club, link, isFolder, way: 'join' };
  }

  /** Goes through a door. Throws with the reason that the person would see. */
  enter(user: number, address: string | Club): 'joined' | 'requested' {
    const { club, link, isFolder, way } = this.door(user, address);
    if (way === 'inside') throw new Error(`${user} is in “${club.title}” already.`);
    if (way === 'request') {
      this.#request(club, user, link);
      return 'requested';
    }
    this.#join(club, user, user, link, isFolder ? { via_chat_folder_invite_link: true } : {});
    return 'joined';
  }

  /** A member puts somebody in; only an administrator brings back who is banned. */
  add(club: Club, user: number, by: number): void {
    if (!this.isInside(club, by)) throw new Error(`${by} is not in “${club.title}” and can add nobody.`);
    const { status } = this.#standing(club, user);
    const isAdministrator = /^(creator|administrator)$/.test(this.#standing(club, by).status);
    if (status === 'kicked' && !isAdministrator) throw new Error(`${user} is banned from “${club.title}”.`);
    this.#withdraw(club, user);
    this.#join(club, user, by, undefined, {});
  }

  /** Approves or declines a request, as approveChatJoinRequest and declineChatJoinRequest do. */
  settle(club: Club, user: number, isApproved: boolean, by: Actor): void {
    if (this.isInside(club, user)) throw badRequest('USER_ALREADY_PARTICIPANT');
    const request = this.#withdraw(club, user);
    if (request === undefined) throw badRequest('HIDE_REQUESTER_MISSING');
    const link = club.links.get(request.link);
    if (isApproved) this.#join(club, user, by, link, link === undefined ? { via_join_request: true } : {});
    else this.#telegram.emit({ type: 'join_declined', user, club: club.id });
  }

  /** What an administrator who may do so makes of somebody. Nobody changes the owner. */
  set(club: Club, user: number, standing: Standing, by: number): void {
    if (this.#standing(club, user).status === 'creator')
      throw new Error(`${user} owns “${club.title}”; nobody can change that.`);
    this.#set(club, user, by, standing);
  }

  /** banChatMember. In a group it removes only, and whoever has a link may come back. */
  ban(club: Club, user: number, until: number): void {
    this.#removable(club, user);
    if (club.type === 'group') {
      this.#set(club, user, 'bot', { status: 'left', until: 0 });
      return;
    }
    const length = until - this.#telegram.seconds();
    const isForEver = length < shortestBan || length > longestBan;
    this.#set(club, user, 'bot', { status: 'kicked', until: isForEver ? 0 : until });
  }

  /** unbanChatMember: a member is removed too, unless only a ban is to be lifted. */
  unban(club: Club, user: number, onlyIfBanned: boolean): void {
    if (club.type === 'group') throw badRequest('method is available for supergroup and channel chats only');
    if (onlyIfBanned && this.#standing(club, user).status !== 'kicked') return;
    this.#removable(club, user);
    this.#set(club, user, 'bot', { status: 'left', until: 0 });
  }

  leave(club: Club, user: number): void {
    if (!this.isInside(club, user)) throw new Error(`${user} is not in “${club.title}”.`);
    const before = this.#standing(club, user);
    const after: Standing =
      before.status === 'restricted' ? { ...before, isMember: false } : { status: 'left', until: 0 };
    this.#set(club, user, user, after);
  }

  #find(address: string | Club): { club: Club; link: InviteLink | undefined } {
    if (typeof address !== 'string') return { club: address, link: undefined };
    const shared = [...this.#telegram.clubs.values()].find(({ folder }) => folder === address);
    return shared === undefined ? findLink(this.#telegram, address) : { club: shared, link: undefined };
  }

  #request(club: Club, user: number, link: InviteLink | undefined): void {
    const telegram = this.#telegram;
    const date = telegram.seconds();
    club.requests.set(user, { link: link?.raw.invite_link ?? '', date });
    if (link !== undefined) this.#countRequests(club, link);
    telegram.emit({ type: 'join_requested', user, club: club.id });
    if (!botMay(club, 'can_invite_users')) return;
    telegram.push({
      chat_join_request: {
        chat: clubChat(club),
        from: telegram.userOf(user),
        user_chat_id: user,
        date,
        ...(link !== undefined && { invite_link: shownLink(telegram, link) }),
        ...(club.asksBot && { query_id: this.#query(club, user) }),
      },
    });
  }

  /** Waits for the bot's word on a request; without one the request stays for the administrators. */
  #query(club: Club, user: number): string {
    const query = this.#telegram.newId(9);
    const answered = ({ result }: Json) => {
      if (result !== 'queue') this.settle(club, user, result === 'approve', 'bot');
    };
    this.#telegram.ask(query, user, answered, queryLimit);
    return query;
  }

  /** The request is over, whatever came of it. */
  #withdraw(club: Club, user: number): JoinRequest | undefined {
    const request = club.requests.get(user);
    if (request === undefined) return undefined;
    club.requests.delete(user);
    const link = club.links.get(request.link);
    if (link !== undefined) this.#countRequests(club, link);
    return request;
  }

  #countRequests(club: Club, { raw }: InviteLink): void {
    const waiting = [...club.requests.values()].filter(({ link }) => link === raw.invite_link);
    raw['pending_join_request_count'] = waiting.length;
  }

  #join(club: Club, user: number, by: Actor, link: InviteLink | undefined, more: Json): void {
    link?.joined.add(user);
    // Who is restricted stays so when they come back.
    const before = this.#standing(club, user);
    const after: Standing =
      before.status === 'restricted' ? { ...before, isMember: true } : { status: 'member', until: 0 };
    const invite = link === undefined ? {} : { invite_link: shownLink(this.#telegram, link) };
    this.#set(club, user, by, after, { ...invite, ...more });
  }

  #removable(club: Club, user: number): void {
    if (!this.#telegram.users.has(user)) throw badRequest('member not found');
    const { status } = this.#standing(club, user);
    if (status === 'creator') throw badRequest("can't remove chat owner");
    if (status === 'administrator') throw badRequest('user is an administrator of the chat');
  }

  /** Changes what somebody is; the bot hears of it as an administrator does, and groups show a line. */
  #set(club: Club, user: number, by: Actor, next: Standing, more: Json = {}): void {
    const telegram = this.#telegram;
    const before = this.#standing(club, user);
    const wasInside = isInside(before);
    const old_chat_member = this.member(club, user);
    club.members.set(user, next);
    const [wasBanned, isBanned] = [before.status === 'kicked', next.status === 'kicked'];
    if (wasBanned !== isBanned)
      telegram.emit({ type: isBanned ? 'banned' : 'unbanned', user, club: club.id });
    const isSame = before.status === next.status && wasInside === isInside(next);
    if (isSame && next.status !== 'kicked' && next.status !== 'restricted') return;
    const hasCome = !wasInside && isInside(next);
    const hasGone = wasInside && !isInside(next);
    if (hasCome || hasGone) telegram.emit({ type: hasCome ? 'joined' : 'left', user, club: club.id });
    if (club.bot === 'administrator') {
      telegram.push({
        chat_member: {
          chat: clubChat(club),
          from: by === 'bot' ? telegram.bot : telegram.userOf(by),
          date: telegram.seconds(),
          old_chat_member,
          new_chat_member: this.member(club, user),
          ...more,
        },
      });
    }
    const who = telegram.userOf(user);
    // Whoever came by a link or a request came by themselves, also when somebody else approved it.
    const cameAlone = Object.keys(more).length > 0;
    if (hasCome) this.#line(club, cameAlone ? user : by, { new_chat_members: [who] });
    if (hasGone) this.#line(club, by, { left_chat_member: who });
  }

  /** A line that a group shows of who comes and goes; channels have none. */
  #line(club: Club, by: Actor, content: Json): void {
    if (club.type !== 'channel') this.#telegram.post(club.id, by, content);
  }

  #standing(club: Club, user: number): Standing {
    return standingIn(club, user, this.#telegram.seconds());
  }
}
