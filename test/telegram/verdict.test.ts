import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { GrammyError, HttpError } from 'grammy';
import { expect, onTestFinished, test } from 'vitest';
import { createApis } from '../../src/telegram/client.ts';
import { surelyNotSent, type Verdict, verdict } from '../../src/telegram/verdict.ts';

const refusal = (error_code: number, description: string, parameters = {}) =>
  new GrammyError(description, { ok: false, error_code, description, parameters }, 'sendMessage', {});
const network = (cause: { code?: string; type?: string; message: string }) =>
  new HttpError("Network request for 'sendMessage' failed!", cause);

type Row = readonly [name: string, error: unknown, kind: Verdict['kind'], afterMs?: number];

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
  ['a token that Telegram does not know', refusal(401, 'Unauthorized'), 'locked'],
  ['a token that is none', refusal(404, 'Not Found'), 'locked'],
  ['a method that Telegram does not know', refusal(404, 'Not Found: method not found'), 'refused'],
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
  ['a copy of what was deleted', refusal(400, 'Bad Request: message to copy not found'), 'settled'],
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

for (const [name, error, kind, afterMs] of rows) {
  test(name, () => {
    const found = verdict(error, 1);
    expect(found.kind).toBe(kind);
    if (afterMs !== undefined) expect(found).toMatchObject({ afterMs });
  });
}

test('the schedule of retries is 1, 5, 15, 30 and 60 s, and each minute from then on, without an end', () => {
  const seconds = [1, 5, 15, 30, 60, 60, 60];
  const attempts = [1, 2, 3, 4, 5, 6, 5_000];
  for (const error of [refusal(500, 'x'), network({ code: 'ECONNRESET', message: 'socket hang up' })])
    expect(attempts.map((attempt) => verdict(error, attempt))).toMatchObject(
      seconds.map((count) => ({ kind: 'retry', afterMs: count * 1_000, ours: false })),
    );
});

test('our own fault is given up after 1, 5 and 15 s; what is no Error too', () => {
  const verdicts = [1, 2, 3].map((attempt) => verdict(new TypeError('bug'), attempt));
  expect(verdicts).toMatchObject([1_000, 5_000, 15_000].map((afterMs) => ({ afterMs, ours: true })));
  expect(verdict(new TypeError('bug'), 4).kind).toBe('refused');
  expect(verdict('a string', 4)).toMatchObject({ kind: 'refused', reason: 'a string' });
  const missing = network({ code: 'ENOENT', message: 'no such file' });
  expect([verdict(missing, 1), verdict(missing, 4)]).toMatchObject([{ ours: true }, { kind: 'refused' }]);
});

test("failures of Telegram's do not shorten the schedule of our own fault that follows them", () => {
  expect(verdict(new TypeError('bug'), 40, 1)).toMatchObject({ kind: 'retry', afterMs: 1_000 });
});

/** What the client throws when it sends a message to this address. */
async function failureAt(address: string): Promise<unknown> {
  const { perform } = createApis({ token: '42:abc', root: address, ratePerSecond: 30 });
  return perform('reply')('sendMessage', { chat_id: 1, text: 'hello' }).then(
    () => Promise.reject(new Error('Expected the send to fail')),
    (error: unknown) => error,
  );
}

async function addressOf(server: Server, scheme: 'http' | 'https'): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const atFirstWord = (act: (socket: Socket) => void) =>
  createServer((socket) => void socket.on('error', () => {}).once('data', () => act(socket)));

test.each<[string, () => Promise<string>]>([
  ['nothing listens', async () => 'http://127.0.0.1:9'],
  ['the name is not known', async () => 'http://nowhere.invalid'],
  [
    'the server hangs up before encryption',
    () =>
      addressOf(
        createServer((socket) => socket.end()),
        'https',
      ),
  ],
  [
    'the server hangs up while encryption is agreed on',
    () =>
      addressOf(
        atFirstWord((one) => one.end()),
        'https',
      ),
  ],
  [
    'the server breaks off while encryption is agreed on',
    () =>
      addressOf(
        atFirstWord((one) => one.resetAndDestroy()),
        'https',
      ),
  ],
  [
    'the server speaks without encryption',
    () =>
      addressOf(
        createHttp((_, answer) => answer.end('hello')),
        'https',
      ),
  ],
])('a message surely did not go out when %s', async (_, open) => {
  const error = await failureAt(await open());
  expect(surelyNotSent(error)).toBe(true);
  expect(verdict(error, 1)).toMatchObject({ kind: 'retry', reason: expect.stringMatching(/^not sent: /) });
});

test.each(['null', '[]', '"hello"', '{"ok":false}', '{"error":"busy"}', '<html>'])(
  'an answer that is not the Bot API\u2019s (%s) is a passing fault on the way',
  async (text) => {
    const server = createHttp((_, answer) => answer.end(text));
    const error = await failureAt(await addressOf(server, 'http'));
    expect(verdict(error, 9)).toMatchObject({ kind: 'retry', afterMs: 60_000, ours: false });
  },
);

test.each<[string, (socket: Socket) => void]>([
  ['hangs up', (socket) => socket.end()],
  ['breaks off', (socket) => socket.resetAndDestroy()],
])('a message may have gone out when the server %s after the request', async (_, act) => {
  expect(surelyNotSent(await failureAt(await addressOf(atFirstWord(act), 'http')))).toBe(false);
});

test('of a fault, only one before there was a connection means that nothing was sent', () => {
  const told = (message: string, code = 'ETIMEDOUT') => surelyNotSent(network({ code, message }));
  expect(told('request to https://x failed, reason: connect ETIMEDOUT 1.2.3.4:443')).toBe(true);
  expect(told('request to https://x failed, reason: read ETIMEDOUT')).toBe(false);
  expect(told('Connect Timeout Error', 'UND_ERR_CONNECT_TIMEOUT')).toBe(true);
  expect(told('certificate has expired', 'CERT_HAS_EXPIRED')).toBe(true);
  const cutShort = 'Client network socket disconnected before secure TLS connection was established';
  expect(told(cutShort, 'ECONNRESET')).toBe(true);
  expect(surelyNotSent(network({ message: "Request to 'x' timed out after 30 seconds" }))).toBe(false);
});

test('the reason of a network error does not tell the token, which stands in its address', () => {
  const message = 'invalid json response body at https://api.telegram.org/bot42:secret-_1/sendMessage';
  const { reason } = verdict(network({ type: 'invalid-json', message }), 1);
  expect(reason).toContain('/bot<token>/sendMessage');
  expect(reason).not.toContain('secret');
});
