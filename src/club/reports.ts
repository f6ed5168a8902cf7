import { readStates, type Store, stateName } from '#runtime';
import { accessOf } from './payments/access.ts';
import { type Access, type Act, isAct, isPayment, type Payment } from './payments/book.ts';
import { History } from './payments/history.ts';
import { Ledger } from './payments/ledger.ts';

/** What `turnstile status --json` prints. */
export interface Status {
  readonly states: Record<string, Record<string, number>>;
  /** Without the ends of untouched sessions. */
  readonly timers: number;
  readonly inbox: number;
  readonly outbox: number;
  readonly dead: number;
  readonly chats: number;
  readonly payments: number;
  /** By the link that brought people first, what `count` actions counted: `{ad_7: {started: 3, paid: 1}}`. */
  readonly sources: Record<string, Record<string, number>>;
  /** Telegram lists payments from before this installation: nothing is compared until they are taken over. */
  readonly unadopted?: true;
}

/** What `turnstile chat <id> --json` prints. */
export interface ChatReport {
  readonly chat: number;
  readonly sessions: {
    machine: string;
    state: string;
    context: unknown;
    timers: { name: string; due: string }[];
  }[];
  readonly payments: Payment[];
  /** What gave or took access besides payments; absent when there is nothing. */
  readonly acts?: Act[];
  /** What the book comes to; absent when it is empty. */
  readonly access?: Access;
}

/** A machine as a report needs it. */
export interface ReportedMachine {
  readonly id: string;
  readonly states: readonly string[];
}

/** A timer as a report needs it: the names that it may be stored under, and the one that is shown. */
export interface ReportedTimer {
  readonly names: readonly string[];
  readonly shownName: string;
}

/** Counts of a whole installation. Reads only; its cost does not grow with what is stored. */
export async function readStatus(
  store: Store,
  { machines }: { readonly machines: readonly ReportedMachine[] },
): Promise<Status> {
  const [stored, totals, { lines, asides }, counters, isUnadopted] = await Promise.all([
    readStates(store),
    store.totals(),
    store.countLines(),
    store.counters(),
    new History(store).isUnadopted(),
  ]);
  const known = machines.map(({ id, states }) => {
    const none = Object.fromEntries(states.map((state) => [state, 0]));
    return [id, { ...none, ...stored[id] }] as const;
  });
  const sources: Record<string, Record<string, number>> = {};
  for (const [field, count] of counters) {
    const [counter = '', source = ''] = field.split(':');
    const name = source === '' ? 'none' : source;
    const counted = sources[name] ?? {};
    sources[name] = { ...counted, [counter]: (counted[counter] ?? 0) + count };
  }
  return {
    states: { ...stored, ...Object.fromEntries(known) },
    ...totals,
    payments: lines - asides,
    sources,
    ...(isUnadopted && { unadopted: true }),
  };
}

/** Everything stored about one chat. */
export async function readChat(
  store: Store,
  chat: number,
  options: {
    machines: readonly (ReportedMachine & { timers: readonly ReportedTimer[] })[];
    /** ms since 1970. Default: the machine's clock. */
    now?: number;
  },
): Promise<ChatReport> {
  const sessions: ChatReport['sessions'] = [];
  for (const machine of options.machines) {
    const { session } = await store.loadSession(machine.id, chat);
    if (session === null) continue;
    const set = await Promise.all(
      machine.timers.map(async ({ names, shownName }) => {
        const dues = await store.timersOf(machine.id, chat, names);
        return { name: shownName, due: dues.find((due) => due !== null) ?? Number.NaN };
      }),
    );
    const timers = set
      .filter(({ due }) => !Number.isNaN(due))
      .sort((a, b) => a.due - b.due)
      .map(({ name, due }) => ({ name, due: new Date(due).toISOString() }));
    sessions.push({ machine: machine.id, state: stateName(session.value), context: session.context, timers });
  }
  const book = await new Ledger(store).book(chat);
  const acts = book.filter(isAct);
  return {
    chat,
    sessions,
    payments: book.filter(isPayment),
    ...(acts.length > 0 && { acts }),
    ...(book.length > 0 && { access: accessOf(book, options.now ?? Date.now()) }),
  };
}
