import { badRequest } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { chatMember } from './chat-member.ts';
import { botIsInside, type Club, clubChat, type MemberStatus, type Rights } from './club.ts';
import type { Telegram } from './telegram.ts';

/** A person blocks the bot, or takes it back; the bot is told. */
export function setBlocked(telegram: Telegram, id: number, isBlocked: boolean): void {
  const user = telegram.users.get(id);
  if (user === undefined) throw badRequest('user not found');
  user.blocked = isBlocked;
  telegram.emit({ type: isBlocked ? 'blocked' : 'unblocked', user: id });
  const [before, after] = isBlocked ? (['member', 'kicked'] as const) : (['kicked', 'member'] as const);
  const standing = (status: MemberStatus) => chatMember({ ...telegram.bot }, { status, until: 0 });
  tell(telegram, telegram.chatOf(id), id, standing(before), standing(after));
}

/** Somebody makes the bot something else in a club; the bot is told, and a group shows a line when it comes in. */
export function setBot(
  telegram: Telegram,
  club: Club,
  status: MemberStatus,
  rights: Rights,
  by: number,
): void {
  const wasInside = botIsInside(club);
  const before = botMember(telegram, club);
  club.bot = status;
  club.botRights = rights;
  tell(telegram, clubChat(club), by, before, botMember(telegram, club));
  if (!wasInside && botIsInside(club) && club.type !== 'channel')
    telegram.post(club.id, by, { new_chat_members: [telegram.bot] });
}

/** The bot as the Bot API's ChatMember of a club. */
export const botMember = ({ bot }: Telegram, club: Club): Json =>
  chatMember({ ...bot }, { status: club.bot, until: 0 }, club.botRights);

function tell(telegram: Telegram, chat: Json, by: number, before: Json, after: Json): void {
  const change = { chat, from: telegram.userOf(by), date: telegram.seconds() };
  telegram.push({ my_chat_member: { ...change, old_chat_member: before, new_chat_member: after } });
}
