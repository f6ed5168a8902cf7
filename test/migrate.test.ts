import { expect, inject, test } from 'vitest';
import { shardOf } from '../src/core/shard.ts';
import { Keys } from '../src/store/keys.ts';
import { Ledger } from '../src/store/ledger.ts';
import { migrate, requireFormat } from '../src/store/migrate.ts';
import { SettingDiffers } from '../src/store/store.ts';
import { startBot } from './support/bot.ts';
import { run } from './support/process.ts';
import { openTestRedis } from './support/redis.ts';

const shards = 4;
const due = 1_700_000_000_000;
/** More than one page of each. */
const many = 1_200;

/** A store as the previous release wrote it, with everything of every kind in one shard. */
async function openOld() {
  const { redis, prefix } = await openTestRedis();
  const keys = new Keys(prefix);
  const chats: number[] = [];
  for (let chat = 1; chats.length < many + 4; chat++) if (shardOf(chat, shards) === 2) chats.push(chat);
  const [gone = 0, moved = 0, unlisted = 0, waiting = 0, ...idle] = chats;
  const pipeline = redis.pipeline();
  pipeline.hset(keys.settings(), 'bot', 42);
  const session = (chat: number, state: string, isEnding: boolean) => {
    const key = keys.session(2, 'access', chat);
    pipeline.hset(key, 's', JSON.stringify({ v: state, c: {} }), 'n', 1);
    if (isEnding) pipeline.pexpire(key, 3_600_000);
  };
  const list = (chat: number) =>
    pipeline.zadd(keys.expiring(2, 'access', 'idle'), due + chat, `session:access:${chat}`);
  for (const chat of idle) {
    session(chat, 'idle', true);
    list(chat);
    const payment = {
      charge: `c${chat}`,
      direction: 'in',
      chat,
      payload: '',
      currency: 'XTR',
      amount: 1,
      at: due,
    };
    pipeline.hset(keys.ledger(2), `c${chat}`, JSON.stringify(payment));
  }
  const [first = 0] = idle;
  const refund = {
    charge: `c${first}`,
    direction: 'out',
    chat: first,
    payload: '',
    currency: 'XTR',
    amount: 1,
    at: due + 1,
  };
  pipeline.hset(keys.ledger(2), `c${first}:out`, JSON.stringify(refund));
  list(gone);
  session(moved, 'paid', true);
  list(moved);
  session(unlisted, 'paid', true);
  session(waiting, 'awaiting_payment', false);
  pipeline.zadd(keys.timers(2), due, `access:${waiting}|payment_reminder`);
  pipeline.hset(keys.states(2), { 'access:paid': 2, 'access:awaiting_payment': 1 });
  for (const queue of ['7', '8', '8', '8?']) pipeline.rpush(keys.outbox(2, queue), '1{}');
  pipeline.rpush(keys.outbox(0, '9'), '1{}');
  pipeline.hset(keys.settings(), { shards, bot: 42 });
  await pipeline.exec();
  const where = { prefix, shards };
  /** Everything that the release of today reads. */
  const content = async () => ({
    timers: await redis.zrange(keys.timers(2), 0, '-1', 'WITHSCORES'),
    states: await redis.hgetall(keys.states(2)),
    lists: await redis.zcard(keys.expiring(2, 'access', 'idle')),
    outbox: await redis.mget(...[0, 1, 2, 3].map((shard) => keys.outboxCount(shard))),
    books: await Promise.all(chats.map((chat) => redis.lrange(keys.book(2, chat), 0, '-1'))),
    ending: (await Promise.all(chats.map((chat) => redis.pttl(keys.session(2, 'access', chat))))).filter(
      (left) => left !== -1 && left !== -2,
    ),
    format: await redis.hget(keys.settings(), 'format'),
  });
  const expected = {
    timers: [
      `access:${waiting}|payment_reminder`,
      String(due),
      ...idle.flatMap((chat) => [`access:${chat}|~expiry`, String(due + chat)]),
    ],
    states: { 'access:paid': '2', 'access:awaiting_payment': '1', 'access:idle': String(many) },
    lists: 0,
    outbox: ['1', '0', '4', '0'],
    books: chats.map((chat) =>
      chat < first ? [] : chat === first ? [`c${first}`, `c${first}:out`] : [`c${chat}`],
    ),
    ending: [],
    format: '2',
  };
  const sorted = async () => {
    const found = await content();
    return { ...found, books: found.books.map((book) => book.sort()) };
  };
  return { redis, prefix, where, keys, sorted, expected, first };
}

test('a store of the previous release is brought to this one: endings, books and counts', async () => {
  const { redis, prefix, where, sorted, expected, first } = await openOld();
  await migrate(redis, where, () => {});
  expect(await sorted()).toEqual(expected);
  expect(await new Ledger(redis, where).of(first)).toMatchObject([{ direction: 'in' }, { direction: 'out' }]);
  await requireFormat(redis, prefix);
});

test('it may be cut off anywhere and begun anew', async () => {
  const { redis, where, sorted, expected } = await openOld();
  const evalsha = redis.evalsha.bind(redis);
  let left = 0;
  redis.evalsha = ((...args: Parameters<typeof evalsha>) =>
    left-- > 0 ? evalsha(...args) : Promise.reject(new Error('cut off'))) as typeof redis.evalsha;
  let attempts = 0;
  for (let isDone = false; !isDone; attempts++) {
    // Each length is tried thrice, so that every part is begun anew in turn.
    left = Math.floor(attempts / 3);
    isDone = await migrate(redis, where, () => {}).then(
      () => true,
      (error: Error) => error.message !== 'cut off',
    );
  }
  expect(attempts).toBeGreaterThan(3);
  expect(await sorted()).toEqual(expected);
});

test('copies that start at the same time do it together; a later start leaves what was counted since', async () => {
  const { redis, where, keys, sorted, expected } = await openOld();
  await Promise.all([migrate(redis, where, () => {}), migrate(redis, where, () => {})]);
  expect(await sorted()).toEqual(expected);
  await redis.incrby(keys.outboxCount(2), 5);
  // One that was slower than the rest finds everything done.
  await redis.hdel(keys.settings(), 'format');
  await migrate(redis, where, () => {});
  expect(await sorted()).toEqual({ ...expected, outbox: ['1', '0', '9', '0'] });
});

test('it waits until the copies of the previous release have stopped', async () => {
  const { redis, where, keys, sorted, expected } = await openOld();
  const lines: string[] = [];
  await redis.zadd(keys.copies(), Date.now() + 60_000, 'old');
  const migrating = migrate(redis, where, (line) => lines.push(line));
  await expect.poll(() => lines).toEqual(['waiting until the copies of the previous release have stopped']);
  expect((await sorted()).format).toBeNull();
  await redis.zrem(keys.copies(), 'old');
  await migrating;
  expect(await sorted()).toEqual(expected);
});

test('a store of a newer release is refused; one of the previous release is not read before the bot has run', async () => {
  const { redis, prefix, where, keys } = await openOld();
  await expect(requireFormat(redis, prefix)).rejects.toThrow(/Start the bot once/);
  const status = () => run(['status'], { REDIS_URL: `unix://${inject('redis')}`, REDIS_PREFIX: prefix });
  expect(await status().ended).toBe(78);
  await redis.hset(keys.settings(), 'format', 3);
  await expect(requireFormat(redis, prefix)).rejects.toThrow(/a newer release wrote it/);
  await expect(migrate(redis, where, () => {})).rejects.toThrow(SettingDiffers);
  await redis.del(keys.settings());
  // Nobody has written anything yet.
  await requireFormat(redis, prefix);
});

test('a bot that starts on a store of the previous release knows what was paid', async () => {
  const bot = await startBot();
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  anna.presses('Get access');
  await bot.settled();
  await anna.pays();
  await bot.settled();
  const { redis, prefix } = await openTestRedis();
  const keys = new Keys(bot.prefix);
  expect(prefix).not.toBe(bot.prefix);
  await bot.app.stop();
  await redis.del(keys.book(shardOf(anna.id, shards), anna.id));
  await redis.hdel(keys.settings(), 'format');
  await bot.restart();
  expect((await bot.chat(anna)).payments).toHaveLength(1);
});
