import { createConcurrentSink, createRunner, type RunnerHandle } from '@grammyjs/runner';
import type { Arrival, Book } from '../core/arrival.ts';
import { outlivesForgetting } from '../core/expiry.ts';
import { type DurableMachine, expiryTimer } from '../core/machine.ts';
import type { Session } from '../core/session.ts';
import { timerNamesOf } from '../core/timers.ts';
import type { Cause, DueTimer, Entry } from '../stored.ts';
import { Burial, type BurialOptions, type Lost } from './burial.ts';
import { Caution } from './caution.ts';
import { InboxSource } from './inbox.ts';
import { type Arrive, jobOfTimer, type Reading, type Task, taskOf } from './jobs.ts';
import { Shards } from './shards.ts';
import { pauseAfterConflict, Stepper, type StepperOptions } from './stepper.ts';

export interface WorkerOptions
  extends Omit<StepperOptions, 'book' | 'signalled'>,
    Omit<BurialOptions, 'book'> {
  /** The machines by precedence: an update's event goes to the first that reacts to it. */
  readonly machines: readonly DurableMachine[];
  readonly arrive: Arrive;
  /** Default: no chat has a book. */
  readonly book?: Book;
  /** Hears that something was put into another shard's inbox. */
  readonly moved: (shard: number) => void;
  /** Causes in hand at once. Default 256. */
  readonly concurrency?: number;
}

const noBook: Book = {
  keyOf: () => {
    throw new Error('Expected no line of a book: none is kept here');
  },
  account: () => ({ facts: {} }),
};

/** A cause with what is known of it, and the work that it asks for. */
interface InHand extends Lost {
  readonly work: () => Promise<void>;
}

/**
 * The one door to a session: updates, due timers and results of effects come in here; each is stepped and committed.
 * Chats are handled concurrently, one chat in order.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #chains = new Map<number, Promise<void>>();
  readonly #source: InboxSource;
  readonly #runner: RunnerHandle;
  readonly #shards = new Shards();
  readonly #caution: Caution;
  readonly #reading: Reading;
  readonly #stepper: Stepper;
  readonly #burial: Burial;
  /** Causes in hand that may still be committed. */
  readonly #current = new Set<Cause>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    const parts = { ...options, book: options.book ?? noBook };
    const signalled = (shard: number) => this.hint(shard);
    this.#stepper = new Stepper({ ...parts, signalled }, (cause) => this.#current.has(cause));
    this.#burial = new Burial(parts);
    const concurrency = options.concurrency ?? 256;
    this.#source = new InboxSource(options.store, this.#shards, concurrency, options.log);
    this.#caution = new Caution(options.store, options.clock);
    this.#reading = {
      get machines() {
        return options.machines;
      },
      arrive: options.arrive,
      shardOf: (chat) => options.store.shardOf(chat),
    };
    const sink = createConcurrentSink<Entry>(
      { consume: (entry) => this.#handleEntry(entry) },
      async (error) => options.log.error({ err: error }, 'an inbox entry failed; it stays stored'),
      { concurrency },
    );
    this.#runner = createRunner(this.#source, sink);
  }

  start(): void {
    this.#runner.start();
  }

  /**
   * A shard is this copy's: its inbox is read from the beginning.
   * @param isInherited its last owner died with it, and may have died of something in it
   */
  gain(shard: number, isInherited = false): void {
    if (isInherited) this.#caution.suspect(shard);
    this.#shards.open(shard);
    this.#source.rewind(shard);
  }

  /** Takes nothing new of a shard, and resolves when everything of it in hand is committed. */
  drain(shard: number): Promise<void> {
    this.#caution.dismiss(shard);
    return this.#shards.drain(shard);
  }

  /**
   * Redis was killed, and may have lost what it had answered: a commit is gone, and its cause is back. Everything is read
   * again from the beginning, and what is in hand is left, so that a chat keeps its order.
   */
  reread(): void {
    this.#current.clear();
    for (const shard of this.#shards) this.#source.rewind(shard);
  }

  /** Something was appended to a shard's inbox. */
  hint(shard: number): void {
    this.#source.hint(shard);
  }

  /** Takes nothing new, and resolves when everything in hand is committed. */
  async stop(): Promise<void> {
    this.#source.close();
    void this.#runner.stop();
    await this.#shards.drainAll();
  }

  /** Steps a due timer. Resolves when it is committed, or given up. */
  handleTimer(timer: DueTimer): Promise<void> {
    return this.#inOrder(this.#begin(timer, timer.chat, () => this.#taskOfTimer(timer)));
  }

  #taskOfTimer(timer: DueTimer): Task {
    return { kind: 'step', chat: timer.chat, job: jobOfTimer(timer, this.#options.machines) };
  }

  async #handleEntry(entry: Entry): Promise<void> {
    try {
      await this.#inOrder(this.#begin(entry, entry.chat, () => taskOf(entry, this.#reading)));
    } finally {
      this.#source.done(entry);
    }
  }

  /** Finds out what a cause asks for. What cannot be read fails when it is its turn, and is given up like all that fails. */
  #begin(cause: Cause, chat: number | null, read: () => Task): InHand {
    try {
      const task = read();
      const work = () => this.#do(cause, task);
      return { cause, chat: chat ?? task.chat, work, ...('job' in task && { job: task.job }) };
    } catch (error) {
      return { cause, chat, work: () => Promise.reject(error) };
    }
  }

  #do(cause: Cause, task: Task): Promise<void> {
    switch (task.kind) {
      case 'step':
        return this.#stepper.perform(task.job);
      case 'abandon':
        return this.#abandon(cause, task.chat);
      case 'forget':
        return this.#forget(cause, task.chat);
      case 'move':
        return this.#move(cause, task.arrival);
      case 'discard':
        return this.#discard(cause);
    }
  }

  async #discard(cause: Cause): Promise<void> {
    const { store, clock } = this.#options;
    this.#checkOwner(cause, await store.discard(cause, clock.now()));
  }

  /** Two shards cannot be written at once: an update that was stored in both is told by its id. */
  async #move(cause: Cause, arrival: Arrival): Promise<void> {
    const { store, moved } = this.#options;
    const { chat, update: id, lane } = arrival;
    await store.appendUpdates([{ id, chat, lane, kind: 'arrival', text: JSON.stringify(arrival) }]);
    await this.#discard(cause);
    moved(store.shardOf(chat));
  }

  /** A person's wish to be forgotten: first what was given up of them, then all else in one write. */
  async #forget(cause: Cause, chat: number): Promise<void> {
    const { store, machines, clock, log } = this.#options;
    const loaded = machines.map((machine) => ({
      id: machine.id,
      timers: timerNamesOf(machine),
      outlives: (session: Session) => outlivesForgetting(machine, session),
    }));
    await store.forgetLetters(cause.shard, chat);
    for (let count = 1; ; count++) {
      const code = await store.forgetChat(cause, chat, loaded);
      if (code === 'conflict') await pauseAfterConflict(count, clock);
      else {
        if (this.#checkOwner(cause, code) === 'ok') log.info({ chat }, 'forgotten');
        return;
      }
    }
  }

  /** One chat in order: a job waits for the one before it. What is about no chat waits for nothing. */
  async #inOrder(inHand: InHand): Promise<void> {
    const { cause, chat } = inHand;
    const before = chat === null ? undefined : this.#chains.get(chat);
    this.#current.add(cause);
    this.#shards.begin(cause.shard);
    const mine = before === undefined ? this.#untilDone(inHand) : before.then(() => this.#untilDone(inHand));
    if (chat !== null) this.#chains.set(chat, mine);
    try {
      await mine;
    } finally {
      this.#current.delete(cause);
      if (chat !== null && this.#chains.get(chat) === mine) this.#chains.delete(chat);
      this.#shards.end(cause.shard);
    }
  }

  /**
   * A fault of Redis that passes is waited for: the cause stays stored. Everything else fails as often as it is tried, so the
   * cause is given up at once, and its chat goes on.
   */
  async #untilDone(inHand: InHand): Promise<void> {
    const { clock, log } = this.#options;
    const { cause, work } = inHand;
    let perform = () => this.#caution.perform(cause, work);
    let isGivenUp = false;
    for (let wait = 100; this.#current.has(cause); wait = Math.min(wait * 2, 5_000)) {
      try {
        await perform();
        return;
      } catch (error) {
        if (!this.#options.store.isPassing(error)) {
          if (isGivenUp) {
            log.error(
              { err: error, entry: cause.id },
              'it can neither be handled nor be kept as a dead letter; it stays stored',
            );
            return;
          }
          isGivenUp = true;
          perform = () => this.#burial.bury(inHand, error);
          continue;
        }
        log.error({ err: error, entry: cause.id }, 'storing failed; trying again');
        if (!this.#source.isActive()) return;
        await clock.sleep(wait);
      }
    }
  }

  /** A person who cannot be reached: nothing is sent and no timer fires until they come back. */
  async #abandon(cause: Cause, chat: number): Promise<void> {
    const { store, machines, clock, log } = this.#options;
    const now = clock.now();
    const paused = machines.filter(({ whileUnreachable }) => !whileUnreachable.goesOn);
    const code = await store.abandon(
      cause,
      chat,
      paused.map((machine) => {
        const { endsAfter } = machine.whileUnreachable;
        const timers = timerNamesOf(machine).filter((name) => name !== expiryTimer);
        return { id: machine.id, timers, endsAt: endsAfter === null ? null : now + endsAfter };
      }),
    );
    if (this.#checkOwner(cause, code) === 'ok')
      log.info({ chat }, 'the chat cannot be reached; what waits for it is dropped until it is back');
  }

  #checkOwner<Code extends string>(cause: Cause, code: Code): Code {
    if (code === 'fenced') this.#options.fenced(cause.shard);
    return code;
  }
}
