import type { ChatMember } from 'grammy/types';
import type { Effect } from '../../core/effects.ts';
import type { Perform } from '../../telegram/api.ts';
import type { Troubles } from '../operator/troubles.ts';

/** What the actors of the club need. */
export interface Door {
  readonly perform: Perform;
  /** The chat of the club; null when bot.yaml names none. */
  readonly club: () => number | null;
  readonly troubles: Pick<Troubles, 'met' | 'over'>;
  /** The club has become a supergroup, with another id. */
  readonly moved: (from: number, to: number) => Promise<void>;
}

/** What an attempt to make a link came to. `isBarred`: an administrator has banned them. */
export type Invite = { readonly link: string } | { readonly isBarred: true } | { readonly isInside: true };

/**
 * Makes an invite link to the club by which one asks to join, and revokes the one of before. The bot lets in who has access,
 * whoever uses the link. A crash between Telegram's answer and our note of it leaves a spare link that opens nothing.
 * @param effect.params `revoke`: the link of before; `admits`: a ban is lifted first, whoever made it
 */
export const createInvite =
  (door: Door) =>
  async (effect: Effect): Promise<Invite> => {
    const { chat, params } = effect;
    const chatId = door.club();
    if (chatId === null) throw new Error('club.chat_id in bot.yaml names no club any more');
    const call = carefully(door, chatId);
    const status = await statusOf(call, chatId, chat);
    if (status === 'kicked') {
      if (params?.['admits'] !== true) return { isBarred: true };
      await call('unbanChatMember', { chat_id: chatId, user_id: chat, only_if_banned: true });
    }
    if (isIn(status)) return { isInside: true };
    const old = params?.['revoke'];
    if (typeof old === 'string') await revoke(call, chatId, old);
    // The name tells the owner of the club whose link it is.
    const payload = { chat_id: chatId, name: String(chat), creates_join_request: true };
    const { invite_link: link } = (await call('createChatInviteLink', payload)) as { invite_link: string };
    return { link };
  };

/**
 * Takes a member out of the club, so that they may come back, and revokes the link. What stands in the end is looked at: a
 * member who is inside after all is a failure. A ban that somebody else made stays.
 * @param effect.params `club`: where they are a member (true: today's club; null: nowhere); `link`: theirs
 */
export const removeMember =
  (door: Door) =>
  async ({ chat, params }: Effect): Promise<{ isAdministrator?: true }> => {
    const { link, club } = params ?? {};
    const chatId = typeof club === 'number' ? club : club === true ? door.club() : null;
    if (chatId === null) return {};
    const call = carefully(door, chatId);
    if (typeof link === 'string') await revoke(call, chatId, link);
    const before = await statusOf(call, chatId, chat);
    if (before === 'creator' || before === 'administrator') return { isAdministrator: true };
    if (!isIn(before)) return {};
    await call('banChatMember', { chat_id: chatId, user_id: chat }).catch((error: unknown) => {
      if (!isNoMember(error)) throw error;
    });
    await call('unbanChatMember', { chat_id: chatId, user_id: chat, only_if_banned: true });
    if (isIn(await statusOf(call, chatId, chat)))
      throw new Error('Telegram says that they are in the club still');
    return {};
  };

/** Lets in who asked to join. */
export const approveJoin =
  (door: Door) =>
  (effect: Effect): Promise<unknown> =>
    answerJoin(door, effect, true);

/**
 * Declines a request to join, with a word. The word goes out first: to who has never written to the bot, Telegram lets it
 * through until the request is answered. Whether it arrives or not, the request is declined.
 */
export const declineJoin =
  (door: Door, send: (effect: Effect) => Promise<unknown>) =>
  async (effect: Effect): Promise<unknown> => {
    await send({ ...effect, type: 'send' }).catch(unlessRefused);
    return answerJoin(door, effect, false);
  };

/** By the query where Telegram gives one, as long as it may be answered; else, or later, by the request itself. */
async function answerJoin({ perform, club }: Door, { chat, event }: Effect, isApproved: boolean) {
  const query = event?.['query'];
  if (typeof query === 'string') {
    const result = isApproved ? 'approve' : 'decline';
    const payload = { chat_join_request_query_id: query, result };
    const isAnswered = await perform('answerChatJoinRequestQuery', payload).then(
      () => true,
      (error: unknown) => {
        unlessRefused(error);
        return false;
      },
    );
    if (isAnswered) return true;
  }
  const method = isApproved ? 'approveChatJoinRequest' : 'declineChatJoinRequest';
  return perform(method, { chat_id: club(), user_id: chat });
}

const rightsLost = /not enough rights|CHAT_ADMIN_REQUIRED|need administrator rights/i;

/** Whether an error says that the bot lacks a right in the club. */
const isAboutRights = (error: unknown): boolean => rightsLost.test(String((error as Error).message));

/** Calls in the club: what the bot may not do there is told once for all members, and a club that has moved is followed. */
function carefully({ perform, troubles, moved }: Door, club: number): Perform {
  return async (method, payload, signal) => {
    try {
      const answer = await perform(method, payload, signal);
      if (method !== 'getChatMember') await troubles.over('rights');
      return answer;
    } catch (error) {
      const to = (error as { parameters?: { migrate_to_chat_id?: number } }).parameters?.migrate_to_chat_id;
      if (to !== undefined) await moved(club, to);
      if (isAboutRights(error)) await troubles.met('rights', String((error as Error).message));
      throw error;
    }
  };
}

/** Somebody of whom Telegram knows nothing there is outside. */
async function statusOf(call: Perform, club: number, user: number): Promise<ChatMember['status'] | 'inside'> {
  try {
    const member = (await call('getChatMember', { chat_id: club, user_id: user })) as ChatMember;
    return member.status === 'restricted' ? (member.is_member ? 'inside' : 'left') : member.status;
  } catch (error) {
    if (isNoMember(error)) return 'left';
    throw error;
  }
}

const isIn = (status: string): boolean => status !== 'left' && status !== 'kicked';

const isNoMember = (error: unknown): boolean =>
  /PARTICIPANT_ID_INVALID|user not found|member not found/i.test(String((error as Error).message));

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
