import type { Act } from './book.ts';

export const day = 86_400_000;
/** Telegram renews a subscription around its end: so long it may take to say so, ms. */
export const renewalGrace = day / 4;
/** The time of one payment of a subscription, ms. */
export const month = 30 * day;
/** How far Telegram's dates may be off, ms. */
const slack = 3 * day;

export interface Subscription {
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

const isGoingOn = ({ state, until, isExtra }: Subscription, now: number): boolean =>
  state === 'active' && !isExtra && until + renewalGrace > now;

/** The subscriptions of one book, in the order in which they began. */
export class Subscriptions {
  readonly #all: Subscription[] = [];

  /** Up to when they cover, ms. */
  cover(): number {
    const ends = this.#all.flatMap(({ isExtra, months }) =>
      isExtra ? [] : months.map(({ until }) => until),
    );
    return Math.max(Number.NEGATIVE_INFINITY, ...ends);
  }

  isRenewing(now: number): boolean {
    return this.#all.some((one) => !one.mustEnd && isGoingOn(one, now));
  }

  /** Whether one goes on that Telegram could still take the next month of: another one would be too many. */
  goesOn(now: number): boolean {
    return this.#all.some((one) => !one.mustEnd && one.hasFailed !== true && isGoingOn(one, now));
  }

  isResumable(now: number): boolean {
    return this.#all.some(
      ({ state, until, isExtra, mustEnd }) => state === 'canceled' && !isExtra && !mustEnd && until > now,
    );
  }

  /**
   * Those that must not go on at Telegram, also when their person called them off: they could take one up again, and of two
   * of one invoice it may be the other.
   * @param areAll none of them may go on
   */
  toCallOff(now: number, areAll: boolean): Subscription[] {
    return this.#all
      .filter(({ state, until }) => state !== 'off' && until + slack > now)
      .filter(({ isExtra, mustEnd }) => isExtra || mustEnd || areAll);
  }

  /**
   * The one that a payment of this invoice goes on with: several may have been bought by one link. Telegram renews none that
   * the bot called off, so such a one is taken only where there is no other.
   */
  continuedBy(payload: string, until: number): Subscription | undefined {
    const off = (one: Subscription) => Math.abs(one.until + month - until);
    return this.#all
      .filter((one) => one.payload === payload)
      .sort(
        (a, b) =>
          Number(a.state === 'off') - Number(b.state === 'off') ||
          off(a) - off(b) ||
          Number(a.isExtra) - Number(b.isExtra),
      )[0];
  }

  begin(begun: Pick<Subscription, 'payload' | 'first' | 'until' | 'isExtra'>): Subscription {
    const subscription: Subscription = { ...begun, months: [], state: 'active', mustEnd: false };
    this.#all.push(subscription);
    return subscription;
  }

  /** None of them covers any more. @returns the months that did */
  takeMonths(): Subscription['months'] {
    return this.#all.flatMap(({ months }) => months.splice(0));
  }

  /** A month goes back. @returns whether some of it was left: then its subscription must end */
  takeBack(charge: string, at: number): boolean {
    let isCut = false;
    for (const one of this.#all) {
      const taken = one.months.find((month) => month.charge === charge);
      if (taken === undefined) continue;
      one.months = one.months.filter((month) => month !== taken);
      if (taken.until <= at) continue;
      one.mustEnd = true;
      isCut = true;
    }
    return isCut;
  }

  revoke(): void {
    for (const one of this.#all) {
      one.months = [];
      one.mustEnd = true;
    }
  }

  /** What Telegram tells of one, or that the bot called it off. */
  turn({ kind, charge, payload, state }: Act): void {
    if (kind === 'off') {
      for (const one of this.#all) if (one.first === charge) one.state = 'off';
      return;
    }
    if (state !== 'active' && state !== 'canceled' && state !== 'failed') return;
    // Of several of one invoice Telegram does not say which: one that this changes, and of these the one that counts.
    const before = state === 'active' ? 'canceled' : 'active';
    const [one] = this.#all
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
