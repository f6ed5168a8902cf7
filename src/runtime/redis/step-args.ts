import type { Commit } from '../core/commit.ts';
import { lanes } from '../core/effects.ts';
import { encodeSession } from '../core/session.ts';
import type { Cause, CommitOptions, Target } from '../stored.ts';
import { entryField } from './entries.ts';
import { bookSuffix, sessionSuffix, timerMember } from './keys.ts';

export type StepArgs = readonly (string | number)[];

/** A step as `commit.lua` takes it. */
export function stepArgs(
  cause: Cause,
  target: Target | null,
  commit: Commit | null,
  options: CommitOptions,
): StepArgs {
  const { now, letter, records = [], effects = commit?.effects ?? [] } = options;
  const args: (string | number)[] = [cause.source, cause.id, cause.due];
  const writes = target !== null && commit !== null;
  // What a cause brought that is given up is recorded as still to be granted.
  const entry =
    options.entry === undefined || letter === undefined
      ? options.entry
      : { ...options.entry, line: { ...options.entry.line, ungranted: true as const } };
  const chat = entry?.line.chat ?? target?.chat;
  const from = commit?.from ?? '';
  const to = commit?.ends === true ? '' : (commit?.to ?? '');
  args.push(
    target === null ? '' : sessionSuffix(target.machine, target.chat),
    target?.version ?? 0,
    writes ? encodeSession(commit.session) : '',
    target?.machineVersion ?? '',
    options.seen === true && target !== null ? target.chat : '',
    now,
    from === to ? '' : dayOf(now),
    target?.machine ?? '',
    from,
    to,
    entry === undefined ? '' : entry.key,
    entry === undefined ? '' : JSON.stringify(entry.line),
    chat === undefined || (entry === undefined && records.length === 0) ? '' : bookSuffix(chat),
    letter === undefined ? '' : JSON.stringify(letter),
    options.back === true && writes ? '1' : '',
  );
  // The last change of a timer counts.
  const timers = new Map(writes ? commit.timers.map(({ name, due }) => [name, due]) : []);
  args.push(timers.size);
  for (const [name, due] of timers)
    args.push(timerMember(target?.machine ?? '', target?.chat ?? 0, name), due ?? '');
  args.push(effects.length);
  for (const effect of effects) args.push(effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect));
  const signals = writes ? commit.signals : [];
  const forgets = writes && commit.forgets;
  args.push(signals.length + (forgets ? 1 : 0));
  for (const signal of signals) args.push(entryField('signal', signal.chat), JSON.stringify(signal));
  if (forgets) args.push(entryField('forget', target.chat), JSON.stringify({ chat: target.chat }));
  const counts = writes ? commit.counts : [];
  args.push(counts.length, ...counts);
  args.push(records.length);
  for (const { key, line } of records) args.push(key, JSON.stringify(line));
  return args;
}

/** `2026-11-25`, by which transitions are counted. */
const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);
