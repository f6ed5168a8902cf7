import { createHash } from 'node:crypto';
import type { Payment } from '../../core/book.ts';
import type { Effect } from '../../core/effects.ts';
import type { Arrival } from '../../core/route.ts';
import type { Ledger } from '../../store/ledger.ts';
import type { Perform } from '../../telegram/api.ts';

/** What an attempt to refund came to. */
export type Refund =
  | { readonly refunded: true; readonly charge: string; readonly payment: Payment }
  | { readonly refunded: false; readonly charge: string; readonly reason: 'unknown' | 'provider' };

/**
 * Refunds a payment of the ledger. Telegram then says so to the chat that paid, and that update takes access away.
 * Repeating it is harmless: a charge that was refunded before counts as done.
 * @throws what the client throws for a fault that may pass
 */
export async function refundPayment(ledger: Ledger, perform: Perform, wanted: string): Promise<Refund> {
  const paid = await findPaid(ledger, wanted);
  if (paid === null) return { refunded: false, charge: wanted, reason: 'unknown' };
  const { charge, chat, currency } = paid;
  if (currency !== 'XTR') return { refunded: false, charge, reason: 'provider' };
  try {
    await perform('refundStarPayment', { user_id: chat, telegram_payment_charge_id: charge });
  } catch (error) {
    if (!String((error as Error).message).includes('CHARGE_ALREADY_REFUNDED')) throw error;
  }
  return { refunded: true, charge, payment: paid };
}

/** The actor that gives one payment back. */
export const refundActor =
  (ledger: Ledger, perform: Perform) =>
  async ({ params }: Effect): Promise<{ charge: string }> => {
    const charge = String(params?.['charge'] ?? '');
    const outcome = await refundPayment(ledger, perform, charge);
    if (!outcome.refunded)
      throw new Error(`The payment ${charge} cannot be given back here: ${outcome.reason}`);
    return { charge };
  };

/** What Telegram says of a subscription that has ended by itself. */
const isOver = /SUBSCRIPTION_NOT_ACTIVE|SUBSCRIPTION_ALREADY|NOT_MODIFIED/;

/**
 * The actor that calls a subscription off, by the charge of its first payment.
 * @throws what Telegram refuses, but that it is over already
 */
export const callOffActor =
  (perform: Perform) =>
  async ({ chat, params }: Effect): Promise<{ charge: string }> => {
    const charge = String(params?.['charge'] ?? '');
    const payload = { user_id: chat, telegram_payment_charge_id: charge, is_canceled: true };
    await perform('editUserStarSubscription', payload).catch((error: unknown) => {
      if (!isOver.test(String((error as Error).message))) throw error;
    });
    return { charge };
  };

/** What an operator asks of a payment. */
export interface Debts {
  readonly ledger: Ledger;
  readonly send: (effect: Effect) => Promise<unknown>;
  /** Puts what an operator did into the inbox of the person whom it is about. Twice does no harm. */
  readonly append: (arrival: Arrival) => Promise<void>;
  readonly now: () => number;
}

/** An operator asks for a refund: it is put among the debts of who paid, and the operator hears what becomes of it. */
export const requestRefund =
  ({ ledger, send, append, now }: Debts) =>
  async (effect: Effect): Promise<void> => {
    const wanted = wantedBy(effect);
    const paid = await findPaid(ledger, wanted);
    const tell = (message: string, output: object) =>
      send({ ...effect, type: 'send', params: { message }, event: { ...effect.event, ...paid, output } });
    if (paid === null)
      return void (await tell('operator_refund_impossible', { charge: wanted, reason: 'unknown' }));
    const { charge, chat, currency } = paid;
    if (currency !== 'XTR')
      return void (await tell('operator_refund_impossible', { charge, reason: 'provider' }));
    const { refunded } = await ledger.find(charge);
    if (refunded !== null) return void (await tell('operator_refund_done', { charge }));
    const entry = { kind: 'owe', id: idOf(effect), chat, at: now(), by: effect.chat, charge } as const;
    await append({
      update: 0,
      chat,
      lane: 'reply',
      event: { type: 'debt.added', charge },
      entry,
      fromOperator: true,
      elsewhere: true,
    });
    await tell('operator_refund_begun', { charge });
  };

/** An operator takes a refund off the debts of who paid. */
export const dropRefund =
  ({ ledger, send, append, now }: Debts) =>
  async (effect: Effect): Promise<void> => {
    const wanted = wantedBy(effect);
    const paid = await findPaid(ledger, wanted);
    const tell = (message: string, output: object) =>
      send({ ...effect, type: 'send', params: { message }, event: { ...effect.event, ...paid, output } });
    if (paid === null)
      return void (await tell('operator_refund_impossible', { charge: wanted, reason: 'unknown' }));
    const { charge, chat } = paid;
    const entry = { kind: 'keep', id: idOf(effect), chat, at: now(), by: effect.chat, charge } as const;
    await append({
      update: 0,
      chat,
      lane: 'reply',
      event: { type: 'debt.dropped', charge },
      entry,
      fromOperator: true,
      elsewhere: true,
    });
    await tell('refund_cancelled', { charge });
  };

/** The same for each repetition of the effect. */
const idOf = ({ chat, id }: Effect): string => `${chat}.${id}`;

const wantedBy = ({ event }: Effect): string => String(event?.['payload'] ?? event?.['value'] ?? '').trim();

async function findPaid(ledger: Ledger, wanted: string): Promise<Payment | null> {
  const button = /^(-?\d+)\.([0-9a-f]{16})$/.exec(wanted);
  if (button === null) return (await ledger.find(wanted)).paid;
  const payments = await ledger.of(Number(button[1]));
  return (
    payments.find((payment) => payment.direction === 'in' && digestOf(payment.charge) === button[2]) ?? null
  );
}

/** A payment as a button can name it: a charge is longer than the 64 bytes of callback data. */
export const buttonName = ({ chat, charge }: Payment): string => `${chat}.${digestOf(charge)}`;

const digestOf = (charge: string): string => createHash('sha256').update(charge).digest('hex').slice(0, 16);
