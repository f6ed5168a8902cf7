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

const day = 86_400_000;
/** Telegram renews a subscription around its end: so long it may take to say so, ms. */
export const renewalGrace = day / 4;
/** The time of one payment of a subscription, and how far Telegram's dates may be off, ms. */
const month = 30 * day;
const slack = 3 * day;

export const nobody: Access = { has: false, extras: [], owed: [], callOff: [] };

/**
 * What the entries of a book come to at `now`, whatever order they came in: they are folded by their own dates. Pure.
 * The rules stand as a table in docs/operator.md.
 */
export function accessOf(book: readonly Entry[], now: number): Access {
  if (book.length === 0) return nobody;
  const entries = [...new Map(book.map((entry) => [keyOf(entry), entry])).values()].sort(byDate);
  const fold = new Fold(entries);
  for (const entry of entries) fold.add(entry);
  return fold.access(now);
}

/** By date; of one moment, payments come before what is done about them. */
const byDate = (a: Entry, b: Entry): number =>
  a.at - b.at || rank(a) - rank(b) || (keyOf(a) < keyOf(b) ? -1 : 1);
const rank = (entry: Entry): number => (isAct(entry) ? 1 : entry.direction === 'in' ? 0 : 2);

/** What a payment bought: as noted, else as its invoice says. */
export function boughtBy({ bought, payload }: Pick<Payment, 'bought' | 'payload'>): Bought {
  if (bought !== undefined) return bought;
  const days = Number(/^[^:]*:[^:]*:(\d{1,5}):/.exec(payload)?.[1] ?? 0);
  return days > 0 ? { days } : { forEver: true };
}

/** An invoice buys once; one without a name of its own cannot be told from others. */
const isNamed = (payload: string): boolean => payload.split(':').length >= 4;

/** Days that wait for their turn, or run: ms left. They stand still while a subscription or access for ever covers. */
interface Credit {
  charge: string;
  left: number;
}

interface Subscription {
  readonly payload: string;
  /** The first charge that is known: Telegram names the subscription by it. */
  readonly first: string;
  /** End of the last month that was paid, ms. */
  until: number;
  /** What it covers: its months that were not taken back. */
  months: { charge: string; until: number }[];
  state: 'active' | 'canceled' | 'off';
  /** It was bought while another one went on: none of its payments gives anything. */
  isExtra: boolean;
  /** A month went back, or access was taken: it must not go on. */
  mustEnd: boolean;
  /** Its next month could not be paid. Telegram may try again, but nobody who buys anew pays twice. */
  hasFailed?: boolean;
}

interface Extra {
  readonly payment: Payment;
  /** The payment of the same invoice. */
  readonly doubles?: string;
  readonly subscription?: Subscription;
}

class Fold {
  #at = Number.NEGATIVE_INFINITY;
  #credits: Credit[] = [];
  readonly #forEver = new Set<string>();
  readonly #subscriptions: Subscription[] = [];
  #extras: Extra[] = [];
  /** Invoice → the charge that paid it. */
  readonly #paid = new Map<string, string>();
  readonly #owed = new Set<string>();
  /** What an operator wants to go back: it takes nobody's place. */
  readonly #asked = new Set<string>();
  readonly #voided: ReadonlyMap<string, number>;
  #over: number | undefined;
  /** When access was last taken: nothing that was paid before gives any again. */
  #revoked = Number.NEGATIVE_INFINITY;
  #blocked = false;

  constructor(book: readonly Entry[]) {
    const refunds = book.filter(isPayment).filter(({ direction }) => direction === 'out');
    this.#voided = new Map(refunds.map(({ charge, at }) => [charge, at]));
  }

  add(entry: Entry): void {
    this.#advance(entry.at);
    if (!isAct(entry)) {
      if (entry.direction === 'in') this.#pay(entry);
      else this.#refund(entry);
      return;
    }
    const { kind, charge = '' } = entry;
    if (kind === 'grant') this.#grant(entry);
    else if (kind === 'revoke') this.#revoke(entry.at);
    else if (kind === 'block' || kind === 'unblock') this.#blocked = kind === 'block';
    else if (kind === 'owe') {
      this.#asked.add(charge);
      if (!this.#voided.has(charge)) this.#owed.add(charge);
    } else if (kind === 'keep' || kind === 'returned') {
      if (kind === 'keep') this.#asked.delete(charge);
      this.#owed.delete(charge);
    } else if (kind === 'count') this.#count(charge);
    else this.#turn(entry);
  }

  access(now: number): Access {
    this.#advance(now);
    const cover = this.#cover();
    const left = this.#credits.reduce((sum, credit) => sum + credit.left, 0);
    const forEver = this.#forEver.size > 0;
    const last = Math.max(cover, this.#over ?? Number.NEGATIVE_INFINITY);
    const until = forEver ? undefined : left > 0 ? Math.max(this.#at, cover) + left : last;
    const renews = !forEver && this.#isRenewing(now);
    const ends = until === undefined ? undefined : until + (renews && left === 0 ? renewalGrace : 0);
    // One that its person called off as well: they could take it up again, and of two of one invoice it may be the other.
    const callOff = this.#subscriptions
      .filter(({ state, until: end }) => state !== 'off' && end + slack > now)
      .filter(({ isExtra, mustEnd }) => isExtra || mustEnd || forEver || this.#blocked);
    return {
      has: !this.#blocked && (forEver || (ends ?? 0) > now),
      ...(forEver && { forEver }),
      ...(until !== undefined && Number.isFinite(until) && { until, ends: ends as number }),
      ...(renews && { renews }),
      ...(!renews &&
        this.#subscriptions.some((one) => isResumable(one, now)) && { resumable: true as const }),
      ...(this.#blocked && { blocked: true as const }),
      extras: this.#extras.map(({ payment }) => payment.charge),
      owed: [...this.#owed],
      callOff: callOff.map(({ first }) => first),
    };
  }

  #isRenewing(now: number): boolean {
    return this.#subscriptions.some((one) => !one.isExtra && !one.mustEnd && isGoingOn(one, now));
  }

  /** Time passes: days run while nothing else covers. */
  #advance(to: number): void {
    const from = this.#at;
    if (to <= from) return;
    this.#at = to;
    if (this.#forEver.size > 0 || this.#credits.length === 0) return;
    let at = Math.max(from, this.#cover());
    for (const credit of this.#credits) {
      const used = Math.max(0, Math.min(credit.left, to - at));
      credit.left -= used;
      at += used;
    }
    this.#credits = this.#credits.filter(({ left }) => left > 0);
    if (this.#credits.length === 0) this.#over = at;
  }

  /** Up to when subscriptions cover, ms. */
  #cover(): number {
    const ends = this.#subscriptions.flatMap(({ isExtra, months }) =>
      isExtra ? [] : months.map(({ until }) => until),
    );
    return Math.max(Number.NEGATIVE_INFINITY, ...ends);
  }

  #pay(payment: Payment): void {
    const { charge, at } = payment;
    if (payment.foreign === true || (this.#voided.get(charge) ?? Number.POSITIVE_INFINITY) < at) return;
    if (payment.owed === true && !this.#voided.has(charge)) this.#owed.add(charge);
    const extra = this.#take(payment, at);
    if (extra !== null) this.#extras.push(extra);
  }

  /** @returns what it is when it gives nothing; null when it gives what it bought */
  #take(payment: Payment, at: number): Extra | null {
    const { charge, payload } = payment;
    const bought = boughtBy(payment);
    if ('until' in bought) return this.#takeMonth(payment, bought, at);
    const doubles = isNamed(payload) ? this.#paid.get(payload) : undefined;
    if (doubles !== undefined) return { payment, doubles };
    // What goes back gives nothing, also when one of a later date came before it.
    if (this.#forEver.size > 0 || payment.owed === true) return { payment };
    if ('forEver' in bought) this.#forEver.add(charge);
    else this.#credits.push({ charge, left: bought.days * day });
    this.#paid.set(payload, charge);
    return null;
  }

  #takeMonth(payment: Payment, bought: { until: number; first?: true }, at: number): Extra | null {
    const { charge, payload } = payment;
    const { until } = bought;
    const before = bought.first === true ? undefined : this.#continued(payload, until);
    const subscription = before ?? this.#begin(payment, until, at);
    subscription.hasFailed = false;
    subscription.until = Math.max(subscription.until, until);
    if (subscription.isExtra || this.#forEver.size > 0 || payment.owed === true)
      return { payment, subscription };
    subscription.months.push({ charge, until });
    return null;
  }

  /**
   * The subscription that a payment of this invoice goes on with: several may have been bought by one link. Telegram renews
   * none that the bot called off, so such a one is taken only where there is no other.
   */
  #continued(payload: string, until: number): Subscription | undefined {
    const off = (one: Subscription) => Math.abs(one.until + month - until);
    return this.#subscriptions
      .filter((one) => one.payload === payload)
      .sort(
        (a, b) =>
          Number(a.state === 'off') - Number(b.state === 'off') ||
          off(a) - off(b) ||
          Number(a.isExtra) - Number(b.isExtra),
      )[0];
  }

  #begin({ charge, payload, owed }: Payment, until: number, at: number): Subscription {
    const isExtra =
      owed === true ||
      this.#forEver.size > 0 ||
      this.#subscriptions.some((one) => !one.mustEnd && one.hasFailed !== true && isGoingOn(one, at));
    const cover = this.#cover();
    if (!isExtra && cover > at) {
      // One that was called off still covers: what is left of it waits behind the new one.
      for (const { months } of this.#subscriptions) {
        for (const month of months.splice(0))
          if (month.until === cover) this.#credits.unshift({ charge: month.charge, left: cover - at });
      }
    }
    const subscription: Subscription = {
      payload,
      first: charge,
      until,
      months: [],
      state: 'active',
      isExtra,
      mustEnd: false,
    };
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /** What is left of the payment's time goes, and nothing else. Of two payments for the same, the other one pays for it. */
  #refund({ charge, at }: Payment): void {
    this.#owed.delete(charge);
    if (this.#extras.some(({ payment }) => payment.charge === charge)) {
      this.#extras = this.#extras.filter(({ payment }) => payment.charge !== charge);
      return;
    }
    const heir = this.#extras.find(
      ({ doubles, payment }) => doubles === charge && !this.#asked.has(payment.charge),
    );
    if (heir !== undefined) {
      this.#replace(charge, heir);
      return;
    }
    for (const [payload, paid] of this.#paid) if (paid === charge) this.#paid.delete(payload);
    const had = this.#credits.length > 0;
    this.#forEver.delete(charge);
    this.#credits = this.#credits.filter((credit) => credit.charge !== charge);
    if (had && this.#credits.length === 0) this.#over = at;
    for (const subscription of this.#subscriptions) {
      const taken = subscription.months.find((one) => one.charge === charge);
      if (taken === undefined) continue;
      subscription.months = subscription.months.filter((one) => one !== taken);
      if (taken.until <= at) continue;
      subscription.mustEnd = true;
      this.#over = at;
    }
    this.#readmit(at);
  }

  #replace(charge: string, { payment }: Extra): void {
    this.#extras = this.#extras
      .filter((extra) => extra.payment !== payment)
      .map((extra) => (extra.doubles === charge ? { ...extra, doubles: payment.charge } : extra));
    this.#owed.delete(payment.charge);
    for (const credit of this.#credits) if (credit.charge === charge) credit.charge = payment.charge;
    if (this.#forEver.delete(charge)) this.#forEver.add(payment.charge);
    this.#paid.set(payment.payload, payment.charge);
  }

  /** What stood in the way of payments too many is gone: those that now give something do. */
  #readmit(at: number): void {
    const waiting = this.#extras;
    this.#extras = [];
    for (const extra of waiting) {
      const { payment, subscription } = extra;
      if (this.#owed.has(payment.charge) || payment.at <= this.#revoked) this.#extras.push(extra);
      else if (subscription === undefined) {
        const still = this.#take(payment, at);
        if (still !== null) this.#extras.push(still);
      } else if (this.#forEver.size > 0 || (subscription.isExtra && this.#isRenewing(at)))
        this.#extras.push(extra);
      else {
        subscription.isExtra = false;
        const bought = boughtBy(payment) as { until: number };
        subscription.months.push({ charge: payment.charge, until: bought.until });
      }
    }
  }

  #grant({ id, at, days, until }: Act): void {
    const charge = `~grant:${id}`;
    if (days !== undefined && days < 0) this.#takeBack(-days * day, at);
    else if (days !== undefined) this.#credits.push({ charge, left: days * day });
    else if (until === undefined) this.#forEver.add(charge);
    else {
      const left = this.#credits.reduce((sum, credit) => sum + credit.left, 0);
      const end = Math.max(at, this.#cover()) + left;
      if (until > end) this.#credits.push({ charge, left: until - end });
    }
  }

  /** Days that wait or run go, the latest first; the months of a subscription stay. */
  #takeBack(time: number, at: number): void {
    const had = this.#credits.length > 0;
    let rest = time;
    for (const credit of this.#credits.toReversed()) {
      const taken = Math.min(credit.left, rest);
      credit.left -= taken;
      rest -= taken;
    }
    this.#credits = this.#credits.filter(({ left }) => left > 0);
    if (had && this.#credits.length === 0) this.#over = at;
  }

  #revoke(at: number): void {
    this.#credits = [];
    this.#forEver.clear();
    for (const subscription of this.#subscriptions) {
      subscription.months = [];
      subscription.mustEnd = true;
    }
    this.#revoked = at;
    this.#over = at;
  }

  #count(charge: string): void {
    const extra = this.#extras.find(({ payment }) => payment.charge === charge);
    if (extra === undefined || this.#forEver.size > 0) return;
    const bought = boughtBy(extra.payment);
    this.#extras = this.#extras.filter((one) => one !== extra);
    this.#owed.delete(charge);
    this.#credits.push({ charge, left: 'days' in bought ? bought.days * day : month });
  }

  #turn({ kind, charge, payload, state }: Act): void {
    if (kind === 'off') {
      for (const one of this.#subscriptions) if (one.first === charge) one.state = 'off';
      return;
    }
    if (state !== 'active' && state !== 'canceled' && state !== 'failed') return;
    // Of several of one invoice Telegram does not say which: one that this changes, and of these the one that counts.
    const before = state === 'active' ? 'canceled' : 'active';
    const [one] = this.#subscriptions
      .filter((subscription) => subscription.payload === payload)
      .sort(
        (a, b) =>
          Number(a.state !== before) - Number(b.state !== before) ||
          Number(a.isExtra) - Number(b.isExtra) ||
          b.until - a.until,
      );
    if (one === undefined) return;
    if (state === 'failed') one.hasFailed = true;
    else one.state = state;
  }
}

const isResumable = ({ state, until, isExtra, mustEnd }: Subscription, now: number): boolean =>
  state === 'canceled' && !isExtra && !mustEnd && until > now;

const isGoingOn = ({ state, until, isExtra }: Subscription, now: number): boolean =>
  state === 'active' && !isExtra && until + renewalGrace > now;
