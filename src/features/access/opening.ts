import type { Effect } from '../../core/effects.ts';
import type { Clubs } from '../../store/clubs.ts';

export interface Opening {
  readonly clubs: Pick<Clubs, 'kept' | 'keep'>;
  readonly operators: readonly number[];
  /** How many have access and no way into a club. */
  readonly waiting: (club: number) => Promise<number>;
  /** Puts a message into an operator's queue. */
  readonly post: (effect: Effect) => Promise<void>;
}

/**
 * Tells the operators, once for each club that the bot begins to keep, how many have access and no link to it.
 * @param club the club of today; null: none
 */
export async function tellWhoWaits(
  { clubs, operators, waiting, post }: Opening,
  club: number | null,
): Promise<void> {
  if ((await clubs.kept()) === club) return;
  const count = club === null ? 0 : await waiting(club);
  for (const to of count === 0 ? [] : operators) {
    await post({
      id: `club.opened.${club}`,
      type: 'tellOperator',
      params: { message: 'operator_club_opened', count },
      machine: 'runtime',
      chat: to,
      to,
      lane: 'reply',
      queue: `${to}`,
      context: {},
      event: { type: 'club.opened', club },
    });
  }
  await clubs.keep(club);
}
