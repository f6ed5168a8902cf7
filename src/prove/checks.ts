import { renewalGrace } from '#club';
import type { Paid, Person } from './people.ts';
import { Violation } from './sentences.ts';
import { isAllKnown, lastRevoke, leastEnd, mostEnd, mustBeOff, readmitted } from './truth.ts';
import type { World } from './world.ts';

const day = 86_400_000;
/** Dates of Telegram are whole seconds, ms. */
const slack = 120_000;
/** A payment that the bot gives back by itself, or may. */
const isDouble = ({ extra, known, kind, keeps }: Paid): boolean =>
  extra !== undefined && known === 'update' && kind !== 'foreign' && keeps !== true;

/** @throws Violation when the bot gives back what nobody asked it to */
export function checkRefund(person: Person, charge: string): void {
  const paid = person.payments.find((one) => one.charge === charge);
  // Once more is harmless: Telegram says that it went back before.
  if (paid === undefined || paid.asked === 'owe' || paid.refunded !== undefined) return;
  if (paid.asked === 'keep')
    throw new Violation('refund', `${charge} goes back, and an operator dropped that`);
  if (paid.promised === true) return;
  if (paid.known === 'list') throw new Violation('refund', `${charge} was found in a list, and goes back`);
  // Of two payments for the same it does not matter which goes back.
  if (!person.payments.some((one) => isDouble(one) && one.refunded === undefined))
    throw new Violation('refund', `${charge} goes back, and nobody asked for it`);
}

/** @throws Violation when the bot calls off what should go on */
export function checkCallOff(person: Person, charge: string, now: number): void {
  const own = person.payments.filter(({ first }) => first === charge);
  const last = own.at(-1);
  // A month went back, or access was taken, at any time: it was to end then.
  const isTaken = own.some(
    ({ refunded, until = 0, at }) => (refunded !== undefined && refunded < until) || at <= lastRevoke(person),
  );
  // Of two subscriptions it does not matter which is too many, when they began in one second or the older was heard of later.
  const isTwin = person.payments.some(
    ({ at, first, extra }) =>
      first !== undefined && first !== charge && (at === own[0]?.at || extra === 'beside'),
  );
  if (last === undefined || own[0]?.extra !== undefined || isTaken || isTwin || !isAllKnown(person)) return;
  if (!mustBeOff(person, own, now)) throw new Violation('off', `the subscription by ${charge} is called off`);
}

/** @throws Violation when the bot takes out who has access */
export function checkRemoval(person: Person, now: number): void {
  if (leastEnd(person) > now + slack)
    throw new Violation('enter', `${person.name} has access, and is taken out`);
}

/** @throws Violation */
export function checkSentences(world: World): void {
  const { telegram } = world;
  for (const person of telegram.people) {
    if (!world.store.books.has(person.id) && person.place !== 'in' && person.payments.length === 0) continue;
    checkTime(world, person);
    if (telegram.mood === 'slow' && world.isWaiting) continue;
    checkPlace(world, person);
    checkMoney(world, person);
  }
}

const shown = (end: number, now: number): string =>
  Number.isFinite(end) ? `in ${((end - now) / day).toFixed(2)} days` : end > 0 ? 'never' : 'long ago';

function checkTime(world: World, person: Person): void {
  const { now } = world.telegram;
  const access = world.accessOf(person.id);
  const end = access.forEver === true ? Number.POSITIVE_INFINITY : (access.until ?? Number.NEGATIVE_INFINITY);
  const least = leastEnd(person);
  const most = mostEnd(person);
  const name = person.name;
  if (least > now && (!access.has || end < least - slack))
    throw new Violation(
      'access',
      `access of ${name} ends ${shown(end, now)}, paid for until ${shown(least, now)}`,
    );
  const isGoingOn = person.subscriptions.some(({ state }) => state === 'active' || state === 'failed');
  const latest = most + (isGoingOn ? renewalGrace : 0) + slack;
  if (access.has && (latest < now || end > Math.max(most, now) + slack + (isGoingOn ? renewalGrace : 0)))
    throw new Violation(
      'more',
      `access of ${name} ends ${shown(end, now)}, paid for until ${shown(most, now)}`,
    );
  const selling = world.stateOf('access', person.id);
  const isPaid = selling === 'paid' || selling === 'topic_selected';
  if (access.has && least > now && !isPaid)
    throw new Violation('access', `the conversation with ${name} stands in ${String(selling)}`);
  const isLongOver = most + graceOf(person, most) + slack < now;
  if (isLongOver && isPaid)
    throw new Violation(
      'ended',
      `the conversation with ${name} stands in ${String(selling)}, and access is over`,
    );
  const membership = world.stateOf('membership', person.id);
  const isMember = typeof membership === 'object' && membership !== null && 'active' in membership;
  if (isLongOver && isMember)
    throw new Violation('ended', `the membership of ${name} goes on, and access is over`);
  if (
    access.has &&
    least > now &&
    !isMember &&
    !(world.telegram.mood === 'slow' && world.isWaiting) &&
    membership !== 'removal_trouble'
  )
    throw new Violation('access', `the membership of ${name} stands in ${JSON.stringify(membership)}`);
}

/** A subscription is waited for, and its deadline stands where it did when it was called off meanwhile. */
const graceOf = ({ payments }: Person, end: number): number =>
  payments.some(({ until = 0 }) => Math.abs(until - end) < day) ? renewalGrace : 0;

function checkPlace(world: World, person: Person): void {
  const { now, mood } = world.telegram;
  const membership = world.stateOf('membership', person.id);
  const isBarred = typeof membership === 'object' && membership !== null && membership['active'] === 'barred';
  if (isBarred && person.told !== true)
    throw new Violation('enter', `${person.name} has access and is banned, and nobody knows`);
  if (person.bannedBy === 'bot' && person.told !== true && mood !== 'refuses')
    throw new Violation('enter', `${person.name} was taken out, and stays banned`);
  if (person.place !== 'in' || person.told === true) return;
  const most = mostEnd(person);
  if (most + graceOf(person, most) + slack < now)
    throw new Violation('inside', `${person.name} is inside, and access is over ${shown(most, now)}`);
}

function checkMoney(world: World, person: Person): void {
  const { telegram } = world;
  const { name, payments, subscriptions } = person;
  const paying = world.stateOf('refunds', person.id);
  const isPaying = paying !== null && paying !== 'settled';
  for (const paid of payments) {
    const { charge, known, refunded, extra, told, asked, kind } = paid;
    if (known === undefined || refunded !== undefined || kind === 'foreign') continue;
    if (asked === 'owe' && !isPaying)
      throw new Violation('debt', `${name} is owed ${charge}, and nothing is done`);
    if (asked === 'owe' && told !== true)
      throw new Violation('debt', `${name} waits for ${charge}, and nobody knows`);
    // Beside a payment that the bot does not know of yet, it is none too many to it.
    if (!isAllKnown(person)) continue;
    const isTooMany = extra !== undefined && readmitted(person, paid) === null;
    if (!isTooMany || asked !== undefined || isPaying) continue;
    if (told !== true) throw new Violation('extra', `${charge} of ${name} bought nothing, and nobody knows`);
    if (isDouble(paid) && paid.clear === true && telegram.mood === 'takes')
      throw new Violation('extra', `${charge} of ${name} bought nothing, and does not go back`);
  }
  if (isPaying) return;
  for (const { first, state } of subscriptions) {
    const own = payments.filter((paid) => paid.first === first);
    const isKnown = own.every((paid) => paid.known !== undefined);
    if (state === 'active' && isKnown && mustBeOff(person, own, telegram.now))
      throw new Violation('off', `the subscription of ${name} by ${first} goes on at Telegram`);
  }
}
