import type { Effect } from '../../core/effects.ts';
import type { Perform } from '../../telegram/api.ts';

/** What the actors of the club need. */
export interface Door {
  readonly perform: Perform;
  /** The chat of the club; null when bot.yaml names none. */
  readonly club: () => number | null;
}

/**
 * Makes an invite link to the club for one person, and revokes the one of before. A crash between Telegram's answer and
 * our note of it leaves a spare link that nobody was given.
 */
export const createInvite =
  ({ perform, club }: Door) =>
  async ({ chat, params }: Effect): Promise<{ link: string }> => {
    const chatId = club();
    if (chatId === null) throw new Error('club.chat_id in bot.yaml names no club any more');
    const old = params?.['revoke'];
    if (typeof old === 'string') await revoke(perform, chatId, old);
    // The name tells the owner of the club whose link it is.
    const payload = { chat_id: chatId, name: String(chat), member_limit: 1 };
    const { invite_link: link } = (await perform('createChatInviteLink', payload)) as { invite_link: string };
    return { link };
  };

/** Takes a member out of the club, so that they may come back, and revokes the link. */
export const removeMember =
  ({ perform, club }: Door) =>
  async ({ chat, params }: Effect): Promise<void> => {
    const { link } = params ?? {};
    const chatId = club();
    if (params?.['club'] !== true || chatId === null) return;
    if (typeof link === 'string') await revoke(perform, chatId, link);
    // Who has never been inside has nothing to be removed from.
    await perform('banChatMember', { chat_id: chatId, user_id: chat }).catch((error: unknown) => {
      if (!/PARTICIPANT_ID_INVALID|user not found/i.test(String((error as Error).message))) throw error;
    });
    await perform('unbanChatMember', { chat_id: chatId, user_id: chat, only_if_banned: true });
  };

/**
 * Declines a request to join, with a word. The word goes out first: to who has never written to the bot, Telegram lets it
 * through until the request is answered. Whether it arrives or not, the request is declined.
 */
export const declineJoin =
  ({ perform, club }: Door, send: (effect: Effect) => Promise<unknown>) =>
  async (effect: Effect): Promise<unknown> => {
    await send({ ...effect, type: 'send' }).catch(unlessRefused);
    return perform('declineChatJoinRequest', { chat_id: club(), user_id: effect.chat });
  };

/** A link that is gone already is as good as revoked. */
const revoke = (perform: Perform, chatId: number, link: string): Promise<unknown> =>
  perform('revokeChatInviteLink', { chat_id: chatId, invite_link: link }).catch(unlessRefused);

/** What Telegram refuses for good is over: a link that is gone, a subscription that has ended, a person who blocked the bot. */
function unlessRefused(error: unknown): void {
  const code = (error as { error_code?: number }).error_code;
  if (code !== 400 && code !== 403) throw error;
}
