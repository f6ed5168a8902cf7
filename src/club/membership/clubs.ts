import type { Notes, Table } from '#runtime';

/** The club that the operators were told of last. */
const keptField = 'club';

/**
 * What is known of the club itself. A group that has become a supergroup has another id at Telegram, and bot.yaml may name
 * the former one.
 */
export class Clubs {
  readonly #table: Table;

  constructor(notes: Notes) {
    this.#table = notes.table('settings');
  }

  /** The id that a club has today. */
  async today(club: number | null): Promise<number | null> {
    if (club === null) return null;
    const moved = await this.#table.get(`club:${club}`);
    return moved === null ? club : Number(moved);
  }

  /** A club has moved. @returns whether that is news */
  async follow(from: number, to: number): Promise<boolean> {
    const isNews = await this.#table.set(`club:${from}`, `${to}`);
    if ((await this.#table.get(keptField)) === `${from}`) await this.keep(to);
    return isNews;
  }

  /** The club that the bot has kept so far; null: none. */
  async kept(): Promise<number | null> {
    const club = await this.#table.get(keptField);
    return club === null ? null : Number(club);
  }

  /** The bot keeps this club from now on; null: none. */
  async keep(club: number | null): Promise<void> {
    if (club === null) await this.#table.remove(keptField);
    else await this.#table.set(keptField, `${club}`);
  }
}
