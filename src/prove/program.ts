import {
  account,
  type ClubConversation,
  compare,
  loadClub,
  machines,
  route,
  runningOf,
  type Sale,
} from '#club';
import { type Environment, readEnvironment } from '#environment';
import { prepareMachine } from '#runtime';
import { call as callTelegram } from './bot-api.ts';
import { checkCallOff, checkRemoval } from './checks.ts';
import { createPerformer, promise } from './performer.ts';
import { clubId, operatorId, price } from './telegram.ts';
import type { Program, World } from './world.ts';

const environment: Environment = readEnvironment(
  { BOT_TOKEN: '1:prove-prove-prove-prove-prove-prove', ADMIN_IDS: String(operatorId) },
  { token: true },
);

/** The program as it stands, with the content of a folder: its delays count, its offer and club are played through. */
export async function programOf(contentDir: string): Promise<Program> {
  const { content } = await loadClub(contentDir);
  const input = { language: content.defaultLanguage };
  const loaded = machines.map((source) => prepareMachine(source, content.delays, input));
  const selling = (sale: Sale) => {
    const product = {
      ...content.settings.product,
      currency: 'XTR',
      price,
      accessDays: sale === 'days' ? 30 : 0,
      isSubscription: sale === 'subscription',
      version: sale,
    };
    const offered: ClubConversation = {
      content: {
        ...content,
        settings: {
          ...content.settings,
          product,
          club: { ...content.settings.club, chatId: clubId },
          refundsDuplicates: true,
        },
      },
      warnings: [],
      machines: loaded,
    };
    return runningOf(offered, environment, () => 0);
  };
  return {
    machines: loaded,
    account,
    running: { days: selling('days'), subscription: selling('subscription'), forever: selling('forever') },
    route,
    compare,
    call,
    perform: createPerformer(),
    drops: () => false,
    forgotten: () => {},
  };
}

/** Calls reach Telegram; what moves money is looked at first. */
function call(method: string, payload: Readonly<Record<string, unknown>>, world: World): unknown {
  const { telegram } = world;
  const user = Number(payload['user_id']);
  const charge = String(payload['telegram_payment_charge_id']);
  if (method === 'editUserStarSubscription') checkCallOff(telegram.person(user), charge, telegram.now);
  if (method === 'banChatMember' && !telegram.isCatchingUp) checkRemoval(telegram.person(user), telegram.now);
  if (method !== 'refundStarPayment') return callTelegram(telegram, method, payload);
  promise(world, user, charge);
  callTelegram(telegram, method, payload);
  telegram.givesBack(user, charge, price);
  return true;
}
