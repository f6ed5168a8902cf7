import { lanes } from '../core/effects.ts';
import type { Hints, Server, Shards, Timers, Tries } from '../store.ts';
import { type Cause, type DueTimer, type Look, Refused, type Role } from '../stored.ts';
import type { Copy } from './copy.ts';
import { laneOf, timerKey } from './memory.ts';

/** Who lives, and who owns which shard. */
export class MemoryShards implements Shards {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  /** The memory is never away, so that every silence is a copy's own. */
  join: Shards['join'] = async (name, length, _silence, leaving = false) => {
    const { copies, now } = this.#copy.memory;
    for (const [other, { till }] of copies) if (till <= now()) copies.delete(other);
    copies.set(name, { till: now() + length, leaving });
    const live = [...copies.keys()];
    return { live, leaving: live.filter((other) => copies.get(other)?.leaving === true) };
  };

  leave = async (name: string): Promise<void> => void this.#copy.memory.copies.delete(name);

  acquire = async (
    role: Role,
    name: string,
    live: readonly string[],
  ): Promise<'no' | 'clean' | 'unclean'> => {
    const { owners } = this.#copy.memory;
    const { epoch, copy: owner } = owners.get(role) ?? { epoch: 0, copy: '' };
    if (owner !== '' && owner !== name && live.includes(owner)) return 'no';
    owners.set(role, { epoch: epoch + 1, copy: name });
    this.#copy.epochs.set(role, epoch + 1);
    return owner === '' ? 'clean' : 'unclean';
  };

  isOwner = async (role: Role): Promise<boolean> => this.#copy.owns(role);

  release = async (role: Role): Promise<void> => {
    const { owners } = this.#copy.memory;
    const epoch = this.#copy.epochs.get(role);
    if (epoch !== undefined && this.#copy.owns(role)) owners.set(role, { epoch: epoch + 1, copy: '' });
    this.forget(role);
  };

  forget = (role: Role): void => void this.#copy.epochs.delete(role);

  look = async (number: number): Promise<Look> => {
    const { inboxes, queues, timers } = this.#copy.memory.shard(number);
    const filled = new Set([...queues.values()].map(laneOf));
    const dues = [...timers.values()].map(({ due }) => due);
    return {
      inbox: inboxes.inbox.size + inboxes['inbox:checkout'].size > 0,
      lanes: lanes.filter((lane) => filled.has(lane)),
      nextTimer: dues.length === 0 ? null : Math.min(...dues),
    };
  };
}

/** What is due when. */
export class MemoryTimers implements Timers {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  dueTimers: Timers['dueTimers'] = async (number, now, limit) => {
    const { timers, queues } = this.#copy.memory.shard(number);
    const all = [...timers].sort(([, one], [, other]) => one.due - other.due);
    const due = all
      .filter(([, timer]) => timer.due <= now)
      .slice(0, limit)
      .map(([id, timer]): DueTimer => ({ shard: number, source: 'timers', id, ...timer }));
    const reminders = [...queues.values()].filter((queue) => laneOf(queue) === 'reminder').length;
    return { due, next: all[due.length]?.[1].due ?? null, reminders };
  };

  isNewerDue: Timers['isNewerDue'] = async (machine, chat, timers, than, now) => {
    const dues = await this.timersOf(machine, chat, timers);
    return dues.some((due) => due !== null && due > than && due <= now);
  };

  timersOf: Timers['timersOf'] = async (machine, chat, names) => {
    const { memory } = this.#copy;
    const { timers } = memory.shard(memory.shardOf(chat));
    return names.map((name) => timers.get(timerKey(machine, chat, name))?.due ?? null);
  };
}

/** What may have ended the process, and who was told that something broke. */
export class MemoryTries implements Tries {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  tryOnce = async ({ shard, id }: Cause): Promise<number> => {
    const { tries } = this.#copy.memory.shard(shard);
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    return count;
  };

  outlive = async ({ shard, id }: Cause): Promise<void> =>
    void this.#copy.memory.shard(shard).tries.delete(id);

  trust = async (shard: number): Promise<void> => this.#copy.memory.shard(shard).tries.clear();

  maySaySorry = async (chat: number, now: number, period: number): Promise<boolean> => {
    const { memory } = this.#copy;
    const { apologies } = memory.shard(memory.shardOf(chat));
    if (now - (apologies.get(chat) ?? Number.NEGATIVE_INFINITY) < period) return false;
    apologies.set(chat, now);
    return true;
  };
}

/** Words between copies. */
export class MemoryHints implements Hints {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  announce = async (shards: readonly number[]): Promise<void> => this.#copy.memory.announce(shards);
  announceEffects = async (shards: readonly number[]): Promise<void> =>
    this.#copy.memory.announceEffects(shards);

  announceContent = async (): Promise<number> => {
    const { memory } = this.#copy;
    memory.tell((listener) => listener.asked());
    return memory.listeners.size;
  };

  listen: Hints['listen'] = (
    hinted,
    asked = () => {},
    effects = () => {},
    missed = () => {},
    wanted = () => {},
  ) => {
    const { listeners } = this.#copy.memory;
    const listener = { hinted, asked, effects, wanted };
    listeners.add(listener);
    queueMicrotask(missed);
    return () => void listeners.delete(listener);
  };
}

/** There is no server: the memory is this process. */
export class MemoryServer implements Server {
  server = async (): Promise<string> => 'memory';
  untilWritten = async (server: string): Promise<void> => {
    if (server !== 'memory') throw new Refused(`${server} was another store`);
  };
  ping = async (): Promise<void> => {};
  isPassing = (): boolean => false;
}
