import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { At } from '../points.ts';
import type { Store } from '../store.ts';
import type { Role } from '../stored.ts';
import { sharesOf } from './shares.ts';

export interface LeasesOptions {
  readonly store: Store;
  /** This copy's name; names sort by the time of joining. */
  readonly copy: string;
  /** Whether a copy that has not left is surely dead, so that its shards need not wait for the end of its lease. */
  readonly isDead: (copy: string) => boolean;
  /**
   * A shard is this copy's from now on.
   * @param unclean its owner has not given it back: it died, or was taken for dead, and may have done what it could not note
   */
  readonly gained: (shard: number, unclean: boolean) => void;
  /** Takes nothing new of a shard, and resolves when nothing of it is in hand. */
  readonly drained: (shard: number) => Promise<void>;
  /** Polling is a leased role too: one copy polls. */
  readonly startPolling: () => void;
  readonly stopPolling: () => Promise<void>;
  /** How many copies share the work. */
  readonly copiesChanged: (count: number) => void;
  readonly clock: Clock;
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
  /** The copies that share the work, oldest first; those that are leaving live, and share it no more. */
  #copies: readonly string[] = [];
  #live: readonly string[] = [];
  #mine: ReadonlySet<Role> = new Set();
  /** By this process' monotonic clock, which no change of the time of day moves, ms. */
  #validUntil = 0;
  #isLate = false;
  #stopAlarm: () => void = () => {};
  #isLeaving = false;
  #cancelRound: () => void = () => {};
  #round: Promise<void> = Promise.resolve();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Joins, and resolves when everything free that is this copy's share is taken. */
  async start(): Promise<void> {
    this.#expectRenewal();
    await this.#share();
    this.#later();
  }

  /** Whether this copy may act for a shard, or poll. False as soon as others may have taken this copy for dead. */
  holds(role: Role): boolean {
    return this.#held.has(role) && this.#options.clock.elapsed() < this.#validUntil;
  }

  /** Another copy has it: nothing of it can be written any more. */
  lost(role: Role): void {
    if (!this.#held.delete(role)) return;
    this.#options.log.warn({ role }, 'another copy has taken this over');
    this.#options.store.forget(role);
    // Nothing is released at its end: it is not ours to release.
    void this.#drain(role);
  }

  /**
   * Drains and releases everything and leaves. The other copies take each role as soon as it is released, and those that
   * are still being drained stay this copy's.
   */
  async stop(): Promise<void> {
    this.#isLeaving = true;
    await this.#pause();
    await this.#nextRound();
    await Promise.all([...this.#held].map((role) => this.#giveUp(role)));
    await Promise.all(this.#leaving.values());
    await this.#pause();
    this.#stopAlarm();
    await this.#options.store.leave(this.#options.copy);
  }

  /** Waits for the round that is under way, and starts no other. */
  async #pause(): Promise<void> {
    this.#cancelRound();
    await this.#round;
    this.#cancelRound();
  }

  #later(): void {
    const isWaiting = !this.#isLeaving && [...this.#mine].some((role) => !this.#held.has(role));
    const wait = isWaiting ? impatience : beat;
    this.#cancelRound = this.#options.clock.after(wait, () => void this.#nextRound());
  }

  #nextRound(): Promise<void> {
    this.#round = this.#share().then(
      () => this.#later(),
      (error: unknown) => {
        this.#options.log.warn({ err: error }, 'renewing the lease failed; trying again');
        // The store may be closed before everything is given back: then the lease ends by itself.
        if (this.#isLeaving) this.#stopAlarm();
        else this.#later();
      },
    );
    return this.#round;
  }

  /** One round: says that this copy lives, gives up what is not its share any more, and takes what is and is free. */
  async #share(): Promise<void> {
    await this.#renew();
    if (this.#isLeaving) return;
    for (const role of this.#held) if (!this.#mine.has(role)) void this.#giveUp(role);
    await Promise.all([...this.#mine].map((role) => this.#take(role)));
  }

  async #renew(): Promise<void> {
    const { store, copy, isDead, copiesChanged, clock, log } = this.#options;
    const asked = clock.elapsed();
    const { live, leaving } = await store.join(copy, leaseLength, 2 * beat, this.#isLeaving);
    const dead = live.filter((other) => other !== copy && isDead(other));
    await Promise.all(dead.map((other) => store.leave(other)));
    // Whatever happened while others may have taken this copy for dead, it must be known before it acts again.
    if (asked >= this.#validUntil) await this.#verify();
    this.#validUntil = asked + leaseLength;
    this.#expectRenewal();
    this.#live = live.filter((other) => !dead.includes(other));
    const copies = this.#live.filter((other) => !leaving.includes(other)).sort();
    if (this.#isLeaving || copies.join() === this.#copies.join()) return;
    log.info(
      { copies: copies.length, place: copies.indexOf(copy) + 1 },
      'the copies of the bot share the work',
    );
    this.#copies = copies;
    const owners = sharesOf(copies, store.shards);
    const shards = [...owners.keys()].filter((shard) => owners[shard] === copy);
    this.#mine = new Set(copies[0] === copy ? [...shards, 'poller'] : shards);
    copiesChanged(copies.length);
  }

  /** The loop may wait for Redis as long as it is away; whoever reads the log hears of it at once. */
  #expectRenewal(): void {
    const { clock, log } = this.#options;
    if (this.#isLate) log.info('the lease is renewed again');
    this.#isLate = false;
    this.#stopAlarm();
    this.#stopAlarm = clock.after(leaseLength, () => {
      this.#isLate = true;
      log.error(
        'the lease could not be renewed for 3 s, since Redis does not answer; nothing is handled or sent until it does',
      );
    });
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
    if (this.#isLeaving || this.#held.has(role) || this.#leaving.has(role)) return;
    const outcome = await store.acquire(role, copy, this.#live);
    if (outcome === 'no') return;
    if (at !== undefined) await at('shard acquired');
    this.#held.add(role);
    if (role === 'poller') startPolling();
    else gained(role, outcome === 'unclean');
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
