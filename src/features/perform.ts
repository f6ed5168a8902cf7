import type { Logger } from 'pino';
import type { Effect } from '../core/effects.ts';
import type { EffectRule } from '../core/step.ts';
import type { Ledger } from '../store/ledger.ts';
import type { Perform } from '../telegram/api.ts';
import type { Content } from '../telegram/content.ts';
import { toOperators } from '../telegram/render.ts';
import { createInvite, declineJoin, removeMember } from './access/door.ts';
import { toPerson, withPayments } from './payments/question.ts';
import { callOffActor, type Debts, dropRefund, refundActor, requestRefund } from './payments/refund.ts';
import { sendData } from './privacy/data.ts';

/**
 * What is special about the effects of this product's actions and actors. Everything else keeps the chat's order in its
 * event's lane. What gives money back, or speaks to a person in the bot's name, is for operators alone.
 */
export const effectRules: Readonly<Record<string, EffectRule>> = {
  approveCheckout: { lane: 'checkout', queue: 'instant' },
  rejectCheckout: { lane: 'checkout', queue: 'instant' },
  refundPayment: { privileged: true },
  callOff: { privileged: true },
  requestRefund: { privileged: true },
  dropRefund: { privileged: true },
  sendAnswer: { privileged: true },
};

/** What an invoked promise actor does; its value is the result. */
export type Actor = (effect: Effect) => Promise<unknown>;

/** Does what effects ask for: messages are rendered and sent, the rest is done by its feature. */
export function createPerformer(parts: {
  readonly content: () => Content;
  readonly ledger: Ledger;
  /** The client of replies. */
  readonly call: Perform;
  readonly send: (effect: Effect) => Promise<unknown>;
  /** Everything stored about a chat. */
  readonly stored: (chat: number) => Promise<unknown>;
  readonly append: Debts['append'];
  readonly now: () => number;
  /** Actors besides the product's own. */
  readonly actors?: Readonly<Record<string, Actor>>;
}): (effect: Effect) => Promise<unknown> {
  const { content, ledger, call, send, stored } = parts;
  const debts: Debts = parts;
  const door = { perform: call, club: () => content().club.chatId };
  const actors: Readonly<Record<string, Actor>> = {
    createInvite: createInvite(door),
    removeMember: removeMember(door),
    refundPayment: refundActor(ledger, call),
    callOff: callOffActor(call),
    ...parts.actors,
  };
  const decline = declineJoin(door, send);
  const [ask, drop] = [requestRefund(debts), dropRefund(debts)];
  return async (effect) => {
    if (effect.invocation !== undefined) {
      const actor = actors[effect.type];
      if (actor === undefined) throw new Error(`No actor "${effect.type}" is given to the app`);
      return actor(effect);
    }
    if (effect.type === 'declineJoin') return decline(effect);
    if (effect.type === 'requestRefund') return ask(effect);
    if (effect.type === 'dropRefund') return drop(effect);
    if (effect.type === 'forwardQuestion') return send(await withPayments(effect, ledger, content()));
    if (effect.type === 'sendData') return sendData(effect, content(), await stored(effect.chat), call);
    return send(effect);
  };
}

/** Whether an effect speaks to the person. When one that speaks to the club cannot be delivered, the person still can be reached. */
export const isMessage = (effect: Effect): boolean =>
  effect.invocation === undefined && effect.type !== 'approveJoin' && effect.type !== 'declineJoin';

/** Where effects go: an operator's message to each operator, in a queue of its own; an answer to the person who asked. */
export function createAddress(
  adminIds: readonly number[],
  log: Logger,
): (effect: Effect) => readonly Effect[] {
  return (effect) => {
    if (effect.type === 'sendAnswer') return [toPerson(effect)];
    // Told of only when Telegram's list brought it.
    if (effect.type === 'tellFound' && effect.event?.['found'] !== true) return [];
    if (!toOperators.has(effect.type)) return [effect];
    if (adminIds.length === 0)
      log.warn({ chat: effect.chat, params: effect.params }, 'no operator to tell: ADMIN_IDS is empty');
    return adminIds.map((to) => ({ ...effect, to, queue: `${to}` }));
  };
}
