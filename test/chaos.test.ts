import { expect, test } from 'vitest';
import { checkBuyer, checkChat, checkDeadLetters, type Evidence, messagesOf } from './chaos/check.ts';
import { runChaos } from './chaos/run.ts';

test.each([
  { seed: 5, copies: 1 as const },
  { seed: 6, copies: 2 as const },
])(
  'chaos with seed $seed and $copies copies breaks no guarantee',
  async (given) => {
    const report = await runChaos({ ...given, minutes: 0.3, chats: 120 });
    expect(report.violations, `logs and files: ${report.folder}`).toEqual([]);
    expect(report.losses).toBe(0);
    // It did happen.
    for (const kind of ['bot killed', 'Redis killed', 'send failed'])
      expect(Object.keys(report.faults).join(), kind).toContain(kind);
    expect(report.messages).toBeGreaterThan(300);
  },
  100_000,
);

const minute = 60_000;
const record = ['note 1', 'arm 2', 'ring 2', 'note 3', 'again 2', 'ask 4', 'answer 4'];
const at = {
  'note 1': 0,
  'arm 2': 1,
  'ring 2': 61,
  'note 3': 70,
  'again 2': 181,
  'ask 4': 190,
  'answer 4': 191,
};

/** A chat in which all went well; times in seconds. */
const good: Evidence = {
  chat: 1,
  said: Object.entries(at)
    .filter(([what]) => /note|arm|ask/.test(what))
    .map(([what, second]) => ({ what, real: second * 1_000, virtual: second * 1_000 })),
  shown: record.flatMap((what) =>
    messagesOf(what).map((text) => {
      const time = at[what as keyof typeof at] * 1_000 + 100;
      return { text, real: time, virtual: time };
    }),
  ),
  blocked: [],
  lostAnswers: [],
  record,
  state: 'resting',
};
const noEnds = { kills: [], redisKills: [], pauses: [] };
const without = <T>(list: readonly T[], index: number) => list.filter((_, position) => position !== index);
const again = <T>(list: readonly T[], index: number) => [
  ...list.slice(0, index + 1),
  ...list.slice(index, index + 1),
  ...list.slice(index + 1),
];
const swapped = <T>(list: readonly T[], index: number) => [
  ...list.slice(0, index),
  ...list.slice(index, index + 2).reverse(),
  ...list.slice(index + 2),
];

test('the checker has nothing to say of a chat in which all went well', () => {
  expect(checkChat(good, noEnds)).toMatchObject({ violations: [], losses: 0 });
});

test.each<[string, Partial<Evidence>, RegExp]>([
  ['an update that was applied twice', { record: again(record, 0) }, /was applied/],
  [
    'an update that was lost',
    { record: without(record, 3), shown: without(good.shown, 4) },
    /"nothing"|"ask 4"/,
  ],
  ['updates in another order', { record: swapped(record, 0) }, /was applied/],
  ['a timer that fired twice', { record: again(record, 2) }, /"ring 2" was applied after "ring 2"/],
  [
    'a timer that fired after its state was left',
    { record: [...record, 'again 2'] },
    /"again 2" was applied after/,
  ],
  ['a timer that never fired', { record: record.slice(0, 2), state: 'armed' }, /still "armed"/],
  [
    'an answer of an actor that never came',
    { record: record.slice(0, 6), state: 'asking' },
    /still "asking"/,
  ],
  [
    'a timer that fired early',
    { shown: good.shown.map((one) => (one.text === 'rang' ? { ...one, virtual: minute - 1_000 } : one)) },
    /"ring 2" came 2000 ms early/,
  ],
  ['a message that never came', { shown: without(good.shown, 0) }, /"noted 1" was due/],
  ['messages in another order', { shown: swapped(good.shown, 1) }, /"set 2" came where "armed 2" was due/],
  ['a message that came twice', { shown: again(good.shown, 0) }, /came twice, and nothing explains it/],
])('the checker sees %s', (_, change, violation) => {
  expect(checkChat({ ...good, ...change }, noEnds).violations.join('\n')).toMatch(violation);
});

test('a message that came twice is counted by its window', () => {
  const twice = { ...good, shown: again(good.shown, 0) };
  const crash = checkChat(twice, { ...noEnds, kills: [100] });
  expect(crash).toMatchObject({ violations: [], duplicates: { 'a crash': 1 } });
  const redis = checkChat(twice, { ...noEnds, redisKills: [100] });
  expect(redis).toMatchObject({ violations: [], duplicates: { 'a kill of Redis': 1 } });
  const pause = checkChat(twice, { ...noEnds, pauses: [{ from: 50, to: 3_000 }] });
  expect(pause).toMatchObject({ violations: [], duplicates: { 'a pause': 1 } });
  const lost = checkChat({ ...twice, lostAnswers: [50] }, noEnds);
  expect(lost).toMatchObject({ violations: [], duplicates: { 'a lost answer': 1 } });
});

test('a message that came again out of order is explained by a pause alone, whatever happened beside it', () => {
  const [first, ...rest] = good.shown as [Evidence['shown'][number], ...Evidence['shown']];
  const late = { ...good, shown: [first, ...rest.slice(0, 2), { ...first, real: 5_000 }, ...rest.slice(2)] };
  const kills = [100];
  const crash = checkChat(late, { ...noEnds, kills });
  expect(crash.violations.join('\n')).toMatch(/"noted 1" came again where/);
  const pause = checkChat(late, { ...noEnds, kills, pauses: [{ from: 50, to: 3_000 }] });
  expect(pause).toMatchObject({ violations: [], duplicates: { 'a pause': 1 } });
});

test('the checker of payments sees a lost one, one too many, and access without one', () => {
  const kept = (charge: string, direction: 'in' | 'out' = 'in') => ({ charge, direction });
  const session = (state: string, payments: number) => ({ machine: 'access', state, context: { payments } });
  const paid = { sessions: [session('paid', 1)], payments: [kept('a')] };
  expect(checkBuyer(paid, ['a'], [])).toEqual([]);
  expect(checkBuyer(paid, ['a', 'b'], [])).not.toEqual([]);
  expect(checkBuyer(paid, [], [])).not.toEqual([]);
  expect(checkBuyer({ ...paid, sessions: [session('idle', 1)] }, ['a'], [])).not.toEqual([]);
  expect(checkBuyer({ ...paid, payments: [kept('a'), kept('a', 'out')] }, ['a'], ['a'])).not.toEqual([]);
});

test('the checker of dead letters explains none', () => {
  expect(checkDeadLetters([])).toEqual([]);
  expect(checkDeadLetters([{ kind: 'effect', error: 'x' }])).toHaveLength(1);
});
