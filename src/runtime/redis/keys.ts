import type { Lane } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';

/** Update ids are remembered in bitmaps of this many bits: 2 bytes an update where a set takes 60. */
export const seenBlock = 16_384;

/** The one place that knows how keys are called. All keys of a shard share the hash tag `{p:s}`. */
export class Keys {
  readonly prefix: string;
  constructor(prefix: string) {
    this.prefix = prefix;
  }
  /** The hash tag of a shard, prefix of all its keys. */
  shard(shard: number): string {
    return `{${this.prefix}:${shard}}`;
  }
  /** Whose turn it is: `<epoch>:<copy>`. */
  owner = (role: number | 'poller'): string =>
    role === 'poller' ? `{${this.prefix}}:poller` : `${this.shard(role)}:owner`;
  inbox = (shard: number): string => `${this.shard(shard)}:inbox`;
  /** Checkout queries, which must be answered within 10 s, have an inbox of their own. */
  checkoutInbox = (shard: number): string => `${this.shard(shard)}:inbox:checkout`;
  seen = (shard: number, updateId: number): string =>
    `${this.shard(shard)}:seen:${Math.floor(updateId / seenBlock)}`;
  session = (shard: number, machine: string, chat: number): string =>
    `${this.shard(shard)}:${sessionSuffix(machine, chat)}`;
  timers = (shard: number): string => `${this.shard(shard)}:timers`;
  /** The effects of one queue, in order: a list. */
  outbox = (shard: number, queue: string): string => `${this.shard(shard)}:outbox:${queue}`;
  /** The queues of a lane, scored by the time of their next attempt. */
  lane = (shard: number, lane: Lane): string => `${this.shard(shard)}:lane:${lanes.indexOf(lane)}`;
  /** The queues that another copy than the owner has in hand: queue → `<until>:<hold>`. */
  held = (shard: number): string => `${this.shard(shard)}:held`;
  /** Of the previous release: sessions that end by themselves in a state, scored by the time. */
  expiring = (shard: number, machine: string, state: string): string =>
    `${this.shard(shard)}:expiring:${machine}:${state}`;
  chats = (shard: number): string => `${this.shard(shard)}:chats`;
  ledger = (shard: number): string => `${this.shard(shard)}:ledger`;
  /** The fields of the ledger that are about one chat: a list. */
  book = (shard: number, chat: number): string => `${this.shard(shard)}:${bookSuffix(chat)}`;
  states = (shard: number): string => `${this.shard(shard)}:stats:states`;
  /** How many effects are not settled. */
  outboxCount = (shard: number): string => `${this.shard(shard)}:stats:outbox`;
  /** `<counter>:<value>` → how often. */
  counts = (shard: number): string => `${this.shard(shard)}:stats:counts`;
  /** How many timers are ends of untouched sessions. */
  expiryCount = (shard: number): string => `${this.shard(shard)}:stats:expiries`;
  /** How many lines of the ledger are no payments. */
  actCount = (shard: number): string => `${this.shard(shard)}:stats:acts`;
  /** When a person was last told that something broke, ms. */
  sorry = (shard: number, chat: number): string => `${this.shard(shard)}:sorry:${chat}`;
  /** What is being handled, after a copy died with the shard in hand: id → how often it was begun. */
  trying = (shard: number): string => `${this.shard(shard)}:trying`;
  dead = (shard: number): string => `${this.shard(shard)}:dead`;
  /** The copies of the bot that live, scored by the end of their leases. */
  copies = (): string => `{${this.prefix}}:copies`;
  /** A channel: numbers of shards with something new in their inboxes. */
  hints = (): string => `{${this.prefix}}:hints`;
  /** A channel: numbers of shards with something due in their outboxes. */
  outboxHints = (): string => `{${this.prefix}}:hints:outbox`;
  /** A channel: the content was changed. */
  reload = (): string => `{${this.prefix}}:reload`;
  /** A channel: a deadline waits for the news. */
  newsWanted = (): string => `{${this.prefix}}:news:wanted`;
  /** What is known of the news, which deadlines wait for: a hash. */
  news = (): string => `{${this.prefix}}:news`;
  /** What a product keeps under a name of its own. */
  note = (name: string): string => `{${this.prefix}}:${name}`;
  /** What was fixed at the first start: the number of shards, the bot; and the format of what is stored. */
  settings = (): string => `{${this.prefix}}:settings`;
}

/** `book:<chat>`, below the shard's tag. */
export const bookSuffix = (chat: number): string => `book:${chat}`;

/** `session:<machine>:<chat>`, below the shard's tag. */
export const sessionSuffix = (machine: string, chat: number): string => `session:${machine}:${chat}`;

/** `<machine>:<chat>|<timer>`: a machine's id has no ":" or "|", a timer's name no "|". */
export const timerMember = (machine: string, chat: number, timer: string): string =>
  `${machine}:${chat}|${timer}`;

/** null when the text is no timer's member. */
export function parseTimerMember(member: string): { machine: string; chat: number; timer: string } | null {
  const found = /^([^:|]+):(-?\d+)\|(.+)$/.exec(member);
  return found === null
    ? null
    : { machine: found[1] as string, chat: Number(found[2]), timer: found[3] as string };
}
