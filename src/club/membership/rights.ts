import { type Api, GrammyError } from 'grammy';
import type { ChatMember } from 'grammy/types';
import type { ClubContent } from '../settings.ts';

/** Whether somebody is in a chat, with whatever rights. */
export const isInside = (member: { readonly status: string; readonly is_member?: boolean }): boolean =>
  member.status === 'restricted'
    ? member.is_member === true
    : /^(creator|administrator|member)$/.test(member.status);

/** What the bot lacks to keep the doors of a club; '' when it lacks nothing. */
export function missingRight(member: ChatMember): string {
  if (member.status !== 'administrator') return `the bot is no administrator there (${member.status})`;
  const missing = [
    ...(member.can_invite_users ? [] : ['invite users']),
    ...(member.can_restrict_members ? [] : ['ban users']),
  ];
  return missing.length === 0 ? '' : `the bot may not ${missing.join(' and ')} there`;
}

/** What the bot lacks to keep the doors of the club; null when it lacks nothing, or there is no club. */
export async function clubProblem(
  api: Api,
  { settings: { club } }: ClubContent,
  bot: number,
): Promise<string | null> {
  if (club.chatId === null) return null;
  const place = `club.chat_id ${club.chatId} in bot.yaml`;
  try {
    const member = await api.getChatMember(club.chatId, bot);
    if (member.status !== 'administrator')
      return `${place}: expected the bot to be an administrator there, found ${member.status}`;
    if (!member.can_invite_users || !member.can_restrict_members)
      return `${place}: expected the bot to have the rights to invite and to ban users there`;
    return null;
  } catch (error) {
    if (!(error instanceof GrammyError)) throw error;
    return `${place}: expected a group or channel that the bot is in, found ${error.description}`;
  }
}
