import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { SystemClock } from '../../src/runtime/clock.ts';
import type { StoredLetter } from '../../src/runtime/letters.ts';
import { DeadLetters } from '../../src/runtime/letters.ts';
import { Retention } from '../../src/runtime/loops/retention.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { startBot } from '../support/bot.ts';
import { dataDir } from '../support/process.ts';
import { openTestRedis } from '../support/redis.ts';

const day = 86_400_000;

async function openRetention(holds: (shard: number) => boolean = () => true) {
  const { redis, prefix } = await openTestRedis();
  const where = { prefix, shards: 4 };
  const store = openRedisStore(redis, where);
  const letters = new DeadLetters(openRedisStore(redis, where));
  const clock = new SystemClock();
  const folder = join(dataDir(), 'not/there/yet');
  const file = join(folder, 'dead-letters.jsonl');
  const log: { level: number; msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => void log.push(JSON.parse(line)) });
  const retention = new Retention({ store, letters, holds, file, clock, log: logger });
  /** Numbered letters, each an age in days, that stand in the shards in turn. */
  const add = async (ages: readonly number[]) => {
    const pipeline = redis.pipeline();
    for (const [n, age] of ages.entries()) {
      const letter = { kind: 'update', error: 'x', at: clock.now() - age * day, body: n };
      pipeline.xadd(store.keys.dead(n % 4), '*', 'd', JSON.stringify(letter));
    }
    await pipeline.exec();
  };
  const left = async () => {
    const numbers: unknown[] = [];
    for await (const { letter } of letters.all()) numbers.push(letter.body);
    return numbers;
  };
  const lines = () =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StoredLetter);
  return { retention, add, left, lines, log, file, folder, clock, store };
}

test('letters of more than 30 days go to a file that only the bot reads, one a line', async () => {
  const { retention, add, left, lines, file, clock } = await openRetention();
  await add([40, 31, 29, 0]);
  await retention.look();
  expect(await left()).toEqual([2, 3]);
  expect(lines()).toMatchObject([
    { id: expect.stringMatching(/^0-\d+-\d+$/), letter: { kind: 'update', error: 'x', body: 0 } },
    { letter: { body: 1 } },
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  clock.shift(2 * day);
  await retention.look();
  expect(lines().map(({ letter }) => letter.body)).toEqual([0, 1, 2]);
});

test('of more than 100,000 letters the oldest go, whatever their shard', async () => {
  const { retention, add, left, lines } = await openRetention();
  const count = 100_700;
  await add(Array.from({ length: count }, (_, n) => 20 - n / count));
  await retention.look();
  expect(lines().map(({ letter }) => letter.body)).toEqual(Array.from({ length: 700 }, (_, n) => n));
  expect((await left()).length).toBe(100_000);
});

test('each copy moves the letters of its own shards', async () => {
  const { retention, add, left, lines } = await openRetention((shard) => shard === 1);
  await add([40, 40, 40, 40, 40, 40]);
  await retention.look();
  expect(lines().map(({ letter }) => letter.body)).toEqual([1, 5]);
  expect((await left()).sort()).toEqual([0, 2, 3, 4]);
});

test('while the file cannot be written nothing is removed, and the log says so once', async () => {
  const { retention, add, left, lines, log, file } = await openRetention();
  await add([40, 0]);
  mkdirSync(file, { recursive: true });
  await retention.look();
  await retention.look();
  expect(await left()).toEqual([0, 1]);
  expect(log).toMatchObject([
    { level: 50, msg: expect.stringContaining('could not be moved to their file') },
  ]);
  rmdirSync(file);
  await retention.look();
  expect(await left()).toEqual([1]);
  expect(lines()).toHaveLength(1);
});

test('a line that a full disk cut short spoils no other', async () => {
  const { retention, add, file, folder } = await openRetention();
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, '{"id":"0-1-1","let');
  await add([40]);
  await retention.look();
  const [cut, whole] = readFileSync(file, 'utf8').split('\n');
  expect(cut).toBe('{"id":"0-1-1","let');
  expect(JSON.parse(whole ?? '')).toMatchObject({ letter: { body: 0 } });
});

test('a running bot looks each minute, and writes to its own DATA_DIR', async () => {
  const folder = dataDir();
  const bot = await startBot({ variables: { DATA_DIR: folder } });
  bot.sandbox.fail('sendMessage', { status: 400, description: "Bad Request: can't parse entities" });
  bot.sandbox.user().says('/start');
  await expect.poll(async () => (await bot.status()).dead).toBe(1);
  bot.clock.shift(31 * day);
  await expect.poll(async () => (await bot.status()).dead).toBe(0);
  expect(readFileSync(join(folder, 'dead-letters.jsonl'), 'utf8')).toContain("can't parse entities");
});
