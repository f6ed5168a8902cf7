import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/runtime/redis/connect.ts';
import { startEmbeddedRedis } from '../../src/runtime/redis/server.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/index.ts';
import { dataDir, type Program, run, variablesFor } from '../support/process.ts';

async function sandboxOf(options?: SandboxOptions): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  return sandbox;
}

async function bot(sandbox: Sandbox, variables: Record<string, string>): Promise<Program> {
  const program = run(['start'], variablesFor(sandbox, variables));
  await program.logged('ready');
  return program;
}

/** The process id of the Redis that a DATA_DIR's bot runs. */
async function redisPid(folder: string): Promise<number> {
  const redis = connect(join(folder, 'redis/redis.sock'));
  try {
    return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  } finally {
    redis.disconnect();
  }
}

const report = async (args: string[], folder: string) => {
  const program = run([...args, '--json'], { DATA_DIR: folder });
  expect(await program.ended).toBe(0);
  return JSON.parse(program.output());
};

test.each(['the bot', 'the bot and its Redis'])(
  'after a kill -9 of %s, state, reminders and unsent messages go on',
  async (what) => {
    const folder = dataDir();
    const sandbox = await sandboxOf();
    const [anna, boris] = [sandbox.user(), sandbox.user()];
    const first = await bot(sandbox, { DATA_DIR: folder });
    anna.says('/start');
    await anna.sees('Get access');
    anna.presses('Get access');
    await sandbox.waitFor(() => anna.messages.at(-1)?.kind === 'invoice', 'the invoice');
    // An answer that cannot be sent yet waits in the outbox.
    sandbox.fail('sendMessage', { status: 500, description: 'Internal Server Error' }, { chat: boris.id });
    boris.says('/start');
    await first.logged('an effect failed; trying again');
    const pid = await redisPid(folder);
    if (what !== 'the bot') process.kill(pid, 'SIGKILL');
    expect(await first.kill('SIGKILL')).toBe('SIGKILL');
    // What comes while the bot is down waits at Telegram.
    anna.says('/help');

    const before = anna.messages.length;
    sandbox.clock.advance('5m');
    await bot(sandbox, { DATA_DIR: folder, TURNSTILE_CLOCK_OFFSET: String(5 * 60_000) });
    await boris.sees('Get access');
    await anna.sees('3 traps');
    await sandbox.waitFor(() => anna.messages.length === before + 2, 'the help and the reminder');
    expect((await redisPid(folder)) === pid).toBe(what === 'the bot');
    expect(await report(['chat', String(anna.id)], folder)).toMatchObject({
      chat: anna.id,
      sessions: [
        {
          machine: 'access',
          state: 'awaiting_payment',
          timers: [{ name: 'second_reminder' }, { name: 'offer_expiry' }],
        },
      ],
      payments: [],
    });
    expect(await report(['status'], folder)).toMatchObject({
      states: { access: { idle: 1, awaiting_payment: 1, paid: 0, topic_selected: 0 } },
      timers: 2,
      inbox: 0,
      dead: 0,
      chats: 2,
      payments: 0,
    });
  },
);

test('while Redis is away nothing is confirmed to Telegram; when it is back, the bot goes on by itself', async () => {
  const folder = dataDir();
  const server = await startEmbeddedRedis(folder);
  const sandbox = await sandboxOf();
  const program = await bot(sandbox, { REDIS_URL: `unix://${server.socket}` });
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  process.kill(await redisPid(folder), 'SIGKILL');
  anna.says('/help');
  const polls = () => sandbox.calls.filter(({ method }) => method === 'getUpdates').length;
  // The poller holds the update, cannot store it, and asks for nothing more.
  await expect.poll(() => program.output()).toContain('Redis is away');
  const asked = polls();
  expect(sandbox.pendingUpdates).toBe(1);
  // The lock of the folder is this test's; the server is started as an operator's service would be.
  await server.stop();
  const again = await startEmbeddedRedis(folder);
  onTestFinished(() => again.stop());
  await sandbox.waitFor(() => anna.messages.filter(({ from }) => from === 'bot').length === 2, 'the help');
  await sandbox.waitFor(() => sandbox.pendingUpdates === 0, 'the confirmation');
  expect(polls()).toBeGreaterThan(asked);
  expect(program.child.exitCode).toBeNull();
  const said = (text: string) => program.log().filter(({ msg }) => String(msg).startsWith(text)).length;
  await expect.poll(() => [said('Redis is away'), said('Redis is back')]).toEqual([1, 1]);
});

test('a second bot on the same DATA_DIR is refused with the first one named; exit code 75', async () => {
  const folder = dataDir();
  const sandbox = await sandboxOf();
  const first = await bot(sandbox, { DATA_DIR: folder });
  const second = run(['start'], variablesFor(sandbox, { DATA_DIR: folder }));
  expect(await second.ended).toBe(75);
  expect(second.output()).toContain(`process ${first.pid}`);
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  expect(await first.kill('SIGTERM')).toBe(0);
  expect(first.log().at(-1)).toMatchObject({ msg: 'stopped' });
});

test('a token that Telegram refuses: exit code 78, the reason, and the token nowhere', async () => {
  const sandbox = await sandboxOf();
  const token = '123456:secret-secret-secret-secret-secret';
  const program = run(['start'], variablesFor(sandbox, { BOT_TOKEN: token }));
  expect(await program.ended).toBe(78);
  expect(program.output()).toContain('BOT_TOKEN');
  expect(program.output()).toContain('401');
  expect(program.output()).not.toContain('secret');
});

test('a token that is refused once after Telegram has taken it ends no start', async () => {
  const sandbox = await sandboxOf();
  sandbox.fail('deleteWebhook', { status: 401, description: 'Unauthorized' });
  const anna = sandbox.user();
  anna.says('/start');
  await bot(sandbox, {});
  await anna.sees('Get access');
});

test('with Telegram out of reach the bot waits, and the token stands in no line', async () => {
  const sandbox = await sandboxOf();
  const program = run(
    ['start'],
    variablesFor(sandbox, { TELEGRAM_API_ROOT: 'http://127.0.0.1:9', LOG_LEVEL: 'trace' }),
  );
  await program.logged('Telegram cannot be reached; trying again');
  expect(await program.kill('SIGTERM')).toBe(0);
  expect(program.output()).not.toContain(sandbox.token.slice(3));
});

test('every problem of the environment at once, exit code 78', async () => {
  const program = run(['start'], {
    REDIS_URL: 'http://nowhere',
    SHARDS: 'many',
    RATE_BULK: '-1',
    ADMIN_IDS: '1,@x',
    HTTP_PORT: '99999999',
  });
  expect(await program.ended).toBe(78);
  for (const name of ['BOT_TOKEN', 'REDIS_URL', 'SHARDS', 'RATE_BULK', 'ADMIN_IDS', 'HTTP_PORT'])
    expect(program.output()).toContain(name);
});

test('broken content: every problem with file and line, exit code 78', async () => {
  const sandbox = await sandboxOf();
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-content-'));
  execFileSync('cp', ['-r', 'content/.', folder]);
  const file = join(folder, 'bot.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/price: .*/, 'price: free').replace(/payment_reminder: .*/, 'payment_reminder: soon'),
  );
  const program = run(['start'], variablesFor(sandbox, { CONTENT_DIR: folder }));
  expect(await program.ended).toBe(78);
  const line = (name: string) => 1 + text.split('\n').findIndex((row) => row.trimStart().startsWith(name));
  expect(program.output()).toContain(`bot.yaml:${line('price')}`);
  expect(program.output()).toContain(`bot.yaml:${line('payment_reminder')}`);
});

test('Redis out of reach for 30 s: exit code 69 with what was tried', async () => {
  const sandbox = await sandboxOf();
  const program = run(['start'], variablesFor(sandbox, { REDIS_URL: 'redis://user:password@127.0.0.1:9' }));
  await program.logged(/Redis does not answer yet/);
  program.shift(30_000);
  expect(await program.ended).toBe(69);
  expect(program.output()).toMatch(/127\.0\.0\.1:9.*30 s.*ECONNREFUSED/);
  expect(program.output()).not.toContain('password');
});

test('a Redis that may evict keys is refused: exit code 78', async () => {
  const server = await startEmbeddedRedis(dataDir());
  onTestFinished(() => server.stop());
  const redis = connect(server.socket);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  redis.disconnect();
  const program = run(['start'], variablesFor(await sandboxOf(), { REDIS_URL: `unix://${server.socket}` }));
  expect(await program.ended).toBe(78);
  expect(program.output()).toContain('noeviction');
});

test('a webhook that is still set is removed, and what waits is kept', async () => {
  const sandbox = await sandboxOf();
  const anna = sandbox.user();
  anna.says('/start');
  await fetch(`${sandbox.url}/bot${sandbox.token}/setWebhook?url=https://example.org/`);
  await bot(sandbox, {});
  await anna.sees('Get access');
});

test('another program that keeps polling: exit code 75 and a clear message', async () => {
  const sandbox = await sandboxOf();
  const program = await bot(sandbox, {});
  const poll = () => fetch(`${sandbox.url}/bot${sandbox.token}/getUpdates`).catch(() => {});
  const conflicts = () =>
    program.log().filter(({ msg }) => msg === 'another program polls with this token; trying again').length;
  while (program.child.exitCode === null) {
    const before = conflicts();
    await poll();
    if (conflicts() > before) program.shift(3_000);
  }
  expect(await program.ended).toBe(75);
  expect(program.output()).toContain('Another program polls Telegram with the same BOT_TOKEN');
});

test('SIGTERM while Redis is away ends the bot all the same', async () => {
  const folder = dataDir();
  const server = await startEmbeddedRedis(folder);
  const sandbox = await sandboxOf();
  const program = await bot(sandbox, { REDIS_URL: `unix://${server.socket}` });
  process.kill(await redisPid(folder), 'SIGKILL');
  sandbox.user().says('/start');
  await expect.poll(() => program.output()).toContain('Redis is away');
  expect(await program.kill('SIGTERM')).toBe(0);
  await server.stop();
});

test.each([
  ['its memory is full', ['maxmemory', '1'], ['maxmemory', '0']],
  ['it refuses every write', ['min-replicas-to-write', '1'], ['min-replicas-to-write', '0']],
] as const)(
  'while Redis stores nothing because %s, nothing is confirmed and nothing is sent twice; then the bot goes on',
  async (_, refuse, accept) => {
    const server = await startEmbeddedRedis(dataDir());
    onTestFinished(() => server.stop());
    // Written at once, so that it comes before the bot's note of the same message.
    const redis = connect(server.socket, { enableAutoPipelining: false });
    await redis.ping();
    onTestFinished(() => redis.disconnect());
    const sandbox = await sandboxOf();
    const program = await bot(sandbox, { REDIS_URL: `unix://${server.socket}` });
    const [anna, boris] = [sandbox.user(), sandbox.user()];
    const heard = (user: typeof anna) => user.messages.filter(({ from }) => from === 'bot').length;
    // The store stops taking anything in the moment in which Telegram has taken the answer.
    let refused: Promise<unknown> | undefined;
    const stop = sandbox.onMessage(({ from }) => {
      if (from === 'bot') refused ??= redis.config('SET', ...refuse);
    });
    anna.says('/start');
    await anna.sees('Get access');
    await refused;
    boris.says('/start');
    // Longer than the outbox is left alone: an answer without a note would be sent again meanwhile.
    const failures = () => program.log().filter(({ msg }) => msg === 'polling failed; trying again').length;
    await expect.poll(failures, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(sandbox.pendingUpdates).toBeGreaterThan(0);
    stop();
    await redis.config('SET', ...accept);
    await sandbox.waitFor(() => heard(boris) === 1, 'the answer to the other', 10_000);
    await sandbox.waitFor(() => sandbox.pendingUpdates === 0, 'the confirmation', 10_000);
    expect(heard(anna)).toBe(1);
    expect(program.child.exitCode).toBeNull();
  },
);

test('a signal while Telegram is still being waited for ends the embedded Redis as well', async () => {
  const folder = dataDir();
  const variables = variablesFor(await sandboxOf(), {
    DATA_DIR: folder,
    TELEGRAM_API_ROOT: 'http://127.0.0.1:9',
  });
  const program = run(['start'], variables);
  await program.logged('Telegram cannot be reached; trying again');
  const pid = await redisPid(folder);
  expect(await program.kill('SIGTERM')).toBe(0);
  await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
});

test('a bot whose log nobody reads any more ends all the same when it is told to', async () => {
  const sandbox = await sandboxOf();
  const program = await bot(sandbox, { LOG_LEVEL: 'debug' });
  program.child.stdout?.destroy();
  program.child.stderr?.destroy();
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  expect(await program.kill('SIGTERM')).toBe(0);
});

test('a log that nobody reads is held up to a bound; how much was dropped is said when the reader is back', async () => {
  const total = 160_000;
  const program = `
    import { createLog } from './dist/src/cli/log.js';
    const { logger, flush } = createLog('info', []);
    for (let n = 0; n < ${total}; n++) {
      logger.info({ n, filling: 'x'.repeat(200) });
      if (n % 1_000 === 0) await new Promise(setImmediate);
    }
    globalThis.gc();
    process.stderr.write(String(process.memoryUsage().heapUsed));
    process.stdin.once('data', async () => {
      await flush();
      process.exit();
    });`;
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [held] = (await once(child.stderr, 'data')) as [Buffer];
  expect(Number(held)).toBeLessThan(32 * 1_024 * 1_024);
  const lines: Record<string, unknown>[] = [];
  const reading = (async () => {
    for await (const line of createInterface(child.stdout)) lines.push(JSON.parse(line));
  })();
  const dropped = () => lines.reduce((sum, line) => sum + Number(line['lines'] ?? 0), 0);
  await expect.poll(dropped, { timeout: 10_000 }).toBeGreaterThan(0);
  child.stdin.write('end');
  await reading;
  const said = lines.filter((line) => line['lines'] !== undefined);
  expect(lines.length - said.length + dropped()).toBe(total);
  expect(said[0]?.['msg']).toBe(`${said[0]?.['lines']} log lines were dropped since nobody read them`);
});
