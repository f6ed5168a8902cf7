import { type Act, arrivalByHand, renewalGrace } from '#club';
import type { MachineEvent } from '#runtime';
import { isShut, leastEnd, mostEnd, readmitted } from './sentences.ts';
import { operatorId, type Paid, type Person, type Subscription, Violation } from './telegram.ts';
import { isIdle, price, type Sale, sales, type World } from './world.ts';

/** Something that a person, an operator, Telegram or time does. */
export interface Action {
  /** As a file of a counterexample names it. */
  readonly id: string;
  readonly name: string;
  /** 1 for what happens every day; what is rarer weighs more, and fewer of them are tried together. */
  readonly weight: number;
  /** Does it, without waiting for what follows. @returns false when it cannot be done now */
  readonly act: (world: World) => Promise<boolean> | boolean;
}

/** The two people: the second comes only by a link that the first has passed on. */
export const anna = 101;
export const boris = 102;

const day = 86_400_000;
/** So much time passes with each action: longer than the bot waits before it answers the same again, ms. */
export const pace = 61_000;

const of = (world: World): Person => world.telegram.person(anna);
const reaches = (world: World): boolean => of(world).away !== true;

/** What an operator does by hand. */
function byHand(world: World, event: MachineEvent, line: Pick<Act, 'kind' | 'charge' | 'days'>): string {
  const id = `i${world.telegram.next++}`;
  const entry = { id, chat: anna, at: world.telegram.now, by: operatorId, ...line };
  world.arrive(arrivalByHand({ ...world.rules.facts, ...event, by: operatorId }, entry));
  return id;
}

/** What an operator does to access. @returns false when the bot refuses it */
async function change(
  world: World,
  act: 'grant' | 'revoke' | 'block' | 'unblock',
  days?: number,
): Promise<boolean> {
  const at = world.telegram.now;
  const time = days === undefined ? {} : { days };
  const isTaking = days !== undefined && days < 0;
  const gives = (act === 'grant' && !isTaking) || act === 'unblock';
  const type = gives ? 'access.granted' : 'access.revoked';
  const id = byHand(world, { type, act: isTaking ? 'extend' : act }, { kind: act, ...time });
  // Whether it counts must be known before what follows from it is judged.
  const before = of(world).deeds;
  world.telegram.change(anna, { deeds: [...before, { kind: act, at, ...time }] });
  await world.quiet();
  if (isTaken(world, id)) return true;
  world.telegram.change(anna, { deeds: before });
  return false;
}

/** Whether the bot has written a line that an operator asked for: it refuses what would come to nothing. */
const isTaken = (world: World, id: string): boolean =>
  world.books.get(anna)?.some((entry) => 'id' in entry && entry.id === id) === true;

/** @throws Violation when the bot takes money for what is there already, as far as it can know */
async function canPay(world: World, invoice: Person['invoices'][number]): Promise<boolean> {
  world.telegram.checksOut(anna, invoice, price);
  await world.quiet();
  const { approved } = world.telegram;
  const person = of(world);
  const isAllKnown = person.payments.every(({ known, refunded, refundKnown }) =>
    refunded === undefined ? known !== undefined : refundKnown === true,
  );
  if (approved && isAllKnown && extraOf(person, invoice, world) !== undefined)
    throw new Violation('nothing', `${person.name} may pay ${invoice.kind} once more`);
  return approved;
}

/** What a payment would be too many for, as things really are. */
function extraOf(person: Person, invoice: Person['invoices'][number], world: World): Paid['extra'] {
  const since = Math.max(
    Number.NEGATIVE_INFINITY,
    ...person.deeds.flatMap(({ kind, at }) => (kind === 'revoke' ? [at] : [])),
  );
  const valid = person.payments.filter(({ refunded, at }) => refunded === undefined && at > since);
  const { kind, payload } = invoice;
  if (
    kind !== 'month' &&
    person.payments.some((one) => one.payload === payload && one.refunded === undefined)
  )
    return 'double';
  const isForEver =
    valid.some((one) => one.kind === 'forever' && one.extra === undefined) ||
    person.deeds.some((one) => one.kind === 'grant' && one.days === undefined && one.at > since);
  if (isForEver) return 'beside';
  const goesOn = person.subscriptions.some(
    ({ state, first, until }) =>
      state === 'active' &&
      until + renewalGrace > world.telegram.now &&
      valid.some((one) => one.first === first && one.extra === undefined),
  );
  return kind === 'month' && goesOn ? 'beside' : undefined;
}

async function pay(world: World, times: number, when: 'now' | 'late' | 'lost', index = -1): Promise<boolean> {
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
    const extra = extraOf(of(world), invoice, world);
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

/** The subscription of which Telegram takes the next month soonest. */
const nextRenewal = (person: Person): Subscription | undefined =>
  person.subscriptions.filter(({ state }) => state === 'active').sort((a, b) => a.until - b.until)[0];

async function renew(world: World, how: 'now' | 'late' | 'lost' | 'failed'): Promise<boolean> {
  const subscription = nextRenewal(of(world));
  // What is tried again each hour would be tried for a month.
  const isRetrying = [...world.timers.keys()].some((id) => id.includes('_retry'));
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
  const hasForEver = extraOf(of(world), { payload: '', kind: 'forever', days: 0 }, world) === 'beside';
  const isExtra = begun?.extra !== undefined && readmitted(of(world), begun) === null;
  const extra = isExtra || hasForEver ? 'beside' : undefined;
  const invoice = { payload, kind: 'month', days: 0 } as const;
  world.telegram.takes(anna, invoice, price, { when: how, first, ...(extra !== undefined && { extra }) });
  return true;
}

/** To the next moment that changes something of money or door; what is due on the way happens. */
async function wait(world: World): Promise<boolean> {
  // No call is on its way for days.
  if (world.isWaiting) return false;
  const { now } = world.telegram;
  const most = mostEnd(of(world));
  // A little later than an end, so that what was to happen there has happened.
  const ends = [leastEnd(of(world)), most, most + renewalGrace].map((end) => end + 3 * pace);
  const timers = [...world.timers].filter(([id]) => !isIdle(id)).map(([, due]) => due);
  const next = Math.min(...[...timers, ...ends].filter((time) => time > now && Number.isFinite(time)));
  const idle = [...world.timers.values()].filter((due) => due > now && due < now + 40 * day);
  const time = Number.isFinite(next) ? next : idle.length > 0 ? Math.max(...idle) : 0;
  const renewal = nextRenewal(of(world));
  if (time === 0 || (renewal !== undefined && renewal.until <= time)) return false;
  for (const { first, until, state } of of(world).subscriptions)
    if ((state === 'canceled' || state === 'off') && until <= time)
      world.telegram.changeSubscription(anna, first, { state: 'ended' });
  await world.until(time);
  const isInTrouble = world.stateOf('membership', anna) === 'removal_trouble';
  if (isInTrouble && of(world).place === 'in' && world.telegram.mood === 'takes')
    throw new Violation('inside', `${of(world).name} is not taken out, and Telegram would do it`);
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
async function buy(world: World): Promise<boolean> {
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

/** The person asks for the link to the club, and uses it. */
async function join(world: World): Promise<boolean> {
  const person = of(world);
  const { mood, now } = world.telegram;
  if (!reaches(world) || person.place === 'in') return false;
  if (person.place === 'banned' && person.bannedBy === 'admin' && person.link === undefined) return false;
  world.telegram.says(anna, '/club');
  await world.quiet();
  const { link } = of(world);
  if (link !== undefined) world.telegram.follows(anna, link);
  await world.quiet();
  const isFree = (mood === 'takes' || mood === 'twice') && person.bannedBy !== 'admin';
  if (isFree && leastEnd(person) > now + day && of(world).place !== 'in')
    throw new Violation('enter', `${person.name} has access, and cannot get in`);
  return link !== undefined;
}

function refund(world: World, index: number): boolean {
  const open = of(world).payments.filter(({ refunded }) => refunded === undefined);
  const paid = open.at(index);
  if (paid === undefined || (index !== -1 && open.length < 2)) return false;
  world.telegram.givesBack(anna, paid.charge, price);
  return true;
}

function owe(world: World): boolean {
  const paid = of(world).payments.findLast(
    ({ refunded, known, asked, kind }) =>
      refunded === undefined && known !== undefined && asked === undefined && kind !== 'foreign',
  );
  if (paid === undefined) return false;
  world.telegram.changePaid(anna, paid.charge, { asked: 'owe' });
  byHand(world, { type: 'debt.added', charge: paid.charge }, { kind: 'owe', charge: paid.charge });
  return true;
}

function keep(world: World): boolean {
  const { owed = [] } = world.books.has(anna) ? world.accessOf(anna) : {};
  const [charge] = owed;
  // A call that is on its way is not called back.
  if (charge === undefined || world.isWaiting) return false;
  world.telegram.changePaid(anna, charge, { asked: 'keep' });
  byHand(world, { type: 'debt.dropped', charge }, { kind: 'keep', charge });
  return true;
}

async function count(world: World): Promise<boolean> {
  const before = of(world).payments.find(
    ({ extra, refunded, known, counted }) =>
      extra !== undefined && refunded === undefined && known !== undefined && counted === undefined,
  );
  if (before === undefined || world.isWaiting) return false;
  const { charge } = before;
  world.telegram.changePaid(anna, charge, { counted: world.telegram.now, asked: 'keep' });
  const id = byHand(world, { type: 'access.granted', act: 'count' }, { kind: 'count', charge });
  await world.quiet();
  if (isTaken(world, id)) return true;
  const { payments } = of(world);
  world.telegram.change(anna, { payments: payments.map((one) => (one.charge === charge ? before : one)) });
  return false;
}

/** /forget, and the button under its question. */
async function forget(world: World): Promise<boolean> {
  if (!reaches(world)) return false;
  world.telegram.says(anna, '/forget');
  await world.quiet();
  world.telegram.presses(anna, 'forget.confirmed');
  const revoke = { kind: 'revoke', at: world.telegram.now } as const;
  world.telegram.change(anna, { deeds: [...of(world).deeds, revoke] });
  return true;
}

function callOff(world: World, isOff: boolean): boolean {
  const found = of(world).subscriptions.findLast(
    ({ state, until }) => until > world.telegram.now && state === (isOff ? 'active' : 'canceled'),
  );
  if (found === undefined) return false;
  const state = isOff ? 'canceled' : 'active';
  world.telegram.changeSubscription(anna, found.first, { state });
  world.telegram.tellsOfSubscription(anna, found.payload, state);
  return true;
}

/** Telegram forgets what it could not deliver within a day. */
function deliver(world: World): boolean {
  const since = (world.telegram.now - day) / 1_000;
  const { late } = of(world);
  const kept = late.filter(({ message }) => (message?.date ?? 0) > since);
  if (late.length > 0) world.telegram.change(anna, { late: [] });
  for (const update of kept) world.update(update);
  return kept.length > 0;
}

async function compareLists(world: World): Promise<boolean> {
  if (world.telegram.transactions.length === world.compared) return false;
  await world.compareLists();
  await world.quiet();
  const missing = of(world).payments.find(
    ({ known, refunded, refundKnown }) =>
      known === undefined || (refunded !== undefined && refundKnown !== true),
  );
  if (missing !== undefined) throw new Violation('found', `${missing.charge} is not found`);
  return true;
}

function blockBot(world: World): boolean {
  const { away, ...person } = of(world);
  world.telegram.people = world.telegram.people.map((one) =>
    one.id === anna ? (away === true ? person : { ...person, away: true as const }) : one,
  );
  const user = world.telegram.userOf(anna);
  const status = (isAway: boolean) => ({ user, status: isAway ? 'kicked' : 'member', until_date: 0 });
  world.telegram.tell(anna, {
    my_chat_member: {
      chat: { id: anna, type: 'private', first_name: person.name },
      from: user,
      date: 0,
      old_chat_member: status(away === true),
      new_chat_member: status(away !== true),
    },
  });
  return true;
}

function sell(world: World, sale: Sale): boolean {
  if (world.sale === sale) return false;
  world.sale = sale;
  return true;
}

async function turn(world: World, mood: World['telegram']['mood']): Promise<boolean> {
  const { telegram } = world;
  const before = telegram.mood;
  telegram.mood = before === mood ? 'takes' : mood;
  // What was on its way is answered now, whatever has happened meanwhile.
  telegram.isCatchingUp = before === 'slow';
  await world.quiet();
  telegram.isCatchingUp = false;
  return true;
}

function foreign(world: World): boolean {
  if (of(world).payments.some(({ kind }) => kind === 'foreign')) return false;
  world.telegram.takes(anna, { payload: 'order:12345678', kind: 'foreign', days: 0 }, 5);
  return true;
}

async function friendJoins(world: World): Promise<boolean> {
  const { link } = of(world);
  if (link === undefined || world.telegram.person(boris).place === 'in') return false;
  if (!world.telegram.links.some(({ name }) => name === link)) return false;
  world.telegram.follows(boris, link);
  await world.quiet();
  if (world.telegram.person(boris).place === 'in')
    throw new Violation('link', 'Boris came in by a link that was given to Anna');
  return true;
}

/** By an administrator, a folder of chats, or the owner's own link: the bot is not asked. */
function isBrought(world: World): boolean {
  if (world.telegram.person(boris).place === 'in') return false;
  world.telegram.moves(boris, 'in', 'admin');
  return true;
}

/** The button under the message that somebody who has access is banned. */
function admit(world: World): boolean {
  if (of(world).bannedBy !== 'admin') return false;
  world.arrive({
    update: 0,
    chat: anna,
    lane: 'reply',
    event: { ...world.rules.facts, type: 'member.admitted', by: operatorId },
    fromOperator: true,
    elsewhere: true,
  });
  return true;
}

function leaves(world: World, id: number): boolean {
  if (world.telegram.person(id).place !== 'in') return false;
  world.telegram.moves(id, 'out', id);
  return true;
}

function ban(world: World): boolean {
  const { place, bannedBy } = of(world);
  if (place === 'banned' && bannedBy !== 'admin') return false;
  world.telegram.moves(anna, place === 'banned' ? 'out' : 'banned', 'admin');
  return true;
}

export const actions: readonly Action[] = [
  { id: 'buy', name: 'Anna asks to buy', weight: 1, act: buy },
  { id: 'pay', name: 'Anna pays the newest invoice', weight: 1, act: (world) => pay(world, 1, 'now') },
  { id: 'wait', name: 'time goes on to the next deadline', weight: 1, act: wait },
  { id: 'renew', name: 'Telegram renews the subscription', weight: 1, act: (world) => renew(world, 'now') },
  { id: 'join', name: 'Anna asks for the link and joins', weight: 1, act: join },
  { id: 'topic', name: 'Anna chooses a topic', weight: 2, act: topic },
  { id: 'pay-older', name: 'Anna pays an older invoice', weight: 2, act: payOlder },
  {
    id: 'pay-twice',
    name: 'Anna pays the same invoice twice at once',
    weight: 2,
    act: (world) => pay(world, 2, 'now'),
  },
  {
    id: 'pay-lost',
    name: 'Anna pays, and the update is lost',
    weight: 2,
    act: (world) => pay(world, 1, 'lost'),
  },
  {
    id: 'pay-late',
    name: 'Anna pays, and the update is late',
    weight: 3,
    act: (world) => pay(world, 1, 'late'),
  },
  {
    id: 'refund-newest',
    name: 'Telegram refunds the newest payment',
    weight: 2,
    act: (world) => refund(world, -1),
  },
  {
    id: 'refund-oldest',
    name: 'Telegram refunds the oldest payment',
    weight: 2,
    act: (world) => refund(world, 0),
  },
  { id: 'owe', name: 'the operator refunds the newest payment', weight: 2, act: owe },
  { id: 'keep', name: 'the operator drops a refund', weight: 1, act: keep },
  { id: 'count', name: 'the operator counts a payment too many as time', weight: 1, act: count },
  {
    id: 'renew-lost',
    name: 'Telegram renews, and the update is lost',
    weight: 2,
    act: (world) => renew(world, 'lost'),
  },
  {
    id: 'renew-late',
    name: 'Telegram renews, and the update is late',
    weight: 3,
    act: (world) => renew(world, 'late'),
  },
  { id: 'renew-failed', name: 'the renewal fails', weight: 2, act: (world) => renew(world, 'failed') },
  {
    id: 'call-off',
    name: 'Anna calls the subscription off',
    weight: 2,
    act: (world) => callOff(world, true),
  },
  {
    id: 'take-up',
    name: 'Anna takes the subscription up again',
    weight: 1,
    act: (world) => callOff(world, false),
  },
  { id: 'compare', name: 'the lists are compared', weight: 1, act: compareLists },
  { id: 'deliver', name: 'late updates arrive', weight: 1, act: deliver },
  { id: 'block-bot', name: 'Anna blocks the bot, or takes it back', weight: 2, act: blockBot },
  { id: 'forget', name: 'Anna deletes everything by /forget', weight: 3, act: forget },
  { id: 'grant', name: 'the operator grants 30 days', weight: 2, act: (world) => change(world, 'grant', 30) },
  {
    id: 'take-days',
    name: 'the operator takes 10 days back',
    weight: 3,
    act: (world) => change(world, 'grant', -10),
  },
  {
    id: 'grant-forever',
    name: 'the operator grants access for ever',
    weight: 3,
    act: (world) => change(world, 'grant'),
  },
  { id: 'revoke', name: 'the operator revokes access', weight: 3, act: (world) => change(world, 'revoke') },
  {
    id: 'shut',
    name: 'the operator shuts the door, or opens it again',
    weight: 2,
    act: (world) => change(world, isShut(of(world)) ? 'unblock' : 'block'),
  },
  ...sales.map((sale) => ({
    id: `sell-${sale}`,
    name: `the operator sells ${sale}`,
    weight: 2,
    act: (world: World) => sell(world, sale),
  })),
  { id: 'leave', name: 'Anna leaves the club', weight: 2, act: (world) => leaves(world, anna) },
  { id: 'ban', name: 'an administrator bans Anna, or lifts the ban', weight: 2, act: ban },
  { id: 'pass-on', name: 'Boris uses the link that Anna passed on', weight: 2, act: friendJoins },
  { id: 'bring', name: 'Boris is brought into the club by another', weight: 3, act: isBrought },
  { id: 'admit', name: 'the operator lets Anna in, who was banned', weight: 1, act: admit },
  { id: 'friend-leaves', name: 'Boris leaves the club', weight: 2, act: (world) => leaves(world, boris) },
  {
    id: 'refuse',
    name: 'Telegram begins or stops to refuse',
    weight: 2,
    act: (world) => turn(world, 'refuses'),
  },
  {
    id: 'slow',
    name: 'Telegram answers late, or at once again',
    weight: 2,
    act: (world) => turn(world, 'slow'),
  },
  {
    id: 'die',
    name: 'the bot dies after each call, and repeats it',
    weight: 3,
    act: (world) => turn(world, 'twice'),
  },
  { id: 'foreign', name: 'Anna pays for something that another program sells', weight: 3, act: foreign },
];

async function topic(world: World): Promise<boolean> {
  if (!reaches(world) || world.stateOf('access', anna) !== 'paid') return false;
  const { topics } = world.program.running.days.content.settings;
  world.telegram.presses(anna, `topic.selected:${topics[0]?.id ?? ''}`);
  return true;
}

async function payOlder(world: World): Promise<boolean> {
  return of(world).invoices.length < 2 ? false : pay(world, 1, 'now', -2);
}
