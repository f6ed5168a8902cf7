import type { ChatMember, Update } from 'grammy/types';
import type { JsonObject, MachineEvent } from '#runtime';
import { cut, languageOf, type Meaning, type Route, senderOf } from '#telegram';
import type { ClubRules } from '../rules.ts';
import { isInside, missingRight } from './rights.ts';

/** What is asked of Telegram besides. */
export const membershipUpdates = ['chat_join_request', 'chat_member'] as const;

/** The club's door, and what becomes of the club itself. */
export const routeMembership: Route<ClubRules> = (update, rules) => {
  if (update.message?.migrate_to_chat_id !== undefined) return routeGroup(update, rules);
  if (update.chat_join_request !== undefined || update.chat_member !== undefined)
    return routeClub(update, rules);
  const place = update.my_chat_member?.chat.type;
  return place === undefined || place === 'private' ? undefined : routeGroup(update, rules);
};

/** Who knocks at the club's door, enters, leaves or is banned. */
function routeClub(update: Update, rules: ClubRules): Meaning | null {
  const { chat_join_request: request, chat_member: changed } = update;
  if ((request ?? changed)?.chat.id !== rules.club || rules.club === undefined) return null;
  if (request !== undefined) {
    const { from, query_id: query } = request as typeof request & { query_id?: string };
    const asked = query === undefined ? {} : { query };
    const event = { ...rules.facts, type: 'join.requested', ...asked, ...senderOf(from) };
    // Such a query must be answered within 10 s, as that of a checkout.
    const lane = query === undefined ? 'reply' : 'checkout';
    return { chat: from.id, lane, event, elsewhere: true, ...languageOf(from) };
  }
  if (changed === undefined || changed.new_chat_member.user.is_bot) return null;
  const { from, new_chat_member: member, old_chat_member: before } = changed;
  const { user, status } = member;
  const arrive = (type: string, fields: JsonObject = {}): Meaning => {
    const event = { ...rules.facts, type, ...fields, ...senderOf(user) };
    return { chat: user.id, lane: 'reply', event, elsewhere: true, ...languageOf(user) };
  };
  if (status === 'kicked') return arrive('club.banned', from.id === rules.bot ? {} : { by: from.id });
  if (before.status === 'kicked' && status === 'left') return arrive('club.unbanned');
  if (!isInside(member)) return arrive('club.left');
  // A change of what a member may do is no entry; one who administers the club no longer is looked at as if they came.
  if (isInside(before) && !isManager(before)) return null;
  const isTrusted =
    isManager(member) || rules.operators?.has(user.id) === true || rules.whitelist?.has(user.id) === true;
  const { strangers = 'tell' } = rules;
  return arrive('club.joined', { strangers: isTrusted ? 'leave' : strangers });
}

const isManager = ({ status }: ChatMember): boolean => status === 'creator' || status === 'administrator';

/** What concerns the club itself, or another group: the operators hear of it through the first of them. */
function routeGroup(update: Update, rules: ClubRules): Meaning | null {
  const [chat] = rules.operators ?? [];
  if (chat === undefined) return null;
  const tell = (event: MachineEvent): Meaning => ({
    chat,
    lane: 'reply',
    event,
    elsewhere: true,
    fromOperator: true,
  });
  const moved = update.message?.migrate_to_chat_id;
  if (moved !== undefined)
    return update.message?.chat.id === rules.club ? tell({ type: 'club.moved', club: moved }) : null;
  const changed = update.my_chat_member;
  if (changed === undefined || changed.chat.type === 'private') return null;
  const { chat: place, new_chat_member: now, old_chat_member: before } = changed;
  if (place.id === rules.club) return tell({ type: 'club.rights', missing: missingRight(now) });
  if (now.status !== 'administrator' || before.status === 'administrator') return null;
  const title = cut('title' in place ? (place.title ?? '') : '', 64);
  return tell({ type: 'club.found', club: place.id, title });
}
