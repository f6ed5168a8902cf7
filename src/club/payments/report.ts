import { digitsOf } from '#telegram';
import type { Payment } from './book.ts';

/** A payment with what became of it. */
export interface PaymentReport extends Omit<Payment, 'direction' | 'at'> {
  /** ISO time. */
  readonly paid: string;
  readonly refunded: string | null;
}

/** Payments with their refunds, oldest first. */
export function reportPayments(entries: readonly Payment[]): PaymentReport[] {
  const refunds = new Map(
    entries.filter(({ direction }) => direction === 'out').map((refund) => [refund.charge, refund]),
  );
  const known = new Set(entries.flatMap(({ charge, direction }) => (direction === 'in' ? [charge] : [])));
  // A refund whose payment is not in the ledger is shown all the same.
  return entries
    .filter(({ charge, direction }) => direction === 'in' || !known.has(charge))
    .map(({ direction, at, ...payment }) => {
      const refund = refunds.get(payment.charge);
      return {
        ...payment,
        paid: new Date(at).toISOString(),
        refunded: refund === undefined ? null : new Date(refund.at).toISOString(),
      };
    });
}

const columns = [
  'paid',
  'refunded',
  'chat',
  'amount',
  'decimals',
  'currency',
  'payload',
  'charge',
  'providerCharge',
  'commission',
] as const;

/** The payments as CSV (RFC 4180); amounts in the smallest units, `decimals` says how many digits they have. */
export function toCsv(payments: readonly PaymentReport[]): string {
  const rows = payments.map((payment) => {
    const fields = { providerCharge: '', commission: '', ...payment, decimals: digitsOf(payment.currency) };
    return columns.map((column) => quoted(String(fields[column] ?? ''))).join(',');
  });
  return [columns.join(','), ...rows].map((row) => `${row}\r\n`).join('');
}

/** Payloads come from outside: a cell must not begin a formula in a spreadsheet. */
function quoted(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?\d+$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
