import type { Line } from './core/arrival.ts';
import type { JsonObject } from './core/effects.ts';

/** The books of all chats. Lines are written by the commits of their steps, and kept for ever. */
export interface Books {
  /** A chat's book, in the order in which its lines were written. Looks at no other's. */
  bookOf(chat: number): Promise<Line[]>;
  /** Whether a line of a chat stands under this key. */
  hasLine(chat: number, key: string): Promise<boolean>;
  /** The lines under these keys, whosever they are; null where there is none. */
  findLines(keys: readonly string[]): Promise<(Line | null)[]>;
  /** Every line of every book, in no order, read in pages. */
  allLines(): AsyncGenerator<Line>;
  /** How many lines there are. Its cost does not grow with them. @returns `asides`: those whose key begins with `~` */
  countLines(): Promise<{ lines: number; asides: number }>;
  /**
   * Writes a line of a chat anew, as `change` makes it of the line that stands there; it is asked once more when that has
   * changed meanwhile. Where nothing stands under the key, nothing is written.
   */
  changeLine(chat: number, key: string, change: (line: Line) => Line): Promise<void>;
}

/**
 * Facts that a product keeps under names of its own, once for all copies. A name is one value, or a table, or a group, and
 * stays it. None of the store's own names can be taken: a table `settings` holds what was fixed at the first start as well.
 */
export interface Notes {
  /** null: it was never set. */
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  table(name: string): Table;
  group(name: string): Members;
}

/** Values by field. */
export interface Table {
  /** null where nothing stands. */
  get(field: string): Promise<string | null>;
  all(): Promise<Readonly<Record<string, string>>>;
  /** @returns whether nothing stood there */
  set(field: string, value: string): Promise<boolean>;
  /** Sets it only where nothing stands. @returns whether it did */
  add(field: string, value: string): Promise<boolean>;
  /** Counts one up. @returns the new count */
  raise(field: string): Promise<number>;
  /** @returns how many of them were there */
  remove(...fields: readonly string[]): Promise<number>;
}

/** Words, each once, in no order. */
export interface Members {
  all(): Promise<string[]>;
  add(...members: readonly string[]): Promise<void>;
  remove(...members: readonly string[]): Promise<void>;
}

/** What is known of the news, which deadlines wait for. */
export interface News {
  read(): Promise<NewsNote>;
  /**
   * An asking that began at `asked` (ms) has left nothing waiting, and what it brought is stored.
   * @param longest ms; as much or more since the asking before is a gap
   * @returns whether there was such a gap
   */
  note(asked: number, longest: number): Promise<boolean>;
  /** What a comparison found that began after this gap is stored. */
  noteCompared(gap: string): Promise<void>;
  /** Tells the copy that asks that a deadline waits. A hint: it may get lost. */
  want(): Promise<void>;
}

/** What all copies know of the news that deadlines wait for. */
export interface NewsNote {
  /** When the last asking began that left nothing waiting, and whose answer is stored, ms; -Infinity: never. */
  readonly asked: number;
  /** Which gap was the last that is too long for what came in it to be there still; '' before the first asking. */
  readonly gap: string;
  /** The last gap that was made up for by a comparison. */
  readonly compared: string;
}

/** For whoever asks how it stands. But for `sessions`, the cost does not grow with what is stored. */
export interface Reports {
  totals(): Promise<Totals>;
  /** How many sessions stand in each state: `<machine>:<state>` → how many. */
  states(): Promise<ReadonlyMap<string, number>>;
  /** What steps have counted: `<counter>:<value>` → how often. */
  counters(): Promise<ReadonlyMap<string, number>>;
  /** Every session of one machine, in no order; one that begins or ends meanwhile may be missed. */
  sessions(machine: string): AsyncGenerator<SessionReport>;
}

/** How much is stored, in all shards. */
export interface Totals {
  /** Without the ends of untouched sessions. */
  readonly timers: number;
  readonly inbox: number;
  /** Effects that are not settled. */
  readonly outbox: number;
  readonly dead: number;
  /** Chats that have been there. */
  readonly chats: number;
}

export interface SessionReport {
  readonly chat: number;
  readonly state: string;
  readonly context: JsonObject;
}
