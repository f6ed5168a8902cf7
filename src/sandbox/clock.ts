/** A clock that the sandbox and a bot of the same process share. */
export interface SharedClock {
  /** ms since 1970. */
  now(): number;
  /** Calls back once at a time (ms since 1970), never earlier by this clock. Returns a function that calls it off. */
  at(time: number, callback: () => void): () => void;
  /** Moves it by ms; whatever became due fires. */
  shift(ms: number): void;
}

/** The time of the sandbox: dates, lifetimes, limits and renewals go by it. */
export interface SandboxClock extends Omit<SharedClock, 'shift'> {
  /** Moves the time forward by ms, or by a duration such as `30s`, `5m`, `2h`, `1d`; what became due happens. */
  advance(by: number | string): void;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** setTimeout counts in 32 bits. */
const longest = 2 ** 31 - 1;

/** Follows a time that may be moved by somebody else; what waits is looked at when the machine's timers fire. */
class FollowingClock implements SharedClock {
  readonly #read: () => number;
  readonly #waiting = new Set<() => void>();
  #ahead = 0;

  constructor(read: () => number) {
    this.#read = read;
  }

  now(): number {
    return this.#read() + this.#ahead;
  }

  at(time: number, callback: () => void): () => void {
    let timeout: NodeJS.Timeout;
    const arm = () => {
      clearTimeout(timeout);
      const wait = Math.max(0, Math.min(Math.ceil(time - this.now()), longest));
      timeout = setTimeout(() => (this.now() >= time ? fire() : arm()), wait);
    };
    const fire = () => {
      this.#waiting.delete(arm);
      callback();
    };
    this.#waiting.add(arm);
    arm();
    return () => {
      clearTimeout(timeout);
      this.#waiting.delete(arm);
    };
  }

  shift(ms: number): void {
    this.#ahead += ms;
    for (const arm of [...this.#waiting]) arm();
  }
}

/** @param source a clock shared with the bot, or a function that tells ms since 1970; else the machine's time of day */
export function sandboxClock(
  source: SharedClock | (() => number) = Date.now,
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
    advance: (by) => clock.shift(typeof by === 'number' ? by : milliseconds(by)),
    // A renewal that is due in a month must not keep the process alive.
    stop: () => {
      for (const off of waiting) off();
    },
  };
}

function milliseconds(duration: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(duration.trim()) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (count === undefined || factor === undefined)
    throw new Error(`Expected a duration such as 30s, 5m, 2h or 1d, found "${duration}".`);
  return Number(count) * factor;
}
