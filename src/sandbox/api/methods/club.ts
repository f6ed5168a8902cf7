import { insiders } from '../../world/club.ts';
import { createLink, revokeLink } from '../../world/invites.ts';
import type { Methods, World } from '../../world/world.ts';
import { badRequest } from '../errors.ts';
import type { Json } from '../json.ts';
import { chatId, flag, integer, text } from '../values.ts';

const verdicts = ['approve', 'decline', 'queue'];

const userOf = (values: Json) => integer(values, 'user_id') ?? 0;

/** The club of a call that invites, answers requests or removes. Throws Telegram's refusal without the right to it. */
const clubToInvite = ({ membership }: World, values: Json) =>
  membership.managedClub(values, 'manage chat invite link', 'can_invite_users');
const clubToAnswerIn = ({ membership }: World, values: Json) =>
  membership.managedClub(values, 'manage chat join requests', 'can_invite_users');
const clubToRemoveFrom = ({ membership }: World, values: Json) =>
  membership.managedClub(values, 'restrict/unrestrict chat member', 'can_restrict_members');

/** A club that the bot may at least look at. */
function visibleClub({ telegram }: World, values: Json) {
  const club = telegram.clubs.get(chatId(values));
  if (club === undefined) throw badRequest('chat not found');
  telegram.reachable(values);
  return club;
}

const gifts = {
  unlimited_gifts: false,
  limited_gifts: false,
  unique_gifts: false,
  premium_subscription: false,
  gifts_from_channels: false,
};

/** Chats, members, invite links. */
export const clubMethods: Methods = {
  getchat: ({ telegram }, { values }) => {
    const chat = telegram.reachable(values);
    const club = telegram.clubs.get(chat);
    return {
      ...telegram.chatOf(chat),
      accent_color_id: 0,
      max_reaction_count: 11,
      accepted_gift_types: gifts,
      ...(club?.joinByRequest === true && { join_by_request: true }),
      ...(club?.asksBot === true && { guard_bot: telegram.bot }),
    };
  },
  getchatmember: (world, { values }) => {
    const club = visibleClub(world, values);
    const user = userOf(values);
    const isListHidden = club.type === 'channel' && club.bot !== 'administrator';
    if (isListHidden && user !== world.telegram.bot.id) throw badRequest('CHAT_ADMIN_REQUIRED');
    return world.membership.member(club, user);
  },
  getchatadministrators: (world, { values }) => {
    const club = visibleClub(world, values);
    const administrators = [...club.members].filter(([, { status }]) => /creator|administrator/.test(status));
    const ids = administrators.map(([id]) => id);
    if (club.bot === 'administrator') ids.push(world.telegram.bot.id);
    return ids.map((id) => world.membership.member(club, id));
  },
  getchatmembercount: (world, { values }) => {
    return 1 + insiders(visibleClub(world, values), world.telegram.seconds()).length;
  },
  createchatinvitelink: (world, { values }) =>
    createLink(world.telegram, clubToInvite(world, values), values),
  revokechatinvitelink: (world, { values }) =>
    revokeLink(world.telegram, clubToInvite(world, values), text(values, 'invite_link') ?? ''),
  approvechatjoinrequest: (world, { values }) => {
    world.membership.settle(clubToAnswerIn(world, values), userOf(values), true, 'bot');
    return true;
  },
  declinechatjoinrequest: (world, { values }) => {
    world.membership.settle(clubToAnswerIn(world, values), userOf(values), false, 'bot');
    return true;
  },
  answerchatjoinrequestquery: ({ telegram }, { values }) => {
    if (!verdicts.includes(text(values, 'result') ?? '')) throw badRequest('invalid result specified');
    telegram.answer(text(values, 'chat_join_request_query_id') ?? '', values);
    return true;
  },
  banchatmember: (world, { values }) => {
    const until = integer(values, 'until_date') ?? 0;
    world.membership.ban(clubToRemoveFrom(world, values), userOf(values), until);
    return true;
  },
  unbanchatmember: (world, { values }) => {
    const onlyIfBanned = flag(values, 'only_if_banned');
    world.membership.unban(clubToRemoveFrom(world, values), userOf(values), onlyIfBanned);
    return true;
  },
};
