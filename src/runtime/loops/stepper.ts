import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { type Book, isEntered, type Line } from '../core/arrival.ts';
import type { Commit, MachineEvent } from '../core/commit.ts';
import type { Effect, EffectRule, JsonObject } from '../core/effects.ts';
import { type DurableMachine, expiryTimer } from '../core/machine.ts';
import type { Session } from '../core/session.ts';
import { expire, step } from '../core/step.ts';
import { timerNamesOf } from '../core/timers.ts';
import type { At } from '../points.ts';
import type { Store } from '../store.ts';
import type { Cause, KeyedLine } from '../stored.ts';
import { answerOf } from './answers.ts';
import type { Job } from './jobs.ts';

export interface StepperOptions {
  readonly store: Store;
  readonly effectRules: Readonly<Record<string, EffectRule>>;
  readonly book: Book;
  /** What a new session is given. */
  readonly newSession: (person: { readonly languageCode?: string }) => JsonObject;
  /** The effects that go out for one that a step asks for: an operator's message becomes one for each operator. */
  readonly address: (effect: Effect) => readonly Effect[];
  /** Hears what was committed: hints for the loops that read it. */
  readonly committed: (
    shard: number,
    commit: { timers: Commit['timers']; effects: readonly Effect[] },
  ) => void;
  /** Hears that a step has put something into the inbox of its own shard. */
  readonly signalled: (shard: number) => void;
  /** Another copy owns this shard now. */
  readonly fenced: (shard: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly at?: At;
}

/** A session that changes under a step again and again: so often it is stepped at once, then with a pause, ms. */
const conflicts = { atOnce: 5, most: 50, pause: 20 };
/** What is known of a chat without a book. */
const nothingToAccount: { facts?: JsonObject; entry?: Line } = {};
/** A timer that fires later than this after its time is told so, ms. */
const lateness = 60_000;

/** A session changed each time before its step could be written. */
class TooManyConflicts extends Error {
  override name = 'TooManyConflicts';
}

/** A session has changed under a step for the `count`th time in a row: in the end the step is given up. */
export async function pauseAfterConflict(count: number, clock: Clock): Promise<void> {
  if (count >= conflicts.most)
    throw new TooManyConflicts(`The session changed ${count} times in a row before it could be written`);
  if (count >= conflicts.atOnce) await clock.sleep(Math.random() * conflicts.pause);
}

/** A line with the key that it stands under. */
export const keyed = (book: Book, line: Line): KeyedLine => ({ key: book.keyOf(line), line });

/** Makes steps: loads the session, steps the machine, commits what comes of it. */
export class Stepper {
  readonly #options: StepperOptions;
  readonly #isCurrent: (cause: Cause) => boolean;

  /** @param isCurrent whether a cause may still be committed; asked just before it is */
  constructor(options: StepperOptions, isCurrent: (cause: Cause) => boolean) {
    this.#options = options;
    this.#isCurrent = isCurrent;
  }

  /** Once more, with what is stored then, while somebody else is first. */
  async perform(job: Job): Promise<void> {
    const started = this.#options.clock.elapsed();
    const last = job.machines.length - 1;
    for (let turn = 0, count = 1; turn <= last; ) {
      const machine = job.machines[turn] as DurableMachine;
      const code = await this.#stepAndCommit(job, machine, turn === last, started);
      if (code === 'done') return;
      if (code === 'ignored') turn++;
      else await pauseAfterConflict(count++, this.#options.clock);
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
    const isGranted =
      arrival?.entry !== undefined && isEntered(arrival.entry, book, this.#options.book.keyOf);
    if (at !== undefined) await at('cause read');
    const now = clock.now();
    const event = job.eventFor(session);
    const { facts, entry } =
      event === null || isGranted || (book.length === 0 && arrival?.entry === undefined)
        ? nothingToAccount
        : this.#options.book.account(book, {
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
    if (!this.#isCurrent(cause)) return 'done';
    const target = { machine: machine.id, machineVersion: machine.version, chat, version };
    const code = await store.commit(cause, target, commit, {
      now,
      seen: arrival !== undefined && arrival.elsewhere !== true,
      effects,
      back: isBack,
      ...(entry !== undefined && { entry: keyed(this.#options.book, entry) }),
      ...(commit !== null &&
        commit.records.length > 0 && {
          records: commit.records.map((record) => keyed(this.#options.book, lineOf(record, job, now))),
        }),
    });
    if (at !== undefined) await at('step committed');
    if (code === 'conflict' || code === 'charged') return 'conflict';
    if (code === 'fenced') this.#options.fenced(cause.shard);
    if (code !== 'ok') return 'done';
    this.#options.committed(cause.shard, { timers: commit?.timers ?? [], effects });
    if (commit !== null && (commit.signals.length > 0 || commit.forgets))
      this.#options.signalled(cause.shard);
    log.info({
      ...(arrival !== undefined && { update: arrival.update }),
      chat,
      machine: machine.id,
      event: event?.type ?? 'expired',
      from: commit?.from ?? null,
      to: commit?.ends === true ? null : (commit?.to ?? null),
      effects: effects.map(nameOf),
      ms: Math.round((clock.elapsed() - started) * 10) / 10,
    });
    return 'done';
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
    const context = commit?.session.context ?? session?.context ?? this.#options.newSession(job.arrival);
    return answerOf(job.arrival, answer, machine.id, context, commit === null ? answer.whenIgnored : {});
  }
}

/** The line that a step asks for. */
function lineOf(record: JsonObject, { cause, chat }: Job, at: number): Line {
  const line = { ...record, id: cause.id, chat, at };
  return line;
}

/** As the log shows an effect: `send offer`, `sendInvoice`. */
const nameOf = ({ type, params }: Effect): string =>
  typeof params?.['message'] === 'string' ? `${type} ${params['message']}` : type;
