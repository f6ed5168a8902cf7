import type { Logger } from 'pino';
import type { Effect } from '../../core/effects.ts';

/**
 * Says that a bot which has sold before runs on books that know nothing of it: in the log, once a process, and to each
 * operator, once.
 */
export function createUnadopted(parts: {
  readonly operators: readonly number[];
  readonly history: { isUnadopted(): Promise<boolean>; noteUnadopted(): Promise<void> };
  /** Puts a message into an operator's queue. */
  readonly post: (effect: Effect) => Promise<void>;
  readonly log: Logger;
}): () => Promise<void> {
  const { operators, history, post, log } = parts;
  let isLogged = false;
  return async () => {
    if (!isLogged)
      log.error(
        'Telegram lists payments from before this installation, which is in none of its books: nothing of them is granted, ' +
          'and the lists are not compared, until they are taken over by: turnstile payments adopt',
      );
    isLogged = true;
    if (await history.isUnadopted()) return;
    for (const to of operators)
      await post({
        id: 'history.unadopted',
        type: 'tellOperator',
        params: { message: 'operator_unadopted' },
        machine: 'runtime',
        chat: to,
        to,
        lane: 'reply',
        queue: `${to}`,
        context: {},
      });
    await history.noteUnadopted();
  };
}
