/** Time as an argument: loops take a clock, tests and the sandbox move it. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Calls back once at a time (ms since 1970), never earlier by this clock. Returns a function that calls it off. */
  at(time: number, callback: () => void): () => void;
}

/** setTimeout counts in 32 bits. */
const longest = 2 ** 31 - 1;

/** The machine's clock, which may be shifted forward or back while loops wait on it. */
export class SystemClock implements Clock {
  #offset: number;
  readonly #waiting = new Set<() => void>();

  /** @param offset ms that it is ahead of the machine's clock */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  now(): number {
    return Date.now() + this.#offset;
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

  /** Moves the clock by ms; whatever became due fires. */
  shift(ms: number): void {
    this.#offset += ms;
    for (const arm of [...this.#waiting]) arm();
  }
}
