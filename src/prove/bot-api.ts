import { botId, clubId, type Link, linkOf, Refusal, seconds, type Telegram } from './telegram.ts';

/** What Telegram says when it refuses. */
const refusals: Readonly<Record<string, string>> = {
  createChatInviteLink: 'not enough rights to manage chat invite link',
  banChatMember: 'USER_ADMIN_INVALID',
  unbanChatMember: 'USER_ADMIN_INVALID',
  editUserStarSubscription: 'SUBSCRIPTION_INVALID',
  refundStarPayment: 'BALANCE_TOO_LOW',
};

function memberOf(telegram: Telegram, id: number): object {
  if (id === botId) {
    const user = { id, is_bot: true, first_name: 'bot' };
    const rights = telegram.mood !== 'refuses';
    return { user, status: 'administrator', can_invite_users: rights, can_restrict_members: rights };
  }
  const { place, bannedBy } = telegram.person(id);
  const user = telegram.userOf(id);
  if (place !== 'banned') return { user, status: place === 'in' ? 'member' : 'left' };
  // The bot bans for some minutes, others for ever.
  return { user, status: 'kicked', until_date: bannedBy === 'bot' ? seconds(telegram.now) + 300 : 0 };
}

/** What Telegram does and answers when the bot calls it. @throws Refusal */
export function call(
  telegram: Telegram,
  method: string,
  payload: Readonly<Record<string, unknown>>,
): unknown {
  const user = Number(payload['user_id'] ?? 0);
  const refusal = telegram.mood === 'refuses' ? refusals[method] : undefined;
  if (refusal !== undefined) throw new Refusal(400, `Bad Request: ${refusal}`);
  switch (method) {
    case 'createChatInviteLink': {
      const link: Link = {
        name: `https://t.me/+L${telegram.next++}`,
        asks: payload['creates_join_request'] === true,
        limit: Number(payload['member_limit'] ?? 0),
        users: [],
      };
      telegram.links = [...telegram.links, link];
      return linkOf(link);
    }
    case 'revokeChatInviteLink':
      telegram.links = telegram.links.filter(({ name }) => name !== payload['invite_link']);
      return true;
    case 'banChatMember':
      telegram.moves(user, 'banned', 'bot');
      return true;
    case 'unbanChatMember':
      if (telegram.person(user).place === 'banned') telegram.moves(user, 'out', 'bot');
      return true;
    case 'getChatMember':
      return memberOf(telegram, user);
    case 'getChat':
      return { id: clubId, type: 'supergroup', title: 'Club' };
    case 'approveChatJoinRequest':
      if (telegram.person(user).place === 'out') telegram.moves(user, 'in', 'bot');
      return true;
    case 'editUserStarSubscription': {
      const first = String(payload['telegram_payment_charge_id']);
      const found = telegram.person(user).subscriptions.find((one) => one.first === first);
      if (found === undefined) throw new Refusal(400, 'Bad Request: CHARGE_ID_INVALID');
      if (found.state === 'ended' || found.state === 'failed')
        throw new Refusal(400, 'Bad Request: SUBSCRIPTION_NOT_ACTIVE');
      if (payload['is_canceled'] === true) telegram.changeSubscription(user, first, { state: 'off' });
      return true;
    }
    case 'getStarTransactions': {
      const from = Number(payload['offset'] ?? 0);
      return { transactions: telegram.transactions.slice(from, from + Number(payload['limit'] ?? 100)) };
    }
    default:
      return true;
  }
}
