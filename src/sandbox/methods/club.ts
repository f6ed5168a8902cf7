import { isInside, statusIn } from '../club.ts';
import { badRequest } from '../errors.ts';
import type { Json } from '../parameters.ts';
import { flag, integer, text } from '../values.ts';
import type { Methods, World } from '../world.ts';

const links = 'manage chat invite link';
const requests = 'manage chat join requests';
const members = 'restrict/unrestrict chat member';

const userOf = (values: Json) => integer(values, 'user_id') ?? 0;

/** A club that the bot may at least look at. */
function visible({ telegram }: World, values: Json) {
  const club = telegram.clubs.get(Number(values['chat_id']));
  if (club === undefined) throw badRequest('chat not found');
  telegram.reachable(club.id);
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
    const chat = telegram.reachable(values['chat_id']);
    const club = telegram.clubs.get(chat);
    return {
      ...telegram.chatOf(chat),
      accent_color_id: 0,
      max_reaction_count: 11,
      accepted_gift_types: gifts,
      ...(club?.joinByRequest === true && { join_by_request: true }),
    };
  },
  getchatmember: (world, { values }) => world.membership.member(visible(world, values), userOf(values)),
  getchatadministrators: (world, { values }) => {
    const club = visible(world, values);
    const administrators = [...club.members].filter(([, { status }]) => /creator|administrator/.test(status));
    const ids = administrators.map(([id]) => id);
    if (club.bot === 'administrator') ids.push(world.telegram.bot.id);
    return ids.map((id) => world.membership.member(club, id));
  },
  getchatmembercount: (world, { values }) => {
    const club = visible(world, values);
    const now = world.telegram.seconds();
    return 1 + [...club.members.keys()].filter((id) => isInside(statusIn(club, id, now))).length;
  },
  createchatinvitelink: ({ membership }, { values }) =>
    membership.createLink(membership.managed(values, links), values),
  revokechatinvitelink: ({ membership }, { values }) =>
    membership.revokeLink(membership.managed(values, links), text(values, 'invite_link') ?? ''),
  approvechatjoinrequest: ({ membership }, { values }) => {
    membership.settle(membership.managed(values, requests), userOf(values), true);
    return true;
  },
  declinechatjoinrequest: ({ membership }, { values }) => {
    membership.settle(membership.managed(values, requests), userOf(values), false);
    return true;
  },
  banchatmember: ({ membership }, { values }) => {
    const until = integer(values, 'until_date') ?? 0;
    membership.ban(membership.managed(values, members), userOf(values), until);
    return true;
  },
  unbanchatmember: ({ membership }, { values }) => {
    const onlyIfBanned = flag(values, 'only_if_banned');
    membership.unban(membership.managed(values, members), userOf(values), onlyIfBanned);
    return true;
  },
};
