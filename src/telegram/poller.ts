import { createRunner, createSource, createUpdateFetcher, type UpdateSink } from '@grammyjs/runner';
import { type Api, GrammyError } from 'grammy';
import type { Update } from 'grammy/types';
import type { Logger } from 'pino';
import { type At, type Clock, ExitError, exitCodes } from '#runtime';
import { isTokenRefusal } from './verdict.ts';

/** Polling cannot go on, and trying again would not help. */
export class PollingEnded extends ExitError {
  readonly reason: 'conflict' | 'unauthorized';
  constructor(reason: 'conflict' | 'unauthorized', message: string) {
    super(reason === 'conflict' ? exitCodes.temporary : exitCodes.configuration, message);
    this.reason = reason;
  }
}

/** What getUpdates met. The runner's fetcher would wait out a 429 that it sees, deaf to our stop, before it hands it on. */
class FetchFailed extends Error {
  constructor(cause: unknown) {
    super('getUpdates failed', { cause });
  }
}

interface Asking {
  readonly offset: number;
  readonly limit: number;
  /** Seconds. */
  readonly timeout: number;
}

export interface PollerOptions {
  readonly api: Api;
  readonly allowedUpdates: readonly Exclude<keyof Update, 'update_id'>[];
  /** Must reject, or not return, when the updates could not be stored: then nothing is confirmed to Telegram. */
  readonly append: (updates: readonly Update[]) => Promise<void>;
  /** Called when a request has left nothing waiting, and what it brought is stored. `asked`: when it began, ms. */
  readonly caughtUp: (asked: number) => Promise<void>;
  /** Whether it is still this copy's turn; asked before each request. */
  readonly mayPoll: () => boolean;
  /** Hears of each conflict with another poller: it may be a copy that has taken over. */
  readonly conflicted: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Long polling, seconds. Default 30. */
  readonly timeout?: number;
  readonly at?: At;
}

/** Conflicts that keep coming for longer than this mean that another copy polls with the same token, ms. */
const conflictLimit = 10_000;
/** A token that nothing but refusals came for in this time is wrong, ms. */
const refusalLimit = 120_000;
/** The longest wait after a fault, ms: after an outage the bot is there again at once. */
const longestWait = 3_000;

/**
 * Fetches updates and stores them. The next getUpdates, which confirms a batch, goes out only after the batch is
 * stored. The ready-made sinks of the runner ask for more while handlers still run, so the sink is our own.
 */
export class Poller {
  readonly #options: PollerOptions;
  #stopping = false;
  #stop: () => void = () => {};
  #conflictSince = 0;
  #lastConflict = 0;
  /** When the refusals of the token began; null while it is taken. */
  #refusedSince: number | null = null;
  #failures = 0;
  /** Ends a request that waits for updates. */
  #cut: () => void = () => {};
  /** Nobody can wait for updates to come: those that are there are wanted, or to know that there are none. */
  #isHurried = false;
  /** When the last request that was answered began, ms; null: it has left more waiting. */
  #caughtUp: number | null = null;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  /**
   * Polls until `stop`.
   * @param onFirst called once the first request has gone out
   * @throws PollingEnded
   */
  async run(onFirst: () => void): Promise<void> {
    let announce: (() => void) | undefined = onFirst;
    while (!this.#stopping) {
      try {
        await this.#pollUntilFault(() => {
          announce?.();
          announce = undefined;
        });
      } catch (error) {
        if (this.#stopping) return;
        await this.#afterFault(error instanceof FetchFailed ? error.cause : error);
      }
    }
  }

  stop(): void {
    this.#stopping = true;
    this.#stop();
  }

  /** Asks for what there is, at once and without waiting for more, until nothing is left. */
  hurry(): void {
    this.#isHurried = true;
    this.#cut();
  }

  /** A source, fetcher and runner of its own each time: a runner that has failed ends silently when started again. */
  async #pollUntilFault(onRequest: () => void): Promise<void> {
    const { append, caughtUp, at, timeout = 30 } = this.#options;
    const getUpdates = async (args: Asking, signal: AbortSignal) => {
      let updates = await this.#request(args, signal, onRequest);
      while (updates === 'cut') updates = await this.#request(args, signal, onRequest);
      this.#failures = 0;
      this.#refusedSince = null;
      if (at !== undefined) await at('updates fetched');
      return updates;
    };
    const adapter = { handleUpdate: async () => {}, errorHandler: () => {}, api: { getUpdates } };
    // The fetcher's own retries know nothing of our stop; every fault comes here.
    const fetch = createUpdateFetcher<Update, unknown>(adapter as never, {
      maxRetryTime: 0,
      silent: true,
      fetch: { timeout },
    });
    const sink: UpdateSink<Update> = {
      handle: async (updates) => {
        await append(updates);
        if (at !== undefined) await at('updates appended');
        if (this.#caughtUp !== null) await caughtUp(this.#caughtUp);
        return Number.POSITIVE_INFINITY;
      },
      size: () => 0,
      snapshot: () => [],
    };
    const runner = createRunner(createSource({ supply: fetch }), sink);
    await new Promise<void>((resolve, reject) => {
      this.#stop = () => {
        void runner.stop();
        resolve();
      };
      runner.start();
      runner.task()?.then(resolve, reject);
      if (this.#stopping) this.#stop();
    });
  }

  /** One getUpdates. @returns `cut`: it was ended by `hurry`, and whatever it would have brought is still there */
  async #request(args: Asking, signal: AbortSignal, onRequest: () => void): Promise<Update[] | 'cut'> {
    const { api, allowedUpdates, mayPoll, clock } = this.#options;
    if (!mayPoll()) throw new Error('The lease has ended while Redis could not be reached');
    const isHurried = this.#isHurried;
    const asked = clock.now();
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener('abort', end);
    if (!isHurried) this.#cut = end;
    const request = api.getUpdates(
      { ...args, ...(isHurried && { timeout: 0 }), allowed_updates: [...allowedUpdates] },
      ending.signal as never,
    );
    onRequest();
    try {
      const updates = await request;
      // Fewer than were asked for mean that none is left.
      this.#caughtUp = updates.length < args.limit ? asked : null;
      if (isHurried && this.#caughtUp !== null) this.#isHurried = false;
      return updates;
    } catch (error) {
      if (ending.signal.aborted && !signal.aborted) return 'cut';
      throw new FetchFailed(error);
    } finally {
      this.#cut = () => {};
      signal.removeEventListener('abort', end);
    }
  }

  async #afterFault(error: unknown): Promise<void> {
    const { clock, log } = this.#options;
    const code = error instanceof GrammyError ? error.error_code : undefined;
    this.#failures++;
    let wait = Math.min(longestWait, 250 * 2 ** Math.min(this.#failures, 8));
    if (isTokenRefusal(error)) await this.#checkToken();
    else this.#refusedSince = null;
    if (code === 409) {
      const now = clock.now();
      if (now - this.#lastConflict > conflictLimit) this.#conflictSince = now;
      this.#lastConflict = now;
      const description = error instanceof GrammyError ? error.description : '';
      if (description.includes('webhook')) {
        log.warn({ description }, 'a webhook was set while polling; removing it');
        await this.#options.api.deleteWebhook().catch(() => {});
      } else if (now - this.#conflictSince >= conflictLimit) {
        throw new PollingEnded(
          'conflict',
          'Another program polls Telegram with the same BOT_TOKEN (409 Conflict for more than 10 s). Stop the other one, or give this one a token of its own.',
        );
      } else {
        log.warn({ description }, 'another program polls with this token; trying again');
        await this.#options.conflicted();
      }
      wait = 1_000;
    } else if (code === 429) {
      wait = ((error as GrammyError).parameters.retry_after ?? 1) * 1_000;
      log.warn({ wait }, 'Telegram asks the poller to wait');
    } else {
      log.warn({ err: error, wait }, 'polling failed; trying again');
    }
    if (this.#stopping) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.at(clock.now() + wait, resolve);
      this.#stop = () => {
        cancel();
        resolve();
      };
    });
  }

  /**
   * getUpdates was answered as if the token were wrong. One such answer may be a slip of a server: getMe is asked too.
   * @throws PollingEnded when both were refused for two minutes, and nothing else came between
   */
  async #checkToken(): Promise<void> {
    const { api, clock } = this.#options;
    const asking = new AbortController();
    this.#stop = () => asking.abort();
    const problem = await api.getMe(asking.signal as never).then(
      () => null,
      (error: unknown) => error,
    );
    if (!isTokenRefusal(problem)) {
      this.#refusedSince = null;
      return;
    }
    const now = clock.now();
    this.#refusedSince ??= now;
    if (now - this.#refusedSince < refusalLimit) return;
    throw new PollingEnded(
      'unauthorized',
      'Telegram has refused BOT_TOKEN (401 Unauthorized) for two minutes. Copy the token from @BotFather again.',
    );
  }
}
