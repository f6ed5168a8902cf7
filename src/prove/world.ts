import type { Update } from 'grammy/types';
import {
  type Act,
  type account,
  clubBook,
  type compare,
  type Entry,
  type FoundUpdate,
  features,
  isAct,
  type Running,
  type route,
  type Sale,
} from '#club';
import {
  type Arrival,
  type DurableMachine,
  type Effect,
  expire,
  type Entry as InboxEntry,
  isEntered,
  type Job,
  jobOfTimer,
  type Session,
  type Signal,
  step,
  taskOf,
} from '#runtime';
import { joinKinds } from '#telegram';
import { ledgerOf, MemoryStore, type Waiting } from './memory-store.ts';
import type { Person } from './people.ts';
import { Violation } from './sentences.ts';
import { type Refusal, Telegram } from './telegram.ts';

/** What is proved: the program's own parts. A mutant has one of them changed. */
export interface Program {
  readonly machines: readonly DurableMachine[];
  readonly account: typeof account;
  /** The content as it is while each of these is sold. */
  readonly running: Readonly<Record<Sale, Running>>;
  readonly route: typeof route;
  readonly compare: typeof compare;
  /** A call of the Bot API on its way out. */
  readonly call: (method: string, payload: Readonly<Record<string, unknown>>, world: World) => unknown;
  /** What an effect does. @throws Refusal when Telegram does not take it */
  readonly perform: (effect: Effect, world: World) => Promise<unknown>;
  /** Whether a signal gets lost. */
  readonly drops: (signal: Signal) => boolean;
  /** What becomes of a chat when its person is forgotten, after all else. */
  readonly forgotten: (world: World, chat: number) => void;
}

/** More causes than one action can have: then something goes in a circle. */
const mostCauses = 400;
/** Messages to operators: they go out in a queue of their own. */
export const toOperator = new Set(['tellOperator', 'tellFound', 'forwardQuestion', 'forwardMore']);
export const kinds = joinKinds(features);

/**
 * The runtime with its store in memory, and Telegram beside it. Updates, signals and results of one chat come in the order
 * in which they arose.
 */
export class World {
  readonly program: Program;
  readonly telegram: Telegram;
  readonly store: MemoryStore;
  sale: Sale = 'days';
  /** Payments that come twice are kept, and strangers removed; else the other way round. */
  keeps = false;
  /** Transactions that were compared with the books. */
  compared = 0;
  /** What was said and done since a story was last told. */
  said: string[] = [];
  /** Steps of machines that were made. */
  steps = 0;

  constructor(program: Program, now: number, people: readonly Person[], from?: World) {
    this.program = program;
    this.telegram = new Telegram(now, people);
    this.store = new MemoryStore(from?.store);
  }

  copy(): World {
    const copy = new World(this.program, this.telegram.now, this.telegram.people, this);
    this.telegram.copyTo(copy.telegram);
    copy.sale = this.sale;
    copy.keeps = this.keeps;
    copy.compared = this.compared;
    return copy;
  }

  get running(): Running {
    return this.program.running[this.sale];
  }

  get rules(): Running['rules'] {
    const { rules } = this.running;
    const facts = { ...rules.facts, keepsDuplicates: true };
    return this.keeps ? { ...rules, facts, strangers: 'remove' } : rules;
  }

  /** What a person's book says now. */
  accessOf(chat: number): {
    has: boolean;
    forEver?: true;
    until?: number;
    ends?: number;
    renews?: true;
    resumable?: true;
    owed?: string[];
    callOff?: string[];
  } {
    const { facts } = this.program.account(this.store.bookOf(chat), {
      event: { type: 'asked' },
      now: this.telegram.now,
    });
    return facts['access'] as ReturnType<World['accessOf']>;
  }

  /** The state of a machine's session; null: it has none. */
  stateOf(machine: string, chat: number): Session['value'] | null {
    return this.store.sessions.get(`${machine}|${chat}`)?.session.value ?? null;
  }

  contextOf(machine: string, chat: number): Readonly<Record<string, unknown>> {
    return this.store.sessions.get(`${machine}|${chat}`)?.session.context ?? {};
  }

  /** Whether actors wait for Telegram's answer. */
  get isWaiting(): boolean {
    return this.store.outbox.length > 0;
  }

  /** An update that Telegram never delivered is delivered now, or made of its list. */
  update(update: FoundUpdate): void {
    const arrival = this.program.route(update, this.rules);
    if (arrival !== null) this.arrive(arrival);
  }

  arrive(arrival: Arrival): void {
    this.#note(arrival);
    this.store.inbox.push({ kind: 'arrival', chat: arrival.chat, text: JSON.stringify(arrival) });
  }

  /** What the bot knows of a payment from now on. */
  #note({ chat, entry: line }: Arrival): void {
    const entry = line as Entry | undefined;
    if (entry === undefined || isAct(entry)) return;
    const paid = this.telegram.person(chat).payments.find(({ charge }) => charge === entry.charge);
    if (paid === undefined) return;
    if (entry.direction === 'out') this.telegram.changePaid(chat, entry.charge, { refundKnown: true });
    else if (paid.known === undefined)
      this.telegram.changePaid(chat, entry.charge, { known: entry.found === true ? 'list' : 'update' });
  }

  /** Compares Telegram's list with the books. */
  async compareLists(): Promise<void> {
    const call = async (method: string, payload: Readonly<Record<string, unknown>>) =>
      this.program.call(method, payload, this);
    const found = await this.program.compare(
      call,
      ledgerOf(() => this.store),
      this.compared,
      this.telegram.now,
    );
    this.compared = found.position;
    for (const { update } of found.differences) this.update(update);
  }

  /** Time goes on; what becomes due on the way happens in order. */
  async until(time: number): Promise<void> {
    for (;;) {
      await this.quiet();
      const due = Math.min(...this.store.timers.values());
      if (due > time) break;
      this.telegram.now = Math.max(this.telegram.now, due);
    }
    this.telegram.now = Math.max(this.telegram.now, time);
    await this.quiet();
  }

  /** Runs until nothing is left to be done. @throws Violation */
  async quiet(): Promise<void> {
    for (let causes = 0; ; causes++) {
      if (causes > mostCauses) throw new Violation('quiet', 'it goes on and on');
      const { outgoing } = this.telegram;
      if (outgoing.length > 0) {
        this.telegram.outgoing = [];
        for (const update of outgoing) this.update(update as Update);
        continue;
      }
      const entry = this.store.inbox.shift();
      if (entry !== undefined) {
        this.#handle(entry);
        continue;
      }
      if (await this.#performNext()) continue;
      if (!this.#fireNext()) return;
    }
  }

  async #performNext(): Promise<boolean> {
    const { mood } = this.telegram;
    const at = this.store.outbox.findIndex(({ invocation }) => mood !== 'slow' || invocation === undefined);
    if (at === -1) return false;
    const [effect] = this.store.outbox.splice(at, 1) as [Effect];
    // The process dies after Telegram has taken it, and before that is noted.
    if (mood === 'twice') await this.program.perform(effect, this).catch(unlessViolated);
    try {
      const output = await this.program.perform(effect, this);
      this.#settle(effect, { output: output ?? null });
    } catch (error) {
      if (error instanceof Violation || error instanceof TypeError) throw error;
      this.#settle(effect, { error: { message: (error as Error).message } });
      const isUnreachable = (error as Refusal).error_code === 403 && kinds.speaks(effect);
      if (isUnreachable) {
        this.store.outbox = this.store.outbox.filter(({ queue }) => queue !== effect.queue);
        this.store.inbox.push({ kind: 'unreachable', chat: effect.chat, text: String(effect.chat) });
      }
    }
    return true;
  }

  #settle({ machine, chat, invocation }: Effect, result: { output: unknown } | { error: unknown }): void {
    if (invocation === undefined) return;
    const text = JSON.stringify({ machine, chat, invocation, ...result });
    this.store.inbox.push({ kind: 'result', chat, text });
  }

  #fireNext(): boolean {
    const timer = this.store.takeTimer(this.telegram.now);
    if (timer === null) return false;
    this.#step(jobOfTimer(timer, this.program.machines));
    return true;
  }

  #handle({ kind, chat, text }: Waiting): void {
    const id = `i${this.telegram.next++}`;
    const entry: InboxEntry = { shard: 0, source: 'inbox', id, due: 0, kind, chat, field: '', text };
    const { machines } = this.program;
    const task = taskOf(entry, {
      machines,
      arrive: (_, text) => JSON.parse(text) as Arrival,
      shardOf: () => 0,
    });
    if (task.kind === 'step') this.#step(task.job);
    else if (task.kind === 'abandon') this.store.abandon(task.chat, machines, this.telegram.now);
    else if (task.kind === 'forget') {
      this.store.forget(task.chat, machines);
      this.program.forgotten(this, task.chat);
    }
  }

  #step(job: Job): void {
    for (const [turn, machine] of job.machines.entries()) {
      const isLast = turn === job.machines.length - 1;
      if (this.#stepAndCommit(job, machine, isLast)) return;
    }
  }

  /** As the worker does it. @returns false when the machine does not react, and another may */
  #stepAndCommit(job: Job, machine: DurableMachine, isLast: boolean): boolean {
    const { cause, chat, arrival } = job;
    const { telegram, store } = this;
    const { now } = telegram;
    const place = `${machine.id}|${chat}`;
    const stored = store.sessions.get(place);
    const session = stored?.session ?? null;
    const book = store.bookOf(chat);
    // Such a line is void, and whatever came with it.
    const line = arrival?.entry as Entry | undefined;
    if (line !== undefined && isEntered(line, book, clubBook.keyOf)) return true;
    const event = job.eventFor(session);
    const isAway = stored?.isAway === true;
    const isBack = isAway && arrival !== undefined;
    const brought = line === undefined ? {} : { entry: line };
    const { facts, entry } =
      event === null || (book.length === 0 && line === undefined)
        ? { facts: undefined, entry: undefined }
        : this.program.account(book, { event, now, ...brought });
    this.steps++;
    const isOver = session === null || session.status !== 'active';
    const commit =
      event === null
        ? expire(machine, session, isAway)
        : isOver && (job.kind === 'timer' || job.kind === 'result')
          ? null
          : step({
              machine,
              chat,
              session,
              event,
              cause: job.kind === 'timer' ? `t${cause.due}` : cause.id,
              input: { language: this.running.content.defaultLanguage },
              now,
              hops: job.hops,
              ...(facts !== undefined && { facts }),
              isFromOutside: arrival !== undefined && arrival.fromOperator !== true,
              isBack,
              rules: kinds.rules,
            });
    if (commit === null && !isLast) return false;
    const lines = entry === undefined ? [] : [entry];
    if (commit !== null) {
      for (const record of commit.records)
        lines.push({ ...record, id: cause.id, chat, at: now } as unknown as Act);
      if (commit.ends) store.sessions.delete(place);
      else store.sessions.set(place, { session: commit.session, isAway: isAway && !isBack });
      for (const { name, due } of commit.timers) {
        if (due === null) store.timers.delete(`${place}|${name}`);
        else store.timers.set(`${place}|${name}`, due);
      }
      for (const effect of commit.effects)
        store.outbox.push(toOperator.has(effect.type) ? { ...effect, queue: 'operator' } : effect);
      for (const signal of commit.signals.filter((one) => !this.program.drops(one)))
        store.inbox.push({ kind: 'signal', chat, text: JSON.stringify(signal) });
      if (commit.forgets) store.inbox.push({ kind: 'forget', chat, text: JSON.stringify({ chat }) });
    }
    store.enter(chat, lines);
    return true;
  }
}

function unlessViolated(error: unknown): void {
  if (error instanceof Violation || error instanceof TypeError) throw error;
}
