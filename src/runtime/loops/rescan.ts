import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Store } from '../store.ts';
import type { Look } from '../stored.ts';

export interface RescanOptions {
  readonly store: Store;
  /** Hears what stands in a shard: a hint for each loop. */
  readonly found: (shard: number, look: Look) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** ms */
const interval = 1_000;
/** Shards looked at in each interval, at least. */
const least = 16;
/** All shards are looked at within so many intervals. */
const round = 5;

/**
 * Looks at each shard now and then, whether or not something was announced: a lost hint costs time and nothing else. The
 * loops need no reading of their own while nothing happens.
 */
export class Rescan {
  readonly #options: RescanOptions;
  readonly #shards = new Set<number>();
  /** Calls the next look off; null when there is to be none. */
  #cancel: (() => void) | null = null;

  constructor(options: RescanOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel = this.#options.clock.after(interval, () => {
      this.#lookAround()
        .catch((error: unknown) =>
          this.#options.log.warn({ err: error }, 'looking around failed; trying again'),
        )
        .finally(() => this.#cancel !== null && this.start());
    });
  }

  gain(shard: number): void {
    this.#shards.add(shard);
  }

  drain(shard: number): void {
    this.#shards.delete(shard);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  async #lookAround(): Promise<void> {
    const { store, found } = this.#options;
    const count = Math.max(least, Math.ceil(this.#shards.size / round));
    const next = [...this.#shards].slice(0, count);
    await Promise.all(
      next.map(async (shard) => {
        const look = await store.look(shard);
        // Those that were looked at come last.
        if (!this.#shards.delete(shard)) return;
        this.#shards.add(shard);
        found(shard, look);
      }),
    );
  }
}
