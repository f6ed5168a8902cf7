import type { Effect } from '#runtime';
import type { Access } from '../payments/book.ts';
import { refundedIn } from '../payments/book.ts';
import type { Ledger } from '../payments/ledger.ts';
import { countButton, refundButton, refundButtons } from '../payments/refund.ts';

/** What the operators are told, with buttons for what they may do about it. */
export const withChoice = async (effect: Effect, ledger: Ledger): Promise<Effect> =>
  // Who has paid and is banned from the club: the operator decides.
  isBarred(effect) ? withAdmission(effect, ledger) : withExtra(effect);

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
function withExtra(effect: Effect): Effect {
  const { event = {} } = effect;
  const isKept = event['type'] === 'payment.received' && event['extra'] === true && event['owed'] !== true;
  if (!isKept) return effect;
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
