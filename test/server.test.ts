import { appendFileSync, cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startApp } from '../src/app.ts';
import { readEnvironment } from '../src/ops/environment.ts';
import { startSandbox } from '../src/sandbox/sandbox.ts';
import { connect } from '../src/store/redis.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../src/store/server.ts';
import { Store } from '../src/store/store.ts';
import { dataDir, variablesFor } from './support/process.ts';

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
  const store = new Store(redis, { prefix: 'test', shards: 1 });
  await expect(store.untilWritten(await store.server())).resolves.toBeUndefined();
  await expect(store.untilWritten('another')).rejects.toThrow('started anew');
});
