import type { Logger } from 'pino';
import type { Store, Table } from '#runtime';
import { type ToOperators, tellOperators } from '../support/tell.ts';

/** The name under which it is noted how far the list was compared. */
const comparedNote = 'reconciled';

/** What an installation knows of the time before it, and how far it has compared its books with Telegram's list. */
export class History {
  readonly #store: Pick<Store, 'countLines' | 'notes'>;
  readonly #settings: Table;

  constructor(store: Pick<Store, 'countLines' | 'notes'>) {
    this.#store = store;
    this.#settings = store.notes.table('settings');
  }

  /** How many of Telegram's transactions were compared with the ledger; null: there was no comparison yet. */
  readonly compared = {
    get: async (): Promise<number | null> => {
      const position = await this.#store.notes.get(comparedNote);
      return position === null ? null : Number(position);
    },
    set: (position: number): Promise<void> => this.#store.notes.set(comparedNote, `${position}`),
  };

  /** Notes when the books begin: once, and only while there is no payment in them and nothing was compared. */
  async begin(now: number): Promise<void> {
    if ((await this.compared.get()) !== null) return;
    const { lines, asides } = await this.#store.countLines();
    if (lines === asides) await this.#settings.add('began', `${now}`);
  }

  /** When the books began, ms; null: before that was noted. */
  async began(): Promise<number | null> {
    const began = await this.#settings.get('began');
    return began === null ? null : Number(began);
  }

  /** Telegram lists payments from before the books began, and nobody has taken them over. */
  async isUnadopted(): Promise<boolean> {
    return (await this.#settings.get('unadopted')) !== null;
  }

  async noteUnadopted(): Promise<void> {
    await this.#settings.set('unadopted', '1');
  }

  /** It was taken over, up to this position of the list: from there on it is compared. */
  async noteAdopted(position: number): Promise<void> {
    const known = await this.compared.get();
    if (known === null || known < position) await this.compared.set(position);
    await this.#settings.remove('unadopted');
  }
}

/**
 * Says that a bot which has sold before runs on books that know nothing of it: in the log, once a process, and to each
 * operator, once.
 */
export function createUnadopted(
  parts: ToOperators & {
    readonly history: Pick<History, 'isUnadopted' | 'noteUnadopted'>;
    readonly log: Logger;
  },
): () => Promise<void> {
  const { history, log } = parts;
  let isLogged = false;
  return async () => {
    if (!isLogged)
      log.error(
        'Telegram lists payments from before this installation, which is in none of its books: nothing of them is granted, ' +
          'and the lists are not compared, until they are taken over by: turnstile payments adopt',
      );
    isLogged = true;
    if (await history.isUnadopted()) return;
    await tellOperators(parts, { id: 'history.unadopted', params: { message: 'operator_unadopted' } });
    await history.noteUnadopted();
  };
}
