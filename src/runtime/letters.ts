import type { Effect, JsonObject } from './core/effects.ts';
import type { DeadLetter, EntryKind } from './stored.ts';

/** A dead letter as it stands in the store. */
export interface StoredLetter {
  /** `<shard>-<entry>`, as the commands take it. */
  readonly id: string;
  readonly letter: DeadLetter;
}

/** For retention, and for whoever looks after what was given up. */
export interface Letters {
  /**
   * The dead letters of a shard, oldest first. What is added meanwhile does not come, so that a walk ends whatever
   * becomes of the letters that it has read. It reads in pages; to look at the first one costs no more than that one.
   */
  deadLetters(shard: number): AsyncGenerator<StoredLetter>;
  /** The last letters of a shard, the newest first. */
  newestLetters(shard: number, limit: number): Promise<StoredLetter[]>;
  /** null when there is none of this id. */
  findLetter(id: string): Promise<StoredLetter | null>;
  /**
   * Takes a letter off the list, puts what it holds back behind what waits there, and tells the owner. A timer gives way to
   * one of its name that was set since.
   */
  reviveLetter(id: string, revived: Revived): Promise<'ok' | 'gone'>;
  /** Removes dead letters; one that is gone already does no harm. Returns how many were there. */
  removeLetters(letters: readonly Pick<StoredLetter, 'id'>[]): Promise<number>;
  /** Removes the dead letters of a chat, which hold what the person wrote. It reads every letter of the shard, in pages. */
  forgetLetters(shard: number, chat: number): Promise<void>;
  /** How many dead letters there are. */
  countLetters(): Promise<number>;
  /** How many dead letters there have ever been: it only grows. */
  lettersAdded(): Promise<number>;
}

/** What a letter holds, as it goes back to where it came from. */
export type Revived =
  | { readonly to: 'inbox'; readonly kind: EntryKind; readonly chat: number | null; readonly text: string }
  /** Of a kind that this release does not know, as the store had noted it. */
  | { readonly to: 'unknown'; readonly field: string; readonly text: string }
  /** @param timer what the store calls it */
  | { readonly to: 'timers'; readonly timer: string; readonly due: number }
  | { readonly to: 'outbox'; readonly effect: Effect; readonly due: number };

/** What was given up: read, put back, thrown away. Works beside a running bot. */
export class DeadLetters {
  readonly #store: Letters & { readonly shards: number };

  constructor(store: Letters & { readonly shards: number }) {
    this.#store = store;
  }

  /** The newest first. @param limit how many at the most */
  async list(limit: number): Promise<StoredLetter[]> {
    const shards = Array.from({ length: this.#store.shards }, (_, shard) => shard);
    const all = await Promise.all(shards.map((shard) => this.#store.newestLetters(shard, limit)));
    return all.flat().sort(byAge).reverse().slice(0, limit);
  }

  /** All that there are now, oldest first, read in pages. What is given up meanwhile does not come. */
  async *all(): AsyncGenerator<StoredLetter> {
    const heads = await Promise.all(
      Array.from({ length: this.#store.shards }, async (_, shard) => {
        const walk = this.#store.deadLetters(shard);
        return { walk, next: await walk.next() };
      }),
    );
    for (;;) {
      let oldest: { head: (typeof heads)[number]; stored: StoredLetter } | undefined;
      for (const head of heads) {
        if (head.next.done === true) continue;
        const stored = head.next.value;
        if (oldest === undefined || byAge(stored, oldest.stored) < 0) oldest = { head, stored };
      }
      if (oldest === undefined) return;
      yield oldest.stored;
      oldest.head.next = await oldest.head.walk.next();
    }
  }

  /** null when there is none of this id. */
  async find(id: string): Promise<StoredLetter | null> {
    if (!/^\d+-\d+-\d+$/.test(id) || placeOf(id).shard >= this.#store.shards) return null;
    return this.#store.findLetter(id);
  }

  /**
   * Puts what a letter holds back to where it came from: it is tried again as if it were new. A timer keeps its time.
   * @returns false when the letter is gone
   */
  async retry({ id, letter }: StoredLetter): Promise<boolean> {
    // What stood in an outbox and was no effect cannot be tried.
    if (letter.kind === 'effect' && typeof letter.body !== 'object') return false;
    return (await this.#store.reviveLetter(id, revivedOf(letter))) === 'ok';
  }

  /** @returns false when the letter is gone */
  async drop(stored: StoredLetter): Promise<boolean> {
    return (await this.#store.removeLetters([stored])) === 1;
  }
}

/** Where a letter stands. */
export function placeOf(id: string): { shard: number; entry: string } {
  const split = id.indexOf('-');
  return { shard: Number(id.slice(0, split)), entry: id.slice(split + 1) };
}

/** The order in which things were given up. */
export function byAge(a: StoredLetter, b: StoredLetter): number {
  if (a.letter.at !== b.letter.at) return a.letter.at - b.letter.at;
  const [left = [], right = []] = [a, b].map(({ id }) => {
    const [shard = 0, ms = 0, count = 0] = id.split('-').map(Number);
    return [ms, count, shard];
  });
  return left.map((part, index) => part - (right[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** Tells letters that hold something of a chat. One that names none is searched. */
export function lettersAbout(chat: number): (stored: StoredLetter) => boolean {
  const naming = new RegExp(`:"?${chat}"?[,}]`);
  return ({ letter }) =>
    letter.chat === undefined ? naming.test(JSON.stringify(letter)) : letter.chat === chat;
}

function revivedOf(letter: DeadLetter): Revived {
  const { kind, body, at, due = at } = letter;
  if (kind === 'timer') return { to: 'timers', timer: String(body), due };
  if (kind === 'effect') {
    const { attempt: _, faults: __, since: ___, ...effect } = body as Effect;
    return { to: 'outbox', effect, due: at };
  }
  if (kind === 'unknown') return { to: 'unknown', ...(body as { field: string; text: string }) };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const content = contentOf(text);
  if (kind !== 'update') return { to: 'inbox', kind, chat: letter.chat ?? chatOf(content), text };
  // An update that could not be understood names no chat: it is read again from the beginning.
  const isArrival = 'event' in content;
  return isArrival
    ? { to: 'inbox', kind: 'arrival', chat: chatOf(content), text }
    : { to: 'inbox', kind: 'update', chat: null, text };
}

const chatOf = ({ chat }: JsonObject): number | null => (typeof chat === 'number' ? chat : null);

/** What an entry's text says; a bare number is a chat. */
function contentOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'number') return { chat: value };
    return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
  } catch {
    // What is no JSON was given up for just that.
    return {};
  }
}
