import { GrammyError, HttpError } from 'grammy';
import { expect, test } from 'vitest';
import { type Policy, type Verdict, verdict } from '../src/telegram/verdict.ts';

const refusal = (error_code: number, description: string, parameters = {}) =>
  new GrammyError(description, { ok: false, error_code, description, parameters }, 'sendMessage', {});
const network = (cause: { code?: string; type?: string; message: string }) =>
  new HttpError("Network request for 'sendMessage' failed!", cause);

type Row = readonly [
  name: string,
  error: unknown,
  kind: Verdict['kind'],
  afterMs?: number | undefined,
  policy?: Policy,
];

const rows: readonly Row[] = [
  [
    'a flood limit is obeyed exactly',
    refusal(429, 'Too Many Requests: retry after 37', { retry_after: 37 }),
    'pause',
    37_000,
  ],
  ['a flood limit without a time', refusal(429, 'Too Many Requests'), 'pause', 1_000],
  ['a fault inside Telegram', refusal(500, 'Internal Server Error'), 'retry', 1_000],
  ['a gateway that answers in JSON', refusal(502, 'Bad Gateway'), 'retry', 1_000],
  [
    'a page of HTML in place of JSON',
    network({ type: 'invalid-json', message: 'invalid json response body' }),
    'retry',
    1_000,
  ],
  ['nothing listens', network({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' }), 'retry', 1_000],
  ['no address', network({ code: 'EAI_AGAIN', message: 'getaddrinfo EAI_AGAIN' }), 'retry', 1_000],
  [
    'reset after the request was written',
    network({ code: 'ECONNRESET', message: 'socket hang up' }),
    'retry',
    1_000,
  ],
  ['no answer in time', network({ type: 'aborted', message: 'The user aborted a request.' }), 'retry', 1_000],
  [
    'an invoice that surely did not go out',
    network({ code: 'ECONNREFUSED', message: 'connect' }),
    'retry',
    1_000,
    'once',
  ],
  [
    'an invoice that Telegram says it did not take',
    refusal(500, 'Internal Server Error'),
    'retry',
    1_000,
    'once',
  ],
  [
    'an invoice that may have gone out',
    network({ code: 'ECONNRESET', message: 'socket hang up' }),
    'refused',
    undefined,
    'once',
  ],
  [
    'an invoice without an answer in time',
    network({ type: 'aborted', message: 'aborted' }),
    'refused',
    undefined,
    'once',
  ],
  ['blocked', refusal(403, 'Forbidden: bot was blocked by the user'), 'unreachable'],
  ['deactivated', refusal(403, 'Forbidden: user is deactivated'), 'unreachable'],
  ['never started', refusal(403, "Forbidden: bot can't initiate conversation with a user"), 'unreachable'],
  ['removed from a group', refusal(403, 'Forbidden: bot was kicked from the supergroup chat'), 'unreachable'],
  ['no such chat', refusal(400, 'Bad Request: chat not found'), 'unreachable'],
  [
    'a group that has moved',
    refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: -1001 }),
    'unreachable',
  ],
  ['bad markup', refusal(400, "Bad Request: can't parse entities: Unexpected end tag"), 'refused'],
  ['an empty text', refusal(400, 'Bad Request: message text is empty'), 'refused'],
  ['too long', refusal(400, 'Bad Request: message is too long'), 'refused'],
  ['no right', refusal(403, 'Forbidden: not enough rights to send text messages to the chat'), 'refused'],
  [
    'edited to what it was',
    refusal(400, 'Bad Request: message is not modified: specified new message content'),
    'settled',
  ],
  [
    'a button pressed long ago',
    refusal(400, 'Bad Request: query is too old and response timeout expired or query ID is invalid'),
    'settled',
  ],
  ['a message that is gone', refusal(400, 'Bad Request: message to edit not found'), 'settled'],
  ['a refund that was made before', refusal(400, 'Bad Request: CHARGE_ALREADY_REFUNDED'), 'settled'],
  ['our own fault, first time', new Error('ENOENT: no such file'), 'retry', 1_000],
];

for (const [name, error, kind, afterMs, policy] of rows) {
  test(name, () => {
    const found = verdict(error, 1, policy);
    expect(found.kind).toBe(kind);
    if (afterMs !== undefined) expect(found).toMatchObject({ afterMs });
  });
}

test('the schedule of retries is 1 s, 5 s, 15 s, and 15 s from then on', () => {
  const waits = [1, 2, 3, 4, 50].map((attempt) => verdict(refusal(500, 'x'), attempt));
  expect(waits).toMatchObject([1_000, 5_000, 15_000, 15_000, 15_000].map((afterMs) => ({ afterMs })));
});

test('our own fault is given up after the schedule; what is no Error too', () => {
  expect(verdict(new Error('bug'), 4).kind).toBe('refused');
  expect(verdict('a string', 4)).toMatchObject({ kind: 'refused', reason: 'a string' });
});

test('the reason of a network error does not tell the token, which stands in its address', () => {
  const message = 'invalid json response body at https://api.telegram.org/bot42:secret-_1/sendMessage';
  const { reason } = verdict(network({ type: 'invalid-json', message }), 1);
  expect(reason).toContain('/bot<token>/sendMessage');
  expect(reason).not.toContain('secret');
});
