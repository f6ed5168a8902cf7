import type {
  Books,
  Members,
  News,
  NewsNote,
  Notes,
  Reports,
  SessionReport,
  Table,
  Totals,
} from '../books.ts';
import type { Line } from '../core/arrival.ts';
import { expiryTimer } from '../core/machine.ts';
import { decodeSession, stateName } from '../core/session.ts';
import { type Letters, lettersAbout, placeOf, type Revived, type StoredLetter } from '../letters.ts';
import type { Copy } from './copy.ts';
import type { Memory, MemoryShard } from './memory.ts';
import { bookOf, textOf } from './sessions.ts';

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** What was given up. */
export class MemoryLetters implements Letters {
  readonly #memory: Memory;

  constructor({ memory }: Copy) {
    this.#memory = memory;
  }

  deadLetters = (shard: number): AsyncGenerator<StoredLetter> => this.#walk(shard);

  async *#walk(shard: number): AsyncGenerator<StoredLetter> {
    for (const entry of [...this.#memory.shard(shard).letters.keys()]) {
      const stored = this.#memory.letter(shard, entry);
      if (stored !== null) yield stored;
    }
  }

  newestLetters = async (shard: number, limit: number): Promise<StoredLetter[]> => {
    const entries = [...this.#memory.shard(shard).letters.keys()].reverse().slice(0, limit);
    return entries.flatMap((entry) => this.#memory.letter(shard, entry) ?? []);
  };

  findLetter = async (id: string): Promise<StoredLetter | null> => {
    const { shard, entry } = placeOf(id);
    return this.#memory.letter(shard, entry);
  };

  reviveLetter = async (id: string, revived: Revived): Promise<'ok' | 'gone'> => {
    const { shard: number, entry } = placeOf(id);
    const shard = this.#memory.shard(number);
    if (!shard.letters.delete(entry)) return 'gone';
    this.#putBack(shard, revived);
    this.#memory.announce([number]);
    this.#memory.announceEffects([number]);
    return 'ok';
  };

  #putBack(shard: MemoryShard, revived: Revived): void {
    const { to } = revived;
    if (to === 'inbox') this.#memory.append(shard, revived.kind, revived.chat, revived.text);
    if (to === 'unknown') {
      const { field, text } = revived;
      shard.inboxes.inbox.set(this.#memory.nextId(), { kind: null, chat: null, field, text });
    }
    if (to === 'outbox') this.#memory.push(shard, revived.effect.queue, textOf(revived.effect), revived.due);
    // One of its name that was set since is the right one.
    if (to === 'timers' && !shard.timers.has(revived.timer)) {
      const [, machine = '', chat, timer = ''] = /^([^:|]+):(-?\d+)\|(.+)$/.exec(revived.timer) ?? [];
      shard.timers.set(revived.timer, { machine, chat: Number(chat ?? 0), timer, due: revived.due });
    }
  }

  removeLetters = async (letters: readonly Pick<StoredLetter, 'id'>[]): Promise<number> =>
    letters.filter(({ id }) => {
      const { shard, entry } = placeOf(id);
      return this.#memory.shard(shard).letters.delete(entry);
    }).length;

  forgetLetters = async (shard: number, chat: number): Promise<void> => {
    const isAbout = lettersAbout(chat);
    // What could not be routed lies in the first shard, whosever it is.
    for (const place of new Set([shard, 0]))
      for await (const stored of this.#walk(place)) if (isAbout(stored)) await this.removeLetters([stored]);
  };

  countLetters = async (): Promise<number> => sum(this.#memory.shards.map(({ letters }) => letters.size));
  lettersAdded = async (): Promise<number> => this.#memory.lettersAdded;
}

/** The books of all chats. */
export class MemoryBooks implements Books {
  readonly #memory: Memory;

  constructor({ memory }: Copy) {
    this.#memory = memory;
  }

  #shardOf(chat: number): MemoryShard {
    return this.#memory.shard(this.#memory.shardOf(chat));
  }

  bookOf = async (chat: number): Promise<Line[]> => bookOf(this.#shardOf(chat), chat);
  hasLine = async (chat: number, key: string): Promise<boolean> => this.#shardOf(chat).ledger.has(key);

  findLines = async (keys: readonly string[]): Promise<(Line | null)[]> =>
    keys.map((key) => {
      const text = this.#memory.shards.find(({ ledger }) => ledger.has(key))?.ledger.get(key);
      return text === undefined ? null : (JSON.parse(text) as Line);
    });

  allLines = (): AsyncGenerator<Line> => this.#walk();

  async *#walk(): AsyncGenerator<Line> {
    for (const { ledger } of this.#memory.shards)
      for (const text of [...ledger.values()]) yield JSON.parse(text) as Line;
  }

  countLines = async (): Promise<{ lines: number; asides: number }> => {
    const keys = this.#memory.shards.flatMap(({ ledger }) => [...ledger.keys()]);
    return { lines: keys.length, asides: keys.filter((key) => key.startsWith('~')).length };
  };

  changeLine: Books['changeLine'] = async (chat, key, change) => {
    const { ledger } = this.#shardOf(chat);
    const text = ledger.get(key);
    if (text !== undefined) ledger.set(key, JSON.stringify(change(JSON.parse(text) as Line)));
  };
}

/** Facts under names of their own. */
export class MemoryNotes implements Notes {
  readonly #memory: Memory;

  constructor({ memory }: Copy) {
    this.#memory = memory;
  }

  async get(name: string): Promise<string | null> {
    return this.#memory.notes.get(name) ?? null;
  }

  async set(name: string, value: string): Promise<void> {
    this.#memory.notes.set(name, value);
  }

  table(name: string): Table {
    const { tables } = this.#memory;
    const table = tables.get(name) ?? new Map<string, string>();
    tables.set(name, table);
    const add = (field: string, value: string) => !table.has(field) && table.set(field, value) === table;
    return {
      get: async (field) => table.get(field) ?? null,
      all: async () => Object.fromEntries(table),
      set: async (field, value) => add(field, value) || table.set(field, value) !== table,
      add: async (field, value) => add(field, value),
      raise: async (field) => {
        const count = Number(table.get(field) ?? 0) + 1;
        table.set(field, `${count}`);
        return count;
      },
      remove: async (...fields) => fields.filter((field) => table.delete(field)).length,
    };
  }

  group(name: string): Members {
    const { groups } = this.#memory;
    const group = groups.get(name) ?? new Set<string>();
    groups.set(name, group);
    return {
      all: async () => [...group],
      add: async (...members) => {
        for (const member of members) group.add(member);
      },
      remove: async (...members) => {
        for (const member of members) group.delete(member);
      },
    };
  }
}

/** What is known of the news, for all copies. */
export class MemoryNews implements News {
  readonly #memory: Memory;

  constructor({ memory }: Copy) {
    this.#memory = memory;
  }

  async read(): Promise<NewsNote> {
    return this.#memory.news;
  }

  async note(asked: number, longest: number): Promise<boolean> {
    const { news } = this.#memory;
    const isFirst = news.asked === Number.NEGATIVE_INFINITY;
    // A clock that was set by so much, back or forth, says nothing about the time between.
    const isGap = isFirst || Math.abs(asked - news.asked) >= longest;
    this.#memory.news = { ...news, asked, ...(isGap && { gap: `${asked}` }) };
    return isGap;
  }

  async noteCompared(gap: string): Promise<void> {
    this.#memory.news = { ...this.#memory.news, compared: gap };
  }

  async want(): Promise<void> {
    this.#memory.tell((listener) => listener.wanted());
  }
}

/** How it stands. */
export class MemoryReports implements Reports {
  readonly #memory: Memory;

  constructor({ memory }: Copy) {
    this.#memory = memory;
  }

  totals = async (): Promise<Totals> => {
    const { shards } = this.#memory;
    const total = (count: (shard: MemoryShard) => number) => sum(shards.map(count));
    return {
      timers: total(({ timers }) => [...timers.values()].filter(({ timer }) => timer !== expiryTimer).length),
      inbox: total(({ inboxes }) => inboxes.inbox.size + inboxes['inbox:checkout'].size),
      outbox: total(({ queues }) => sum([...queues.values()].map(({ texts }) => texts.length))),
      dead: total(({ letters }) => letters.size),
      chats: total(({ chats }) => chats.size),
    };
  };

  states = async (): Promise<ReadonlyMap<string, number>> => this.#added(({ states }) => states);
  counters = async (): Promise<ReadonlyMap<string, number>> => this.#added(({ counters }) => counters);

  #added(countsOf: (shard: MemoryShard) => ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const all = new Map<string, number>();
    for (const [name, count] of this.#memory.shards.flatMap((shard) => [...countsOf(shard)]))
      all.set(name, (all.get(name) ?? 0) + count);
    return all;
  }

  sessions = (machine: string): AsyncGenerator<SessionReport> => this.#walk(machine);

  async *#walk(machine: string): AsyncGenerator<SessionReport> {
    const all = this.#memory.shards.flatMap(({ sessions }) => [...sessions.values()]);
    for (const { chat, text } of all.filter((stored) => stored.machine === machine)) {
      const { value, context } = decodeSession(text);
      yield { chat, state: stateName(value), context };
    }
  }
}
