import { anna, boris, of, reaches } from './cast.ts';
import { Violation } from './sentences.ts';
import { leastEnd } from './truth.ts';
import type { World } from './world.ts';

const day = 86_400_000;

/** The person asks for the link to the club, and uses it. */
export async function join(world: World): Promise<boolean> {
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

export async function topic(world: World): Promise<boolean> {
  if (!reaches(world) || world.stateOf('access', anna) !== 'paid') return false;
  const { topics } = world.program.running.days.content.settings;
  world.telegram.presses(anna, `topic.selected:${topics[0]?.id ?? ''}`);
  return true;
}

/** /forget, and the button under its question. */
export async function forget(world: World): Promise<boolean> {
  if (!reaches(world)) return false;
  world.telegram.says(anna, '/forget');
  await world.quiet();
  world.telegram.presses(anna, 'forget.confirmed');
  const revoke = { kind: 'revoke', at: world.telegram.now } as const;
  world.telegram.change(anna, { deeds: [...of(world).deeds, revoke] });
  return true;
}

export function blockBot(world: World): boolean {
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

export async function friendJoins(world: World): Promise<boolean> {
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
export function isBrought(world: World): boolean {
  if (world.telegram.person(boris).place === 'in') return false;
  world.telegram.moves(boris, 'in', 'admin');
  return true;
}

export function leaves(world: World, id: number): boolean {
  if (world.telegram.person(id).place !== 'in') return false;
  world.telegram.moves(id, 'out', id);
  return true;
}

export function ban(world: World): boolean {
  const { place, bannedBy } = of(world);
  if (place === 'banned' && bannedBy !== 'admin') return false;
  world.telegram.moves(anna, place === 'banned' ? 'out' : 'banned', 'admin');
  return true;
}
