import {
  decodeSession,
  encodeSession,
  entryField,
  expiryTimer,
  type JsonObject,
  type Session,
  sessionSuffix,
  stateName,
  timerMember,
} from '#runtime';
import { accessOf } from './payments/access.ts';
import { type Act, type Bought, type Entry, isAct, keyOf, type Payment } from './payments/book.ts';
import { beginsSubscription, type Month } from './payments/months.ts';
import { renewalGrace } from './payments/subscriptions.ts';

/** What the release before had of one chat. */
export interface Stored {
  readonly chat: number;
  /** Texts of its sessions by machine; absent where there is none. */
  readonly sessions: ReadonlyMap<string, string>;
  /** Its book: the texts of the ledger by field. */
  readonly lines: ReadonlyMap<string, string>;
  /** It is on the list of chats, which `/forget` takes it off. */
  readonly isListed: boolean;
}

/** What is to be written of one chat. */
export interface Rewriting {
  readonly lines: [field: string, before: string, after: string][];
  readonly sessions: [suffix: string, before: string, after: string, from: string, to: string][];
  readonly acts: Act[];
  readonly taken: string[];
  /** With the act that must be new for it; '' for none. */
  readonly added: [field: string, text: string, act: string][];
  readonly ended: string[];
  readonly set: [member: string, due: number][];
}

export const nothing = (): Rewriting => ({
  lines: [],
  sessions: [],
  acts: [],
  taken: [],
  added: [],
  ended: [],
  set: [],
});

const hour = 3_600_000;
const month = 30 * 24 * hour;

/** A debt of a payment, and the word to the machine that pays it. */
export function owe(
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

export const signalOf = (
  chat: number,
  machine: string,
  event: JsonObject,
  { hops = 1, act = '' }: { hops?: number; act?: string } = {},
): Rewriting['added'][number] => [
  entryField('signal', chat),
  JSON.stringify({ machine, chat, event, hops }),
  act,
];

export const contextOf = (text: string): JsonObject => decodeSession(text).context;

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
export function rewriteBook(
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
export function rewriteSessions(
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
