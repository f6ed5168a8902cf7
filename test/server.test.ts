import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../src/store/redis.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../src/store/server.ts';
import { dataDir } from './support/process.ts';

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
