import { isDeepStrictEqual } from 'node:util';
import { accessMachine } from '../../machines/access.machine.ts';
import { membershipMachine } from '../../machines/membership.machine.ts';
import { supportMachine } from '../../machines/support.machine.ts';
import { lanes } from '../../src/core/effects.ts';
import { type DurableMachine, expiryTimer, prepareMachine } from '../../src/core/machine.ts';
import type { Payment } from '../../src/core/route.ts';
import { decodeSession, encodeSession, type Session } from '../../src/core/session.ts';
import {
  expire,
  type MachineEvent,
  resultEvent,
  type Signal,
  step,
  timerEvent,
} from '../../src/core/step.ts';
import type { Cause, StoredResult } from '../../src/store/store.ts';
import { jobMachine } from '../job.machine.ts';
import type { Guard, Verbs } from './model.ts';

const input = { language: 'en' };
const access = prepareMachine(accessMachine, {}, input);
const job = prepareMachine(jobMachine, {}, input);
const others = [membershipMachine, supportMachine].map((machine) => prepareMachine(machine, {}, input));
const machines = [access, job, ...others];
const people = { anna: 1, boris: 2 } as const;
const day = 24 * 3_600_000;

interface Update {
  readonly id: number;
  readonly chat: number;
  readonly machine: string;
  readonly event: MachineEvent;
  readonly payment?: Payment;
}

/** A cause whose commit was written. */
interface Applied {
  readonly cause: Cause;
  readonly update?: number;
  /** It was a signal of another machine, and as many led to it; 0 for what else there is. */
  readonly hops: number;
  readonly chat: number;
  readonly machine: DurableMachine;
  readonly event: MachineEvent;
  readonly now: number;
  readonly version: number;
  /** Its charge was in the ledger already. */
  readonly known: boolean;
  readonly payment?: Payment;
}

/** A copy of the bot: what it has in memory, which a crash takes away. */
interface Copy {
  store: Verbs;
  offset: number;
  readonly chats: Set<number>;
  readonly queues: Set<string>;
  readonly causes: Set<string>;
  readonly parked: AsyncGenerator<void>[];
}

/** As the worker steps a cause. */
function stepOf(
  given: Pick<Applied, 'cause' | 'chat' | 'machine' | 'event' | 'now' | 'hops'> & { session: Session | null },
) {
  const { cause, machine, event, session } = given;
  if (event.type === expiryTimer) return expire(machine, session, false);
  const id = cause.source === 'timers' ? `t${cause.due}` : cause.id;
  return step({ ...given, cause: id, input, rules: {} });
}

/** Everything that a guarantee is about went wrong in these ways. */
export class GuaranteeBroken extends Error {
  override name = 'GuaranteeBroken';
}

/** Two copies of the bot, Telegram, and a clock: everything that the store does not keep. */
export class World {
  readonly #open: () => Verbs;
  readonly #without: Guard | undefined;
  readonly #copies: Record<'A' | 'B', Copy>;
  readonly #telegram = { updates: [] as Update[], all: [] as Update[], nextId: 1, charges: 0 };
  readonly #charges = new Map<number, string[]>();
  readonly #applied: Applied[] = [];
  readonly #sent: { queue: string; id: string }[] = [];
  /** How the next sends end. */
  readonly #faults: ('fails' | 'lost')[] = [];
  #repeats = 0;
  /** Deaths between a send and its note, and lost answers: each may repeat one message. */
  #windows = 0;
  #now = 1_700_000_000_000;

  private constructor(open: () => Verbs, without?: Guard) {
    this.#open = open;
    this.#without = without;
    this.#copies = { A: this.#newCopy(), B: this.#newCopy() };
  }

  /**
   * Plays lines such as `boris: /start`, `A works`, `A crashes`, `clock +5m`, then lets everything drain.
   * @throws GuaranteeBroken
   */
  static async play(lines: readonly string[], open: () => Verbs, without?: Guard): Promise<void> {
    const world = new World(open, without);
    await world.#copies.A.store.acquire(0, 'A', []);
    for (const line of lines) await world.#act(line);
    await world.#drain();
    await world.#check();
  }

  #newCopy(): Copy {
    const memory = { chats: new Set<number>(), queues: new Set<string>(), causes: new Set<string>() };
    return { store: this.#open(), offset: 0, ...memory, parked: [] };
  }

  async #act(line: string): Promise<void> {
    const [, name, words] = /^(anna|boris): (.+)$/.exec(line) ?? [];
    if (name !== undefined) return this.#say(people[name as keyof typeof people], words ?? '');
    const [, copy, deed] = /^([AB]) (.+)$/.exec(line) ?? [];
    if (copy !== undefined) return this.#do(copy as 'A' | 'B', deed ?? '');
    const [, amount, unit] = /^clock \+(\d+)([smhd])$/.exec(line) ?? [];
    const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: day };
    if (unit !== undefined) this.#now += Number(amount) * (units[unit] as number);
    else if (line === 'the next send fails') this.#faults.push('fails');
    else if (line === "the next send's answer is lost") this.#faults.push('lost');
    else if (line === 'the next write is repeated') this.#repeats++;
    else if (line === 'Telegram delivers again') this.#deliverAgain();
    else throw new Error(`Expected a line of the simulation, found "${line}"`);
  }

  /** What was confirmed last comes once more. */
  #deliverAgain(): void {
    const { updates, all } = this.#telegram;
    const last = all.findLast((update) => !updates.includes(update));
    if (last !== undefined) updates.unshift(last);
  }

  #say(chat: number, words: string): void {
    const charges = this.#charges.get(chat) ?? [];
    const money = (direction: Payment['direction'], charge: string) => ({
      machine: access.id,
      // With a club, so that each payment signals the machine that keeps its door.
      event: { type: direction === 'in' ? 'payment.received' : 'payment.refunded', charge, club: true },
      payment: { charge, direction, chat, payload: 'club:1', currency: 'XTR', amount: 250, at: this.#now },
    });
    const of = (machine: DurableMachine, event: MachineEvent) => ({ machine: machine.id, event });
    const said: Record<string, () => Omit<Update, 'id' | 'chat'> | null> = {
      '/start': () => of(access, { type: 'start.requested' }),
      'wants access': () => of(access, { type: 'access.requested' }),
      'picks a topic': () => of(access, { type: 'topic.selected', value: 'focus' }),
      pays: () => {
        charges.push(`charge ${++this.#telegram.charges}`);
        return money('in', charges.at(-1) ?? '');
      },
      'pays, told once more': () => (charges.length === 0 ? null : money('in', charges.at(-1) ?? '')),
      'gets money back': () => {
        const charge = charges.find(
          (one) =>
            !this.#telegram.all.some(({ payment }) => payment?.charge === one && payment.direction === 'out'),
        );
        return charge === undefined ? null : money('out', charge);
      },
      'wants a job': () => of(job, { type: 'job.requested', n: 21 }),
      'cancels the job': () => of(job, { type: 'job.cancelled' }),
    };
    this.#charges.set(chat, charges);
    const update = said[words]?.();
    if (update === undefined) throw new Error(`Expected something that a person says, found "${words}"`);
    if (update === null) return;
    const pushed = { ...update, id: this.#telegram.nextId++, chat };
    this.#telegram.updates.push(pushed);
    this.#telegram.all.push(pushed);
  }

  async #do(name: 'A' | 'B', deed: string): Promise<void> {
    const copy = this.#copies[name];
    const [, begins, loop] = /^(begins to )?(poll|work|fire|send)s?$/.exec(deed) ?? [];
    if (deed === 'crashes') {
      this.#copies[name] = this.#newCopy();
      await this.#copies[name].store.acquire(0, name, []);
    } else if (deed === 'takes over') await copy.store.acquire(0, name, []);
    else if (deed === 'goes on') await this.#goOn(copy);
    else if (loop !== undefined) {
      const work = { poll: this.#poll, work: this.#work, fire: this.#fire, send: this.#send }[
        loop as 'poll' | 'work' | 'fire' | 'send'
      ].call(this, copy);
      // Whatever must wait for something that is parked is parked as well.
      for (let steps = begins === undefined ? 10 : 1; steps > 0; steps--)
        if ((await work.next()).done === true) return;
      copy.parked.push(work);
    } else throw new Error(`Expected a deed of a copy, found "${deed}"`);
  }

  async #goOn(copy: Copy): Promise<void> {
    const work = copy.parked.shift();
    if (work !== undefined && (await work.next()).done !== true) copy.parked.push(work);
  }

  /** A write whose answer is lost with the connection is sent again. The first answer is the true one. */
  async #write<Result>(write: () => Promise<Result>): Promise<Result> {
    const result = await write();
    if (this.#repeats > 0) {
      this.#repeats--;
      await write();
    }
    return result;
  }

  async *#poll(copy: Copy): AsyncGenerator<void> {
    const { updates } = this.#telegram;
    const batch = updates.filter(({ id }) => id >= copy.offset).slice(0, 3);
    const confirm = () => {
      copy.offset = Math.max(copy.offset, ...batch.map(({ id }) => id + 1));
      this.#telegram.updates = this.#telegram.updates.filter(({ id }) => id >= copy.offset);
    };
    const isGuarded = this.#without !== 'updates are confirmed after they are stored';
    if (!isGuarded) confirm();
    yield;
    const stored = batch.map((update) => ({
      id: update.id,
      chat: update.chat,
      lane: 'reply' as const,
      text: JSON.stringify(update),
    }));
    await this.#write(() => copy.store.appendUpdates(stored));
    yield;
    if (isGuarded) confirm();
  }

  async *#work(copy: Copy): AsyncGenerator<void> {
    const passed = new Set<number>();
    for (const entry of await copy.store.readInbox(0, 'inbox', '', 100)) {
      const text = JSON.parse(entry.text) as Update & StoredResult & Signal;
      const { chat } = text;
      const isBusy = copy.chats.has(chat) || passed.has(chat);
      passed.add(chat);
      if (copy.causes.has(entry.id) || (isBusy && this.#without !== 'one chat is handled in order')) continue;
      const machine = machines.find(({ id }) => id === text.machine) as DurableMachine;
      const event =
        entry.kind === 'result' ? resultEvent(text.invocation, { output: text.output }) : text.event;
      yield* this.#perform(copy, entry, {
        chat,
        machine,
        event,
        update: entry.kind === 'update' ? text : null,
        hops: entry.kind === 'signal' ? text.hops : 0,
      });
      return;
    }
  }

  async *#fire(copy: Copy): AsyncGenerator<void> {
    const { due } = await copy.store.dueTimers(0, this.#now, 100);
    const timer = due.find(({ id }) => !copy.causes.has(id));
    if (timer === undefined) return;
    copy.causes.add(timer.id);
    yield;
    // What comes before it in its chat may set it anew.
    while (copy.chats.has(timer.chat)) yield;
    const machine = machines.find(({ id }) => id === timer.machine) as DurableMachine;
    const event = timerEvent(machine, timer.timer) ?? { type: expiryTimer };
    yield* this.#perform(copy, timer, { chat: timer.chat, machine, event, update: null, hops: 0 });
  }

  /** As the worker does it: load, step, commit; once more when somebody else was first. */
  async *#perform(
    copy: Copy,
    cause: Cause,
    what: {
      chat: number;
      machine: DurableMachine;
      event: MachineEvent;
      update: Update | null;
      hops: number;
    },
  ): AsyncGenerator<void> {
    const { chat, machine, event, update, hops } = what;
    const payment = update?.payment;
    copy.chats.add(chat);
    copy.causes.add(cause.id);
    for (;;) {
      const { session, version } = await copy.store.loadSession(machine.id, chat);
      const known = payment !== undefined && (await copy.store.isGranted(payment));
      yield;
      const now = this.#now;
      const isLate = session === null && update === null && hops === 0;
      const commit = known || isLate ? null : stepOf({ cause, chat, machine, event, now, session, hops });
      const target = { machine: machine.id, machineVersion: machine.version, chat, version };
      const options = { now, ...(payment !== undefined && !known && { payment }) };
      const code = await this.#write(() => copy.store.commit(cause, target, commit, options));
      if (code === 'ok') {
        const about = { cause, chat, machine, event, now, version, known, hops };
        this.#applied.push({
          ...about,
          ...(payment !== undefined && { payment }),
          ...(update !== null && { update: update.id }),
        });
      }
      if (code !== 'conflict' && code !== 'charged') break;
    }
    yield;
    copy.chats.delete(chat);
    copy.causes.delete(cause.id);
  }

  async *#send(copy: Copy): AsyncGenerator<void> {
    for (const lane of lanes) {
      const { taken } = await copy.store.takeEffects(0, lane, this.#now, 1, [...copy.queues]);
      const [one] = taken;
      if (one === undefined) continue;
      const { effect } = one;
      copy.queues.add(one.queue);
      const result = effect.invocation && {
        result: { machine: effect.machine, chat: effect.chat, invocation: effect.invocation, output: 42 },
      };
      const settle = () => this.#write(() => copy.store.settle(one, this.#now, result ?? {}));
      const isGuarded = this.#without !== 'an effect is settled after it was sent';
      if (!isGuarded) await settle();
      yield;
      const fault = this.#faults.shift();
      if (fault !== 'fails') this.#sent.push({ queue: one.queue, id: `${effect.machine} ${effect.id}` });
      if (fault === 'lost') this.#windows++;
      // Until the end of this, a crash or a takeover leaves no note of it.
      this.#windows++;
      yield;
      if (fault !== undefined) {
        const later = { ...effect, attempt: (effect.attempt ?? 0) + 1 };
        const due = this.#now + 1_000;
        const code = await this.#write(() => copy.store.postpone(one, later, due));
        if (code === 'ok') this.#windows--;
      } else if (isGuarded && (await settle()) !== 'fenced') this.#windows--;
      copy.queues.delete(one.queue);
      return;
    }
  }

  /** Whoever was paused wakes and finds that it is not the owner; the owner goes on until nothing is left. */
  async #drain(): Promise<void> {
    await this.#do('A', 'crashes');
    const { A: owner, B: stale } = this.#copies;
    while (stale.parked.length > 0) await this.#goOn(stale);
    const until = this.#now + 5 * day;
    for (let before = -1; this.#now < until || before !== this.#progress(); ) {
      if (before === this.#progress()) this.#now += 6 * 3_600_000;
      before = this.#progress();
      for (const loop of [this.#poll, this.#work, this.#fire, this.#send]) {
        for await (const _ of loop.call(this, owner));
      }
    }
  }

  #progress(): number {
    return this.#applied.length + this.#sent.length - this.#telegram.updates.length;
  }

  /** Holds what was applied and sent against a run without crashes, of the same causes in the same order. */
  async #check(): Promise<void> {
    const broken = (text: string) => {
      throw new GuaranteeBroken(text);
    };
    const updates = this.#applied.flatMap(({ update }) => update ?? []);
    for (const { id } of this.#telegram.all) {
      const times = updates.filter((one) => one === id).length;
      if (times !== 1) broken(`update ${id} was applied ${times} times`);
    }
    for (const chat of Object.values(people)) {
      const mine = this.#applied.filter((one) => one.chat === chat).flatMap(({ update }) => update ?? []);
      if (mine.some((id, index) => id < (mine[index - 1] ?? 0)))
        broken(`updates of ${chat}: ${mine.join(', ')}`);
    }
    const sessions = new Map<string, { session: Session; version: number }>();
    const timers = new Map<string, number>();
    const ledger = new Set<string>();
    const expected = new Map<string, string[]>();
    const signals = { given: [] as string[], heard: [] as string[] };
    for (const { cause, chat, machine, event, now, known, payment, update, hops } of this.#applied) {
      if (hops > 0) signals.heard.push(JSON.stringify({ machine: machine.id, chat, event, hops }));
      const key = `${machine.id}:${chat}`;
      if (cause.source === 'timers') {
        const due = timers.get(cause.id);
        if (due === undefined) broken(`the timer ${cause.id} fired after its state was left, or twice`);
        else if (now < due) broken(`the timer ${cause.id} fired ${due - now} ms early`);
        timers.delete(cause.id);
      }
      if (payment !== undefined) {
        const charge = `${payment.charge} ${payment.direction}`;
        if (ledger.has(charge) !== known) broken(`${charge} was ${known ? 'not applied' : 'applied twice'}`);
        ledger.add(charge);
        if (known) continue;
      }
      const before = sessions.get(key);
      if (before === undefined && update === undefined && hops === 0) continue;
      const [session, version] = [before?.session ?? null, before?.version ?? 0];
      const commit = stepOf({ cause, chat, machine, event, now, session, hops });
      if (commit === null) continue;
      if (commit.ends) sessions.delete(key);
      else sessions.set(key, { session: decodeSession(encodeSession(commit.session)), version: version + 1 });
      for (const { name, due } of commit.timers) {
        if (due === null) timers.delete(`${key}|${name}`);
        else timers.set(`${key}|${name}`, due);
      }
      // As it is stored: without what is undefined.
      signals.given.push(...commit.signals.map((signal) => JSON.stringify(signal)));
      for (const { queue, id } of commit.effects)
        expected.set(queue, [...(expected.get(queue) ?? []), `${machine.id} ${id}`]);
    }
    for (const [member, due] of timers) if (due <= this.#now) broken(`the timer ${member} never fired`);
    if (signals.given.sort().join() !== signals.heard.sort().join())
      broken(`signals given: ${signals.given.join(', ')}; heard: ${signals.heard.join(', ')}`);
    this.#checkEffects(expected, broken);
    this.#checkAccess(sessions, ledger, broken);
    await this.#checkStored(sessions, timers, broken);
  }

  #checkEffects(expected: ReadonlyMap<string, string[]>, broken: (text: string) => void): void {
    let repeats = 0;
    for (const queue of new Set([...expected.keys(), ...this.#sent.map((one) => one.queue)])) {
      const ids = this.#sent.filter((one) => one.queue === queue).map(({ id }) => id);
      const firsts = ids.filter((id, index) => ids.indexOf(id) === index);
      repeats += ids.length - firsts.length;
      const due = expected.get(queue) ?? [];
      if (firsts.join() !== due.join())
        broken(`queue ${queue}: due ${due.join(', ')}; sent ${firsts.join(', ')}`);
    }
    if (repeats > this.#windows) broken(`${repeats} messages came twice, in ${this.#windows} windows`);
  }

  #checkAccess(
    sessions: ReadonlyMap<string, { session: Session }>,
    ledger: ReadonlySet<string>,
    broken: (text: string) => void,
  ): void {
    for (const [name, chat] of Object.entries(people)) {
      const charges = this.#charges.get(chat) ?? [];
      const left = charges.filter((charge) => !ledger.has(`${charge} out`)).length;
      const session = sessions.get(`access:${chat}`)?.session;
      const hasAccess = session?.value === 'paid' || session?.value === 'topic_selected';
      if (hasAccess !== left > 0)
        broken(`${name} has ${left} payments and the state ${String(session?.value)}`);
    }
    for (const { payment } of this.#telegram.all)
      if (payment !== undefined && !ledger.has(`${payment.charge} ${payment.direction}`))
        broken(`${payment.charge} is not in the ledger`);
  }

  /** What the store holds in the end is what the run without crashes led to. */
  async #checkStored(
    sessions: ReadonlyMap<string, { session: Session; version: number }>,
    timers: ReadonlyMap<string, number>,
    broken: (text: string) => void,
  ): Promise<void> {
    const { store } = this.#copies.A;
    for (const { id } of machines) {
      for (const chat of Object.values(people)) {
        const { session, version } = await store.loadSession(id, chat);
        const due = sessions.get(`${id}:${chat}`) ?? { session: null, version: 0 };
        if (!isDeepStrictEqual({ session, version }, due))
          broken(
            `session ${id} of ${chat}: due ${JSON.stringify(due)}; stored ${JSON.stringify({ session, version })}`,
          );
      }
    }
    const { due } = await store.dueTimers(0, Number.MAX_SAFE_INTEGER, 1_000);
    const stored = due.map((timer) => `${timer.id} ${timer.due}`).sort();
    const wanted = [...timers].map(([id, at]) => `${id} ${at}`).sort();
    if (stored.join() !== wanted.join())
      broken(`timers: due ${wanted.join(', ')}; stored ${stored.join(', ')}`);
  }
}
