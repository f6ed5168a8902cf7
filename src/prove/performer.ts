import { clubParts } from '#club';
import type { Effect } from '#runtime';
import { checkRefund } from './checks.ts';
import { ledgerOf } from './memory-store.ts';
import type { Invoice, Kind } from './people.ts';
import { botId, Refusal } from './telegram.ts';
import { kinds, type Program, toOperator, type World } from './world.ts';

/** Answers that are no message, and messages to a person. */
const answers = new Set(['approveCheckout', 'rejectCheckout', 'answerButton']);
const messages = new Set(['send', 'sendMaterial', 'sendData', 'sendAnswer', 'sendInvoice']);
const doorTrouble = /removal|invite|barred/;

/**
 * What performs effects: messages are noted, and the program's own actors call the Telegram of the world. One for all
 * copies of a world, which are explored one after another: making one for each costs too much.
 */
export function createPerformer(): Program['perform'] {
  let current: World;
  const call = async (method: string, payload: Readonly<Record<string, unknown>>) =>
    current.program.call(method, payload, current);
  const parts = clubParts({
    content: () => current.running.content,
    ledger: ledgerOf(() => current.store),
    call,
    send: async (effect) => {
      if (effect.type === 'send') return message(current, effect);
      const { method, payload } = current.running.render(effect);
      return call(method, payload);
    },
    stored: async (chat) => ({ chat, sessions: [], payments: [] }),
    facts: () => current.rules.facts ?? {},
    troubles: { met: async () => knowsOfDoor(current), over: async () => {}, isOpen: () => false },
    strangers: { note: async ({ chat }) => knowsOfDoor(current, chat) },
    bot: botId,
    moved: async () => {},
    append: async (arrival) => current.arrive(arrival),
    now: () => current.telegram.now,
  });
  const act = kinds.performWith(parts);
  return async (effect, world) => {
    const { type } = effect;
    if (type === 'approveCheckout') world.telegram.approved = true;
    if (answers.has(type)) return say(world, effect, 'answers');
    if (toOperator.has(type)) return tellOperator(world, effect);
    if (messages.has(type)) return message(world, effect);
    if (effect.invocation !== undefined)
      world.said.push(`  (${type} ${JSON.stringify(effect.params ?? {})})`);
    current = world;
    return act(effect);
  };
}

/** A person and the operator hear that a payment goes back. @throws Violation when it must not */
export function promise({ telegram }: World, chat: number, charge: string): void {
  checkRefund(telegram.person(chat), charge);
  telegram.changePaid(chat, charge, { promised: true });
}

function say({ said }: World, { type, params }: Effect, how: string): void {
  said.push(`  the bot ${how}: ${String(params?.['message'] ?? params?.['reason'] ?? type)}`);
}

/** A message to the person of the effect's chat. @throws Refusal when they have blocked the bot */
function message(world: World, effect: Effect): void {
  const { telegram } = world;
  const { chat } = effect;
  if (telegram.person(chat).away === true) throw new Refusal(403, 'Forbidden: bot was blocked by the user');
  say(world, effect, `writes to ${telegram.person(chat).name}`);
  const link = effect.context['link'];
  if (typeof link === 'string' && effect.machine === 'membership') telegram.change(chat, { link });
  if (effect.type === 'sendInvoice') invoice(world, effect);
}

function invoice(world: World, effect: Effect): void {
  // Its words do not matter here, and cost a tenth of the time.
  const { payload } = world.running.render({ ...effect, event: {} }).payload as { payload: string };
  const { isSubscription, accessDays: days } = world.running.content.settings.product;
  const kind: Kind = isSubscription ? 'month' : days > 0 ? 'days' : 'forever';
  const invoice: Invoice = { payload, kind, days };
  const { invoices } = world.telegram.person(effect.chat);
  // An older one of another offer stays open in the chat; of one offer they are all alike.
  const others = invoices.filter((one) => one.kind !== kind);
  world.telegram.change(effect.chat, { invoices: [...others, invoice].slice(-2) });
}

/** Of what operators hear, and of which payment or whose door. */
function tellOperator(world: World, effect: Effect): void {
  const { chat, event = {}, context, type, params } = effect;
  if (type === 'tellFound' && event['found'] !== true) return;
  say(world, effect, 'tells the operator');
  const [debt = ''] = (context['open'] ?? []) as string[];
  const about = [event['charge'], debt.replace(/^\w+ /, '')];
  const { payments } = world.telegram.person(chat);
  const payloads = payments.filter(({ charge }) => about.includes(charge)).map(({ payload }) => payload);
  if (params?.['message'] === 'operator_paid_again_refunded') promise(world, chat, String(event['charge']));
  // One message tells of a payment too many, whichever of them it names.
  const isAgain = String(params?.['message']).includes('paid_again');
  for (const { payload, charge, told, extra } of payments)
    if ((payloads.includes(payload) || (isAgain && extra !== undefined)) && told === undefined)
      world.telegram.changePaid(chat, charge, { told: true });
  if (doorTrouble.test(String(params?.['message']))) knowsOfDoor(world, chat);
}

/** The operator hears of trouble with somebody's place in the club, or with everybody's. */
function knowsOfDoor({ telegram }: World, chat?: number): void {
  for (const { id } of telegram.people)
    if (chat === undefined || id === chat) telegram.change(id, { told: true });
}
