import type { Commit } from '../core/commit.ts';
import { lanes } from '../core/effects.ts';
import { encodeSession } from '../core/session.ts';
import type { Cause, CommitOptions, KeyedLine, Target } from '../stored.ts';
import { entryField } from './entries.ts';
import { bookSuffix, sessionSuffix, timerMember } from './keys.ts';

/** A step as `commit.lua` takes it, which says what each field is. What has no value is left out. */
export type PackedStep = {
  source: string;
  id: string;
  due?: number;
  now: number;
  seen?: string;
  session?: string;
  version?: number;
  text?: string;
  release?: string;
  machine?: string;
  from?: string;
  to?: string;
  day?: string;
  back?: true;
  key?: string;
  line?: string;
  book?: string;
  letter?: string;
  timers?: (string | number | false)[];
  effects?: (string | number)[];
  entries?: string[];
  counts?: readonly string[];
  records?: string[];
};

export function packedStep(
  cause: Cause,
  target: Target | null,
  commit: Commit | null,
  options: CommitOptions,
): PackedStep {
  const { now, letter, effects = commit?.effects ?? [] } = options;
  const step: PackedStep = { source: cause.source, id: cause.id, now };
  if (cause.source === 'timers') step.due = cause.due;
  if (options.seen === true && target !== null) step.seen = String(target.chat);
  addLines(step, target, options);
  if (letter !== undefined) step.letter = JSON.stringify(letter);
  if (effects.length > 0) {
    step.effects = [];
    for (const effect of effects)
      step.effects.push(effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect));
  }
  if (target !== null && commit !== null) addSession(step, target, commit, options);
  return step;
}

/** What the cause brings for the book, and what the step records there. */
function addLines(step: PackedStep, target: Target | null, { entry, records = [], letter }: CommitOptions) {
  const chat = entry?.line.chat ?? target?.chat;
  if (chat !== undefined && (entry !== undefined || records.length > 0)) step.book = bookSuffix(chat);
  if (entry !== undefined) {
    // What a cause brought that is given up is recorded as still to be granted.
    const kept: KeyedLine['line'] = letter === undefined ? entry.line : { ...entry.line, ungranted: true };
    step.key = entry.key;
    step.line = JSON.stringify(kept);
  }
  if (records.length > 0) step.records = records.flatMap(({ key, line }) => [key, JSON.stringify(line)]);
}

function addSession(
  step: PackedStep,
  { machine, machineVersion, chat, version }: Target,
  commit: Commit,
  { now, back }: CommitOptions,
) {
  step.session = sessionSuffix(machine, chat);
  step.version = version;
  step.text = encodeSession(commit.session);
  step.release = machineVersion;
  step.machine = machine;
  if (commit.from !== null) step.from = commit.from;
  if (!commit.ends) step.to = commit.to;
  if (step.from !== step.to) step.day = dayOf(now);
  if (back === true) step.back = true;
  if (commit.counts.length > 0) step.counts = commit.counts;
  if (commit.timers.length > 0) {
    step.timers = [];
    // The last change of a timer counts.
    for (const [name, due] of new Map(commit.timers.map(({ name, due }) => [name, due])))
      step.timers.push(timerMember(machine, chat, name), due ?? false);
  }
  const entries = commit.signals.flatMap((signal) => [
    entryField('signal', signal.chat),
    JSON.stringify(signal),
  ]);
  if (commit.forgets) entries.push(entryField('forget', chat), JSON.stringify({ chat }));
  if (entries.length > 0) step.entries = entries;
}

/** `2026-11-25`, by which transitions are counted. */
const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);
