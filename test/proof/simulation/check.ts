import { isDeepStrictEqual } from 'node:util';
import { account, clubBook } from '../../../src/club/payments/account.ts';
import { type Entry as BookEntry, keyOf, type Payment } from '../../../src/club/payments/book.ts';
import type { Arrival } from '../../../src/runtime/core/arrival.ts';
import { isEntered, type Line } from '../../../src/runtime/core/arrival.ts';
import type { Commit } from '../../../src/runtime/core/commit.ts';
import type { Effect } from '../../../src/runtime/core/effects.ts';
import { type DurableMachine, expiryTimer } from '../../../src/runtime/core/machine.ts';
import { decodeSession, encodeSession, type Session, stateName } from '../../../src/runtime/core/session.ts';
import { expire, step } from '../../../src/runtime/core/step.ts';
import type { Job } from '../../../src/runtime/loops/jobs.ts';
import { timerMember } from '../../../src/runtime/redis/keys.ts';
import type { Cause } from '../../../src/runtime/stored.ts';
import { input, releases } from './machines.ts';
import { type Ground, paymentIn, touched, type Verbs } from './model.ts';

/** A guarantee does not hold. */
export class GuaranteeBroken extends Error {
  override name = 'GuaranteeBroken';
}

/** A session as a step finds it. */
export interface Stored {
  readonly session: Session | null;
  readonly version: number;
  readonly away: boolean;
  readonly book?: readonly Line[];
}

/** A step that is made. */
interface Made {
  readonly cause: Cause;
  readonly chat: number;
  readonly machine: DurableMachine;
  readonly eventFor: Job['eventFor'];
  readonly jobKind: Job['kind'];
  readonly now: number;
  /** Signals that led to it. */
  readonly hops: number;
  readonly update?: number;
}

/** What was written, in order. */
export type Journal =
  | (Made & {
      readonly kind: 'applied';
      /** Its charge was granted already. */
      readonly known: boolean;
      readonly payment?: Payment;
      /** As it stood in the inbox. */
      readonly signal?: string;
    })
  | {
      readonly kind: 'buried';
      readonly cause: Cause;
      readonly chat: number;
      readonly now: number;
      readonly update?: number;
      readonly payment?: Payment;
      readonly signal?: string;
      /** What the person hears. */
      readonly sorry?: Effect;
    }
  | {
      readonly kind: 'away';
      readonly chat: number;
      readonly now: number;
      readonly machines: Parameters<Verbs['abandon']>[2];
      readonly update?: number;
    }
  | { readonly kind: 'dropped'; readonly queue: string }
  | { readonly kind: 'given up'; readonly queue: string; readonly id: string }
  | { readonly kind: 'touched'; readonly machine: string; readonly chat: number }
  | { readonly kind: 'renamed'; readonly from: string; readonly to: string };

/** A message that Telegram took. */
export interface Sent {
  readonly queue: string;
  readonly id: string;
  /** The store knows it. Between the two a process may die, an answer or a hold may get lost: the windows of a duplicate. */
  isNoted: boolean;
}

/** As the worker steps a cause. */
export function stepOf(
  { session, away, book = [] }: Stored,
  made: Made & { payment?: Payment },
): Commit | null {
  const { machine, jobKind, cause, update, payment: entry, now } = made;
  const event = made.eventFor(session);
  if (event === null) return expire(machine, session, away);
  if (session === null && (jobKind === 'timer' || jobKind === 'result')) return null;
  const id = jobKind === 'timer' ? `t${cause.due}` : cause.id;
  const { facts } =
    book.length === 0 && entry === undefined
      ? { facts: {} }
      : account(book as readonly BookEntry[], { event, now, ...(entry !== undefined && { entry }) });
  const isBack = away && update !== undefined;
  return step({ ...made, event, session, cause: id, input, rules: {}, isBack, facts });
}

/** A session with what tells whether it may end. */
interface Kept extends Stored {
  readonly touchedAt: number;
  readonly awayAt: number;
  /** Machines of several releases have stepped it. */
  readonly isMixed: boolean;
  readonly machineVersion: string;
}

const nothing: Stored = { session: null, version: 0, away: false };
/** How far the clocks of two copies are apart at most, ms. */
const skew = 120_000;

const broken = (text: string): never => {
  throw new GuaranteeBroken(text);
};

/** Holds what was written and sent against a run without faults, of the same causes in the same order. */
export class Check {
  readonly #journal: readonly Journal[];
  readonly #sent: readonly Sent[];
  readonly #updates: readonly Arrival[];
  readonly #now: number;
  readonly #sessions = new Map<string, Kept>();
  readonly #timers = new Map<string, number>();
  readonly #granted = new Set<string>();
  readonly #books = new Map<number, BookEntry[]>();
  /** By queue, in order; what was dropped or given up need not have been sent. */
  readonly #due = new Map<string, { id: string; isOptional: boolean }[]>();
  readonly #signals = { given: [] as string[], heard: [] as string[] };

  /** @throws GuaranteeBroken */
  constructor(journal: readonly Journal[], sent: readonly Sent[], updates: readonly Arrival[], now: number) {
    this.#journal = journal;
    this.#sent = sent;
    this.#updates = updates;
    this.#now = now;
    for (const entry of journal) this.#replay(entry);
  }

  #replay(entry: Journal): void {
    if ('cause' in entry) this.#take(entry);
    if (entry.kind === 'applied') this.#apply(entry);
    else if (entry.kind === 'buried') {
      if (entry.sorry !== undefined) this.#expect(entry.sorry);
      if (entry.payment !== undefined) this.#enter(entry.payment);
    } else if (entry.kind === 'away') this.#leave(entry);
    else if (entry.kind === 'dropped') this.#excuse(entry.queue, () => true);
    else if (entry.kind === 'given up') this.#excuse(entry.queue, (id) => id === entry.id);
    else if (entry.kind === 'touched') {
      const key = `${entry.machine}:${entry.chat}`;
      const kept = this.#sessions.get(key) as Kept;
      const session = decodeSession(touched(encodeSession(kept.session as Session)));
      this.#sessions.set(key, { ...kept, session, version: kept.version + 1 });
    } else if (entry.kind === 'renamed') {
      this.#timers.set(entry.to, this.#timers.get(entry.from) as number);
      this.#timers.delete(entry.from);
    }
  }

  #enter(entry: BookEntry): void {
    const others = (this.#books.get(entry.chat) ?? []).filter((other) => keyOf(other) !== keyOf(entry));
    this.#books.set(entry.chat, [...others, entry]);
  }

  #take({ cause, now, signal }: Extract<Journal, { cause: Cause }>): void {
    if (signal !== undefined) this.#signals.heard.push(signal);
    if (cause.source !== 'timers') return;
    const due = this.#timers.get(cause.id);
    if (due === undefined) broken(`the timer ${cause.id} fired after its state was left, or twice`);
    else if (now < due) broken(`the timer ${cause.id} fired ${due - now} ms early`);
    this.#timers.delete(cause.id);
  }

  #apply(entry: Extract<Journal, { kind: 'applied' }>): void {
    const { chat, machine, now, known, payment, update } = entry;
    const key = `${machine.id}:${chat}`;
    if (payment !== undefined) {
      const charge = `${payment.charge} ${payment.direction}`;
      if (this.#granted.has(charge) !== known)
        broken(`${charge} was ${known ? 'not applied' : 'applied twice'}`);
      this.#granted.add(charge);
      if (known) return;
    }
    const before = this.#sessions.get(key);
    const book = this.#books.get(chat) ?? [];
    const commit = stepOf({ ...(before ?? nothing), book }, entry);
    if (payment !== undefined) this.#enter(payment);
    if (commit === null) return;
    if (commit.ends) {
      if (before !== undefined && entry.eventFor(before.session) === null)
        checkEnd(key, before, machine, now);
      this.#sessions.delete(key);
    } else {
      const isMixed = before !== undefined && (before.isMixed || before.machineVersion !== machine.version);
      this.#sessions.set(key, {
        // As it is stored: without what is undefined.
        session: decodeSession(encodeSession(commit.session)),
        version: (before?.version ?? 0) + 1,
        away: before?.away === true && update === undefined,
        touchedAt: now,
        awayAt: before?.awayAt ?? 0,
        isMixed,
        machineVersion: machine.version,
      });
    }
    for (const { name, due } of commit.timers) {
      if (due === null) this.#timers.delete(`${key}|${name}`);
      else this.#timers.set(`${key}|${name}`, due);
    }
    this.#checkTimers(key, machine);
    this.#signals.given.push(...commit.signals.map((signal) => JSON.stringify(signal)));
    for (const effect of commit.effects) this.#expect(effect);
  }

  /** No timer outlives its state, under whatever name. Two releases may leave one to each other. */
  #checkTimers(key: string, machine: DurableMachine): void {
    const kept = this.#sessions.get(key);
    if (kept?.isMixed === true) return;
    const value = kept?.session?.value;
    const isOf = ({ path }: { path: readonly string[] }) =>
      value !== undefined && stateName(value).startsWith(path.join('.'));
    const namesOf = ({ name, formerNames }: DurableMachine['timers'][number]) => [name, ...formerNames];
    const living = new Set(machine.timers.filter(isOf).flatMap(namesOf));
    for (const name of machine.timers.flatMap(namesOf))
      if (!living.has(name) && this.#timers.has(`${key}|${name}`))
        broken(`the timer ${key}|${name} stands in the state ${JSON.stringify(value)}`);
  }

  #leave({ chat, now, machines }: Extract<Journal, { kind: 'away' }>): void {
    this.#excuse(`${chat}`, () => true);
    for (const { id, timers, endsAt } of machines) {
      for (const name of timers) this.#timers.delete(timerMember(id, chat, name));
      const kept = this.#sessions.get(`${id}:${chat}`);
      if (kept === undefined) continue;
      this.#sessions.set(`${id}:${chat}`, { ...kept, away: true, awayAt: kept.away ? kept.awayAt : now });
      const end = timerMember(id, chat, expiryTimer);
      if (endsAt !== null && !this.#timers.has(end)) this.#timers.set(end, endsAt);
    }
  }

  #expect({ queue, machine, id }: Effect): void {
    this.#due.set(queue, [...(this.#due.get(queue) ?? []), { id: `${machine} ${id}`, isOptional: false }]);
  }

  #excuse(queue: string, which: (id: string) => boolean): void {
    for (const due of this.#due.get(queue) ?? []) if (which(due.id)) due.isOptional = true;
  }

  /** When nothing is left to do. @throws GuaranteeBroken */
  async all(store: Verbs, ground: Ground): Promise<void> {
    this.#checkUpdates();
    for (const [member, due] of this.#timers) if (due <= this.#now) broken(`the timer ${member} never fired`);
    const { given, heard } = this.#signals;
    if (given.sort().join() !== heard.sort().join())
      broken(`signals given: ${given.join(', ')}; heard: ${heard.join(', ')}`);
    this.#checkEffects();
    this.#checkAccess();
    await this.#checkLetters(store);
    await this.stored(store, ground);
  }

  /** Each update changed a session, or was given up, once and in order. */
  #checkUpdates(): void {
    const handled = this.#journal.flatMap((entry) =>
      'update' in entry && entry.update !== undefined ? [{ chat: entry.chat, update: entry.update }] : [],
    );
    for (const { update } of this.#updates) {
      const times = handled.filter((one) => one.update === update).length;
      if (times !== 1) broken(`update ${update} was handled ${times} times`);
    }
    for (const chat of chatsOf(this.#updates)) {
      const mine = handled.filter((one) => one.chat === chat).map(({ update }) => update);
      if (mine.some((id, index) => id < (mine[index - 1] ?? 0)))
        broken(`updates of ${chat}: ${mine.join(', ')}`);
    }
  }

  #checkEffects(): void {
    for (const queue of new Set([...this.#due.keys(), ...this.#sent.map((one) => one.queue)])) {
      const sent = this.#sent.filter((one) => one.queue === queue);
      const ids = sent.map(({ id }) => id);
      const firsts = ids.filter((id, index) => ids.indexOf(id) === index);
      const due = this.#due.get(queue) ?? [];
      let at = 0;
      for (const { id, isOptional } of due) {
        if (firsts[at] === id) at++;
        else if (!isOptional) at = Number.NaN;
      }
      if (at !== firsts.length)
        broken(`queue ${queue}: due ${due.map(({ id }) => id).join(', ')}; sent ${firsts.join(', ')}`);
      for (const id of firsts) {
        const times = sent.filter((one) => one.id === id);
        const windows = times.filter(({ isNoted }) => !isNoted).length;
        if (times.length > 1 + windows) broken(`${id} came ${times.length} times, in ${windows} windows`);
      }
    }
  }

  /** Who has paid has access, whatever else has happened. */
  #checkAccess(): void {
    const payments = this.#updates.flatMap((update) => paymentIn(update) ?? []);
    for (const chat of chatsOf(this.#updates)) {
      const mine = payments.filter((payment) => payment.chat === chat && payment.direction === 'in');
      const charges = [...new Set(mine.map(({ charge }) => charge))];
      // One that could not be granted waits among the dead letters, and may be granted after its refund.
      if (this.#journal.some((entry) => entry.kind === 'buried' && entry.chat === chat && entry.payment))
        continue;
      const left = charges.filter((charge) => !this.#granted.has(`${charge} out`)).length;
      const state = this.#sessions.get(`access:${chat}`)?.session?.value;
      const hasAccess = state === 'paid' || state === 'topic_selected';
      if (hasAccess !== left > 0) broken(`${chat} has ${left} payments and the state ${String(state)}`);
    }
  }

  async #checkLetters(store: Verbs): Promise<void> {
    const letters = [];
    for await (const { letter } of store.deadLetters(0)) letters.push(letter);
    // Two copies may have given up the same effect: one of them in vain.
    const due = new Set(
      this.#journal.flatMap((entry) =>
        entry.kind === 'buried' ? [entry.cause.id + entry.now] : entry.kind === 'given up' ? [entry.id] : [],
      ),
    ).size;
    if (letters.length < due) broken(`${due} dead letters are due, ${letters.length} stand`);
    const sorry = new Map<number, number>();
    for (const entry of this.#journal) {
      if (entry.kind !== 'buried' || entry.sorry === undefined) continue;
      const { chat, now } = entry;
      const since = now - (sorry.get(chat) ?? Number.NEGATIVE_INFINITY);
      if (since < 3_600_000) broken(`${chat} heard that something broke ${since} ms after the last time`);
      sorry.set(chat, now);
    }
  }

  /** What the store holds is what the run without faults led to. @throws GuaranteeBroken */
  async stored(store: Verbs, ground: Ground): Promise<void> {
    for (const { id } of releases.old) {
      for (const chat of chatsOf(this.#updates)) {
        const found = await store.loadSession(id, chat);
        const { session, version, away } = this.#sessions.get(`${id}:${chat}`) ?? nothing;
        const due = { session, version, away, book: found.book };
        if (!isDeepStrictEqual(found, due))
          broken(`session ${id} of ${chat}: due ${JSON.stringify(due)}; stored ${JSON.stringify(found)}`);
      }
    }
    const { due } = await store.dueTimers(0, Number.MAX_SAFE_INTEGER, 1_000);
    const stored = due.map((timer) => `${timer.id} ${timer.due}`).sort();
    const wanted = [...this.#timers].map(([id, at]) => `${id} ${at}`).sort();
    if (stored.join() !== wanted.join())
      broken(`timers: due ${wanted.join(', ')}; stored ${stored.join(', ')}`);
    await this.#checkLedger(store, ground);
  }

  /** A payment stands in the ledger, granted or not, as soon as its update was handled. */
  async #checkLedger(store: Verbs, ground: Ground): Promise<void> {
    for (const entry of this.#journal) {
      if (!('payment' in entry) || entry.payment === undefined) continue;
      const { charge, direction, chat } = entry.payment;
      const { book } = await store.loadSession('', chat);
      const isGranted = this.#granted.has(`${charge} ${direction}`);
      if (isEntered(entry.payment, book, clubBook.keyOf) !== isGranted)
        broken(`${charge} is ${isGranted ? 'not ' : ''}granted in the ledger`);
      if (!(await ground.hasPayment(entry.payment))) broken(`${charge} is not in the ledger`);
    }
  }
}

const chatsOf = (updates: readonly Arrival[]): number[] => [...new Set(updates.map(({ chat }) => chat))];

/** A session ends untouched in a state that says so, or as long after its person was lost as its machine says. */
function checkEnd(key: string, kept: Kept, machine: DurableMachine, now: number): void {
  const state = kept.session?.value;
  const isIn = (path: readonly string[]) => path.length === 1 && path[0] === state;
  const after = machine.expiry.find(({ path }) => isIn(path))?.after;
  const { endsAfter, stays } = machine.whileUnreachable;
  const isLost = kept.away && endsAfter !== null && !stays.some(isIn);
  const isUntouched = after !== undefined && now - kept.touchedAt >= after - skew;
  const isOver = isLost && now - kept.awayAt >= (endsAfter ?? 0) - skew;
  const isMixed = kept.isMixed || kept.machineVersion !== machine.version;
  if (!isUntouched && !isOver && !(isMixed && (after !== undefined || isLost)))
    broken(`session ${key} ended in ${String(state)}, ${now - kept.touchedAt} ms after its last step`);
}
