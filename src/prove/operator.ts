import { type Act, arrivalByHand, type Sale } from '#club';
import type { MachineEvent } from '#runtime';
import { anna, of } from './cast.ts';
import { operatorId } from './telegram.ts';
import type { World } from './world.ts';

/** What an operator does by hand. */
function byHand(world: World, event: MachineEvent, line: Pick<Act, 'kind' | 'charge' | 'days'>): string {
  const id = `i${world.telegram.next++}`;
  const entry = { id, chat: anna, at: world.telegram.now, by: operatorId, ...line };
  world.arrive(arrivalByHand({ ...world.rules.facts, ...event, by: operatorId }, entry));
  return id;
}

/** What an operator does to access. @returns false when the bot refuses it */
export async function change(
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
  world.store.books.get(anna)?.some((entry) => 'id' in entry && entry.id === id) === true;

export function owe(world: World): boolean {
  const paid = of(world).payments.findLast(
    ({ refunded, known, asked, kind }) =>
      refunded === undefined && known !== undefined && asked === undefined && kind !== 'foreign',
  );
  if (paid === undefined) return false;
  world.telegram.changePaid(anna, paid.charge, { asked: 'owe' });
  byHand(world, { type: 'debt.added', charge: paid.charge }, { kind: 'owe', charge: paid.charge });
  return true;
}

export function keep(world: World): boolean {
  const { owed = [] } = world.store.books.has(anna) ? world.accessOf(anna) : {};
  const [charge] = owed;
  // A call that is on its way is not called back.
  if (charge === undefined || world.isWaiting) return false;
  world.telegram.changePaid(anna, charge, { asked: 'keep' });
  byHand(world, { type: 'debt.dropped', charge }, { kind: 'keep', charge });
  return true;
}

export async function count(world: World): Promise<boolean> {
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

export function sell(world: World, sale: Sale): boolean {
  if (world.sale === sale) return false;
  world.sale = sale;
  return true;
}

/** The button under the message that somebody who has access is banned. */
export function admit(world: World): boolean {
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
