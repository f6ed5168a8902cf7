import { type ToOperators, tellOperators } from '../support/tell.ts';
import type { Clubs } from './clubs.ts';

export interface Opening {
  readonly clubs: Pick<Clubs, 'kept' | 'keep'>;
  readonly toOperators: ToOperators;
  /** How many have access and no way into a club. */
  readonly waiting: (club: number) => Promise<number>;
}

/**
 * Tells the operators, once for each club that the bot begins to keep, how many have access and no link to it.
 * @param club the club of today; null: none
 */
export async function tellWhoWaits(
  { clubs, toOperators, waiting }: Opening,
  club: number | null,
): Promise<void> {
  if ((await clubs.kept()) === club) return;
  const count = club === null ? 0 : await waiting(club);
  if (count > 0)
    await tellOperators(toOperators, {
      id: `club.opened.${club}`,
      params: { message: 'operator_club_opened', count },
      event: { type: 'club.opened', club },
    });
  await clubs.keep(club);
}
