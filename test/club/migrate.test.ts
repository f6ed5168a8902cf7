import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { machines } from '../../src/club/club.ts';
import { migrate, requireFormat } from '../../src/club/migrate.ts';
import { accessOf } from '../../src/club/payments/access.ts';
import { Ledger } from '../../src/club/payments/ledger.ts';
import { prepareMachine } from '../../src/runtime/core/machine.ts';
import { stateName } from '../../src/runtime/core/session.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { timerNamesOf } from '../../src/runtime/core/timers.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { Keys, parseTimerMember } from '../../src/runtime/redis/keys.ts';
import { SettingDiffers } from '../../src/runtime/redis/settings.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { readStates } from '../../src/runtime/reports.ts';
import { startBot } from '../support/bot.ts';
import { edited } from '../support/content.ts';
import { run } from '../support/process.ts';
import { openTestRedis } from '../support/redis.ts';
import { clubId, product } from '../support/shop.ts';

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
      payload: 'club:01234567:30:1.1',
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
    payload: 'club:01234567:30:1.1',
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
    format: '3',
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
  expect(await new Ledger(openRedisStore(redis, where)).of(first)).toMatchObject([
    { direction: 'in' },
    { direction: 'out' },
  ]);
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
  await redis.hset(keys.settings(), 'format', 4);
  await expect(requireFormat(redis, prefix)).rejects.toThrow(/a newer release wrote it/);
  await expect(migrate(redis, where, () => {})).rejects.toThrow(SettingDiffers);
  await redis.del(keys.settings());
  // Nobody has written anything yet.
  await requireFormat(redis, prefix);
});

/**
 * What a bot of format 2 had stored, with people in every state of its machines. Key by key: a hash as it is, other types by
 * their names; the prefix is `p`.
 */
interface Fixture {
  /** The bot's time, ms. */
  readonly at: number;
  readonly people: Readonly<Record<string, number>>;
  readonly charges: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, unknown>>;
}
const fixture = JSON.parse(readFileSync(resolve(import.meta.dirname, 'format-2.json'), 'utf8')) as Fixture;
const person = (name: string) => fixture.people[name] ?? 0;

/** Writes that store under a prefix. */
async function writeFixture(redis: Redis, prefix: string): Promise<void> {
  const pipeline = redis.pipeline();
  for (const [name, value] of Object.entries(fixture.keys)) {
    const key = name.replace(/^\{p/, `{${prefix}`);
    const { zset, list, stream } = value as { zset?: string[]; list?: string[]; stream?: string[] };
    if (typeof value === 'string') pipeline.set(key, value);
    else if (zset !== undefined)
      for (let index = 0; index < zset.length; index += 2)
        pipeline.zadd(key, zset[index + 1] ?? '', zset[index] ?? '');
    else if (list !== undefined) pipeline.rpush(key, ...list);
    else if (stream === undefined) pipeline.hset(key, value as Record<string, string>);
  }
  for (const [, result] of Object.entries((await pipeline.exec()) ?? [])) expect(result[0]).toBeNull();
}

/** That store, with what was on its way between its machines. */
async function openPrevious() {
  const { redis, prefix } = await openTestRedis();
  await writeFixture(redis, prefix);
  const where = { prefix, shards };
  const keys = new Keys(prefix);
  const signals = [
    [
      'membership',
      'trouble',
      'access.granted',
      { language: 'ru', club: true, payments: 2, days: 30, charge: 'x' },
    ],
    ['membership', 'parted', 'access.shortened', { language: 'en', payments: 1, days: 30 }],
    ['membership', 'removing', 'access.revoked', {}],
    ['access', 'twoMonths', 'access.dated', { until: 5 }],
    ['access', 'parted', 'access.ended', { payments: 1 }],
    ['support', 'kept', 'refund.owed', { charge: fixture.charges['keptAgain'], language: 'en' }],
  ] as const;
  for (const [machine, name, type, more] of signals) {
    const [chat, event] = [person(name), { type, ...more }];
    const text = JSON.stringify({ machine, chat, event, hops: 1 });
    await redis.xadd(keys.inbox(shardOf(chat, shards)), '*', `s${chat}`, text);
  }
  const ledger = new Ledger(openRedisStore(redis, where));
  /** Everything that is stored, but for the ids of inbox entries. */
  const everything = async () => {
    const found: Record<string, unknown> = {};
    for (const key of (await redis.keys(`*${prefix}*`)).sort()) {
      const type = await redis.type(key);
      const name = key.replace(prefix, 'p');
      if (type === 'hash') found[name] = await redis.hgetall(key);
      else if (type === 'zset') found[name] = await redis.zrange(key, 0, '-1', 'WITHSCORES');
      else if (type === 'list') found[name] = (await redis.lrange(key, 0, '-1')).sort();
      else if (type === 'stream')
        found[name] = (await redis.xrange(key, '-', '+')).map(([, fields]) => fields.join(' ')).sort();
      else found[name] = await redis.get(key);
    }
    return found;
  };
  const sessions = async () => {
    const found: Record<string, Record<string, unknown>> = {};
    for (const [name, chat] of [
      ...Object.entries(fixture.people),
      ['operator', 900],
      ['second', 901],
    ] as const)
      for (const machine of ['access', 'membership', 'support']) {
        const text = await redis.hget(keys.session(shardOf(chat, shards), machine, chat), 's');
        if (text !== null) found[name] = { ...found[name], [machine]: JSON.parse(text) };
      }
    return found;
  };
  const accessOfName = async (name: string) => accessOf(await ledger.book(person(name)), fixture.at);
  const bring = () => migrate(redis, where, () => {}, fixture.at);
  return { redis, prefix, where, keys, ledger, everything, sessions, accessOfName, bring };
}

test('format 2: every payment says what it bought, and nobody gains or loses time', async () => {
  const { bring, ledger, sessions, accessOfName } = await openPrevious();
  const before = await sessions();
  const untilOf = (name: string) =>
    (before[name]?.['membership'] as { c: { until?: number } } | undefined)?.c.until;
  await bring();
  for (const entry of await ledger.all()) if (entry.direction === 'in') expect(entry.bought).toBeDefined();
  for (const name of ['monthly', 'calledOff'])
    expect(await accessOfName(name)).toMatchObject({ has: true, until: untilOf(name) });
  for (const name of ['twoMonths', 'parted', 'trouble', 'refunding', 'inviting']) {
    const { has, until = 0 } = await accessOfName(name);
    expect(has).toBe(true);
    expect(Math.abs(until - (untilOf(name) ?? 0))).toBeLessThan(5_000);
  }
  for (const name of ['forEver', 'twice', 'kept'])
    expect(await accessOfName(name)).toMatchObject({ has: true, forEver: true });
  for (const name of ['lapsed', 'called', 'removed', 'removalTrouble', 'removing', 'offered', 'idle'])
    expect((await accessOfName(name)).has).toBe(false);

  const bought = (await ledger.of(person('monthly'))).map((payment) => payment.bought);
  expect(bought).toMatchObject([{ first: true }, {}, { until: untilOf('monthly') }]);
  expect(bought.slice(1).some((one) => one !== undefined && 'first' in one)).toBe(false);
  expect(await accessOfName('monthly')).toMatchObject({ renews: true, callOff: [], extras: [] });
  expect(await accessOfName('calledOff')).toMatchObject({ resumable: true });
  expect(await accessOfName('calledOff')).not.toHaveProperty('renews');
});

test('format 2: refunds that were under way are debts of whoever paid, also those that an operator had asked for', async () => {
  const { bring, accessOfName, redis, keys } = await openPrevious();
  const { twiceAgain, refundingAgain, keptAgain, kept, forEver } = fixture.charges;
  await bring();
  expect((await accessOfName('twice')).owed).toEqual([twiceAgain]);
  expect((await accessOfName('refunding')).owed).toEqual([refundingAgain]);
  expect([...(await accessOfName('kept')).owed].sort()).toEqual([kept, keptAgain].sort());
  expect((await accessOfName('forEver')).owed).toEqual([forEver]);
  const inboxes = await Promise.all([0, 1, 2, 3].map((shard) => redis.xrange(keys.inbox(shard), '-', '+')));
  const waiting = inboxes
    .flat()
    .map(([, [, text = '']]) => JSON.parse(text) as { chat: number; event: object });
  const toldTo = (type: string) =>
    [
      ...new Set(
        waiting.filter(({ event }) => 'type' in event && event.type === type).map(({ chat }) => chat),
      ),
    ].sort();
  expect(toldTo('debts.changed')).toEqual(['forEver', 'twice', 'kept', 'refunding'].map(person).sort());
  expect(toldTo('access.changed')).toEqual(['parted', 'trouble', 'removing'].map(person).sort());
  expect(toldTo('access.ended')).toEqual([person('parted')]);
  expect(waiting.find(({ chat }) => chat === person('trouble'))).toMatchObject({
    machine: 'membership',
    event: { type: 'access.changed', language: 'ru', club: true },
  });
  for (const type of ['access.granted', 'access.shortened', 'access.revoked', 'access.dated', 'refund.owed'])
    expect(toldTo(type)).toEqual([]);
});

test('format 2: sessions keep their states and timers, and nothing that the book tells; the counts follow', async () => {
  const { bring, sessions, ledger, redis, keys, prefix, where } = await openPrevious();
  const before = await sessions();
  await bring();
  const after = await sessions();
  const contexts = Object.values(after).flatMap((one) =>
    Object.values(one).map((session) => JSON.stringify(session)),
  );
  for (const field of [
    'payments',
    'charges',
    'invoices',
    'extras',
    'subscription',
    'paidAgain',
    'refunds',
    'failures":2',
  ])
    expect(contexts.filter((text) => text.includes(`"${field}`))).toEqual([]);
  const stateOf = (session: unknown) => (session as { v: unknown } | undefined)?.v;
  for (const [name, machines] of Object.entries(before))
    for (const [machine, session] of Object.entries(machines)) {
      const isGone = /^(refunding|waiting)$/.test(String(stateOf(session)));
      expect(stateOf(after[name]?.[machine])).toEqual(isGone ? 'ready' : stateOf(session));
    }
  expect(after['operator']?.['support']).toMatchObject({ v: 'answering', c: { answering: '110:en' } });
  const until = (await ledger.of(person('monthly'))).map(({ bought }) => bought).at(-1);
  expect(until).toMatchObject({ until: expect.any(Number) });
  expect(after['monthly']?.['membership']).toMatchObject({
    c: {
      until: (until as { until: number }).until,
      ends: (until as { until: number }).until + 6 * 3_600_000,
    },
  });

  // Every timer is known to the machines of today, and every count is that of what stands there.
  const loaded = machines.map((source) => prepareMachine(source));
  const counted: Record<string, number> = {};
  let [expiries, acts] = [0, 0];
  for (let shard = 0; shard < shards; shard++) {
    for (const member of await redis.zrange(keys.timers(shard), 0, '-1')) {
      const { machine, timer } = parseTimerMember(member) ?? {};
      const found = loaded.find(({ id }) => id === machine);
      expect(found === undefined ? [] : timerNamesOf(found)).toContain(timer);
      if (timer === '~expiry') expiries++;
    }
    const fields = await redis.hkeys(keys.ledger(shard));
    acts += fields.filter((field) => field.startsWith('~')).length;
    const books = (await redis.keys(`{${prefix}:${shard}}:book:*`)).map((key) => redis.lrange(key, 0, '-1'));
    expect((await Promise.all(books)).flat().sort()).toEqual(fields.sort());
  }
  for (const one of Object.values(after))
    for (const [machine, session] of Object.entries(one)) {
      const state = stateName(stateOf(session) as never);
      counted[`${machine}:${state}`] = (counted[`${machine}:${state}`] ?? 0) + 1;
    }
  const totals: Record<string, number> = {};
  for (const [machine, states] of Object.entries(await readStates(openRedisStore(redis, where))))
    for (const [state, count] of Object.entries(states))
      if (count !== 0) totals[`${machine}:${state}`] = count;
  expect(totals).toEqual(counted);
  const sum = async (key: (shard: number) => string) =>
    (await redis.mget([0, 1, 2, 3].map(key))).reduce((total, count) => total + Number(count ?? 0), 0);
  expect(await sum(keys.actCount)).toBe(acts);
  expect(await sum(keys.expiryCount)).toBe(expiries);
  expect(acts).toBeGreaterThan(4);
});

test('format 2: it may be cut off anywhere and begun anew, and by two copies at once', async () => {
  const whole = await openPrevious();
  await whole.bring();
  const expected = await whole.everything();
  // A repetition changes nothing.
  await whole.redis.hset(whole.keys.settings(), 'format', 2);
  await whole.bring();
  expect(await whole.everything()).toEqual(expected);

  const together = await openPrevious();
  await Promise.all([together.bring(), together.bring()]);
  expect(await together.everything()).toEqual(expected);

  const cut = await openPrevious();
  const evalsha = cut.redis.evalsha.bind(cut.redis);
  let left = 0;
  cut.redis.evalsha = ((...args: Parameters<typeof evalsha>) =>
    left-- > 0 ? evalsha(...args) : Promise.reject(new Error('cut off'))) as typeof evalsha;
  let attempts = 0;
  for (let isDone = false; !isDone; attempts++) {
    left = Math.floor(attempts / 3);
    isDone = await cut.bring().then(
      () => true,
      (error: Error) => error.message !== 'cut off',
    );
    // Those that were on their way when it was cut off come to their end first.
    await cut.redis.ping();
  }
  expect(attempts).toBeGreaterThan(3);
  expect(await cut.everything()).toEqual(expected);
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

test('format 2: the bot goes on where the previous release stopped: links, removals, refunds, reminders, ends', async () => {
  const folder = await edited(
    ['bot.yaml', 'default_language: ru', 'default_language: en'],
    product.club,
    product.month,
  );
  const bot = await startBot({ variables: { CONTENT_DIR: folder, ADMIN_IDS: '900,901' } });
  await bot.app.stop();
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  await redis.del(...(await redis.keys(`*${bot.prefix}*`)));
  await writeFixture(redis, bot.prefix);
  await redis.hset(new Keys(bot.prefix).settings(), 'bot', bot.sandbox.bot.id);
  bot.clock.shift(fixture.at - bot.clock.now());
  const club = bot.sandbox.club({ id: clubId, joinByRequest: true });
  expect(club).toBeDefined();
  const user = (name: string) => bot.sandbox.user({ id: person(name), firstName: name });
  const users = Object.keys(fixture.people).map(user);
  const operators = [900, 901].map((id) => bot.sandbox.user({ id, firstName: 'Olga' }));
  // They have written to the bot, long ago.
  for (const one of [...users, ...operators]) one.says('hello');
  await fetch(`${bot.sandbox.url}/bot${bot.sandbox.token}/deleteWebhook?drop_pending_updates=true`);
  await bot.restart();
  await bot.settled();

  const stateOf = async (name: string, machine: string) =>
    (await bot.chat(user(name))).sessions.find((session) => session.machine === machine)?.state;
  await expect.poll(() => stateOf('inviting', 'membership')).toBe('active.member');
  await expect.poll(() => stateOf('removing', 'membership')).not.toBe('removing');
  const charges = ['twiceAgain', 'refundingAgain', 'kept', 'forEver'].map((name) => fixture.charges[name]);
  const refunds = () =>
    bot.sandbox.calls
      .filter(({ method }) => method === 'refundStarPayment')
      .map(({ payload }) => payload['telegram_payment_charge_id']);
  for (const charge of charges) await expect.poll(refunds).toContain(charge);
  await bot.settled();
  expect(await stateOf('twice', 'refunds')).toBe('waiting');
  // Nobody but who waited for a link, and the operators, hears anything.
  expect(users.filter(({ messages }) => messages.length > 1).map(({ id }) => id)).toEqual([
    person('inviting'),
  ]);
  operators[0]?.says('It was 250.');
  await operators[0]?.sees('Delivered');
  await user('kept').sees('It was 250.');

  // The reminder and the end of two months, and the end of a subscription that is not renewed.
  for (const name of ['twoMonths', 'monthly']) {
    const { until = 0 } = (await bot.chat(user(name))).access ?? {};
    bot.clock.shift(Math.max(0, until - bot.clock.now() - 12 * 3_600_000));
    if (name === 'twoMonths') await user(name).sees('Renew');
    bot.clock.shift(19 * 3_600_000);
    await user(name).sees('has ended');
    await bot.settled();
    // An idle session goes after an hour.
    expect(['idle', undefined]).toContain(await stateOf(name, 'access'));
  }
  expect((await bot.status()).dead).toBe(0);
});
