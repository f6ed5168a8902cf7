import type { Logger } from 'pino';
import type { Clock, DeadLetters, Runtime, Store } from '#runtime';
import type { Perform } from '#telegram';
import { StrangerList } from './membership/stranger-list.ts';
import { Strangers } from './membership/strangers.ts';
import { createUnadopted, type History } from './payments/history.ts';
import type { Ledger } from './payments/ledger.ts';
import { Reconciliation } from './payments/reconcile.ts';
import { GivenUp, toldNote } from './support/given-up.ts';
import type { ToOperators } from './support/tell.ts';
import { TroubleBook } from './support/trouble-book.ts';
import { Troubles } from './support/troubles.ts';

export interface LoopOptions {
  readonly store: Store;
  readonly history: History;
  readonly ledger: Ledger;
  readonly letters: DeadLetters;
  readonly toOperators: ToOperators;
  /** Calls Telegram among the replies. */
  readonly call: Perform;
  readonly runtime: () => Pick<Runtime, 'holds' | 'receiveFound' | 'gap'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the club looks at now and then, whoever writes: the lists of payments, troubles, strangers, what was given up. */
export interface ClubLoops {
  readonly reconciliation: Reconciliation;
  readonly troubles: Troubles;
  readonly strangers: Strangers;
  readonly givenUp: GivenUp;
  /** Tells nothing more. */
  stop(): Promise<void>;
}

export function startLoops(options: LoopOptions): ClubLoops {
  const { store, history, ledger, letters, toOperators, call, runtime, clock, log } = options;
  // One copy tells.
  const telling = { ...toOperators, mayTell: () => runtime().holds('poller'), clock, log };
  const reconciliation = new Reconciliation({
    call,
    ledger,
    position: history.compared,
    began: () => history.began(),
    noteCommission: (commission) => ledger.noteCommission(commission),
    unadopted: createUnadopted({ ...toOperators, history, log }),
    gap: { get: () => runtime().gap.get(), closed: (gap) => runtime().gap.closed(gap) },
    append: (chat, update) => runtime().receiveFound(chat, JSON.stringify(update)),
    clock,
    log,
  });
  const troubles = new Troubles({ ...telling, book: new TroubleBook(store.notes) });
  const strangers = new Strangers({ ...telling, list: new StrangerList(store.notes) });
  const givenUp = new GivenUp({
    ...telling,
    added: () => store.lettersAdded(),
    told: toldNote(store.notes),
    newest: async () => (await letters.list(1))[0],
  });
  return {
    reconciliation,
    troubles,
    strangers,
    givenUp,
    stop: async () => {
      await Promise.all([givenUp.stop(), troubles.stop(), strangers.stop(), reconciliation.stop()]);
    },
  };
}
