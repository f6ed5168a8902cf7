import { createHash } from 'node:crypto';
import type { Arrival, Effect, JsonObject, MachineEvent } from '#runtime';
import type { Perform } from '#telegram';
import type { ClubParts } from '../parts.ts';
import { arrivalByHand } from '../support/updates.ts';
import { accessOf } from './access.ts';
import type { Act, Payment } from './book.ts';
import type { Ledger } from './ledger.ts';

/** What an attempt to refund came to. */
export type Refund =
  | {
      readonly refunded: true;
      readonly charge: string;
      readonly payment: Payment;
      /** It had gone back before. */
      readonly already: boolean;
    }
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
  let already = false;
  try {
    await perform('refundStarPayment', { user_id: chat, telegram_payment_charge_id: charge });
  } catch (error) {
    if (!String((error as Error).message).includes('CHARGE_ALREADY_REFUNDED')) throw error;
    already = true;
  }
  return { refunded: true, charge, payment: paid, already };
}

/** The actor that gives one payment back. */
export async function refund({ params }: Effect, { ledger, call }: ClubParts): Promise<{ charge: string }> {
  const charge = String(params?.['charge'] ?? '');
  const outcome = await refundPayment(ledger, call, charge);
  if (!outcome.refunded)
    throw new Error(`The payment ${charge} cannot be given back here: ${outcome.reason}`);
  return { charge };
}

/** What Telegram says of a subscription that has ended by itself. */
const isOver = /SUBSCRIPTION_NOT_ACTIVE|SUBSCRIPTION_ALREADY|NOT_MODIFIED/;

/**
 * The actor that calls a subscription off, by the charge of its first payment.
 * @throws what Telegram refuses, but that it is over already
 */
export async function callOff({ chat, params }: Effect, { call }: ClubParts): Promise<{ charge: string }> {
  const charge = String(params?.['charge'] ?? '');
  const payload = { user_id: chat, telegram_payment_charge_id: charge, is_canceled: true };
  await call('editUserStarSubscription', payload).catch((error: unknown) => {
    if (!isOver.test(String((error as Error).message))) throw error;
  });
  return { charge };
}

/** Asks the operator once more, with the amount and the person's name, before money goes back. */
export async function askRefund(effect: Effect, parts: ClubParts): Promise<void> {
  const found = await refundable(parts, effect);
  if (found === null) return;
  const { paid, tell } = found;
  const name = (await parts.nameOf(paid.chat)) ?? `id ${paid.chat}`;
  await tell('refund_confirm', { charge: paid.charge }, { name }, [
    { label: 'button-refund-yes', data: `refund.confirmed:${buttonName(paid)}` },
    { label: 'button-refund-no', data: 'refund.declined' },
  ]);
}

/** An operator asks for a refund: it is put among the debts of who paid, and the operator hears what becomes of it. */
export async function requestRefund(effect: Effect, parts: ClubParts): Promise<void> {
  const found = await refundable(parts, effect);
  if (found === null) return;
  const { paid, tell } = found;
  const { charge } = paid;
  await parts.append(arrivalOf(parts, effect, paid, 'owe', { type: 'debt.added', charge }));
  await tell('operator_refund_begun', { charge });
}

/** An operator takes a refund off the debts of who paid. */
export async function dropRefund(effect: Effect, parts: ClubParts): Promise<void> {
  const found = await paymentOf(parts, effect);
  if (found === null) return;
  const { paid, isRefunded, isOwed, tell } = found;
  const { charge } = paid;
  if (isRefunded) return tell('operator_refund_done', { charge });
  if (!isOwed) return tell('operator_refund_not_owed', { charge });
  await parts.append(arrivalOf(parts, effect, paid, 'keep', { type: 'debt.dropped', charge }));
  await tell('refund_cancelled', { charge });
}

/** An operator turns a payment too many into time. The person's conversation says what became of it. */
export async function countExtra(effect: Effect, parts: ClubParts): Promise<void> {
  const found = await paymentOf(parts, effect);
  if (found === null) return;
  const { paid, isRefunded, tell } = found;
  if (isRefunded) return tell('operator_refund_done', { charge: paid.charge });
  const event = { ...parts.facts(), type: 'access.granted', act: 'count', by: effect.chat };
  await parts.append(arrivalOf(parts, effect, paid, 'count', event));
}

type Tell = (
  message: string,
  output: object,
  event?: object,
  buttons?: readonly { label: string; data: string }[],
) => Promise<void>;

/** The payment that an operator named, with what is known of it. One that there is not is answered; then null. */
async function paymentOf({ ledger, send, now }: ClubParts, effect: Effect) {
  const wanted = wantedBy(effect);
  const paid = await findPaid(ledger, wanted);
  const tell: Tell = async (message, output, event = {}, buttons = []) => {
    const params = { message, ...(buttons.length > 0 && { buttons }) };
    await send({
      ...effect,
      type: 'send',
      params,
      event: { ...effect.event, ...paid, ...event, output } as JsonObject,
    });
  };
  if (paid === null) {
    await tell('operator_refund_impossible', { charge: wanted, reason: 'unknown' });
    return null;
  }
  const { refunded } = await ledger.find(paid.charge);
  const { owed } = accessOf(await ledger.book(paid.chat), now());
  return { paid, isRefunded: refunded !== null, isOwed: owed.includes(paid.charge), tell };
}

/** The same, where a refund would do something. */
async function refundable(parts: ClubParts, effect: Effect) {
  const found = await paymentOf(parts, effect);
  if (found === null) return null;
  const { paid, isRefunded, isOwed, tell } = found;
  const { charge, currency } = paid;
  if (currency !== 'XTR') await tell('operator_refund_impossible', { charge, reason: 'provider' });
  else if (isRefunded) await tell('operator_refund_done', { charge });
  else if (isOwed) await tell('operator_refund_waits', { charge });
  else return found;
  return null;
}

/** What an operator did to a payment, for the inbox of who paid. */
const arrivalOf = (
  { now }: ClubParts,
  effect: Effect,
  { chat, charge }: Payment,
  kind: Act['kind'],
  event: MachineEvent,
): Arrival => arrivalByHand(event, { kind, id: idOf(effect), chat, at: now(), by: effect.chat, charge });

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

/** The button that asks for a refund. */
export const refundButton = (payment: Pick<Payment, 'chat' | 'charge' | 'currency' | 'amount'>) => ({
  label: 'button-refund',
  paid: { currency: payment.currency, amount: payment.amount },
  data: `refund.requested:${buttonName(payment)}`,
});

/** Those of the payments that can be given back here. */
export const refundButtons = (payments: readonly Payment[], refunded: ReadonlySet<string>) =>
  payments
    .filter(
      ({ charge, direction, currency }) => direction === 'in' && currency === 'XTR' && !refunded.has(charge),
    )
    .map(refundButton);

/** The button that makes time of a payment too many. */
export const countButton = (payment: Pick<Payment, 'chat' | 'charge'>) => ({
  label: 'button-count',
  data: `extra.counted:${buttonName(payment)}`,
});

/** A payment as a button can name it: a charge is longer than the 64 bytes of callback data. */
const buttonName = ({ chat, charge }: Pick<Payment, 'chat' | 'charge'>): string =>
  `${chat}.${digestOf(charge)}`;

const digestOf = (charge: string): string => createHash('sha256').update(charge).digest('hex').slice(0, 16);
