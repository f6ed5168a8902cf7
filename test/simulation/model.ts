import type { Effect, Lane } from '../../src/core/effects.ts';
import { lanes } from '../../src/core/effects.ts';
import type { Payment } from '../../src/core/route.ts';
import { decodeSession, encodeSession } from '../../src/core/session.ts';
import { parseTimerMember, timerMember } from '../../src/store/keys.ts';
import type { Cause, CommitResult, Entry, Store, Taken } from '../../src/store/store.ts';

/** The verbs that the loops use. The store over Redis has them, and so has the model. */
export type Verbs = Pick<
  Store,
  | 'acquire'
  | 'appendUpdates'
  | 'readInbox'
  | 'loadSession'
  | 'isGranted'
  | 'commit'
  | 'dueTimers'
  | 'takeEffects'
  | 'settle'
  | 'postpone'
>;

/** What keeps the guarantees; a simulation with one of them taken out must fail. */
export const guards = [
  'updates are confirmed after they are stored',
  'an update id is stored once',
  'a cause is taken by its commit',
  'only the owner commits, and on the version that was read',
  'a timer is taken with the time that was claimed',
  'a charge is recorded once',
  'a signal is written by the commit that gives it',
  'an effect is settled after it was sent',
  'an effect is settled only while it is the head',
  'one chat is handled in order',
] as const;
export type Guard = (typeof guards)[number];

/** One shard, in memory. Several stores look at it: one for each copy of the bot. */
export class Memory {
  epoch = 0;
  nextId = 1;
  readonly inbox: { id: string; kind: Entry['kind']; text: string }[] = [];
  readonly seen = new Set<number>();
  readonly sessions = new Map<string, { text: string; version: number }>();
  readonly timers = new Map<string, number>();
  readonly queues = new Map<string, { due: number; effects: string[] }>();
  readonly ledger = new Set<string>();
}

const chargeOf = ({ charge, direction }: Pick<Payment, 'charge' | 'direction'>) => `${charge} ${direction}`;
const laneOf = (text: string): number => Number(text[0]);

/** A small model of the store: what the scripts do, said in the plainest way. */
export class ModelStore implements Verbs {
  readonly #memory: Memory;
  readonly #without: Guard | undefined;
  #epoch = 0;

  constructor(memory: Memory, without?: Guard) {
    this.#memory = memory;
    this.#without = without;
  }

  #has(guard: Guard): boolean {
    return this.#without !== guard;
  }

  get #isFenced(): boolean {
    return this.#epoch !== this.#memory.epoch;
  }

  async acquire(): Promise<'clean'> {
    this.#epoch = ++this.#memory.epoch;
    return 'clean';
  }

  async appendUpdates(updates: Parameters<Store['appendUpdates']>[0]): Promise<number> {
    const { seen, inbox } = this.#memory;
    let added = 0;
    for (const { id, text } of updates) {
      if (seen.has(id) && this.#has('an update id is stored once')) continue;
      seen.add(id);
      inbox.push({ id: `${this.#memory.nextId++}`, kind: 'update', text });
      added++;
    }
    return added;
  }

  async readInbox(shard: number, source: 'inbox' | 'inbox:checkout'): Promise<Entry[]> {
    return this.#memory.inbox.map((entry) => ({ ...entry, shard, source, due: 0, chat: null, field: '' }));
  }

  async loadSession(machine: string, chat: number) {
    const stored = this.#memory.sessions.get(`${machine} ${chat}`);
    return stored === undefined
      ? { session: null, version: 0, away: false }
      : { session: decodeSession(stored.text), version: stored.version, away: false };
  }

  async isGranted(payment: Pick<Payment, 'charge' | 'direction'>): Promise<boolean> {
    return this.#has('a charge is recorded once') && this.#memory.ledger.has(chargeOf(payment));
  }

  async commit(...given: Parameters<Store['commit']>): Promise<CommitResult> {
    const [cause, target, commit, { now, payment, extra = [] }] = given;
    const { sessions, timers, ledger } = this.#memory;
    const owns = this.#has('only the owner commits, and on the version that was read');
    if (owns && this.#isFenced) return 'fenced';
    if (!this.#isThere(cause)) return 'gone';
    const key = `${target?.machine} ${target?.chat}`;
    const version = sessions.get(key)?.version ?? 0;
    if (owns && commit !== null && version !== target?.version) return 'conflict';
    if (payment !== undefined && (await this.isGranted(payment))) return 'charged';
    this.#take(cause);
    if (payment !== undefined) ledger.add(chargeOf(payment));
    if (target === null) return 'ok';
    if (commit?.ends === true) sessions.delete(key);
    else if (commit !== null)
      sessions.set(key, { text: encodeSession(commit.session), version: version + 1 });
    for (const { name, due } of commit?.timers ?? []) {
      const member = timerMember(target.machine, target.chat, name);
      if (due === null) timers.delete(member);
      else timers.set(member, due);
    }
    for (const effect of [...(commit?.effects ?? []), ...extra]) this.#push(effect, now);
    const signals = this.#has('a signal is written by the commit that gives it')
      ? (commit?.signals ?? [])
      : [];
    for (const signal of signals) {
      const text = JSON.stringify(signal);
      this.#memory.inbox.push({ id: `${this.#memory.nextId++}`, kind: 'signal', text });
    }
    return 'ok';
  }

  #isThere({ source, id, due }: Cause): boolean {
    if (!this.#has('a cause is taken by its commit')) return true;
    if (source !== 'timers') return this.#memory.inbox.some((entry) => entry.id === id);
    const stored = this.#memory.timers.get(id);
    return this.#has('a timer is taken with the time that was claimed')
      ? stored === due
      : stored !== undefined;
  }

  #take({ source, id }: Cause): void {
    if (source === 'timers') this.#memory.timers.delete(id);
    const at = this.#memory.inbox.findIndex((entry) => entry.id === id);
    if (at !== -1) this.#memory.inbox.splice(at, 1);
  }

  #push(effect: Effect, now: number): void {
    const queue = this.#memory.queues.get(effect.queue) ?? { due: now, effects: [] };
    queue.effects.push(`${lanes.indexOf(effect.lane)}${JSON.stringify(effect)}`);
    this.#memory.queues.set(effect.queue, queue);
  }

  async dueTimers(shard: number, now: number) {
    const all = [...this.#memory.timers].sort(([, one], [, other]) => one - other);
    const due = all
      .filter(([, at]) => at <= now)
      .map(([id, at]) => ({
        shard,
        source: 'timers' as const,
        id,
        due: at,
        ...(parseTimerMember(id) as { machine: string; chat: number; timer: string }),
      }));
    return { due, next: all[due.length]?.[1] ?? null, reminders: 0 };
  }

  async takeEffects(shard: number, lane: Lane, now: number, limit: number, held: readonly string[]) {
    if (this.#isFenced) return { taken: [], spoiled: [], next: null, fenced: true };
    const isHere = ({ effects }: { effects: string[] }) =>
      Math.min(...effects.map(laneOf)) === lanes.indexOf(lane);
    const taken = [...this.#memory.queues]
      .filter(([name, queue]) => queue.due <= now && !held.includes(name) && isHere(queue))
      .slice(0, limit)
      .map(([name, { effects }]) => this.#taken(shard, name, effects[0] ?? ''));
    return { taken, spoiled: [], next: null, fenced: false };
  }

  #taken(shard: number, queue: string, text: string): Taken {
    const effect = JSON.parse(text.slice(1)) as Effect;
    return { shard, queue, lane: effect.lane, text, effect };
  }

  async settle(...[taken, now, end = {}]: Parameters<Store['settle']>): Promise<Taken | null | 'fenced'> {
    const isGuarded = this.#has('an effect is settled only while it is the head');
    if (isGuarded && this.#isFenced) return 'fenced';
    const queue = this.#memory.queues.get(taken.queue);
    if (queue === undefined || (isGuarded && queue.effects[0] !== taken.text)) return null;
    if (end.result !== undefined) {
      const text = JSON.stringify(end.result);
      this.#memory.inbox.push({ id: `${this.#memory.nextId++}`, kind: 'result', text });
    }
    queue.effects.shift();
    queue.due = now;
    const [head] = queue.effects;
    if (head === undefined) this.#memory.queues.delete(taken.queue);
    return head === undefined ? null : this.#taken(taken.shard, taken.queue, head);
  }

  async postpone(taken: Taken, effect: Effect, due: number): Promise<'ok' | 'fenced' | 'gone'> {
    if (this.#isFenced) return 'fenced';
    const queue = this.#memory.queues.get(taken.queue);
    if (queue?.effects[0] !== taken.text) return 'gone';
    queue.effects[0] = `${taken.text[0]}${JSON.stringify(effect)}`;
    queue.due = due;
    return 'ok';
  }
}
