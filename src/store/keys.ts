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
  expiring = (shard: number, machine: string, state: string): string =>
    `${this.shard(shard)}:expiring:${machine}:${state}`;
  chats = (shard: number): string => `${this.shard(shard)}:chats`;
  ledger = (shard: number): string => `${this.shard(shard)}:ledger`;
  states = (shard: number): string => `${this.shard(shard)}:stats:states`;
  /** `<counter>:<value>` → how often. */
  counts = (shard: number): string => `${this.shard(shard)}:stats:counts`;
  dead = (shard: number): string => `${this.shard(shard)}:dead`;
  /** Telegram's file_id of each uploaded file. */
  files = (): string => `{${this.prefix}}:files`;
  /** The copies of the bot that live, scored by the end of their leases. */
  copies = (): string => `{${this.prefix}}:copies`;
  /** A channel: numbers of shards with something new in their inboxes. */
  hints = (): string => `{${this.prefix}}:hints`;
  /** A channel: numbers of shards with something due in their outboxes. */
  outboxHints = (): string => `{${this.prefix}}:hints:outbox`;
  /** A channel: the content was changed. */
  reload = (): string => `{${this.prefix}}:reload`;
  /** How many of Telegram's transactions were compared with the ledger. */
  reconciled = (): string => `{${this.prefix}}:reconciled`;
  /** What was fixed at the first start: the number of shards, the bot. */
  settings = (): string => `{${this.prefix}}:settings`;
}

/** `session:<machine>:<chat>`, below the shard's tag. */
export const sessionSuffix = (machine: string, chat: number): string => `session:${machine}:${chat}`;

/** `<machine>:<chat>|<timer>` */
export const timerMember = (machine: string, chat: number, timer: string): string =>
  `${machine}:${chat}|${timer}`;

/** @throws when the text is no timer's member */
export function parseTimerMember(member: string): { machine: string; chat: number; timer: string } {
  const found = /^([^:|]+):(-?\d+)\|(.+)$/.exec(member);
  if (found === null) throw new Error(`Expected "<machine>:<chat>|<timer>" in the timers, found "${member}"`);
  return { machine: found[1] as string, chat: Number(found[2]), timer: found[3] as string };
}
