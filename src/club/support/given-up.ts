import type { Logger } from 'pino';
import type { Clock, Notes, StoredLetter } from '#runtime';
import { type ToOperators, tellOperators } from './tell.ts';

export interface GivenUpOptions extends ToOperators {
  /** How many dead letters there have ever been, and how many of them the operators were told of. */
  readonly added: () => Promise<number>;
  readonly told: { get(): Promise<number>; set(count: number): Promise<void> };
  /** The newest of them. */
  readonly newest: () => Promise<StoredLetter | undefined>;
  /** One copy tells. */
  readonly mayTell: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How many of all that was ever given up the operators were told of. */
export const toldNote = (notes: Notes): GivenUpOptions['told'] => ({
  get: async () => Number((await notes.get('told')) ?? 0),
  set: (count) => notes.set('told', `${count}`),
});

/** What is given up within this time makes one message, ms. */
const burst = 5_000;
/** After a message the next one comes no sooner, ms. */
const silence = 10 * 60_000;
/** How often it is looked at without a nudge: another copy may have given something up, ms. */
const interval = 60_000;

/** Tells the operators that something was given up: one message for a burst, with a count. What is told is kept in the store. */
export class GivenUp {
  readonly #options: GivenUpOptions;
  #lastTold = Number.NEGATIVE_INFINITY;
  #next = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #active = true;

  constructor(options: GivenUpOptions) {
    this.#options = options;
    this.#schedule(options.clock.now() + burst);
  }

  /** Something was given up just now. */
  nudge(): void {
    const { clock } = this.#options;
    this.#schedule(Math.max(clock.now() + burst, this.#lastTold + silence));
  }

  /** Resolves when nothing is being told. */
  async stop(): Promise<void> {
    this.#active = false;
    this.#cancel();
    await this.#looking;
  }

  #schedule(time: number): void {
    if (!this.#active || time >= this.#next) return;
    this.#cancel();
    this.#next = time;
    this.#cancel = this.#options.clock.at(time, () => {
      const { clock, log } = this.#options;
      this.#next = Number.POSITIVE_INFINITY;
      this.#looking = this.#look()
        .catch((error: unknown) => log.warn({ err: error }, 'telling what was given up failed; trying again'))
        .finally(() => this.#schedule(Math.max(clock.now() + interval, this.#lastTold + silence)));
    });
  }

  async #look(): Promise<void> {
    const { operators, added, told, newest, mayTell, clock } = this.#options;
    if (!mayTell() || operators.length === 0) return;
    const [all, before] = await Promise.all([added(), told.get()]);
    if (all <= before) return;
    const letter = await newest();
    await tellOperators(this.#options, {
      id: `letters.${all}`,
      params: { message: 'operator_gave_up', count: all - before },
      event: { type: 'letters.kept', error: { message: letter?.letter.error ?? '' } },
    });
    this.#lastTold = clock.now();
    await told.set(all);
  }
}
