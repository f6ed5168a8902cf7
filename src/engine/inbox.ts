import type { UpdateSource } from '@grammyjs/runner';
import type { Logger } from 'pino';
import type { Entry, Store } from '../store/store.ts';
import type { Shards } from './shards.ts';

/** How often the inbox is looked at without a hint, ms: a lost hint costs this much. */
const rescan = 1_000;

const sources = ['inbox:checkout', 'inbox'] as const;

/** Reads the inboxes as the runner asks: checkout queries first, shards in turn. */
export class InboxSource implements UpdateSource<Entry> {
  readonly #store: Store;
  readonly #shards: Shards;
  readonly #log: Logger;
  /** Per inbox, the id of the last entry read. */
  readonly #after = new Map<string, string>();
  /** Per shard, how often its inboxes were begun anew. */
  readonly #rewinds = new Map<number, number>();
  readonly #waiting = { 'inbox:checkout': new Set<number>(), inbox: new Set<number>() };
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
    for (const source of sources) this.#after.delete(`${source} ${shard}`);
    this.#rewinds.set(shard, (this.#rewinds.get(shard) ?? 0) + 1);
    this.hint(shard);
  }

  hint(shard: number): void {
    this.#waiting['inbox:checkout'].add(shard);
    this.#waiting.inbox.add(shard);
    this.#wake();
  }

  #hintAll(): void {
    for (const shard of this.#shards) this.hint(shard);
  }

  async *generator(): AsyncGenerator<Entry[]> {
    let scanned = performance.now();
    while (this.#active) {
      const entries = await this.#read();
      if (entries.length > 0) yield entries;
      if (performance.now() - scanned >= rescan) {
        this.#hintAll();
        scanned = performance.now();
      } else if (entries.length === 0) await this.#hinted();
    }
  }

  async #read(): Promise<Entry[]> {
    for (const source of sources) {
      const waiting = this.#waiting[source];
      if (waiting.size === 0) continue;
      const limit = Math.max(16, Math.min(100, Math.ceil(this.#pace / waiting.size)));
      const shards = [...waiting].filter((shard) => this.#shards.isOpen(shard));
      waiting.clear();
      const batches = await Promise.all(
        shards.map(async (shard) => ({
          shard,
          rewinds: this.#rewinds.get(shard),
          // One shard that cannot be read must not take along what was read of the others.
          entries: await this.#store
            .readInbox(shard, source, this.#after.get(`${source} ${shard}`) ?? '', limit)
            .catch((error: unknown) => {
              this.#log.warn({ err: error, shard }, 'reading the inbox failed; trying again');
              return [];
            }),
        })),
      );
      const entries = batches.flatMap(({ shard, rewinds, entries: read }) => {
        // Given away while it was being read, or begun anew: what came before would be passed over.
        if (!this.#shards.isOpen(shard) || this.#rewinds.get(shard) !== rewinds) return [];
        const last = read.at(-1);
        if (last !== undefined) this.#after.set(`${source} ${shard}`, last.id);
        if (read.length === limit) waiting.add(shard);
        return read;
      });
      if (entries.length > 0) return entries;
    }
    return [];
  }

  async #hinted(): Promise<void> {
    if (this.#waiting.inbox.size > 0 || this.#waiting['inbox:checkout'].size > 0) return;
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, rescan);
      this.#wake = () => {
        clearTimeout(timeout);
        resolve();
      };
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
