import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Effect } from '../core/effects.ts';
import type { At } from '../points.ts';
import type { Store } from '../store.ts';
import type { Head, Taken } from '../stored.ts';
import { letterOf, type Outcome, resultOf } from './outcome.ts';
import type { Pace, Pause, Ticket } from './pace.ts';

export interface Outside {
  readonly name: string;
  readonly credential: string;
}

export interface AttemptOptions {
  readonly store: Store;
  /** Does what the effect asks for; its value is the result of an invoked actor. */
  readonly perform: (effect: Effect) => Promise<unknown>;
  /** @param attempt failed attempts so far, this one included @param faults how many lay with us, if this one does too */
  readonly judge: (error: unknown, effect: Effect, attempt: number, faults: number) => Outcome;
  /** Hears that something was put into a shard's inbox. */
  readonly resulted: (shard: number) => void;
  /** Another copy owns this shard now. */
  readonly fenced: (shard: number) => void;
  /** Whether this copy may still act for a shard: one that was taken for dead must not send what another sends. */
  readonly holds: (shard: number) => boolean;
  /** How the log names where effects go, and what the bot shows there to be let in. */
  readonly outside: Outside;
  readonly clock: Clock;
  readonly log: Logger;
  readonly at?: At;
}

/** A queue in hand, with what stands at its head. */
export interface Hand {
  taken: Taken;
  /** Whether the head is on its way: then it must not be left to another copy before its end is noted. */
  isSending: boolean;
}

/** The store will not note what came of an effect, however often it is asked. The queue must not be taken again. */
export class NotNoted extends Error {
  override name = 'NotNoted';
}

/** An effect that the outside or the network keeps failing is given up after this time, ms, and so many attempts. */
const longestRetry = { ms: 24 * 3_600_000, attempts: 64 };

/** Tries effects one at a time, and notes what came of each. */
export class Attempts {
  readonly #options: AttemptOptions;
  readonly #pace: Pace;
  readonly #wakeAt: (time: number) => void;
  /** Messages that wait as long as their chats were told to, with none taken between them. */
  readonly #waiting = new Map<number, Taken>();
  #active = true;

  /** @param wakeAt asks for a look at the outbox at a time, ms */
  constructor(options: AttemptOptions, pace: Pace, wakeAt: (time: number) => void) {
    this.#options = options;
    this.#pace = pace;
    this.#wakeAt = wakeAt;
  }

  /** What the store refuses from now on is not tried again. */
  stop(): void {
    this.#active = false;
  }

  /**
   * One attempt at the head of a queue.
   * @param isWanted asked in the last moment before it goes out
   * @returns the next effect of the queue when it may follow at once
   * @throws NotNoted
   */
  async make(hand: Hand, isWanted: () => boolean): Promise<Taken | null> {
    const { perform, holds, clock, log, at } = this.#options;
    const { taken } = hand;
    const { effect } = taken;
    const wait = isPaced(taken) ? this.#pace.chatWait(receiver(effect)) : 0;
    if (wait > 0) return this.#postpone(taken, effect, this.#options.clock.now() + wait);
    const turn = this.#pace.takeTurn(effect.lane);
    if (turn !== null) await turn;
    if (!isWanted() || !holds(taken.shard)) return null;
    const ticket = this.#pace.enter(effect.lane);
    if (ticket === null) return null;
    hand.isSending = true;
    try {
      const started = clock.elapsed();
      let output: unknown;
      try {
        if (at !== undefined) await at('effect taken');
        output = await perform(effect);
      } catch (error) {
        return await this.#failed(taken, ticket, error);
      }
      if (at !== undefined) await at('effect performed');
      this.#passed(ticket, isPaced(taken));
      const result = resultOf(effect, { output: output ?? null });
      const next = await this.#settle(taken, result === null ? {} : { result });
      if (at !== undefined) await at('effect settled');
      log.debug({
        chat: receiver(effect),
        effect: effect.type,
        lane: effect.lane,
        ms: Math.round(clock.elapsed() - started),
      });
      return next;
    } finally {
      hand.isSending = false;
    }
  }

  /** Gives up what is no effect: nobody could perform it. @throws NotNoted */
  async giveUp(head: Head): Promise<void> {
    const { clock, log } = this.#options;
    const error = 'Expected an effect in the outbox, found something else';
    log.error({ queue: head.queue, text: head.text.slice(0, 200) }, 'given up; kept as a dead letter');
    await this.#settle(head, { dead: { kind: 'effect', error, at: clock.now(), body: head.text } });
  }

  async #failed(taken: Taken, ticket: Ticket, error: unknown): Promise<Taken | null> {
    const { clock, log, outside } = this.#options;
    const { effect } = taken;
    const attempt = (effect.attempt ?? 0) + 1;
    const faults = (effect.faults ?? 0) + 1;
    const now = clock.now();
    const outcome = this.#judge(error, effect, attempt, faults);
    const about = { chat: receiver(effect), effect: effect.type, attempt, reason: outcome.reason };
    if (outcome.kind === 'pause') return this.#flooded(taken, ticket, outcome.afterMs, about);
    if (outcome.kind === 'locked') {
      const { due, began } = this.#pace.locked(ticket);
      if (began)
        log.error(
          about,
          `${outside.name} refuses ${outside.credential}; nothing is sent until it takes it again`,
        );
      return this.#postpone(taken, effect, due);
    }
    const since = effect.since ?? now;
    if (outcome.kind === 'retry') {
      if (outcome.ours) this.#pace.withdrawn(ticket);
      else this.#pace.failed(ticket);
      const isHopeless = now - since > longestRetry.ms && attempt > longestRetry.attempts;
      if (outcome.ours || !isHopeless) {
        log.warn({ ...about, ms: outcome.afterMs }, 'an effect failed; trying again');
        const later = { ...effect, attempt, since, ...(outcome.ours && { faults }) };
        return this.#postpone(taken, later, now + outcome.afterMs);
      }
    } else if (outcome.kind === 'refused' && outcome.ours === true) this.#pace.withdrawn(ticket);
    else this.#passed(ticket, false);
    const result = resultOf(effect, { error: { message: outcome.reason } });
    const gone = outcome.kind === 'settled' || outcome.kind === 'unreachable';
    if (gone)
      log.info(
        about,
        outcome.kind === 'settled'
          ? 'nothing left to do'
          : 'the chat cannot be reached; what waits for it is dropped',
      );
    else log.error({ ...about, err: error }, 'given up; kept as a dead letter');
    // An actor that fails tells its machine, which has its own path for that.
    const isLetter = !gone && result === null;
    return this.#settle(taken, {
      ...(result !== null && { result }),
      ...(isLetter && { dead: letterOf(effect, outcome.reason, now, error) }),
      ...(outcome.kind === 'unreachable' && { dropQueue: true }),
      // An operator who cannot be reached is no matter of this chat.
      ...(outcome.kind === 'unreachable' && effect.to === undefined && { unreachable: effect.chat }),
    });
  }

  /** A verdict that throws says that the fault is ours. */
  #judge(error: unknown, effect: Effect, attempt: number, faults: number): Outcome {
    try {
      return this.#options.judge(error, effect, attempt, faults);
    } catch (fault) {
      const reason = `The failure could not be judged: ${fault instanceof Error ? fault.message : 'no reason'}`;
      if (faults > 3) return { kind: 'refused', reason, ours: true };
      return { kind: 'retry', afterMs: 5_000, reason, ours: true };
    }
  }

  async #flooded(taken: Taken, ticket: Ticket, wait: number, about: { chat: number }): Promise<null> {
    const { clock, log, outside } = this.#options;
    const { effect } = taken;
    log.warn({ ...about, ms: wait }, `${outside.name} asks for a pause`);
    if (!isPaced(taken)) {
      this.#pace.failed(ticket);
      return this.#postpone(taken, effect, clock.now() + wait);
    }
    const { due, freed } = this.#pace.flooded(ticket, about.chat, wait);
    if (freed === null) this.#waiting.set(about.chat, taken);
    else {
      log.warn({ ms: due - clock.now() }, `${outside.name} asks the whole bot for a pause`);
      const others = freed.flatMap((chat) => this.#waiting.get(chat) ?? []);
      this.#waiting.clear();
      await Promise.all(others.map((other) => this.#postpone(other, other.effect, due)));
    }
    return this.#postpone(taken, effect, due);
  }

  #passed(ticket: Ticket, wasTaken: boolean): void {
    const { log, clock, outside } = this.#options;
    if (wasTaken) this.#waiting.clear();
    const ended: Pause | null = this.#pace.passed(ticket, wasTaken);
    if (ended === null) return;
    log.info(
      ended === 'token'
        ? `${outside.name} takes the token again; sending goes on`
        : 'the pause of the whole bot is over',
    );
    this.#wakeAt(clock.now());
  }

  async #settle(head: Head, end: Parameters<Store['settle']>[2] & object): Promise<Taken | null> {
    const { store, clock, fenced, resulted } = this.#options;
    const next = await this.#noted(
      head,
      () => store.settle(head, clock.now(), end),
      (error) => {
        const effect = 'effect' in head ? (head as Taken).effect : undefined;
        const reason = `What came of it could not be stored: ${messageOf(error)}`;
        const letter = letterOf(effect, reason, clock.now(), error);
        return store.settle(head, clock.now(), {
          dead: end.dead ?? { ...letter, body: effect ?? head.text },
        });
      },
    );
    if (next === 'fenced') {
      fenced(head.shard);
      return null;
    }
    if (end.result !== undefined || end.unreachable !== undefined) resulted(head.shard);
    return next;
  }

  async #postpone(taken: Taken, effect: Effect, due: number): Promise<null> {
    const { store, fenced, at } = this.#options;
    const code = await this.#noted(taken, () => store.postpone(taken, effect, due));
    if (code === 'fenced') fenced(taken.shard);
    if (at !== undefined) await at('retry stored');
    this.#wakeAt(due);
    return null;
  }

  /**
   * What came of an effect is noted however long the store cannot be reached: a second attempt would send it again.
   * @param otherwise tried instead when the store refuses it for good
   * @throws NotNoted
   */
  async #noted<T>(
    head: Head,
    note: () => Promise<T>,
    otherwise?: (error: unknown) => Promise<T>,
  ): Promise<T> {
    const { clock, log } = this.#options;
    let store = note;
    for (let wait = 100, isLast = otherwise === undefined; ; ) {
      try {
        return await store();
      } catch (error) {
        if (this.#options.store.isPassing(error)) {
          if (!this.#active) throw error;
          log.error({ err: error }, 'storing failed; trying again');
          await clock.sleep(wait);
          wait = Math.min(wait * 2, 5_000);
          continue;
        }
        const about = { err: error, shard: head.shard, queue: head.queue };
        if (isLast || otherwise === undefined) {
          log.error(about, 'what came of an effect cannot be stored; its queue is left alone');
          throw new NotNoted(messageOf(error));
        }
        log.error(about, 'what came of an effect cannot be stored; kept as a dead letter');
        isLast = true;
        store = () => otherwise(error);
      }
    }
  }
}

/** Whether the limits for the messages of a chat count for it: not for answers to queries, and not for actors. */
const isPaced = ({ queue, effect }: Taken): boolean =>
  !queue.includes('?') && effect.invocation === undefined;

const receiver = (effect: Effect): number => effect.to ?? effect.chat;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : 'no reason');
