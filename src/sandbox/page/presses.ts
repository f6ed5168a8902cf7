import type { WirePress } from './wire.ts';

/** A button waits this long for the bot, ms; so do Telegram's clients, more or less. */
const pressLimit = 30_000;

/** Buttons that were pressed and that the bot has not answered. */
export class Presses {
  readonly #waiting = new Map<string, { press: WirePress; late: NodeJS.Timeout }>();
  readonly #late: (press: WirePress) => void;

  /** @param late is told of a button for which the bot had time enough */
  constructor(late: (press: WirePress) => void) {
    this.#late = late;
  }

  get all(): WirePress[] {
    return [...this.#waiting.values()].map(({ press }) => press);
  }

  begin(press: WirePress): void {
    const giveUp = () => {
      if (this.end(press.query) !== undefined) this.#late(press);
    };
    this.#waiting.set(press.query, { press, late: setTimeout(giveUp, pressLimit).unref() });
  }

  /** The button that a query is of, which waits no longer; undefined for one that does not wait. */
  end(query: string): WirePress | undefined {
    const known = this.#waiting.get(query);
    if (known === undefined) return undefined;
    clearTimeout(known.late);
    this.#waiting.delete(query);
    return known.press;
  }

  close(): void {
    for (const { late } of this.#waiting.values()) clearTimeout(late);
  }
}
