import { createHash } from 'node:crypto';
import type { Effect } from '../../core/effects.ts';
import type { Payment } from '../../core/route.ts';
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

/** The invoked actor. */
export const refundActor =
  (ledger: Ledger, perform: Perform) =>
  ({ params }: Effect): Promise<Refund> =>
    refundPayment(ledger, perform, String(params?.['charge'] ?? ''));

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
