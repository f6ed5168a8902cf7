import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { expiryTimer } from '../core/machine.ts';
import type { At } from '../points.ts';
import type { Store } from '../store.ts';
import type { DueTimer } from '../stored.ts';
import { Shards } from './shards.ts';

export interface TimersOptions {
  readonly store: Store;
  /** Steps a due timer; resolves when it is committed or given up. */
  readonly handle: (timer: DueTimer) => Promise<void>;
  /**
   * How many queues may wait in a shard's lane of reminders before no more timers of it fire. What waits stays a timer, which
   * leaving the state takes away.
   */
  readonly room: () => number;
  /** Whether a timer takes something away: such a deadline is left alone until the news have come. */
  readonly waits: (timer: DueTimer) => boolean;
  /** The time (ms) until which everything that could make a deadline void is stored; asked only when one is due, at `due`. */
  readonly news: (due: number) => number | Promise<number>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Due timers in hand at once. Default 128. */
  readonly concurrency?: number;
  readonly at?: At;
}

/** How soon a shard is looked at again whose lane was full, ms. */
const fullLane = 100;
/** How soon a shard is looked at again in which deadlines wait, ms; for each of them, which are read anew, one more. */
const waiting = 100;

const none: ReadonlySet<DueTimer> = new Set();

/**
 * Fires delayed transitions: sleeps on this side until the next due time, since Redis' own blocking reads time out
 * some 100 ms late. A timer stays in its sorted set until its step is committed, so a crash loses none.
 */
export class Timers {
  readonly #options: TimersOptions;
  readonly #concurrency: number;
  /** Per shard, when there is something to do next, ms. */
  readonly #next: number[];
  readonly #shards = new Shards();
  readonly #inHand = new Map<string, DueTimer>();
  /** By shard, how many due deadlines were left alone when it was read last. */
  readonly #waiting = new Map<number, number>();
  #rereads = 0;
  #cancel: () => void = () => {};
  #wakeAt = Number.POSITIVE_INFINITY;
  #running = false;
  #scanning = false;
  #again = false;

  constructor(options: TimersOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? 128;
    this.#next = Array.from({ length: options.store.shards }, () => Number.POSITIVE_INFINITY);
  }

  start(): void {
    this.#running = true;
  }

  /** A shard is this copy's. */
  gain(shard: number): void {
    this.#shards.open(shard);
    this.#next[shard] = 0;
    this.#wake();
  }

  /** Starts nothing new of a shard, and resolves when everything of it in hand is committed. */
  drain(shard: number): Promise<void> {
    this.#next[shard] = Number.POSITIVE_INFINITY;
    this.#waiting.delete(shard);
    return this.#shards.drain(shard);
  }

  /**
   * Redis is there again, and may have lost what it had answered: everything is read anew. What is in hand is taken once
   * more, so that a later timer of its chat comes after it.
   */
  reread(): void {
    this.#rereads++;
    this.#inHand.clear();
    for (const shard of this.#shards) this.#next[shard] = 0;
    this.#wake();
  }

  /** A timer was set in this shard, or stands there. */
  hint(shard: number, due: number): void {
    if (!this.#shards.isOpen(shard) || due >= (this.#next[shard] ?? 0)) return;
    this.#next[shard] = due;
    this.#sleep();
  }

  /** The news have come, or may have: what waits for them is looked at now. */
  newsCame(): void {
    if (this.#waiting.size === 0) return;
    for (const shard of this.#waiting.keys()) this.#next[shard] = 0;
    this.#wake();
  }

  /** Starts nothing new, and resolves when everything in hand is committed. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel();
    await this.#shards.drainAll();
  }

  /** Sleeps until the earliest due time; an earlier one re-arms. */
  #sleep(): void {
    if (!this.#running) return;
    const earliest = Math.min(...this.#next);
    if (earliest >= this.#wakeAt) return;
    this.#cancel();
    if (earliest === Number.POSITIVE_INFINITY) return;
    this.#wakeAt = earliest;
    this.#cancel = this.#options.clock.at(earliest, () => this.#wake());
  }

  #wake(): void {
    this.#cancel();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    if (this.#scanning) {
      this.#again = true;
      return;
    }
    this.#scanning = true;
    this.#scan()
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error }, 'reading timers failed; trying again'),
      )
      .finally(() => {
        this.#scanning = false;
        if (this.#again) {
          this.#again = false;
          this.#wake();
        } else this.#sleep();
      });
  }

  async #scan(): Promise<void> {
    const now = this.#options.clock.now();
    const shards = [...this.#shards].filter((shard) => (this.#next[shard] ?? 0) <= now);
    await Promise.all(shards.map((shard) => this.#scanShard(shard, now)));
  }

  async #scanShard(shard: number, now: number): Promise<void> {
    const { store, room } = this.#options;
    // A hint that comes while we read must not be lost, so the slate is clean before the reading.
    this.#next[shard] = Number.POSITIVE_INFINITY;
    const rereads = this.#rereads;
    // Deadlines that wait come first, and must not hide what is due behind them.
    const limit = this.#concurrency + this.#inHand.size + (this.#waiting.get(shard) ?? 0);
    const found = await store.dueTimers(shard, now, limit);
    const early = await this.#withoutNews(shard, found.due);
    if (rereads !== this.#rereads) return this.hint(shard, 0);
    let upcoming = found.next ?? Number.POSITIVE_INFINITY;
    let left = room() - found.reminders - this.#shards.inHand(shard);
    let isFull = false;
    for (const timer of found.due) {
      if (this.#inHand.has(timer.id) || early.has(timer)) continue;
      if (this.#inHand.size >= this.#concurrency || !this.#shards.isOpen(shard)) {
        upcoming = Math.min(upcoming, timer.due);
        break;
      }
      // The end of a session sends nothing.
      if (timer.timer !== expiryTimer && left-- <= 0) isFull = true;
      else this.#take(timer);
    }
    if (!this.#shards.isOpen(shard)) return;
    if (early.size > 0) {
      this.#waiting.set(shard, early.size);
      upcoming = Math.min(upcoming, now + waiting + early.size);
    } else this.#waiting.delete(shard);
    if (isFull) upcoming = now + fullLane;
    // While the hands are full, the end of one of them wakes us; a due time in the past would spin.
    if (upcoming > now) this.#next[shard] = Math.min(this.#next[shard] ?? upcoming, upcoming);
    else if (this.#inHand.size < this.#concurrency) this.#next[shard] = upcoming;
    else this.#full.add(shard);
  }

  /** Those of a shard's due timers that are deadlines and still may be made void by what has not been handled yet. */
  async #withoutNews(shard: number, due: readonly DueTimer[]): Promise<ReadonlySet<DueTimer>> {
    const { store, waits, news } = this.#options;
    const deadlines = due.filter((timer) => waits(timer) && !this.#inHand.has(timer.id));
    const last = deadlines.at(-1);
    if (last === undefined) return none;
    const until = await news(last.due);
    // What the news brought is stored; it must be handled as well. So this is read after that.
    const chats = until < (deadlines[0]?.due ?? 0) ? null : await store.chatsWaiting(shard);
    return new Set(deadlines.filter((timer) => timer.due > until || chats === null || chats.has(timer.chat)));
  }

  /** Shards with due timers that found no free hand. */
  readonly #full = new Set<number>();

  #take(timer: DueTimer): void {
    const { handle, at, log } = this.#options;
    const work = async () => {
      if (at !== undefined) await at('timer claimed');
      await handle(timer);
    };
    this.#inHand.set(timer.id, timer);
    this.#shards.begin(timer.shard);
    void work()
      .catch((error: unknown) =>
        log.error({ err: error, timer: timer.id }, 'a timer failed; it stays stored'),
      )
      .finally(() => {
        if (this.#inHand.get(timer.id) === timer) this.#inHand.delete(timer.id);
        this.#shards.end(timer.shard);
        if (this.#full.size === 0 || this.#inHand.size > this.#concurrency / 2) return;
        for (const shard of this.#full) this.#next[shard] = 0;
        this.#full.clear();
        this.#wake();
      });
  }
}
