import { GrammyError, HttpError } from 'grammy';

/** What an outcome that may or may not have reached Telegram leads to: sent again, or not. */
export type Policy = 'resend' | 'once';

/** What to do after a failed call. */
export type Verdict =
  /** A passing fault: once more, after `afterMs`. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string }
  /** Telegram asks for a pause: this chat waits exactly so long, and the attempt does not count. */
  | { readonly kind: 'pause'; readonly afterMs: number; readonly reason: string }
  /** The chat cannot be reached: what waits for it is dropped. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Nothing is left to be done: the wish is fulfilled already, or its time is over. */
  | { readonly kind: 'settled'; readonly reason: string }
  /** Refused for good: a dead letter. */
  | { readonly kind: 'refused'; readonly reason: string };

/** ms before the second, third and fourth attempt; the last one repeats. */
const retrySchedule = [1_000, 5_000, 15_000] as const;

const unreachable = [
  'bot was blocked by the user',
  'user is deactivated',
  "bot can't initiate conversation",
  'chat not found',
  'bot was kicked',
  'PEER_ID_INVALID',
  'upgraded to a supergroup',
];
const settled = [
  'message is not modified',
  'query is too old',
  'query ID is invalid',
  'QUERY_ID_INVALID',
  'message to edit not found',
  'message to delete not found',
  'CHARGE_ALREADY_REFUNDED',
  // A join request that someone else has answered.
  'USER_ALREADY_PARTICIPANT',
  'HIDE_REQUESTER_MISSING',
];
/** Faults before the request left this machine: surely not sent. */
const notSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
]);

/**
 * Classifies a failed call.
 * @param attempt failed attempts so far, this one included (1 for the first)
 * @param policy what an ambiguous outcome leads to
 */
export function verdict(error: unknown, attempt: number, policy: Policy = 'resend'): Verdict {
  const afterMs = retrySchedule[Math.min(attempt, retrySchedule.length) - 1] ?? retrySchedule[0];
  if (error instanceof GrammyError) {
    const { error_code: code, description, parameters } = error;
    const reason = `${code} ${description}`;
    const says = (texts: readonly string[]) => texts.some((text) => description.includes(text));
    if (code === 429) return { kind: 'pause', afterMs: (parameters.retry_after ?? 1) * 1_000, reason };
    if (code >= 500) return { kind: 'retry', afterMs, reason };
    if (says(settled)) return { kind: 'settled', reason };
    if (says(unreachable)) return { kind: 'unreachable', reason };
    return { kind: 'refused', reason };
  }
  if (error instanceof HttpError) {
    const cause = error.error as { code?: string; type?: string; message?: string } | undefined;
    const reason = withoutToken(
      `${cause?.code ?? cause?.type ?? 'network'}: ${cause?.message ?? error.message}`,
    );
    if (policy === 'resend' || notSent.has(cause?.code ?? '')) return { kind: 'retry', afterMs, reason };
    return { kind: 'refused', reason: `outcome unknown, not sent a second time (${reason})` };
  }
  // Our own side: a file that cannot be read, an actor that throws. It may pass; a bug does not.
  const reason = error instanceof Error ? error.message : String(error);
  return attempt <= retrySchedule.length ? { kind: 'retry', afterMs, reason } : { kind: 'refused', reason };
}

/** A network error names the address, and the token stands in it; the reason is stored and shown. */
const withoutToken = (text: string): string => text.replace(/\/bot\d+:[\w-]+/g, '/bot<token>');
