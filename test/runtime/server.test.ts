import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import { readEnvironment } from '../../src/environment.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { type EmbeddedRedis, findEmbeddedRedis, startEmbeddedRedis } from '../../src/runtime/redis/server.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { dataDir, run, variablesFor } from '../support/process.ts';

/** Starts the server, uses it, and kills it as a power failure would. */
async function useAndKill(folder: string, use: (redis: ReturnType<typeof connect>) => Promise<unknown>) {
  const server: EmbeddedRedis = await startEmbeddedRedis(folder);
  const redis = connect(server.socket, { retryStrategy: () => null });
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  const result = await use(redis);
  process.kill(pid, 'SIGKILL');
  redis.disconnect();
  await server.stop();
  return result;
}

test('a write that a kill tore in the middle is left out, now and at every later start', async () => {
  const folder = dataDir();
  await useAndKill(folder, (redis) => redis.set('a', 'whole'));
  const files = join(folder, 'redis/appendonlydir');
  const last = readdirSync(files).find((name) => name.endsWith('.incr.aof')) ?? '';
  const command = (...words: string[]) =>
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
  // A script is written as one transaction; here its end is missing.
  const torn = command('MULTI') + command('SET', 'a', 'torn') + command('SET', 'b', 'torn').slice(0, 15);
  appendFileSync(join(files, last), torn);
  const read = (redis: ReturnType<typeof connect>) => redis.mget('a', 'b');
  const write = async (redis: ReturnType<typeof connect>) => {
    const found = await read(redis);
    await redis.set('c', 'later');
    return found;
  };
  expect(await useAndKill(folder, write)).toEqual(['whole', null]);
  const server = await startEmbeddedRedis(folder);
  onTestFinished(() => server.stop());
  const redis = connect(server.socket);
  onTestFinished(() => redis.disconnect());
  expect(await redis.mget('a', 'b', 'c')).toEqual(['whole', null, 'later']);
});

test('a commit that Redis had answered and lost with a kill is made again, and its chat goes on in order', async () => {
  const folder = dataDir();
  let server = await startEmbeddedRedis(folder);
  const sandbox = await startSandbox();
  const control = connect(server.socket);
  const pid = async () => Number(/process_id:(\d+)/.exec(await control.info('server'))?.[1]);
  const files = join(folder, 'redis/appendonlydir');
  let isKept = false;
  let isLost = false;
  const app = await startApp({
    environment: readEnvironment(variablesFor(sandbox, { REDIS_URL: `unix://${server.socket}` }), {
      token: true,
    }),
    log: pino({ level: 'silent' }),
    pollTimeout: 1,
    at: async (point) => {
      if (point === 'cause read' && !isKept) {
        isKept = true;
        cpSync(files, `${files}-before`, { recursive: true });
      } else if (point === 'step committed' && !isLost) {
        isLost = true;
        process.kill(await pid(), 'SIGKILL');
        await server.stop();
        rmSync(files, { recursive: true });
        cpSync(`${files}-before`, files, { recursive: true });
        server = await startEmbeddedRedis(folder);
      }
    },
  });
  onTestFinished(async () => {
    await app.stop();
    control.disconnect();
    await server.stop();
    await sandbox.close();
  });
  const anna = sandbox.user();
  anna.says('/start');
  anna.says('/help');
  const texts = () => anna.messages.filter(({ from }) => from === 'bot').map(({ text }) => text.slice(0, 5));
  await sandbox.waitFor(() => texts().length === 2, 'both answers', 10_000);
  expect(texts()).toEqual(['Hello', 'What ']);
});

test('updates count as stored only while the server that took them still runs', async () => {
  const server = await startEmbeddedRedis(dataDir());
  onTestFinished(() => server.stop());
  const redis = connect(server.socket);
  onTestFinished(() => redis.disconnect());
  const store = openRedisStore(redis, { prefix: 'test', shards: 1 });
  await expect(store.untilWritten(await store.server())).resolves.toBeUndefined();
  await expect(store.untilWritten('another')).rejects.toThrow('started anew');
});

/** A process that starts the server of a DATA_DIR when it is told to, and then holds it. */
function starter(folder: string) {
  const server = join(import.meta.dirname, '../../dist/src/runtime/redis/server.js');
  const code = `
    import { startEmbeddedRedis } from ${JSON.stringify(server)};
    process.once('disconnect', () => process.exit(0));
    process.on('message', () =>
      startEmbeddedRedis(${JSON.stringify(folder)}).then(
        () => process.send('held'),
        (error) => process.send(error.name + ': ' + error.message),
      ),
    );
    process.send('waiting');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const next = async () => String((await once(child, 'message'))[0]);
  return { child, waiting: next(), next };
}

test('of many that start at once where a killed one has left its lock, one works with the folder', async () => {
  const folder = dataDir();
  for (let round = 0; round < 2; round++) {
    const starters = Array.from({ length: 6 }, () => starter(folder));
    await Promise.all(starters.map(({ waiting }) => waiting));
    const outcomes = starters.map(({ next }) => next());
    for (const { child } of starters) child.send('go');
    const said = await Promise.all(outcomes);
    const holders = starters.filter((_, index) => said[index] === 'held');
    expect(holders, said.join('\n')).toHaveLength(1);
    const refused = said.filter((text) => text.startsWith('DataDirInUse'));
    expect(refused).toHaveLength(5);
    for (const text of refused) expect(text).toContain(`process ${holders[0]?.child.pid}`);
    for (const { child } of starters) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  expect(
    readdirSync(join(folder, 'redis')).filter((name) => name.startsWith('bot.')).length,
  ).toBeLessThanOrEqual(1);
});

test('of many that start at once in any order of their steps, one works with the folder', async () => {
  const folder = dataDir();
  for (let round = 0; round < 4; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => startEmbeddedRedis(folder)));
    const holders = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(holders).toHaveLength(1);
    // A lock is left behind, as by a kill.
    await holders[0]?.stop();
    const left = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(join(folder, 'redis', ['bot.sock', 'bot.00000left'][round % 2] ?? ''))}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(left, 'exit');
  }
});

/** A server whose bot was killed, with its process id. */
async function leftBehind(settings: readonly string[] = []) {
  const folder = dataDir();
  const redis = join(folder, 'redis');
  mkdirSync(redis, { recursive: true });
  const child = spawn(
    'redis-server',
    [
      ...['--port', '0', '--unixsocket', join(redis, 'redis.sock'), '--dir', redis, '--appendonly', 'yes'],
      ...['--save', '', '--pidfile', join(redis, 'redis.pid'), ...settings],
    ],
    { stdio: 'ignore' },
  );
  const resume = () => void child.kill('SIGCONT');
  onTestFinished(resume);
  return { folder, child, resume, socket: join(redis, 'redis.sock') };
}

test('a server that accepts and never answers is named with what to do, and given up', async () => {
  const { folder, child, socket } = await leftBehind();
  await expect.poll(() => findEmbeddedRedis(folder)).toBe(socket);
  child.kill('SIGSTOP');
  for (const start of [startEmbeddedRedis, findEmbeddedRedis]) {
    await expect(start(folder, { silence: 1_000 })).rejects.toThrow(
      new RegExp(
        `process ${child.pid}, socket ${socket}\\) accepts connections and does not answer; .*kill -9 ${child.pid}`,
      ),
    );
  }
});

test.each(['start', 'status'])(
  '%s names a server that hangs after 5 s, and goes on when it answers',
  async (command) => {
    const { folder, child, socket, resume } = await leftBehind();
    await expect.poll(() => findEmbeddedRedis(folder)).toBe(socket);
    child.kill('SIGSTOP');
    const sandbox = await startSandbox();
    onTestFinished(() => sandbox.close());
    const program = run([command], variablesFor(sandbox, { DATA_DIR: folder }));
    await expect
      .poll(() => program.output(), { timeout: 15_000 })
      .toContain(
        `The embedded Redis (process ${child.pid}, socket ${socket}) accepts connections and does not answer`,
      );
    resume();
    if (command === 'start') {
      await program.logged('ready');
      expect(await program.kill('SIGTERM')).toBe(0);
    } else expect(await program.ended).toBe(0);
  },
);

test('a server that reads a large file is waited for, and named with how far it is', async () => {
  const { folder, child, socket } = await leftBehind();
  await expect.poll(() => findEmbeddedRedis(folder)).toBe(socket);
  const redis = connect(socket);
  await redis.eval("for i = 1, 8000 do redis.call('SET', KEYS[1] .. i, string.rep('x', 500)) end", 1, 'key');
  redis.disconnect();
  child.kill('SIGTERM');
  await once(child, 'exit');
  const settings = ['--unixsocket', socket, '--port', '0', '--dir', join(folder, 'redis'), '--save', ''];
  spawn('redis-server', [...settings, '--appendonly', 'yes', '--key-load-delay', '1000'], {
    stdio: 'ignore',
  });
  const lines: string[] = [];
  const found = () => findEmbeddedRedis(folder, { silence: 2_500, says: (line) => lines.push(line) });
  await expect.poll(found, { timeout: 25_000 }).toBe(socket);
  expect(lines[0]).toMatch(/is still reading its file, \d+ of [1-9]\d* MB; waiting for it/);
});

test('an embedded server that hangs does not keep the bot from ending', async () => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const folder = dataDir();
  const program = run(['start'], variablesFor(sandbox, { DATA_DIR: folder }));
  await program.logged('ready');
  const redis = connect(join(folder, 'redis/redis.sock'));
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  redis.disconnect();
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(pid, 'SIGCONT'));
  const since = performance.now();
  expect(await program.kill('SIGTERM')).toBe(0);
  expect(performance.now() - since).toBeLessThan(15_000);
});

test('a program that has stopped its server ends at once: no timer is left that would keep it', async () => {
  const module = join(import.meta.dirname, '../../dist/src/runtime/redis/server.js');
  const script = `
    const { startEmbeddedRedis } = await import(${JSON.stringify(module)});
    await (await startEmbeddedRedis(process.argv[1])).stop();
    console.log(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir()]);
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  await once(child, 'close');
  expect(output).toBe('0\n');
});
