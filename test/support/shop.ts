import type { SandboxUser } from '../../src/sandbox/index.ts';
import { startBot, type TestBot } from './bot.ts';
import { type Edit, edited } from './content.ts';

export const days = 86_400_000;
export const operatorId = 900;
export const clubId = -1_001_000_000_001;

export const product = {
  month: ['bot.yaml', 'access_days: 0', 'access_days: 30'],
  subscription: ['bot.yaml', 'subscription:', 'subscription: monthly'],
  club: ['bot.yaml', 'chat_id:', `chat_id: ${clubId}`],
} as const satisfies Record<string, Edit>;

export interface Shop {
  readonly bot: TestBot;
  readonly folder: string;
  readonly operator: SandboxUser;
  /** State of the membership machine. */
  membership(user: SandboxUser): Promise<string | undefined>;
}

/**
 * The bot with a changed offer, a club and an operator who has written to it.
 * @param given edits of the content, and variables of the environment
 */
export async function openShop(...given: (Edit | { variables: Record<string, string> })[]): Promise<Shop> {
  const edits = given.filter((one): one is Edit => Array.isArray(one));
  const folder = await edited(['bot.yaml', 'default_language: ru', 'default_language: en'], ...edits);
  const variables = {
    CONTENT_DIR: folder,
    ADMIN_IDS: String(operatorId),
    PROVIDER_TOKEN: '1:TEST',
  };
  for (const one of given) if ('variables' in one) Object.assign(variables, one.variables);
  const bot = await startBot({ variables });
  bot.sandbox.club({ id: clubId, joinByRequest: true });
  const operator = bot.sandbox.user({ id: operatorId, firstName: 'Olga' });
  operator.says('/start');
  await operator.sees('Get access');
  return {
    bot,
    folder,
    operator,
    membership: async (user) =>
      (await bot.chat(user)).sessions.find(({ machine }) => machine === 'membership')?.state,
  };
}

/** From /start to the invoice. */
export async function isOffered(bot: TestBot, user: SandboxUser): Promise<void> {
  user.says('/start');
  await user.sees('Get access');
  user.presses('Get access');
  await bot.settled();
}

/** From /start to the payment, with everything that follows it. */
export async function buys(bot: TestBot, user: SandboxUser): Promise<{ charge: string }> {
  await isOffered(bot, user);
  const paid = await user.pays();
  await bot.settled();
  return paid;
}

/** The link on the newest button that leads to the club. */
export function inviteOf(user: SandboxUser): string {
  for (const message of [...user.messages].reverse()) {
    const markup = message.raw['reply_markup'] as { inline_keyboard?: { url?: string }[][] } | undefined;
    const link = markup?.inline_keyboard?.flat().find(({ url }) => url?.startsWith('https://t.me/+'))?.url;
    if (link !== undefined) return link;
  }
  throw new Error(`Expected a link to the club.\n${user.transcript()}`);
}
