import type { Clock } from '../clock.ts';
import type { Store } from '../store.ts';

export interface NewsOptions {
  readonly store: Pick<Store, 'news'>;
  /** What comes is kept for us for longer than this, ms; a longer silence of ours is made up for by a comparison. */
  readonly longestGap: number;
  readonly clock: Clock;
}

/** It is written, and asked for, at most once in so long, ms. */
const interval = 1_000;

/**
 * The news: everything from outside that could make a deadline void. Until they have come, a deadline is left alone. What is
 * known of them is kept in the store, since one copy asks and the timers of all copies wait.
 */
export class News {
  readonly #options: NewsOptions;
  #notedAt = Number.NEGATIVE_INFINITY;
  #wantedAt = Number.NEGATIVE_INFINITY;
  #isWanted = false;

  constructor(options: NewsOptions) {
    this.#options = options;
  }

  /** A deadline of some copy waits: the next news are written at once. */
  wanted(): void {
    this.#isWanted = true;
  }

  /**
   * An asking that began at `asked` (ms) has left nothing waiting, and what it brought is stored.
   * @returns `gap`: a comparison must begin now; `known`: it need not be written, since it was a moment ago
   */
  async came(asked: number): Promise<'known' | 'noted' | 'gap'> {
    const { store, longestGap, clock } = this.#options;
    if (!this.#isWanted && this.#isSoon(this.#notedAt)) return 'known';
    this.#isWanted = false;
    this.#notedAt = clock.now();
    return (await store.news.note(asked, longestGap)) ? 'gap' : 'noted';
  }

  /**
   * Deadlines up to this time (ms) are void, or may be acted on, by what is stored. Where it is earlier than `due`, the
   * copy that asks is told that somebody waits.
   */
  async until(due: number): Promise<number> {
    const { store, clock } = this.#options;
    const { asked, gap, compared } = await store.news.read();
    if (asked < due && !this.#isSoon(this.#wantedAt)) {
      this.#wantedAt = clock.now();
      await store.news.want();
    }
    return gap === compared ? asked : Number.NEGATIVE_INFINITY;
  }

  /** The clock may be moved, back as well. */
  #isSoon(last: number): boolean {
    return Math.abs(this.#options.clock.now() - last) < interval;
  }
}
