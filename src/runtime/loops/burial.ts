import type { Effect, JsonObject } from '../core/effects.ts';
import type { Cause, DeadLetter, Entry } from '../stored.ts';
import { answerOf } from './answers.ts';
import type { Job } from './jobs.ts';
import { keyed, type StepperOptions } from './stepper.ts';

export interface BurialOptions
  extends Pick<StepperOptions, 'store' | 'book' | 'newSession' | 'committed' | 'fenced' | 'clock' | 'log'> {
  /** What is said to a person whose arrival was given up, at most once an hour. Default: nothing. */
  readonly apology?: { readonly type: string; readonly params: JsonObject };
  /** Hears that something was given up. */
  readonly gaveUp: (reason: string) => void;
}

/** What is given up, with what is known of it. */
export interface Lost {
  readonly cause: Cause;
  /** null: it is about no chat, or nobody knows which. */
  readonly chat: number | null;
  readonly job?: Job;
}

/** A person hears at most once in so long that something broke, ms. */
const sorryPeriod = 3_600_000;

/** Keeps as a dead letter what cannot be handled. */
export class Burial {
  readonly #options: BurialOptions;

  constructor(options: BurialOptions) {
    this.#options = options;
  }

  /** Keeps a cause as a dead letter. A payment reaches the ledger all the same, and the person hears that something broke. */
  async bury(inHand: Lost, error: unknown): Promise<void> {
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
        ...(entry !== undefined && { entry: keyed(this.#options.book, entry) }),
      })
      .catch((refusal: unknown) => {
        if (this.#options.store.isPassing(refusal)) throw refusal;
        // What comes beside it may be what is refused.
        return store.commit(cause, null, null, { now, letter });
      });
    const about = { err: error, chat, kind: letter.kind };
    if (code === 'fenced') this.#options.fenced(cause.shard);
    if (code !== 'ok') {
      log.warn({ ...about, code }, 'given up, but it was not here any more: nothing is kept');
      return;
    }
    log.error(about, 'given up; kept as a dead letter');
    committed(cause.shard, { timers: [], effects: extra });
    gaveUp(letter.error);
  }

  /** What a person hears whose update was given up: a pressed button stops waiting, and a message now and then. */
  async #apologies({ cause, job }: Lost, now: number): Promise<Effect[]> {
    const arrival = job?.arrival;
    if (job === undefined || arrival === undefined || arrival.elsewhere === true) return [];
    const [{ id: machine }] = job.machines;
    const { chat, answer } = arrival;
    const { apology } = this.#options;
    const answers =
      answer === undefined
        ? []
        : [answerOf(arrival, answer, machine, this.#options.newSession(arrival), answer.whenBroken)];
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
}

/** Characters of an error that are kept. */
const longestError = 2_000;
const longestStack = 8_000;

function letterOf({ cause, chat, job }: Lost, error: unknown, at: number): DeadLetter {
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
