import { expect, test } from 'vitest';
import { SystemClock } from '../../src/runtime/clock.ts';
import { Pace } from '../../src/runtime/loops/pace.ts';

function paceOf() {
  const clock = new SystemClock();
  const pace = new Pace(clock, { total: 1_000, bulk: 1_000 });
  const enter = () => pace.enter('reply') as number;
  /** Three chats in a row are told to wait for so long, ms. */
  const flood = (wait: number) => [1, 2, 3].map((chat) => pace.flooded(enter(), chat, wait)).at(-1);
  return { clock, pace, enter, flood };
}

test('whatever goes to a chat that was told to wait waits as long, and no other chat does', () => {
  const { clock, pace, enter } = paceOf();
  expect(pace.flooded(enter(), 7, 100_000).freed).toBeNull();
  expect(pace.chatWait(7)).toBeGreaterThan(99_000);
  expect(pace.chatWait(8)).toBe(0);
  clock.shift(100_000);
  expect(pace.chatWait(7)).toBe(0);
});

test('in a pause of the bot one message at a time may try; a checkout always may', () => {
  const { clock, pace, flood } = paceOf();
  expect(flood(10_000_000)?.freed).toEqual([1, 2, 3]);
  expect([1, 2, 3].map((chat) => pace.chatWait(chat))).toEqual([0, 0, 0]);
  expect(pace.room().room).toBe(0);
  expect(pace.enter('reply')).toBeNull();
  expect(pace.enter('checkout')).not.toBeNull();
  clock.shift(15_000);
  expect(pace.room().room).toBe(1);
  expect(pace.enter('reply')).not.toBeNull();
  // Nobody looks again before that one has come to an end.
  expect(pace.room()).toEqual({ room: 0, until: Number.POSITIVE_INFINITY });
  expect(pace.enter('reminder')).toBeNull();
});

test('a pause ends with a message that went out after it began, not with one from before, nor with a checkout', () => {
  const { clock, pace, enter, flood } = paceOf();
  const before = enter();
  flood(60_000);
  expect(pace.passed(before, true)).toBeNull();
  expect(pace.passed(pace.enter('checkout') as number, false)).toBeNull();
  expect(pace.room().room).toBe(0);
  clock.shift(15_000);
  expect(pace.passed(enter(), true)).toBe('flood');
  expect(pace.room().room).toBe(Number.POSITIVE_INFINITY);
});

test('a shorter pause is kept as it is asked; what tried in vain stands back behind the others', () => {
  const { clock, pace, enter, flood } = paceOf();
  flood(4_000);
  clock.shift(4_000);
  const again = pace.flooded(enter(), 1, 10_000_000);
  expect(again.due).toBeGreaterThan(clock.now() + 15_000);
  clock.shift(15_000);
  expect(pace.room().room).toBe(1);
});

test('a message that fails before Telegram could judge it leaves its place to the next; one that is lost on the way does not', () => {
  const { clock, pace, enter, flood } = paceOf();
  flood(60_000);
  clock.shift(15_000);
  pace.withdrawn(enter());
  expect(pace.room().room).toBe(1);
  pace.failed(enter());
  expect(pace.room().room).toBe(0);
  clock.shift(15_000);
  expect(pace.room().room).toBe(1);
});

test('waits of several chats that are over by now are no sign of a pause of the bot', () => {
  const { clock, pace, enter } = paceOf();
  for (const chat of [1, 2, 3, 4]) {
    expect(pace.flooded(enter(), chat, 1_000).freed).toBeNull();
    clock.shift(1_000);
  }
});

test('a refused token is tried after 1, 5 and 15 s, and every 15 s from then on; a checkout that is taken ends it', () => {
  const { clock, pace, enter } = paceOf();
  expect(pace.locked(enter()).began).toBe(true);
  for (const wait of [1_000, 5_000, 15_000, 15_000]) {
    clock.shift(wait - 500);
    expect(pace.room().room).toBe(0);
    clock.shift(500);
    expect(pace.locked(enter()).began).toBe(false);
  }
  expect(pace.passed(pace.enter('checkout') as number, false)).toBe('token');
});
