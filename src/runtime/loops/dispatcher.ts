import type { Lane } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';
import type { Head, Taken } from '../stored.ts';
import { type AttemptOptions, Attempts, type Hand, NotNoted } from './attempt.ts';
import { isAnswer, Pace } from './pace.ts';
import { Shards } from './shards.ts';

export interface DispatcherOptions extends AttemptOptions {
  /** Effects a second of all copies: all lanes together, and reminders and broadcasts among them. */
  readonly rates: { readonly total: number; readonly bulk: number };
  /** Effects in flight at once: replies, and bulk (reminders and broadcasts). Checkouts need no free hand. */
  readonly window: { readonly answers: number; readonly bulk: number };
}

type Kind = 'checkout' | 'answers' | 'bulk';

/** How often chats are forgotten that nothing is sent to, ms. */
const forgetInterval = 1_000;
/** How long a shard that is given away waits for what is in flight, ms. What takes longer stays in this copy's hands. */
const drainPatience = 300;
/** How long a queue is left alone after the last word of the copy that has it in hand, ms, and how often that says so. */
const hold = { length: 20_000, renewal: 5_000 };

/**
 * Performs effects: best lane first, each queue in order, a small window in flight. An effect stays in the outbox
 * until it is settled, so a crash loses none.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #pace: Pace;
  readonly #attempts: Attempts;
  /** Shards that may have due effects, by lane. */
  readonly #waiting: ReadonlyMap<Lane, Set<number>> = new Map(lanes.map((lane) => [lane, new Set<number>()]));
  /** By shard, the queues that are not to be taken; null where nothing is under way: a fault left it here for good. */
  readonly #hands = new Map<number, Map<string, Hand | null>>();
  readonly #inFlight: Record<Kind, number> = { checkout: 0, answers: 0, bulk: 0 };
  readonly #shards = new Shards();
  #active = false;
  #pumping = false;
  #again = false;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #stopForgetting: () => void = () => {};
  #stopRenewing: () => void = () => {};

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock, options.rates);
    this.#attempts = new Attempts(options, this.#pace, (time) => this.#wakeLater(time));
    for (let shard = 0; shard < options.store.shards; shard++) this.#hands.set(shard, new Map());
  }

  start(): void {
    this.#active = true;
    this.#stopForgetting = this.#every(forgetInterval, () => this.#pace.forgetIdleChats());
    this.#stopRenewing = this.#every(hold.renewal, () => void this.#renewHolds());
  }

  /** @returns the function that ends it */
  #every(ms: number, act: () => void): () => void {
    let cancel = () => {};
    const arm = () => {
      cancel = this.#options.clock.after(ms, () => {
        arm();
        act();
      });
    };
    arm();
    return () => cancel();
  }

  /** A shard is this copy's. */
  gain(shard: number): void {
    this.#shards.open(shard);
    this.rescan([shard]);
  }

  /**
   * Takes nothing new of a shard, and resolves when another copy may have it: everything in flight is settled, or noted
   * as held by this copy, which goes on with it.
   */
  async drain(shard: number): Promise<void> {
    let stopWaiting = () => {};
    const patience = new Promise<void>((resolve) => {
      stopWaiting = this.#options.clock.after(drainPatience, resolve);
    });
    await Promise.race([this.#shards.drain(shard), patience]);
    stopWaiting();
    const sending = this.#sending(shard);
    if (sending.length > 0) await this.#options.store.hold(shard, sending, hold.length);
  }

  /** The limits are for the bot: each copy has its part of them. */
  share(copies: number): void {
    this.#pace.share(copies);
  }

  /** An effect of this lane was put into a shard's outbox. */
  hint(shard: number, lane: Lane): void {
    if (!this.#shards.isOpen(shard)) return;
    this.#waiting.get(lane)?.add(shard);
    if (this.#pumping) this.#again = true;
    else void this.#pump();
  }

  /** These were put into a shard's outbox. */
  hintEffects(shard: number, effects: readonly { readonly lane: Lane }[]): void {
    let last: Lane | undefined;
    for (const { lane } of effects) {
      if (lane !== last) this.hint(shard, lane);
      last = lane;
    }
  }

  /** Looks whether anything in these shards is due. */
  rescan(shards: Iterable<number>): void {
    for (const shard of shards) this.#mark(shard);
    void this.#pump();
  }

  #mark(shard: number): void {
    if (this.#shards.isOpen(shard)) for (const waiting of this.#waiting.values()) waiting.add(shard);
  }

  /** Takes nothing new, and resolves when everything in flight is settled, the held queues among it. */
  async stop(): Promise<void> {
    this.#active = false;
    this.#attempts.stop();
    this.#stopForgetting();
    this.#cancel();
    await this.#shards.drainAll();
    this.#stopRenewing();
  }

  /** Leaves what is still in flight to whoever comes next, since this process ends. */
  async abandon(): Promise<void> {
    this.#stopRenewing();
    await this.#eachHeld((shard, sending) => this.#options.store.hold(shard, sending, 0));
  }

  /** The heads of a shard that are on their way. */
  #sending(shard: number): Head[] {
    return [...(this.#hands.get(shard)?.values() ?? [])].flatMap((hand) =>
      hand?.isSending === true ? [hand.taken] : [],
    );
  }

  async #eachHeld(act: (shard: number, sending: Head[]) => Promise<void>): Promise<void> {
    const closed = [...this.#hands.keys()].filter((shard) => !this.#shards.isOpen(shard));
    await Promise.all(
      closed.map(async (shard) => {
        const sending = this.#sending(shard);
        if (sending.length > 0) await act(shard, sending);
      }),
    );
  }

  async #renewHolds(): Promise<void> {
    await this.#eachHeld((shard, sending) => this.#options.store.hold(shard, sending, hold.length)).catch(
      (error: unknown) => this.#options.log.warn({ err: error }, 'renewing a hold failed; trying again'),
    );
  }

  async #pump(): Promise<void> {
    if (!this.#active) return;
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    try {
      do {
        this.#again = false;
        for (const [lane, shards] of this.#waiting) if (shards.size > 0) await this.#fill(lane);
      } while (this.#again && this.#active);
    } finally {
      this.#pumping = false;
    }
  }

  /** Takes as many due effects of a lane as there are free hands. */
  async #fill(lane: Lane): Promise<void> {
    const { window } = this.#options;
    const waiting = this.#waiting.get(lane) as Set<number>;
    const kind = lane === 'checkout' ? 'checkout' : lane === 'reply' ? 'answers' : 'bulk';
    while (waiting.size > 0 && this.#active) {
      let free = window.answers;
      // A checkout query waits neither for a free hand nor for the end of a pause.
      if (kind !== 'checkout') {
        const { room, until } = this.#pace.room();
        if (room === 0) return this.#wakeLater(until);
        free = Math.min(window[kind] - this.#inFlight[kind], room);
      }
      if (free <= 0) return;
      const shards = [...waiting].slice(0, free);
      const each = Math.max(1, Math.floor(free / shards.length));
      for (const shard of shards) waiting.delete(shard);
      await Promise.all(
        shards.map((shard) =>
          // The next rescan looks again.
          this.#take(shard, lane, kind, each).catch((error: unknown) =>
            this.#options.log.warn({ err: error, shard }, 'reading the outbox failed; trying again'),
          ),
        ),
      );
    }
  }

  async #take(shard: number, lane: Lane, kind: Kind, limit: number): Promise<void> {
    const { store, clock, fenced } = this.#options;
    const hands = this.#hands.get(shard) as Map<string, Hand | null>;
    const turn = this.#shards.turn(shard);
    const found = await store.takeEffects(shard, lane, clock.now(), limit, [...hands.keys()]);
    if (found.fenced) return fenced(shard);
    // Given away while it was read, and perhaps here again: another copy may have sent what stood there.
    if (turn === undefined || this.#shards.turn(shard) !== turn) return;
    if (found.taken.length + found.spoiled.length === limit) this.#waiting.get(lane)?.add(shard);
    for (const head of found.spoiled) {
      if (!hands.has(head.queue)) this.#begin(head, null, kind, () => this.#giveUp(head));
    }
    for (const taken of found.taken) {
      if (hands.has(taken.queue)) continue;
      const hand = { taken, isSending: false };
      this.#begin(taken, hand, kind, () => this.#goOn(hand, kind));
    }
    if (found.next !== null) this.#wakeLater(found.next);
  }

  #wakeLater(time: number): void {
    if (time >= this.#wakeAt || !this.#active) return;
    this.#cancel();
    this.#wakeAt = time;
    this.#cancel = this.#options.clock.at(time, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.rescan(this.#shards);
    });
  }

  /** Takes a queue in hand for as long as the work at its head goes on. */
  #begin({ shard, queue }: Head, hand: Hand | null, kind: Kind, work: () => Promise<void>): void {
    const hands = this.#hands.get(shard) as Map<string, Hand | null>;
    hands.set(queue, hand);
    this.#shards.begin(shard);
    this.#inFlight[kind]++;
    const end = (isLeft: boolean) => {
      if (isLeft) hands.delete(queue);
      else hands.set(queue, null);
      this.#inFlight[kind]--;
      this.#shards.end(shard);
      // The window was full, or something came behind in this queue: look again.
      void this.#pump();
    };
    work().then(
      () => end(true),
      (error: unknown) => {
        // Already said in the log. Whoever took the queue again would send again what is at its head.
        const isNoted = !(error instanceof NotNoted);
        if (isNoted)
          this.#options.log.error({ err: error }, 'an effect could not be settled; it stays stored');
        end(isNoted);
      },
    );
  }

  async #giveUp(head: Head): Promise<void> {
    await this.#attempts.giveUp(head);
    this.#mark(head.shard);
  }

  /** What follows in the same queue goes on at once, unless it belongs to another kind of lane. */
  async #goOn(hand: Hand, kind: Kind): Promise<void> {
    const { shard } = hand.taken;
    const turn = this.#shards.turn(shard);
    const isWanted = () => this.#active && turn !== undefined && this.#shards.turn(shard) === turn;
    for (;;) {
      const next: Taken | null = await this.#attempts.make(hand, isWanted);
      if (next === null) return isWanted() ? undefined : this.#mark(shard);
      hand.taken = next;
      if (!isWanted() || (kind !== 'bulk' && !isAnswer(next.effect.lane))) return this.#mark(shard);
    }
  }
}
