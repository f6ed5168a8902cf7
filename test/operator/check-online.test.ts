import { expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/index.ts';
import { type Edit, edited } from '../support/content.ts';
import { run, variablesFor } from '../support/process.ts';

const clubId = -1_001_000_000_001;
const withClub: Edit = ['bot.yaml', 'chat_id:', `chat_id: ${clubId}`];

/** `turnstile check --online` at a local Telegram, with this content. */
async function installed(...edits: Edit[]) {
  const sandbox = await startSandbox({ strict: true });
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox, { CONTENT_DIR: await edited(...edits), ADMIN_IDS: '900' });
  const check = async (more: Record<string, string> = {}, ...flags: string[]) => {
    const program = run(['check', '--online', ...flags], { ...variables, ...more });
    return { code: await program.ended, output: program.output() };
  };
  const results = async (more: Record<string, string> = {}) => {
    const { code, output } = await check(more, '--json');
    const { online } = JSON.parse(output) as { online: { name: string; result: string; says: string }[] };
    return { code, online };
  };
  return { sandbox, check, results };
}

test('what is in order is said so, and nobody is sent anything', async () => {
  const { sandbox, check, results } = await installed(withClub);
  sandbox.club({ id: clubId, title: 'First Step' });
  const anna = sandbox.user();
  anna.says('/start');
  const { code, output } = await check();
  expect(code).toBe(0);
  expect(output).toMatch(/^ok token: @\w+ \(\d+\)$/m);
  expect(output).toMatch(/^ok price: Telegram takes an invoice of 250 XTR in ru, en$/m);
  expect(output).toMatch(/^ok club: “First Step”, where the bot may invite and ban$/m);
  expect(output).toMatch(
    /^unproven media: 9 files keep to the limits that Telegram documents; only sending shows/m,
  );
  expect(await results()).toMatchObject({
    code: 0,
    online: [
      { name: 'token', result: 'ok' },
      { name: 'price', result: 'ok' },
      { name: 'club', result: 'ok' },
      { name: 'media', result: 'unproven' },
    ],
  });
  expect(anna.messages.filter(({ from }) => from === 'bot')).toEqual([]);
  const methods = new Set(sandbox.calls.map(({ method }) => method.toLowerCase()));
  expect([...methods].sort()).toEqual(['createinvoicelink', 'getchat', 'getchatmember', 'getme']);
});

test('the link that was made carries no offer that the bot has signed', async () => {
  const { sandbox, results } = await installed();
  await results();
  const invoices = sandbox.calls.filter(({ method }) => method.toLowerCase() === 'createinvoicelink');
  expect(invoices.map(({ payload }) => payload['payload'])).toEqual(['check', 'check']);
});

test('a subscription is tried as one', async () => {
  const { sandbox, results } = await installed(['bot.yaml', 'subscription:', 'subscription: monthly']);
  expect((await results()).online).toContainEqual({
    name: 'price',
    result: 'ok',
    says: 'Telegram takes an invoice of 250 XTR in ru, en',
  });
  expect(sandbox.calls.find(({ payload }) => payload['subscription_period'] !== undefined)).toBeDefined();
});

test('a refused token is all that can be said', async () => {
  const { results } = await installed();
  expect(await results({ BOT_TOKEN: '1:ANOTHER-TOKEN' })).toEqual({
    code: 78,
    online: [
      {
        name: 'token',
        result: 'wrong',
        says: expect.stringMatching(/^BOT_TOKEN: expected .* refuses \(401 Unauthorized\)$/),
      },
    ],
  });
});

test.each([
  [
    'Bad Request: PAYMENT_PROVIDER_INVALID',
    /^PROVIDER_TOKEN: expected the token of a payment provider .* \(400 Bad Request: PAYMENT_PROVIDER_INVALID\)$/,
  ],
  ['Bad Request: CURRENCY_INVALID', /^product\.currency in bot\.yaml: .* found EUR \(400/],
  ['Bad Request: CURRENCY_TOTAL_AMOUNT_INVALID', /^product\.price in bot\.yaml: .* found 2\.50 EUR \(400/],
  [
    'Bad Request: INVOICE_TITLE_INVALID',
    /^the invoice in ru: .* \(400 Bad Request: INVOICE_TITLE_INVALID\)$/,
  ],
])('a refused invoice names what is to be changed: %s', async (description, says) => {
  const { sandbox, results } = await installed(['bot.yaml', 'currency: XTR', 'currency: EUR']);
  sandbox.fail('createInvoiceLink', { status: 400, description });
  const { code, online } = await results({ PROVIDER_TOKEN: '2:TEST:abc' });
  expect(code).toBe(78);
  expect(online).toContainEqual({ name: 'price', result: 'wrong', says: expect.stringMatching(says) });
});

test('a club without the bot, one where it is a member only, and one where it may not ban', async () => {
  const { sandbox, results } = await installed(withClub);
  const club = async () => {
    const { code, online } = await results();
    return [code, online.find(({ name }) => name === 'club')?.says];
  };
  expect(await club()).toEqual([78, expect.stringContaining('found Bad Request: chat not found')]);
  sandbox.club({ id: clubId }).botBecomes('member');
  expect(await club()).toEqual([
    78,
    expect.stringContaining('expected the bot to be an administrator there'),
  ]);
});

test('a Telegram that does not answer, or asks to wait, says nothing of the settings', async () => {
  const { sandbox, check } = await installed();
  sandbox.fail('createInvoiceLink', {
    status: 429,
    description: 'Too Many Requests: retry after 7',
    retryAfter: 7,
  });
  expect(await check()).toMatchObject({ code: 75, output: expect.stringContaining('retry after 7') });
  expect(await check({ TELEGRAM_API_ROOT: 'http://127.0.0.1:1' })).toMatchObject({
    code: 69,
    output: expect.stringMatching(/http:\/\/127\.0\.0\.1:1 did not answer: not sent: .*Try again later\./),
  });
});

test('without a token there is nothing to try', async () => {
  const { check } = await installed();
  expect(await check({ BOT_TOKEN: '' })).toMatchObject({
    code: 78,
    output: expect.stringContaining('BOT_TOKEN: expected the token'),
  });
});

test('each file is tried in a channel of one’s own, and nothing stays there', async () => {
  const { sandbox, check } = await installed();
  const own = sandbox.club({ id: clubId, title: 'Trials' });
  const good = await check({}, '--media-to', `${own.id}`);
  expect(good.output).toMatch(/^ok media: Telegram takes 9 files$/m);
  expect(good.code).toBe(0);
  const count = (method: string) => sandbox.calls.filter((call) => call.method === method).length;
  expect([count('sendPhoto'), count('sendVideo'), count('sendDocument'), count('deleteMessage')]).toEqual([
    6, 1, 2, 9,
  ]);
  sandbox.fail('sendVideo', { status: 400, description: 'Bad Request: VIDEO_CONTENT_TYPE_INVALID' });
  const bad = await check({}, '--media-to', `${own.id}`);
  expect(bad.output).toMatch(
    /^wrong media: expected files that Telegram takes, found traps\.mp4 as a video \(400/m,
  );
  expect(bad.code).toBe(78);
});
