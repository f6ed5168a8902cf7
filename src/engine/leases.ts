import type { Logger } from 'pino';
import type { Role, Store } from '../store/store.ts';
import type { At } from './points.ts';

export interface LeasesOptions {
  readonly store: Store;
  /** This copy's name; names sort by the time of joining. */
  readonly copy: string;
  /** Whether a copy that has not left is surely dead, so that its shards need not wait for the end of its lease. */
  readonly isDead: (copy: string) => boolean;
  /** A shard is this copy's from now on. */
  readonly gained: (shard: number) => void;
  /** Takes nothing new of a shard, and resolves when nothing of it is in hand. */
  readonly drained: (shard: number) => Promise<void>;
  /** Polling is a leased role too: one copy polls. */
  readonly startPolling: () => void;
  readonly stopPolling: () => Promise<void>;
  /** How many copies share the work. */
  readonly copiesChanged: (count: number) => void;
  readonly log: Logger;
  readonly at?: At;
}

/** A copy that has not been heard of for this long is taken for dead, ms. */
const leaseLength = 3_000;
/** How often a copy is heard of, ms. */
const beat = 500;
/** How often a shard is asked for that its last owner is still draining, ms. */
const impatience = 50;

/**
 * Shares the shards and the polling between the copies of the bot that work on one Redis. Each has one owner at a time;
 * an epoch that rises at each takeover is checked inside every commit, so that a copy that was paused and taken for
 * dead can write nothing. All copies compute the same shares from the same list.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Set<Role>();
  readonly #leaving = new Map<Role, Promise<void>>();
  #copies: readonly string[] = [];
  /** By this process' monotonic clock, which no change of the time of day moves, ms. */
  #validUntil = 0;
  #active = true;
  #timeout: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Joins, and resolves when everything free that is this copy's share is taken. */
  async start(): Promise<void> {
    await this.#share();
    this.#later();
  }

  /** Whether this copy may act for a shard, or poll. False as soon as others may have taken this copy for dead. */
  holds(role: Role): boolean {
    return this.#held.has(role) && performance.now() < this.#validUntil;
  }

  /** Another copy has it: nothing of it can be written any more. */
  lost(role: Role): void {
    if (!this.#held.delete(role)) return;
    this.#options.log.warn({ role }, 'another copy has taken this over');
    this.#options.store.forget(role);
    // Nothing is released at its end: it is not ours to release.
    void this.#drain(role);
  }

  /** Drains and releases everything and leaves, so that the other copies need not wait. */
  async stop(): Promise<void> {
    this.#active = false;
    clearTimeout(this.#timeout);
    await this.#round;
    await Promise.all([...this.#held].map((role) => this.#giveUp(role)));
    await Promise.all(this.#leaving.values());
    await this.#options.store.leave(this.#options.copy);
  }

  #later(): void {
    if (!this.#active) return;
    const isWaiting = this.#mine().some((role) => !this.#held.has(role));
    this.#timeout = setTimeout(
      () => {
        this.#round = this.#share()
          .catch((error: unknown) =>
            this.#options.log.warn({ err: error }, 'renewing the lease failed; trying again'),
          )
          .then(() => this.#later());
      },
      isWaiting ? impatience : beat,
    );
  }

  /** One round: says that this copy lives, gives up what is not its share any more, and takes what is and is free. */
  async #share(): Promise<void> {
    const { store, copy, isDead, copiesChanged, log } = this.#options;
    const asked = performance.now();
    const heard = await store.join(copy, leaseLength, 2 * beat);
    const dead = heard.filter((other) => other !== copy && isDead(other));
    await Promise.all(dead.map((other) => store.leave(other)));
    // Whatever happened while others may have taken this copy for dead, it must be known before it acts again.
    if (asked >= this.#validUntil) await this.#verify();
    this.#validUntil = asked + leaseLength;
    const copies = heard.filter((other) => !dead.includes(other)).sort();
    if (copies.join() !== this.#copies.join()) {
      log.info(
        { copies: copies.length, place: copies.indexOf(copy) + 1 },
        'the copies of the bot share the work',
      );
      this.#copies = copies;
      copiesChanged(copies.length);
    }
    const mine = new Set(this.#mine());
    for (const role of this.#held) if (!mine.has(role)) void this.#giveUp(role);
    await Promise.all([...mine].map((role) => this.#take(role)));
  }

  #mine(): Role[] {
    const place = this.#copies.indexOf(this.#options.copy);
    const shards = Array.from({ length: this.#options.store.shards }, (_, shard) => shard);
    const mine: Role[] = shards.filter((shard) => shard % this.#copies.length === place);
    return place === 0 ? [...mine, 'poller'] : mine;
  }

  async #verify(): Promise<void> {
    const { store } = this.#options;
    await Promise.all(
      [...this.#held].map(async (role) => {
        if (!(await store.isOwner(role))) this.lost(role);
      }),
    );
  }

  async #take(role: Role): Promise<void> {
    const { store, copy, at, gained, startPolling } = this.#options;
    if (!this.#active || this.#held.has(role) || this.#leaving.has(role)) return;
    if (!(await store.acquire(role, copy, this.#copies))) return;
    if (at !== undefined) await at('shard acquired');
    this.#held.add(role);
    if (role === 'poller') startPolling();
    else gained(role);
  }

  #giveUp(role: Role): Promise<void> {
    const { store, at, log } = this.#options;
    const leave = async () => {
      await this.#drain(role);
      // Lost meanwhile: another copy holds it.
      if (!this.#held.delete(role)) return;
      await store.release(role);
      if (at !== undefined) await at('shard released');
    };
    const leaving =
      this.#leaving.get(role) ??
      leave()
        .catch((error: unknown) =>
          log.warn({ err: error, role }, 'releasing failed; its lease will end by itself'),
        )
        .finally(() => this.#leaving.delete(role));
    this.#leaving.set(role, leaving);
    return leaving;
  }

  #drain(role: Role): Promise<void> {
    return role === 'poller' ? this.#options.stopPolling() : this.#options.drained(role);
  }
}
