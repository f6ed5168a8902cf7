import type { Book, JsonObject, MachineEvent } from '#runtime';
import { refusalOf } from '../support/by-hand.ts';
import { accessOf } from './access.ts';
import {
  type Access,
  type Act,
  type Entry,
  isAct,
  isPaid,
  isPayment,
  keyOf,
  nobody,
  type Payment,
  refundedIn,
} from './book.ts';

/** What a line of the book does to access. */
export type Change = 'gained' | 'extended' | 'shortened' | 'lost' | 'same';

/**
 * What each event of a person tells of their book: `access`; of a line that comes with it, its `change`, whether it is a
 * payment too many (`extra`) or one of another program (`foreign`); of an invoice, whether it was paid before (`isPaid`).
 * What an operator asks for that would come to nothing is `refused`, and its line is not kept.
 * @returns with the line as it is to be kept
 */
export function account(
  book: readonly Entry[],
  { event, entry, now }: { readonly event: MachineEvent; readonly entry?: Entry; readonly now: number },
): { facts: JsonObject; entry?: Entry } {
  if (entry === undefined)
    return { facts: { access: told(accessOf(book, now)), ...paidBefore(book, event) } };
  const others = book.filter((other) => keyOf(other) !== keyOf(entry));
  const before = others.length === 0 ? nobody : accessOf(others, now);
  const kept = completed(others, entry, event, now);
  const after = accessOf([...others, kept], now);
  const refused = isAct(kept) ? refusalOf(before, after, kept, event['act'], now) : null;
  if (refused !== null) return { facts: { access: told(before), refused } };
  // Of two payments of one second it is the same which counts, and a refund of one leaves the other in its place.
  const change = changeOf(before, after);
  // One that is found late has an earlier date: then it counts, and one that came before may be too many.
  const isExtra =
    !isAct(kept) &&
    (change === 'same' || (kept.direction === 'in' && change !== 'gained')) &&
    before.extras.length !== after.extras.length;
  return {
    facts: {
      access: told(after),
      change,
      ...(isExtra && { extra: true }),
      ...(!isAct(kept) && kept.foreign === true && { foreign: true }),
      ...(!isAct(kept) && kept.owed === true && { owed: true }),
    },
    entry: kept,
  };
}

/** The line as it is kept: its time, whose it is, and whether it must go back. */
function completed(others: readonly Entry[], entry: Entry, event: MachineEvent, now: number): Entry {
  if (isAct(entry)) return entry.at === 0 ? { ...entry, at: now } : inOrder(others, entry);
  const { foreign, ...rest } = entry;
  // An invoice of an earlier release bears no signature; the book may know it, as that of a subscription.
  const isKnown = others.some(
    (other) => !isAct(other) && other.payload === entry.payload && other.foreign !== true,
  );
  const payment: Payment = foreign === true && !isKnown ? entry : rest;
  if (payment.direction === 'out' || payment.foreign === true) return payment;
  // What was found in a list, or cannot be given back here, is left to the operator.
  // A renewal of a subscription that began unnoticed is no second payment before its beginning is found.
  const { bought } = payment;
  const isRenewal = bought !== undefined && 'until' in bought && bought.first !== true;
  const isRefundable =
    payment.currency === 'XTR' &&
    (!isRenewal || others.some((other) => isPaid(other) && other.payload === payment.payload)) &&
    payment.found !== true &&
    payment.adopted !== true &&
    event['keepsDuplicates'] !== true;
  if (!isRefundable) return payment;
  const isExtra = accessOf([...others, payment], now).extras.length > accessOf(others, now).extras.length;
  return isExtra ? { ...payment, owed: true } : payment;
}

/** Telegram dates a command by the second: of two in one second, the one that is handled later counts as later. */
function inOrder(others: readonly Entry[], act: Act): Act {
  const latest = Math.max(...others.filter(isAct).map(({ at }) => at));
  return act.at <= latest && latest < act.at + 1_000 ? { ...act, at: latest + 1 } : act;
}

function changeOf(before: Access, after: Access): Change {
  if (before.has !== after.has) return after.has ? 'gained' : 'lost';
  if (!after.has || (before.forEver === after.forEver && before.until === after.until)) return 'same';
  const endOf = ({ forEver, until }: Access) => (forEver === true ? Number.POSITIVE_INFINITY : (until ?? 0));
  return endOf(after) > endOf(before) ? 'extended' : 'shortened';
}

/** Without what is empty: it stands in events, and some of them in the outbox. */
function told({ extras, owed, callOff, ...access }: Access): JsonObject {
  return {
    ...access,
    ...(extras.length > 0 && { extras }),
    ...(owed.length > 0 && { owed }),
    ...(callOff.length > 0 && { callOff }),
  };
}

function paidBefore(book: readonly Entry[], event: MachineEvent): { isPaid?: true } {
  const invoice = event['invoice'];
  if (typeof invoice !== 'string') return {};
  const back = refundedIn(book);
  const wasPaid = book
    .filter(isPayment)
    .some(({ payload, charge }) => payload === invoice && !back.has(charge));
  return wasPaid ? { isPaid: true } : {};
}

/** The club's book, as the runtime asks about it: every line of it is one that the club has made. */
export const clubBook: Book = {
  keyOf: (line) => keyOf(line as Entry),
  account: (book, { event, entry, now }) =>
    account(book as readonly Entry[], {
      event,
      now,
      ...(entry !== undefined && { entry: entry as Entry }),
    }),
};
