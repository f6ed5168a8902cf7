import type { Person } from './people.ts';
import type { World } from './world.ts';

/** The two people: the second comes only by a link that the first has passed on. */
export const anna = 101;
export const boris = 102;

/** The first of them, as things really are. */
export const of = (world: World): Person => world.telegram.person(anna);
export const reaches = (world: World): boolean => of(world).away !== true;
