import type { Api } from 'grammy';
import type { Update } from 'grammy/types';
import type { Logger } from 'pino';
import type { Arrival, At, Clock, Incoming, Intake, Runtime } from '#runtime';
import { Poller } from './poller.ts';

export interface PollingOptions {
  readonly api: Api;
  readonly allowedUpdates: readonly Exclude<keyof Update, 'update_id'>[];
  /** What an update means; null: nothing, and it is not stored. */
  readonly route: (update: Update) => Arrival | null;
  readonly runtime: () => Pick<Runtime, 'receive' | 'holds' | 'intakeConflicted'>;
  /** Everything that waited at Telegram when a request began (ms) is stored. */
  readonly caughtUp: (asked: number) => Promise<void>;
  /** Polling has begun. */
  readonly began: () => void;
  /** Polling cannot go on. */
  readonly failed: (error: Error) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Long polling, seconds. */
  readonly timeout: number;
  readonly at?: At;
}

/** Takes updates in by long polling, while this copy has the role. */
export function pollingIntake(options: PollingOptions): Intake {
  const { runtime, route, began, failed, ...others } = options;
  let poller: Poller | null = null;
  let polling: Promise<void> = Promise.resolve();
  return {
    start: () => {
      poller = new Poller({
        ...others,
        append: (updates) => runtime().receive(updates.flatMap((update) => storable(update, route))),
        mayPoll: () => runtime().holds('poller'),
        conflicted: () => runtime().intakeConflicted(),
      });
      polling = poller.run(began);
      polling.catch(failed);
    },
    stop: async () => {
      poller?.stop();
      poller = null;
      await polling.catch(() => {});
    },
    hurry: () => poller?.hurry(),
  };
}

/** What is stored of an update: what it means, with its place. Nothing is stored of one that means nothing to the bot. */
function storable(update: Update, route: PollingOptions['route']): Incoming[] {
  const id = update.update_id;
  try {
    const arrival = route(update);
    if (arrival === null) return [];
    const { chat, lane } = arrival;
    return [{ id, chat, lane, kind: 'arrival', text: JSON.stringify(arrival) }];
  } catch {
    // A strange update must not stop polling. The worker finds the same fault, and keeps it as a dead letter.
    return [{ id, chat: null, lane: 'reply', text: JSON.stringify(update) }];
  }
}
