/** A bucket that holds `size` and gains `perSecond`. */
export class TokenBucket {
  #size: number;
  #perSecond: number;
  #tokens: number;
  #at: number;
  constructor(size: number, perSecond: number, now: number) {
    this.#size = size;
    this.#perSecond = perSecond;
    this.#tokens = size;
    this.#at = now;
  }
  /** Takes one; returns the ms to wait when it is empty, else 0. */
  take(now: number): number {
    this.#tokens = Math.min(
      this.#size,
      this.#tokens + (Math.max(0, now - this.#at) * this.#perSecond) / 1_000,
    );
    this.#at = now;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * 1_000) / this.#perSecond);
    this.#tokens -= 1;
    return 0;
  }
  /** Changes size and gain; what it holds stays, as far as it fits. */
  resize(size: number, perSecond: number): void {
    this.#size = size;
    this.#perSecond = perSecond;
    this.#tokens = Math.min(this.#tokens, size);
  }
  isFull(now: number): boolean {
    return this.#tokens + ((now - this.#at) * this.#perSecond) / 1_000 >= this.#size;
  }
}
