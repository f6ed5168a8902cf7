import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Arrival, Book } from './core/arrival.ts';
import type { Effect, EffectRule, JsonObject } from './core/effects.ts';
import type { DurableMachine } from './core/machine.ts';
import { waitsForNews } from './core/timers.ts';
import type { Intake } from './intake.ts';
import type { DeadLetters } from './letters.ts';
import { Dispatcher } from './loops/dispatcher.ts';
import type { Arrive } from './loops/jobs.ts';
import { Leases } from './loops/leases.ts';
import { News } from './loops/news.ts';
import type { Outcome } from './loops/outcome.ts';
import { Rescan } from './loops/rescan.ts';
import { Retention } from './loops/retention.ts';
import { Timers } from './loops/timers.ts';
import { Worker } from './loops/worker.ts';
import type { At } from './points.ts';
import type { Store } from './store.ts';
import type { Incoming } from './stored.ts';

export interface RuntimeOptions {
  readonly store: Store;
  readonly letters: DeadLetters;
  /** The machines of the moment, by precedence: an arrival goes to the first that reacts to it. */
  readonly machines: () => readonly DurableMachine[];
  readonly arrive: Arrive;
  /** How effects wait, and who may cause them, by name. */
  readonly effectRules: Readonly<Record<string, EffectRule>>;
  /** The effects that go out for one that a step asks for. Default: it alone. */
  readonly address?: (effect: Effect) => readonly Effect[];
  /** Does what an effect asks for; its value is the result of an invoked actor. */
  readonly perform: (effect: Effect) => Promise<unknown>;
  /** What to do after a failed attempt; see `Outcome`. */
  readonly judge: (error: unknown, effect: Effect, attempt: number, faults: number) => Outcome;
  /** What a new session is given. */
  readonly newSession: (person: { readonly languageCode?: string }) => JsonObject;
  /** Default: no chat has a book. */
  readonly book?: Book;
  /** What is said to a person whose arrival was given up, at most once an hour. Default: nothing. */
  readonly apology?: { readonly type: string; readonly params: JsonObject };
  /** Effects a second of all copies: all lanes together, and reminders and broadcasts among them. */
  readonly rates: { readonly total: number; readonly bulk: number };
  /** Effects in flight at once: replies, and bulk. */
  readonly window: { readonly answers: number; readonly bulk: number };
  /** How the log names where effects go, and what the bot shows there to be let in. */
  readonly outside: { readonly name: string; readonly credential: string };
  /** What comes is kept outside for longer than this, ms; a longer silence is made up for by a comparison. */
  readonly longestGap: number;
  /** This copy's name, and whether another is surely dead; see `Leases`. */
  readonly copy: { readonly name: string; readonly isDead: (copy: string) => boolean };
  /** Takes dead letters that are too old or too many. */
  readonly lettersFile: string;
  /** What takes in from outside; only the copy that holds the role does. */
  readonly intake: Intake;
  /** Something was given up. */
  readonly gaveUp?: () => void;
  /** Some copy wants the content read anew. */
  readonly changed?: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly at?: At;
}

/** Reminders that may wait to be sent, as many as are sent in this time, ms; the others stay timers. */
const reminderBacklog = 2_000;

/**
 * The loops over one store, joined: what comes in is stepped and committed, timers fire, effects go out, and the shards are
 * shared with the other copies that work on the same store.
 */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #worker: Worker;
  readonly #dispatcher: Dispatcher;
  readonly #timers: Timers;
  readonly #news: News;
  readonly #rescan: Rescan;
  readonly #leases: Leases;
  readonly #retention: Retention;
  #stopListening: () => void = () => {};

  /** Long, since the loops refer to each other: nowhere else are they joined. */
  constructor(options: RuntimeOptions) {
    this.#options = options;
    const { store, clock, log } = options;
    const common = {
      store,
      clock,
      log,
      fenced: (shard: number) => this.#leases.lost(shard),
      ...(options.at !== undefined && { at: options.at }),
    };
    this.#dispatcher = new Dispatcher({
      ...common,
      holds: (shard) => this.holds(shard),
      perform: options.perform,
      judge: options.judge,
      resulted: (shard) => this.#worker.hint(shard),
      rates: options.rates,
      window: options.window,
      outside: options.outside,
    });
    this.#worker = new Worker({
      ...common,
      get machines() {
        return options.machines();
      },
      arrive: options.arrive,
      effectRules: options.effectRules,
      address: options.address ?? ((effect) => [effect]),
      newSession: options.newSession,
      committed: (shard, { timers, effects }) => {
        for (const { due } of timers) if (due !== null) this.#timers.hint(shard, due);
        this.#dispatcher.hintEffects(shard, effects);
      },
      moved: (shard) => this.#announce([shard]),
      gaveUp: () => options.gaveUp?.(),
      ...(options.book !== undefined && { book: options.book }),
      ...(options.apology !== undefined && { apology: options.apology }),
    });
    this.#news = new News({ store, longestGap: options.longestGap, clock });
    this.#timers = new Timers({
      ...common,
      waits: ({ machine: id, timer }) =>
        options.machines().some((machine) => machine.id === id && waitsForNews(machine, timer)),
      news: (due) => this.#news.until(due),
      handle: (timer) => this.#worker.handleTimer(timer),
      // Each copy sends its part of what is allowed, out of its part of the shards: a shard's part is the same either way.
      room: () => Math.ceil((options.rates.bulk * reminderBacklog) / 1_000 / store.shards),
    });
    this.#rescan = new Rescan({
      store,
      found: (shard, { inbox, lanes, nextTimer }) => {
        if (inbox) this.#worker.hint(shard);
        for (const lane of lanes) this.#dispatcher.hint(shard, lane);
        if (nextTimer !== null) this.#timers.hint(shard, nextTimer);
      },
      clock,
      log,
    });
    this.#leases = new Leases({
      store,
      copy: options.copy.name,
      isDead: options.copy.isDead,
      gained: (shard, unclean) => {
        this.#worker.gain(shard, unclean);
        this.#timers.gain(shard);
        this.#dispatcher.gain(shard);
        this.#rescan.gain(shard);
      },
      drained: async (shard) => {
        this.#rescan.drain(shard);
        await Promise.all([this.#worker.drain(shard), this.#timers.drain(shard)]);
        await this.#dispatcher.drain(shard);
      },
      startPolling: options.intake.start,
      stopPolling: options.intake.stop,
      copiesChanged: (copies) => this.#dispatcher.share(copies),
      clock,
      log,
      ...(options.at !== undefined && { at: options.at }),
    });
    this.#retention = new Retention({
      store,
      letters: options.letters,
      holds: (shard) => this.holds(shard),
      file: options.lettersFile,
      clock,
      log,
    });
  }

  /** Resolves when this copy has joined the others, and has taken what is free of its share. */
  async start(): Promise<void> {
    const { store, intake, changed } = this.#options;
    this.#stopListening = store.listen(
      (shard) => this.#worker.hint(shard),
      () => changed?.(),
      (shard) => this.#dispatcher.rescan([shard]),
      () => {
        const all = Array.from({ length: store.shards }, (_, shard) => shard);
        for (const shard of all) this.#worker.hint(shard);
        this.#dispatcher.rescan(all);
      },
      () => {
        this.#news.wanted();
        intake.hurry();
      },
    );
    this.#worker.start();
    this.#dispatcher.start();
    this.#timers.start();
    this.#rescan.start();
    await this.#leases.start();
    this.#retention.start();
  }

  /** Whether a shard, or the intake, is this copy's. */
  holds(role: number | 'poller'): boolean {
    return this.#leases.holds(role);
  }

  /** Somebody else takes in. Where it is another copy by right, this one stops. */
  async intakeConflicted(): Promise<void> {
    if (!(await this.#options.store.isOwner('poller'))) this.#leases.lost('poller');
  }

  /**
   * Stores what came in. Resolves when nothing can take it away but the loss of the disk.
   * @throws Error when it could not be stored, or may have been lost meanwhile: it must come again
   */
  async receive(updates: readonly Incoming[]): Promise<void> {
    const { store } = this.#options;
    // Nothing is taken for stored while the store is away, though there was nothing to store.
    if (updates.length === 0) return store.ping();
    const server = await store.server();
    await store.appendUpdates(updates);
    await this.#announce([...new Set(updates.map(({ chat }) => store.shardOf(chat ?? 0)))]);
    await store.untilWritten(server);
  }

  /** The same for what nobody sent; its repetition must be harmless. `text`: an update as it would have come. */
  async receiveFound(chat: number, text: string): Promise<void> {
    const { store } = this.#options;
    await store.appendFound(chat, text);
    await this.#announce([store.shardOf(chat)]);
  }

  /** Puts an arrival into its chat's inbox; its repetition must be harmless. */
  async signal(arrival: Arrival): Promise<void> {
    const { store } = this.#options;
    await store.appendArrivals([arrival]);
    this.#worker.hint(store.shardOf(arrival.chat));
  }

  /** Puts an effect into the outbox that no step asked for. */
  async post(effect: Effect): Promise<void> {
    const { store, clock } = this.#options;
    await store.post(effect, clock.now());
    const shard = store.shardOf(effect.chat);
    this.#dispatcher.hint(shard, effect.lane);
    if (!this.holds(shard)) await store.announceEffects([shard]);
  }

  /**
   * Everything that was outside at `asked` (ms) is stored.
   * @returns whether so long a time is behind that something may have been lost: then a comparison must begin
   */
  async caughtUp(asked: number): Promise<boolean> {
    const came = await this.#news.came(asked);
    if (came !== 'known') this.#timers.newsCame();
    return came === 'gap';
  }

  /** Which gap a comparison makes up for, and that it has. */
  readonly gap = {
    get: async () => (await this.#options.store.news.read()).gap,
    closed: async (gap: string) => {
      await this.#options.store.news.noteCompared(gap);
      this.#timers.newsCame();
    },
  };

  /** The store may have lost what it had answered: everything is read again. */
  reread(): void {
    this.#worker.reread();
    this.#timers.reread();
  }

  /**
   * Takes nothing new, finishes what is in hand, and leaves the copies. What is not finished in 8 s stays stored, for whoever
   * comes next.
   * @param isReachable whether the store answers; where it does not, nothing is waited for
   * @param beside what must have ended before the last effects are settled, since it may post some
   */
  async stop(isReachable: boolean, beside: () => Promise<void> = async () => {}): Promise<void> {
    this.#rescan.stop();
    const drained = this.#leases
      .stop()
      .then(() => Promise.all([this.#worker.stop(), this.#timers.stop(), this.#retention.stop(), beside()]))
      .then(() => this.#dispatcher.stop());
    const { clock } = this.#options;
    const within = (ms: number, work: Promise<unknown>) => Promise.race([work, clock.sleep(ms)]);
    await within(isReachable ? 8_000 : 0, drained);
    await within(isReachable ? 500 : 0, this.#dispatcher.abandon()).catch(() => {});
    this.#stopListening();
  }

  /** Something new stands in these shards' inboxes, whoever owns them. */
  async #announce(shards: readonly number[]): Promise<void> {
    for (const shard of shards) this.#worker.hint(shard);
    await this.#options.store.announce(shards.filter((shard) => !this.holds(shard)));
  }
}
