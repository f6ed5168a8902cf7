import { createConcurrentSink, createRunner, type RunnerHandle } from '@grammyjs/runner';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { type Answer, type Arrival, type Book, isEntered, type Line } from '../core/arrival.ts';
import type { Effect, EffectRule, JsonObject } from '../core/effects.ts';
import { type DurableMachine, expiryTimer } from '../core/machine.ts';
import type { Session } from '../core/session.ts';
import {
  type Commit,
  expire,
  type MachineEvent,
  outlivesForgetting,
  step,
  timerNamesOf,
} from '../core/step.ts';
import type { At } from '../points.ts';
import type { Store } from '../store.ts';
import type { Cause, DeadLetter, DueTimer, Entry, KeyedLine } from '../stored.ts';
import { Caution } from './caution.ts';
import { InboxSource } from './inbox.ts';
import { type Arrive, type Job, jobOfTimer, type Reading, type Task, taskOf } from './jobs.ts';
import { Shards } from './shards.ts';

export interface WorkerOptions {
  readonly store: Store;
  /** The machines by precedence: an update's event goes to the first that reacts to it. */
  readonly machines: readonly DurableMachine[];
  readonly arrive: Arrive;
  readonly effectRules: Readonly<Record<string, EffectRule>>;
  /** Default: no chat has a book. */
  readonly book?: Book;
  /** What a new session is given. */
  readonly newSession: (person: { readonly languageCode?: string }) => JsonObject;
  /** What is said to a person whose arrival was given up, at most once an hour. Default: nothing. */
  readonly apology?: { readonly type: string; readonly params: JsonObject };
  /** Turns a machine's effect into those that go out: an operator's message becomes one for each operator. */
  readonly address: (effect: Effect) => readonly Effect[];
  /** Hears what was committed: hints for the loops that read it. */
  readonly committed: (
    shard: number,
    commit: { timers: Commit['timers']; effects: readonly Effect[] },
  ) => void;
  /** Hears that something was put into another shard's inbox. */
  readonly moved: (shard: number) => void;
  /** Hears that something was given up. */
  readonly gaveUp: (reason: string) => void;
  /** Another copy owns this shard now. */
  readonly fenced: (shard: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Causes in hand at once. Default 256. */
  readonly concurrency?: number;
  readonly at?: At;
}

/** A cause with what is known of it, and the work that it asks for. */
interface InHand {
  readonly cause: Cause;
  /** Whose order it keeps; null: nobody's. */
  readonly chat: number | null;
  readonly job?: Job;
  readonly work: () => Promise<void>;
}

/** A session that changes under a step again and again: so often it is stepped at once, then with a pause, ms. */
const conflicts = { atOnce: 5, most: 50, pause: 20 };
/** A person hears at most once in so long that something broke, ms. */
const sorryPeriod = 3_600_000;
/** What is known of a chat without a book. */
const nothingToAccount: { facts?: JsonObject; entry?: Line } = {};
const noBook: Book = {
  keyOf: () => {
    throw new Error('Expected no line of a book: none is kept here');
  },
  account: () => ({ facts: {} }),
};
/** A timer that fires later than this after its time is told so, ms. */
const lateness = 60_000;

/** A session changed each time before its step could be written. */
class TooManyConflicts extends Error {
  override name = 'TooManyConflicts';
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
  readonly #book: Book;
  /** Causes in hand that may still be committed. */
  readonly #current = new Set<Cause>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#book = options.book ?? noBook;
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
        return this.#perform(task.job);
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
    const { store, machines, log } = this.#options;
    const loaded = machines.map((machine) => ({
      id: machine.id,
      timers: timerNamesOf(machine),
      outlives: (session: Session) => outlivesForgetting(machine, session),
    }));
    await store.forgetLetters(cause.shard, chat);
    for (let count = 1; ; count++) {
      const code = await store.forgetChat(cause, chat, loaded);
      if (code === 'conflict') await this.#pauseAfterConflict(count);
      else {
        if (this.#checkOwner(cause, code) === 'ok') log.info({ chat }, 'forgotten');
        return;
      }
    }
  }

  /** A session has changed under a step for the `count`th time in a row: in the end the step is given up. */
  async #pauseAfterConflict(count: number): Promise<void> {
    if (count >= conflicts.most)
      throw new TooManyConflicts(`The session changed ${count} times in a row before it could be written`);
    if (count >= conflicts.atOnce)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * conflicts.pause));
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
    const { log } = this.#options;
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
          perform = () => this.#bury(inHand, error);
          continue;
        }
        log.error({ err: error, entry: cause.id }, 'storing failed; trying again');
        if (!this.#source.isActive()) return;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /** Once more, with what is stored then, while somebody else is first. */
  async #perform(job: Job): Promise<void> {
    const started = performance.now();
    const last = job.machines.length - 1;
    for (let turn = 0, count = 1; turn <= last; ) {
      const machine = job.machines[turn] as DurableMachine;
      const code = await this.#stepAndCommit(job, machine, turn === last, started);
      if (code === 'done') return;
      if (code === 'ignored') turn++;
      else await this.#pauseAfterConflict(count++);
    }
  }

  /** @returns `ignored`: the machine does not react, and another may */
  async #stepAndCommit(
    job: Job,
    machine: DurableMachine,
    isLast: boolean,
    started: number,
  ): Promise<'done' | 'ignored' | 'conflict'> {
    const { store, clock, log, at } = this.#options;
    const { cause, chat, arrival } = job;
    const { session, version, away, book } = await store.loadSession(machine.id, chat);
    const isBack = away && arrival !== undefined;
    const isGranted = arrival?.entry !== undefined && isEntered(arrival.entry, book, this.#book.keyOf);
    if (at !== undefined) await at('cause read');
    const now = clock.now();
    const event = job.eventFor(session);
    const { facts, entry } =
      event === null || isGranted || (book.length === 0 && arrival?.entry === undefined)
        ? nothingToAccount
        : this.#book.account(book, {
            event,
            now,
            ...(arrival?.entry !== undefined && { entry: arrival.entry }),
          });
    // What did not fire late has nothing to wait for here.
    const late =
      job.kind === 'timer' && now - cause.due > lateness
        ? await this.#lateness(job, machine, now)
        : undefined;
    const known = { event, isAway: away, isBack, facts: late === undefined ? facts : { ...facts, ...late } };
    const commit = isGranted ? null : this.#step(job, machine, session, now, known);
    if (commit === null && !isGranted && !isLast) return 'ignored';
    const answer = this.#answer(job, machine, session, commit);
    const effects = commit === null ? [] : commit.effects.flatMap(this.#options.address);
    if (answer !== null) effects.push(answer);
    if (!this.#current.has(cause)) return 'done';
    const target = { machine: machine.id, machineVersion: machine.version, chat, version };
    const code = await store.commit(cause, target, commit, {
      now,
      seen: arrival !== undefined && arrival.elsewhere !== true,
      effects,
      back: isBack,
      ...(entry !== undefined && { entry: this.#keyed(entry) }),
      ...(commit !== null &&
        commit.records.length > 0 && {
          records: commit.records.map((record) => this.#keyed(lineOf(record, job, now))),
        }),
    });
    if (at !== undefined) await at('step committed');
    if (code === 'conflict' || code === 'charged') return 'conflict';
    if (this.#checkOwner(cause, code) !== 'ok') return 'done';
    this.#options.committed(cause.shard, { timers: commit?.timers ?? [], effects });
    if (commit !== null && (commit.signals.length > 0 || commit.forgets)) this.hint(cause.shard);
    log.info({
      ...(arrival !== undefined && { update: arrival.update }),
      chat,
      machine: machine.id,
      event: event?.type ?? 'expired',
      from: commit?.from ?? null,
      to: commit?.ends === true ? null : (commit?.to ?? null),
      effects: effects.map(nameOf),
      ms: Math.round((performance.now() - started) * 10) / 10,
    });
    return 'done';
  }

  #keyed(line: Line): KeyedLine {
    return { key: this.#book.keyOf(line), line };
  }

  /**
   * What the step of a timer is told that fires late: `late`, by how many ms; `newer`, that a timer of the same session
   * which was to fire after it is due as well, so that of several reminders only the newest need be sent.
   */
  async #lateness({ cause, chat }: Job, machine: DurableMachine, now: number): Promise<JsonObject> {
    const names = timerNamesOf(machine).filter((name) => name !== expiryTimer);
    const isNewerDue = await this.#options.store.isNewerDue(machine.id, chat, names, cause.due, now);
    return { late: now - cause.due, ...(isNewerDue && { newer: true }) };
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

  #step(
    job: Job,
    machine: DurableMachine,
    session: Session | null,
    now: number,
    known: {
      readonly event: MachineEvent | null;
      readonly isAway: boolean;
      readonly isBack: boolean;
      readonly facts: JsonObject | undefined;
    },
  ): Commit | null {
    const { event, isAway, isBack, facts } = known;
    if (event === null) return expire(machine, session, isAway);
    // An update or a signal opens a session; a timer or a result that finds none has outlived it.
    const isOver = session === null || session.status !== 'active';
    if (isOver && (job.kind === 'timer' || job.kind === 'result')) return null;
    return step({
      machine,
      chat: job.chat,
      session,
      event,
      cause: job.kind === 'timer' ? `t${job.cause.due}` : job.cause.id,
      input: this.#options.newSession(job.arrival ?? {}),
      now,
      hops: job.hops,
      ...(facts !== undefined && { facts }),
      isFromOutside: job.arrival !== undefined && job.arrival.fromOperator !== true,
      isBack,
      rules: this.#options.effectRules,
    });
  }

  /** What asks for an answer gets it whether or not a machine reacts; that nobody did is told. */
  #answer(job: Job, machine: DurableMachine, session: Session | null, commit: Commit | null): Effect | null {
    const answer = job.arrival?.answer;
    if (job.arrival === undefined || answer === undefined) return null;
    const context = commit?.session.context ?? session?.context;
    return this.#answerOf(
      job.arrival,
      answer,
      machine.id,
      commit === null ? answer.whenIgnored : {},
      context,
    );
  }

  #answerOf(
    arrival: Arrival,
    { id, type, params }: Answer,
    machine: string,
    notice: JsonObject = {},
    context: JsonObject = this.#options.newSession(arrival),
  ): Effect {
    const { chat } = arrival;
    const queue = `${chat}?${id}`;
    return { id, type, params: { ...params, ...notice }, machine, chat, lane: 'reply', queue, context };
  }

  /** Keeps a cause as a dead letter. A payment reaches the ledger all the same, and the person hears that something broke. */
  async #bury(inHand: InHand, error: unknown): Promise<void> {
    const { store, clock, log, gaveUp, committed } = this.#options;
    const { cause, chat, job } = inHand;
    const now = clock.now();
    const letter = letterOf(inHand, error, now);
    const entry = job?.arrival?.entry;
    const extra = await this.#apologies(inHand, now);
    const code = await store
      .commit(cause, null, null, {
        now,
        letter,
        effects: extra,
        ...(entry !== undefined && { entry: this.#keyed(entry) }),
      })
      .catch((refusal: unknown) => {
        if (this.#options.store.isPassing(refusal)) throw refusal;
        // What comes beside it may be what is refused.
        return store.commit(cause, null, null, { now, letter });
      });
    const about = { err: error, chat, kind: letter.kind };
    if (this.#checkOwner(cause, code) !== 'ok') {
      log.warn({ ...about, code }, 'given up, but it was not here any more: nothing is kept');
      return;
    }
    log.error(about, 'given up; kept as a dead letter');
    committed(cause.shard, { timers: [], effects: extra });
    gaveUp(letter.error);
  }

  /** What a person hears whose update was given up: a pressed button stops waiting, and a message now and then. */
  async #apologies({ cause, job }: InHand, now: number): Promise<Effect[]> {
    const arrival = job?.arrival;
    if (job === undefined || arrival === undefined || arrival.elsewhere === true) return [];
    const [{ id: machine }] = job.machines;
    const { chat, answer } = arrival;
    const { apology } = this.#options;
    const answers = answer === undefined ? [] : [this.#answerOf(arrival, answer, machine, answer.whenBroken)];
    if (apology === undefined || !(await this.#options.store.maySaySorry(chat, now, sorryPeriod)))
      return answers;
    const sorry: Effect = {
      id: `${cause.id}.sorry`,
      ...apology,
      machine,
      chat,
      lane: 'reply',
      queue: `${chat}`,
      context: this.#options.newSession(arrival),
    };
    return [...answers, sorry];
  }

  #checkOwner<Code extends string>(cause: Cause, code: Code): Code {
    if (code === 'fenced') this.#options.fenced(cause.shard);
    return code;
  }
}

/** The line that a step asks for. */
function lineOf(record: JsonObject, { cause, chat }: Job, at: number): Line {
  const line = { ...record, id: cause.id, chat, at };
  return line;
}

/** Characters of an error that are kept. */
const longestError = 2_000;
const longestStack = 8_000;

function letterOf({ cause, chat, job }: InHand, error: unknown, at: number): DeadLetter {
  const { message, stack } = error instanceof Error ? error : { message: described(error), stack: undefined };
  const letter = {
    error: String(message).slice(0, longestError),
    ...(typeof stack === 'string' && { stack: stack.slice(0, longestStack) }),
    at,
    ...(chat !== null && { chat }),
  };
  if (job !== undefined)
    return { kind: job.kind, ...letter, ...(job.kind === 'timer' && { due: cause.due }), body: job.body };
  if (!('text' in cause)) return { kind: 'timer', ...letter, due: cause.due, body: cause.id };
  const { kind, field, text } = cause as Entry;
  if (kind === null) return { kind: 'unknown', ...letter, body: { field, text } };
  return { kind: kind === 'arrival' ? 'update' : kind, ...letter, body: text };
}

/** Anything can be thrown, also what has no text. */
function described(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `a thrown ${typeof thrown}`;
  }
}

/** As the log shows an effect: `send offer`, `sendInvoice`. */
const nameOf = ({ type, params }: Effect): string =>
  typeof params?.['message'] === 'string' ? `${type} ${params['message']}` : type;
