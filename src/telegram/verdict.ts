import { GrammyError, HttpError } from 'grammy';

/** What to do after a failed call. */
export type Verdict =
  /** A passing fault: once more, after `afterMs`. `ours`: it lies with this program, not with Telegram or the network. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string; readonly ours: boolean }
  /** Telegram asks for a pause: this chat waits exactly so long, and the attempt does not count. */
  | { readonly kind: 'pause'; readonly afterMs: number; readonly reason: string }
  /** Telegram does not take the token: nothing can be sent to anybody, and the attempt does not count. */
  | { readonly kind: 'locked'; readonly reason: string }
  /** The chat cannot be reached: what waits for it is dropped. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Nothing is left to be done: the wish is fulfilled already, or its time is over. */
  | { readonly kind: 'settled'; readonly reason: string }
  /** Refused for good: a dead letter. */
  | { readonly kind: 'refused'; readonly reason: string; readonly ours: boolean };

/** ms before the second attempt, the third, and so on; the last one repeats. */
const retrySchedule = [1_000, 5_000, 15_000, 30_000, 60_000] as const;
/** A fault of our own that is still there after so many attempts more will not pass. */
const ownAttempts = 3;

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
  'message to copy not found',
  'CHARGE_ALREADY_REFUNDED',
  // A join request that someone else has answered.
  'USER_ALREADY_PARTICIPANT',
  'HIDE_REQUESTER_MISSING',
];
/** Faults of looking a name up, connecting, and agreeing on encryption: they come before the request is written. */
const notSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|ENETUNREACH|EHOSTUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|EPROTO|ERR_SSL_\w+|ERR_TLS_CERT_ALTNAME_INVALID|ERR_TLS_HANDSHAKE_TIMEOUT|CERT_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|UNABLE_TO_(GET|VERIFY)_\w+)$/;
/** How an error of ours begins that says that a connection broke before the encryption was agreed on. */
export const brokenHandshake = 'The connection broke before it was secure';
/** What is said of a connection that broke before it was usable, under codes that are shared with later breaks. */
const notConnected = new RegExp(
  `${brokenHandshake}|before secure TLS connection was established|\\bconnect E(TIMEDOUT|CONNRESET)\\b`,
);
/** A file that could not be read on the way out. */
const fileFaults = new Set(['ENOENT', 'EACCES', 'EISDIR', 'EPERM', 'EMFILE', 'ENFILE', 'EIO']);

/** Whether a request that failed surely never left this machine: then its repetition repeats nothing. */
export function surelyNotSent(error: unknown): boolean {
  for (let fault = error, depth = 0; isObject(fault) && depth < 5; depth++) {
    const { code, message, errors } = fault as { code?: unknown; message?: unknown; errors?: unknown };
    if (notSent.test(String(code)) || notConnected.test(String(message))) return true;
    // Every address of a name was tried, and to none was there a connection.
    if (Array.isArray(errors) && errors.length > 0 && errors.every(surelyNotSent)) return true;
    fault = 'error' in fault ? fault.error : 'cause' in fault ? fault.cause : undefined;
  }
  return false;
}

/** Whether Telegram does not know the token. That it does not know a method is another 404. */
export function isTokenRefusal(error: unknown): boolean {
  if (!(error instanceof GrammyError)) return false;
  return error.error_code === 401 || (error.error_code === 404 && error.description === 'Not Found');
}

/**
 * Classifies a failed call.
 * @param attempt failed attempts so far, this one included (1 for the first)
 * @param faults how many of them lay with this program, this one included if it does
 */
export function verdict(error: unknown, attempt: number, faults = attempt): Verdict {
  const waitAfter = (count: number) =>
    retrySchedule[Math.min(count, retrySchedule.length) - 1] ?? retrySchedule[0];
  if (error instanceof GrammyError) {
    const { error_code: code, description, parameters } = error;
    const reason = `${code} ${description}`;
    const says = (texts: readonly string[]) => texts.some((text) => description.includes(text));
    if (isTokenRefusal(error)) return { kind: 'locked', reason };
    if (code === 429) return { kind: 'pause', afterMs: (parameters.retry_after ?? 1) * 1_000, reason };
    if (code >= 500) return { kind: 'retry', afterMs: waitAfter(attempt), reason, ours: false };
    if (says(settled)) return { kind: 'settled', reason };
    if (says(unreachable)) return { kind: 'unreachable', reason };
    return { kind: 'refused', reason, ours: false };
  }
  const cause = error instanceof HttpError ? error.error : undefined;
  const { code, type, message } = (isObject(cause) ? cause : {}) as Partial<Record<string, string>>;
  if (error instanceof HttpError && !fileFaults.has(code ?? '')) {
    const told = withoutToken(`${code ?? type ?? 'network'}: ${message ?? error.message}`);
    const reason = surelyNotSent(error) ? `not sent: ${told}` : told;
    return { kind: 'retry', afterMs: waitAfter(attempt), reason, ours: false };
  }
  // Our own side: a file that cannot be read, an actor that throws. It may pass; a bug does not.
  const reason = withoutToken(message ?? (error instanceof Error ? error.message : String(error)));
  if (faults > ownAttempts) return { kind: 'refused', reason, ours: true };
  return { kind: 'retry', afterMs: waitAfter(faults), reason, ours: true };
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** A network error names the address, and the token stands in it; the reason is stored and shown. */
const withoutToken = (text: string): string => text.replace(/\/bot\d+:[\w-]+/g, '/bot<token>');
