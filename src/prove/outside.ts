import { renewalGrace } from '#club';
import { nextRenewal } from './buyer.ts';
import { anna, of } from './cast.ts';
import { isIdle } from './fingerprint.ts';
import { Violation } from './sentences.ts';
import { type Mood, pace, price } from './telegram.ts';
import { leastEnd, mostEnd } from './truth.ts';
import type { World } from './world.ts';

const day = 86_400_000;

/** To the next moment that changes something of money or door; what is due on the way happens. */
export async function wait(world: World): Promise<boolean> {
  // No call is on its way for days.
  if (world.isWaiting) return false;
  const { now } = world.telegram;
  const most = mostEnd(of(world));
  // A little later than an end, so that what was to happen there has happened.
  const ends = [leastEnd(of(world)), most, most + renewalGrace].map((end) => end + 3 * pace);
  const timers = [...world.store.timers].filter(([id]) => !isIdle(id)).map(([, due]) => due);
  const next = Math.min(...[...timers, ...ends].filter((time) => time > now && Number.isFinite(time)));
  const idle = [...world.store.timers.values()].filter((due) => due > now && due < now + 40 * day);
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

export function refund(world: World, index: number): boolean {
  const open = of(world).payments.filter(({ refunded }) => refunded === undefined);
  const paid = open.at(index);
  if (paid === undefined || (index !== -1 && open.length < 2)) return false;
  world.telegram.givesBack(anna, paid.charge, price);
  return true;
}

/** Telegram forgets what it could not deliver within a day. */
export function deliver(world: World): boolean {
  const since = (world.telegram.now - day) / 1_000;
  const { late } = of(world);
  const kept = late.filter(({ message }) => (message?.date ?? 0) > since);
  if (late.length > 0) world.telegram.change(anna, { late: [] });
  for (const update of kept) world.update(update);
  return kept.length > 0;
}

export async function compareLists(world: World): Promise<boolean> {
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

export async function turn(world: World, mood: Mood): Promise<boolean> {
  const { telegram } = world;
  const before = telegram.mood;
  telegram.mood = before === mood ? 'takes' : mood;
  // What was on its way is answered now, whatever has happened meanwhile.
  telegram.isCatchingUp = before === 'slow';
  await world.quiet();
  telegram.isCatchingUp = false;
  return true;
}
