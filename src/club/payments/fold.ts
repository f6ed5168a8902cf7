import {
  type Access,
  type Act,
  boughtBy,
  type Entry,
  isAct,
  isNamed,
  isPayment,
  type Payment,
} from './book.ts';
import { day, month, renewalGrace, type Subscription, Subscriptions } from './subscriptions.ts';

/** Days that wait for their turn, or run: ms left. They stand still while a subscription or access for ever covers. */
interface Credit {
  charge: string;
  left: number;
}

/** A payment too many. */
interface Extra {
  readonly payment: Payment;
  /** The payment of the same invoice. */
  readonly doubles?: string;
  readonly subscription?: Subscription;
}

/** Takes the lines of one book, by their dates, and tells what they come to. */
export class Fold {
  #at = Number.NEGATIVE_INFINITY;
  #credits: Credit[] = [];
  readonly #forEver = new Set<string>();
  readonly #subscriptions = new Subscriptions();
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
    else this.#subscriptions.turn(entry);
  }

  access(now: number): Access {
    this.#advance(now);
    const cover = this.#subscriptions.cover();
    const left = this.#credits.reduce((sum, credit) => sum + credit.left, 0);
    const forEver = this.#forEver.size > 0;
    const last = Math.max(cover, this.#over ?? Number.NEGATIVE_INFINITY);
    const until = forEver ? undefined : left > 0 ? Math.max(this.#at, cover) + left : last;
    const renews = !forEver && this.#subscriptions.isRenewing(now);
    const ends = until === undefined ? undefined : until + (renews && left === 0 ? renewalGrace : 0);
    const callOff = this.#subscriptions.toCallOff(now, forEver || this.#blocked);
    return {
      has: !this.#blocked && (forEver || (ends ?? 0) > now),
      ...(forEver && { forEver }),
      ...(until !== undefined && Number.isFinite(until) && { until, ends: ends as number }),
      ...(renews && { renews }),
      ...(!renews && this.#subscriptions.isResumable(now) && { resumable: true as const }),
      ...(this.#blocked && { blocked: true as const }),
      extras: this.#extras.map(({ payment }) => payment.charge),
      owed: [...this.#owed],
      callOff: callOff.map(({ first }) => first),
    };
  }

  /** Time passes: days run while nothing else covers. */
  #advance(to: number): void {
    const from = this.#at;
    if (to <= from) return;
    this.#at = to;
    if (this.#forEver.size > 0 || this.#credits.length === 0) return;
    let at = Math.max(from, this.#subscriptions.cover());
    for (const credit of this.#credits) {
      const used = Math.max(0, Math.min(credit.left, to - at));
      credit.left -= used;
      at += used;
    }
    this.#credits = this.#credits.filter(({ left }) => left > 0);
    if (this.#credits.length === 0) this.#over = at;
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
    const before = bought.first === true ? undefined : this.#subscriptions.continuedBy(payload, until);
    const subscription = before ?? this.#begin(payment, until, at);
    subscription.hasFailed = false;
    subscription.until = Math.max(subscription.until, until);
    if (subscription.isExtra || this.#forEver.size > 0 || payment.owed === true)
      return { payment, subscription };
    subscription.months.push({ charge, until });
    return null;
  }

  #begin({ charge, payload, owed }: Payment, until: number, at: number): Subscription {
    const isExtra = owed === true || this.#forEver.size > 0 || this.#subscriptions.goesOn(at);
    const cover = this.#subscriptions.cover();
    if (!isExtra && cover > at) {
      // One that was called off still covers: what is left of it waits behind the new one.
      for (const { charge, until } of this.#subscriptions.takeMonths())
        if (until === cover) this.#credits.unshift({ charge, left: cover - at });
    }
    return this.#subscriptions.begin({ payload, first: charge, until, isExtra });
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
    if (this.#subscriptions.takeBack(charge, at)) this.#over = at;
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
      } else if (this.#forEver.size > 0 || (subscription.isExtra && this.#subscriptions.isRenewing(at)))
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
      const end = Math.max(at, this.#subscriptions.cover()) + left;
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
    this.#subscriptions.revoke();
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
}
