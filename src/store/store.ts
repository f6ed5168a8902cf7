import type { Redis } from 'ioredis';
import type { Effect, Lane } from '../core/effects.ts';
import { lanes } from '../core/effects.ts';
import type { Payment } from '../core/route.ts';
import { decodeSession, encodeSession, type Session, stateName } from '../core/session.ts';
import { shardOf } from '../core/shard.ts';
import type { Commit } from '../core/step.ts';
import { Batch } from './batch.ts';
import { Keys, parseTimerMember, seenBlock, sessionSuffix, timerMember } from './keys.ts';
import { Ledger, ledgerField } from './ledger.ts';
import { readInfo, run } from './redis.ts';

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

/** The field that an entry's text stands under. */
const entryKinds: Readonly<Record<string, Entry['kind']>> = {
  u: 'update',
  r: 'result',
  s: 'signal',
  f: 'forget',
  b: 'unreachable',
};

/** The letter by which an inbox names this kind of entry. */
export const entryKindOf = (kind: Entry['kind']): string =>
  Object.entries(entryKinds).find(([, name]) => name === kind)?.[0] ?? 'u';

/**
 * An inbox entry: an update as Telegram sent it, the result of an effect, a signal between machines, the wish to be
 * forgotten.
 */
export interface Entry extends Cause {
  /** `unreachable`: a message to the chat was refused for good. */
  readonly kind: 'update' | 'result' | 'signal' | 'forget' | 'unreachable';
  readonly text: string;
}

export interface DueTimer extends Cause {
  readonly machine: string;
  readonly chat: number;
  readonly timer: string;
}

/** An effect at the head of its queue, with the text it is stored as: the token that settles it. */
export interface Taken {
  readonly shard: number;
  readonly queue: string;
  readonly text: string;
  readonly effect: Effect;
}

export type CommitResult = 'ok' | 'fenced' | 'gone' | 'conflict' | 'charged';

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
  readonly kind: Entry['kind'] | 'timer' | 'effect';
  readonly error: string;
  readonly stack?: string;
  readonly at: number;
  readonly chat?: number;
  readonly body: unknown;
}

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
  readonly #ledger: Ledger;
  readonly #tokens = new Map<Role, string>();
  readonly #loads = new Batch<string, readonly string[]>(async (shard, suffixes) =>
    groups(3, (await run(this.#redis, 'load', [this.keys.shard(shard)], suffixes)) as string[]),
  );
  readonly #commits = new Batch<readonly (string | number)[], CommitResult>(async (shard, steps) => {
    const args = steps.flatMap((step) => [step.length + 1, ...step]);
    return (await run(
      this.#redis,
      'commit',
      [this.keys.shard(shard)],
      [this.#token(shard), ...args],
    )) as CommitResult[];
  });
  readonly #settles = new Batch<{ now: number; args: readonly string[] }, readonly string[]>(
    async (shard, ends) => {
      const now = Math.max(...ends.map((end) => end.now));
      const args = [this.#token(shard), now, ...ends.flatMap((end) => end.args)];
      return groups(2, (await run(this.#redis, 'settle', [this.keys.shard(shard)], args)) as string[]);
    },
  );

  constructor(redis: Redis, options: { prefix: string; shards: number }) {
    this.#redis = redis;
    this.shards = options.shards;
    this.keys = new Keys(options.prefix);
    this.#ledger = new Ledger(redis, options);
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
   * Stores updates that were not seen in the last 25 h.
   * @param updates `lane` checkout goes to the inbox that is read first
   * @returns how many were new
   */
  async appendUpdates(
    updates: readonly { id: number; chat: number; lane: 'checkout' | 'reply'; text: string }[],
  ): Promise<number> {
    const byShard = new Map<number, typeof updates>();
    for (const update of updates) {
      const shard = this.shardOf(update.chat);
      byShard.set(shard, [...(byShard.get(shard) ?? []), update]);
    }
    const counts = await Promise.all(
      [...byShard].map(async ([shard, group]) => {
        const keys = [this.keys.inbox(shard), this.keys.checkoutInbox(shard)];
        const args: (string | number)[] = [seenSeconds];
        for (const update of group) {
          const seen = this.keys.seen(shard, update.id);
          let index = keys.indexOf(seen);
          if (index === -1) index = keys.push(seen) - 1;
          args.push(
            update.lane === 'checkout' ? 2 : 1,
            index + 1,
            ((update.id % seenBlock) + seenBlock) % seenBlock,
            'u',
            update.text,
          );
        }
        return Number(await run(this.#redis, 'append', keys, args));
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
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

  /**
   * Hears such hints, and who asks to reload the content, on a connection of its own.
   * @param missed called whenever that connection is there again: hints of the time before are lost
   * @returns the function that ends it
   */
  listen(
    hinted: (shard: number) => void,
    asked: () => void = () => {},
    missed: () => void = () => {},
  ): () => void {
    const subscriber = this.#redis.duplicate({ enableAutoPipelining: false });
    subscriber.on('error', () => {});
    subscriber.on('message', (channel, shards: string) => {
      if (channel === this.keys.reload()) asked();
      else for (const shard of shards.split(',')) hinted(Number(shard));
    });
    // Answered only after the subscriptions, which are renewed first.
    subscriber.on('ready', () => void subscriber.ping().then(missed, () => {}));
    // A connection on which nothing is asked is never found dead.
    const watch = setInterval(() => {
      if (subscriber.status === 'ready') subscriber.ping().catch(() => {});
    }, 5_000).unref();
    subscriber.subscribe(this.keys.hints(), this.keys.reload()).catch(() => {});
    return () => {
      clearInterval(watch);
      subscriber.disconnect();
    };
  }

  /** Stores an update that Telegram did not send; its repetition must be harmless. */
  async appendFound(chat: number, text: string): Promise<void> {
    await this.#redis.xadd(this.keys.inbox(this.shardOf(chat)), '*', 'u', text);
  }

  /** How many of Telegram's transactions were compared with the ledger. */
  readonly reconciled = {
    get: async (): Promise<number> => Number((await this.#redis.get(this.keys.reconciled())) ?? 0),
    set: async (position: number): Promise<void> =>
      void (await this.#redis.set(this.keys.reconciled(), position)),
  };

  /** Resolves when Redis answers. */
  async ping(): Promise<void> {
    await this.#redis.ping();
  }

  /**
   * Reads inbox entries in order.
   * @param after the id of the last entry read before; '' for the beginning
   */
  async readInbox(
    shard: number,
    source: 'inbox' | 'inbox:checkout',
    after: string,
    limit: number,
  ): Promise<Entry[]> {
    const key = source === 'inbox' ? this.keys.inbox(shard) : this.keys.checkoutInbox(shard);
    const rows = await this.#redis.xrange(key, after === '' ? '-' : `(${after}`, '+', 'COUNT', limit);
    return rows.map(([id, [kind, text]]) => ({
      shard,
      source,
      id,
      due: 0,
      kind: entryKinds[kind ?? ''] ?? 'update',
      text: text ?? '',
    }));
  }

  /**
   * The session with its version; null and 0 where there is none.
   * @returns `away`: its person could not be reached, and its timers were dropped
   */
  async loadSession(
    machine: string,
    chat: number,
  ): Promise<{ session: Session | null; version: number; away: boolean }> {
    const [text, version, away] = await this.#loads.add(this.shardOf(chat), sessionSuffix(machine, chat));
    return text === undefined || text === ''
      ? { session: null, version: 0, away: false }
      : { session: decodeSession(text), version: Number(version), away: away === '1' };
  }

  /** Whether the ledger has this payment. */
  hasPayment(payment: Pick<Payment, 'chat' | 'charge' | 'direction'>): Promise<boolean> {
    return this.#ledger.has(payment);
  }

  /**
   * Writes one step, whole or not at all, and takes its cause away.
   * @param commit null when the machine did not react: only the cause goes, and `extra` effects come
   * @param target the session's machine and chat; `expirable` are the machine's states that expire
   */
  async commit(
    cause: Cause,
    target: {
      machine: string;
      machineVersion: string;
      chat: number;
      version: number;
      expirable: readonly string[];
    } | null,
    commit: Commit | null,
    options: {
      now: number;
      seen?: boolean;
      payment?: Payment;
      extra?: readonly Effect[];
      /** The person is back. */
      back?: boolean;
    },
  ): Promise<CommitResult> {
    const args: (string | number)[] = [cause.source, cause.id, cause.due];
    const writes = target !== null && commit !== null;
    args.push(
      target === null ? '' : sessionSuffix(target.machine, target.chat),
      target?.version ?? 0,
      writes ? encodeSession(commit.session) : '',
      target?.machineVersion ?? '',
      options.seen === true && target !== null ? target.chat : '',
      options.now,
      new Date(options.now).toISOString().slice(0, 10),
      target?.machine ?? '',
      commit?.from ?? '',
      commit?.to ?? '',
      commit?.expiresIn ?? '',
      target?.expirable.join(',') ?? '',
      options.payment === undefined ? '' : ledgerField(options.payment),
      options.payment === undefined ? '' : JSON.stringify(options.payment),
    );
    const timers = writes ? commit.timers : [];
    args.push(timers.length);
    for (const { name, due } of timers)
      args.push(timerMember(target?.machine ?? '', target?.chat ?? 0, name), due ?? '');
    const effects = [...(writes ? commit.effects : []), ...(options.extra ?? [])];
    args.push(effects.length);
    for (const effect of effects) args.push(effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect));
    const entries = writes ? commit.signals.map((signal) => ['s', JSON.stringify(signal)]) : [];
    if (writes && commit.forgets) entries.push(['f', JSON.stringify({ chat: target.chat })]);
    const counts = writes ? commit.counts : [];
    args.push(entries.length, ...entries.flat(), counts.length, ...counts);
    args.push(options.back === true && writes ? '1' : '');
    return this.#commits.add(cause.shard, args);
  }

  /** Gives up a cause: it becomes a dead letter, and its chat goes on. */
  async bury(cause: Cause, letter: DeadLetter): Promise<'ok' | 'fenced' | 'gone'> {
    const args = [this.#token(cause.shard), cause.source, cause.id, cause.due, JSON.stringify(letter)];
    return (await run(this.#redis, 'bury', [this.keys.shard(cause.shard)], args)) as 'ok' | 'fenced' | 'gone';
  }

  /**
   * Removes everything stored about a chat but its payments. A session whose actor is still at work is left: who is being
   * taken out of the club must be taken out. It expires when that is done.
   * @param machines those that may have a session or timers of it
   * @returns `conflict`: a session has changed since; look again
   */
  async forgetChat(
    cause: Cause,
    chat: number,
    machines: readonly { id: string; expirable: readonly string[]; timers: readonly string[] }[],
  ): Promise<'ok' | 'fenced' | 'gone' | 'conflict'> {
    const found = await Promise.all(
      machines.map(async (machine) => ({ ...machine, ...(await this.loadSession(machine.id, chat)) })),
    );
    const resting = found.filter(({ session }) => session?.invocations === undefined);
    const sessions = resting.map(({ id, expirable, session, version }) => {
      const state = session === null ? '' : stateName(session.value);
      const counter = session === null || expirable.includes(state) ? '' : `${id}:${state}`;
      return [sessionSuffix(id, chat), version, counter, `expiring:${id}:${state}`];
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
   * @param machines with the names of their timers
   */
  async abandon(
    cause: Cause,
    chat: number,
    machines: readonly { id: string; timers: readonly string[] }[],
  ): Promise<'ok' | 'fenced' | 'gone'> {
    const args = [
      this.#token(cause.shard),
      cause.source,
      cause.id,
      String(chat),
      machines.length,
      ...machines.map(({ id }) => sessionSuffix(id, chat)),
      ...machines.flatMap(({ id, timers }) => timers.map((timer) => timerMember(id, chat, timer))),
    ];
    return (await run(this.#redis, 'abandon', [this.keys.shard(cause.shard)], args)) as
      | 'ok'
      | 'fenced'
      | 'gone';
  }

  /** Timers due by `now`, earliest first, and the time of the next one after them (null: none). */
  async dueTimers(
    shard: number,
    now: number,
    limit: number,
  ): Promise<{ due: DueTimer[]; next: number | null }> {
    const rows = await this.#redis.zrange(this.keys.timers(shard), 0, String(limit), 'WITHSCORES');
    const due: DueTimer[] = [];
    let next: number | null = null;
    for (let index = 0; index < rows.length; index += 2) {
      const at = Number(rows[index + 1]);
      if (at > now || due.length === limit) {
        next = at;
        break;
      }
      const id = rows[index] as string;
      due.push({ shard, source: 'timers', id, due: at, ...parseTimerMember(id) });
    }
    return { due, next };
  }

  /** Removes sessions that have expired in a state. Returns how many were removed, and when the next one expires. */
  async expireSessions(
    shard: number,
    machine: string,
    state: string,
    now: number,
  ): Promise<{ gone: number; next: number | null }> {
    const args = [this.#token(shard), `${machine}:${state}`, now, 200];
    const gone = Number(await run(this.#redis, 'expire', [this.keys.shard(shard)], args));
    const [, next] = await this.#redis.zrange(
      this.keys.expiring(shard, machine, state),
      0,
      '0',
      'WITHSCORES',
    );
    return { gone, next: next === undefined ? null : Number(next) };
  }

  /**
   * The heads of the queues of one lane that are due. They stay where they are: the caller remembers what it holds.
   * @param held queues already in hand, left out
   * @returns with the time of the next one after them (null: none); `fenced`: the shard has another owner
   */
  async takeEffects(
    shard: number,
    lane: Lane,
    now: number,
    limit: number,
    held: readonly string[],
  ): Promise<{ taken: Taken[]; next: number | null; fenced: boolean }> {
    const args = [this.#token(shard), lanes.indexOf(lane), now, limit + held.length, ...held];
    const found = (await run(this.#redis, 'take', [this.keys.shard(shard)], args)) as string[] | 'fenced';
    if (found === 'fenced') return { taken: [], next: null, fenced: true };
    const [later, ...rows] = found;
    const taken: Taken[] = [];
    for (let index = 0; index + 1 < rows.length && taken.length < limit; index += 2) {
      taken.push(this.#taken(shard, rows[index] as string, rows[index + 1] as string));
    }
    return { taken, next: later === '' || later === undefined ? null : Number(later), fenced: false };
  }

  #taken(shard: number, queue: string, text: string): Taken {
    return { shard, queue, text, effect: JSON.parse(text.slice(1)) as Effect };
  }

  /**
   * Ends an effect: done, or given up with a dead letter. `result`, or a chat that cannot be reached, goes to the inbox in
   * the same write.
   * @returns the next effect of the queue when there is one, which the caller may go on with; 'fenced' when the shard
   * has another owner
   */
  async settle(
    taken: Taken,
    now: number,
    end: { result?: StoredResult; dead?: DeadLetter; dropQueue?: boolean; unreachable?: number } = {},
  ): Promise<Taken | null | 'fenced'> {
    const args = [
      taken.queue,
      taken.text,
      end.result !== undefined
        ? `r${JSON.stringify(end.result)}`
        : end.unreachable !== undefined
          ? `b${end.unreachable}`
          : '',
      end.dead === undefined ? '' : JSON.stringify(end.dead),
      end.dropQueue === true ? '1' : '',
    ];
    const [code, head = ''] = await this.#settles.add(taken.shard, { now, args });
    if (code === 'fenced') return 'fenced';
    return head === '' ? null : this.#taken(taken.shard, taken.queue, head);
  }

  /** Puts an effect off to `due` (ms); those behind it in its queue wait with it. */
  async postpone(taken: Taken, effect: Effect, due: number): Promise<'ok' | 'fenced' | 'gone'> {
    const text = `${taken.text[0]}${JSON.stringify(effect)}`;
    const args = [this.#token(taken.shard), taken.queue, taken.text, text, due];
    return (await run(this.#redis, 'postpone', [this.keys.shard(taken.shard)], args)) as
      | 'ok'
      | 'fenced'
      | 'gone';
  }

  /** Telegram's file ids of what was uploaded before. */
  readonly files = {
    get: (key: string): Promise<string | null> => this.#redis.hget(this.keys.files(), key),
    set: async (key: string, fileId: string): Promise<void> =>
      void (await this.#redis.hset(this.keys.files(), key, fileId)),
    forget: async (key: string): Promise<void> => void (await this.#redis.hdel(this.keys.files(), key)),
  };
}

const runId = (info: string): string => /run_id:(\w+)/.exec(info)?.[1] ?? '';

/** A flat list of answers, so many for each. */
const groups = (size: number, flat: readonly string[]): string[][] =>
  Array.from({ length: flat.length / size }, (_, index) => flat.slice(index * size, (index + 1) * size));

/** Something was fixed at the first start and cannot change. */
export class SettingDiffers extends Error {
  override name = 'SettingDiffers';
}

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
        'Every chat has its place by this number; unset SHARDS, or start anew with another REDIS_PREFIX.',
    );
  }
  return stored;
}

/**
 * Fixes the bot at the first start: another bot's chats and update ids must not mix with these.
 * @throws SettingDiffers
 */
export async function fixBot(redis: Redis, prefix: string, id: number): Promise<void> {
  const stored = Number(await fixSetting(redis, prefix, 'bot', id));
  if (stored !== id) {
    throw new SettingDiffers(
      `Expected BOT_TOKEN of the bot ${stored}, whose conversations this Redis keeps under the prefix "${prefix}", found one of the bot ${id}. ` +
        'Give this bot another REDIS_PREFIX, or a DATA_DIR of its own.',
    );
  }
}

async function fixSetting(redis: Redis, prefix: string, name: string, value: number): Promise<string | null> {
  const key = new Keys(prefix).settings();
  await redis.hsetnx(key, name, value);
  return redis.hget(key, name);
}
