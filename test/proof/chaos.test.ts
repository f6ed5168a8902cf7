import { expect, test } from 'vitest';
import {
  apology,
  checkBuyer,
  checkChat,
  checkDeadLetters,
  type Ends,
  type Evidence,
  isSuspected,
  messagesOf,
} from './chaos/check.ts';
import { waningTime } from './chaos/recorder.machine.ts';
import { runChaos } from './chaos/run.ts';

test('chaos breaks no guarantee', async () => {
  const report = await runChaos({ seed: 6, copies: 2, minutes: 0.12, chats: 100 });
  expect(report.violations, `logs and files: ${report.folder}`).toEqual([]);
  expect(report.losses).toBe(0);
  // It did happen.
  for (const kind of ['bot killed', 'Redis', 'send failed', 'no machine can take', 'clock moved by 91 days'])
    expect(Object.keys(report.faults).join(), kind).toContain(kind);
  expect(report.messages).toBeGreaterThan(300);
  expect(report.deadLetters).toBeGreaterThan(0);
}, 100_000);

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
  hungSends: [],
  past: [],
  revived: 0,
  suspected: [],
  record,
  times: record.map((what) => at[what as keyof typeof at] * 1_000 + 50),
  state: 'resting',
};
const noEnds: Ends = { kills: [], stops: [], redisKills: [], pauses: [], outages: [] };
type Shown = Evidence['shown'][number];
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
  ['a session that did not end in time', { state: 'waning' }, /still "waning"/],
  [
    'an answer of an actor that never came',
    { record: record.slice(0, 6), state: 'asking' },
    /still "asking"/,
  ],
  [
    'a timer that fired early',
    { times: good.times.with(2, (good.times[1] as number) + minute - 2_000) },
    /"ring 2" fired 2000 ms early/,
  ],
  [
    'a step by a clock that no copy has: behind',
    { times: good.times.with(3, 60_000) },
    /"note 3" was applied 10000 ms before it was said/,
  ],
  [
    'a step by a clock that no copy has: ahead',
    { times: good.times.with(3, 80_000) },
    /"note 3" was applied 9900 ms after it was answered/,
  ],
  [
    'what can only be given up, and was applied',
    {
      said: [...good.said, { what: 'bigint 5', real: 200_000, virtual: 200_000 }],
      record: [...record, 'bigint 5'],
    },
    /"nothing" was said, "bigint 5" was applied/,
  ],
  ['a message that never came', { shown: without(good.shown, 0) }, /"noted 1" was due/],
  ['messages in another order', { shown: swapped(good.shown, 1) }, /"set 2" came where "armed 2" was due/],
  ['a message that came twice', { shown: again(good.shown, 0) }, /came twice, and nothing explains it/],
])('the checker sees %s', (_, change, violation) => {
  expect(checkChat({ ...good, ...change }, noEnds).violations.join('\n')).toMatch(violation);
});

test.each<[string, Partial<Ends>, Partial<Evidence>]>([
  ['a crash', { kills: [100] }, {}],
  ['a kill of Redis', { redisKills: [100] }, {}],
  ['a pause', { pauses: [{ from: 50, to: 3_000 }] }, {}],
  ['a lost answer', {}, { lostAnswers: [50] }],
  ['Redis was out of reach', { outages: [{ from: 50, to: 5_000 }] }, {}],
  ['a send that hung', { stops: [50] }, { hungSends: [20] }],
])('a message that came twice is counted by its window: %s', (window, ends, seen) => {
  const [first, ...rest] = good.shown as [Shown, ...Shown[]];
  const twice = { ...good, shown: [first, { ...first, real: 4_000 }, ...rest], ...seen };
  const found = checkChat(twice, { ...noEnds, ...ends });
  expect(found).toMatchObject({ violations: [], duplicates: { [window]: 1 } });
});

test.each<[string, Partial<Ends>, Partial<Evidence>]>([
  ['an outage that is shorter than a lease', { outages: [{ from: 50, to: 1_000 }] }, {}],
  ['an outage that began long before the first', { outages: [{ from: -20_000, to: 8_000 }] }, {}],
  ['an outage that began long after the first', { outages: [{ from: 2_000, to: 8_000 }] }, {}],
  ['a hang whose maker lived on', { stops: [10] }, { hungSends: [20] }],
  ['a hang of another time', { stops: [50] }, { hungSends: [-100_000] }],
])('a message that came twice is not explained by %s', (_, ends, seen) => {
  const [first, ...rest] = good.shown as [Shown, ...Shown[]];
  const twice = { ...good, shown: [first, { ...first, real: 4_000 }, ...rest], ...seen };
  const found = checkChat(twice, { ...noEnds, ...ends });
  expect(found.violations.join('\n')).toMatch(/came twice, and nothing explains it/);
});

test('a message that Redis out of reach repeats at once is not explained by it: no lease has ended', () => {
  const found = checkChat(
    { ...good, shown: again(good.shown, 0) },
    { ...noEnds, outages: [{ from: 50, to: 5_000 }] },
  );
  expect(found.violations).toHaveLength(1);
});

test('a message that came again out of order is explained by a pause or a hang alone, whatever happened beside it', () => {
  const [first, ...rest] = good.shown as [Shown, ...Shown[]];
  const late = { ...good, shown: [first, ...rest.slice(0, 2), { ...first, real: 5_000 }, ...rest.slice(2)] };
  const kills = [100];
  const crash = checkChat(late, { ...noEnds, kills });
  expect(crash.violations.join('\n')).toMatch(/"noted 1" came again where/);
  const pause = checkChat(late, { ...noEnds, kills, pauses: [{ from: 50, to: 3_000 }] });
  expect(pause).toMatchObject({ violations: [], duplicates: { 'a pause': 1 } });
  const hang = checkChat({ ...late, hungSends: [50] }, { ...noEnds, kills });
  expect(hang).toMatchObject({ violations: [], duplicates: { 'a send that hung': 1 } });
  // One call is taken once.
  const more = { ...late, shown: [...late.shown, { ...first, real: 6_000 }], hungSends: [50] };
  expect(checkChat(more, { ...noEnds, kills }).violations).toHaveLength(1);
});

test('one more of the same text is a repetition where a window explains it, also when a block may have dropped what lies between', () => {
  const said = ['arm 1', 'arm 2'].map((what, index) => ({ what, real: index * 100_000, virtual: 0 }));
  const history = ['arm 1', 'ring 1', 'arm 2', 'ring 2'];
  const seen = (...texts: string[]): Evidence => ({
    ...good,
    said,
    record: history,
    times: [1, 70_000, 100_001, 170_000],
    shown: texts.map((text, index) => ({ text, real: index * 10_000, virtual: 200_000 })),
    blocked: [{ from: 25_000, to: 26_000, said: 2 }],
  });
  const all = seen('armed 1', 'set 1', 'rang', 'rang', 'armed 2', 'set 2', 'rang');
  const dropped = seen('armed 1', 'set 1', 'rang', 'rang');
  const kills = [29_000];
  expect(checkChat(all, { ...noEnds, kills })).toMatchObject({
    violations: [],
    duplicates: { 'a crash': 1 },
  });
  expect(checkChat(dropped, { ...noEnds, kills })).toMatchObject({ violations: [], losses: 0 });
  expect(checkChat(dropped, noEnds)).toMatchObject({
    violations: [],
    losses: 0,
    duplicates: { 'a crash': 0 },
  });
  expect(checkChat(all, noEnds).violations).not.toEqual([]);
});

/** Silent after a first session of two notes, and back after its end with a third. */
const returned = (pauseMs: number): Evidence => {
  const said = ['note 1', 'wane 2', 'note 3'];
  const moments = [0, 1_000, 1_000 + pauseMs];
  const shown = said.flatMap((what, index) =>
    messagesOf(what).map((text) => ({
      text,
      real: moments[index] as number,
      virtual: moments[index] as number,
    })),
  );
  return {
    ...good,
    said: said.map((what, index) => ({
      what,
      real: moments[index] as number,
      virtual: moments[index] as number,
    })),
    shown,
    past: [{ record: said.slice(0, 2), times: moments.slice(0, 2), until: 1_000 + waningTime }],
    record: said.slice(2),
    times: moments.slice(2),
  };
};

test('a session that ended by silence is followed into the next; one that went on counts once', () => {
  const ended = returned(waningTime);
  expect(checkChat(ended, noEnds)).toMatchObject({ violations: [], losses: 0 });
  const [life] = ended.past as [Evidence['past'][number]];
  const wentOn = {
    ...ended,
    record: [...life.record, ...ended.record],
    times: [...life.times, ...ended.times],
  };
  expect(checkChat(wentOn, noEnds)).toMatchObject({ violations: [], losses: 0 });
});

test('a session that ended early is seen, but for what the clocks of two copies differ', () => {
  expect(checkChat(returned(waningTime - minute), noEnds).violations).toEqual([]);
  expect(checkChat(returned(waningTime - minute - 1_000), noEnds).violations.join()).toMatch(/1000 ms early/);
});

test('a session that is gone though nothing ended it is a loss', () => {
  const { past: _, ...gone } = returned(waningTime);
  expect(checkChat({ ...gone, past: [] }, noEnds)).toMatchObject({ losses: 2 });
});

test('what was given up since copies died in a row is put back, and applied once, out of order', () => {
  const late = [...record.filter((what) => what !== 'note 3' && what !== 'ring 2'), 'note 3'];
  const moved: Evidence = {
    ...good,
    record: late,
    times: late.map((what) => (what === 'note 3' ? 192_000 : at[what as keyof typeof at] * 1_000 + 50)),
    shown: late.flatMap((what, index) =>
      messagesOf(what).map((text) => ({ text, real: index * 10_000, virtual: 200_000 })),
    ),
  };
  expect(checkChat(moved, noEnds).violations).not.toEqual([]);
  const suspected = ['note 3', 'ring'];
  expect(checkChat({ ...moved, suspected }, noEnds)).toMatchObject({ violations: [], losses: 0 });
  const twice = { ...moved, suspected, record: [...late, 'note 3'], times: [...moved.times, 193_000] };
  expect(checkChat(twice, noEnds).violations.join()).toMatch(/"note 3" was put back, and applied 2 times/);
});

test('nothing is suspected while fewer than three copies have died', () => {
  const letter = { error: 'The process ended 2 times in a row while this was handled' };
  expect(isSuspected(letter, 90_000, [50_000, 60_000, 70_000])).toBe(true);
  expect(isSuspected(letter, 90_000, [50_000, 60_000])).toBe(false);
  expect(isSuspected(letter, 90_000, [10_000, 60_000, 70_000])).toBe(false);
  expect(isSuspected({ error: 'another' }, 90_000, [50_000, 60_000, 70_000])).toBe(false);
});

const doomed = { what: 'guard 5', real: 200_000, virtual: 200_000 };
const sorry = (virtual: number): Shown => ({ text: `${apology} on our side.`, real: virtual, virtual });

test('whose update was given up hears so once an hour', () => {
  const heard = (...times: number[]) =>
    checkChat(
      { ...good, said: [...good.said, doomed], shown: [...good.shown, ...times.map(sorry)] },
      noEnds,
    ).violations.join('\n');
  expect(heard(200_100)).toBe('');
  expect(heard(200_100, 200_100 + 60 * minute)).toBe('');
  expect(heard()).toMatch(/"guard 5" was given up, and the person did not hear of it/);
  expect(heard(200_100, 300_000)).toMatch(/2 apologies in 300000 ms/);
  expect(checkChat({ ...good, shown: [...good.shown, sorry(1_000)] }, noEnds).violations).toEqual([
    'an apology for nothing',
  ]);
});

test('a crash may take the apology along, or repeat it', () => {
  const kills = [200_050];
  const said = [...good.said, doomed];
  expect(checkChat({ ...good, said }, { ...noEnds, kills }).violations).toEqual([]);
  const shown = [...good.shown, sorry(200_040), sorry(200_100)];
  expect(checkChat({ ...good, said, shown }, { ...noEnds, kills }).violations).toEqual([]);
});

test('the checker of payments sees a lost one, one too many, and access without one', () => {
  const kept = (charge: string, direction: 'in' | 'out' = 'in') => ({ charge, direction });
  const session = (state: string) => ({ machine: 'access', state });
  const paid = { sessions: [session('paid')], payments: [kept('a')], access: { has: true } };
  expect(checkBuyer(paid, ['a'], [])).toEqual([]);
  expect(checkBuyer(paid, ['a', 'b'], [])).not.toEqual([]);
  expect(checkBuyer(paid, [], [])).not.toEqual([]);
  expect(checkBuyer({ ...paid, sessions: [session('idle')] }, ['a'], [])).not.toEqual([]);
  expect(checkBuyer({ ...paid, access: { has: false } }, ['a'], [])).not.toEqual([]);
  expect(checkBuyer({ ...paid, payments: [kept('a'), kept('a', 'out')] }, ['a'], ['a'])).not.toEqual([]);
});

test('the checker of dead letters wants one for each that was ordered, and no other', () => {
  const letter = (chat: number, payload: string) => ({
    chat,
    body: { event: { type: 'guard.requested', payload } },
  });
  const ordered = [{ chat: 1, what: 'guard 5' }];
  expect(checkDeadLetters([letter(1, '5')], ordered)).toEqual([]);
  expect(checkDeadLetters([], [])).toEqual([]);
  expect(checkDeadLetters([], ordered)).toHaveLength(1);
  expect(checkDeadLetters([letter(1, '5'), letter(1, '5')], ordered)).toHaveLength(1);
  expect(checkDeadLetters([letter(2, '5')], ordered)).toHaveLength(2);
  expect(checkDeadLetters([{ body: 'recorder:1|ring' }], [])).toHaveLength(1);
});
