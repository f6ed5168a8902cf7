import type { Logger } from 'pino';
import { type ToOperators, tellOperators } from '../support/tell.ts';

/**
 * Says that a bot which has sold before runs on books that know nothing of it: in the log, once a process, and to each
 * operator, once.
 */
export function createUnadopted(
  parts: ToOperators & {
    readonly history: { isUnadopted(): Promise<boolean>; noteUnadopted(): Promise<void> };
    readonly log: Logger;
  },
): () => Promise<void> {
  const { history, log } = parts;
  let isLogged = false;
  return async () => {
    if (!isLogged)
      log.error(
        'Telegram lists payments from before this installation, which is in none of its books: nothing of them is granted, ' +
          'and the lists are not compared, until they are taken over by: turnstile payments adopt',
      );
    isLogged = true;
    if (await history.isUnadopted()) return;
    await tellOperators(parts, { id: 'history.unadopted', params: { message: 'operator_unadopted' } });
    await history.noteUnadopted();
  };
}
