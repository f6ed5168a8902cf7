import type { Clock } from '../clock.ts';
import type { Store } from '../store.ts';
import type { Cause } from '../stored.ts';

/** More than a copy has in hand of one shard. */
const mostSuspects = 256;
/** A shard whose owner has lived this long is beyond suspicion, ms. */
const probation = 10_000;
/** A cause that was begun so often, and ended the process each time, is not begun again. */
const mostTries = 2;

/** How much of a shard is still handled one at a time, and until when, ms. */
interface Suspicion {
  left: number;
  readonly until: number;
  /** Causes that this process has begun. */
  readonly begun: Set<string>;
}

/** Handling it has ended the process before. */
export class Deadly extends Error {
  override name = 'Deadly';
}

/**
 * Something that a copy had in hand when it died may have killed it, and would kill this one as well. So what comes first
 * of a shard whose owner died is handled one at a time, each with a note that it is being tried. Elsewhere it costs nothing.
 */
export class Caution {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #suspects = new Map<number, Suspicion>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The last owner of this shard died. */
  suspect(shard: number): void {
    this.#suspects.set(shard, { left: mostSuspects, until: this.#clock.now() + probation, begun: new Set() });
  }

  /** The shard is another copy's. */
  dismiss(shard: number): void {
    this.#suspects.delete(shard);
  }

  /** Does the work, alone and with a note where the cause is under suspicion. @throws Deadly when it was tried too often */
  perform(cause: Cause, work: () => Promise<void>): Promise<void> {
    const suspicion = this.#suspects.get(cause.shard);
    return suspicion === undefined ? work() : this.#performAlone(cause, work, suspicion);
  }

  async #performAlone(cause: Cause, work: () => Promise<void>, suspicion: Suspicion): Promise<void> {
    const alone = this.#turn.then(async () => {
      // What Redis could not take is tried again by the same process, which it has not ended.
      if (!suspicion.begun.has(cause.id)) {
        suspicion.begun.add(cause.id);
        const tries = await this.#store.tryOnce(cause);
        if (tries > mostTries)
          throw new Deadly(`The process ended ${mostTries} times in a row while this was handled`);
      }
      await work().finally(() => this.#store.outlive(cause).catch(() => {}));
    });
    this.#turn = alone.catch(() => {});
    try {
      await alone;
    } finally {
      suspicion.left--;
      if (suspicion.left <= 0 || this.#clock.now() >= suspicion.until) await this.#trust(cause.shard);
    }
  }

  async #trust(shard: number): Promise<void> {
    if (this.#suspects.delete(shard)) await this.#store.trust(shard).catch(() => {});
  }
}
