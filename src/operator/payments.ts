import { writeFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import {
  compare,
  foundUpdate,
  History,
  Ledger,
  type PaymentReport,
  refundPayment,
  reportPayments,
  toCsv,
} from '#club';
import { type Clock, CommandRefused, openRedisStore } from '#runtime';
import type { Perform } from '#telegram';
import { amountOf } from '#telegram';
import { paint } from '#terminal';

/** The ledger has no such payment, or it cannot be given back here. */
export class PaymentRefused extends CommandRefused {}

interface Where {
  readonly prefix: string;
  readonly shards: number;
}

const line = (payment: PaymentReport): string =>
  [
    payment.paid.slice(0, 16).replace('T', ' '),
    amountOf(payment).padStart(14),
    `chat ${payment.chat}`.padEnd(16),
    payment.refunded === null
      ? ''.padEnd(18)
      : paint.yellow(`back on ${payment.refunded.slice(0, 10)}`.padEnd(18)),
    paint.dim(payment.charge),
  ].join('  ');

/** Prints the newest payments, oldest of them first. */
export async function listPayments(
  ledger: Ledger,
  options: { json?: boolean; limit: number; chat?: number },
): Promise<void> {
  const entries = options.chat === undefined ? await ledger.all() : await ledger.of(options.chat);
  const payments = reportPayments(entries);
  const shown = payments.slice(-options.limit);
  if (options.json === true) console.log(JSON.stringify(shown));
  else if (shown.length === 0) console.log('There are no payments.');
  else {
    for (const payment of shown) console.log(line(payment));
    if (shown.length < payments.length)
      console.log(paint.dim(`the newest ${shown.length} of ${payments.length}; --limit shows more`));
  }
}

/** Prints everything about one payment. @throws PaymentRefused */
export async function showPayment(
  ledger: Ledger,
  charge: string,
  options: { json?: boolean },
): Promise<void> {
  const { paid, refunded } = await ledger.find(charge);
  const entries = [paid, refunded].filter((entry) => entry !== null);
  const [payment] = reportPayments(entries);
  if (payment === undefined) throw unknownCharge(charge);
  if (options.json === true) console.log(JSON.stringify(payment));
  else {
    for (const [name, value] of Object.entries({ ...payment, amount: amountOf(payment) }))
      console.log(`${name.padEnd(16)} ${value ?? 'no'}`);
  }
}

/** Writes all payments as CSV, to a file or to stdout. */
export async function exportPayments(ledger: Ledger, file: string | undefined): Promise<void> {
  const csv = toCsv(reportPayments(await ledger.all()));
  if (file === undefined) process.stdout.write(csv);
  else await writeFile(file, csv);
}

/**
 * Compares the whole of Telegram's list with the whole ledger. What is missing here is put into the inbox, and taken up
 * by the bot as it would have been at its time.
 */
export async function reconcilePayments(
  redis: Redis,
  where: Where,
  call: Perform,
  clock: Clock,
  options: { json?: boolean },
): Promise<void> {
  const store = openRedisStore(redis, where);
  const [ledger, history] = [new Ledger(store), new History(store)];
  const listed = new Set<string>();
  const noting: Perform = async (method, payload) => {
    const answer = (await call(method, payload)) as { transactions: { id: string; source?: object }[] };
    for (const { id, source } of answer.transactions)
      listed.add(`${source === undefined ? 'out' : 'in'} ${id}`);
    return answer;
  };
  const now = clock.now();
  const { differences, commissions, position, recent } = await compare(noting, ledger, 0, now);
  const began = (await history.compared.get()) === null ? await history.began() : null;
  const isHistory = differences.some(({ update }) => (update.message?.date ?? 0) * 1_000 < (began ?? 0));
  if (isHistory || (await history.isUnadopted()))
    throw new PaymentRefused(
      'Telegram lists payments from before this installation, which is in none of its books. Nothing was changed. ' +
        'Take them over first: turnstile payments adopt --dry-run',
    );
  for (const { chat, update } of differences) await store.appendFound(chat, JSON.stringify(update));
  for (const commission of commissions) await ledger.noteCommission(commission);
  const all = await ledger.all();
  const unlisted = all.filter(
    ({ charge, direction, currency }) => currency === 'XTR' && !listed.has(`${direction} ${charge}`),
  );
  const missing = differences.map(({ charge, direction, chat, amount }) => ({
    charge,
    direction,
    chat,
    amount,
  }));
  if (options.json === true) {
    console.log(JSON.stringify({ compared: position, recent, missing, unlisted }));
    return;
  }
  const inStars = all.filter(({ currency }) => currency === 'XTR').length;
  console.log(
    `${position} transactions of Telegram's list compared with ${inStars} payments and refunds in Stars of the ledger.`,
  );
  if (recent > 0) console.log(paint.dim(`Left for later, since they are less than a minute old: ${recent}.`));
  for (const { charge, direction, chat, amount } of missing)
    console.log(
      `${paint.yellow('missing here')}  ${direction === 'in' ? 'payment' : 'refund'} of ${amount} XTR, chat ${chat}  ${paint.dim(charge)}`,
    );
  for (const entry of unlisted)
    console.log(
      `${paint.red('not listed')}    ${entry.direction === 'in' ? 'payment' : 'refund'} of ${amountOf(entry)}, chat ${entry.chat}  ${paint.dim(entry.charge)}`,
    );
  if (missing.length > 0)
    console.log('What was missing is in the inbox; the bot takes it up, now or when it starts.');
  else if (unlisted.length === 0) console.log(paint.green('They agree.'));
}

/**
 * Gives a payment back. Telegram tells the bot, which takes access away.
 * @param options.noted the money went back on the pages of the payment provider: this only tells the bot
 * @throws PaymentRefused
 */
export async function refundOne(
  redis: Redis,
  where: Where,
  call: Perform,
  clock: Clock,
  charge: string,
  options: { noted?: boolean },
): Promise<void> {
  const store = openRedisStore(redis, where);
  const ledger = new Ledger(store);
  const { paid, refunded } = await ledger.find(charge);
  if (refunded !== null) {
    const day = new Date(refunded.at).toISOString().slice(0, 10);
    throw new PaymentRefused(`${amountOf(refunded)} went back to chat ${refunded.chat} already, on ${day}.`);
  }
  if (options.noted === true) {
    if (paid === null) throw unknownCharge(charge);
    const { chat, currency, amount, payload } = paid;
    if (currency === 'XTR')
      throw new PaymentRefused(
        `${charge} was paid in Stars, which go back through Telegram alone: turnstile payments refund ${charge}`,
      );
    const back = {
      currency,
      total_amount: amount,
      invoice_payload: payload,
      telegram_payment_charge_id: charge,
    };
    const user = { id: chat, is_bot: false, first_name: '' };
    const update = foundUpdate(user, Math.floor(clock.now() / 1_000), { refunded_payment: back });
    await store.appendFound(chat, JSON.stringify(update));
    console.log(
      `Noted: ${amountOf(paid)} of chat ${chat} went back. The bot takes access away, now or when it starts.`,
    );
    return;
  }
  const outcome = await refundPayment(ledger, call, charge);
  if (outcome.refunded) {
    const { payment, already } = outcome;
    const when = already ? 'had gone back' : 'went back';
    console.log(
      `${amountOf(payment)} ${when} to chat ${payment.chat}${already ? ' already' : ''}. The bot hears of it from Telegram.`,
    );
  } else if (outcome.reason === 'unknown') throw unknownCharge(charge);
  else
    throw new PaymentRefused(
      `${charge} was paid through a payment provider. Refund it on the provider's own pages, then: turnstile payments refund --noted ${charge}`,
    );
}

const unknownCharge = (charge: string): CommandRefused =>
  new PaymentRefused(
    `The ledger has no payment ${charge}. \`turnstile payments list\` shows those that there are.`,
  );
