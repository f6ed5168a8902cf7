import { type Clock, SystemClock } from '../engine/clock.ts';

/** The time of the sandbox: dates, lifetimes, limits and renewals go by it. */
export interface SandboxClock extends Clock {
  /** Moves the time forward by ms, or by a duration such as `30s`, `5m`, `2h`, `1d`; what became due happens. */
  advance(by: number | string): void;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Follows a time that somebody else moves; what waits is looked at when the machine's timers fire. */
class FollowingClock extends SystemClock {
  readonly #read: () => number;
  #ahead = 0;

  constructor(read: () => number) {
    super();
    this.#read = read;
  }

  override now(): number {
    return this.#read() + this.#ahead;
  }

  /** Not `shift`, which also makes up for the machine's sleep: the time that is followed has that in it. */
  advance(ms: number): void {
    this.#ahead += ms;
    this.shift(0);
  }
}

/** @param source a clock shared with the bot, or a function that tells ms since 1970; else a clock of the sandbox's own */
export function sandboxClock(
  source: SystemClock | (() => number) = new SystemClock(),
): SandboxClock & { stop(): void } {
  const clock = typeof source === 'function' ? new FollowingClock(source) : source;
  const waiting = new Set<() => void>();
  return {
    now: () => clock.now(),
    at: (time, callback) => {
      const off = clock.at(time, () => {
        waiting.delete(off);
        callback();
      });
      waiting.add(off);
      return () => {
        waiting.delete(off);
        off();
      };
    },
    advance: (by) => {
      const ms = typeof by === 'number' ? by : milliseconds(by);
      if (clock instanceof FollowingClock) clock.advance(ms);
      else clock.shift(ms);
    },
    // A renewal that is due in a month must not keep the process alive.
    stop: () => {
      for (const off of waiting) off();
    },
  };
}

function milliseconds(duration: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(duration.trim()) ?? [];
  const factor = units[unit];
  if (count === undefined || factor === undefined)
    throw new Error(`Expected a duration such as 30s, 5m, 2h or 1d, found "${duration}".`);
  return Number(count) * factor;
}
