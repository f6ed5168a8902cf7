import { renewalGrace } from '#club';
import { anna, of, reaches } from './cast.ts';
import type { Person, Subscription } from './people.ts';
import { Violation } from './sentences.ts';
import { pace, price } from './telegram.ts';
import { extraOf, isShut, leastEnd, mostEnd, readmitted } from './truth.ts';
import type { World } from './world.ts';

const day = 86_400_000;

/** @throws Violation when the bot takes money for what is there already, as far as it can know */
async function canPay(world: World, invoice: Person['invoices'][number]): Promise<boolean> {
  world.telegram.checksOut(anna, invoice, price);
  await world.quiet();
  const { approved } = world.telegram;
  const person = of(world);
  const isAllKnown = person.payments.every(({ known, refunded, refundKnown }) =>
    refunded === undefined ? known !== undefined : refundKnown === true,
  );
  if (approved && isAllKnown && extraOf(person, invoice, world.telegram.now) !== undefined)
    throw new Violation('nothing', `${person.name} may pay ${invoice.kind} once more`);
  return approved;
}

export async function pay(
  world: World,
  times: number,
  when: 'now' | 'late' | 'lost',
  index = -1,
): Promise<boolean> {
  const invoice = of(world).invoices.at(index);
  if (invoice === undefined || !reaches(world)) return false;
  // Telegram's list does not tell one that begins as another ends from its renewal: nobody can.
  const looksLikeRenewal = of(world).payments.some(
    ({ payload, until = 0 }) => payload === invoice.payload && Math.abs(until - world.telegram.now) < 4 * day,
  );
  if (when !== 'now' && looksLikeRenewal) return false;
  if (!(await canPay(world, invoice))) return false;
  const isClear = of(world).payments.every(({ known }) => known !== undefined);
  for (let time = 0; time < times; time++) {
    const extra = extraOf(of(world), invoice, world.telegram.now);
    world.telegram.takes(anna, invoice, price, {
      when,
      ...(extra !== undefined && { extra }),
      ...(world.keeps && { keeps: true }),
      ...(isClear && when === 'now' && { clear: true }),
    });
  }
  await world.quiet();
  const { place, link } = of(world);
  const { mood, now } = world.telegram;
  if (
    when === 'now' &&
    mood === 'takes' &&
    leastEnd(of(world)) > now &&
    place === 'out' &&
    link === undefined
  )
    throw new Violation('enter', `${of(world).name} has paid, and gets no link`);
  return true;
}

export async function payOlder(world: World): Promise<boolean> {
  return of(world).invoices.length < 2 ? false : pay(world, 1, 'now', -2);
}

/** The subscription of which Telegram takes the next month soonest. */
export const nextRenewal = (person: Person): Subscription | undefined =>
  person.subscriptions.filter(({ state }) => state === 'active').sort((a, b) => a.until - b.until)[0];

export async function renew(world: World, how: 'now' | 'late' | 'lost' | 'failed'): Promise<boolean> {
  const subscription = nextRenewal(of(world));
  // What is tried again each hour would be tried for a month.
  const isRetrying = [...world.store.timers.keys()].some((id) => id.includes('_retry'));
  if (subscription === undefined || isRetrying || world.isWaiting) return false;
  const { first, payload, until } = subscription;
  await world.until(until);
  // It may have been called off on the way.
  if (of(world).subscriptions.find((one) => one.first === first)?.state !== 'active') return true;
  if (how === 'failed') {
    world.telegram.changeSubscription(anna, first, { state: 'failed' });
    world.telegram.tellsOfSubscription(anna, payload, 'failed');
    return true;
  }
  const begun = of(world).payments.find(({ charge }) => charge === first);
  const hasForEver =
    extraOf(of(world), { payload: '', kind: 'forever', days: 0 }, world.telegram.now) === 'beside';
  const isExtra = begun?.extra !== undefined && readmitted(of(world), begun) === null;
  const extra = isExtra || hasForEver ? 'beside' : undefined;
  const invoice = { payload, kind: 'month', days: 0 } as const;
  world.telegram.takes(anna, invoice, price, { when: how, first, ...(extra !== undefined && { extra }) });
  return true;
}

/** Whether something can be bought at all. */
const isDueToBuy = (world: World): boolean => {
  const person = of(world);
  const { now } = world.telegram;
  if (isShut(person) || person.away === true) return false;
  if (person.payments.some(({ known }) => known === undefined)) return false;
  const most = mostEnd(person);
  if (most === Number.POSITIVE_INFINITY) return false;
  const renews = person.subscriptions.some(
    ({ state, until }) => state !== 'off' && until + renewalGrace > now,
  );
  return !renews || most + renewalGrace < now;
};

/** The person asks for access, or for more of it. */
export async function buy(world: World): Promise<boolean> {
  if (!reaches(world)) return false;
  const isDue = isDueToBuy(world);
  const before = of(world).invoices;
  world.telegram.presses(anna, 'access.requested');
  await world.quiet();
  if (of(world).invoices === before) {
    world.telegram.now += pace;
    world.telegram.presses(anna, 'invoice.requested');
    await world.quiet();
  }
  if (!isDue) return true;
  const invoice = of(world).invoices.at(-1);
  const probe = world.copy();
  if (invoice === undefined || !(await canPay(probe, invoice)))
    throw new Violation('buy', `${of(world).name} asks to buy, and cannot`);
  return true;
}

export function callOff(world: World, isOff: boolean): boolean {
  const found = of(world).subscriptions.findLast(
    ({ state, until }) => until > world.telegram.now && state === (isOff ? 'active' : 'canceled'),
  );
  if (found === undefined) return false;
  const state = isOff ? 'canceled' : 'active';
  world.telegram.changeSubscription(anna, found.first, { state });
  world.telegram.tellsOfSubscription(anna, found.payload, state);
  return true;
}

export function foreign(world: World): boolean {
  if (of(world).payments.some(({ kind }) => kind === 'foreign')) return false;
  world.telegram.takes(anna, { payload: 'order:12345678', kind: 'foreign', days: 0 }, 5);
  return true;
}
