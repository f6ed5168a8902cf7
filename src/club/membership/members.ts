import type { ChatMember } from 'grammy/types';
import type { Effect } from '#runtime';
import type { Perform } from '#telegram';
import { type ClubParts, clubOf } from '../parts.ts';
import { isInside, missingRight } from './rights.ts';

/** A club that a person was let into; `true`: that of today. */
interface Place {
  readonly club: number | true | null;
  readonly link?: unknown;
}

/** What an attempt to make a link came to. `isBarred`: an administrator has banned them. */
export type Invite = { readonly link: string } | { readonly isBarred: true } | { readonly isInside: true };

/**
 * Makes an invite link to the club by which one asks to join, and revokes the one of before. The bot lets in who has access,
 * whoever uses the link. A crash between Telegram's answer and our note of it leaves a spare link that opens nothing.
 * @param effect.params `revoke`: the link of before; `admits`: a ban is lifted first, whoever made it
 */
export async function createInvite(effect: Effect, parts: ClubParts): Promise<Invite> {
  const { chat, params } = effect;
  const chatId = clubOf(parts);
  if (chatId === null) throw new Error('club.chat_id in bot.yaml names no club any more');
  const call = carefully(parts, chatId);
  const member = await memberOf(call, chatId, chat);
  if (member.status === 'kicked') {
    if (params?.['admits'] !== true && !isShort(member.until_date, parts.now())) return { isBarred: true };
    await call('unbanChatMember', { chat_id: chatId, user_id: chat, only_if_banned: true });
  }
  if (isInside(member)) return { isInside: true };
  const old = params?.['revoke'];
  if (typeof old === 'string') await revoke(call, chatId, old);
  // The name tells the owner of the club whose link it is.
  const payload = { chat_id: chatId, name: String(chat), creates_join_request: true };
  const { invite_link: link } = (await call('createChatInviteLink', payload)) as { invite_link: string };
  await parts.troubles.over('invites');
  return { link };
}

/**
 * Takes a member out of each club that they were let into, so that they may come back, and revokes the links. What stands in
 * the end is looked at: a member who is inside after all is a failure. A ban that somebody else made stays.
 * @param effect.params `club`: where they are a member (true: today's club; null: nowhere); `link`: theirs; `former`: the
 * same for clubs of before
 */
export async function removeMember(
  { chat, params = {} }: Effect,
  parts: ClubParts,
): Promise<{ isAdministrator?: true }> {
  const { club, link, former } = params;
  const places = [...(Array.isArray(former) ? former : []), { club, link }] as readonly Place[];
  let isAdministrator = false;
  for (const place of places) {
    const chatId = place.club === true ? clubOf(parts) : place.club;
    // An effect of an earlier release says `false` where there was no club.
    if (typeof chatId === 'number' && (await takeOut(parts, chatId, chat, place.link)))
      isAdministrator = true;
  }
  return isAdministrator ? { isAdministrator } : {};
}

/** How long a removal bans, ms: when the program dies before it lifts the ban, this ends by itself. Telegram takes no less than 30 s. */
const shortBan = 300_000;

/** @returns whether they own or administer the club, which nobody can take them out of */
async function takeOut(parts: ClubParts, club: number, user: number, link: unknown): Promise<boolean> {
  const call = carefully(parts, club);
  try {
    if (typeof link === 'string') await revoke(call, club, link);
    const before = await memberOf(call, club, user);
    if (before.status === 'creator' || before.status === 'administrator') return true;
    const now = parts.now();
    if (before.status === 'kicked' ? !isShort(before.until_date, now) : !isInside(before)) return false;
    const until = Math.ceil((now + shortBan) / 1_000);
    await call('banChatMember', { chat_id: club, user_id: user, until_date: until }).catch(
      (error: unknown) => {
        if (!isNoMember(error)) throw error;
      },
    );
    await call('unbanChatMember', { chat_id: club, user_id: user, only_if_banned: true });
    if (isInside(await memberOf(call, club, user)))
      throw new Error('Telegram says that they are in the club still');
  } catch (error) {
    // In a club of before that the bot is no longer in, nothing can be kept.
    if (club === clubOf(parts) || !hasLeft.test(saidBy(error))) throw error;
  }
  return false;
}

/** A ban of a removal that was cut short, and not of somebody else. */
const isShort = (until: number, now: number): boolean => until > 0 && until * 1_000 <= now + shortBan + 1_000;

/** Lets in who asked to join. */
export const approveJoin = (effect: Effect, parts: ClubParts): Promise<unknown> =>
  answerJoin(parts, effect, true);

/**
 * Declines a request to join, with a word. The word goes out first: to who has never written to the bot, Telegram lets it
 * through until the request is answered. Whether it arrives or not, the request is declined.
 */
export async function declineJoin(effect: Effect, parts: ClubParts): Promise<unknown> {
  await parts.send({ ...effect, type: 'send' }).catch(unlessRefused);
  return answerJoin(parts, effect, false);
}

/** A word to somebody to whom the bot may not be allowed to write: then there is none. */
export const tellStranger = (effect: Effect, { send }: ClubParts): Promise<unknown> =>
  send({ ...effect, type: 'send' }).catch(unlessRefused);

/** By the query where Telegram gives one, as long as it may be answered; else, or later, by the request itself. */
async function answerJoin(parts: ClubParts, { chat, event }: Effect, isApproved: boolean): Promise<unknown> {
  const { callClub } = parts;
  const query = event?.['query'];
  if (typeof query === 'string') {
    const result = isApproved ? 'approve' : 'decline';
    const payload = { chat_join_request_query_id: query, result };
    const isAnswered = await callClub('answerChatJoinRequestQuery', payload).then(
      () => true,
      (error: unknown) => {
        unlessRefused(error);
        return false;
      },
    );
    if (isAnswered) return true;
  }
  const method = isApproved ? 'approveChatJoinRequest' : 'declineChatJoinRequest';
  // The club where they knocked, which need not be that of today.
  const where = typeof event?.['club'] === 'number' ? event['club'] : clubOf(parts);
  return callClub(method, { chat_id: where, user_id: chat });
}

const hasLeft = /bot was kicked|bot is not a member|CHANNEL_PRIVATE|chat not found/i;
const rightsLost =
  /not enough rights|administrator rights|CHAT_ADMIN_REQUIRED|bot was kicked|bot is not a member|CHANNEL_PRIVATE/i;

const saidBy = (error: unknown): string => String((error as Error).message);

/** Whether an error says that the bot lacks a right in the club. */
const isAboutRights = (error: unknown): boolean => rightsLost.test(saidBy(error));

/** Calls in a club: what the bot may not do in that of today is told once for all members, and one that has moved is followed. */
function carefully(parts: ClubParts, club: number): Perform {
  const { callClub, troubles, moved } = parts;
  return async (method, payload, signal) => {
    const call = async () => {
      try {
        return await callClub(method, payload, signal);
      } catch (error) {
        const to = (error as { parameters?: { migrate_to_chat_id?: number } }).parameters?.migrate_to_chat_id;
        if (to === undefined) throw error;
        await moved(club, to);
        return callClub(method, { ...payload, chat_id: to }, signal);
      }
    };
    try {
      const answer = await call();
      if (method !== 'getChatMember' && troubles.isOpen('rights') && (await hasRights(parts, club)))
        await troubles.over('rights');
      return answer;
    } catch (error) {
      if (club === clubOf(parts) && isAboutRights(error)) await troubles.met('rights', saidBy(error));
      throw error;
    }
  };
}

/** One right may be back, and another not. */
async function hasRights(parts: ClubParts, club: number): Promise<boolean> {
  if (club !== clubOf(parts)) return false;
  const member = (await parts.callClub('getChatMember', { chat_id: club, user_id: parts.bot })) as ChatMember;
  return missingRight(member) === '';
}

/** Somebody of whom Telegram knows nothing there is outside. */
async function memberOf(
  call: Perform,
  club: number,
  user: number,
): Promise<ChatMember | { readonly status: 'unknown' }> {
  try {
    return (await call('getChatMember', { chat_id: club, user_id: user })) as ChatMember;
  } catch (error) {
    if (isNoMember(error)) return { status: 'unknown' };
    throw error;
  }
}

const isNoMember = (error: unknown): boolean =>
  /PARTICIPANT_ID_INVALID|user not found|member not found/i.test(saidBy(error));

/** A link that is gone already is as good as revoked; one that the bot may not revoke is not. */
const revoke = (call: Perform, chatId: number, link: string): Promise<unknown> =>
  call('revokeChatInviteLink', { chat_id: chatId, invite_link: link }).catch((error: unknown) => {
    if (isAboutRights(error)) throw error;
    unlessRefused(error);
  });

/** What Telegram refuses for good is over: a link that is gone, a person who blocked the bot. */
function unlessRefused(error: unknown): void {
  const code = (error as { error_code?: number }).error_code;
  if (code !== 400 && code !== 403) throw error;
}
