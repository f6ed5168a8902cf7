import { createConcurrentSink, createRunner, type RunnerHandle } from '@grammyjs/runner';
import type { Update } from 'grammy/types';
import type { Logger } from 'pino';
import type { Effect, JsonObject } from '../core/effects.ts';
import type { DurableMachine } from '../core/machine.ts';
import { type Routed, type RouteRules, route } from '../core/route.ts';
import type { Session } from '../core/session.ts';
import {
  type Commit,
  type EffectRule,
  type MachineEvent,
  resultEvent,
  type Signal,
  step,
  timerEvent,
} from '../core/step.ts';
import { isPassing } from '../store/redis.ts';
import type { Cause, DeadLetter, DueTimer, Entry, Store, StoredResult } from '../store/store.ts';
import type { Clock } from './clock.ts';
import { InboxSource } from './inbox.ts';
import type { At } from './points.ts';
import { Shards } from './shards.ts';

export interface WorkerOptions {
  readonly store: Store;
  /** The machines by precedence: an update's event goes to the first that reacts to it. */
  readonly machines: readonly DurableMachine[];
  readonly routeRules: () => RouteRules;
  readonly effectRules: Readonly<Record<string, EffectRule>>;
  /** What a new session is given. */
  readonly newSession: (person: { languageCode?: string }) => JsonObject;
  /** Turns a machine's effect into those that go out: an operator's message becomes one for each operator. */
  readonly address: (effect: Effect) => readonly Effect[];
  /** Hears what was committed: hints for the loops that read it. */
  readonly committed: (
    shard: number,
    commit: { timers: Commit['timers']; effects: readonly Effect[] },
  ) => void;
  /** Another copy owns this shard now. */
  readonly fenced: (shard: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Causes in hand at once. Default 256. */
  readonly concurrency?: number;
  readonly at?: At;
}

interface Job {
  readonly cause: Cause;
  readonly chat: number;
  /** By precedence, at least one. */
  readonly machines: readonly [DurableMachine, ...DurableMachine[]];
  readonly event: MachineEvent;
  readonly kind: DeadLetter['kind'];
  readonly body: unknown;
  readonly routed?: Routed;
  readonly update?: number;
}

/** What an entry asks for, and the chat whose order it keeps; null: none. */
interface Task {
  readonly chat: number | null;
  readonly work: () => Promise<void>;
}

/**
 * The one door to a session: updates, due timers and results of effects come in here; each is stepped and committed.
 * Chats are handled concurrently, one chat in order.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #chains = new Map<number, Promise<void>>();
  readonly #source: InboxSource;
  readonly #runner: RunnerHandle;
  readonly #shards = new Shards();
  /** Causes in hand that may still be committed. */
  readonly #current = new Set<Cause>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    const concurrency = options.concurrency ?? 256;
    this.#source = new InboxSource(options.store, this.#shards, concurrency, options.log);
    const sink = createConcurrentSink<Entry>(
      { consume: (entry) => this.#handleEntry(entry) },
      async (error) => options.log.error({ err: error }, 'an inbox entry failed; it stays stored'),
      { concurrency },
    );
    this.#runner = createRunner(this.#source, sink);
  }

  start(): void {
    this.#runner.start();
  }

  /** A shard is this copy's: its inbox is read from the beginning. */
  gain(shard: number): void {
    this.#shards.open(shard);
    this.#source.rewind(shard);
  }

  /** Takes nothing new of a shard, and resolves when everything of it in hand is committed. */
  drain(shard: number): Promise<void> {
    return this.#shards.drain(shard);
  }

  /**
   * Redis was killed, and may have lost what it had answered: a commit is gone, and its cause is back. Everything is read
   * again from the beginning, and what is in hand is left, so that a chat keeps its order.
   */
  reread(): void {
    this.#current.clear();
    for (const shard of this.#shards) this.#source.rewind(shard);
  }

  /** Something was appended to a shard's inbox. */
  hint(shard: number): void {
    this.#source.hint(shard);
  }

  /** Takes nothing new, and resolves when everything in hand is committed. */
  async stop(): Promise<void> {
    this.#source.close();
    void this.#runner.stop();
    await this.#shards.drainAll();
  }

  /** Steps a due timer. Resolves when it is committed, or given up. */
  handleTimer(timer: DueTimer): Promise<void> {
    return this.#inOrder(timer.chat, timer, async () => {
      const machine = this.#options.machines.find(({ id }) => id === timer.machine);
      const event = machine === undefined ? null : timerEvent(machine, timer.timer);
      if (machine === undefined || event === null) {
        const error = new Error(`No machine "${timer.machine}" with a timer "${timer.timer}" is loaded`);
        await this.#bury(timer, 'timer', timer.chat, timer.id, error);
        return;
      }
      const { chat, id } = timer;
      await this.#perform({ cause: timer, chat, machines: [machine], event, kind: 'timer', body: id });
    });
  }

  async #handleEntry(entry: Entry): Promise<void> {
    let task: Task;
    try {
      task = this.#taskOf(entry);
    } catch (error) {
      task = { chat: null, work: () => this.#bury(entry, entry.kind, undefined, entry.text, error) };
    }
    await this.#inOrder(task.chat, entry, task.work);
  }

  #taskOf(entry: Entry): Task {
    if (entry.kind === 'unreachable') {
      const chat = Number(entry.text);
      return { chat, work: () => this.#abandon(entry, chat) };
    }
    if (entry.kind === 'forget') {
      const { chat } = JSON.parse(entry.text) as { chat: number };
      return { chat, work: () => this.#forget(entry, chat) };
    }
    const job = entry.kind === 'update' ? this.#updateJob(entry) : this.#storedJob(entry);
    if (job === null) return { chat: null, work: () => this.#discard(entry) };
    const { chat, event } = job;
    if (event.type === 'bot.blocked') return { chat, work: () => this.#abandon(entry, chat) };
    return { chat, work: () => this.#perform(job) };
  }

  /** An event that the store itself keeps: the result of an actor, or a signal of another machine. */
  #storedJob(entry: Entry): Job {
    const stored = JSON.parse(entry.text) as StoredResult | Signal;
    const machine = this.#options.machines.find(({ id }) => id === stored.machine);
    if (machine === undefined) throw new Error(`No machine "${stored.machine}" is loaded`);
    const event = 'event' in stored ? stored.event : eventOf(stored);
    return { cause: entry, chat: stored.chat, machines: [machine], event, kind: entry.kind, body: stored };
  }

  async #discard(entry: Entry): Promise<void> {
    const { store, clock } = this.#options;
    this.#checkOwner(entry, await store.commit(entry, null, null, { now: clock.now() }));
  }

  async #forget(entry: Entry, chat: number): Promise<void> {
    const { store, machines, log } = this.#options;
    const loaded = machines.map(({ id, expiry, timersByName }) => ({
      id,
      expirable: [...expiry.keys()],
      timers: [...timersByName.keys()],
    }));
    let code: Awaited<ReturnType<Store['forgetChat']>>;
    do code = await store.forgetChat(entry, chat, loaded);
    while (code === 'conflict');
    if (this.#checkOwner(entry, code) === 'ok') log.info({ chat }, 'forgotten');
  }

  #updateJob(entry: Entry): Job | null {
    const update = JSON.parse(entry.text) as Update;
    const routed = route(update, this.#options.routeRules());
    if (routed === null) {
      this.#options.log.debug({ update: update.update_id }, 'an update that no conversation is about');
      return null;
    }
    const { chat, event } = routed;
    const open = this.#options.machines.filter(
      ({ forOperators }) => !forOperators || routed.fromOperator === true,
    );
    const able = open.filter(({ events }) => events.has(event.type));
    // What an operator says may be an answer that is being waited for.
    able.sort((a, b) => Number(b.forOperators) - Number(a.forOperators));
    const [first = open[0], ...others] = able;
    if (first === undefined) return null;
    return {
      cause: entry,
      chat,
      machines: [first, ...others],
      event,
      kind: 'update',
      body: update,
      routed,
      update: update.update_id,
    };
  }

  /** One chat in order: a job waits for the one before it. What is about no chat (null) waits for nothing. */
  async #inOrder(chat: number | null, cause: Cause, work: () => Promise<void>): Promise<void> {
    const before = chat === null ? undefined : this.#chains.get(chat);
    this.#current.add(cause);
    const run = async () => {
      await before;
      await this.#untilStored(cause, work);
    };
    this.#shards.begin(cause.shard);
    const mine = run();
    if (chat !== null) this.#chains.set(chat, mine);
    try {
      await mine;
    } finally {
      this.#current.delete(cause);
      if (chat !== null && this.#chains.get(chat) === mine) this.#chains.delete(chat);
      this.#shards.end(cause.shard);
    }
  }

  /**
   * Redis' own faults pass; the cause stays stored, and is tried again until it is committed. What Redis calls wrong in
   * itself does not pass: the cause is given up, so that its chat goes on.
   */
  async #untilStored(cause: Cause, work: () => Promise<void>): Promise<void> {
    let isLetter = false;
    for (let wait = 100; this.#current.has(cause); wait = Math.min(wait * 2, 5_000)) {
      try {
        await work();
        return;
      } catch (error) {
        if (!isPassing(error) && !isLetter) {
          isLetter = true;
          work = () => this.#bury(cause, ...contentOf(cause), error);
          continue;
        }
        this.#options.log.error({ err: error, entry: cause.id }, 'storing failed; trying again');
        if (!this.#source.isActive()) return;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  async #perform(job: Job): Promise<void> {
    const { store, clock, log, at } = this.#options;
    const started = performance.now();
    const payment = job.routed?.payment;
    let [machine, ...others] = job.machines;
    for (;;) {
      const { session, version, away } = await store.loadSession(machine.id, job.chat);
      const isBack = away && job.routed !== undefined;
      const alreadyPaid = payment !== undefined && (await store.hasPayment(payment));
      if (at !== undefined) await at('cause read');
      const now = clock.now();
      let commit: Commit | null;
      let button: Effect | null;
      try {
        commit = alreadyPaid ? null : this.#step(job, machine, session, version, now, isBack);
        const [next] = others;
        if (commit === null && !alreadyPaid && next !== undefined) {
          [machine, ...others] = [next, ...others.slice(1)];
          continue;
        }
        button = this.#answerButton(job, machine, session, commit, version);
      } catch (error) {
        await this.#bury(job.cause, job.kind, job.chat, job.body, error);
        return;
      }
      const addressed =
        commit === null ? null : { ...commit, effects: commit.effects.flatMap(this.#options.address) };
      const extra = button === null ? [] : [button];
      if (!this.#current.has(job.cause)) return;
      const code = await store.commit(job.cause, this.#target(machine, job.chat, version), addressed, {
        now,
        seen: job.routed !== undefined && job.routed.elsewhere !== true,
        extra,
        back: isBack,
        ...(payment !== undefined && !alreadyPaid && { payment }),
      });
      if (at !== undefined) await at('step committed');
      if (code === 'conflict' || code === 'charged') continue;
      if (this.#checkOwner(job.cause, code) !== 'ok') return;
      const effects = [...(addressed?.effects ?? []), ...extra];
      this.#options.committed(job.cause.shard, { timers: commit?.timers ?? [], effects });
      if (commit !== null && (commit.signals.length > 0 || commit.forgets)) this.hint(job.cause.shard);
      log.info({
        ...(job.update !== undefined && { update: job.update }),
        chat: job.chat,
        machine: machine.id,
        event: job.event.type,
        from: commit?.from ?? null,
        to: commit?.to ?? null,
        effects: effects.map(nameOf),
        ms: Math.round((performance.now() - started) * 10) / 10,
      });
      return;
    }
  }

  /** A person who cannot be reached: nothing is sent and no timer fires until they come back. */
  async #abandon(entry: Entry, chat: number): Promise<void> {
    const { store, machines, log } = this.#options;
    const paused = machines.filter(({ goesOn }) => !goesOn);
    const code = await store.abandon(
      entry,
      chat,
      paused.map(({ id, timersByName }) => ({ id, timers: [...timersByName.keys()] })),
    );
    this.#checkOwner(entry, code);
    log.info({ chat }, 'the chat cannot be reached; what waits for it is dropped until it is back');
  }

  #target(machine: DurableMachine, chat: number, version: number) {
    return {
      machine: machine.id,
      machineVersion: machine.version,
      chat,
      version,
      expirable: [...machine.expiry.keys()],
    };
  }

  #step(
    job: Job,
    machine: DurableMachine,
    session: Session | null,
    version: number,
    now: number,
    isBack: boolean,
  ): Commit | null {
    // An update or a signal opens a session; a timer or a result that finds none has outlived it.
    if (session === null && (job.kind === 'timer' || job.kind === 'result')) return null;
    return step({
      machine,
      chat: job.chat,
      session,
      version,
      event: job.event,
      input: this.#options.newSession(job.routed ?? {}),
      now,
      isBack,
      rules: this.#options.effectRules,
    });
  }

  /** Every press is answered, so that the button stops waiting; one that is out of date says so. */
  #answerButton(
    job: Job,
    machine: DurableMachine,
    session: Session | null,
    commit: Commit | null,
    version: number,
  ): Effect | null {
    const button = job.routed?.button;
    if (button === undefined) return null;
    const stale = commit === null;
    return {
      id: `${version}.b${button.query}`,
      type: 'answerButton',
      params: { query: button.query, ...(stale && { stale: true }) },
      machine: machine.id,
      chat: job.chat,
      lane: 'reply',
      queue: `${job.chat}?`,
      context: commit?.session.context ?? session?.context ?? this.#options.newSession(job.routed ?? {}),
    };
  }

  async #bury(
    cause: Cause,
    kind: DeadLetter['kind'],
    chat: number | undefined,
    body: unknown,
    error: unknown,
  ): Promise<void> {
    const { store, clock, log } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ err: error, chat, kind }, 'given up; kept as a dead letter');
    const letter = { kind, error: message, at: clock.now(), body };
    this.#checkOwner(
      cause,
      await store.bury(cause, {
        ...letter,
        ...(stack !== undefined && { stack }),
        ...(chat !== undefined && { chat }),
      }),
    );
  }

  #checkOwner<Code extends string>(cause: Cause, code: Code): Code {
    if (code === 'fenced') this.#options.fenced(cause.shard);
    return code;
  }
}

const eventOf = (stored: StoredResult): MachineEvent =>
  resultEvent(stored.invocation, 'error' in stored ? { error: stored.error } : { output: stored.output });

/** What a dead letter says of a cause: its kind, its chat where it is known, and what it holds. */
const contentOf = (cause: Cause): [kind: DeadLetter['kind'], chat: number | undefined, body: unknown] =>
  'text' in cause
    ? [(cause as Entry).kind, undefined, (cause as Entry).text]
    : ['timer', (cause as DueTimer).chat, cause.id];

/** As the log shows an effect: `send offer`, `sendInvoice`. */
const nameOf = ({ type, params }: Effect): string =>
  typeof params?.['message'] === 'string' ? `${type} ${params['message']}` : type;
