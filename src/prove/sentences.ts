import { renewalGrace } from '#club';
import { month, type Paid, type Person, Violation } from './telegram.ts';
import type { World } from './world.ts';

/** What must hold whenever nothing is left to be done. docs/operator.md says them in words. */
export const sentences = {
  access: 'Who has paid and was not refunded has access',
  more: 'Nobody has access for longer than was paid or granted',
  ended: 'When access is over, the conversations know it',
  inside: 'Nobody is inside the club without access, or the operator knows of it',
  link: 'A link lets in nobody but who has access',
  extra: 'A payment too many goes back, or the operator knows of it',
  refund: 'Money goes back by itself only for what was paid twice, and was told of as it happened',
  debt: 'Every debt is paid, or the operator knows of it',
  off: 'A subscription that gives nothing, or must not go on, is off at Telegram, or the operator knows of it',
  buy: 'Who has no access, or a time that ends, can buy',
  nothing: 'Nobody can pay for what is theirs already',
  enter: 'Who has access can get in, and is not taken out',
  found: 'A payment or refund whose update was lost is found in the list',
  letter: 'No step fails',
  quiet: 'Everything comes to an end',
} as const;
export type Sentence = keyof typeof sentences;

const day = 86_400_000;
/** Dates of Telegram are whole seconds, ms. */
const slack = 120_000;

interface Term {
  readonly at: number;
  /** ms of time that wait while something else covers; below 0: so much was taken back. */
  readonly credit: number;
  /** It covers up to here. */
  readonly until: number;
}

/**
 * When the time that these terms give is over, ms: what covers goes first, credit after it. Told without the program's own
 * rules, by walking along the line of time.
 */
function endOf(terms: readonly Term[]): number {
  const marks = [...new Set(terms.flatMap(({ at, until }) => [at, until]))].sort((a, b) => a - b);
  let credit = 0;
  let over = Number.NEGATIVE_INFINITY;
  for (const [index, mark] of marks.entries()) {
    for (const term of terms) if (term.at === mark) credit = Math.max(0, credit + term.credit);
    const next = marks[index + 1] ?? Number.POSITIVE_INFINITY;
    if (terms.some(({ at, until }) => at <= mark && until > mark)) {
      if (next === Number.POSITIVE_INFINITY) return next;
      over = next;
      continue;
    }
    const used = Math.min(credit, next - mark);
    if (used > 0) over = mark + used;
    credit -= used;
  }
  return over;
}

const lastRevoke = ({ deeds }: Person): number =>
  Math.max(Number.NEGATIVE_INFINITY, ...deeds.flatMap(({ kind, at }) => (kind === 'revoke' ? [at] : [])));

/** Whether an operator keeps the person out. */
export const isShut = ({ deeds }: Person): boolean =>
  deeds.findLast(({ kind }) => kind === 'block' || kind === 'unblock')?.kind === 'block';

const termOf = ({ at, days, kind, until = at }: Paid): Term =>
  kind === 'days'
    ? { at, credit: days * day, until: at }
    : { at, credit: 0, until: kind === 'forever' ? Number.POSITIVE_INFINITY : until };

function grants({ deeds }: Person, since: number): Term[] {
  return deeds
    .filter(({ kind, at }) => kind === 'grant' && at > since)
    .map(({ at, days }) => ({
      at,
      credit: (days ?? 0) * day,
      until: days === undefined ? Number.POSITIVE_INFINITY : at,
    }));
}

/** Access lasts at least until then: by what is surely paid for, known to the bot, and not given back. */
export function leastEnd(person: Person): number {
  if (isShut(person)) return Number.NEGATIVE_INFINITY;
  const since = lastRevoke(person);
  // While the bot does not know of another one, a month may look like one of two subscriptions.
  const isClear = isAllKnown(person);
  // A subscription that began as one too many is the operator's to decide about.
  const isBeside = (first: string | undefined) =>
    person.payments.some(({ charge, extra }) => charge === first && extra !== undefined);
  const counts = person.payments.filter(
    ({ at, known, refunded, extra, kind, first, promised, asked }) =>
      at > since &&
      // What is owed gives nothing; what an operator gives back gives access until it went.
      (promised !== true || asked === 'owe') &&
      known !== undefined &&
      refunded === undefined &&
      extra === undefined &&
      kind !== 'foreign' &&
      (isClear || kind !== 'month') &&
      !isBeside(first),
  );
  const counted = person.payments.flatMap(({ counted: at, refunded, days }): Term[] =>
    at === undefined || at <= since || refunded !== undefined
      ? []
      : [{ at, credit: days > 0 ? days * day : month, until: at }],
  );
  return endOf([...counts.map(termOf), ...counted, ...grants(person, since)]);
}

/** Access lasts at most until then: as if nothing that was paid overlapped, and what went back had stood still till then. */
export function mostEnd(person: Person): number {
  if (isShut(person)) return Number.NEGATIVE_INFINITY;
  const since = lastRevoke(person);
  const terms = person.payments
    .filter(({ kind, at, counted = at }) => kind !== 'foreign' && Math.max(at, counted) > since)
    .flatMap((paid): Term[] => {
      const { at, refunded, refundKnown, extra, kind, until = at, days } = paid;
      if (paid.known === undefined) return [];
      // Too many beside a payment that the bot does not know of: then it counts.
      const isClear = extra !== undefined && isAllKnown(person);
      const from = paid.counted ?? (isClear ? readmitted(person, paid) : at);
      if (from === null) return [];
      if (refunded !== undefined && refundKnown === true) return [{ at, credit: 0, until: refunded }];
      if (kind === 'forever') return [{ at: from, credit: 0, until: Number.POSITIVE_INFINITY }];
      return [{ at: from, credit: kind === 'days' ? days * day : until - at, until: from }];
    });
  const given = grants(person, since).filter(({ credit }) => credit >= 0);
  return endOf([...terms, ...given]);
}

const isAllKnown = ({ payments }: Person): boolean => payments.every(({ known }) => known !== undefined);

/** From when a payment too many may count after all: something that stood in its way is gone, or an operator counted it. */
export function readmitted(person: Person, { at, counted, extra, payload, first }: Paid): number | null {
  if (counted !== undefined) return counted;
  const gone = person.payments.flatMap(({ refunded, payload: other }) =>
    refunded !== undefined && refunded >= at && (extra === 'beside' || other === payload) ? [refunded] : [],
  );
  if (extra === 'beside') {
    for (const { state, first: other } of person.subscriptions)
      if (state !== 'active' && other !== first) gone.push(at);
    for (const { kind, at: time } of person.deeds) if (kind === 'revoke' && time >= at) gone.push(time);
  }
  // What it doubles keeps its own date.
  return gone.length === 0 ? null : extra === 'double' ? at : Math.min(...gone);
}

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
    if (!world.books.has(person.id) && person.place !== 'in' && person.payments.length === 0) continue;
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

/** A subscription that its person would go on paying for nothing, or that an operator or a refund has ended. */
function mustBeOff(person: Person, own: readonly Paid[], now: number): boolean {
  const since = lastRevoke(person);
  const [first] = own;
  const last = own.at(-1);
  if (first === undefined || last === undefined) return false;
  const isBeside = first.extra === 'beside' && readmitted(person, first) === null && isAllKnown(person);
  const isTaken = last.refundKnown === true && (last.until ?? 0) > now;
  const hasForEver =
    person.deeds.some(({ kind, days, at }) => kind === 'grant' && days === undefined && at > since) ||
    person.payments.some(
      ({ kind, refunded, known, at, extra }) =>
        kind === 'forever' &&
        refunded === undefined &&
        known !== undefined &&
        at > since &&
        extra === undefined,
    );
  return isShut(person) || isBeside || isTaken || hasForEver || last.at <= since;
}
