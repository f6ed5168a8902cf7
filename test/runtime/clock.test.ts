import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SystemClock } from '../../src/runtime/clock.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const hour = 3_600_000;

function wait(clock: SystemClock, ms: number): { fired: number } {
  const seen = { fired: 0 };
  clock.at(clock.now() + ms, () => seen.fired++);
  return seen;
}

test.each([hour, -hour])('a machine clock that is set by %i ms moves no timer of a running bot', (jump) => {
  const clock = new SystemClock();
  const seen = wait(clock, 10_000);
  const before = clock.now();
  vi.setSystemTime(Date.now() + jump);
  expect(clock.now()).toBe(before);
  vi.advanceTimersByTime(9_999);
  expect(seen.fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(seen.fired).toBe(1);
});

test('a wait longer than setTimeout can count is kept', () => {
  const days = 24 * hour;
  const seen = wait(new SystemClock(), 60 * days);
  vi.advanceTimersByTime(60 * days - 1);
  expect(seen.fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(seen.fired).toBe(1);
});

test('a shift forward fires what became due, once', () => {
  const clock = new SystemClock();
  const seen = wait(clock, 5 * hour);
  clock.shift(5 * hour);
  vi.advanceTimersByTime(0);
  expect(seen.fired).toBe(1);
  vi.advanceTimersByTime(10 * hour);
  expect(seen.fired).toBe(1);
});

test('what was called off never fires', () => {
  const clock = new SystemClock();
  const seen = { fired: 0 };
  clock.at(clock.now() + 1_000, () => seen.fired++)();
  clock.shift(hour);
  vi.advanceTimersByTime(hour);
  expect(seen.fired).toBe(0);
});

test('a correction moves the clock, but not one that somebody has moved on purpose', () => {
  const clock = new SystemClock();
  const seen = wait(clock, 5 * hour);
  expect(clock.correct(5 * hour)).toBe(true);
  vi.advanceTimersByTime(0);
  expect(seen.fired).toBe(1);
  const before = clock.now();
  clock.shift(hour);
  expect(clock.correct(-hour)).toBe(false);
  expect(clock.now()).toBe(before + hour);
});
