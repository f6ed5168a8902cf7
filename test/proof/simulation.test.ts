import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Payment } from '../../src/club/payments/book.ts';
import { Ledger } from '../../src/club/payments/ledger.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { openTestRedis } from '../support/redis.ts';
import { type Ground, type Guard, guards, Memory, touched, type Verbs } from './simulation/model.ts';
import { oddities, World } from './simulation/world.ts';

const both = (names: readonly string[], words: readonly string[]) =>
  names.flatMap((name) => words.map((word) => `${name}${word}`));
const anyOf = (weight: number, names: readonly string[], words: readonly string[]) => ({
  weight,
  arbitrary: fc.constantFrom(...both(names, words)),
});
const people = ['anna: ', 'boris: '];
const copies = ['A ', 'B '];
const loops = ['poll', 'work', 'fire', 'send'];

/** What happens, one line each; a case that fails is printed, and shrinks, as such lines. */
const line = fc.oneof(
  anyOf(5, people, [
    ...['/start', 'wants access', 'picks a topic', 'pays', 'pays, told once more', 'gets money back'],
    ...['wants a job', 'cancels the job', 'blocks the bot', 'comes back'],
  ]),
  anyOf(2, people, Object.keys(oddities)),
  anyOf(
    1,
    ["anna's ", "boris's "],
    [
      ...['session is spoiled', 'session is mended', 'session changes', 'session keeps changing'],
      'timers bear former names',
    ],
  ),
  anyOf(
    8,
    copies,
    loops.map((loop) => `${loop}s`),
  ),
  anyOf(2, copies, ['works at once', 'sends at once']),
  anyOf(
    5,
    copies,
    loops.map((loop) => `begins to ${loop}`),
  ),
  anyOf(5, copies, ['goes on']),
  anyOf(3, copies, ['takes over', 'crashes', 'hands over', 'is updated', 'renews its holds']),
  anyOf(2, ['clock '], ['+1s', '+5m', '+1d', '+100d']),
  anyOf(1, ["A's clock ", "B's clock ", "Redis' clock "], ['+30s', '-30s', '+1m', '-1m']),
  anyOf(1, ["Redis' clock "], ['+1d', '-1d']),
  anyOf(
    2,
    [''],
    [
      ...['the next send fails', "the next send's answer is lost", 'the next write is repeated'],
      ...['the next result is refused', 'Telegram delivers again'],
    ],
  ),
);
const transcript = fc.array(line, { minLength: 1, maxLength: 80, size: 'max' });

const split = (lines: string): [string[]] => [
  lines.split(/, (?=[AB] |[AB]'s |Redis' |anna|boris|clock|the next|Telegram)/),
];

const onModel = (lines: readonly string[], without?: Guard) =>
  World.play(lines, new Memory(without), without);

/** Cases that only one guard stands against, as they were found and shrunk. */
const kept: [string[]][] = [
  // An offer is about to end, and its payment waits at Telegram, or in the inbox.
  'anna: wants access, A polls, A works, anna: pays, clock +1d, A fires, A fires',
  'anna: wants access, A polls, A works, anna: pays, clock +1d, A polls, A fires, A fires',
  // A reminder is claimed by one copy, and fired by another that takes over.
  'anna: wants access, A polls, A works, clock +5m, A begins to fire, B takes over, B fires, A goes on',
  // The same, and the first one is the owner again when it goes on.
  'anna: wants access, A polls, A works, clock +5m, A begins to fire, A goes on, B begins to fire, B goes on, ' +
    'B takes over, B goes on, B goes on, A takes over, A goes on',
  // A copy that is not the owner any more has read a session that has changed since.
  'boris: wants access, A polls, boris: /start, B begins to work, A works, A works, clock +5m, A fires, B goes on',
  'boris: wants access, A polls, boris: /start, B begins to work, B goes on, A polls, B goes on, B begins to work, ' +
    'clock +1d, A fires, A polls',
  // A note of a sent message is written twice.
  'anna: pays, A polls, A works, the next write is repeated, A sends, A begins to poll',
  // A timer is in hand while its state is left and entered anew.
  'anna: wants a job, A polls, A works, clock +5m, A begins to fire, anna: cancels the job, anna: wants a job, ' +
    'A polls, A works, A works, A goes on, A goes on, A goes on',
  // A session has changed since it was read.
  "anna: wants access, A polls, A works, anna: /start, A polls, A begins to work, anna's session changes, A goes on",
  // A payment finds a session that is none.
  "anna: wants access, A polls, A works, anna's session is spoiled, anna: pays, A polls, A works",
  // The shard is given away while a message is on its way: held, held for too long, held before a clock was set back.
  'anna: /start, A polls, A works, A begins to send, A goes on, A hands over, B sends, A goes on, A goes on',
  'anna: /start, A polls, A works, A begins to send, A goes on, A hands over, clock +5m, B begins to send, B goes on, ' +
    'B goes on, the next send fails, A goes on, A goes on, B goes on',
  "anna: /start, A polls, A works, A begins to send, A goes on, A hands over, Redis' clock -1d, A crashes",
  // One of two that are written together is refused.
  'anna: asks for a timer out of shape, boris: /start, A polls, A works at once',
  'anna: wants a job, boris: /start, A polls, A works, A works, the next result is refused, A sends at once',
  // Timers come between the starts that a deadly update ends.
  'boris: wants access, boris: arms, A polls, A works, A works, clock +1d, anna: sends what kills, A polls, A works, ' +
    'A works, A fires, A works, A fires, A works',
  // A person is lost for a second time: what counts begins anew.
  'anna: stands, anna: blocks the bot, A polls, A works, A works, anna: stands, A polls, A works, clock +89d, ' +
    'anna: blocks the bot, A polls, A works, clock +2d, A fires',
  // A timer of an earlier release, and one whose delay another state has begun to use.
  "anna: wants access, A polls, A works, anna's timers bear former names, anna: pays, A polls, A works",
  "A is updated, anna: arms, A polls, A works, anna's timers bear former names, clock +5m, clock +5m, A fires",
].map(split);

/** The keys of one shard over Redis, with everything that may befall them. */
class RedisGround implements Ground {
  readonly #redis: Redis;
  readonly #options: { prefix: string; shards: number };
  readonly #aside = new Map<string, string>();

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#options = { prefix, shards: 1 };
  }

  open(): Verbs {
    return openRedisStore(this.#redis, this.#options);
  }

  get #keys() {
    return openRedisStore(this.#redis, this.#options).keys;
  }

  /** What the server has noted moves the other way, since its clock cannot be moved. */
  async moveClock(ms: number): Promise<void> {
    const key = this.#keys.held(0);
    const notes = Object.entries(await this.#redis.hgetall(key));
    if (notes.length === 0) return;
    const left = (await this.#redis.pttl(key)) - ms;
    for (const [queue, note] of notes) {
      const [till, holder] = note.split(':');
      await this.#redis.hset(key, queue, `${Number(till) - ms}:${holder}`);
    }
    if (left > 0) await this.#redis.pexpire(key, left);
    else await this.#redis.del(key);
  }

  spoilSession(machine: string, chat: number): Promise<void> {
    return this.#spoil(this.#keys.session(0, machine, chat));
  }

  async mendSessions(): Promise<void> {
    for (const key of [...this.#aside.keys()]) await this.#mend(key);
  }

  spoilInbox(): Promise<void> {
    return this.#spoil(this.#keys.inbox(0));
  }

  mendInbox(): Promise<void> {
    return this.#mend(this.#keys.inbox(0));
  }

  async #spoil(key: string): Promise<void> {
    if (this.#aside.has(key)) return;
    this.#aside.set(key, `${key}:aside`);
    if ((await this.#redis.exists(key)) === 1) await this.#redis.rename(key, `${key}:aside`);
    await this.#redis.set(key, 'something else');
  }

  async #mend(key: string): Promise<void> {
    const aside = this.#aside.get(key);
    if (aside === undefined) return;
    this.#aside.delete(key);
    await this.#redis.del(key);
    if ((await this.#redis.exists(aside)) === 1) await this.#redis.rename(aside, key);
  }

  async touch(machine: string, chat: number): Promise<boolean> {
    const key = this.#keys.session(0, machine, chat);
    if ((await this.#redis.type(key)) !== 'hash') return false;
    const [text, version] = await this.#redis.hmget(key, 's', 'n');
    await this.#redis.hset(key, { s: touched(text ?? ''), n: Number(version) + 1 });
    return true;
  }

  hasPayment(payment: Payment): Promise<boolean> {
    return new Ledger(openRedisStore(this.#redis, this.#options)).has(payment);
  }

  async rename(from: string, to: string): Promise<void> {
    const key = this.#keys.timers(0);
    await this.#redis.zadd(key, Number(await this.#redis.zscore(key, from)), to);
    await this.#redis.zrem(key, from);
  }
}

/** A machine that does much else besides takes its time, ms. */
const patience = 120_000;

test('whatever crashes, is paused, repeated or lost: the guarantees hold', {
  timeout: patience,
}, async () => {
  await fc.assert(
    fc.asyncProperty(transcript, (lines) => onModel(lines)),
    { numRuns: 1_500, examples: kept, seed: 1 },
  );
});

test.each(guards)('without "%s" they do not', { timeout: patience }, async (guard) => {
  const found = await fc.check(
    fc.asyncProperty(transcript, (lines) => onModel(lines, guard)),
    { numRuns: 3_000, examples: kept, seed: 1, endOnFailure: true },
  );
  expect(found.failed, 'a case that breaks a guarantee').toBe(true);
  // It is the guard that the case needs.
  await onModel(found.counterexample?.[0] ?? []);
});

test('the store over Redis keeps them as the model does', { timeout: patience }, async () => {
  const { redis, prefix } = await openTestRedis();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(transcript, (lines) => World.play(lines, new RedisGround(redis, `${prefix}-${run++}`))),
    { numRuns: 100, examples: kept, seed: 2 },
  );
});
