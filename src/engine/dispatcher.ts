import type { Logger } from 'pino';
import type { Effect, Lane } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';
import type { Store, StoredResult, Taken } from '../store/store.ts';
import { TokenBucket } from './bucket.ts';
import type { Clock } from './clock.ts';
import type { At } from './points.ts';
import { Shards } from './shards.ts';

/** What to do after a failed attempt; telegram/verdict.ts gives it for calls of the Bot API. */
export type Outcome =
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'pause'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'settled'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

export interface DispatcherOptions {
  readonly store: Store;
  /** Does what the effect asks for; its value is the result of an invoked actor. */
  readonly perform: (effect: Effect) => Promise<unknown>;
  readonly judge: (error: unknown, effect: Effect, attempt: number) => Outcome;
  /** Hears that something was put into a shard's inbox. */
  readonly resulted: (shard: number) => void;
  /** Another copy owns this shard now. */
  readonly fenced: (shard: number) => void;
  /** Whether this copy may still act for a shard: one that was taken for dead must not send what another sends. */
  readonly holds: (shard: number) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Effects a second of all copies: all lanes together, and reminders and broadcasts among them. */
  readonly rates: { readonly total: number; readonly bulk: number };
  /** Effects in flight at once: answers (checkout and replies), and bulk (reminders and broadcasts). */
  readonly window: { readonly answers: number; readonly bulk: number };
  readonly at?: At;
}

/** How often the outbox is looked at without a hint, ms. */
const rescan = 1_000;
/** Messages that a chat may get at once before it is paced to one a second; Telegram tolerates short bursts. */
const chatBurst = 20;
/** An effect that keeps failing while others succeed is given up after this many attempts. */
const attemptsWhileOthersSucceed = 4;
/** An effect that keeps failing is given up after this time at the latest, ms. */
const longestRetry = 24 * 3_600_000;

/** So many chats told to wait, with no message taken between them, mean that the whole bot is. */
const floodedChats = 3;

/**
 * Performs effects: best lane first, each queue in order, a small window in flight. An effect stays in the outbox
 * until it is settled, so a crash loses none.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** Shards that may have due effects, by lane. */
  readonly #waiting: ReadonlyMap<Lane, Set<number>> = new Map(lanes.map((lane) => [lane, new Set<number>()]));
  readonly #held = new Map<number, Set<string>>();
  readonly #inFlight = { answers: 0, bulk: 0 };
  readonly #shards = new Shards();
  readonly #chats = new Map<number, TokenBucket>();
  readonly #total: TokenBucket;
  readonly #bulk: TokenBucket;
  /** Chats that were told to wait since the last message that was taken. */
  readonly #flooded = new Set<number>();
  #pausedUntil = 0;
  #active = false;
  #pumping = false;
  #again = false;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #rescan: NodeJS.Timeout | undefined;
  #lastSuccess = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { total, bulk } = options.rates;
    this.#total = new TokenBucket(burstOf(total), total, performance.now());
    this.#bulk = new TokenBucket(burstOf(bulk), bulk, performance.now());
    for (let shard = 0; shard < options.store.shards; shard++) this.#held.set(shard, new Set());
  }

  start(): void {
    this.#active = true;
    this.#rescan = setInterval(() => {
      this.#hintAll();
      this.#forgetIdleChats();
    }, rescan);
  }

  /** A shard is this copy's. */
  gain(shard: number): void {
    this.#shards.open(shard);
    for (const lane of lanes) this.hint(shard, lane);
  }

  /** Takes nothing new of a shard, and resolves when everything of it in flight is settled. */
  drain(shard: number): Promise<void> {
    return this.#shards.drain(shard);
  }

  /** Telegram's limits are for the bot: each copy has its part of them. */
  share(copies: number): void {
    const { total, bulk } = this.#options.rates;
    this.#total.resize(burstOf(total / copies), total / copies);
    this.#bulk.resize(burstOf(bulk / copies), bulk / copies);
  }

  /** An effect of this lane was put into a shard's outbox. */
  hint(shard: number, lane: Lane): void {
    if (!this.#shards.isOpen(shard)) return;
    this.#waiting.get(lane)?.add(shard);
    void this.#pump();
  }

  #hintAll(): void {
    for (const waiting of this.#waiting.values()) for (const shard of this.#shards) waiting.add(shard);
    void this.#pump();
  }

  /** Takes nothing new, and resolves when everything in flight is settled. */
  async stop(): Promise<void> {
    this.#active = false;
    clearInterval(this.#rescan);
    this.#cancel();
    await this.#shards.drainAll();
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
        for (const lane of lanes) await this.#fill(lane);
      } while (this.#again && this.#active);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'reading the outbox failed; trying again');
    } finally {
      this.#pumping = false;
    }
  }

  /** Takes as many due effects of a lane as there are free hands. */
  async #fill(lane: Lane): Promise<void> {
    const { store, clock, window } = this.#options;
    const waiting = this.#waiting.get(lane) as Set<number>;
    const kind = lane === 'checkout' || lane === 'reply' ? 'answers' : 'bulk';
    while (waiting.size > 0 && this.#active) {
      if (lane !== 'checkout' && clock.now() < this.#pausedUntil) return this.#wakeLater(this.#pausedUntil);
      // A checkout query never waits for a free hand.
      const free = lane === 'checkout' ? window.answers : window[kind] - this.#inFlight[kind];
      if (free <= 0) return;
      const shards = [...waiting].slice(0, free);
      const each = Math.max(1, Math.floor(free / shards.length));
      for (const shard of shards) waiting.delete(shard);
      await Promise.all(
        shards.map(async (shard) => {
          const held = this.#held.get(shard) as Set<string>;
          const { taken, next, fenced } = await store.takeEffects(shard, lane, clock.now(), each, [...held]);
          if (fenced) return this.#options.fenced(shard);
          if (!this.#shards.isOpen(shard)) return;
          if (taken.length === each) waiting.add(shard);
          for (const one of taken) if (!held.has(one.queue)) this.#begin(one, kind);
          if (next !== null) this.#wakeLater(next);
        }),
      );
    }
  }

  #wakeLater(time: number): void {
    if (time >= this.#wakeAt) return;
    this.#cancel();
    this.#wakeAt = time;
    this.#cancel = this.#options.clock.at(time, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#hintAll();
    });
  }

  #begin(first: Taken, kind: 'answers' | 'bulk'): void {
    const { shard } = first;
    const held = this.#held.get(shard) as Set<string>;
    held.add(first.queue);
    this.#shards.begin(shard);
    this.#inFlight[kind]++;
    const run = async () => {
      let taken = await this.#dispatch(first);
      // What follows in the same queue goes on at once, unless it belongs to another kind of lane.
      while (
        taken !== null &&
        this.#active &&
        this.#shards.isOpen(shard) &&
        (kind === 'bulk' || isAnswer(taken.effect.lane))
      ) {
        taken = await this.#dispatch(taken);
      }
      if (taken !== null) for (const lane of lanes) this.#waiting.get(lane)?.add(shard);
    };
    void run()
      .catch((error: unknown) =>
        this.#options.log.error({ err: error }, 'an effect could not be settled; it stays stored'),
      )
      .finally(() => {
        held.delete(first.queue);
        this.#inFlight[kind]--;
        this.#shards.end(shard);
        // The window was full, or something came behind in this queue: look again.
        void this.#pump();
      });
  }

  /** One attempt. Returns the next effect of the queue when it may follow at once. */
  async #dispatch(taken: Taken): Promise<Taken | null> {
    const { store, perform, clock, log, at } = this.#options;
    const { effect } = taken;
    const wait = this.#chatWait(effect);
    if (wait > 0) return this.#postpone(taken, effect, clock.now() + wait);
    await this.#takeTurn(effect.lane);
    if (!this.#options.holds(taken.shard)) return null;
    if (effect.lane !== 'checkout' && clock.now() < this.#pausedUntil) {
      return this.#postpone(taken, effect, this.#pausedUntil);
    }
    const started = performance.now();
    let output: unknown;
    try {
      if (at !== undefined) await at('effect taken');
      output = await perform(effect);
    } catch (error) {
      return this.#failed(taken, error);
    }
    if (at !== undefined) await at('effect performed');
    this.#lastSuccess = clock.now();
    this.#flooded.clear();
    const result = resultOf(effect, { output: output ?? null });
    const next = await this.#untilStored(() =>
      store.settle(taken, clock.now(), result === null ? {} : { result }),
    );
    if (at !== undefined) await at('effect settled');
    log.debug({
      chat: effect.to ?? effect.chat,
      effect: effect.type,
      lane: effect.lane,
      ms: Math.round(performance.now() - started),
    });
    return this.#after(taken, next, result !== null);
  }

  async #failed(taken: Taken, error: unknown): Promise<Taken | null> {
    const { store, judge, clock, log } = this.#options;
    const { effect } = taken;
    const attempt = (effect.attempt ?? 0) + 1;
    const now = clock.now();
    const outcome = judge(error, effect, attempt);
    const about = { chat: effect.to ?? effect.chat, effect: effect.type, attempt, reason: outcome.reason };
    if (outcome.kind === 'pause') {
      log.warn({ ...about, ms: outcome.afterMs }, 'Telegram asks for a pause');
      // One chat may be written to too fast. Several in a row, and it is the bot that is.
      this.#flooded.add(about.chat);
      if (this.#flooded.size >= floodedChats && now + outcome.afterMs > this.#pausedUntil) {
        this.#pausedUntil = now + outcome.afterMs;
        log.warn({ ms: outcome.afterMs }, 'Telegram asks the whole bot for a pause');
      }
      return this.#postpone(taken, effect, now + outcome.afterMs);
    }
    const since = effect.since ?? now;
    const hopeless =
      now - since > longestRetry || (attempt >= attemptsWhileOthersSucceed && this.#lastSuccess > since);
    if (outcome.kind === 'retry' && !hopeless) {
      log.warn({ ...about, ms: outcome.afterMs }, 'an effect failed; trying again');
      return this.#postpone(taken, { ...effect, attempt, since }, now + outcome.afterMs);
    }
    const result = resultOf(effect, { error: { message: outcome.reason } });
    const gone = outcome.kind === 'settled' || outcome.kind === 'unreachable';
    if (gone)
      log.info(
        about,
        outcome.kind === 'settled'
          ? 'nothing left to do'
          : 'the chat cannot be reached; what waits for it is dropped',
      );
    else log.error({ ...about, err: error }, 'given up; kept as a dead letter');
    const stack = error instanceof Error ? error.stack : undefined;
    const letter = {
      kind: 'effect' as const,
      error: outcome.reason,
      at: now,
      chat: effect.chat,
      body: effect,
    };
    // An actor that fails tells its machine, which has its own path for that.
    const isLetter = !gone && result === null;
    const next = await this.#untilStored(() =>
      store.settle(taken, now, {
        ...(result !== null && { result }),
        ...(isLetter && { dead: { ...letter, ...(stack !== undefined && { stack }) } }),
        ...(outcome.kind === 'unreachable' && { dropQueue: true }),
        // An operator who cannot be reached is no matter of this chat.
        ...(outcome.kind === 'unreachable' && effect.to === undefined && { unreachable: effect.chat }),
      }),
    );
    return this.#after(taken, next, result !== null || outcome.kind === 'unreachable');
  }

  /** What came of an effect is noted however long the store refuses it: a second attempt would send it again. */
  async #untilStored<T>(store: () => Promise<T>): Promise<T> {
    for (let wait = 100; ; wait = Math.min(wait * 2, 5_000)) {
      try {
        return await store();
      } catch (error) {
        if (!this.#active) throw error;
        this.#options.log.error({ err: error }, 'storing failed; trying again');
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  #after(taken: Taken, next: Taken | null | 'fenced', told: boolean): Taken | null {
    if (next === 'fenced') {
      this.#options.fenced(taken.shard);
      return null;
    }
    if (told) this.#options.resulted(taken.shard);
    return next;
  }

  async #postpone(taken: Taken, effect: Effect, due: number): Promise<null> {
    const { store, fenced, at } = this.#options;
    const code = await this.#untilStored(() => store.postpone(taken, effect, due));
    if (code === 'fenced') fenced(taken.shard);
    if (at !== undefined) await at('retry stored');
    this.#wakeLater(due);
    return null;
  }

  /** ms that this chat must wait before its next message; 0 takes its turn. */
  #chatWait(effect: Effect): number {
    if (effect.queue.endsWith('?') || effect.invocation !== undefined) return 0;
    const now = this.#options.clock.now();
    const chat = effect.to ?? effect.chat;
    let bucket = this.#chats.get(chat);
    if (bucket === undefined) {
      // A group takes 20 messages a minute, a person one a second.
      bucket = new TokenBucket(chatBurst, chat < 0 ? 20 / 60 : 1, now);
      this.#chats.set(chat, bucket);
    }
    return bucket.take(now);
  }

  #forgetIdleChats(): void {
    const now = this.#options.clock.now();
    for (const [chat, bucket] of this.#chats) if (bucket.isFull(now)) this.#chats.delete(chat);
  }

  /** Waits until this copy's part of the limits has room. */
  async #takeTurn(lane: Lane): Promise<void> {
    if (lane === 'checkout') return;
    for (const bucket of isAnswer(lane) ? [this.#total] : [this.#bulk, this.#total]) {
      for (;;) {
        const wait = bucket.take(performance.now());
        if (wait === 0) break;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}

const burstOf = (perSecond: number): number => Math.max(1, perSecond / 10);

const isAnswer = (lane: Lane): boolean => lane === 'checkout' || lane === 'reply';

function resultOf(effect: Effect, result: { output: unknown } | { error: unknown }): StoredResult | null {
  if (effect.invocation === undefined) return null;
  return { machine: effect.machine, chat: effect.chat, invocation: effect.invocation, ...result };
}
