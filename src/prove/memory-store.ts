import { type Entry, keyOf, Ledger } from '#club';
import {
  type DueTimer,
  type DurableMachine,
  type Effect,
  type EntryKind,
  expiryTimer,
  outlivesForgetting,
  type Session,
  type Store,
  timerNamesOf,
} from '#runtime';

interface Stored {
  readonly session: Session;
  readonly isAway: boolean;
}

/** An entry of the inbox. */
export interface Waiting {
  readonly kind: EntryKind;
  readonly chat: number;
  readonly text: string;
}

/** The runtime's store in memory. What stands in it is replaced, never changed, so a copy is cheap. */
export class MemoryStore {
  /** By `<machine>|<chat>`. */
  readonly sessions: Map<string, Stored>;
  /** `<machine>|<chat>|<timer>` → when it is due, ms. */
  readonly timers: Map<string, number>;
  readonly books: Map<number, readonly Entry[]>;
  readonly inbox: Waiting[];
  /** Effects that have not gone out, and actors of which Telegram has not answered yet. */
  outbox: Effect[];

  constructor(from?: MemoryStore) {
    this.sessions = new Map(from?.sessions);
    this.timers = new Map(from?.timers);
    this.books = new Map(from?.books);
    this.inbox = [...(from?.inbox ?? [])];
    this.outbox = [...(from?.outbox ?? [])];
  }

  bookOf(chat: number): readonly Entry[] {
    return this.books.get(chat) ?? [];
  }

  /** Adds lines to a book, each key once. */
  enter(chat: number, lines: readonly Entry[]): void {
    if (lines.length === 0) return;
    const book = this.bookOf(chat);
    const known = new Set(book.map(keyOf));
    this.books.set(chat, [...book, ...lines.filter((line) => !known.has(keyOf(line)))]);
  }

  /** Takes the timer that is due first; null: none is due yet. */
  takeTimer(now: number): DueTimer | null {
    let first: [string, number] | undefined;
    for (const timer of this.timers)
      if (timer[1] <= now && timer[1] < (first?.[1] ?? Number.POSITIVE_INFINITY)) first = timer;
    if (first === undefined) return null;
    const [id, due] = first;
    const [machine = '', chat = '', timer = ''] = id.split('|');
    this.timers.delete(id);
    return { shard: 0, source: 'timers', id, due, machine, chat: Number(chat), timer };
  }

  /** A person cannot be reached: their timers are dropped, and what was to be said to them. */
  abandon(chat: number, machines: readonly DurableMachine[], now: number): void {
    for (const machine of machines) {
      const { goesOn, endsAfter } = machine.whileUnreachable;
      if (goesOn) continue;
      const place = `${machine.id}|${chat}`;
      for (const name of timerNamesOf(machine))
        if (name !== expiryTimer) this.timers.delete(`${place}|${name}`);
      const stored = this.sessions.get(place);
      if (stored === undefined) continue;
      this.sessions.set(place, { ...stored, isAway: true });
      const end = `${place}|${expiryTimer}`;
      if (endsAfter !== null && !this.timers.has(end)) this.timers.set(end, now + endsAfter);
    }
    this.outbox = this.outbox.filter(({ queue }) => queue !== `${chat}`);
  }

  forget(chat: number, machines: readonly DurableMachine[]): void {
    for (const machine of machines) {
      const place = `${machine.id}|${chat}`;
      const stored = this.sessions.get(place);
      if (stored !== undefined && outlivesForgetting(machine, stored.session)) continue;
      this.sessions.delete(place);
      for (const name of timerNamesOf(machine)) this.timers.delete(`${place}|${name}`);
    }
  }
}

/** The program's own ledger over the books of a store. What it has for operators is not asked for here. */
export function ledgerOf(store: () => MemoryStore): Ledger {
  const books: Pick<Store, 'hasLine' | 'findLines' | 'bookOf'> = {
    hasLine: async (chat, key) =>
      store()
        .bookOf(chat)
        .some((entry) => keyOf(entry) === key),
    findLines: async (keys) => {
      const lines = [...store().books.values()].flat();
      return keys.map((key) => lines.find((entry) => keyOf(entry) === key) ?? null);
    },
    bookOf: async (chat) => [...store().bookOf(chat)],
  };
  return new Ledger(books as Store);
}
