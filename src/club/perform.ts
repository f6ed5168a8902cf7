import type { Logger } from 'pino';
import type { Effect, EffectRule } from '#runtime';
import { gated, type Perform } from '#telegram';
import { toOperators } from './audience.ts';
import {
  approveJoin,
  createInvite,
  type Door,
  declineJoin,
  removeMember,
  tellStranger,
} from './membership/door.ts';
import type { Strangers } from './membership/strangers.ts';
import { type Access, refundedIn } from './payments/book.ts';
import type { Ledger } from './payments/ledger.ts';
import { copyOf, deliverAnswer, isShownWhole, withPayments } from './payments/question.ts';
import {
  askRefund,
  callOffActor,
  countButton,
  countExtra,
  type Debts,
  dropRefund,
  refundActor,
  refundButton,
  refundButtons,
  requestRefund,
} from './payments/refund.ts';
import { sendData } from './privacy/data.ts';
import type { ChatReport } from './reports.ts';
import type { ClubContent } from './settings.ts';
import { showMember } from './support/member.ts';
import { sendWithCare } from './support/refusals.ts';

/**
 * What is special about the effects of this product's actions and actors. Everything else keeps the chat's order in its
 * event's lane. What gives money back, or speaks to a person in the bot's name, is for operators alone.
 */
export const effectRules: Readonly<Record<string, EffectRule>> = {
  approveJoin: { queue: 'instant' },
  declineJoin: { queue: 'instant' },
  approveCheckout: { lane: 'checkout', queue: 'instant' },
  rejectCheckout: { lane: 'checkout', queue: 'instant' },
  refundPayment: { privileged: true },
  callOff: { privileged: true },
  askRefund: { privileged: true },
  requestRefund: { privileged: true },
  dropRefund: { privileged: true },
  countExtra: { privileged: true },
  showMember: { privileged: true },
  followClub: { privileged: true },
  noteRights: { privileged: true },
  deliverAnswer: { privileged: true },
};

/** What an invoked promise actor does; its value is the result. */
export type Actor = (effect: Effect) => Promise<unknown>;

/** Does what effects ask for: messages are rendered and sent, the rest is done by its feature. */
export function createPerformer(parts: {
  readonly content: () => ClubContent;
  readonly ledger: Ledger;
  /** The client of replies. */
  readonly call: Perform;
  readonly send: (effect: Effect) => Promise<unknown>;
  /** Everything stored about a chat. */
  readonly stored: (chat: number) => Promise<ChatReport>;
  readonly append: Debts['append'];
  readonly facts: Debts['facts'];
  readonly troubles: Door['troubles'];
  readonly strangers: Pick<Strangers, 'note'>;
  /** The bot's own id. */
  readonly bot: number;
  /** The club has become a supergroup, with another id. */
  readonly moved: Door['moved'];
  readonly now: () => number;
  /** Actors besides the product's own. */
  readonly actors?: Readonly<Record<string, Actor>>;
}): (effect: Effect) => Promise<unknown> {
  const { content, ledger, call, stored, troubles } = parts;
  const send = sendWithCare({ send: parts.send, content, troubles });
  const nameOf = async (chat: number): Promise<string | undefined> => {
    const found = await call('getChat', { chat_id: chat }).catch(() => ({}));
    return (found as { first_name?: string }).first_name;
  };
  const known = { ...parts, send, nameOf };
  // What Telegram asks to be patient with at the door, links above all, holds back nothing else.
  const door: Door = {
    ...parts,
    perform: gated(call, parts.now),
    club: () => content().settings.club.chatId,
  };
  const actors: Readonly<Record<string, Actor>> = {
    createInvite: createInvite(door),
    removeMember: removeMember(door),
    refundPayment: refundActor(ledger, call),
    callOff: callOffActor(call),
    deliverAnswer: deliverAnswer(call, send),
    ...parts.actors,
  };
  const performers: Readonly<Record<string, (effect: Effect) => Promise<unknown>>> = {
    approveJoin: approveJoin(door),
    declineJoin: declineJoin(door, send),
    tellStranger: tellStranger(send),
    noteStranger: (effect) => parts.strangers.note(effect),
    noteSlowInvite: () => troubles.met('invites', 'createChatInviteLink'),
    noteRights: async ({ event }) => {
      const missing = String(event?.['missing'] ?? '');
      await (missing === '' ? troubles.over('rights') : troubles.met('rights', missing));
    },
    followClub: async ({ event }) => {
      const club = content().settings.club.chatId;
      if (club !== null) await parts.moved(club, Number(event?.['club']));
    },
    askRefund: askRefund(known),
    requestRefund: requestRefund(known),
    dropRefund: dropRefund(known),
    countExtra: countExtra(known),
    showMember: showMember(known),
    forwardQuestion: async (effect) => send(await withPayments(effect, ledger, content())),
    // Who has paid and is banned from the club: the operator decides.
    tellOperator: async (effect) => send(isBarred(effect) ? await withAdmission(effect, ledger) : effect),
    sendData: async (effect) => sendData(effect, content(), await stored(effect.chat), call),
  };
  return async (effect) => {
    if (effect.invocation === undefined) return (performers[effect.type] ?? send)(withChoice(effect));
    const actor = actors[effect.type];
    if (actor === undefined) throw new Error(`No actor "${effect.type}" is given to the app`);
    return actor(effect);
  };
}

const isBarred = ({ params }: Effect): boolean => params?.['message'] === 'operator_barred';

/** With a button that lets the person in, and those that give a payment back. */
async function withAdmission(effect: Effect, ledger: Ledger): Promise<Effect> {
  const payments = await ledger.of(effect.chat);
  const [refund] = refundButtons(payments, refundedIn(payments)).slice(-1);
  const admit = { label: 'button-admit', data: `member.admitted:${effect.chat}` };
  return {
    ...effect,
    params: { ...effect.params, buttons: refund === undefined ? [admit] : [admit, refund] },
  };
}

/** What the operator may do about a payment too many that does not go back by itself. */
function withChoice(effect: Effect): Effect {
  const { event = {} } = effect;
  const isKept = event['type'] === 'payment.received' && event['extra'] === true && event['owed'] !== true;
  if (effect.type !== 'tellOperator' || !isKept) return effect;
  const { charge, currency, amount, access } = event as {
    charge?: string;
    currency?: string;
    amount?: number;
    access?: Partial<Access>;
  };
  // Of two payments of one second the book may take the other one for that which is too many.
  const extras = access?.extras ?? [];
  const extra = extras.includes(`${charge}`) ? charge : extras.at(-1);
  const payment = { chat: effect.chat, charge: `${extra}`, currency: `${currency}`, amount: Number(amount) };
  // What was paid through a provider goes back on the provider's own pages.
  const buttons = [...(currency === 'XTR' ? [refundButton(payment)] : []), countButton(payment)];
  return { ...effect, params: { ...effect.params, buttons } };
}

/** Whether an effect speaks to the person. When one that speaks to the club cannot be delivered, the person still can be reached. */
export const isMessage = (effect: Effect): boolean =>
  effect.invocation === undefined && !ofTheClub.has(effect.type);

const isAsked = ({ type, event }: Effect): boolean =>
  (type === 'approveJoin' || type === 'declineJoin') && typeof event?.['query'] === 'string';

const ofTheClub: ReadonlySet<string> = new Set([
  'approveJoin',
  'declineJoin',
  'tellStranger',
  'noteStranger',
  'noteSlowInvite',
  'noteRights',
  'followClub',
]);

/** Where effects go: an operator's message to each operator, in a queue of its own, and with it what it is about. */
export function createAddress(
  adminIds: readonly number[],
  log: Logger,
): (effect: Effect) => readonly Effect[] {
  return (effect) => {
    // Whom Telegram asks the bot about waits for 10 s at the most. Other requests wait their turn: anybody can make thousands.
    if (isAsked(effect)) return [{ ...effect, lane: 'checkout' }];
    // Told of only when Telegram's list brought it.
    if (effect.type === 'tellFound' && effect.event?.['found'] !== true) return [];
    if (!toOperators.has(effect.type) && effect.type !== 'forwardMore') return [effect];
    if (adminIds.length === 0)
      log.warn({ chat: effect.chat, params: effect.params }, 'no operator to tell: ADMIN_IDS is empty');
    return adminIds.flatMap((to) => {
      const sent = { ...effect, to, queue: `${to}` };
      if (effect.type === 'forwardMore') return [copyOf(sent)];
      // The head of a question, and below it what the head cannot show.
      return effect.type === 'forwardQuestion' && !isShownWhole(effect) ? [sent, copyOf(sent)] : [sent];
    });
  };
}
