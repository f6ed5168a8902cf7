import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { bookSuffix, type JsonObject, Keys, openRedisStore, parseTimerMember, run, shardOf } from '#runtime';
import { type Entry, isPaid, keyOf, type Payment } from './payments/book.ts';
import { Ledger } from './payments/ledger.ts';
import {
  contextOf,
  nothing,
  owe,
  type Rewriting,
  rewriteBook,
  rewriteSessions,
  type Stored,
  signalOf,
} from './rewriting.ts';

/** Machines whose sessions the previous release wrote in another form. */
const machines = ['access', 'membership', 'support'] as const;
/** Inbox entries in one reading. */
const page = 1_000;

/** Brings chats of format 2 to format 3: books that say what was bought, sessions that count nothing. */
export class Rewriter {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #shards: number;
  readonly #ledger: Ledger;
  readonly #now: number;
  /** Timers of states that are gone, by chat. */
  readonly #retries = new Map<number, string[]>();
  readonly #done = new Set<number>();

  /** @param now ms */
  constructor(redis: Redis, where: { readonly prefix: string; readonly shards: number }, now: number) {
    this.#redis = redis;
    this.#keys = new Keys(where.prefix);
    this.#shards = where.shards;
    this.#ledger = new Ledger(openRedisStore(redis, where));
    this.#now = now;
  }

  /** Everything that is not found by the chats themselves: what waits in the inboxes, and timers. */
  async begin(shard: number): Promise<void> {
    let cursor = '0';
    do {
      const [next, rows] = await this.#redis.zscan(
        this.#keys.timers(shard),
        cursor,
        'MATCH',
        'support:*|refund_retry*',
      );
      cursor = next;
      for (let index = 0; index < rows.length; index += 2) {
        const member = rows[index] as string;
        const chat = parseTimerMember(member)?.chat ?? 0;
        this.#retries.set(chat, [...(this.#retries.get(chat) ?? []), member]);
      }
    } while (cursor !== '0');
    for (let after = '-'; ; ) {
      const rows = await this.#redis.xrange(this.#keys.inbox(shard), after, '+', 'COUNT', page);
      for (const [id, [field = '', text = '']] of rows) await this.#signal(id, field, text);
      const last = rows.at(-1)?.[0];
      if (last === undefined || rows.length < page) return;
      after = `(${last}`;
    }
  }

  /** One chat. A second time changes nothing. */
  async chat(chat: number): Promise<void> {
    if (this.#done.has(chat)) return;
    this.#done.add(chat);
    const stored = await this.#read(chat);
    const rewriting = nothing();
    const hasAccess = rewriteBook(stored, rewriting, this.#now);
    await this.#rewriteDebts(stored, rewriting);
    rewriteSessions(stored, rewriting, { hasAccess, retries: this.#retries.get(chat) ?? [], now: this.#now });
    await this.#write(chat, rewriting);
  }

  async #read(chat: number): Promise<Stored> {
    const shard = shardOf(chat, this.#shards);
    const [texts, fields, seen] = await Promise.all([
      // Sessions before the book: whoever has rewritten them has rewritten the book as well.
      Promise.all(machines.map((machine) => this.#redis.hget(this.#keys.session(shard, machine, chat), 's'))),
      this.#redis.lrange(this.#keys.book(shard, chat), 0, '-1'),
      this.#redis.zscore(this.#keys.chats(shard), String(chat)),
    ]);
    const lines = fields.length === 0 ? [] : await this.#redis.hmget(this.#keys.ledger(shard), ...fields);
    return {
      chat,
      sessions: new Map(
        machines.flatMap((machine, index) => (texts[index] ? [[machine, texts[index]]] : [])),
      ),
      lines: new Map(fields.flatMap((field, index) => (lines[index] ? [[field, lines[index]]] : []))),
      isListed: seen !== null,
    };
  }

  /** Refunds that stood in a session of their own are debts of whoever paid. */
  async #rewriteDebts({ chat, sessions, lines }: Stored, own: Rewriting): Promise<void> {
    const text = sessions.get('support');
    const context = text === undefined ? {} : contextOf(text);
    for (const name of (context['refunds'] ?? []) as string[]) {
      const paid = await this.#findPaid(
        name,
        [...lines.values()].map((line) => JSON.parse(line) as Entry),
      );
      if (paid === null || paid.currency !== 'XTR') continue;
      const rewriting = paid.chat === chat ? own : nothing();
      owe(rewriting, paid, paid.chat === chat ? {} : { by: chat });
      if (paid.chat !== chat) await this.#write(paid.chat, rewriting);
    }
  }

  /** @param name a charge, or `<chat>.<digest of a charge>`, as buttons had it */
  async #findPaid(name: string, book: readonly Entry[]): Promise<Payment | null> {
    const [, chat, digest] = /^(-?\d+)\.([0-9a-f]{16})$/.exec(name) ?? [];
    if (chat === undefined)
      return (
        book.filter(isPaid).find(({ charge }) => charge === name) ?? (await this.#ledger.find(name)).paid
      );
    const digestOf = (charge: string) => createHash('sha256').update(charge).digest('hex').slice(0, 16);
    return (
      (await this.#ledger.of(Number(chat)))
        .filter(isPaid)
        .find(({ charge }) => digestOf(charge) === digest) ?? null
    );
  }

  /** A signal of one machine to another, in the words of today. */
  async #signal(id: string, field: string, text: string): Promise<void> {
    if (!field.startsWith('s')) return;
    const {
      machine,
      chat,
      event,
      hops = 1,
    } = JSON.parse(text) as {
      machine: string;
      chat: number;
      event: JsonObject & { type: string };
      hops?: number;
    };
    const rewriting = nothing();
    rewriting.taken.push(id);
    const { language, club, charge } = event;
    const kept = { ...(language !== undefined && { language }), ...(club === true && { club }) };
    const add = (to: string, type: string) =>
      rewriting.added.push(signalOf(chat, to, { ...kept, type }, { hops }));
    if (machine === 'membership' && /^access\.(granted|shortened|revoked)$/.test(event.type))
      add('membership', 'access.changed');
    else if (machine === 'support' && event.type === 'refund.owed') {
      const paid = await this.#findPaid(String(charge), []);
      if (paid !== null && paid.currency === 'XTR') owe(rewriting, paid, { language });
    } else if (machine !== 'access' || event.type !== 'access.dated') return;
    await this.#write(chat, rewriting);
  }

  async #write(chat: number, { lines, sessions, acts, taken, added, ended, set }: Rewriting): Promise<void> {
    const items = [
      lines,
      sessions,
      acts.map((act) => [keyOf(act), JSON.stringify(act)]),
      taken,
      added,
      ended,
      set,
    ];
    if (items.every(({ length }) => length === 0)) return;
    await run(
      this.#redis,
      'rewrite',
      [this.#keys.shard(shardOf(chat, this.#shards))],
      [bookSuffix(chat), ...items.flatMap((list) => [list.length, ...list.flat()])],
    );
  }
}
