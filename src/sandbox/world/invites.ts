import { badRequest } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { flag, integer, text } from '../api/values.ts';
import type { Club, InviteLink } from './club.ts';
import type { Telegram } from './telegram.ts';

/** What an administrator sets on an invite link. */
export interface LinkOptions {
  /** Whoever comes by it must be approved. */
  readonly byRequest?: boolean;
  /** How many who came by it may be inside at the same time. */
  readonly memberLimit?: number;
  /** Seconds since 1970. */
  readonly expireDate?: number;
  readonly name?: string;
}

/** A new invite link; `creator` is the Bot API's User. */
export function addLink(
  telegram: Telegram,
  club: Club,
  creator: Json,
  { byRequest = false, memberLimit, expireDate, name }: LinkOptions = {},
  isPrimary = false,
): InviteLink {
  const raw = {
    invite_link: `https://t.me/+${secret(telegram)}`,
    creator,
    creates_join_request: byRequest,
    is_primary: isPrimary,
    is_revoked: false,
    ...(name !== undefined && { name: name.slice(0, 32) }),
    ...(expireDate !== undefined && { expire_date: expireDate }),
    ...(memberLimit !== undefined && { member_limit: memberLimit }),
  };
  const link = { raw, joined: new Set<number>() };
  club.links.set(raw.invite_link, link);
  telegram.changed();
  return link;
}

/** createChatInviteLink. */
export function createLink(telegram: Telegram, club: Club, values: Json): Json {
  const byRequest = flag(values, 'creates_join_request');
  const memberLimit = integer(values, 'member_limit');
  const expireDate = integer(values, 'expire_date') || undefined;
  const name = text(values, 'name') || undefined;
  if (byRequest && memberLimit !== undefined)
    throw badRequest("member limit can't be specified for links requiring administrator approval");
  if (memberLimit !== undefined && (memberLimit < 0 || memberLimit > 99_999))
    throw badRequest('USAGE_LIMIT_INVALID');
  if (expireDate !== undefined && expireDate <= telegram.seconds()) throw badRequest('EXPIRE_DATE_INVALID');
  return addLink(
    telegram,
    club,
    { ...telegram.bot },
    {
      byRequest,
      ...(memberLimit !== undefined && memberLimit !== 0 && { memberLimit }),
      ...(expireDate !== undefined && { expireDate }),
      ...(name !== undefined && { name }),
    },
  ).raw;
}

/** revokeChatInviteLink: a bot revokes what it made itself. */
export function revokeLink(telegram: Telegram, club: Club, address: string): Json {
  const link = club.links.get(address);
  if (link === undefined || !isOwn(telegram, link)) throw badRequest('INVITE_HASH_EXPIRED');
  link.raw['is_revoked'] = true;
  return link.raw;
}

/** The owner's own link, which every group and channel has. */
export function primaryLink(telegram: Telegram, club: Club, owner: number): string {
  const known = [...club.links.values()].find(({ raw }) => raw['is_primary'] === true);
  return (known ?? addLink(telegram, club, telegram.userOf(owner), {}, true)).raw.invite_link;
}

/** The address of a chat folder that the club is shared in. */
export function folderLink(telegram: Telegram, club: Club): string {
  if (club.folder === undefined) {
    club.folder = `https://t.me/addlist/${secret(telegram)}`;
    telegram.changed();
  }
  return club.folder;
}

/** The ChatInviteLink as the bot sees it: the second half of another administrator's address is hidden. */
export function shownLink(telegram: Telegram, link: InviteLink): Json {
  const { raw } = link;
  if (isOwn(telegram, link)) return { ...raw };
  const start = raw.invite_link.lastIndexOf('+') + 1;
  const half = Math.ceil((raw.invite_link.length - start) / 2);
  return { ...raw, invite_link: `${raw.invite_link.slice(0, start + half)}…` };
}

/** The link that an address stands for. Throws with the reason why it leads nowhere. */
export function findLink(telegram: Telegram, address: string): { club: Club; link: InviteLink } {
  for (const club of telegram.clubs.values()) {
    const link = club.links.get(address);
    if (link === undefined) continue;
    const expires = Number(link.raw['expire_date'] ?? Infinity);
    if (link.raw['is_revoked'] === true) throw new Error(`The link ${address} has been revoked.`);
    if (expires <= telegram.seconds()) throw new Error(`The link ${address} has expired.`);
    return { club, link };
  }
  throw new Error(`There is no invite link ${address}.`);
}

const isOwn = (telegram: Telegram, { raw }: InviteLink) =>
  (raw['creator'] as { id?: number }).id === telegram.bot.id;

const secret = (telegram: Telegram) => Buffer.from(telegram.newId(12), 'hex').toString('base64url');
