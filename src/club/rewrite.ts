import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  bookSuffix,
  decodeSession,
  encodeSession,
  entryField,
  expiryTimer,
  type JsonObject,
  Keys,
  openRedisStore,
  parseTimerMember,
  run,
  type Session,
  sessionSuffix,
  shardOf,
  stateName,
  timerMember,
} from '#runtime';
import { accessOf } from './payments/access.ts';
import { type Act, type Bought, type Entry, isAct, isPaid, keyOf, type Payment } from './payments/book.ts';
import { Ledger } from './payments/ledger.ts';
import { beginsSubscription, type Month } from './payments/months.ts';
import { renewalGrace } from './payments/subscriptions.ts';

/** What the release before had of one chat. */
interface Stored {
  readonly chat: number;
  /** Texts of its sessions by machine; absent where there is none. */
  readonly sessions: ReadonlyMap<string, string>;
  /** Its book: the texts of the ledger by field. */
  readonly lines: ReadonlyMap<string, string>;
  /** It is on the list of chats, which `/forget` takes it off. */
  readonly isListed: boolean;
}

/** What is to be written of one chat. */
interface Rewriting {
  readonly lines: [field: string, before: string, after: string][];
  readonly sessions: [suffix: string, before: string, after: string, from: string, to: string][];
  readonly acts: Act[];
  readonly taken: string[];
  /** With the act that must be new for it; '' for none. */
  readonly added: [field: string, text: string, act: string][];
  readonly ended: string[];
  readonly set: [member: string, due: number][];
}

const nothing = (): Rewriting => ({
  lines: [],
  sessions: [],
  acts: [],
  taken: [],
  added: [],
  ended: [],
  set: [],
});

/** Machines whose sessions the previous release wrote in another form. */
const machines = ['access', 'membership', 'support'] as const;
const hour = 3_600_000;
const month = 30 * 24 * hour;
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

/** A debt of a payment, and the word to the machine that pays it. */
function owe(
  { acts, added }: Rewriting,
  { charge, chat, at }: Payment,
  more: { by?: number; language?: unknown },
): void {
  const { language, ...rest } = more;
  const debt: Act = { kind: 'owe', id: `former.${charge}`, chat, at, charge, ...rest };
  const event = { type: 'debts.changed', ...(language !== undefined && { language }) };
  acts.push(debt);
  added.push(signalOf(chat, 'refunds', event, { act: keyOf(debt) }));
}

const signalOf = (
  chat: number,
  machine: string,
  event: JsonObject,
  { hops = 1, act = '' }: { hops?: number; act?: string } = {},
): Rewriting['added'][number] => [
  entryField('signal', chat),
  JSON.stringify({ machine, chat, event, hops }),
  act,
];

const contextOf = (text: string): JsonObject => decodeSession(text).context;

/** What a session of the membership machine knew. */
interface Known {
  readonly until?: number;
  readonly subscription?: string;
  readonly renews?: true;
}

/**
 * Says in each payment what it bought, and in acts what else the sessions knew.
 * @returns whether they have access by the book; false when there was nothing to say
 */
function rewriteBook(
  { chat, sessions, lines, isListed }: Stored,
  rewriting: Rewriting,
  now: number,
): boolean {
  const book = [...lines].map(([field, text]) => ({ field, text, entry: JSON.parse(text) as Entry }));
  const isOld = ({ entry }: { entry: Entry }) =>
    !isAct(entry) && entry.direction === 'in' && entry.bought === undefined;
  if (!book.some(isOld)) return false;
  const session = sessionIn(sessions, 'membership');
  const known = (session?.context ?? {}) as Known;
  const paid = book.flatMap(({ entry }) => (isAct(entry) || entry.direction === 'out' ? [] : [entry]));
  const isInside = /^(paid|topic_selected)$/.test(stateName(sessionIn(sessions, 'access')?.value ?? ''));
  const bought = boughtBy(paid, known, isInside ? { forEver: true } : { days: 0 });
  const entries: Entry[] = [];
  for (const { field, text, entry } of book) {
    const what = isAct(entry) || entry.direction === 'out' ? undefined : bought.get(entry.charge);
    const after = what === undefined ? entry : { ...entry, bought: what };
    if (after !== entry) rewriting.lines.push([field, text, JSON.stringify(after)]);
    entries.push(after);
  }
  const at = Math.max(...entries.map((entry) => entry.at));
  const add = (act: Act) => {
    rewriting.acts.push(act);
    entries.push(act);
  };
  const act = (kind: Act['kind'], more: Partial<Act>): Act => ({
    kind,
    id: `former.${chat}`,
    chat,
    at,
    ...more,
  });
  const last = paid.find(({ charge }) => charge === known.subscription);
  if (last !== undefined && known.renews !== true)
    add(act('subscription', { payload: last.payload, state: 'canceled' }));
  if (sessions.size === 0 && !isListed && !paid.some(({ ungranted }) => ungranted)) {
    // They had everything deleted, and gave up what was left of their time.
    if (accessOf(entries, now).has) add(act('revoke', { reason: 'forgotten' }));
    return false;
  }
  if (session !== undefined && /^active/.test(stateName(session.value))) {
    // Nobody loses time: what the sessions knew of more is granted.
    const { until, forEver } = accessOf(entries, now);
    if (known.until === undefined && forEver !== true)
      add(act('grant', { reason: 'of the previous release' }));
    else if (known.until !== undefined && forEver !== true && (until ?? 0) < known.until - hour)
      add(act('grant', { until: known.until, reason: 'of the previous release' }));
  }
  const { has, callOff } = accessOf(entries, now);
  if (callOff.length > 0) rewriting.added.push(signalOf(chat, 'refunds', { type: 'debts.changed' }));
  return has;
}

/**
 * By charge: months of subscriptions, days, or access for ever.
 * @param untold what an invoice sold that does not say it: the first releases did not
 */
function boughtBy(
  paid: readonly Payment[],
  { until, subscription }: Known,
  untold: Bought,
): Map<string, Bought> {
  const sorted = [...paid].sort((a, b) => a.at - b.at);
  const last = sorted.find(({ charge }) => charge === subscription);
  // An invoice that is paid once more after weeks is that of a subscription: each other one was paid once.
  const isMonthly = ({ payload }: Payment) => {
    const times = sorted.filter((other) => other.payload === payload).map(({ at }) => at);
    return payload === last?.payload || Math.max(...times) - Math.min(...times) > (month * 2) / 3;
  };
  const newest = sorted.findLast(({ payload }) => payload === last?.payload);
  const months: Month[] = [];
  const bought = new Map<string, Bought>();
  for (const payment of sorted) {
    const { charge, payload, at } = payment;
    if (!isMonthly(payment)) {
      const days = /^[^:]*:[^:]*:(\d{1,5}):/.exec(payload)?.[1];
      const sold: Bought = days === '0' ? { forEver: true } : { days: Number(days) };
      bought.set(charge, days === undefined ? untold : sold);
      continue;
    }
    const end = payment === newest && until !== undefined && until > at ? until : at + month;
    const isFirst = beginsSubscription(months, { payload, at, until: end });
    const what = { until: end, ...(isFirst && { first: true as const }) };
    months.push({ payload, at, ...what });
    bought.set(charge, what);
  }
  return bought;
}

function sessionIn(sessions: ReadonlyMap<string, string>, machine: string): Session | undefined {
  const text = sessions.get(machine);
  return text === undefined ? undefined : decodeSession(text);
}

/** Sessions without what the book tells now. */
function rewriteSessions(
  { chat, sessions }: Stored,
  rewriting: Rewriting,
  { hasAccess, retries, now }: { hasAccess: boolean; retries: readonly string[]; now: number },
): void {
  for (const [machine, text] of sessions) {
    const session = decodeSession(text);
    const next = rewritten[machine]?.(session, hasAccess) ?? session;
    const after = encodeSession(next);
    if (after === text) continue;
    const counter = ({ value }: Session) => `${machine}:${stateName(value)}`;
    rewriting.sessions.push([sessionSuffix(machine, chat), text, after, counter(session), counter(next)]);
    if (counter(session) === counter(next)) continue;
    if (machine === 'access') rewriting.added.push(signalOf(chat, 'membership', { type: 'access.changed' }));
    else {
      rewriting.ended.push(...retries);
      rewriting.set.push([timerMember(machine, chat, expiryTimer), now + hour]);
    }
  }
}

const without = (context: JsonObject, ...names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(context).filter(([name]) => !names.includes(name)));

const rewritten: Readonly<Record<string, (session: Session, hasAccess: boolean) => Session>> = {
  access: (session, hasAccess) => ({
    ...session,
    // A refund of a month that was over took access away that had been paid.
    value: hasAccess && /^(idle|awaiting_payment)$/.test(stateName(session.value)) ? 'paid' : session.value,
    context: without(session.context, 'payments', 'charges', 'invoices', 'extras', 'until'),
  }),
  membership: (session) => {
    const { until, renews } = session.context as Known;
    const context = without(session.context, 'payments', 'subscription', 'paidAgain');
    const ends = until === undefined ? {} : { ends: until + (renews === true ? renewalGrace : 0) };
    return { ...session, context: { ...context, ...ends } };
  },
  support: ({ invocations: _, ...session }) => ({
    ...session,
    value: /^(refunding|waiting)$/.test(stateName(session.value)) ? 'ready' : session.value,
    context: without(session.context, 'refunds', 'failures'),
  }),
};
