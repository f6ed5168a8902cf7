import type { Clock } from '../clock.ts';
import type { Lane } from '../core/effects.ts';
import { TokenBucket } from './bucket.ts';

/** Messages that a chat may get at once before it is paced to one a second; short bursts are tolerated. */
const chatBurst = 20;
/** So many chats told to wait, with no message taken between them, mean that the whole bot is. */
const floodedChats = 3;
/** How long a pause of the whole bot lasts before one message tries whether it is over, ms; the last one repeats. */
const probeWaits = [1_000, 5_000, 15_000] as const;
const longestProbeWait = 15_000;
/** What has tried stands back behind the others by this, ms: one chat's own limit does not hold up all. */
const standBack = 1_000;

/** Why nothing is sent: several chats were told to wait, or the bot's credential is not taken. */
export type Pause = 'flood' | 'token';

/** What a message that may go out hands back with its outcome. */
export type Ticket = number;

interface ChatPace {
  readonly bucket: TokenBucket;
  /** The chat was told to wait until then, ms. */
  until: number;
}

/**
 * Who may send now: the limits of the bot and of each chat, and the pauses that are asked for. While the bot is
 * paused, one message at a time goes out to try; the first that is taken ends the pause.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #rates: { readonly total: number; readonly bulk: number };
  readonly #total: TokenBucket;
  readonly #bulk: TokenBucket;
  readonly #chats = new Map<number, ChatPace>();
  /** Chats that were told to wait since the last message that was taken, and until when. */
  readonly #flooded = new Map<number, number>();
  #pause: { readonly cause: Pause; until: number; probe: Ticket | null; probes: number } | null = null;
  #tickets: Ticket = 0;
  /** What went out before the pause began says nothing about its end. */
  #lastBefore: Ticket = 0;

  /** @param rates effects a second: all lanes together, and reminders and broadcasts among them */
  constructor(clock: Clock, rates: { readonly total: number; readonly bulk: number }) {
    this.#clock = clock;
    this.#rates = rates;
    this.#total = new TokenBucket(burstOf(rates.total), rates.total, clock.elapsed());
    this.#bulk = new TokenBucket(burstOf(rates.bulk), rates.bulk, clock.elapsed());
  }

  /** The limits are for the bot: each copy has its part of them. */
  share(copies: number): void {
    const { total, bulk } = this.#rates;
    this.#total.resize(burstOf(total / copies), total / copies);
    this.#bulk.resize(burstOf(bulk / copies), bulk / copies);
  }

  /**
   * How many messages may be taken now, but for checkouts, which no pause holds back.
   * @returns `room`: Infinity in the normal case, 1 for the one that tries, 0; `until`: when to look again, ms (Infinity:
   * at the end of the one that tries)
   */
  room(): { readonly room: number; readonly until: number } {
    const pause = this.#pause;
    if (pause === null) return { room: Number.POSITIVE_INFINITY, until: 0 };
    if (pause.probe !== null) return { room: 0, until: Number.POSITIVE_INFINITY };
    return { room: this.#clock.now() >= pause.until ? 1 : 0, until: pause.until };
  }

  /** ms that this chat must wait before its next message; 0 takes its turn. */
  chatWait(chat: number): number {
    const now = this.#clock.now();
    const { bucket, until } = this.#chat(chat);
    return until > now ? until - now : bucket.take(now);
  }

  #chat(chat: number): ChatPace {
    let known = this.#chats.get(chat);
    if (known === undefined) {
      // A group takes 20 messages a minute, a person one a second.
      const bucket = new TokenBucket(chatBurst, chat < 0 ? 20 / 60 : 1, this.#clock.now());
      known = { bucket, until: 0 };
      this.#chats.set(chat, known);
    }
    return known;
  }

  /**
   * Takes a place in this copy's part of the bot's limits.
   * @returns resolved when it has room; null: it has now
   */
  takeTurn(lane: Lane): Promise<void> | null {
    if (lane === 'checkout') return null;
    const bulk = isAnswer(lane) ? null : this.#turnOf(this.#bulk);
    return bulk === null
      ? this.#turnOf(this.#total)
      : bulk.then(() => this.#turnOf(this.#total) ?? undefined);
  }

  /** The last question before a message goes out. Its outcome must be told, with the ticket; null: it must wait. */
  enter(lane: Lane): Ticket | null {
    if (lane !== 'checkout' && this.room().room === 0) return null;
    const ticket = ++this.#tickets;
    if (this.#pause !== null && lane !== 'checkout') this.#pause.probe = ticket;
    return ticket;
  }

  /**
   * An answer has come, and asked for no pause.
   * @param wasTaken a message to a chat was taken: what else is done says nothing about the limits for messages
   * @returns the pause that this ends
   */
  passed(ticket: Ticket, wasTaken: boolean): Pause | null {
    if (wasTaken) this.#flooded.clear();
    const pause = this.#pause;
    if (pause === null || ticket <= this.#lastBefore) return null;
    if (pause.cause === 'flood' && !wasTaken) {
      this.withdrawn(ticket);
      return null;
    }
    this.#pause = null;
    return pause.cause;
  }

  /** Nothing is known but that the message did not go through. */
  failed(ticket: Ticket): void {
    if (this.#pause?.probe === ticket) this.#probeLater(longestProbeWait);
  }

  /** The message says nothing about the pause: another one may try at once. */
  withdrawn(ticket: Ticket): void {
    if (this.#pause?.probe === ticket) this.#pause.probe = null;
  }

  /**
   * A chat was told to wait. Several in a row, and it is the whole bot that must.
   * @returns `due`: when the chat may have its message, ms; `freed`: null in the normal case; when this began a pause of
   * the bot, the chats whose waiting was the bot's: they are due then as well
   */
  flooded(ticket: Ticket, chat: number, wait: number): { due: number; freed: number[] | null } {
    const now = this.#clock.now();
    if (this.#pause !== null) {
      if (this.#pause.probe === ticket) this.#probeLater(wait);
      return { due: this.#pause.until + standBack, freed: null };
    }
    for (const [other, until] of this.#flooded) if (until <= now) this.#flooded.delete(other);
    this.#flooded.set(chat, now + wait);
    this.#chat(chat).until = now + wait;
    if (this.#flooded.size < floodedChats) return { due: now + wait, freed: null };
    const longest = Math.max(...this.#flooded.values()) - now;
    const freed = [...this.#flooded.keys()];
    for (const other of freed) this.#chat(other).until = 0;
    return { due: this.#begin('flood', Math.min(longest, longestProbeWait)), freed };
  }

  /** The bot's credential is not taken. @returns when the message may try again, ms, and whether this began the pause */
  locked(ticket: Ticket): { due: number; began: boolean } {
    if (this.#pause?.cause !== 'token') return { due: this.#begin('token', probeWaits[0]), began: true };
    if (this.#pause.probe === ticket) this.#probeLater(longestProbeWait);
    return { due: this.#pause.until + standBack, began: false };
  }

  /** @returns when one message tries, ms */
  #begin(cause: Pause, wait: number): number {
    this.#pause = { cause, until: this.#clock.now() + wait, probe: null, probes: 0 };
    this.#lastBefore = this.#tickets;
    this.#flooded.clear();
    return this.#pause.until;
  }

  /** The one that tried did not end the pause. @param most ms */
  #probeLater(most: number): void {
    const pause = this.#pause;
    if (pause === null) return;
    pause.probe = null;
    pause.probes++;
    const wait = pause.cause === 'token' ? (probeWaits[pause.probes] ?? longestProbeWait) : longestProbeWait;
    pause.until = this.#clock.now() + Math.min(wait, most);
  }

  #turnOf(bucket: TokenBucket): Promise<void> | null {
    const wait = bucket.take(this.#clock.elapsed());
    return wait === 0 ? null : this.#afterWait(bucket, wait);
  }

  async #afterWait(bucket: TokenBucket, first: number): Promise<void> {
    const clock = this.#clock;
    for (let wait = first; wait > 0; wait = bucket.take(clock.elapsed())) await clock.sleep(wait);
  }

  forgetIdleChats(): void {
    const now = this.#clock.now();
    for (const [chat, { bucket, until }] of this.#chats)
      if (until <= now && bucket.isFull(now)) this.#chats.delete(chat);
  }
}

const burstOf = (perSecond: number): number => Math.max(1, perSecond / 10);

export const isAnswer = (lane: Lane): boolean => lane === 'checkout' || lane === 'reply';
