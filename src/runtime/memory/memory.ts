import { type Lane, lanes } from '../core/effects.ts';
import { shardOf } from '../core/shard.ts';
import type { StoredLetter } from '../letters.ts';
import { type Cause, type DeadLetter, type EntryKind, type Head, Refused, type Role } from '../stored.ts';

export interface MemoryOptions {
  readonly shards: number;
  /** The store's own clock, ms: leases, holds, and for how long an update's id is remembered. */
  readonly now: () => number;
}

/** Update ids are remembered for 25 h: they are sent again for up to 24 h. */
const seenLength = 25 * 3_600_000;
/** A hold is made for a minute at the most. One from further ahead was made before the clock was set back. */
const longestHold = 61_000;

interface StoredEntry {
  readonly kind: EntryKind | null;
  readonly chat: number | null;
  readonly field: string;
  readonly text: string;
}

interface StoredTimer {
  readonly machine: string;
  readonly chat: number;
  readonly timer: string;
  readonly due: number;
}

interface StoredSession {
  readonly machine: string;
  readonly chat: number;
  readonly text: string;
  readonly version: number;
  readonly away: boolean;
}

interface Queue {
  /** When its head is due, ms. */
  due: number;
  /** Never empty: the lane's number and the effect, the head first. */
  readonly texts: string[];
}

/** A queue that a copy keeps though its shard has another owner. */
interface Hold {
  readonly till: number;
  readonly holder: object;
}

/** What one shard holds. Texts are kept as they would be written down, so that nobody changes what is stored. */
class Shard {
  readonly inboxes = {
    inbox: new Map<string, StoredEntry>(),
    'inbox:checkout': new Map<string, StoredEntry>(),
  };
  /** Update id → when it was stored. */
  readonly seen = new Map<number, number>();
  readonly sessions = new Map<string, StoredSession>();
  readonly timers = new Map<string, StoredTimer>();
  readonly queues = new Map<string, Queue>();
  readonly holds = new Map<string, Hold>();
  /** Key → line. */
  readonly ledger = new Map<string, string>();
  /** Chat → keys of its lines, in order. */
  readonly books = new Map<number, string[]>();
  readonly letters = new Map<string, DeadLetter>();
  readonly tries = new Map<string, number>();
  readonly apologies = new Map<number, number>();
  readonly chats = new Set<number>();
  readonly states = new Map<string, number>();
  readonly counters = new Map<string, number>();
}

/** Who hears the words between copies. */
export interface Listener {
  hinted(shard: number): void;
  asked(): void;
  effects(shard: number): void;
  wanted(): void;
}

/**
 * What the stores of all copies share. What keeps the guarantees of the port are the questions at its end, one each: a
 * proof that a guarantee needs its guard answers one of them wrongly.
 */
export class Memory {
  readonly shards: readonly Shard[];
  readonly now: () => number;
  readonly owners = new Map<Role, { readonly epoch: number; readonly copy: string }>();
  /** Copy → end of its lease, ms, by the store's own clock. */
  readonly copies = new Map<string, { readonly till: number; readonly leaving: boolean }>();
  readonly listeners = new Set<Listener>();
  readonly notes = new Map<string, string>();
  readonly tables = new Map<string, Map<string, string>>();
  readonly groups = new Map<string, Set<string>>();
  news = { asked: Number.NEGATIVE_INFINITY, gap: '', compared: '' };
  lettersAdded = 0;
  #lastId = 0;

  constructor({ shards, now }: MemoryOptions) {
    this.shards = Array.from({ length: shards }, () => new Shard());
    this.now = now;
  }

  shardOf(chat: number): number {
    return shardOf(chat, this.shards.length);
  }

  shard(number: number): Shard {
    const shard = this.shards[number];
    if (shard === undefined) throw new Refused(`there is no shard ${number}`);
    return shard;
  }

  /** Rises, whatever it names. */
  nextId(): string {
    return `${++this.#lastId}-0`;
  }

  append(
    shard: Shard,
    kind: EntryKind,
    chat: number | null,
    text: string,
    inbox: keyof Shard['inboxes'] = 'inbox',
  ) {
    shard.inboxes[inbox].set(this.nextId(), { kind, chat, field: `${kind} ${chat ?? ''}`, text });
  }

  bury(number: number, letter: DeadLetter): void {
    this.shard(number).letters.set(this.nextId(), structuredClone(letter));
    this.lettersAdded++;
  }

  letter(number: number, entry: string): StoredLetter | null {
    const letter = this.shard(number).letters.get(entry);
    return letter === undefined ? null : { id: `${number}-${entry}`, letter: structuredClone(letter) };
  }

  push(shard: Shard, queue: string, text: string, due: number): void {
    const waiting = shard.queues.get(queue);
    if (waiting === undefined) shard.queues.set(queue, { due, texts: [text] });
    else waiting.texts.push(text);
  }

  /** Takes a cause away. */
  take({ shard, source, id }: Cause): void {
    if (source === 'timers') this.shard(shard).timers.delete(id);
    else this.shard(shard).inboxes[source].delete(id);
  }

  /** Says something to all that listen, once whoever stores has gone on. */
  tell(word: (listener: Listener) => void): void {
    for (const listener of this.listeners)
      queueMicrotask(() => this.listeners.has(listener) && word(listener));
  }

  announce(shards: readonly number[]): void {
    for (const shard of shards) this.tell((listener) => listener.hinted(shard));
  }

  announceEffects(shards: readonly number[]): void {
    for (const shard of shards) this.tell((listener) => listener.effects(shard));
  }

  /** Whether nobody has become the owner since this epoch. */
  isOwner(role: Role, epoch: number | undefined): boolean {
    return epoch !== undefined && this.owners.get(role)?.epoch === epoch;
  }

  /** Whether an update was stored in the last 25 h. */
  isSeen(shard: Shard, id: number): boolean {
    const stored = shard.seen.get(id);
    return stored !== undefined && this.now() - stored < seenLength;
  }

  /** Whether a cause is still to be taken: a timer, with the time that was claimed. */
  isThere({ shard, source, id, due }: Cause): boolean {
    if (source === 'timers') return this.shard(shard).timers.get(id)?.due === due;
    return this.shard(shard).inboxes[source].has(id);
  }

  /** Whether a session is the one that was read. */
  isOfVersion(stored: StoredSession | undefined, version: number): boolean {
    return (stored?.version ?? 0) === version;
  }

  /** Whether a line stands in its book, and what it means was done. */
  isEntered(shard: Shard, key: string): boolean {
    const line = shard.ledger.get(key);
    return line !== undefined && (JSON.parse(line) as { ungranted?: true }).ungranted !== true;
  }

  /** Whether an effect is the head of its queue, though it may have been put off since it was taken. */
  isHead({ shard, queue, text }: Head): boolean {
    const head = this.shard(shard).queues.get(queue)?.texts[0];
    return head === text || (head !== undefined && idOf(head) !== undefined && idOf(head) === idOf(text));
  }

  /** Whether a queue is left alone by the owner of its shard. */
  isLeftAlone(shard: Shard, queue: string): boolean {
    const hold = shard.holds.get(queue);
    return hold !== undefined && hold.till >= this.now() && hold.till <= this.now() + longestHold;
  }

  /** Whether a copy that is not the owner may still end the head of a queue. */
  isHeldBy(shard: Shard, queue: string, holder: object): boolean {
    const hold = shard.holds.get(queue);
    return hold?.holder === holder && hold.till >= this.now();
  }
}

export type MemoryShard = Memory['shards'][number];

/** The id of an effect as it stands in its queue. */
const idOf = (text: string): unknown => (JSON.parse(text.slice(1)) as { id?: unknown } | null)?.id;

/** The best lane of what waits in a queue. */
export const laneOf = ({ texts }: Queue): Lane =>
  lanes[Math.min(...texts.map((text) => Number(text[0])))] ?? 'reply';

export const sessionKey = (machine: string, chat: number): string => `${machine}:${chat}`;
export const timerKey = (machine: string, chat: number, timer: string): string =>
  `${machine}:${chat}|${timer}`;

/** One of a store's own numbers that is none, such as a computed time. */
export function expectNumber(value: number, what: string): void {
  if (!Number.isFinite(value)) throw new Refused(`${what} is no number`);
}
