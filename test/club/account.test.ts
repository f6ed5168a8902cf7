import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ofToday } from '../../src/club/arrivals.ts';
import { accessOf } from '../../src/club/payments/access.ts';
import { account } from '../../src/club/payments/account.ts';
import { type Bought, type Entry, isAct, type Payment } from '../../src/club/payments/book.ts';
import { beginsSubscription, monthsOf } from '../../src/club/payments/months.ts';

const day = 86_400_000;
const start = 1_700_000_000_000;
const on = (days: number) => start + days * day;

const paid = (charge: string, days: number, bought: Bought, payload = `club:0:30:${charge}:s`): Payment => ({
  charge,
  direction: 'in',
  chat: 7,
  payload,
  currency: 'XTR',
  amount: 250,
  at: on(days),
  bought,
});
const refunded = (payment: Payment, days: number): Payment => ({
  ...payment,
  direction: 'out',
  at: on(days),
});

/** The book after these lines have come in this order, with what each did. */
function booked(
  lines: readonly Entry[],
  days: number | ((line: Entry) => number),
  type = 'payment.received',
) {
  const changes: unknown[] = [];
  let book: Entry[] = [];
  for (const line of lines) {
    const now = typeof days === 'number' ? on(days) : days(line);
    const { facts, entry } = account(book, { event: { type }, entry: line, now });
    changes.push(facts['change']);
    book = [...book, entry as Entry];
  }
  return { book, changes };
}

const found = (payment: Payment): Payment => ({ ...payment, found: true });
const ends = (book: readonly Entry[], days: number) => {
  const { has, forEver, until, ends } = accessOf(book, on(days));
  return { has, forEver, until, ends };
};

test('six months found at once count from their own dates, in any order; nothing of them goes back', () => {
  const months = [0, 31, 62, 93, 124].map((days) => paid(`c${days}`, days, { days: 30 }));
  const twice = paid('twice', 125, { days: 30 }, months[4]?.payload);
  fc.assert(
    fc.property(fc.shuffledSubarray([...months, twice], { minLength: 6 }), (order) => {
      const { book } = booked(order.map(found), 130);
      expect(book.some((entry) => 'owed' in entry)).toBe(false);
      const access = accessOf(book, on(130));
      expect(access).toMatchObject({ has: true, extras: ['twice'], owed: [] });
      expect(Math.round(((access.until ?? 0) - on(124)) / day)).toBe(30);
      // Half a year later all of it is over, and finding it changes nothing.
      const late = booked(order.map(found), 400);
      expect(late.changes).toEqual(order.map(() => 'same'));
      expect(accessOf(late.book, on(400)).has).toBe(false);
    }),
  );
});

test('the same months that come one by one are told, and the one too many is owed', () => {
  const months = [0, 31].map((days) => paid(`c${days}`, days, { days: 30 }));
  const twice = paid('twice', 32, { days: 30 }, months[1]?.payload);
  const { book, changes } = booked([...months, twice], ({ at }) => at);
  expect(changes).toEqual(['gained', 'gained', 'same']);
  expect(accessOf(book, on(33)).owed).toEqual(['twice']);
});

test('an invoice without a signature is taken when the book knows it, as the renewal of an old subscription', () => {
  const old = paid('a', 0, { until: on(30), first: true }, 'club:0123abcd:0:17-0.1');
  const renewal: Payment = { ...paid('b', 30, { until: on(60) }, old.payload), foreign: true };
  const { facts, entry } = account([old], {
    event: { type: 'payment.received' },
    entry: renewal,
    now: on(30),
  });
  expect(facts).toMatchObject({ change: 'extended', access: { renews: true, until: on(60) } });
  expect(entry).not.toHaveProperty('foreign');
  const other = { ...renewal, payload: 'order:12345678' };
  const left = account([old], { event: { type: 'payment.received' }, entry: other, now: on(30) });
  expect(left.facts).toMatchObject({ change: 'same', foreign: true });
  expect(left.entry).toMatchObject({ foreign: true });
});

/** What happens to a person: something is bought, a renewal comes, money goes back. */
const happenings = fc.array(
  fc.record({
    kind: fc.constantFrom('days', 'days', 'subscribe', 'renew', 'again', 'refund'),
    after: fc.integer({ min: 1, max: 40 }),
    which: fc.nat({ max: 9 }),
  }),
  { minLength: 1, maxLength: 10 },
);

/** The list of Telegram after a life, and the book that was kept meanwhile. What is owed goes back at once, as the bot does. */
function lived(steps: typeof happenings extends fc.Arbitrary<infer T> ? T : never) {
  let at = 0;
  let book: Entry[] = [];
  const list: Payment[] = [];
  const enter = (payment: Payment, recorded: Payment = payment) => {
    const { entry } = account(book, { event: { type: 'payment.received' }, entry: payment, now: payment.at });
    book = [...book, entry as Entry];
    list.push(recorded);
    return entry as Payment;
  };
  const pay = (payment: Payment) => {
    const entry = enter(payment);
    at += 1 / 24;
    if (entry.owed === true) enter(refunded(payment, at));
  };
  const subscriptions: { payload: string; ends: number }[] = [];
  steps.forEach(({ kind, after, which }, index) => {
    at += after;
    const charge = `c${index}`;
    const live = list.filter(
      ({ charge: one, direction }) =>
        direction === 'in' && !list.some((other) => other.direction === 'out' && other.charge === one),
    );
    const chosen = live[which % Math.max(1, live.length)];
    if (kind === 'days') pay(paid(charge, at, { days: 30 }));
    else if (kind === 'again') {
      if (chosen?.bought !== undefined && 'days' in chosen.bought)
        pay(paid(charge, at, { days: 30 }, chosen.payload));
    } else if (kind === 'refund') {
      if (chosen !== undefined) enter(refunded(chosen, at));
    } else if (kind === 'subscribe') {
      const payload = `sub:${index}`;
      subscriptions.push({ payload, ends: at + 30 });
      pay(paid(charge, at, { until: on(at + 30), first: true }, payload));
    } else {
      const last = subscriptions.at(-1);
      if (last === undefined) return;
      at = Math.max(at, last.ends);
      last.ends = at + 30;
      const until = { until: on(last.ends) };
      const isFirst = beginsSubscription(monthsOf(book), { payload: last.payload, at: on(at), ...until });
      pay(paid(charge, at, { ...until, ...(isFirst && { first: true as const }) }, last.payload));
    }
  });
  return { list, book, at };
}

test('to take a history over, in whatever order, gives the same ends as to live through it', () => {
  fc.assert(
    fc.property(happenings, fc.infiniteStream(fc.nat()), (steps, random) => {
      const { list, book, at } = lived(steps);
      const rank = new Map(list.map((payment) => [payment, random.next().value as number]));
      const order = [...list].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
      const adopted = booked(
        order.map((payment) => ({ ...payment, adopted: true as const })),
        at + 1,
        'access.adopted',
      ).book;
      for (const later of [0, 1, 20, 45]) expect(ends(adopted, at + later)).toEqual(ends(book, at + later));
      expect(adopted.filter((entry) => !isAct(entry)).some((entry) => 'owed' in entry)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

test('a payment that an earlier release had stored and not handled says what it bought by its event', () => {
  const { bought: _, ...payment } = paid('a', 0, { days: 30 });
  const stored = (event: object) => ({
    update: 1,
    chat: 7,
    lane: 'reply' as const,
    event: { type: 'payment.received', ...event },
    payment,
  });
  const entryOf = (arrival: Parameters<typeof ofToday>[0]) => ofToday(arrival).entry;
  expect(entryOf(stored({ until: on(30) }))).toEqual({ ...payment, bought: { until: on(30), first: true } });
  expect(entryOf(stored({ until: on(60), renewal: true }))).toEqual({
    ...payment,
    bought: { until: on(60) },
  });
  expect(entryOf(stored({}))).toEqual(payment);
  expect(entryOf({ ...stored({}), entry: paid('b', 1, { forEver: true }) })).toMatchObject({ charge: 'b' });
});
