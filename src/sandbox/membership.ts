import { type Club, clubChat, type InviteLink, isInside, type MemberStatus, statusIn } from './club.ts';
import { badRequest } from './errors.ts';
import type { Json } from './parameters.ts';
import type { Telegram } from './telegram.ts';
import { flag, integer, text } from './values.ts';

const rights = {
  can_be_edited: false,
  is_anonymous: false,
  can_manage_chat: true,
  can_delete_messages: true,
  can_manage_video_chats: true,
  can_restrict_members: true,
  can_promote_members: false,
  can_change_info: true,
  can_invite_users: true,
  can_post_stories: false,
  can_edit_stories: false,
  can_delete_stories: false,
};

/** Seconds: a ban that is longer or shorter than this is for ever. */
const longestBan = 366 * 86_400;
const shortestBan = 30;

/** A way into a club, as one person finds it. */
interface Door {
  readonly club: Club;
  readonly link: InviteLink | undefined;
  readonly way: 'join' | 'request' | 'inside';
}

/** Who is in which club, and by which invite link. */
export class Membership {
  readonly #telegram: Telegram;

  constructor(telegram: Telegram) {
    this.#telegram = telegram;
  }

  /** The club of a call. Throws what Telegram answers when the bot may not do this there. */
  managed(values: Json, right: string): Club {
    const club = this.#telegram.clubs.get(Number(values['chat_id']));
    if (club === undefined) throw badRequest('chat not found');
    this.#telegram.reachable(club.id);
    if (club.bot !== 'administrator') throw badRequest(`not enough rights to ${right}`);
    return club;
  }

  status(club: Club, user: number): MemberStatus {
    return statusIn(club, user, this.#telegram.seconds());
  }

  /** The Bot API's ChatMember. */
  member(club: Club, id: number): Json {
    const isBot = id === this.#telegram.bot.id;
    if (!isBot && !this.#telegram.users.has(id)) throw badRequest('member not found');
    const status = isBot ? club.bot : this.status(club, id);
    return this.#describe(id, status, club.members.get(id)?.until ?? 0);
  }

  createLink(club: Club, values: Json): Json {
    const needsApproval = flag(values, 'creates_join_request');
    const limit = integer(values, 'member_limit');
    const expires = integer(values, 'expire_date');
    const name = text(values, 'name');
    if (needsApproval && limit !== undefined)
      throw badRequest("member limit can't be specified for links requiring administrator approval");
    if (limit !== undefined && (limit < 0 || limit > 99_999)) throw badRequest('USAGE_LIMIT_INVALID');
    if (expires !== undefined && expires !== 0 && expires <= this.#telegram.seconds())
      throw badRequest('EXPIRE_DATE_INVALID');
    const raw = {
      invite_link: `https://t.me/+${Buffer.from(this.#telegram.newId(12), 'hex').toString('base64url')}`,
      creator: this.#telegram.bot,
      creates_join_request: needsApproval,
      is_primary: false,
      is_revoked: false,
      ...(name !== undefined && name !== '' && { name: name.slice(0, 32) }),
      ...(expires !== undefined && expires !== 0 && { expire_date: expires }),
      ...(limit !== undefined && limit !== 0 && { member_limit: limit }),
    };
    club.links.set(raw.invite_link, { raw, joined: new Set() });
    return raw;
  }

  revokeLink(club: Club, address: string): Json {
    const link = club.links.get(address);
    if (link === undefined) throw badRequest('INVITE_HASH_EXPIRED');
    link.raw['is_revoked'] = true;
    return link.raw;
  }

  /** Where a link leads, or a club that one can find without a link. Throws with the reason why the door is shut. */
  door(user: number, address: string | Club): Door {
    const { club, link } =
      typeof address === 'string' ? this.#find(address) : { club: address, link: undefined };
    const status = this.status(club, user);
    if (status === 'kicked') throw new Error(`${user} is banned from “${club.title}”.`);
    if (isInside(status)) return { club, link, way: 'inside' };
    if (link === undefined ? club.joinByRequest : link.raw.creates_join_request)
      return { club, link, way: 'request' };
    if (link !== undefined) {
      const inside = [...link.joined].filter((one) => isInside(this.status(club, one))).length;
      if (inside >= Number(link.raw['member_limit'] ?? Infinity))
        throw new Error(`The link ${address} has been used as often as it may be.`);
    }
    return { club, link, way: 'join' };
  }

  /** Goes through a door. Throws with the reason that the person would see. */
  enter(user: number, address: string | Club): 'joined' | 'requested' {
    const { club, link, way } = this.door(user, address);
    if (way === 'inside') throw new Error(`${user} is in “${club.title}” already.`);
    if (way === 'request') {
      this.#request(club, user, link);
      return 'requested';
    }
    this.#join(club, user, user, link);
    return 'joined';
  }

  /** approveChatJoinRequest and declineChatJoinRequest. */
  settle(club: Club, user: number, isApproved: boolean): void {
    if (isInside(this.status(club, user))) throw badRequest('USER_ALREADY_PARTICIPANT');
    const address = club.requests.get(user);
    if (address === undefined) throw badRequest('HIDE_REQUESTER_MISSING');
    club.requests.delete(user);
    const link = club.links.get(address);
    if (link !== undefined) this.#countRequests(club, link);
    if (isApproved) this.#join(club, user, 'bot', link, link === undefined);
    else this.#telegram.emit({ type: 'join_declined', user, club: club.id });
  }

  ban(club: Club, user: number, until: number): void {
    this.#removable(club, user);
    const length = until - this.#telegram.seconds();
    this.#set(club, user, 'bot', 'kicked', length < shortestBan || length > longestBan ? 0 : until);
  }

  /** A member is removed too, unless only a ban is to be lifted. */
  unban(club: Club, user: number, onlyIfBanned: boolean): void {
    if (onlyIfBanned && this.status(club, user) !== 'kicked') return;
    this.#removable(club, user);
    this.#set(club, user, 'bot', 'left', 0);
  }

  leave(club: Club, user: number): void {
    if (!isInside(this.status(club, user))) throw new Error(`${user} is not in “${club.title}”.`);
    this.#set(club, user, user, 'left', 0);
  }

  /** A person blocks the bot, or takes it back. */
  setBlocked(id: number, isBlocked: boolean): void {
    const user = this.#telegram.users.get(id);
    if (user === undefined) throw badRequest('user not found');
    user.blocked = isBlocked;
    this.#telegram.emit({ type: isBlocked ? 'blocked' : 'unblocked', user: id });
    const [before, after] = isBlocked ? (['member', 'kicked'] as const) : (['kicked', 'member'] as const);
    this.#tellOfBot(this.#telegram.chatOf(id), this.#telegram.userOf(id), before, after);
  }

  /** The club's owner makes the bot something else. */
  setBot(club: Club, status: MemberStatus): void {
    const before = club.bot;
    club.bot = status;
    const owner = [...club.members].find(([, member]) => member.status === 'creator')?.[0] ?? 0;
    this.#tellOfBot(clubChat(club), this.#telegram.userOf(owner), before, status);
  }

  #tellOfBot(chat: Json, from: Json, before: MemberStatus, after: MemberStatus): void {
    const { bot } = this.#telegram;
    this.#telegram.push({
      my_chat_member: {
        chat,
        from,
        date: this.#telegram.seconds(),
        old_chat_member: this.#describe(bot.id, before, 0),
        new_chat_member: this.#describe(bot.id, after, 0),
      },
    });
  }

  #find(address: string): { club: Club; link: InviteLink } {
    for (const club of this.#telegram.clubs.values()) {
      const link = club.links.get(address);
      if (link === undefined) continue;
      const expires = Number(link.raw['expire_date'] ?? Infinity);
      if (link.raw['is_revoked'] === true) throw new Error(`The link ${address} has been revoked.`);
      if (expires <= this.#telegram.seconds()) throw new Error(`The link ${address} has expired.`);
      return { club, link };
    }
    throw new Error(`There is no invite link ${address}.`);
  }

  #request(club: Club, user: number, link: InviteLink | undefined): void {
    club.requests.set(user, link?.raw.invite_link ?? '');
    if (link !== undefined) this.#countRequests(club, link);
    this.#telegram.emit({ type: 'join_requested', user, club: club.id });
    this.#telegram.push({
      chat_join_request: {
        chat: clubChat(club),
        from: this.#telegram.userOf(user),
        user_chat_id: user,
        date: this.#telegram.seconds(),
        ...(link !== undefined && { invite_link: { ...link.raw } }),
      },
    });
  }

  #countRequests(club: Club, { raw }: InviteLink): void {
    raw['pending_join_request_count'] = [...club.requests.values()].filter(
      (address) => address === raw.invite_link,
    ).length;
  }

  #join(club: Club, user: number, by: 'bot' | number, link?: InviteLink, viaRequest = false): void {
    link?.joined.add(user);
    this.#set(club, user, by, 'member', 0, {
      ...(link !== undefined && { invite_link: { ...link.raw } }),
      ...(viaRequest && { via_join_request: true }),
    });
  }

  #removable(club: Club, user: number): void {
    if (!this.#telegram.users.has(user)) throw badRequest('member not found');
    const status = this.status(club, user);
    if (status === 'creator') throw badRequest("can't remove chat owner");
    if (status === 'administrator') throw badRequest('user is an administrator of the chat');
  }

  /** Changes what somebody is; the bot hears of it as an administrator does, and supergroups show a line. */
  #set(club: Club, user: number, by: 'bot' | number, status: MemberStatus, until: number, more: Json = {}) {
    const telegram = this.#telegram;
    const before = this.status(club, user);
    const old_chat_member = this.member(club, user);
    club.members.set(user, { status, until });
    if (before === status && status !== 'kicked') return;
    const wasInside = isInside(before);
    if (wasInside !== isInside(status))
      telegram.emit({ type: wasInside ? 'left' : 'joined', user, club: club.id });
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
    if (club.type !== 'supergroup' || wasInside === isInside(status)) return;
    const who = telegram.userOf(user);
    const line = wasInside ? { left_chat_member: who } : { new_chat_members: [who] };
    telegram.push({ message: telegram.add(club.id, by === 'bot' && !wasInside ? user : by, line).raw });
  }

  #describe(id: number, status: MemberStatus, until: number): Json {
    const user = id === this.#telegram.bot.id ? this.#telegram.bot : this.#telegram.userOf(id);
    if (status === 'creator') return { status, user, is_anonymous: false };
    if (status === 'administrator') return { status, user, ...rights };
    return { status, user, ...(status === 'kicked' && { until_date: until }) };
  }
}
