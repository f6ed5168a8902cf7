import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accessOf } from '../../src/club/payments/access.ts';
import { type Act, type Bought, type Entry, keyOf, type Payment } from '../../src/club/payments/book.ts';
import { renewalGrace } from '../../src/club/payments/subscriptions.ts';

const day = 86_400_000;
const start = 1_700_000_000_000;
const on = (days: number) => start + days * day;

const paid = (charge: string, days: number, bought: Bought, more: Partial<Payment> = {}): Payment => ({
  charge,
  direction: 'in',
  chat: 7,
  payload: `club:00000000:30:${charge}:s`,
  currency: 'XTR',
  amount: 250,
  at: on(days),
  bought,
  ...more,
});
const refunded = (charge: string, days: number): Payment => ({
  ...paid(charge, days, { days: 0 }),
  direction: 'out',
});
const act = (kind: Act['kind'], days: number, more: Partial<Act> = {}): Act => ({
  kind,
  id: `${kind}${days}`,
  chat: 7,
  at: on(days),
  ...more,
});
const month = { days: 30 };
const forEver = { forEver: true } as const;
const renewal = (charge: string, days: number, payload = 'sub', first = false): Payment =>
  paid(charge, days, { until: on(days + 30), ...(first && { first }) }, { payload });
/** What is left at a day, in days; null: no access, Infinity: for ever. */
const left = (book: readonly Entry[], days: number): number | null => {
  const access = accessOf(book, on(days));
  if (!access.has) return null;
  return access.forEver === true ? Number.POSITIVE_INFINITY : ((access.until ?? 0) - on(days)) / day;
};

describe('what a book comes to', () => {
  test('nothing without an entry', () => expect(left([], 0)).toBeNull());
  test('days count from the payment, and more of them from the end of the others', () => {
    expect(left([paid('a', 0, month)], 10)).toBe(20);
    expect(left([paid('a', 0, month), paid('b', 10, month)], 10)).toBe(50);
    expect(left([paid('a', 0, month), paid('b', 40, month)], 41)).toBe(29);
  });
  test('a refund takes what is left of its payment, and nothing else', () => {
    const two = [paid('a', 0, month), paid('b', 27, month)];
    expect(left([...two, refunded('b', 28)], 28)).toBe(2);
    expect(left([...two, refunded('a', 28)], 28)).toBe(30);
    expect(left([...two, refunded('a', 31)], 31)).toBe(29);
    expect(left([paid('a', 0, month), refunded('a', 1)], 1)).toBeNull();
  });
  test('a refund of month 1 in month 3 leaves month 3', () => {
    const three = [paid('a', 0, month), paid('b', 29, month), paid('c', 59, month)];
    expect(left([...three, refunded('a', 70)], 70)).toBe(20);
    const subscription = [renewal('a', 0, 'sub', true), renewal('b', 30), renewal('c', 60)];
    expect(left([...subscription, refunded('a', 70)], 70)).toBe(20);
    expect(accessOf([...subscription, refunded('a', 70)], on(70))).toMatchObject({
      renews: true,
      callOff: [],
    });
  });
  test('the refund of the month of today ends access, and the subscription must not go on', () => {
    const book = [renewal('a', 0, 'sub', true), renewal('b', 30), refunded('b', 40)];
    expect(accessOf(book, on(40))).toMatchObject({ has: false, callOff: ['a'] });
    expect(accessOf([...book, act('off', 40, { charge: 'a' })], on(41)).callOff).toEqual([]);
  });
  test('a payment whose refund is known gives nothing, whichever came first', () => {
    expect(left([refunded('a', 1), paid('a', 0, forEver)], 2)).toBeNull();
  });
  test('the same invoice twice: one is too many; of two, the refund of one leaves the other', () => {
    const twice = [paid('a', 0, month), paid('b', 1, month, { payload: paid('a', 0, month).payload })];
    expect(accessOf(twice, on(1)).extras).toEqual(['b']);
    expect(left(twice, 1)).toBe(29);
    expect(left([...twice, refunded('b', 2)], 2)).toBe(28);
    expect(left([...twice, refunded('a', 2)], 2)).toBe(28);
    expect(accessOf([...twice, refunded('a', 2)], on(2)).extras).toEqual([]);
    expect(left([...twice, refunded('a', 2), refunded('b', 3)], 3)).toBeNull();
  });
  test('for ever: what is paid besides is too many, and counts when the other goes back', () => {
    const book = [paid('a', 0, forEver), paid('b', 1, month)];
    expect(accessOf(book, on(1)).extras).toEqual(['b']);
    expect(left([...book, refunded('a', 5)], 5)).toBe(30);
  });
  test('days beside a subscription wait for its end', () => {
    const book = [renewal('a', 0, 'sub', true), paid('d', 10, month), renewal('b', 30)];
    expect(left(book, 31)).toBe(59);
    expect(left([...book, act('subscription', 32, { payload: 'sub', state: 'canceled' })], 70)).toBe(20);
  });
  test('a second subscription beside one that goes on is too many, with all its renewals, and must end', () => {
    const book = [renewal('a', 0, 'one', true), renewal('b', 1, 'two', true), renewal('c', 31, 'two')];
    expect(accessOf(book, on(31))).toMatchObject({ extras: ['b', 'c'], callOff: ['b'] });
    expect(accessOf([renewal('a', 0, 'one', true), renewal('b', 1, 'one', true)], on(2))).toMatchObject({
      extras: ['b'],
      callOff: ['b'],
    });
  });
  test('what was paid before access was taken gives none again when another payment goes back', () => {
    const book = [paid('a', 0, forEver), paid('b', 1, month), act('revoke', 2), refunded('a', 3)];
    expect(accessOf(book, on(4))).toMatchObject({ has: false, extras: ['b'] });
  });
  test('one that must end is called off also when its person did so, who could take it up again', () => {
    const off = act('subscription', 5, { payload: 'one', state: 'canceled' });
    const book = [renewal('a', 0, 'one', true), off, refunded('a', 6)];
    expect(accessOf(book, on(7)).callOff).toEqual(['a']);
    expect(accessOf([...book, act('off', 7, { charge: 'a' })], on(8)).callOff).toEqual([]);
  });
  test('a subscription that was called off leaves its days to the next one', () => {
    const off = act('subscription', 5, { payload: 'one', state: 'canceled' });
    const book = [renewal('a', 0, 'one', true), off, renewal('b', 10, 'two', true)];
    expect(accessOf(book, on(10)).extras).toEqual([]);
    expect(left(book, 10)).toBe(50);
  });
  test('a renewal is waited for; one that comes late counts', () => {
    const book = [renewal('a', 0, 'sub', true)];
    expect(accessOf(book, on(30) + renewalGrace - 1).has).toBe(true);
    expect(accessOf(book, on(30) + renewalGrace).has).toBe(false);
    expect(left([...book, renewal('b', 31)], 32)).toBe(29);
  });
  test('an operator gives, takes, shuts the door and counts a payment too many', () => {
    expect(left([act('grant', 0, { days: 10 })], 4)).toBe(6);
    expect(left([paid('a', 0, month), act('grant', 2, { days: -7 })], 4)).toBe(19);
    expect(left([paid('a', 0, month), act('grant', 2, { days: -60 })], 4)).toBeNull();
    const given = [paid('a', 0, month), act('grant', 1, { days: 7 }), act('grant', 2, { days: -7, id: 'b' })];
    expect(left([...given, refunded('a', 3)], 3)).toBeNull();
    expect(left([act('grant', 0)], 400)).toBe(Number.POSITIVE_INFINITY);
    expect(left([act('grant', 0, { until: on(9) })], 4)).toBe(5);
    expect(left([paid('a', 0, month), act('revoke', 3)], 3)).toBeNull();
    expect(left([paid('a', 0, month), act('revoke', 3), paid('b', 4, month)], 4)).toBe(30);
    expect(left([paid('a', 0, month), act('block', 3)], 4)).toBeNull();
    expect(left([paid('a', 0, month), act('block', 3), act('unblock', 5)], 5)).toBe(25);
    const twice = [paid('a', 0, month), paid('b', 1, month, { payload: paid('a', 0, month).payload })];
    expect(left([...twice, act('count', 2, { charge: 'b' })], 2)).toBe(58);
  });
  test('what is owed is owed until it went back, or an operator keeps it', () => {
    const twice = [
      paid('a', 0, forEver),
      paid('b', 1, forEver, { owed: true, payload: paid('a', 0, forEver).payload }),
    ];
    expect(accessOf(twice, on(1)).owed).toEqual(['b']);
    expect(accessOf([...twice, act('revoke', 2)], on(2)).owed).toEqual(['b']);
    for (const end of [
      refunded('b', 3),
      act('keep', 3, { charge: 'b' }),
      act('returned', 3, { charge: 'b' }),
    ])
      expect(accessOf([...twice, end], on(3)).owed).toEqual([]);
  });
  test('what another program sold gives nothing', () => {
    expect(left([paid('a', 0, forEver, { foreign: true })], 1)).toBeNull();
  });
});

/** A history that Telegram and an operator may have made: dates in days, each thing once. */
const histories = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 200 }),
      what: fc.constantFrom(
        'days',
        'ever',
        'subscription',
        'renewal',
        'double',
        'refund',
        'grant',
        'less',
        'cancel',
      ),
      which: fc.nat(9),
    }),
    { maxLength: 9 },
  )
  .map((steps) => {
    const book: Entry[] = [];
    const payments = () =>
      book.filter((entry): entry is Payment => !('kind' in entry) && entry.direction === 'in');
    for (const [index, { at, what, which }] of [...steps].sort((a, b) => a.at - b.at).entries()) {
      const charge = `c${index}`;
      const known = payments();
      const one = known[which % Math.max(1, known.length)];
      if (what === 'days') book.push(paid(charge, at, { days: 10 + which }));
      else if (what === 'ever') book.push(paid(charge, at, forEver));
      else if (what === 'grant') book.push(act('grant', at, { id: charge, days: 1 + which }));
      else if (what === 'less') book.push(act('grant', at, { id: charge, days: -1 - which }));
      else if (what === 'subscription') book.push(renewal(charge, at, `sub${which % 2}`, true));
      else if (what === 'renewal') book.push(renewal(charge, at, `sub${which % 2}`));
      else if (what === 'cancel')
        book.push(act('subscription', at, { id: charge, payload: `sub${which % 2}`, state: 'canceled' }));
      else if (one === undefined) continue;
      else if (what === 'double' && one.bought !== undefined && !('until' in one.bought))
        book.push(paid(charge, at, one.bought, { payload: one.payload }));
      else if (what === 'refund') book.push(refunded(one.charge, at));
    }
    return [...new Map(book.map((entry) => [keyOf(entry), entry])).values()];
  });
const end = (book: readonly Entry[], at: number): number => {
  const { has, forEver: always, until = 0 } = accessOf(book, at);
  return !has ? 0 : always === true ? Number.POSITIVE_INFINITY : until;
};

describe('whatever happened', () => {
  const runs = { numRuns: 2_000 };
  test('the order of arrival changes nothing, nor does an entry twice', () => {
    fc.assert(
      fc.property(
        histories.chain((book) =>
          fc.tuple(fc.constant(book), fc.shuffledSubarray(book, { minLength: book.length })),
        ),
        fc.integer({ min: 0, max: 300 }),
        ([book, shuffled], at) => {
          expect(accessOf([...shuffled, ...shuffled.slice(0, 2)], on(at))).toEqual(accessOf(book, on(at)));
        },
      ),
      runs,
    );
  });
  test('one more payment never means less access', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 200 }), fc.boolean(), (book, at, isDays) => {
        const more = paid('more', at, isDays ? { days: 5 } : forEver);
        expect(end([...book, more], on(201))).toBeGreaterThanOrEqual(end(book, on(201)));
      }),
      runs,
    );
  });
  test('a refund never means more access, and the refund of a time that is over changes nothing', () => {
    fc.assert(
      fc.property(histories, fc.nat(9), (book, which) => {
        const payments = book.filter(
          (entry): entry is Payment => !('kind' in entry) && entry.direction === 'in',
        );
        const one = payments[which % Math.max(1, payments.length)];
        if (one === undefined || book.some((entry) => keyOf(entry) === `${one.charge}:out`)) return;
        const before = end(book, on(400));
        const after = end([...book, refunded(one.charge, 400)], on(400));
        if (before !== Number.POSITIVE_INFINITY) expect(after).toBe(before);
        expect(after === 0 || accessOf(book, on(400)).has).toBe(true);
      }),
      runs,
    );
  });
  test('who has paid and got nothing back has access at that moment, or is paying too much', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 200 }), (book, at) => {
        // What an operator takes in the same moment counts as taken from it.
        const others = book.filter(
          (entry) => entry.at !== on(at) || !('days' in entry && (entry.days ?? 0) < 0),
        );
        const access = accessOf([...others, paid('last', at, { days: 5 })], on(at));
        expect(access.has || access.extras.includes('last')).toBe(true);
      }),
      runs,
    );
  });
});
