import type { UpdateSource } from '@grammyjs/runner';
import type { Logger } from 'pino';
import type { Store } from '../store.ts';
import type { Entry } from '../stored.ts';
import type { Shards } from './shards.ts';

const sources = ['inbox:checkout', 'inbox'] as const;
type Inbox = (typeof sources)[number];

/** Entries of one chat in hand at once: they are handled one after another, and hold up what comes behind them. */
const mostOfChat = 8;

/** How far one inbox was read. */
interface Place {
  /** The id of the last entry read; '' at the beginning. */
  after: string;
  /** Chats that have more waiting than may be in hand, with the id of the last of theirs that was taken. */
  readonly behind: Map<number, string>;
}

/**
 * Reads the inboxes as the runner asks: checkout queries first, shards in turn. A chat that floods its shard is passed over
 * while enough of it is in hand, and read again later from where it was left.
 */
export class InboxSource implements UpdateSource<Entry> {
  readonly #store: Store;
  readonly #shards: Shards;
  readonly #log: Logger;
  readonly #places = new Map<string, Place>();
  /** Per shard, how often its inboxes were begun anew. */
  readonly #rewinds = new Map<number, number>();
  readonly #waiting: Readonly<Record<Inbox, Set<number>>> = { 'inbox:checkout': new Set(), inbox: new Set() };
  /** Chats that are behind and have a hand free again, with their shards. */
  readonly #resumable = new Map<number, number>();
  readonly #inHand = new Map<number, number>();
  #pace: number;
  #active = true;
  #wake: () => void = () => {};

  constructor(store: Store, shards: Shards, pace: number, log: Logger) {
    this.#store = store;
    this.#shards = shards;
    this.#pace = pace;
    this.#log = log;
  }

  rewind(shard: number): void {
    for (const source of sources) this.#places.delete(`${source} ${shard}`);
    this.#rewinds.set(shard, (this.#rewinds.get(shard) ?? 0) + 1);
    this.hint(shard);
  }

  hint(shard: number): void {
    for (const source of sources) this.#waiting[source].add(shard);
    this.#wake();
  }

  /** An entry that was given out is done. */
  done(entry: Entry): void {
    const { chat, shard, source } = entry;
    if (chat === null || source !== 'inbox') return;
    const left = (this.#inHand.get(chat) ?? 1) - 1;
    if (left > 0) this.#inHand.set(chat, left);
    else this.#inHand.delete(chat);
    const isBehind = this.#places.get(`inbox ${shard}`)?.behind.has(chat) === true;
    if (!isBehind || left > mostOfChat / 2) return;
    this.#resumable.set(chat, shard);
    this.#wake();
  }

  async *generator(): AsyncGenerator<Entry[]> {
    while (this.#active) {
      const entries = await this.#read();
      if (entries.length > 0) yield entries;
      else await this.#hinted();
    }
  }

  async #read(): Promise<Entry[]> {
    for (const source of sources) {
      const waiting = this.#waiting[source];
      const shards = [...waiting].filter((shard) => this.#shards.isOpen(shard));
      if (shards.length === 0) continue;
      waiting.clear();
      const limit = Math.max(16, Math.min(100, Math.ceil(this.#pace / shards.length)));
      const batches = await Promise.all(shards.map((shard) => this.#readShard(shard, source, limit)));
      const entries = batches.flat();
      if (entries.length > 0) return entries;
    }
    return this.#resume();
  }

  async #readShard(shard: number, source: Inbox, limit: number): Promise<Entry[]> {
    const place = this.#placeOf(shard, source);
    const read = await this.#from(shard, source, place.after, limit);
    if (read === null) return [];
    const last = read.at(-1);
    if (last !== undefined) place.after = last.id;
    if (read.length === limit) this.#waiting[source].add(shard);
    return read.filter((entry) => this.#take(entry, place));
  }

  /** Whether an entry may be given out now; the chat of one that may not is behind from here. Checkouts always may. */
  #take(entry: Entry, place: Place): boolean {
    const { chat } = entry;
    if (chat === null || entry.source !== 'inbox') return true;
    if (place.behind.has(chat)) return false;
    const inHand = this.#inHand.get(chat) ?? 0;
    if (inHand >= mostOfChat) {
      place.behind.set(chat, before(entry.id));
      return false;
    }
    this.#inHand.set(chat, inHand + 1);
    return true;
  }

  /** What a chat that was passed over has waiting, as much as there are hands for it. */
  async #resume(): Promise<Entry[]> {
    const resumable = [...this.#resumable];
    this.#resumable.clear();
    const batches = await Promise.all(
      resumable.map(async ([chat, shard]) => {
        const place = this.#placeOf(shard, 'inbox');
        const from = place.behind.get(chat);
        if (from === undefined) return [];
        const limit = 100;
        const read = await this.#from(shard, 'inbox', from, limit, place.after);
        if (read === null) return [];
        place.behind.delete(chat);
        const taken = read.filter((entry) => entry.chat === chat && this.#take(entry, place));
        // Nothing of it among so many: it goes on behind them.
        if (read.length === limit && !place.behind.has(chat)) place.behind.set(chat, read.at(-1)?.id ?? from);
        if (place.behind.has(chat) && taken.length === 0 && (this.#inHand.get(chat) ?? 0) < mostOfChat)
          this.#resumable.set(chat, shard);
        return taken;
      }),
    );
    return batches.flat();
  }

  /** null when the shard was given away while it was read, or begun anew: what came before would be passed over. */
  async #from(
    shard: number,
    source: Inbox,
    after: string,
    limit: number,
    until?: string,
  ): Promise<Entry[] | null> {
    const rewinds = this.#rewinds.get(shard);
    try {
      const read = await this.#store.readInbox(shard, source, after, limit, until);
      return this.#shards.isOpen(shard) && this.#rewinds.get(shard) === rewinds ? read : null;
    } catch (error) {
      // One shard that cannot be read must not take along what was read of the others.
      this.#log.warn({ err: error, shard }, 'reading the inbox failed; trying again');
      return null;
    }
  }

  #placeOf(shard: number, source: Inbox): Place {
    const key = `${source} ${shard}`;
    const place = this.#places.get(key) ?? { after: '', behind: new Map() };
    this.#places.set(key, place);
    return place;
  }

  async #hinted(): Promise<void> {
    const isWaiting = sources.some((source) =>
      [...this.#waiting[source]].some((shard) => this.#shards.isOpen(shard)),
    );
    if (isWaiting || this.#resumable.size > 0 || !this.#active) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => {};
  }

  setGeneratorPace(pace: number): void {
    this.#pace = pace;
  }

  isActive(): boolean {
    return this.#active;
  }

  close(): void {
    this.#active = false;
    this.#wake();
  }
}

/** The id before a stream entry's own: `5-3` → `5-2`, `5-0` → the highest of 4. */
function before(id: string): string {
  const [time = '0', sequence = '0'] = id.split('-');
  return sequence === '0' ? `${BigInt(time) - 1n}-18446744073709551615` : `${time}-${BigInt(sequence) - 1n}`;
}
