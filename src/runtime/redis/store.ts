import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Arrival, Line } from '../core/arrival.ts';
import type { Effect, Lane } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';
import { expiryTimer } from '../core/machine.ts';
import { decodeSession, encodeSession, type Session, stateName } from '../core/session.ts';
import { shardOf } from '../core/shard.ts';
import type { Commit } from '../core/step.ts';
import { Misconfigured } from '../refused.ts';
import { Batch } from './batch.ts';
import { isPassing, Refused, readInfo, resultOf, run } from './connect.ts';
import { bookSuffix, Keys, parseTimerMember, seenBlock, sessionSuffix, timerMember } from './keys.ts';

/** What one copy of the bot owns at a time: a shard, or the polling. */
export type Role = number | 'poller';

/** Where a step's cause is stored until its commit takes it. */
export type Source = 'inbox' | 'inbox:checkout' | 'timers';

/** What causes a step: one stored update or result, or one due timer. */
export interface Cause {
  readonly shard: number;
  readonly source: Source;
  /** The stream entry's id, or the timer's member. */
  readonly id: string;
  /** The timer's due time that was claimed, ms; 0 for entries. */
  readonly due: number;
}

/** The letters that begin the field under which an entry's text stands; the chat follows. */
const entryKinds: Readonly<Record<string, EntryKind>> = {
  a: 'arrival',
  u: 'update',
  r: 'result',
  s: 'signal',
  f: 'forget',
  b: 'unreachable',
};

/**
 * `arrival`: what an update means, as the poller understood it. `update`: one as Telegram sent it, still to be understood:
 * not sent by Telegram but found in its list, or strange to the poller, or stored by an earlier release. `result` of an
 * actor, `signal` between machines, the wish to `forget` a chat. `unreachable`: a message to the chat was refused for good.
 */
export type EntryKind = 'arrival' | 'update' | 'result' | 'signal' | 'forget' | 'unreachable';

/** The field of an entry: its kind's letter, and the chat that it is about (null: not known). */
export const entryField = (kind: EntryKind, chat: number | null): string =>
  `${Object.entries(entryKinds).find(([, name]) => name === kind)?.[0] ?? 'u'}${chat ?? ''}`;

/** An inbox entry. */
export interface Entry extends Cause {
  /** null: of a kind that this release does not know. */
  readonly kind: EntryKind | null;
  /** The chat it is about; null when only its text tells. */
  readonly chat: number | null;
  /** What the entry's text stands under. */
  readonly field: string;
  readonly text: string;
}

export interface DueTimer extends Cause {
  readonly machine: string;
  readonly chat: number;
  readonly timer: string;
}

/** What stands at the head of a queue, with the text it is stored as: the token that settles it. */
export interface Head {
  readonly shard: number;
  readonly queue: string;
  /** The lane that the queue stands in. */
  readonly lane: Lane;
  readonly text: string;
}

/** An effect at the head of its queue. */
export interface Taken extends Head {
  readonly effect: Effect;
}

/** A stored session with its version; null and 0 where there is none. */
export interface Loaded {
  readonly session: Session | null;
  readonly version: number;
  /** Its person cannot be reached. */
  readonly away: boolean;
  /** The chat's book. */
  readonly book: readonly Line[];
}

/** A line of a book, with the key that it stands under for ever. */
export interface KeyedLine {
  readonly key: string;
  readonly line: Line;
}

export type CommitResult = 'ok' | 'fenced' | 'gone' | 'conflict' | 'charged';

/** An update on its way into an inbox. */
export interface StoredUpdate {
  readonly id: number;
  readonly chat: number | null;
  readonly lane: 'checkout' | 'reply';
  /** Default: one as Telegram sent it. */
  readonly kind?: 'arrival' | 'update';
  readonly text: string;
}

/** The result of an invoked actor on its way back to the machine. */
export interface StoredResult {
  readonly machine: string;
  readonly chat: number;
  readonly invocation: { readonly id: string; readonly generation: number };
  readonly output?: unknown;
  readonly error?: unknown;
}

/** Something that was given up, kept with its reason. */
export interface DeadLetter {
  /** `update` is an arrival as well as an update that could not be understood; `unknown` an entry of another release. */
  readonly kind: Exclude<EntryKind, 'arrival'> | 'timer' | 'effect' | 'unknown';
  readonly error: string;
  readonly stack?: string;
  readonly at: number;
  readonly chat?: number;
  /** When the timer was due, ms. */
  readonly due?: number;
  readonly body: unknown;
}

/** What all copies know of the news that deadlines wait for. */
export interface NewsNote {
  /** When the last asking began that left nothing waiting, and whose answer is stored, ms; -Infinity: never. */
  readonly asked: number;
  /** Which gap was the last that is too long for what came in it to be there still; '' before the first asking. */
  readonly gap: string;
  /** The last gap that was made up for by a comparison. */
  readonly compared: string;
}

/** What stands in a shard at one moment. */
export interface Look {
  /** Something is in one of its inboxes. */
  readonly inbox: boolean;
  /** Lanes in which something waits, due or not. */
  readonly lanes: readonly Lane[];
  /** When its next timer is due, ms; null: it has none. */
  readonly nextTimer: number | null;
}

/** A dead letter as it stands in the store. */
export interface StoredLetter {
  /** `<shard>-<entry>`, as the commands take it. */
  readonly id: string;
  readonly letter: DeadLetter;
}

/** Inbox entries that are looked through for those of one chat: a longer inbox is worked off first. */
const mostWaiting = 1_000;

/** Dead letters in one reading. */
const letterPage = 200;

/** Update ids are remembered for 25 h: Telegram keeps an update for 24 h. */
const seenSeconds = 90_000;

/**
 * Everything that is stored, verb by verb. Its callers see no keys, no Redis types, and no order of writing: each verb
 * is atomic and can be repeated. Not part of it: what an update means, what a machine does, how a message is sent.
 */
export class Store {
  readonly shards: number;
  readonly keys: Keys;
  readonly #redis: Redis;
  readonly #tokens = new Map<Role, string>();
  #day = { number: Number.NaN, text: '' };
  /** What the holds of this copy are signed with. */
  readonly #holdToken = randomUUID();
  /** By shard, the queues whose heads this copy still sends after it gave the shard away. */
  readonly #holds = new Map<number, Set<string>>();
  readonly #loads = new Batch<string, Loaded>(async (shard, suffixes) => {
    const found = (await run(this.#redis, 'load', [this.keys.shard(shard)], suffixes)) as string[];
    return groups(4, found).map(loadedOf);
  });
  readonly #commits = new Batch<readonly (string | number)[], CommitResult>(async (shard, steps) => {
    const args: (string | number)[] = [this.#token(shard)];
    for (const step of steps) args.push(step.length + 1, ...step);
    const answers = (await run(this.#redis, 'commit', [this.keys.shard(shard)], args)) as string[];
    return answers.map(resultOf) as (CommitResult | Refused)[];
  });
  readonly #settles = new Batch<{ now: number; args: readonly string[] }, readonly string[]>(
    async (shard, ends) => {
      const now = Math.max(...ends.map((end) => end.now));
      const args = [this.#token(shard), now, ...ends.flatMap((end) => end.args)];
      return groups(3, (await run(this.#redis, 'settle', [this.keys.shard(shard)], args)) as string[]);
    },
  );

  constructor(redis: Redis, options: { prefix: string; shards: number }) {
    this.#redis = redis;
    this.shards = options.shards;
    this.keys = new Keys(options.prefix);
  }

  shardOf(chat: number): number {
    return shardOf(chat, this.shards);
  }

  /**
   * Says that a copy of the bot lives.
   * @param length how long others will believe it, ms
   * @param silence longer than this nobody is silent but while Redis is away, ms: such a time counts against no copy
   * @param leaving it takes nothing more, and gives back what it has
   * @returns the copies that live, this one among them, and which of them are leaving
   */
  async join(
    copy: string,
    length: number,
    silence: number,
    leaving = false,
  ): Promise<{ live: string[]; leaving: string[] }> {
    const args = [copy, length, silence, leaving ? 1 : 0];
    const names = (await run(this.#redis, 'join', [this.keys.copies()], args)) as string[];
    const plain = (name: string) => name.replace(/~$/, '');
    return { live: names.map(plain), leaving: names.filter((name) => name.endsWith('~')).map(plain) };
  }

  /** Takes a copy off the list of those that live. */
  async leave(copy: string): Promise<void> {
    await this.#redis.zrem(this.keys.copies(), copy, `${copy}~`);
  }

  /**
   * Becomes the owner of a shard, or of the polling, unless one of the copies that live has it. The previous owner's
   * writes are refused from then on.
   * @returns `no`: another copy has it; `clean`: it was free; `unclean`: its owner has not released it, and may have
   * done what it could not note
   */
  async acquire(role: Role, copy: string, live: readonly string[]): Promise<'no' | 'clean' | 'unclean'> {
    const [token, owner] = (await run(
      this.#redis,
      'acquire',
      [this.keys.owner(role)],
      [copy, ...live],
    )) as string[];
    if (token === undefined) return 'no';
    this.#tokens.set(role, token);
    return owner === '' ? 'clean' : 'unclean';
  }

  /** Whether nobody has become the owner since. */
  async isOwner(role: Role): Promise<boolean> {
    return (await this.#redis.get(this.keys.owner(role))) === this.#token(role);
  }

  /** Gives a shard, or the polling, back. */
  async release(role: Role): Promise<void> {
    const token = this.#token(role);
    this.forget(role);
    await run(this.#redis, 'release', [this.keys.owner(role)], [token]);
  }

  /** It has another owner: nothing of it can be written from here any more. */
  forget(role: Role): void {
    this.#tokens.delete(role);
  }

  /** What an owner's writes carry; without it every write answers 'fenced'. */
  #token(role: Role): string {
    return this.#tokens.get(role) ?? 'none';
  }

  /**
   * Stores updates that were not seen in the last 25 h. One that its inbox refuses for good becomes a dead letter, so that
   * it does not hold up the others.
   * @param updates `lane` checkout goes to the inbox that is read first; chat null: not known, and kept in shard 0
   * @returns how many were new
   */
  async appendUpdates(updates: readonly StoredUpdate[]): Promise<number> {
    const byShard = new Map<number, StoredUpdate[]>();
    for (const update of updates) {
      const shard = this.shardOf(update.chat ?? 0);
      const group = byShard.get(shard);
      if (group === undefined) byShard.set(shard, [update]);
      else group.push(update);
    }
    const counts = await Promise.all([...byShard].map(([shard, group]) => this.#append(shard, group)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #append(shard: number, updates: readonly StoredUpdate[]): Promise<number> {
    const keys = [this.keys.inbox(shard), this.keys.checkoutInbox(shard)];
    const args: (string | number)[] = [seenSeconds];
    for (const { id, chat, lane, kind, text } of updates) {
      const seen = this.keys.seen(shard, id);
      let index = keys.indexOf(seen);
      if (index === -1) index = keys.push(seen) - 1;
      const bit = ((id % seenBlock) + seenBlock) % seenBlock;
      args.push(lane === 'checkout' ? 2 : 1, index + 1, bit, entryField(kind ?? 'update', chat), text);
    }
    try {
      return Number(await run(this.#redis, 'append', keys, args));
    } catch (error) {
      if (isPassing(error)) throw error;
      const [only, ...others] = updates;
      if (others.length === 0 && only !== undefined) return this.#refuse(shard, only, error as Error);
      let added = 0;
      for (const update of updates) added += await this.#append(shard, [update]);
      return added;
    }
  }

  async #refuse(shard: number, { chat, text }: StoredUpdate, { message }: Error): Promise<number> {
    const letter: DeadLetter = {
      kind: 'update',
      error: message,
      at: Date.now(),
      ...(chat !== null && { chat }),
      body: text,
    };
    await this.#redis.xadd(this.keys.dead(shard), '*', 'd', JSON.stringify(letter));
    return 0;
  }

  /** Which server process answers: one that was started anew may have lost what it had answered before. */
  async server(): Promise<string> {
    return runId(await readInfo(this.#redis, 'server'));
  }

  /**
   * Resolves when everything stored so far is in the append-only file, where a kill of the server cannot take it away.
   * The server answers before it writes while an earlier fsync is under way (flushAppendOnlyFile in its aof.c).
   * @param server the process that it was stored in
   * @throws Error when another one answers
   */
  async untilWritten(server: string): Promise<void> {
    const state = async () => {
      const info = await readInfo(this.#redis, 'server', 'persistence');
      if (runId(info) !== server)
        throw new Error('Redis was started anew while updates were stored; they are fetched again');
      const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
      return { written: field('aof_current_size'), waiting: field('aof_buffer_length') };
    };
    let { written, waiting } = await state();
    const wanted = written + waiting;
    // A rewrite makes the file smaller: then everything was written.
    for (let before = written; waiting > 0 && written < wanted && written >= before; before = written) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      ({ written, waiting } = await state());
    }
  }

  /** Tells the copies that own these shards that there is something in their inboxes. A hint: it may get lost. */
  async announce(shards: readonly number[]): Promise<void> {
    if (shards.length > 0) await this.#redis.publish(this.keys.hints(), shards.join());
  }

  /** The same for their outboxes. */
  async announceEffects(shards: readonly number[]): Promise<void> {
    if (shards.length > 0) await this.#redis.publish(this.keys.outboxHints(), shards.join());
  }

  /**
   * Hears such hints, and who asks to reload the content, on a connection of its own.
   * @param hinted something is in a shard's inbox
   * @param effects something is in a shard's outbox
   * @param missed called whenever that connection is there again: hints of the time before are lost
   * @param wanted a deadline waits for the news
   * @returns the function that ends it
   */
  listen(
    hinted: (shard: number) => void,
    asked: () => void = () => {},
    effects: (shard: number) => void = () => {},
    missed: () => void = () => {},
    wanted: () => void = () => {},
  ): () => void {
    const subscriber = this.#redis.duplicate({ enableAutoPipelining: false });
    subscriber.on('error', () => {});
    subscriber.on('message', (channel, shards: string) => {
      if (channel === this.keys.reload()) return asked();
      if (channel === this.keys.newsWanted()) return wanted();
      const hear = channel === this.keys.hints() ? hinted : effects;
      for (const shard of shards.split(',')) hear(Number(shard));
    });
    // Answered only after the subscriptions, which are renewed first.
    subscriber.on('ready', () => void subscriber.ping().then(missed, () => {}));
    // A connection on which nothing is asked is never found dead.
    const watch = setInterval(() => {
      if (subscriber.status === 'ready') subscriber.ping().catch(() => {});
    }, 5_000).unref();
    const { hints, outboxHints, reload, newsWanted } = this.keys;
    subscriber.subscribe(hints(), outboxHints(), reload(), newsWanted()).catch(() => {});
    return () => {
      clearInterval(watch);
      subscriber.disconnect();
    };
  }

  /** Lets every running copy take the content anew. @returns how many copies heard it */
  announceContent(): Promise<number> {
    return this.#redis.publish(this.keys.reload(), '');
  }

  /** Stores an update that Telegram did not send; its repetition must be harmless. */
  async appendFound(chat: number, text: string): Promise<void> {
    await this.#appendEntry('update', chat, text);
  }

  /**
   * Stores what updates would mean that Telegram did not send, and tells the copies that own their shards; their repetition must
   * be harmless.
   */
  async appendArrivals(arrivals: readonly Arrival[]): Promise<void> {
    await Promise.all(
      arrivals.map((arrival) => this.#appendEntry('arrival', arrival.chat, JSON.stringify(arrival))),
    );
    await this.announce([...new Set(arrivals.map(({ chat }) => this.shardOf(chat)))]);
  }

  #appendEntry(kind: EntryKind, chat: number, text: string): Promise<unknown> {
    return this.#redis.xadd(this.keys.inbox(this.shardOf(chat)), '*', entryField(kind, chat), text);
  }

  /** How many of Telegram's transactions were compared with the ledger; null: there was no comparison yet. */
  readonly reconciled = {
    get: async (): Promise<number | null> => {
      const position = await this.#redis.get(this.keys.reconciled());
      return position === null ? null : Number(position);
    },
    set: async (position: number): Promise<void> =>
      void (await this.#redis.set(this.keys.reconciled(), position)),
  };

  /** Adds to a payment of the ledger what went to who had brought the person, Stars. One that is not there is left. */
  async noteCommission({
    chat,
    charge,
    commission,
  }: {
    readonly chat: number;
    readonly charge: string;
    readonly commission: number;
  }): Promise<void> {
    const shard = this.shardOf(chat);
    for (let outcome: unknown = 'changed'; outcome === 'changed'; ) {
      const before = await this.#redis.hget(this.keys.ledger(shard), charge);
      if (before === null) return;
      const after = JSON.stringify({ ...(JSON.parse(before) as Line), commission });
      const lines = [1, charge, before, after];
      const none = [0, 0, 0, 0, 0, 0];
      outcome = await run(
        this.#redis,
        'rewrite',
        [this.keys.shard(shard)],
        [bookSuffix(chat), ...lines, ...none],
      );
    }
  }

  /** What an installation knows of the time before it. */
  readonly history = {
    /** Notes when the books begin: once, and only while there is no payment in them and nothing was compared. */
    begin: async (now: number): Promise<void> => {
      if ((await this.reconciled.get()) !== null) return;
      const payments = await this.#everyShard(async (shard) => {
        const [lines, acts] = await Promise.all([
          this.#redis.hlen(this.keys.ledger(shard)),
          this.#redis.get(this.keys.actCount(shard)),
        ]);
        return lines - Number(acts ?? 0);
      });
      if (payments.every((count) => count === 0))
        await this.#redis.hsetnx(this.keys.settings(), 'began', now);
    },
    /** When the books began, ms; null: before that was noted. */
    began: async (): Promise<number | null> => {
      const began = await this.#redis.hget(this.keys.settings(), 'began');
      return began === null ? null : Number(began);
    },
    /** Telegram lists payments from before the books began, and nobody has taken them over. */
    isUnadopted: async (): Promise<boolean> =>
      (await this.#redis.hexists(this.keys.settings(), 'unadopted')) === 1,
    noteUnadopted: async (): Promise<void> =>
      void (await this.#redis.hset(this.keys.settings(), 'unadopted', 1)),
    /** It was taken over, up to this position of the list: from there on it is compared. */
    noteAdopted: async (position: number): Promise<void> => {
      const known = await this.reconciled.get();
      if (known === null || known < position) await this.reconciled.set(position);
      await this.#redis.hdel(this.keys.settings(), 'unadopted');
    },
  };

  /** What is known of the news, for all copies. */
  readonly news = {
    read: async (): Promise<NewsNote> => {
      const [asked, gap, compared] = await this.#redis.hmget(this.keys.news(), 'asked', 'gap', 'compared');
      const at = Number(asked ?? Number.NEGATIVE_INFINITY);
      return { asked: at, gap: gap ?? '', compared: compared ?? '' };
    },
    /**
     * An asking that began at `asked` (ms) has left nothing waiting, and what it brought is stored.
     * @param longest ms; as much or more since the asking before is a gap
     * @returns whether there was such a gap
     */
    note: async (asked: number, longest: number): Promise<boolean> =>
      (await run(this.#redis, 'news', [this.keys.news()], [asked, longest])) === 1,
    /** What a comparison found that began after this gap is stored. */
    noteCompared: async (gap: string): Promise<void> =>
      void (await this.#redis.hset(this.keys.news(), 'compared', gap)),
    /** Tells the copy that asks that a deadline waits. A hint: it may get lost. */
    want: async (): Promise<void> => void (await this.#redis.publish(this.keys.newsWanted(), '')),
  };

  /** Resolves when Redis answers. */
  async ping(): Promise<void> {
    await this.#redis.ping();
  }

  /**
   * Reads inbox entries in order.
   * @param after the id of the last entry read before; '' for the beginning
   * @param until the last id to read; '' for the end
   */
  async readInbox(
    shard: number,
    source: 'inbox' | 'inbox:checkout',
    after: string,
    limit: number,
    until = '',
  ): Promise<Entry[]> {
    const key = source === 'inbox' ? this.keys.inbox(shard) : this.keys.checkoutInbox(shard);
    const from = after === '' ? '-' : `(${after}`;
    const rows = await this.#redis.xrange(key, from, until === '' ? '+' : until, 'COUNT', limit);
    return rows.map(([id, [field = '', text = '']]) => {
      const chat = Number(field.slice(1));
      const isNamed = field.length > 1 && Number.isSafeInteger(chat);
      const kind = entryKinds[field.charAt(0)] ?? null;
      return { shard, source, id, due: 0, kind, chat: isNamed ? chat : null, field, text };
    });
  }

  /**
   * The session with its version; null and 0 where there is none.
   * @returns `away`: its person could not be reached, and its timers were dropped
   */
  loadSession(machine: string, chat: number): Promise<Loaded> {
    return this.#loads.add(this.shardOf(chat), sessionSuffix(machine, chat));
  }

  /**
   * Writes one step, whole or not at all, and takes its cause away.
   * @param target the session's machine and chat
   * @param commit null when the machine did not react: only the cause goes, and `effects` come
   * @throws Refused when Redis refuses this step in itself: nothing of it is written
   */
  commit(
    cause: Cause,
    target: { machine: string; machineVersion: string; chat: number; version: number } | null,
    commit: Commit | null,
    options: {
      now: number;
      seen?: boolean;
      /** A line of the chat's book. One that is there already makes the whole step void. */
      entry?: KeyedLine;
      /** Further lines; those that are there already change nothing. */
      records?: readonly KeyedLine[];
      /** What goes out. Default: what the step asks for. */
      effects?: readonly Effect[];
      /** The person is back. */
      back?: boolean;
      /** The cause is given up, and kept as this. A payment that it brings is recorded as one still to be granted. */
      letter?: DeadLetter;
    },
  ): Promise<CommitResult> {
    const { now, letter, records = [], effects = commit?.effects ?? [] } = options;
    const args: (string | number)[] = [cause.source, cause.id, cause.due];
    const writes = target !== null && commit !== null;
    // What a cause brought that is given up is recorded as still to be granted.
    const entry =
      options.entry === undefined || letter === undefined
        ? options.entry
        : { ...options.entry, line: { ...options.entry.line, ungranted: true as const } };
    const chat = entry?.line.chat ?? target?.chat;
    args.push(
      target === null ? '' : sessionSuffix(target.machine, target.chat),
      target?.version ?? 0,
      writes ? encodeSession(commit.session) : '',
      target?.machineVersion ?? '',
      options.seen === true && target !== null ? target.chat : '',
      now,
      this.#dayOf(now),
      target?.machine ?? '',
      commit?.from ?? '',
      commit?.ends === true ? '' : (commit?.to ?? ''),
      entry === undefined ? '' : entry.key,
      entry === undefined ? '' : JSON.stringify(entry.line),
      chat === undefined || (entry === undefined && records.length === 0) ? '' : bookSuffix(chat),
      letter === undefined ? '' : JSON.stringify(letter),
      options.back === true && writes ? '1' : '',
    );
    // The last change of a timer counts.
    const timers = new Map(writes ? commit.timers.map(({ name, due }) => [name, due]) : []);
    args.push(timers.size);
    for (const [name, due] of timers)
      args.push(timerMember(target?.machine ?? '', target?.chat ?? 0, name), due ?? '');
    args.push(effects.length);
    for (const effect of effects) args.push(effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect));
    const signals = writes ? commit.signals : [];
    const forgets = writes && commit.forgets;
    args.push(signals.length + (forgets ? 1 : 0));
    for (const signal of signals) args.push(entryField('signal', signal.chat), JSON.stringify(signal));
    if (forgets) args.push(entryField('forget', target.chat), JSON.stringify({ chat: target.chat }));
    const counts = writes ? commit.counts : [];
    args.push(counts.length, ...counts);
    args.push(records.length);
    for (const { key, line } of records) args.push(key, JSON.stringify(line));
    return this.#commits.add(cause.shard, args);
  }

  /** `2026-11-25`, by which transitions are counted. */
  #dayOf(now: number): string {
    const number = Math.floor(now / 86_400_000);
    if (this.#day.number !== number) this.#day = { number, text: new Date(now).toISOString().slice(0, 10) };
    return this.#day.text;
  }

  /** Takes a cause away that means nothing. */
  discard(cause: Cause, now: number): Promise<CommitResult> {
    return this.commit(cause, null, null, { now });
  }

  /**
   * The dead letters of a shard, oldest first. What is added meanwhile does not come, so that a walk ends whatever
   * becomes of the letters that it has read. It reads in pages; to look at the first one costs no more than that one.
   */
  async *deadLetters(shard: number): AsyncGenerator<StoredLetter> {
    const key = this.keys.dead(shard);
    const [newest] = await this.#redis.xrevrange(key, '+', '-', 'COUNT', 1);
    if (newest === undefined) return;
    let rows = await this.#redis.xrange(key, '-', newest[0], 'COUNT', 1);
    while (rows.length > 0) {
      for (const row of rows) yield storedLetter(shard, row);
      rows = await this.#redis.xrange(key, `(${rows.at(-1)?.[0]}`, newest[0], 'COUNT', letterPage);
    }
  }

  /** Removes dead letters; one that is gone already does no harm. Returns how many were there. */
  async removeLetters(letters: readonly StoredLetter[]): Promise<number> {
    const byShard = new Map<number, string[]>();
    for (const { id } of letters) {
      const { shard, entry } = placeOf(id);
      byShard.set(shard, [...(byShard.get(shard) ?? []), entry]);
    }
    const counts = await Promise.all(
      [...byShard].map(([shard, entries]) => this.#redis.xdel(this.keys.dead(shard), ...entries)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Removes the dead letters of a chat, which hold what the person wrote. It reads every letter of the shard, in pages,
   * so that Redis serves others meanwhile.
   */
  async forgetLetters(shard: number, chat: number): Promise<void> {
    const naming = new RegExp(`:"?${chat}"?[,}]`);
    const isAbout = ({ letter }: StoredLetter) =>
      letter.chat === undefined ? naming.test(JSON.stringify(letter)) : letter.chat === chat;
    // What could not be routed lies in the first shard, whosever it is.
    for (const place of new Set([shard, 0])) {
      let found: StoredLetter[] = [];
      for await (const stored of this.deadLetters(place)) {
        if (isAbout(stored)) found.push(stored);
        if (found.length < letterPage) continue;
        await this.removeLetters(found);
        found = [];
      }
      await this.removeLetters(found);
    }
  }

  /** How many dead letters there are. */
  async countLetters(): Promise<number> {
    const counts = await this.#everyShard((shard) => this.#redis.xlen(this.keys.dead(shard)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** How many dead letters there have ever been: it only grows. */
  async lettersAdded(): Promise<number> {
    const counts = await this.#everyShard(async (shard) => {
      try {
        const info = (await this.#redis.xinfo('STREAM', this.keys.dead(shard))) as unknown[];
        return Number(info[info.indexOf('entries-added') + 1]);
      } catch (error) {
        if (error instanceof Error && error.message.includes('no such key')) return 0;
        throw error;
      }
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** How many of all dead letters that there have ever been the operators were told of. */
  readonly told = {
    get: async (): Promise<number> => Number((await this.#redis.get(this.keys.told())) ?? 0),
    set: async (count: number): Promise<void> => void (await this.#redis.set(this.keys.told(), count)),
  };

  #everyShard<T>(work: (shard: number) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: this.shards }, (_, shard) => work(shard)));
  }

  /**
   * Removes everything stored about a chat but its book.
   * @param machines those that may have a session or timers of it; a session that `outlives` is left: who is being taken out
   * of the club must be taken out, and a debt must be paid. It expires when that is done.
   * @returns `conflict`: a session has changed since; look again
   */
  async forgetChat(
    cause: Cause,
    chat: number,
    machines: readonly {
      id: string;
      timers: readonly string[];
      outlives: (session: Session) => boolean;
    }[],
  ): Promise<'ok' | 'fenced' | 'gone' | 'conflict'> {
    const found = await Promise.all(
      machines.map(async (machine) => ({ ...machine, ...(await this.loadSession(machine.id, chat)) })),
    );
    const resting = found.filter(({ session, outlives }) => session === null || !outlives(session));
    const sessions = resting.map(({ id, session, version }) => {
      const counter = session === null ? '' : `${id}:${stateName(session.value)}`;
      return [sessionSuffix(id, chat), version, counter];
    });
    const timers = resting.flatMap(({ id, timers }) => timers.map((name) => timerMember(id, chat, name)));
    const entry = [this.#token(cause.shard), cause.source, cause.id, chat];
    const args = [...entry, sessions.length, ...sessions.flat(), ...timers];
    const code = await run(this.#redis, 'forget', [this.keys.shard(cause.shard)], args);
    return code as 'ok' | 'fenced' | 'gone' | 'conflict';
  }

  /**
   * The person of a chat cannot be reached: drops what waits to be sent to it, and the timers of these machines, whose
   * sessions stay and are marked.
   * @param machines with the names of their timers, and the time at which the session ends; null: never
   */
  async abandon(
    cause: Cause,
    chat: number,
    machines: readonly { id: string; timers: readonly string[]; endsAt: number | null }[],
  ): Promise<'ok' | 'fenced' | 'gone'> {
    const args = [
      this.#token(cause.shard),
      cause.source,
      cause.id,
      String(chat),
      machines.length,
      ...machines.flatMap(({ id, endsAt }) => [
        sessionSuffix(id, chat),
        timerMember(id, chat, expiryTimer),
        endsAt ?? '',
      ]),
      ...machines.flatMap(({ id, timers }) => timers.map((timer) => timerMember(id, chat, timer))),
    ];
    return (await run(this.#redis, 'abandon', [this.keys.shard(cause.shard)], args)) as
      | 'ok'
      | 'fenced'
      | 'gone';
  }

  /** Puts an effect into the outbox of its chat that no step asked for. */
  async post(effect: Effect, now: number): Promise<void> {
    const shard = this.shardOf(effect.chat);
    const args = [now, effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect)];
    await run(this.#redis, 'post', [this.keys.shard(shard)], args);
  }

  /**
   * Notes that a cause is about to be handled, in a shard whose last owner died with something in hand.
   * @returns how often it has been begun so far and not outlived, this time included
   */
  async tryOnce(cause: Cause): Promise<number> {
    const key = this.keys.trying(cause.shard);
    const [tries] = await Promise.all([
      this.#redis.hincrby(key, cause.id, 1),
      this.#redis.expire(key, 86_400),
    ]);
    return tries;
  }

  /** The process has outlived a cause that it tried: what was counted of it is forgotten. */
  async outlive(cause: Cause): Promise<void> {
    await this.#redis.hdel(this.keys.trying(cause.shard), cause.id);
  }

  /** Nothing of the shard is under suspicion any more. */
  async trust(shard: number): Promise<void> {
    await this.#redis.del(this.keys.trying(shard));
  }

  /**
   * Whether a person may be told now that something broke: at most once in `period` ms. Asking counts as telling.
   */
  async maySaySorry(chat: number, now: number, period: number): Promise<boolean> {
    const key = this.keys.sorry(this.shardOf(chat), chat);
    const last = Number((await this.#redis.get(key)) ?? Number.NEGATIVE_INFINITY);
    if (now - last < period) return false;
    await this.#redis.set(key, now, 'EX', Math.ceil(period / 1_000) + 86_400);
    return true;
  }

  /** Looks at everything that a loop may have to do in a shard, in one round trip. */
  async look(shard: number): Promise<Look> {
    // A key that is out of shape must not hide the others: whoever reads it says what is wrong.
    const orElse = <T>(fallback: T, answer: Promise<T>) =>
      answer.catch((error: unknown) => {
        if (isPassing(error)) throw error;
        return fallback;
      });
    const [inbox, checkout, timers, ...queues] = await Promise.all([
      orElse(1, this.#redis.xlen(this.keys.inbox(shard))),
      orElse(1, this.#redis.xlen(this.keys.checkoutInbox(shard))),
      orElse([], this.#redis.zrange(this.keys.timers(shard), 0, '0', 'WITHSCORES')),
      ...lanes.map((lane) => orElse(1, this.#redis.zcard(this.keys.lane(shard, lane)))),
    ]);
    return {
      inbox: inbox + checkout > 0,
      lanes: lanes.filter((_, index) => (queues[index] ?? 0) > 0),
      nextTimer: timers[1] === undefined ? null : Number(timers[1]),
    };
  }

  /**
   * Timers due by `now`, earliest first, and the time of the next one after them (null: none).
   * @returns `reminders`: queues of the shard that wait in the lane which timers fill
   */
  async dueTimers(
    shard: number,
    now: number,
    limit: number,
  ): Promise<{ due: DueTimer[]; next: number | null; reminders: number }> {
    const [rows, reminders] = await Promise.all([
      this.#redis.zrange(this.keys.timers(shard), 0, String(limit), 'WITHSCORES'),
      this.#redis.zcard(this.keys.lane(shard, 'reminder')),
    ]);
    const due: DueTimer[] = [];
    let next: number | null = null;
    for (let index = 0; index < rows.length; index += 2) {
      const at = Number(rows[index + 1]);
      if (at > now || due.length === limit) {
        next = at;
        break;
      }
      const id = rows[index] as string;
      // What is no timer's name belongs to no machine, and is given up as such.
      const named = parseTimerMember(id) ?? { machine: '', chat: 0, timer: id };
      due.push({ shard, source: 'timers', id, due: at, ...named });
    }
    return { due, next, reminders };
  }

  /**
   * The chats that have something in a shard's inboxes. A commit takes its cause and leaves its signals in one write, and
   * whatever is added comes behind, so that nothing of a chat can slip past.
   * @returns null when any chat may have: there are too many entries, or one whose chat only its text tells
   */
  async chatsWaiting(shard: number): Promise<ReadonlySet<number> | null> {
    try {
      const entries: Entry[] = [];
      for (const source of ['inbox:checkout', 'inbox'] as const)
        entries.push(...(await this.readInbox(shard, source, '', mostWaiting + 1)));
      const chats = entries.map(({ chat }) => chat);
      const isClear = chats.length <= mostWaiting && !chats.includes(null);
      return isClear ? new Set(chats as number[]) : null;
    } catch (error) {
      if (isPassing(error)) throw error;
      // Timers that wait for nobody must not stand still for an inbox that is out of shape.
      return null;
    }
  }

  /** Whether one of these timers of a session is due by `now` and was due later than `than`, ms. */
  async isNewerDue(
    machine: string,
    chat: number,
    timers: readonly string[],
    than: number,
    now: number,
  ): Promise<boolean> {
    if (timers.length === 0) return false;
    const members = timers.map((timer) => timerMember(machine, chat, timer));
    const scores = await this.#redis.zmscore(this.keys.timers(this.shardOf(chat)), ...members);
    return scores.some((score) => score !== null && Number(score) > than && Number(score) <= now);
  }

  /**
   * The heads of the queues of one lane that are due. They stay where they are: the caller remembers what it holds.
   * @param held queues already in hand, left out
   * @returns `spoiled`: heads that are no effects, which can only be given up; `next`: the time of the next queue after
   * these (null: none); `fenced`: the shard has another owner
   */
  async takeEffects(
    shard: number,
    lane: Lane,
    now: number,
    limit: number,
    held: readonly string[],
  ): Promise<{ taken: Taken[]; spoiled: Head[]; next: number | null; fenced: boolean }> {
    const args = [this.#token(shard), lanes.indexOf(lane), now, limit + held.length, ...held];
    const found = (await run(this.#redis, 'take', [this.keys.shard(shard)], args)) as string[] | 'fenced';
    if (found === 'fenced') return { taken: [], spoiled: [], next: null, fenced: true };
    const [later, ...rows] = found;
    const heads = groups(2, rows)
      .slice(0, limit)
      .map(([queue = '', text = '']) => ({ shard, queue, lane, text }));
    const all = heads.map((head) => takenOf(head) ?? head);
    return {
      taken: all.filter((head): head is Taken => 'effect' in head),
      spoiled: all.filter((head) => !('effect' in head)),
      next: later === '' || later === undefined ? null : Number(later),
      fenced: false,
    };
  }

  /**
   * Ends an effect: done, or given up with a dead letter. `result`, or a chat that cannot be reached, goes to the inbox in
   * the same write.
   * @returns the next effect of the queue when there is one, which the caller may go on with; 'fenced' when the shard
   * has another owner
   * @throws what Redis refuses of this effect; nothing of it is written then
   */
  async settle(
    head: Head,
    now: number,
    end: { result?: StoredResult; dead?: DeadLetter; dropQueue?: boolean; unreachable?: number } = {},
  ): Promise<Taken | null | 'fenced'> {
    const { shard, queue, lane, text } = head;
    const isHeld = this.#isHeld(head);
    const told =
      end.result !== undefined
        ? `${entryField('result', end.result.chat)} ${JSON.stringify(end.result)}`
        : end.unreachable !== undefined
          ? `${entryField('unreachable', end.unreachable)} ${end.unreachable}`
          : '';
    const args = [
      queue,
      String(lanes.indexOf(lane)),
      tokenOf(text),
      isHeld ? this.#holdToken : '',
      told,
      end.dead === undefined ? '' : JSON.stringify(end.dead),
      end.dropQueue === true ? '1' : '',
    ];
    const [code = '', next = '', stands = ''] = await this.#settles.add(shard, { now, args });
    if (code.startsWith('error ')) throw new Refused(code.slice('error '.length));
    if (isHeld) await this.#ended(head, told !== '');
    if (code === 'fenced') return 'fenced';
    const after = lanes[Number(stands)];
    return next === '' || after === undefined ? null : takenOf({ shard, queue, lane: after, text: next });
  }

  /** Puts an effect off to `due` (ms); those behind it in its queue wait with it. */
  async postpone(taken: Taken, effect: Effect, due: number): Promise<'ok' | 'fenced' | 'gone'> {
    const text = effect === taken.effect ? taken.text : `${taken.text[0]}${JSON.stringify(effect)}`;
    const isHeld = this.#isHeld(taken);
    const hold = isHeld ? this.#holdToken : '';
    const args = [this.#token(taken.shard), taken.queue, taken.text, text, due, hold];
    const code = await run(this.#redis, 'postpone', [this.keys.shard(taken.shard)], args);
    if (isHeld) await this.#ended(taken, false);
    return code as 'ok' | 'fenced' | 'gone';
  }

  /**
   * Keeps queues of a shard whose heads are being sent, though the shard goes to another owner: it leaves them alone until
   * this copy settles or postpones them, or has said nothing for `length`. Asked for anew, a hold lasts longer.
   * @param length ms, a minute at the most; 0 ends the holds: the queues are free at once
   */
  async hold(shard: number, heads: readonly Head[], length: number): Promise<void> {
    const queues = this.#holds.get(shard) ?? new Set();
    this.#holds.set(shard, queues);
    // From here on a write of this copy is signed by the hold; the shard is not given away before the answer.
    for (const { queue } of heads) queues.add(queue);
    const pairs = heads.flatMap(({ queue, text }) => [queue, text]);
    const args = [this.#token(shard), this.#holdToken, length, ...pairs];
    const held = (await run(this.#redis, 'hold', [this.keys.shard(shard)], args)) as string[];
    for (const { queue } of heads) if (!held.includes(queue)) queues.delete(queue);
    if (length === 0) await this.announceEffects([shard]);
  }

  #isHeld({ shard, queue }: Head): boolean {
    return this.#holds.get(shard)?.has(queue) === true;
  }

  /** The shard's owner may go on with a queue that was held. */
  async #ended({ shard, queue }: Head, told: boolean): Promise<void> {
    this.#holds.get(shard)?.delete(queue);
    await this.announceEffects([shard]);
    if (told) await this.announce([shard]);
  }

  /** Telegram's file ids of what was uploaded before. */
  readonly files = {
    get: (key: string): Promise<string | null> => this.#redis.hget(this.keys.files(), key),
    set: async (key: string, fileId: string): Promise<void> =>
      void (await this.#redis.hset(this.keys.files(), key, fileId)),
    forget: async (key: string): Promise<void> => void (await this.#redis.hdel(this.keys.files(), key)),
  };
}

/** A row of a shard's dead letters as it is read. */
export const storedLetter = (
  shard: number,
  [entry, [, text]]: readonly [string, readonly string[]],
): StoredLetter => ({ id: `${shard}-${entry}`, letter: JSON.parse(text ?? '') as DeadLetter });

/** Where a letter stands. */
export function placeOf(id: string): { shard: number; entry: string } {
  const split = id.indexOf('-');
  return { shard: Number(id.slice(0, split)), entry: id.slice(split + 1) };
}

/** An Error when the text is no session: that is the affair of those who ask for it. */
function loadedOf([text = '', version, away, lines = '']: readonly string[]): Loaded | Error {
  try {
    const book = lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line) as Line);
    if (text === '') return { session: null, version: 0, away: false, book };
    return { session: decodeSession(text), version: Number(version), away: away === '1', book };
  } catch (error) {
    return error as Error;
  }
}

/**
 * What tells an effect from all others of its queue: the beginning of its text, with its id. The whole of it would go to
 * Redis once more with each settling.
 */
function tokenOf(text: string): string {
  if (!text.startsWith('{"id":"', 1)) return text;
  return text.slice(0, text.indexOf('"', 8) + 1);
}

/** null when the text is no effect. */
function takenOf(head: Head): Taken | null {
  try {
    const effect = JSON.parse(head.text.slice(1)) as Effect;
    const { type, chat, lane } = effect;
    const isEffect = typeof type === 'string' && Number.isSafeInteger(chat) && lanes.includes(lane);
    return isEffect ? { ...head, effect } : null;
  } catch {
    return null;
  }
}

const runId = (info: string): string => /run_id:(\w+)/.exec(info)?.[1] ?? '';

/** A flat list of answers, so many for each. */
const groups = (size: number, flat: readonly string[]): string[][] =>
  Array.from({ length: flat.length / size }, (_, index) => flat.slice(index * size, (index + 1) * size));

/** Something was fixed at the first start and cannot change. */
export class SettingDiffers extends Misconfigured {}

/**
 * Fixes the number of shards at the first start, and holds every later start to it.
 * @param wanted from the environment; null takes what is stored, or 16
 * @throws SettingDiffers
 */
export async function fixShards(redis: Redis, prefix: string, wanted: number | null): Promise<number> {
  const stored = Number(await fixSetting(redis, prefix, 'shards', wanted ?? 16));
  if (wanted !== null && wanted !== stored) {
    throw new SettingDiffers(
      `Expected SHARDS=${stored}, as fixed at the first start with this Redis and prefix "${prefix}", found ${wanted}. ` +
        'Every chat has its place by this number: unset SHARDS.',
    );
  }
  return stored;
}

/**
 * Fixes the bot at the first start: another bot's chats and update ids must not mix with these.
 * @throws SettingDiffers
 */
export async function fixBot(redis: Redis, prefix: string, id: number): Promise<void> {
  refuseOther(prefix, Number(await fixSetting(redis, prefix, 'bot', id)), id);
}

/**
 * Checks that the store is this bot's, or nobody's yet: the payments of one bot must not get into the books of another.
 * @throws SettingDiffers
 */
export async function checkBot(redis: Redis, prefix: string, id: number): Promise<void> {
  const stored = await redis.hget(new Keys(prefix).settings(), 'bot');
  if (stored !== null) refuseOther(prefix, Number(stored), id);
}

function refuseOther(prefix: string, stored: number, id: number): void {
  if (stored === id) return;
  throw new SettingDiffers(
    `Expected BOT_TOKEN of the bot ${stored}, whose conversations this Redis keeps under the prefix "${prefix}", found one of the bot ${id}. ` +
      'Put the token of that bot back, or give this one a DATA_DIR of its own; what it has sold before is taken over there by: turnstile payments adopt',
  );
}

async function fixSetting(redis: Redis, prefix: string, name: string, value: number): Promise<string | null> {
  const key = new Keys(prefix).settings();
  await redis.hsetnx(key, name, value);
  return redis.hget(key, name);
}
