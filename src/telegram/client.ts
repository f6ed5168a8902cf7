import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { autoRetry } from '@grammyjs/auto-retry';
import { apiThrottler } from '@grammyjs/transformer-throttler';
import { Api, HttpError } from 'grammy';
import type { Lane } from '#runtime';
import { brokenHandshake } from './verdict.ts';

export interface ApiOptions {
  readonly token: string;
  /** Without a slash at its end. Default: Telegram's own. */
  readonly root?: string;
  /** Reminders and broadcasts together, messages a second. */
  readonly ratePerSecond: number;
}

/** A call of the Bot API by name. Throws GrammyError and HttpError. */
export type Perform = (
  method: string,
  payload: Record<string, unknown>,
  signal?: AbortSignal,
) => Promise<unknown>;

/** Reminders and broadcasts in flight at once; the throttler's own queue stays this short. */
export const bulkWindow = 32;

/**
 * Two clients. Bulk is throttled, and each of its retries is throttled again; replies go at once, in the dispatcher's
 * order, since the throttler tops out near 370 sends a second and knows no priorities.
 */
export function createApis(options: ApiOptions): { perform: (lane: Lane) => Perform } {
  const bulk = client(options);
  bulk.config.use(
    apiThrottler({
      global: {
        reservoir: options.ratePerSecond,
        reservoirRefreshAmount: options.ratePerSecond,
        reservoirRefreshInterval: 1_000,
      },
      // Short bursts to one chat are tolerated by Telegram; a limiter a chat must not outlive its use.
      out: {
        maxConcurrent: 1,
        reservoir: 5,
        reservoirRefreshAmount: 1,
        reservoirRefreshInterval: 1_000,
        minTime: 0,
        timeout: 10_000,
      },
      group: {
        maxConcurrent: 1,
        minTime: 0,
        reservoir: 20,
        reservoirRefreshAmount: 20,
        reservoirRefreshInterval: 60_000,
      },
    }),
  );
  const replies = client(options);
  for (const api of [bulk, replies]) {
    // Waits in memory are lost by a crash, so only a short one stays here; longer ones go back to the outbox.
    api.config.use(
      autoRetry({
        maxRetryAttempts: 1,
        maxDelaySeconds: 1,
        rethrowHttpErrors: true,
        rethrowInternalServerErrors: true,
      }),
    );
  }
  // A checkout query has 10 s: no wait of any kind stands between it and Telegram.
  const checkout = client(options, 8);
  const of = (api: Api): Perform => {
    const raw = api.raw as unknown as Record<
      string,
      (payload: object, signal?: AbortSignal) => Promise<unknown>
    >;
    return (method, payload, signal) => {
      const call = raw[method];
      if (call === undefined) throw new Error(`Expected a method of the Bot API, found "${method}"`);
      return call(payload, signal);
    };
  };
  const performers = { checkout: of(checkout), reply: of(replies), reminder: of(bulk), broadcast: of(bulk) };
  return { perform: (lane) => performers[lane] };
}

/** Says of a connection that broke while encryption was agreed on that nothing was sent: Node's own words leave it open. */
class TellingAgent extends HttpsAgent {
  override createConnection(...given: Parameters<HttpsAgent['createConnection']>) {
    const socket = super.createConnection(...given) as TLSSocket & { readonly secureConnecting?: boolean };
    return socket.prependOnceListener('error', (error) => {
      if (socket.secureConnecting === true) error.message = `${brokenHandshake}: ${error.message}`;
    });
  }
}

function client(options: ApiOptions, timeoutSeconds = 30): Api {
  const api = new Api(options.token, {
    timeoutSeconds,
    ...(options.root !== undefined && { apiRoot: options.root }),
    baseFetchConfig: {
      compress: true,
      agent: options.root?.startsWith('http:')
        ? new HttpAgent({ keepAlive: true })
        : new TellingAgent({ keepAlive: true }),
    },
  });
  // JSON that is no answer of the Bot API comes from something that stands between: as good as a page of HTML.
  api.config.use(async (call, method, payload, signal) => {
    const answer = await call(method, payload, signal);
    const isAnswer = answer !== null && typeof answer === 'object' && typeof answer.ok === 'boolean';
    if (isAnswer && (answer.ok || (typeof answer.error_code === 'number' && answer.description)))
      return answer;
    const message = `${method} was answered by JSON that is not the Bot API's`;
    throw new HttpError(message, { type: 'foreign-json', message });
  });
  return api;
}
