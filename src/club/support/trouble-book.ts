import type { Notes, Table } from '#runtime';

/** A trouble that is not over, as it is kept. */
export interface Trouble {
  /** What is wrong, and of which: `invoice`, `operator:900`. It has no space. */
  readonly kind: string;
  /** What was said when it began. */
  readonly reason: string;
  /** How often it has been met. */
  readonly count: number;
  /** When it was last told, ms, and of how many; 0 and 0: not yet. */
  readonly told: number;
  readonly toldCount: number;
}

type Noted = Pick<Trouble, 'reason' | 'told' | 'toldCount'>;

const countOf = (kind: string): string => `${kind} count`;

/** Keeps what goes wrong for everybody until it is over, for all copies. */
export class TroubleBook {
  /** What is not over: kind → what was said and told; `<kind> count` → how often. */
  readonly #table: Table;

  constructor(notes: Notes) {
    this.#table = notes.table('troubles');
  }

  /** Notes that a trouble was met. @returns whether it begins with this */
  async note(kind: string, reason: string): Promise<boolean> {
    const noted: Noted = { reason, told: 0, toldCount: 0 };
    await this.#table.raise(countOf(kind));
    return this.#table.add(kind, JSON.stringify(noted));
  }

  /** @returns the trouble that this call has ended; null: there was none any more */
  async end(kind: string): Promise<Trouble | null> {
    const trouble = (await this.list()).find((one) => one.kind === kind);
    if (trouble === undefined || (await this.#table.remove(kind)) === 0) return null;
    await this.#table.remove(countOf(kind));
    return trouble;
  }

  async list(): Promise<Trouble[]> {
    const fields = await this.#table.all();
    return Object.entries(fields)
      .filter(([field]) => !field.includes(' '))
      .map(([kind, text]) => ({
        kind,
        ...(JSON.parse(text) as Noted),
        count: Number(fields[countOf(kind)] ?? 1),
      }));
  }

  /** It was told, with this count. */
  async told({ kind, reason, count: toldCount }: Pick<Trouble, 'kind' | 'reason' | 'count'>, told: number) {
    const noted: Noted = { reason, told, toldCount };
    // One that is over by now stays over.
    if ((await this.#table.get(kind)) !== null) await this.#table.set(kind, JSON.stringify(noted));
  }
}
