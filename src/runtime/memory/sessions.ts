import type { Line } from '../core/arrival.ts';
import type { Commit } from '../core/commit.ts';
import { type Effect, lanes } from '../core/effects.ts';
import { expiryTimer } from '../core/machine.ts';
import { decodeSession, encodeSession, stateName } from '../core/session.ts';
import type { Sessions } from '../store.ts';
import type { Cause, CommitOptions, CommitResult, KeyedLine, Loaded, Target } from '../stored.ts';
import type { Copy } from './copy.ts';
import { expectNumber, type Memory, type MemoryShard, sessionKey, timerKey } from './memory.ts';

/** Names of counters: one may come from outside, and a flood of them must not fill the memory. */
const mostCounters = 1_000;

/** The sessions of all chats, and the steps that write them. */
export class MemorySessions implements Sessions {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  loadSession = async (machine: string, chat: number): Promise<Loaded> => {
    const { memory } = this.#copy;
    const shard = memory.shard(memory.shardOf(chat));
    const book = bookOf(shard, chat);
    const stored = shard.sessions.get(sessionKey(machine, chat));
    if (stored === undefined) return { session: null, version: 0, away: false, book };
    return { session: decodeSession(stored.text), version: stored.version, away: stored.away, book };
  };

  commit = async (
    cause: Cause,
    target: Target | null,
    commit: Commit | null,
    options: CommitOptions,
  ): Promise<CommitResult> => {
    const { memory } = this.#copy;
    const { now, letter, entry, records = [], effects = commit?.effects ?? [] } = options;
    const shard = memory.shard(cause.shard);
    const writes = target !== null && commit !== null;
    if (!this.#copy.owns(cause.shard)) return 'fenced';
    if (!memory.isThere(cause)) return 'gone';
    const stored = target === null ? undefined : shard.sessions.get(sessionKey(target.machine, target.chat));
    if (writes && !memory.isOfVersion(stored, target.version)) return 'conflict';
    const isEntered = entry !== undefined && memory.isEntered(shard, entry.key);
    if (isEntered && letter === undefined) return 'charged';
    expectNumber(now, 'now');
    for (const { name, due } of commit?.timers ?? [])
      if (due !== null) expectNumber(due, `the due time of ${name}`);

    memory.take(cause);
    if (entry !== undefined && !isEntered) addLine(shard, letter === undefined ? entry : ungranted(entry));
    if (letter !== undefined) memory.bury(cause.shard, letter);
    if (options.seen === true && target !== null) shard.chats.add(target.chat);
    if (writes) writeStep(memory, shard, target, commit, stored?.away === true && options.back !== true);
    for (const effect of effects) memory.push(shard, effect.queue, textOf(effect), now);
    for (const record of records) if (!shard.ledger.has(record.key)) addLine(shard, record);
    return 'ok';
  };

  discard = (cause: Cause, now: number): Promise<CommitResult> => this.commit(cause, null, null, { now });

  forgetChat: Sessions['forgetChat'] = async (cause, chat, machines) => {
    const { memory } = this.#copy;
    const shard = memory.shard(cause.shard);
    if (!this.#copy.owns(cause.shard)) return 'fenced';
    if (!memory.isThere(cause)) return 'gone';
    for (const { id, timers, outlives } of machines) {
      const key = sessionKey(id, chat);
      const stored = shard.sessions.get(key);
      const session = stored === undefined ? null : decodeSession(stored.text);
      if (session !== null && outlives(session)) continue;
      if (session !== null) raise(shard.states, `${id}:${stateName(session.value)}`, -1);
      shard.sessions.delete(key);
      for (const timer of timers) shard.timers.delete(timerKey(id, chat, timer));
    }
    shard.chats.delete(chat);
    shard.apologies.delete(chat);
    memory.take(cause);
    return 'ok';
  };

  abandon: Sessions['abandon'] = async (cause, chat, machines) => {
    const { memory } = this.#copy;
    const shard = memory.shard(cause.shard);
    if (!this.#copy.owns(cause.shard)) return 'fenced';
    if (!memory.isThere(cause)) return 'gone';
    shard.queues.delete(`${chat}`);
    for (const { id, timers, endsAt } of machines) {
      for (const timer of timers) shard.timers.delete(timerKey(id, chat, timer));
      const stored = shard.sessions.get(sessionKey(id, chat));
      if (stored === undefined) continue;
      shard.sessions.set(sessionKey(id, chat), { ...stored, away: true });
      const end = timerKey(id, chat, expiryTimer);
      if (endsAt !== null && !shard.timers.has(end))
        shard.timers.set(end, { machine: id, chat, timer: expiryTimer, due: endsAt });
    }
    memory.take(cause);
    return 'ok';
  };
}

/** Everything that a step writes of its session. */
function writeStep(memory: Memory, shard: MemoryShard, target: Target, commit: Commit, away: boolean): void {
  const { machine, chat, version } = target;
  const text = encodeSession(commit.session);
  if (commit.ends) shard.sessions.delete(sessionKey(machine, chat));
  else shard.sessions.set(sessionKey(machine, chat), { machine, chat, text, version: version + 1, away });
  if (commit.from !== null) raise(shard.states, `${machine}:${commit.from}`, -1);
  if (!commit.ends) raise(shard.states, `${machine}:${commit.to}`, 1);
  for (const { name: timer, due } of commit.timers) {
    const key = timerKey(machine, chat, timer);
    if (due === null) shard.timers.delete(key);
    else shard.timers.set(key, { machine, chat, timer, due });
  }
  for (const signal of commit.signals) memory.append(shard, 'signal', signal.chat, JSON.stringify(signal));
  if (commit.forgets) memory.append(shard, 'forget', chat, JSON.stringify({ chat }));
  for (const name of commit.counts) {
    const isKnown = shard.counters.has(name) || shard.counters.size < mostCounters;
    raise(shard.counters, isKnown ? name : `${name.split(':')[0]}:…`, 1);
  }
}

const raise = (counts: Map<string, number>, name: string, by: number): unknown =>
  counts.set(name, (counts.get(name) ?? 0) + by);

/** Writes a line, and notes it in its book when it is new. */
export function addLine(shard: MemoryShard, { key, line }: KeyedLine): void {
  if (!shard.ledger.has(key)) shard.books.set(line.chat, [...(shard.books.get(line.chat) ?? []), key]);
  shard.ledger.set(key, JSON.stringify(line));
}

/** As a line is kept whose step failed. */
const ungranted = ({ key, line }: KeyedLine): KeyedLine => ({ key, line: { ...line, ungranted: true } });

export const bookOf = (shard: MemoryShard, chat: number): Line[] =>
  (shard.books.get(chat) ?? []).map((key) => JSON.parse(shard.ledger.get(key) ?? '') as Line);

/** An effect as it stands in its queue. */
export const textOf = (effect: Effect): string => `${lanes.indexOf(effect.lane)}${JSON.stringify(effect)}`;
