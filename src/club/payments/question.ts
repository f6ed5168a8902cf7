import type { Content } from '#content';
import type { Effect } from '#runtime';
import type { ClubParts } from '../parts.ts';
import { money } from '../variables.ts';
import { longest } from '../words.ts';
import { refundedIn } from './book.ts';
import type { Ledger } from './ledger.ts';
import { refundButtons } from './refund.ts';

/** Payments that the operator sees under a question. */
const shownPayments = 5;

/** A question about payment with what the operator needs to answer it: the person's payments, and buttons. */
export async function withPayments(effect: Effect, ledger: Ledger, content: Content): Promise<Effect> {
  const language = content.defaultLanguage;
  const payments = await ledger.of(effect.chat);
  const refunded = refundedIn(payments);
  const paid = payments.filter(({ direction }) => direction === 'in').slice(-shownPayments);
  const lines = paid.map(({ at, currency, amount, charge }) => {
    const mark = refunded.has(charge) ? ' ↩' : '';
    return `${new Date(at).toISOString().slice(0, 10)} · ${money(content, language, currency, amount)}${mark} · ${charge}`;
  });
  const buttons = [
    ...refundButtons(paid, refunded),
    { label: 'button-answer', data: `answer.requested:${whoAsked(effect)}` },
  ];
  return { ...effect, params: { ...effect.params, payments: lines.join('\n'), buttons } };
}

/** The chat that asked, its language, and the message with the question: a button carries it, and the answer goes there. */
const whoAsked = ({ chat, context, event }: Effect): string =>
  [chat, context['language'], event?.['message']].filter((part) => part !== undefined).join(':');

/**
 * What an operator sees below the head of a question: the message itself, where the head cannot show it whole. A picture, a file,
 * a voice; or a text that is longer than its event carries.
 */
export function isShownWhole({ event = {} }: Effect): boolean {
  const { kind, isCut, text, payload } = event;
  const said = String(text ?? payload ?? '');
  return kind !== 'other' && isCut !== true && [...said].length <= longest.text;
}

/** The person's message as it is, on its way to an operator. */
export const copyOf = (effect: Effect): Effect => ({
  ...effect,
  id: `${effect.id}.copy`,
  type: 'copyMessage',
  params: {},
});

/**
 * The actor that delivers an operator's answer: a text in the bot's words around it, all else as a copy that answers the
 * question. Each is one call, so that no attempt leaves a part of it behind.
 * @throws what Telegram refuses: then it was not delivered
 */
export async function deliverAnswer(effect: Effect, { call, send }: ClubParts): Promise<void> {
  const { to = '', text, message } = effect.params ?? {};
  const [chat = '', language = '', question] = String(to).split(':');
  if (!/^\d+$/.test(chat)) throw new Error(`Expected the chat that asked, found "${chat}"`);
  if (typeof text === 'string') {
    const { invocation: _, ...sent } = effect;
    const context = { ...effect.context, language };
    const params = { message: 'support_answer' };
    await send({ ...sent, type: 'sendAnswer', params, to: Number(chat), context, event: { text } });
    return;
  }
  const reply = { message_id: Number(question), allow_sending_without_reply: true };
  await call('copyMessage', {
    chat_id: Number(chat),
    from_chat_id: effect.chat,
    message_id: Number(message),
    ...(question !== undefined && { reply_parameters: reply }),
  });
}
