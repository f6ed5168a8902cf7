import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beginsSubscription, type Month } from '../../src/club/payments/months.ts';

const day = 86_400_000;
const paidOn = (days: number, payload = 'sub', first = false): Month => ({
  payload,
  at: days * day,
  until: (days + 30) * day,
  ...(first && { first: true }),
});

/** The days on which a subscription began. */
const beginnings = (days: readonly number[], payload = 'sub'): number[] =>
  days.filter((at) =>
    beginsSubscription(
      days.map((one) => paidOn(one, payload)),
      paidOn(at, payload),
    ),
  );

test('the first payment of an invoice begins a subscription, its renewals do not', () => {
  expect(beginnings([0, 30, 60, 90.2])).toEqual([0]);
  expect(beginsSubscription([paidOn(0, 'other')], paidOn(30))).toBe(true);
});

test('an invoice that was paid once more after its subscription had ended begins another', () => {
  expect(beginnings([0, 30, 75, 105])).toEqual([0, 75]);
});

test('two subscriptions of one invoice at the same time each have a first payment', () => {
  expect(beginnings([0, 5, 30, 35, 60, 65])).toEqual([0, 5]);
  // Telegram has said so of the second one, a day before the renewal of the other.
  const known = [paidOn(0), paidOn(29.5, 'sub', true)];
  expect(beginsSubscription(known, paidOn(30))).toBe(false);
  expect(beginsSubscription([...known, paidOn(30)], paidOn(59.5))).toBe(false);
});

test('it is the same in whatever order the payments were found', () => {
  const history = [0, 5, 30, 35, 60, 100].map((days) => paidOn(days));
  fc.assert(
    fc.property(fc.shuffledSubarray(history, { minLength: history.length }), (months) => {
      const firsts = months.filter((month) => beginsSubscription(months, month)).map(({ at }) => at / day);
      expect(firsts.sort((a, b) => a - b)).toEqual([0, 5, 100]);
    }),
  );
});
