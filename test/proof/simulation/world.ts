import { clubBook } from '../../../src/club/payments/account.ts';
import type { Payment } from '../../../src/club/payments/book.ts';
import type { Arrival } from '../../../src/runtime/core/arrival.ts';
import { isEntered } from '../../../src/runtime/core/arrival.ts';
import type { Commit, MachineEvent } from '../../../src/runtime/core/commit.ts';
import type { Effect } from '../../../src/runtime/core/effects.ts';
import { lanes } from '../../../src/runtime/core/effects.ts';
import { type DurableMachine, expiryTimer } from '../../../src/runtime/core/machine.ts';
import { timerNamesOf, waitsForNews } from '../../../src/runtime/core/timers.ts';
import { type Arrive, type Job, jobOfTimer, type Task, taskOf } from '../../../src/runtime/loops/jobs.ts';
import { timerMember } from '../../../src/runtime/redis/keys.ts';
import type { Cause, DeadLetter, DueTimer, Entry, Taken } from '../../../src/runtime/stored.ts';
import { Check, GuaranteeBroken, type Journal, type Sent, type Stored, stepOf } from './check.ts';
import { address, impossible, type Release, releases } from './machines.ts';
import { type Ground, type Guard, keyed, paymentIn, type Verbs } from './model.ts';

export const people = { anna: 1, boris: 2 } as const;
const day = 24 * 3_600_000;

/** What a person says, and the event that it brings. */
export const oddities: Readonly<Record<string, string>> = {
  rests: 'odd.rests',
  stands: 'odd.stands',
  arms: 'odd.arms',
  'meets a guard that throws': 'odd.guard',
  'meets an assign that throws': 'odd.assign',
  'asks for a BigInt': 'odd.bigint',
  'asks for a delay that is none': 'odd.delay',
  'asks for an endless chain': 'odd.endless',
  'asks for an answer to nobody': 'odd.address',
  'asks for an answer that is no JSON': 'odd.encode',
  'asks for a timer out of shape': 'odd.shape',
  'asks for what nobody can perform': 'odd.perform',
  'sends what kills': 'odd.kill',
  'starts a circle': 'odd.circle',
};

/** A queue in hand. */
interface Hand {
  readonly taken: Taken;
  isSending: boolean;
  /** Until when it is held for this copy by the server's clock, ms; null: it is not. */
  till: number | null;
  /** The hold was over for a while, or of a time ahead: another copy may have sent it as well. */
  isLost: boolean;
}

/** A copy of the bot: what it has in memory, which a crash takes away. */
interface Copy {
  readonly name: Name;
  readonly store: Verbs;
  readonly machines: readonly DurableMachine[];
  offset: number;
  /** It has not given the shard away. */
  owns: boolean;
  /** Whoever had the shard before has died: until this time causes are handled one by one, each with a note; ms. */
  suspectsUntil: number;
  trying: string | null;
  /** When something is due next that it has seen, ms. */
  next: number;
  readonly chats: Set<number>;
  readonly hands: Map<string, Hand>;
  readonly causes: Set<string>;
  readonly parked: Work[];
}

type Name = 'A' | 'B';
type Work = AsyncGenerator<void>;

/** As the engine has them. */
const mostConflicts = 50;
const mostTries = 2;
const holdLength = 20_000;
const sorryPeriod = 3_600_000;
/** More than any case needs. */
const mostRounds = 2_000;

/** A cause has ended the process. */
class ProcessEnded extends Error {}

/** Two copies of the bot, Telegram, and the clocks: everything that the store does not keep. */
export class World {
  readonly #ground: Ground;
  readonly #without: Guard | undefined;
  readonly #copies: Record<Name, Copy>;
  readonly #release: Record<Name, Release> = { A: 'old', B: 'old' };
  /** How far a copy's clock is ahead, ms. */
  readonly #ahead: Record<Name, number> = { A: 0, B: 0 };
  #owner: Name = 'A';
  readonly #telegram = { updates: [] as Arrival[], all: [] as Arrival[], nextId: 1, charges: 0 };
  /** When each update was said. */
  readonly #saidAt = new Map<number, number>();
  /** When the last poll began that left nothing waiting, by the clock of its copy. */
  #asked = Number.NEGATIVE_INFINITY;
  readonly #charges = new Map<number, string[]>();
  readonly #blocked = new Set<number>();
  readonly #journal: Journal[] = [];
  readonly #sent: Sent[] = [];
  #attempts = 0;
  /** Which works are sends. */
  readonly #sends = new WeakSet<Work>();
  /** How the next sends end. */
  readonly #faults: ('fails' | 'lost')[] = [];
  #repeats = 0;
  /** Results that the inbox will not take. */
  #refusals = 0;
  #refusing: Promise<void> = Promise.resolve();
  #hasRefused = false;
  /** Sessions of the access machine that are none, by chat; and chats whose sessions change under every step. */
  readonly #spoiled = new Set<number>();
  readonly #restless = new Set<number>();
  /** How often a copy was lost while it tried a cause. */
  readonly #deaths = new Map<string, number>();
  /** How often a cause has ended the process though it was noted that it is being tried. */
  readonly #kills = new Map<string, number>();
  #now = 1_700_000_000_000;
  /** By the server's clock, from the beginning. */
  #serverTime = 0;

  private constructor(ground: Ground, without?: Guard) {
    this.#ground = ground;
    this.#without = without;
    this.#copies = { A: this.#newCopy('A'), B: this.#newCopy('B') };
  }

  /**
   * Plays lines such as `boris: /start`, `A works`, `A crashes`, `clock +5m`, then lets everything drain.
   * @throws GuaranteeBroken
   */
  static async play(lines: readonly string[], ground: Ground, without?: Guard): Promise<void> {
    const world = new World(ground, without);
    await world.#copies.A.store.acquire(0, 'A', []);
    for (const line of lines) await world.#act(line);
    await world.#drain();
  }

  #newCopy(name: Name): Copy {
    const memory = { chats: new Set<number>(), hands: new Map<string, Hand>(), causes: new Set<string>() };
    const machines = releases[this.#release[name]];
    const beginning = { offset: 0, owns: true, suspectsUntil: 0, trying: null, next: 0, parked: [] };
    return { name, store: this.#ground.open(), machines, ...memory, ...beginning };
  }

  #has(guard: Guard): boolean {
    return this.#without !== guard;
  }

  #clock({ name }: Copy): number {
    return this.#now + this.#ahead[name];
  }

  async #act(line: string): Promise<void> {
    const [, name, words] = /^(anna|boris)(?:: |'s )(.+)$/.exec(line) ?? [];
    if (name !== undefined) {
      const chat = people[name as keyof typeof people];
      return line.includes(': ') ? this.#say(chat, words ?? '') : this.#befall(chat, words ?? '');
    }
    const [, moved, sign, amount, unit] =
      /^(clock|[AB]'s clock|Redis' clock) ([+-])(\d+)([smhd])$/.exec(line) ?? [];
    const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: day };
    if (moved !== undefined) {
      const ms = Number(`${sign}${amount}`) * (units[unit ?? ''] as number);
      if (moved === 'clock') await this.#pass(ms);
      else if (moved === "Redis' clock") await this.#moveServerClock(ms);
      else this.#ahead[moved[0] as Name] = ms;
      return;
    }
    const [, copy, deed] = /^([AB]) (.+)$/.exec(line) ?? [];
    if (copy !== undefined) return this.#do(copy as Name, deed ?? '');
    if (line === 'the next send fails') this.#faults.push('fails');
    else if (line === "the next send's answer is lost") this.#faults.push('lost');
    else if (line === 'the next write is repeated') this.#repeats++;
    else if (line === 'the next result is refused') this.#refusals++;
    else if (line === 'Telegram delivers again') this.#deliverAgain();
    else throw new Error(`Expected a line of the simulation, found "${line}"`);
  }

  /** Time passes for all. */
  async #pass(ms: number): Promise<void> {
    this.#now += ms;
    await this.#moveServerClock(ms);
  }

  async #moveServerClock(ms: number): Promise<void> {
    this.#serverTime += ms;
    await this.#ground.moveClock(ms);
    for (const hand of [...this.#copies.A.hands.values(), ...this.#copies.B.hands.values()]) {
      const left = hand.till === null ? 0 : hand.till - this.#serverTime;
      if (left < 0 || left > 61_000) hand.isLost = true;
    }
  }

  /** What was confirmed last comes once more. */
  #deliverAgain(): void {
    const { updates, all } = this.#telegram;
    const last = all.findLast((update) => !updates.includes(update));
    if (last !== undefined) updates.unshift(last);
  }

  async #befall(chat: number, words: string): Promise<void> {
    const { store } = this.#copies[this.#owner];
    if (words === 'session is spoiled') {
      if (!this.#spoiled.has(chat)) await this.#ground.spoilSession('access', chat);
      this.#spoiled.add(chat);
    } else if (words === 'session is mended') await this.#mend();
    else if (words === 'session changes') await this.#touch('access', chat);
    else if (words === 'session keeps changing') this.#restless.add(chat);
    else if (words === 'timers bear former names') {
      const { due } = await store.dueTimers(0, Number.MAX_SAFE_INTEGER, 1_000);
      for (const { id, machine, timer } of due.filter((one) => one.chat === chat)) {
        const specs = releases.old.find((one) => one.id === machine)?.timers ?? [];
        const former = specs.find(({ name }) => name === timer)?.delay;
        const to = timerMember(machine, chat, former ?? '');
        if (former === undefined || due.some((other) => other.id === to)) continue;
        await this.#ground.rename(id, to);
        this.#journal.push({ kind: 'renamed', from: id, to });
      }
    } else throw new Error(`Expected something that befalls a person, found "${words}"`);
  }

  async #mend(): Promise<void> {
    await this.#ground.mendSessions();
    this.#spoiled.clear();
  }

  async #touch(machine: string, chat: number): Promise<void> {
    if (await this.#ground.touch(machine, chat)) this.#journal.push({ kind: 'touched', machine, chat });
  }

  #say(chat: number, words: string): void {
    const charges = this.#charges.get(chat) ?? [];
    this.#charges.set(chat, charges);
    const of = (type: string, fields: object = {}) => ({ event: { type, ...fields } });
    const money = (direction: Payment['direction'], charge: string) => ({
      ...of(direction === 'in' ? 'payment.received' : 'payment.refunded', { charge, keepsDuplicates: true }),
      entry: { charge, direction, chat, payload: 'club:1', currency: 'XTR', amount: 250, at: this.#now },
    });
    const said: Record<string, () => Pick<Arrival, 'event' | 'entry' | 'leaves'> | null> = {
      '/start': () => of('start.requested'),
      'wants access': () => of('access.requested'),
      'picks a topic': () => of('topic.selected', { value: 'focus' }),
      pays: () => {
        charges.push(`charge ${++this.#telegram.charges}`);
        return money('in', charges.at(-1) ?? '');
      },
      'pays, told once more': () => (charges.length === 0 ? null : money('in', charges.at(-1) ?? '')),
      'gets money back': () => {
        const charge = charges.find(
          (one) =>
            !this.#telegram.all.some((other) => {
              const payment = paymentIn(other);
              return payment?.charge === one && payment.direction === 'out';
            }),
        );
        return charge === undefined ? null : money('out', charge);
      },
      'wants a job': () => of('job.requested', { n: 21 }),
      'cancels the job': () => of('job.cancelled'),
      'blocks the bot': () => (this.#blocked.has(chat) ? null : { ...of('bot.blocked'), leaves: true }),
      'comes back': () => (this.#blocked.has(chat) ? of('bot.unblocked') : null),
      ...Object.fromEntries(Object.entries(oddities).map(([odd, type]) => [odd, () => of(type)])),
    };
    const meaning = said[words]?.();
    if (meaning === undefined) throw new Error(`Expected something that a person says, found "${words}"`);
    if (meaning === null) return;
    if (words === 'blocks the bot') this.#blocked.add(chat);
    else this.#blocked.delete(chat);
    const update: Arrival = { update: this.#telegram.nextId++, chat, lane: 'reply', ...meaning };
    this.#telegram.updates.push(update);
    this.#telegram.all.push(update);
    this.#saidAt.set(update.update, this.#now);
  }

  async #do(name: Name, deed: string): Promise<void> {
    const copy = this.#copies[name];
    const [, begins, loop, together] = /^(begins to )?(poll|work|fire|send)s?( at once)?$/.exec(deed) ?? [];
    if (deed === 'crashes') await this.#crash(copy);
    else if (deed === 'is updated') {
      this.#release[name] = 'new';
      await this.#crash(copy);
    } else if (deed === 'takes over') await this.#takeOver(copy);
    else if (deed === 'hands over') await this.#handOver(copy);
    else if (deed === 'renews its holds') await this.#hold(copy, (hand) => hand.till !== null);
    else if (deed === 'goes on') await this.#goOn(copy);
    else if (together !== undefined) {
      const works = loop === 'send' ? [this.#send, this.#send] : [this.#work, this.#work, this.#fire];
      await this.#run(
        works.map((work) => work.call(this, copy)),
        copy,
        10,
      );
    } else if (loop !== undefined) {
      const works = { poll: this.#poll, work: this.#work, fire: this.#fire, send: this.#send };
      const work = works[loop as keyof typeof works].call(this, copy);
      await this.#run([work], copy, begins === undefined ? 10 : 1);
    } else throw new Error(`Expected a deed of a copy, found "${deed}"`);
  }

  /** Does works side by side, so many steps of each. Whatever must wait for something that is parked is parked as well. */
  async #run(works: readonly Work[], copy: Copy, steps: number): Promise<void> {
    let left = works;
    for (let step = 0; step < steps && left.length > 0; step++) {
      const ended = await Promise.all(left.map((work) => this.#next(work)));
      if (ended.includes('died')) return this.#crash(copy);
      left = left.filter((_, index) => ended[index] === 'goes on');
    }
    copy.parked.push(...left);
  }

  async #next(work: Work): Promise<'done' | 'goes on' | 'died'> {
    try {
      return (await work.next()).done === true ? 'done' : 'goes on';
    } catch (error) {
      if (error instanceof ProcessEnded) return 'died';
      throw error;
    }
  }

  async #goOn(copy: Copy): Promise<void> {
    const work = copy.parked.shift();
    if (work !== undefined) await this.#run([work], copy, 1);
  }

  async #crash(copy: Copy): Promise<void> {
    const { name } = copy;
    this.#countDeath(copy);
    this.#copies[name] = this.#newCopy(name);
    await this.#takeOver(this.#copies[name]);
  }

  /** Takes the shard from a copy that has not given it away, and so may have died of something in it. */
  async #takeOver(copy: Copy): Promise<void> {
    const other = this.#copies[copy.name === 'A' ? 'B' : 'A'];
    if (this.#owner !== copy.name) this.#countDeath(other);
    await copy.store.acquire(0, copy.name, []);
    copy.owns = true;
    copy.suspectsUntil = this.#clock(copy) + 10_000;
    this.#owner = copy.name;
  }

  #countDeath({ trying }: Copy): void {
    if (trying !== null) this.#deaths.set(trying, (this.#deaths.get(trying) ?? 0) + 1);
  }

  /** Gives the shard to the other copy in order. Only what is on its way to Telegram stays in the hands of this one. */
  async #handOver(copy: Copy): Promise<void> {
    if (this.#owner !== copy.name || !copy.owns) return;
    while (copy.parked.some((work) => !this.#sends.has(work))) {
      await this.#goOn(copy);
      if (this.#copies[copy.name] !== copy) return;
    }
    copy.owns = false;
    await this.#hold(copy, ({ isSending }) => isSending);
    await copy.store.release(0);
    const other = this.#copies[copy.name === 'A' ? 'B' : 'A'];
    await other.store.acquire(0, other.name, []);
    other.owns = true;
    this.#owner = other.name;
  }

  async #hold(copy: Copy, which: (hand: Hand) => boolean): Promise<void> {
    const hands = [...copy.hands.values()].filter(which);
    if (hands.length === 0) return;
    await copy.store.hold(
      0,
      hands.map(({ taken }) => taken),
      holdLength,
    );
    for (const hand of hands) hand.till = this.#serverTime + holdLength;
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
    const asked = this.#clock(copy);
    const limit = 3;
    const batch = updates.filter(({ update }) => update >= copy.offset).slice(0, limit);
    const confirm = () => {
      copy.offset = Math.max(copy.offset, ...batch.map(({ update }) => update + 1));
      this.#telegram.updates = this.#telegram.updates.filter(({ update }) => update >= copy.offset);
    };
    const isGuarded = this.#has('updates are confirmed after they are stored');
    if (!isGuarded) confirm();
    yield;
    const stored = batch.map((update) => ({
      id: update.update,
      chat: update.chat,
      lane: update.lane,
      kind: 'arrival' as const,
      text: JSON.stringify(update),
    }));
    await this.#write(() => copy.store.appendUpdates(stored));
    yield;
    if (isGuarded) confirm();
    if (batch.length < limit) this.#asked = asked;
  }

  async *#work(copy: Copy): AsyncGenerator<void> {
    if (!copy.owns) return;
    const passed = new Set<number>();
    for (const entry of await copy.store.readInbox(0, 'inbox', '', 100)) {
      const chat = entry.chat as number;
      const isBusy = copy.chats.has(chat) || passed.has(chat);
      passed.add(chat);
      if (copy.causes.has(entry.id) || (isBusy && this.#has('one chat is handled in order'))) continue;
      const arrive: Arrive = (_, text) => JSON.parse(text) as Arrival;
      const reading = { machines: copy.machines, arrive, shardOf: () => 0 };
      yield* this.#handle(copy, entry, chat, () => taskOf(entry, reading));
      return;
    }
  }

  async *#fire(copy: Copy): AsyncGenerator<void> {
    if (!copy.owns) return;
    const isGuarded = this.#has('a timer is due by the clock of the copy that fires it');
    const now = isGuarded ? this.#clock(copy) : this.#now + 60_000;
    const { due, next } = await copy.store.dueTimers(0, now, 100);
    copy.next = Math.min(copy.next, next ?? Number.POSITIVE_INFINITY);
    const chats = new Set((await copy.store.readInbox(0, 'inbox', '', 100)).map(({ chat }) => chat));
    const mayFire = (timer: DueTimer) =>
      !isDeadline(copy, timer) ||
      ((timer.due <= this.#asked || !this.#has('a deadline waits until everything was asked for')) &&
        (!chats.has(timer.chat) || !this.#has('a deadline waits for what is stored of its chat')));
    const timer = due.find((one) => !copy.causes.has(one.id) && mayFire(one));
    if (timer === undefined) return;
    copy.causes.add(timer.id);
    yield;
    // What comes before it in its chat may set it anew.
    while (copy.chats.has(timer.chat)) yield;
    const read = (): Task => ({ kind: 'step', chat: timer.chat, job: jobOfTimer(timer, copy.machines) });
    yield* this.#handle(copy, timer, timer.chat, read);
  }

  /** As the worker does it: whatever fails is given up at once. */
  async *#handle(copy: Copy, cause: Entry | DueTimer, chat: number, read: () => Task): AsyncGenerator<void> {
    copy.chats.add(chat);
    copy.causes.add(cause.id);
    let job: Job | undefined;
    let isDeadly = false;
    try {
      const task = read();
      job = task.kind === 'step' ? task.job : undefined;
      if (this.#clock(copy) < copy.suspectsUntil) {
        while (copy.trying !== null) yield;
        copy.trying = cause.id;
        const tries = await copy.store.tryOnce(cause);
        isDeadly = tries > mostTries && this.#has('a deadly cause is given up');
        if (isDeadly) throw new Error('The process ended while this was handled');
      }
      if (job !== undefined) yield* this.#perform(copy, job);
      else if (task.kind === 'abandon') yield* this.#abandon(copy, cause, chat);
      else throw new Error(`Expected a step or a person who cannot be reached, found "${task.kind}"`);
    } catch (error) {
      if (error instanceof ProcessEnded || error instanceof GuaranteeBroken) throw error;
      if (!this.#has('what throws is given up')) return;
      yield* this.#bury(copy, cause, chat, job, error as Error);
    }
    yield;
    if (copy.trying === cause.id) {
      copy.trying = null;
      if (!isDeadly) await copy.store.outlive(cause);
    }
    if (copy.suspectsUntil > 0 && this.#clock(copy) >= copy.suspectsUntil) {
      copy.suspectsUntil = 0;
      await copy.store.trust(0);
      this.#kills.clear();
      // What another copy has in hand is not counted any more.
      for (const { trying } of Object.values(this.#copies)) if (trying !== null) this.#kills.set(trying, -1);
    }
    copy.chats.delete(chat);
    copy.causes.delete(cause.id);
  }

  /** Load, step, commit; once more when somebody else was first. */
  async *#perform(copy: Copy, job: Job): AsyncGenerator<void> {
    const { cause, chat, arrival, hops, kind } = job;
    const [machine] = job.machines;
    const payment = paymentIn(arrival);
    for (let count = 1; ; count++) {
      if (count > mostConflicts && this.#has('a session that keeps changing is given up'))
        throw new Error('The session changed again and again');
      if (count > 4 * mostConflicts) throw new GuaranteeBroken(`${cause.id} is tried for ever`);
      const stored = await copy.store.loadSession(machine.id, chat);
      if (this.#restless.has(chat)) await this.#touch(machine.id, chat);
      const known = payment !== undefined && isEntered(payment, stored.book, clubBook.keyOf);
      if (count === 1) yield;
      const now = this.#clock(copy);
      const isBack = stored.away && arrival !== undefined;
      const commit = known ? null : this.#commitOf(copy, job, machine, stored, now);
      const target = { machine: machine.id, machineVersion: machine.version, chat, version: stored.version };
      const options = {
        now,
        back: isBack,
        ...(payment !== undefined && !known && { entry: keyed(payment) }),
      };
      const code = await this.#write(() => copy.store.commit(cause, target, commit, options));
      if (code === 'ok') {
        if ('timer' in cause && isDeadline(copy, cause as DueTimer)) this.#checkNews(cause, chat);
        const about = { cause, chat, machine, now, known, hops, jobKind: kind, eventFor: job.eventFor };
        this.#journal.push({
          kind: 'applied',
          ...about,
          ...(payment !== undefined && { payment }),
          ...(arrival !== undefined && { update: arrival.update }),
          ...(hops > 0 && { signal: (cause as Entry).text }),
        });
      }
      if (code !== 'conflict' && code !== 'charged') return;
    }
  }

  /** What a person said before a deadline must be handled; clocks of two copies may be off by a minute each. */
  #checkNews({ id, due }: Cause, chat: number): void {
    const handled = new Set(this.#journal.map((entry) => ('update' in entry ? entry.update : undefined)));
    const outstanding = this.#telegram.all.find(
      ({ update, chat: whose }) =>
        whose === chat && (this.#saidAt.get(update) ?? 0) + 120_000 <= due && !handled.has(update),
    );
    if (outstanding !== undefined)
      throw new GuaranteeBroken(`${id} fired before "${outstanding.event.type}" was handled`);
  }

  #commitOf(copy: Copy, job: Job, machine: DurableMachine, stored: Stored, now: number): Commit | null {
    const { cause, hops } = job;
    let eventFor = job.eventFor;
    if (!this.#has('a former name means the state that is active')) eventFor = () => job.eventFor(null);
    const event = eventFor(stored.session);
    if (event?.type === 'odd.kill') {
      if (copy.trying !== cause.id) throw new ProcessEnded();
      const times = (this.#kills.get(cause.id) ?? 0) + 1;
      if (times > mostTries) throw new GuaranteeBroken(`${cause.id} ends the process again and again`);
      this.#kills.set(cause.id, times);
      throw new ProcessEnded();
    }
    let stepped = machine;
    if (event === null && !this.#has('an expiry is decided by the stored session'))
      stepped = { ...machine, expiry: [{ path: [], after: 0 }] };
    if (event === null && !this.#has('a person away keeps what stays'))
      stepped = { ...machine, whileUnreachable: { ...machine.whileUnreachable, stays: [] } };
    const counted = this.#has('signals in a circle end') ? hops : Math.min(hops, 1);
    const update = job.arrival?.update;
    const what = { ...job, machine: stepped, now, jobKind: job.kind, eventFor, hops: counted };
    const payment = paymentIn(job.arrival);
    const brought = { ...(update !== undefined && { update }), ...(payment !== undefined && { payment }) };
    const commit = stepOf(stored, { ...what, ...brought });
    if (commit === null) return null;
    const addressed = { ...commit, effects: commit.effects.flatMap(address) };
    if (event?.type === 'odd.shape')
      return { ...addressed, timers: [...commit.timers, { name: 'soon', due: Number.NaN }] };
    if (this.#has('a timer goes under its former names')) return addressed;
    const isOfToday = (name: string) =>
      name === expiryTimer || machine.timers.some((spec) => spec.name === name);
    return { ...addressed, timers: commit.timers.filter(({ name }) => isOfToday(name)) };
  }

  async *#abandon(copy: Copy, cause: Entry | DueTimer, chat: number): AsyncGenerator<void> {
    yield;
    const now = this.#clock(copy);
    const machines = copy.machines
      .filter(({ whileUnreachable }) => !whileUnreachable.goesOn)
      .map((machine) => {
        const { endsAfter } = machine.whileUnreachable;
        const timers = timerNamesOf(machine).filter((name) => name !== expiryTimer);
        return { id: machine.id, timers, endsAt: endsAfter === null ? null : now + endsAfter };
      });
    const code = await this.#write(() => copy.store.abandon(cause, chat, machines));
    if (code === 'ok') this.#journal.push({ kind: 'away', chat, now, machines, ...updateOf(cause) });
  }

  async *#bury(
    copy: Copy,
    cause: Entry | DueTimer,
    chat: number,
    job: Job | undefined,
    error: Error,
  ): AsyncGenerator<void> {
    const now = this.#clock(copy);
    const kind = job?.kind ?? ('text' in cause ? 'update' : 'timer');
    const letter: DeadLetter = { kind, error: error.message, at: now, chat, body: cause.id };
    const payment = paymentIn(job?.arrival);
    const isSorry = kind === 'update' && (await copy.store.maySaySorry(chat, now, sorryPeriod));
    const sorry: Effect = {
      id: `${cause.id}.sorry`,
      type: 'send',
      machine: 'access',
      chat,
      lane: 'reply',
      queue: `${chat}`,
      context: {},
    };
    const excuse = this.#excuse(copy, cause, chat, error);
    yield;
    const options = {
      now,
      letter,
      effects: isSorry ? [sorry] : [],
      ...(payment !== undefined && { entry: keyed(payment) }),
    };
    const code = await this.#write(() => copy.store.commit(cause, null, null, options));
    if (code !== 'ok') return;
    if (excuse === null) throw new GuaranteeBroken(`${cause.id} was given up without need: ${error.message}`);
    this.#restless.delete(chat);
    this.#journal.push({
      kind: 'buried',
      cause,
      chat,
      now,
      ...(isSorry && { sorry }),
      ...(payment !== undefined && { payment }),
      ...('text' in cause && cause.kind === 'signal' && { signal: cause.text }),
      ...updateOf(cause),
    });
  }

  /** Why a cause may be given up; null: it may not. */
  #excuse({ machines }: Copy, cause: Entry | DueTimer, chat: number, { message }: Error): string | null {
    if (this.#restless.has(chat) && message.includes('again and again')) return 'its session keeps changing';
    if (message.includes('process ended')) {
      // A copy that is paused and taken for dead has not outlived what it has in hand.
      const paused = Object.values(this.#copies).filter(({ trying }) => trying === cause.id).length - 1;
      const lost = (this.#deaths.get(cause.id) ?? 0) + paused;
      return lost >= mostTries ? 'it was in hand when copies died' : null;
    }
    if (this.#spoiled.has(chat) && message.startsWith('WRONGTYPE')) return 'its session is none';
    if ('timer' in cause) {
      const timers = machines.find(({ id }) => id === cause.machine)?.timers ?? [];
      return timers.some(({ name }) => name === cause.timer) ? null : 'another release has set it';
    }
    const { event, hops } = JSON.parse(cause.text) as { event?: MachineEvent; hops?: number };
    if (hops !== undefined && hops >= 50) return 'it is of a circle';
    return event !== undefined && impossible.has(event.type) ? 'nobody can do it' : null;
  }

  #send(copy: Copy): Work {
    const work = this.#sending(copy);
    this.#sends.add(work);
    return work;
  }

  async *#sending(copy: Copy): AsyncGenerator<void> {
    if (!copy.owns) return;
    for (const lane of lanes) {
      const found = await copy.store.takeEffects(0, lane, this.#clock(copy), 3, [...copy.hands.keys()]);
      copy.next = Math.min(copy.next, found.next ?? Number.POSITIVE_INFINITY);
      const taken = found.taken.find(({ queue }) => !copy.hands.has(queue));
      if (taken !== undefined) return yield* this.#attempt(copy, taken);
    }
  }

  async *#attempt(copy: Copy, taken: Taken): AsyncGenerator<void> {
    const { effect, queue } = taken;
    const hand: Hand = { taken, isSending: false, till: null, isLost: false };
    copy.hands.set(queue, hand);
    this.#attempts++;
    const isGuarded = this.#has('an effect is settled after it was sent');
    if (!isGuarded) await this.#settle(copy, hand, {});
    yield;
    // It was given away before it went out.
    if (!copy.owns) return void copy.hands.delete(queue);
    hand.isSending = true;
    yield;
    const { invocation } = effect;
    const isBlocked = this.#blocked.has(effect.chat) && invocation === undefined;
    const isBroken = effect.type === 'fail';
    const fault = isBlocked || isBroken ? undefined : this.#faults.shift();
    let note: Sent | null = null;
    if (!isBlocked && !isBroken && fault !== 'fails') {
      note = { queue, id: `${effect.machine} ${effect.id}`, isNoted: false };
      this.#sent.push(note);
    }
    yield;
    const isHopeless =
      isBroken && (effect.faults ?? 0) > 0 && this.#has('what cannot be performed is given up');
    const result = {
      machine: effect.machine,
      chat: effect.chat,
      invocation: invocation ?? { id: '', generation: 0 },
    };
    let isNoted = false;
    if (isHopeless) await this.#giveUp(copy, hand, 'nobody can perform it');
    else if (isBlocked) {
      const code = await this.#settle(copy, hand, { dropQueue: true, unreachable: effect.chat });
      if (code !== 'fenced' && code !== 'given up') this.#journal.push({ kind: 'dropped', queue });
    } else if (fault !== undefined || isBroken) {
      const later = {
        ...effect,
        attempt: (effect.attempt ?? 0) + 1,
        ...(isBroken && { faults: (effect.faults ?? 0) + 1 }),
      };
      await this.#write(() => copy.store.postpone(taken, later, this.#clock(copy) + 1_000));
    } else if (isGuarded) {
      const end = invocation === undefined ? {} : { result: { ...result, output: 42 } };
      isNoted = (await this.#settle(copy, hand, end)) !== 'fenced';
    }
    // Whatever a lost hold may have let another copy send is in a window that has a name.
    if (note !== null) note.isNoted = isNoted && !hand.isLost;
    copy.hands.delete(queue);
  }

  /** An end that the store refuses is kept as a dead letter. */
  async #settle(copy: Copy, hand: Hand, end: NonNullable<Parameters<Verbs['settle']>[2]>) {
    const isMine = end.result !== undefined && this.#refusals > 0;
    if (isMine) {
      this.#refusals--;
      this.#hasRefused = true;
      this.#refusing = this.#ground.spoilInbox();
    }
    await this.#refusing;
    try {
      return await this.#write(() => copy.store.settle(hand.taken, this.#clock(copy), end));
    } catch (error) {
      if (isMine) await this.#ground.mendInbox();
      const tells = end.result !== undefined || end.unreachable !== undefined;
      if (!tells || !this.#hasRefused)
        throw new GuaranteeBroken(`An end was refused without need: ${(error as Error).message}`);
      await this.#giveUp(copy, hand, (error as Error).message);
      return 'given up';
    } finally {
      if (isMine) await this.#ground.mendInbox();
    }
  }

  async #giveUp(copy: Copy, { taken }: Hand, error: string): Promise<void> {
    const { queue, effect } = taken;
    const now = this.#clock(copy);
    const dead: DeadLetter = { kind: 'effect', error, at: now, chat: effect.chat, body: effect };
    const code = await this.#write(() => copy.store.settle(taken, now, { dead }));
    const id = `${effect.machine} ${effect.id}`;
    if (code !== 'fenced') this.#journal.push({ kind: 'given up', queue, id });
  }

  /**
   * Whoever was paused wakes and finds that it is not the owner; the owner goes on until nothing is left. What the store
   * holds is looked at twice: before all timers that still stand come due, and when none is left.
   */
  async #drain(): Promise<void> {
    await this.#mend();
    this.#restless.clear();
    await this.#do('A', 'crashes');
    while (this.#copies.B.parked.length > 0) await this.#goOn(this.#copies.B);
    if (this.#owner !== 'A') await this.#do('A', 'takes over');
    let isFirst = true;
    let idle = 0;
    for (let round = 0; ; round++) {
      if (round > mostRounds) throw new GuaranteeBroken('It never ends');
      const before = this.#progress();
      this.#copies.A.next = Number.POSITIVE_INFINITY;
      for (const loop of [this.#poll, this.#work, this.#fire, this.#send])
        await this.#run([loop.call(this, this.#copies.A)], this.#copies.A, 10);
      while (this.#copies.A.parked.length > 0) await this.#goOn(this.#copies.A);
      if (before !== this.#progress()) {
        idle = 0;
        continue;
      }
      const check = this.#check();
      if (isFirst) await check.stored(this.#copies.A.store, this.#ground);
      isFirst = false;
      const wait = this.#copies.A.next - this.#clock(this.#copies.A);
      if (wait === Number.POSITIVE_INFINITY && ++idle > 1)
        return check.all(this.#copies.A.store, this.#ground);
      // With nothing to wait for, what another copy holds may still come free.
      await this.#pass(wait === Number.POSITIVE_INFINITY ? 70_000 : Math.max(1, wait));
    }
  }

  #progress(): number {
    return this.#journal.length + this.#attempts - this.#telegram.updates.length;
  }

  #check(): Check {
    const now = this.#clock(this.#copies.A);
    return new Check(this.#journal, this.#sent, this.#telegram.all, now);
  }
}

const updateOf = (cause: Entry | Cause) =>
  'kind' in cause && cause.kind === 'arrival' ? { update: (JSON.parse(cause.text) as Arrival).update } : {};

/** Whether a timer takes something away. */
const isDeadline = ({ machines }: Copy, { machine: id, timer }: DueTimer): boolean =>
  machines.some((machine) => machine.id === id && waitsForNews(machine, timer));
