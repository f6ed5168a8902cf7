import type { Club } from '../world/club.ts';
import type { World } from '../world/world.ts';

/** A club, or its id. */
export type ClubReference = number | { readonly id: number };

/** The club that is meant; of a group that has become a supergroup, that. */
export function clubOf(world: World, reference: ClubReference): Club {
  const id = typeof reference === 'number' ? reference : reference.id;
  const club = world.telegram.clubs.get(id);
  if (club === undefined) throw new Error(`There is no club ${id}.`);
  return club.movedTo === undefined ? club : clubOf(world, club.movedTo);
}

/** Where something is said, and to what. */
export interface SayOptions {
  /** Default: the chat with the bot. */
  readonly to?: ClubReference;
  /** The id of the message that is answered. Default: none. */
  readonly replyTo?: number;
}

/** Where something is done. */
export interface PlaceOptions {
  /** Default: the chat with the bot. */
  readonly in?: ClubReference;
}
