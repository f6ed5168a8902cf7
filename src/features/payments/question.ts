import type { Effect } from '../../core/effects.ts';
import type { Ledger } from '../../store/ledger.ts';
import type { Content } from '../../telegram/content.ts';
import { money } from '../../telegram/render.ts';
import { buttonName } from './refund.ts';

/** Payments that the operator sees under a question. */
const shownPayments = 5;

/** A question about payment with what the operator needs to answer it: the person's payments, and buttons. */
export async function withPayments(effect: Effect, ledger: Ledger, content: Content): Promise<Effect> {
  const language = content.defaultLanguage;
  const payments = await ledger.of(effect.chat);
  const refunded = new Set(
    payments.flatMap(({ charge, direction }) => (direction === 'out' ? [charge] : [])),
  );
  const paid = payments.filter(({ direction }) => direction === 'in').slice(-shownPayments);
  const open = paid.filter(({ charge, currency }) => !refunded.has(charge) && currency === 'XTR');
  const lines = paid.map(({ at, currency, amount, charge }) => {
    const mark = refunded.has(charge) ? ' ↩' : '';
    return `${new Date(at).toISOString().slice(0, 10)} · ${money(content, language, currency, amount)}${mark} · ${charge}`;
  });
  const buttons = [
    ...open.map((payment) => ({
      label: 'button-refund',
      paid: { currency: payment.currency, amount: payment.amount },
      data: `refund.confirmed:${buttonName(payment)}`,
    })),
    { label: 'button-answer', data: `answer.requested:${effect.chat}:${String(effect.context['language'])}` },
  ];
  return { ...effect, params: { ...effect.params, payments: lines.join('\n'), buttons } };
}

/** The operator's answer on its way: to the person who asked, in the language they speak. */
export function toPerson(effect: Effect): Effect {
  const [chat = '', language = ''] = String(effect.context['answering'] ?? '').split(':');
  if (!/^\d+$/.test(chat)) throw new Error(`Expected the chat that asked, found "${chat}"`);
  return { ...effect, to: Number(chat), queue: chat, context: { ...effect.context, language } };
}
