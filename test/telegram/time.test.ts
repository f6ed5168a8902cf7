import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import { readEnvironment } from '../../src/environment.ts';
import { SystemClock } from '../../src/runtime/clock.ts';
import { type SandboxUser, startSandbox } from '../../src/sandbox/index.ts';
import { aheadBy } from '../../src/telegram/time.ts';
import { edited } from '../support/content.ts';
import { dataDir, run, variablesFor } from '../support/process.ts';
import { clubId, days, inviteOf, product } from '../support/shop.ts';

/** What sells 30 days of a club, and the bot as a process whose machine's clock is off. */
async function shop() {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  sandbox.club({ id: clubId });
  const content = await edited(
    ['bot.yaml', 'default_language: ru', 'default_language: en'],
    product.club,
    product.month,
  );
  const variables = variablesFor(sandbox, { DATA_DIR: dataDir(), CONTENT_DIR: content });
  const start = async (offset: number) => {
    const program = run(['start'], { ...variables, TURNSTILE_CLOCK_OFFSET: String(offset) });
    await program.logged('ready');
    return program;
  };
  const buys = async (user: SandboxUser) => {
    user.says('/start');
    await user.sees('Get access');
    user.presses('Get access');
    await sandbox.waitFor(() => user.messages.at(-1)?.kind === 'invoice', 'the invoice');
    await user.pays();
    await user.sees('your way into the club');
    user.joins(inviteOf(user));
    await sandbox.idle();
  };
  const until = async (user: SandboxUser) => {
    const report = run(['chat', String(user.id), '--json'], variables);
    expect(await report.ended).toBe(0);
    const { sessions } = JSON.parse(report.output()) as { sessions: { context: { until?: number } }[] };
    return sessions.flatMap(({ context }) => context.until ?? []).at(0) ?? 0;
  };
  return { sandbox, start, buys, until };
}

const clockLines = (program: { log: () => Record<string, unknown>[] }) =>
  program.log().filter(({ msg }) => String(msg).startsWith('The clock of this machine'));

test.each([
  ['a year ahead of', 365],
  ['two months behind', -60],
])(
  'a machine whose clock is %s Telegram’s: members stay, and what is paid counts by Telegram’s time',
  async (which, off) => {
    const { sandbox, start, buys, until } = await shop();
    const [anna, boris] = [sandbox.user(), sandbox.user()];
    const first = await start(0);
    await buys(anna);
    expect(clockLines(first)).toEqual([]);
    await first.kill('SIGTERM');
    const second = await start(off * days);
    expect(clockLines(second)).toMatchObject([
      { level: 'error', msg: expect.stringContaining(which.split(' ')[2] ?? '') },
    ]);
    expect(clockLines(second)[0]?.['offBy']).toMatch(/^\d+ s$/);
    await buys(boris);
    expect(Math.abs((await until(boris)) - (Date.now() + 30 * days))).toBeLessThan(60_000);
    await second.kill('SIGTERM');
    await start(0);
    anna.says('/help');
    await sandbox.idle();
    expect([anna, boris].map((user) => user.isMember({ id: clubId }))).toEqual([true, true]);
  },
);

test('a clock that goes wrong while the bot runs is set right within 10 minutes; one that was moved on purpose is left', async () => {
  let ahead = 0;
  const sandbox = await startSandbox({ now: () => Date.now() + ahead });
  const clock = new SystemClock();
  const log: Record<string, unknown>[] = [];
  const app = await startApp({
    environment: readEnvironment(variablesFor(sandbox), { token: true }),
    log: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
    clock,
    pollTimeout: 1,
  });
  onTestFinished(async () => {
    await app.stop();
    await sandbox.close();
  });
  const off = () => Math.abs(clock.now() - sandbox.clock.now());
  ahead = days;
  clock.correct(11 * 60_000);
  await expect.poll(off).toBeLessThan(5_000);
  expect(log.filter(({ msg }) => String(msg).startsWith('The clock of this machine'))).toHaveLength(1);
  clock.shift(days);
  const asked = () => sandbox.calls.filter(({ method }) => method === 'getMe').length;
  const before = asked();
  clock.shift(11 * 60_000);
  await expect.poll(asked).toBeGreaterThan(before);
  await sandbox.idle();
  expect(off()).toBeGreaterThan(days);
});

/** A server that answers whatever is asked with these headers and this status. */
async function answering(status: number, headers: Record<string, string>): Promise<string> {
  const server = createServer((_, response) => {
    response.sendDate = false;
    response.writeHead(status, headers).end('{"ok":true}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('Telegram’s time is read from the Date of its answers, and from nothing else', async () => {
  const now = Date.parse('2026-11-01T12:00:00Z');
  const ahead = async (status: number, headers: Record<string, string>) =>
    aheadBy(await answering(status, headers), '1:x', () => now);
  const date = 'Sun, 01 Nov 2026 13:00:00 GMT';
  expect(await ahead(200, { date })).toBe(3_600_500);
  expect(await ahead(200, {})).toBe(null);
  expect(await ahead(200, { date: 'soon' })).toBe(null);
  // A login page on the way has a clock of its own.
  expect(await ahead(502, { date })).toBe(null);
  expect(await aheadBy('http://127.0.0.1:9', '1:x', () => now)).toBe(null);
});
