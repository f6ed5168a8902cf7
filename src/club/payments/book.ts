/** What a payment bought: days, a time up to an end that Telegram tells (ms), or access for ever. */
export type Bought =
  | { readonly days: number }
  | { readonly until: number; readonly first?: true }
  | { readonly forEver: true };

/** A payment or a refund, as the ledger keeps it. */
export interface Payment {
  readonly charge: string;
  readonly direction: 'in' | 'out';
  readonly chat: number;
  readonly payload: string;
  readonly currency: string;
  /** Minor units; whole Stars for XTR. */
  readonly amount: number;
  /** ms since 1970. */
  readonly at: number;
  readonly providerCharge?: string;
  /** What it bought; one of an earlier release says so by its payload. */
  readonly bought?: Bought;
  /** Something else was sold with this token: it gives nothing here. */
  readonly foreign?: true;
  /** It came twice, and must go back. */
  readonly owed?: true;
  /** Found in Telegram's list: by the bot, or when an operator took that list over. */
  readonly found?: true;
  readonly adopted?: true;
  /** Stars that went to who had brought the person. */
  readonly commission?: number;
  /** It is recorded, and the step that would have granted access failed: see `turnstile dead`. */
  readonly ungranted?: true;
}

/**
 * What an operator, the person or the bot did to somebody's access or debts.
 *
 * `grant` gives `days` (below 0: takes so many back), a time up to `until`, or access for ever; `revoke` takes all that there is; `block` shuts the door
 * and the till until `unblock`. `owe` says that a payment must go back, `keep` that it need not, `returned` that Telegram
 * took the refund; `count` turns a payment too many into time. `subscription` is what Telegram tells of one, `off` that
 * the bot called it off.
 */
export interface Act {
  readonly kind: (typeof actKinds)[number];
  /** Names it among the acts of its kind. */
  readonly id: string;
  readonly chat: number;
  /** ms since 1970. */
  readonly at: number;
  /** Who did it: a user id, or `cli`. */
  readonly by?: number | string;
  readonly reason?: string;
  readonly days?: number;
  readonly until?: number;
  /** The payment that it is about; of a subscription, its first one. */
  readonly charge?: string;
  /** The invoice of a subscription. */
  readonly payload?: string;
  readonly state?: string;
}

export const actKinds = [
  'grant',
  'revoke',
  'block',
  'unblock',
  'owe',
  'keep',
  'count',
  'returned',
  'subscription',
  'off',
] as const;

/** One line of a person's book: kept for ever, once per key. */
export type Entry = Payment | Act;

export const isAct = (entry: Entry): entry is Act => 'kind' in entry;

/** A payment or a refund. */
export const isPayment = (entry: Entry): entry is Payment => !isAct(entry);

/** Money that came in. */
export const isPaid = (entry: Entry): entry is Payment => isPayment(entry) && entry.direction === 'in';

/** Charges that went back. */
export const refundedIn = (book: readonly Entry[]): ReadonlySet<string> =>
  new Set(book.filter(isPayment).flatMap(({ charge, direction }) => (direction === 'out' ? [charge] : [])));

/** Entries by whose book they stand in. */
export function booksOf(entries: readonly Entry[]): Map<number, Entry[]> {
  const books = new Map<number, Entry[]>();
  for (const entry of entries) {
    const book = books.get(entry.chat);
    if (book === undefined) books.set(entry.chat, [entry]);
    else book.push(entry);
  }
  return books;
}

/** `<charge>` for a payment, `<charge>:out` for its refund, `~<kind>:<id>` for an act: once per key. */
export function keyOf(entry: Entry): string {
  if (isAct(entry)) return `~${entry.kind}:${entry.id}`;
  return entry.direction === 'in' ? entry.charge : `${entry.charge}:out`;
}

/** What a payment bought: as noted, else as its invoice says. */
export function boughtBy({ bought, payload }: Pick<Payment, 'bought' | 'payload'>): Bought {
  if (bought !== undefined) return bought;
  const days = Number(/^[^:]*:[^:]*:(\d{1,5}):/.exec(payload)?.[1] ?? 0);
  return days > 0 ? { days } : { forEver: true };
}

/** An invoice buys once; one without a name of its own cannot be told from others. */
export const isNamed = (payload: string): boolean => payload.split(':').length >= 4;

/** What a person's book comes to. */
export interface Access {
  /** They may be inside now. */
  readonly has: boolean;
  /** It has no end. */
  readonly forEver?: true;
  /** End of the time, ms; absent for ever, and where there never was any. */
  readonly until?: number;
  /** When access is over, ms: a subscription that goes on by itself is waited for. */
  readonly ends?: number;
  /** A subscription goes on by itself. */
  readonly renews?: true;
  /** One was called off by its person, who can take it up again. */
  readonly resumable?: true;
  /** An operator has shut the door. */
  readonly blocked?: true;
  /** Charges of payments that give nothing, since what they buy was there already. */
  readonly extras: readonly string[];
  /** Charges that must go back. */
  readonly owed: readonly string[];
  /** First charges of subscriptions that must not go on, and still do. */
  readonly callOff: readonly string[];
}

export const nobody: Access = { has: false, extras: [], owed: [], callOff: [] };
