import { type Book, isEntered, type Line } from '../core/arrival.ts';
import type { Commit, MachineEvent } from '../core/commit.ts';
import type { EffectRule, JsonObject } from '../core/effects.ts';
import type { DurableMachine } from '../core/machine.ts';
import { expire, step } from '../core/step.ts';
import type { Loaded } from '../stored.ts';
import type { Job } from './jobs.ts';

export interface TurnRules {
  readonly effectRules: Readonly<Record<string, EffectRule>>;
  readonly book: Book;
  /** What a new session is given. */
  readonly newSession: (person: { readonly languageCode?: string }) => JsonObject;
}

/** What one machine makes of a job. */
export interface Turn {
  /** null: the session's time is over. */
  readonly event: MachineEvent | null;
  /** Somebody who could not be reached is there again. */
  readonly isBack: boolean;
  /** The line that the arrival brings stands in the book already: it is void, and whatever came with it. */
  readonly isGranted: boolean;
  /** null: the machine does not react. */
  readonly commit: Commit | null;
  /** The line that the arrival brings, as it is to be kept. */
  readonly entry: Line | undefined;
}

/** What is known of a chat without a book. */
const nothingToAccount: { facts?: JsonObject; entry?: Line } = {};

/**
 * One machine's turn at a job, from what is stored to what is to be written. Pure: the worker commits what comes of it to
 * its store, and whoever explores a program to one in memory.
 * @param lateness what the step of a timer that fires late is told of it
 */
export function turnOf(
  rules: TurnRules,
  job: Job,
  machine: DurableMachine,
  { session, away, book }: Pick<Loaded, 'session' | 'away' | 'book'>,
  now: number,
  lateness?: JsonObject,
): Turn {
  const { arrival } = job;
  const line = arrival?.entry;
  const isBack = away && arrival !== undefined;
  const isGranted = line !== undefined && isEntered(line, book, rules.book.keyOf);
  const event = job.eventFor(session);
  if (isGranted) return { event, isBack, isGranted, commit: null, entry: undefined };
  if (event === null)
    return { event, isBack, isGranted, commit: expire(machine, session, away), entry: undefined };
  const { facts, entry } =
    book.length === 0 && line === undefined
      ? nothingToAccount
      : rules.book.account(book, { event, now, ...(line !== undefined && { entry: line }) });
  const known = lateness === undefined ? facts : { ...facts, ...lateness };
  // An update or a signal opens a session; a timer or a result that finds none has outlived it.
  const isOver = session === null || session.status !== 'active';
  if (isOver && (job.kind === 'timer' || job.kind === 'result'))
    return { event, isBack, isGranted, commit: null, entry };
  const commit = step({
    machine,
    chat: job.chat,
    session,
    event,
    cause: job.kind === 'timer' ? `t${job.cause.due}` : job.cause.id,
    input: rules.newSession(arrival ?? {}),
    now,
    hops: job.hops,
    ...(known !== undefined && { facts: known }),
    isFromOutside: arrival !== undefined && arrival.fromOperator !== true,
    isBack,
    rules: rules.effectRules,
  });
  return { event, isBack, isGranted, commit, entry };
}

/** The line that a step asks for. */
export function lineOf(record: JsonObject, { cause, chat }: Job, at: number): Line {
  const line = { ...record, id: cause.id, chat, at };
  return line;
}
