import { clubBook } from '../../../src/club/payments/account.ts';
import { type Entry as BookEntry, keyOf, type Payment } from '../../../src/club/payments/book.ts';
import { type Arrival, isEntered } from '../../../src/runtime/core/arrival.ts';
import type { Effect, Lane } from '../../../src/runtime/core/effects.ts';
import { lanes } from '../../../src/runtime/core/effects.ts';
import { expiryTimer } from '../../../src/runtime/core/machine.ts';
import { decodeSession, encodeSession } from '../../../src/runtime/core/session.ts';
import type { StoredLetter } from '../../../src/runtime/letters.ts';
import { Batch } from '../../../src/runtime/redis/batch.ts';
import { parseTimerMember, timerMember } from '../../../src/runtime/redis/keys.ts';
import type { Store } from '../../../src/runtime/store.ts';
import {
  type Cause,
  type CommitResult,
  type Entry,
  type Head,
  type KeyedLine,
  Refused,
  type Taken,
} from '../../../src/runtime/stored.ts';

/** The verbs that the loops use. The store over Redis has them, and so has the model. */
export type Verbs = Pick<
  Store,
  | 'release'
  | 'appendUpdates'
  | 'readInbox'
  | 'loadSession'
  | 'commit'
  | 'abandon'
  | 'dueTimers'
  | 'takeEffects'
  | 'settle'
  | 'postpone'
  | 'hold'
  | 'tryOnce'
  | 'outlive'
  | 'trust'
  | 'maySaySorry'
  | 'deadLetters'
> & { acquire(role: number, copy: string, live: readonly string[]): Promise<unknown> };

/** What the stores of all copies share, and what befalls it from outside. */
export interface Ground {
  /** A store for one copy. */
  open(): Verbs;
  /** Moves the clock of the server itself, which counts holds. */
  moveClock(ms: number): Promise<void>;
  /** Puts something that is no session into the place of one, until `mendSessions`. */
  spoilSession(machine: string, chat: number): Promise<void>;
  mendSessions(): Promise<void>;
  /** The same with the inbox. */
  spoilInbox(): Promise<void>;
  mendInbox(): Promise<void>;
  /** Somebody else writes a session. Returns whether there is one. */
  touch(machine: string, chat: number): Promise<boolean>;
  /** Whether the ledger has it, granted or not. */
  hasPayment(payment: Payment): Promise<boolean>;
  /** Gives a timer another name. */
  rename(from: string, to: string): Promise<void>;
}

/** What keeps the guarantees; a simulation with one of them taken out must fail. */
export const guards = [
  'updates are confirmed after they are stored',
  'an update id is stored once',
  'a cause is taken by its commit',
  'only the owner commits, and on the version that was read',
  'a timer is taken with the time that was claimed',
  'a timer is due by the clock of the copy that fires it',
  'a deadline waits until everything was asked for',
  'a deadline waits for what is stored of its chat',
  'a charge is recorded once',
  'a payment is recorded though its step fails',
  'a signal is written by the commit that gives it',
  'an effect is settled after it was sent',
  'an effect is settled only while it is the head',
  'one chat is handled in order',
  'a session ends by the clock of the bot',
  'an expiry is decided by the stored session',
  'a person away keeps what stays',
  'who is back is not away',
  'a held queue is left alone',
  'a hold that is over ends nothing',
  'a hold of a time ahead is over',
  'everything is looked at before the first write',
  'a refused step leaves the batch alone',
  'a refused end leaves the batch alone',
  'what throws is given up',
  'what cannot be performed is given up',
  'a deadly cause is given up',
  'a deadly cause has a count of its own',
  'a person hears once an hour that something broke',
  'a timer goes under its former names',
  'a former name means the state that is active',
  'signals in a circle end',
  'a session that keeps changing is given up',
] as const;
export type Guard = (typeof guards)[number];

interface StoredSession {
  readonly text: string;
  readonly version: number;
  readonly away: boolean;
  /** By the server's clock, ms: only where the server ends sessions. */
  readonly until?: number;
}

/** One shard, in memory. Several stores look at it: one for each copy of the bot. */
export class Memory implements Ground {
  epoch = 0;
  nextId = 1;
  readonly inbox: { id: string; kind: Entry['kind']; chat: number; text: string }[] = [];
  readonly seen = new Set<number>();
  readonly sessions = new Map<string, StoredSession>();
  readonly spoiled = new Set<string>();
  isInboxSpoiled = false;
  readonly timers = new Map<string, number>();
  readonly queues = new Map<string, { due: number; effects: string[] }>();
  readonly held = new Map<string, { till: number; holder: object }>();
  /** `<charge> <direction>` → whether what it grants was granted. */
  readonly ledger = new Map<string, BookEntry>();
  readonly letters: StoredLetter[] = [];
  readonly tries = new Map<string, number>();
  readonly sorry = new Map<number, number>();
  /** By its own clock. */
  now = 0;
  readonly #without: Guard | undefined;

  constructor(without?: Guard) {
    this.#without = without;
  }

  open(): Verbs {
    return new ModelStore(this, this.#without);
  }

  async moveClock(ms: number): Promise<void> {
    this.now += ms;
  }

  async spoilSession(machine: string, chat: number): Promise<void> {
    this.spoiled.add(sessionKey(machine, chat));
  }

  async mendSessions(): Promise<void> {
    this.spoiled.clear();
  }

  async spoilInbox(): Promise<void> {
    this.isInboxSpoiled = true;
  }

  async mendInbox(): Promise<void> {
    this.isInboxSpoiled = false;
  }

  async touch(machine: string, chat: number): Promise<boolean> {
    const key = sessionKey(machine, chat);
    const stored = this.sessions.get(key);
    if (stored === undefined || this.spoiled.has(key)) return false;
    this.sessions.set(key, { ...stored, text: touched(stored.text), version: stored.version + 1 });
    return true;
  }

  async hasPayment(payment: Payment): Promise<boolean> {
    return this.ledger.has(keyOf(payment));
  }

  async rename(from: string, to: string): Promise<void> {
    this.timers.set(to, this.timers.get(from) as number);
    this.timers.delete(from);
  }
}

/** A session's text after somebody else has written it: what it says of that must not get lost. */
export function touched(text: string): string {
  const session = decodeSession(text);
  const count = Number(session.context['touched'] ?? 0) + 1;
  return encodeSession({ ...session, context: { ...session.context, touched: count } });
}

const sessionKey = (machine: string, chat: number): string => `${machine} ${chat}`;
const laneOf = (text: string): number => Number(text[0]);
const encode = (effect: Effect): string => `${lanes.indexOf(effect.lane)}${JSON.stringify(effect)}`;

/** A small model of the store: what the scripts do, said in the plainest way. */
class ModelStore implements Verbs {
  readonly #memory: Memory;
  readonly #without: Guard | undefined;
  #epoch = 0;
  readonly #holds = new Set<string>();
  readonly #commits = new Batch((_, steps: readonly (() => CommitResult)[]) =>
    this.#together(steps, 'a refused step leaves the batch alone'),
  );
  readonly #settles = new Batch((_, ends: readonly (() => Taken | null | 'fenced')[]) =>
    this.#together(ends, 'a refused end leaves the batch alone'),
  );

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

  async #together<Result>(items: readonly (() => Result)[], guard: Guard): Promise<(Result | Refused)[]> {
    const results = items.map((item) => {
      try {
        return item();
      } catch (error) {
        return error as Refused;
      }
    });
    const refused = results.find((result) => result instanceof Refused);
    return refused !== undefined && !this.#has(guard) ? items.map(() => refused) : results;
  }

  async acquire(): Promise<'clean'> {
    this.#epoch = ++this.#memory.epoch;
    return 'clean';
  }

  async release(): Promise<void> {
    this.#epoch = -1;
  }

  async appendUpdates(updates: Parameters<Store['appendUpdates']>[0]): Promise<number> {
    const { seen } = this.#memory;
    let added = 0;
    for (const { id, kind, chat, text } of updates) {
      if (seen.has(id) && this.#has('an update id is stored once')) continue;
      seen.add(id);
      this.#append(kind ?? 'update', chat ?? 0, text);
      added++;
    }
    return added;
  }

  #append(kind: Entry['kind'], chat: number, text: string): void {
    this.#memory.inbox.push({ id: `${this.#memory.nextId++}-0`, kind, chat, text });
  }

  async readInbox(shard: number, source: 'inbox' | 'inbox:checkout'): Promise<Entry[]> {
    return this.#memory.inbox.map((entry) => ({ ...entry, shard, source, due: 0, field: '' }));
  }

  async loadSession(machine: string, chat: number) {
    const stored = this.#sessionOf(sessionKey(machine, chat));
    const book = [...this.#memory.ledger.values()].filter((entry) => entry.chat === chat);
    if (stored === undefined) return { session: null, version: 0, away: false, book };
    const { text, version, away } = stored;
    return { session: decodeSession(text), version, away, book };
  }

  #sessionOf(key: string): StoredSession | undefined {
    const { sessions, spoiled, now } = this.#memory;
    if (spoiled.has(key)) throw new Refused(`WRONGTYPE ${key}`);
    const stored = sessions.get(key);
    return stored?.until !== undefined && stored.until <= now ? undefined : stored;
  }

  #isEntered({ line }: KeyedLine): boolean {
    const book = [...this.#memory.ledger.values()];
    return this.#has('a charge is recorded once') && isEntered(line, book, clubBook.keyOf);
  }

  async commit(...given: Parameters<Store['commit']>): Promise<CommitResult> {
    const [cause, target, commit, { now, entry, letter, effects: out, back }] = given;
    const { sessions, timers, ledger, letters } = this.#memory;
    const text = commit === null ? '' : encodeSession(commit.session);
    const effects = (out ?? commit?.effects ?? []).map((effect) => ({
      queue: effect.queue,
      text: encode(effect),
    }));
    return this.#commits
      .add(0, () => {
        const owns = this.#has('only the owner commits, and on the version that was read');
        if (owns && this.#isFenced) return 'fenced';
        if (!this.#isThere(cause)) return 'gone';
        const key = sessionKey(target?.machine ?? '', target?.chat ?? 0);
        const stored = commit === null ? undefined : this.#sessionOf(key);
        const version = stored?.version ?? 0;
        if (owns && commit !== null && version !== target?.version) return 'conflict';
        if (entry !== undefined && letter === undefined && this.#isEntered(entry)) return 'charged';
        const isOutOfShape = commit?.timers.some(({ due }) => Number.isNaN(due)) === true;
        const isLookedAt = this.#has('everything is looked at before the first write');
        if (isOutOfShape && isLookedAt) throw new Refused('ERR a due time is no number');
        this.#take(cause);
        if (letter !== undefined) letters.push({ id: `${letters.length}`, letter });
        if (entry !== undefined && !this.#isEntered(entry)) {
          const isKept = letter === undefined || this.#has('a payment is recorded though its step fails');
          const line = entry.line as BookEntry;
          const kept = letter === undefined ? line : { ...line, ungranted: true as const };
          if (isKept) ledger.set(entry.key, kept);
        }
        if (commit !== null && target !== null) {
          const isBack = back === true && this.#has('who is back is not away');
          if (commit.ends) sessions.delete(key);
          else sessions.set(key, { text, version: version + 1, away: stored?.away === true && !isBack });
          if (isOutOfShape) throw new Refused('ERR a due time is no number');
          for (const { name, due } of commit.timers) {
            const member = timerMember(target.machine, target.chat, name);
            if (due === null) timers.delete(member);
            else timers.set(member, due);
            const written = sessions.get(key);
            if (
              name === expiryTimer &&
              due !== null &&
              written &&
              !this.#has('a session ends by the clock of the bot')
            )
              sessions.set(key, { ...written, until: this.#memory.now + due - now });
          }
        }
        for (const effect of effects) this.#push(effect.queue, effect.text, now);
        if (this.#has('a signal is written by the commit that gives it'))
          for (const signal of commit?.signals ?? [])
            this.#append('signal', signal.chat, JSON.stringify(signal));
        return 'ok' as const;
      })
      .then(orThrow);
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

  #push(name: string, text: string, now: number): void {
    const queue = this.#memory.queues.get(name) ?? { due: now, effects: [] };
    queue.effects.push(text);
    this.#memory.queues.set(name, queue);
  }

  async abandon(...given: Parameters<Store['abandon']>): Promise<'ok' | 'fenced' | 'gone'> {
    const [cause, chat, machines] = given;
    const { sessions, timers, queues } = this.#memory;
    if (this.#isFenced) return 'fenced';
    if (!this.#isThere(cause)) return 'gone';
    const stored = machines.map(({ id }) => this.#sessionOf(sessionKey(id, chat)));
    this.#take(cause);
    queues.delete(`${chat}`);
    for (const [index, { id, timers: names, endsAt }] of machines.entries()) {
      for (const name of names) timers.delete(timerMember(id, chat, name));
      const session = stored[index];
      if (session === undefined) continue;
      sessions.set(sessionKey(id, chat), { ...session, away: true });
      const end = timerMember(id, chat, expiryTimer);
      if (endsAt !== null && !timers.has(end)) timers.set(end, endsAt);
    }
    return 'ok';
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
    const here = [...this.#memory.queues].filter(
      ([, { effects }]) => Math.min(...effects.map(laneOf)) === lanes.indexOf(lane),
    );
    const taken = here
      .filter(([name, { due }]) => due <= now && !held.includes(name) && !this.#isHeldByAnother(name))
      .slice(0, limit)
      .map(([name, { effects }]) => this.#taken(shard, name, effects[0] ?? ''));
    const later = here.map(([, { due }]) => due).filter((due) => due > now);
    return { taken, spoiled: [], next: later.length === 0 ? null : Math.min(...later), fenced: false };
  }

  #isHeldByAnother(queue: string): boolean {
    const note = this.#memory.held.get(queue);
    if (note === undefined || !this.#has('a held queue is left alone')) return false;
    const isAhead = note.till > this.#memory.now + 61_000;
    return note.till >= this.#memory.now && !(isAhead && this.#has('a hold of a time ahead is over'));
  }

  #taken(shard: number, queue: string, text: string): Taken {
    const effect = JSON.parse(text.slice(1)) as Effect;
    return { shard, queue, lane: effect.lane, text, effect };
  }

  async hold(_: number, heads: readonly Head[], length: number): Promise<void> {
    const { held, now, queues } = this.#memory;
    for (const { queue, text } of heads) {
      const note = held.get(queue);
      const isMine = note?.holder === this.#holds && note.till >= now;
      const isHead = queues.get(queue)?.effects[0] === text;
      if (length > 0 && isHead && (isMine || !this.#isFenced)) {
        held.set(queue, { till: now + length, holder: this.#holds });
        this.#holds.add(queue);
      } else this.#holds.delete(queue);
      if (length === 0 && isMine) held.delete(queue);
    }
  }

  /** Whether this copy may end the head of a queue: as the owner, or since it holds the queue. */
  #mayEnd(queue: string): boolean {
    if (!this.#isFenced) return true;
    const note = this.#memory.held.get(queue);
    if (note?.holder !== this.#holds) return false;
    return note.till >= this.#memory.now || !this.#has('a hold that is over ends nothing');
  }

  async settle(...[head, now, end = {}]: Parameters<Store['settle']>): Promise<Taken | null | 'fenced'> {
    const wasHeld = this.#holds.has(head.queue);
    return this.#settles
      .add(0, () => {
        const { queues, held, letters, isInboxSpoiled } = this.#memory;
        const isGuarded = this.#has('an effect is settled only while it is the head');
        if (isGuarded && !this.#mayEnd(head.queue)) return wasHeld ? null : 'fenced';
        const queue = queues.get(head.queue);
        if (queue === undefined || (isGuarded && queue.effects[0] !== head.text)) return null;
        const tells = end.result !== undefined || end.unreachable !== undefined;
        if (tells && isInboxSpoiled) throw new Refused('WRONGTYPE inbox');
        if (end.result !== undefined) this.#append('result', end.result.chat, JSON.stringify(end.result));
        else if (end.unreachable !== undefined)
          this.#append('unreachable', end.unreachable, `${end.unreachable}`);
        if (end.dead !== undefined) letters.push({ id: `${letters.length}`, letter: end.dead });
        if (end.dropQueue === true) queue.effects.length = 0;
        else queue.effects.shift();
        queue.due = now;
        held.delete(head.queue);
        const [next] = queue.effects;
        if (next === undefined) queues.delete(head.queue);
        return next === undefined ? null : this.#taken(head.shard, head.queue, next);
      })
      .then(orThrow)
      .then((result) => {
        this.#holds.delete(head.queue);
        return result;
      });
  }

  async postpone(taken: Taken, effect: Effect, due: number): Promise<'ok' | 'fenced' | 'gone'> {
    const wasHeld = this.#holds.delete(taken.queue);
    if (!this.#mayEnd(taken.queue)) return wasHeld ? 'gone' : 'fenced';
    const queue = this.#memory.queues.get(taken.queue);
    if (queue?.effects[0] !== taken.text) return 'gone';
    queue.effects[0] = `${taken.text[0]}${JSON.stringify(effect)}`;
    queue.due = due;
    this.#memory.held.delete(taken.queue);
    return 'ok';
  }

  async tryOnce({ id }: Cause): Promise<number> {
    const { tries } = this.#memory;
    const count = (tries.get(id) ?? 0) + 1;
    if (!this.#has('a deadly cause has a count of its own')) tries.clear();
    tries.set(id, count);
    return count;
  }

  async outlive({ id }: Cause): Promise<void> {
    this.#memory.tries.delete(id);
  }

  async trust(): Promise<void> {
    this.#memory.tries.clear();
  }

  async maySaySorry(chat: number, now: number, period: number): Promise<boolean> {
    const last = this.#memory.sorry.get(chat) ?? Number.NEGATIVE_INFINITY;
    const isSoon = now - last < period && this.#has('a person hears once an hour that something broke');
    if (!isSoon) this.#memory.sorry.set(chat, now);
    return !isSoon;
  }

  async *deadLetters(): AsyncGenerator<StoredLetter> {
    yield* this.#memory.letters;
  }
}

function orThrow<Result>(result: Result | Refused): Result {
  if (result instanceof Refused) throw result;
  return result;
}

/** The payment that an arrival brings; no other line is said here. */
export const paymentIn = (arrival: Arrival | undefined): Payment | undefined =>
  arrival?.entry as Payment | undefined;

/** A line as the store takes it. */
export const keyed = (line: BookEntry): KeyedLine => ({ key: keyOf(line), line });
