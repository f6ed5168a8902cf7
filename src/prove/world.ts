import type { Update } from 'grammy/types';
import {
  type Act,
  type account,
  clubBook,
  clubParts,
  type compare,
  type Entry,
  type FoundUpdate,
  features,
  isAct,
  isPayment,
  keyOf,
  type Ledger,
  type Payment,
  type Running,
  type route,
} from '#club';
import {
  type Arrival,
  type DueTimer,
  type DurableMachine,
  type Effect,
  type EntryKind,
  encodeSession,
  expire,
  expiryTimer,
  type Entry as InboxEntry,
  isEntered,
  type Job,
  jobOfTimer,
  outlivesForgetting,
  type Session,
  type Signal,
  step,
  type Task,
  taskOf,
  timerNamesOf,
} from '#runtime';
import { joinKinds } from '#telegram';
import { botId, type Invoice, type Kind, type Person, Refusal, Telegram, Violation } from './telegram.ts';

/** What is sold: 30 days, a monthly subscription, or access for ever. */
export const sales = ['days', 'subscription', 'forever'] as const;
export type Sale = (typeof sales)[number];
/** Stars. */
export const price = 250;

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
  /** What an actor does; null: as the program has it. */
  readonly actor: (effect: Effect, world: World) => { output: unknown } | null;
  /** A person and the operator hear that a payment goes back. @throws Violation when it must not */
  readonly promised: (world: World, chat: number, charge: string) => void;
  /** Whether a signal gets lost. */
  readonly drops: (signal: Signal) => boolean;
  /** What becomes of a chat when its person is forgotten, after all else. */
  readonly forgotten: (world: World, chat: number) => void;
}

interface Stored {
  readonly session: Session;
  readonly isAway: boolean;
}

interface Waiting {
  readonly kind: EntryKind;
  readonly chat: number;
  readonly text: string;
}

/** More causes than one action can have: then something goes in a circle. */
const mostCauses = 400;

/** Messages without a person at their end, and answers that are no message. */
const answers = new Set(['approveCheckout', 'rejectCheckout', 'answerButton']);
const toOperator = new Set(['tellOperator', 'tellFound', 'forwardQuestion', 'forwardMore']);
const messages = new Set(['send', 'sendMaterial', 'sendData', 'sendAnswer', 'sendInvoice']);
const doorTrouble = /removal|invite|barred/;

/**
 * The runtime with its store in memory, and Telegram beside it. Each cause is stepped and written by the rules of the
 * commit: taken once, a line of the book once per key, timers and signals as the step asks. Updates, signals and results of
 * one chat come in the order in which they arose.
 */
export class World {
  readonly program: Program;
  readonly telegram: Telegram;
  sale: Sale = 'days';
  /** Payments that come twice are kept, and strangers removed; else the other way round. */
  keeps = false;
  /** Transactions that were compared with the books. */
  compared = 0;
  readonly sessions: Map<string, Stored>;
  /** `<machine>|<chat>|<timer>` → when it is due, ms. */
  readonly timers: Map<string, number>;
  readonly books: Map<number, readonly Entry[]>;
  #inbox: Waiting[] = [];
  /** Actors of which Telegram has not answered yet. */
  #outbox: Effect[] = [];
  /** What was said and done since the last `hear`. */
  said: string[] = [];
  /** Steps of machines that were made. */
  steps = 0;

  constructor(program: Program, now: number, people: readonly Person[], from?: World) {
    this.program = program;
    this.telegram = new Telegram(now, people);
    this.sessions = new Map(from?.sessions);
    this.timers = new Map(from?.timers);
    this.books = new Map(from?.books);
  }

  copy(): World {
    const copy = new World(this.program, this.telegram.now, this.telegram.people, this);
    this.telegram.copyTo(copy.telegram);
    copy.sale = this.sale;
    copy.keeps = this.keeps;
    copy.compared = this.compared;
    copy.#inbox = [...this.#inbox];
    copy.#outbox = [...this.#outbox];
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

  readonly ledger = {
    has: async (payment: Payment) =>
      (this.books.get(payment.chat) ?? []).some((entry) => keyOf(entry) === keyOf(payment)),
    find: async (charge: string) => {
      const lines = [...this.books.values()].flat().filter(isPayment);
      const of = (direction: 'in' | 'out') =>
        lines.find((entry) => entry.charge === charge && entry.direction === direction) ?? null;
      return { paid: of('in'), refunded: of('out') };
    },
    of: async (chat: number) => (this.books.get(chat) ?? []).filter(isPayment),
    book: async (chat: number) => [...(this.books.get(chat) ?? [])],
  } as unknown as Ledger;

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
    const book = this.books.get(chat) ?? [];
    const { facts } = this.program.account(book, { event: { type: 'asked' }, now: this.telegram.now });
    return facts['access'] as ReturnType<World['accessOf']>;
  }

  /** The state of a machine's session; null: it has none. */
  stateOf(machine: string, chat: number): Session['value'] | null {
    return this.sessions.get(`${machine}|${chat}`)?.session.value ?? null;
  }

  contextOf(machine: string, chat: number): Readonly<Record<string, unknown>> {
    return this.sessions.get(`${machine}|${chat}`)?.session.context ?? {};
  }

  /** Whether actors wait for Telegram's answer. */
  get isWaiting(): boolean {
    return this.#outbox.length > 0;
  }

  /** An update that Telegram never delivered is delivered now, or made of its list. */
  update(update: FoundUpdate): void {
    const arrival = this.program.route(update, this.rules);
    if (arrival !== null) this.arrive(arrival);
  }

  arrive(arrival: Arrival): void {
    this.#note(arrival);
    this.#inbox.push({ kind: 'arrival', chat: arrival.chat, text: JSON.stringify(arrival) });
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
    const found = await this.program.compare(call, this.ledger, this.compared, this.telegram.now);
    this.compared = found.position;
    for (const { update } of found.differences) this.update(update);
  }

  /** Time goes on; what becomes due on the way happens in order. */
  async until(time: number): Promise<void> {
    for (;;) {
      await this.quiet();
      const due = Math.min(...this.timers.values());
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
      const entry = this.#inbox.shift();
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
    const at = this.#outbox.findIndex(({ invocation }) => mood !== 'slow' || invocation === undefined);
    if (at === -1) return false;
    const [effect] = this.#outbox.splice(at, 1) as [Effect];
    // The process dies after Telegram has taken it, and before that is noted.
    if (mood === 'twice') await this.#attempt(effect).catch(unlessViolated);
    try {
      const output = await this.#attempt(effect);
      this.#settle(effect, { output: output ?? null });
    } catch (error) {
      if (error instanceof Violation || error instanceof TypeError) throw error;
      this.#settle(effect, { error: { message: (error as Error).message } });
      const isUnreachable = (error as Refusal).error_code === 403 && kinds.speaks(effect);
      if (isUnreachable) {
        this.#outbox = this.#outbox.filter(({ queue }) => queue !== effect.queue);
        this.#inbox.push({ kind: 'unreachable', chat: effect.chat, text: String(effect.chat) });
      }
    }
    return true;
  }

  async #attempt(effect: Effect): Promise<unknown> {
    const { type } = effect;
    if (type === 'approveCheckout') this.telegram.approved = true;
    if (answers.has(type)) return this.#say(effect, 'answers');
    if (toOperator.has(type)) return this.#tellOperator(effect);
    if (messages.has(type)) return this.message(effect);
    if (effect.invocation !== undefined) this.said.push(`  (${type} ${JSON.stringify(effect.params ?? {})})`);
    const own = this.program.actor(effect, this);
    return own === null ? performerOf(this)(effect) : own.output;
  }

  #settle({ machine, chat, invocation }: Effect, result: { output: unknown } | { error: unknown }): void {
    if (invocation === undefined) return;
    const text = JSON.stringify({ machine, chat, invocation, ...result });
    this.#inbox.push({ kind: 'result', chat, text });
  }

  #say({ type, params }: Effect, how: string): void {
    this.said.push(`  the bot ${how}: ${String(params?.['message'] ?? params?.['reason'] ?? type)}`);
  }

  /** A message to the person of the effect's chat. @throws Refusal when they have blocked the bot */
  message(effect: Effect): void {
    const { telegram } = this;
    const { chat } = effect;
    if (telegram.person(chat).away === true) throw new Refusal(403, 'Forbidden: bot was blocked by the user');
    this.#say(effect, `writes to ${telegram.person(chat).name}`);
    const link = effect.context['link'];
    if (typeof link === 'string' && effect.machine === 'membership') telegram.change(chat, { link });
    if (effect.type === 'sendInvoice') this.#invoice(effect);
  }

  #invoice(effect: Effect): void {
    // Its words do not matter here, and cost a tenth of the time.
    const { payload } = this.running.render({ ...effect, event: {} }).payload as { payload: string };
    const { isSubscription, accessDays: days } = this.running.content.settings.product;
    const kind: Kind = isSubscription ? 'month' : days > 0 ? 'days' : 'forever';
    const invoice: Invoice = { payload, kind, days };
    const { invoices } = this.telegram.person(effect.chat);
    // An older one of another offer stays open in the chat; of one offer they are all alike.
    const others = invoices.filter((one) => one.kind !== kind);
    this.telegram.change(effect.chat, { invoices: [...others, invoice].slice(-2) });
  }

  /** Of what operators hear, and of which payment or whose door. */
  #tellOperator(effect: Effect): void {
    const { chat, event = {}, context, type, params } = effect;
    if (type === 'tellFound' && event['found'] !== true) return;
    this.#say(effect, 'tells the operator');
    const [debt = ''] = (context['open'] ?? []) as string[];
    const about = [event['charge'], debt.replace(/^\w+ /, '')];
    const { payments } = this.telegram.person(chat);
    const payloads = payments.filter(({ charge }) => about.includes(charge)).map(({ payload }) => payload);
    if (params?.['message'] === 'operator_paid_again_refunded')
      this.program.promised(this, chat, String(event['charge']));
    // One message tells of a payment too many, whichever of them it names.
    const isAgain = String(params?.['message']).includes('paid_again');
    for (const { payload, charge, told, extra } of payments)
      if ((payloads.includes(payload) || (isAgain && extra !== undefined)) && told === undefined)
        this.telegram.changePaid(chat, charge, { told: true });
    if (doorTrouble.test(String(params?.['message']))) this.knowsOfDoor(chat);
  }

  /** The operator hears of trouble with somebody's place in the club, or with everybody's. */
  knowsOfDoor(chat?: number): void {
    for (const { id } of this.telegram.people)
      if (chat === undefined || id === chat) this.telegram.change(id, { told: true });
  }

  #fireNext(): boolean {
    const { now } = this.telegram;
    let first: [string, number] | undefined;
    for (const timer of this.timers)
      if (timer[1] <= now && timer[1] < (first?.[1] ?? Infinity)) first = timer;
    if (first === undefined) return false;
    const [id, due] = first;
    const [machine = '', chat = '', timer = ''] = id.split('|');
    const cause: DueTimer = { shard: 0, source: 'timers', id, due, machine, chat: Number(chat), timer };
    this.timers.delete(id);
    this.#step(jobOfTimer(cause, this.program.machines));
    return true;
  }

  #handle({ kind, chat, text }: Waiting): void {
    const id = `i${this.telegram.next++}`;
    const entry: InboxEntry = { shard: 0, source: 'inbox', id, due: 0, kind, chat, field: '', text };
    const task: Task = taskOf(entry, {
      machines: this.program.machines,
      arrive: (_, text) => JSON.parse(text) as Arrival,
      shardOf: () => 0,
    });
    if (task.kind === 'step') this.#step(task.job);
    else if (task.kind === 'abandon') this.#abandon(task.chat);
    else if (task.kind === 'forget') this.#forget(task.chat);
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
    const { now } = this.telegram;
    const place = `${machine.id}|${chat}`;
    const stored = this.sessions.get(place);
    const session = stored?.session ?? null;
    const book = this.books.get(chat) ?? [];
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
      if (commit.ends) this.sessions.delete(place);
      else this.sessions.set(place, { session: commit.session, isAway: isAway && !isBack });
      for (const { name, due } of commit.timers) {
        if (due === null) this.timers.delete(`${place}|${name}`);
        else this.timers.set(`${place}|${name}`, due);
      }
      for (const effect of commit.effects)
        this.#outbox.push(toOperator.has(effect.type) ? { ...effect, queue: 'operator' } : effect);
      for (const signal of commit.signals.filter((one) => !this.program.drops(one)))
        this.#inbox.push({ kind: 'signal', chat, text: JSON.stringify(signal) });
      if (commit.forgets) this.#inbox.push({ kind: 'forget', chat, text: JSON.stringify({ chat }) });
    }
    this.#enter(chat, lines);
    return true;
  }

  #enter(chat: number, lines: readonly Entry[]): void {
    if (lines.length === 0) return;
    const book = this.books.get(chat) ?? [];
    const known = new Set(book.map(keyOf));
    this.books.set(chat, [...book, ...lines.filter((line) => !known.has(keyOf(line)))]);
  }

  #abandon(chat: number): void {
    for (const machine of this.program.machines) {
      const { goesOn, endsAfter } = machine.whileUnreachable;
      if (goesOn) continue;
      const place = `${machine.id}|${chat}`;
      for (const name of timerNamesOf(machine))
        if (name !== expiryTimer) this.timers.delete(`${place}|${name}`);
      const stored = this.sessions.get(place);
      if (stored === undefined) continue;
      this.sessions.set(place, { ...stored, isAway: true });
      const end = `${place}|${expiryTimer}`;
      if (endsAfter !== null && !this.timers.has(end)) this.timers.set(end, this.telegram.now + endsAfter);
    }
    this.#outbox = this.#outbox.filter(({ queue }) => queue !== `${chat}`);
  }

  #forget(chat: number): void {
    for (const machine of this.program.machines) {
      const place = `${machine.id}|${chat}`;
      const stored = this.sessions.get(place);
      if (stored !== undefined && outlivesForgetting(machine, stored.session)) continue;
      this.sessions.delete(place);
      for (const name of timerNamesOf(machine)) this.timers.delete(`${place}|${name}`);
    }
    this.program.forgotten(this, chat);
  }

  /**
   * Everything that money and door depend on, as text: without reminders, with times as hours or days from now, and with
   * charges, links and invoices named by the order in which they stand. Two worlds of one text have the same future, but for
   * what hangs on less than that.
   */
  fingerprint(): string {
    const { telegram } = this;
    const { now } = telegram;
    const sessions: string[] = [];
    for (const [place, { session, isAway }] of [...this.sessions].sort(byKey)) {
      // Numbers of earlier invocations are only ever compared with one that is awaited.
      const { generation, ...rest } = session;
      const kept = session.invocations === undefined ? rest : session;
      const context = agedContext(kept.context, now);
      sessions.push(place, isAway ? '~' : '', encodeSession({ ...kept, context } as Session));
    }
    const timers = [...this.timers]
      .filter(([id]) => !isIdle(id))
      .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
    const links = telegram.people.map(({ link }) => telegram.links.find(({ name }) => name === link));
    const text = JSON.stringify([
      this.sale,
      this.keeps,
      telegram.mood,
      sessions,
      timers,
      [...this.books].map(([chat, book]) => [chat, [...book].sort((a, b) => a.at - b.at)]),
      telegram.people,
      links,
      this.#outbox.map(({ type, params, chat }) => [type, params, chat]),
    ]);
    const names = new Map<string, string>();
    return text.replace(named, (found) => {
      if (found.startsWith('1'))
        return span((found.length === 10 ? Number(found) * 1_000 : Number(found)) - now);
      let name = names.get(found);
      if (name === undefined) {
        name = `n${names.size}`;
        names.set(found, name);
      }
      return name;
    });
  }
}

/** Times, and what is named by numbers of their own. */
const named =
  /"update_id":\d+|"[^"]*:[0-9a-f]{16}"|\b1[6-9]\d{11}\b|\b1[6-9]\d{8}\b|\b(?:ch|i|q)\d+\b|\+L\d+|\bt1\d{12}\b/g;

function span(ms: number): string {
  const hours = Math.round(ms / hour);
  if (Math.abs(hours) <= 30) return `${hours}h`;
  return hours < -1_000 ? 'past' : `${Math.round(hours / 24)}d`;
}

/** What performs the effects of one program, and the world for which it does so now: making one for each copy costs too much. */
const performers = new WeakMap<
  Program,
  { world: World; readonly perform: (effect: Effect) => Promise<unknown> }
>();

function performerOf(world: World): (effect: Effect) => Promise<unknown> {
  let found = performers.get(world.program);
  if (found === undefined) {
    found = { world, perform: createPerformerFor(() => performers.get(world.program)?.world ?? world) };
    performers.set(world.program, found);
  }
  found.world = world;
  return found.perform;
}

const kinds = joinKinds(features);

function createPerformerFor(world: () => World): (effect: Effect) => Promise<unknown> {
  const call = async (method: string, payload: Readonly<Record<string, unknown>>) =>
    world().program.call(method, payload, world());
  const parts = clubParts({
    content: () => world().running.content,
    ledger: {
      has: (payment) => world().ledger.has(payment),
      find: (charge) => world().ledger.find(charge),
      of: (chat) => world().ledger.of(chat),
      book: (chat) => world().ledger.book(chat),
    } as Pick<Ledger, 'has' | 'find' | 'of' | 'book'> as Ledger,
    call,
    send: async (effect) => {
      if (effect.type === 'send') return world().message(effect);
      const { method, payload } = world().running.render(effect);
      return call(method, payload);
    },
    stored: async (chat) => ({ chat, sessions: [], payments: [] }),
    facts: () => world().rules.facts ?? {},
    troubles: { met: async () => world().knowsOfDoor(), over: async () => {}, isOpen: () => false },
    strangers: { note: async ({ chat }) => world().knowsOfDoor(chat) },
    bot: botId,
    moved: async () => {},
    append: async (arrival) => world().arrive(arrival),
    now: () => world().telegram.now,
  });
  return kinds.performWith(parts);
}

const hour = 3_600_000;
const minute = 60_000;

const byKey = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : 1;

/** Moments of which only the last minute, or the last hour, makes a difference. */
const briefly: Readonly<Record<string, number>> = {
  helped: minute,
  invoiced: minute,
  asked: minute,
  shown: minute,
  asking: hour,
  leaving: hour,
};

/** Only reminders depend on it. */
const ofReminders = { since: undefined, reminded: undefined, topic: undefined };

/** Timers of reminders, and the ends of untouched sessions, which change nothing of money and door. */
export const isIdle = (id: string): boolean =>
  /reminder|follow_up|~expiry|answer_expiry|invite_slow|invite_very_slow/.test(id);

function agedContext(context: Readonly<Record<string, unknown>>, now: number): object {
  let aged: Readonly<Record<string, unknown>> = { ...context, ...ofReminders };
  for (const [field, span] of Object.entries(briefly)) {
    const at = aged[field];
    if (typeof at === 'number' && now - at >= span) aged = { ...aged, [field]: undefined };
  }
  return aged;
}

function unlessViolated(error: unknown): void {
  if (error instanceof Violation || error instanceof TypeError) throw error;
}
