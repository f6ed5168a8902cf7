import { uptime } from 'node:os';

/** All the time there is: loops take a clock, tests and the sandbox move it. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Calls back once at a time (ms since 1970), never earlier by this clock. Returns a function that calls it off. */
  at(time: number, callback: () => void): () => void;
  /** ms by a clock that nobody sets: how long something took, or may take. */
  elapsed(): number;
  /** Calls back once when so many ms have elapsed, whatever the time of day does. Returns a function that calls it off. */
  after(ms: number, callback: () => void): () => void;
  /** Resolves when so many ms have elapsed. */
  sleep(ms: number): Promise<void>;
}

/** setTimeout counts in 32 bits. */
const longest = 2 ** 31 - 1;
/** A start that is told to be ahead by up to this plays with time, ms; one that is further off has a wrong clock. */
const longestPlay = 86_400_000;
/** How often the clock looks whether the machine has slept, ms. */
const sleepCheck = 1_000;

/**
 * The time of day as it was at the start, counted on by the monotonic clock: setting the machine's clock forward or back
 * moves no timer of a running bot. Time that the machine slept counts. It may be moved while loops wait on it.
 */
export class SystemClock implements Clock {
  #offset: number;
  #isMoved: boolean;
  readonly #waiting = new Set<() => void>();
  /** What the machine's uptime, which goes on in sleep, is ahead of the monotonic clock, ms. */
  #slept = uptime() * 1_000 - performance.now();

  /** @param offset ms that it is ahead of the machine's clock at the start */
  constructor(offset = 0) {
    this.#offset = Date.now() - performance.now() + offset;
    this.#isMoved = offset !== 0 && Math.abs(offset) <= longestPlay;
    setInterval(() => this.#countSleep(), sleepCheck).unref();
  }

  now(): number {
    return Math.floor(performance.now() + this.#offset);
  }

  at(time: number, callback: () => void): () => void {
    let timeout: NodeJS.Timeout;
    const arm = () => {
      clearTimeout(timeout);
      const wait = Math.ceil(time - this.now());
      timeout = setTimeout(() => (this.now() >= time ? fire() : arm()), Math.max(0, Math.min(wait, longest)));
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

  elapsed(): number {
    return performance.now();
  }

  after(ms: number, callback: () => void): () => void {
    const timeout = setTimeout(callback, ms);
    return () => clearTimeout(timeout);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Moves the clock by ms, on purpose: nothing corrects it any more. Whatever became due fires. */
  shift(ms: number): void {
    this.#isMoved = true;
    this.#move(ms);
  }

  /** Moves the clock by ms, unless it stands where somebody has moved it. Returns whether it was moved. */
  correct(ms: number): boolean {
    if (!this.#isMoved) this.#move(ms);
    return !this.#isMoved;
  }

  #move(ms: number): void {
    this.#offset += ms;
    for (const arm of [...this.#waiting]) arm();
  }

  #countSleep(): void {
    const slept = uptime() * 1_000 - performance.now();
    const gained = slept - this.#slept;
    if (gained < sleepCheck) return;
    this.#slept = slept;
    this.#move(gained);
  }
}
