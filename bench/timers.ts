import { Writable } from 'node:stream';
import type { Update } from 'grammy/types';
import type { Redis } from 'ioredis';
import { type Logger, pino } from 'pino';
import { accessMachine } from '../machines/access.machine.ts';
import { route } from '../src/club/arrivals.ts';
import type { ClubRules } from '../src/club/rules.ts';
import { SystemClock } from '../src/runtime/clock.ts';
import { prepareMachine } from '../src/runtime/core/machine.ts';
import { encodeSession } from '../src/runtime/core/session.ts';
import { waitsForNews } from '../src/runtime/core/timers.ts';
import { Dispatcher } from '../src/runtime/loops/dispatcher.ts';
import { Timers } from '../src/runtime/loops/timers.ts';
import { Worker } from '../src/runtime/loops/worker.ts';
import { openRedisStore } from '../src/runtime/redis/store.ts';
import { machineLine, ownAll, percentile, row, withRedis } from './support.ts';

const machine = prepareMachine(accessMachine, {}, { language: 'en' });
const backlog = 100_000;
const paced = { count: 20_000, perSecond: 1_000 };

/** A moment with 100,000 reminders due at once and people who say /start meanwhile; then reminders at a steady pace. */
export async function benchTimers(): Promise<void> {
  await withRedis(async (redis) => {
    console.log(await machineLine(redis));
    const all = await measureBacklog(redis);
    row('due at one moment, stepped a second', all.perSecond.toFixed(0), '>= 5000', all.perSecond >= 5_000);
    row('/start meanwhile, to its answer, p50, ms', percentile(all.answers, 0.5).toFixed(1));
    const p99 = percentile(all.answers, 0.99);
    row('/start meanwhile, to its answer, p99, ms', p99.toFixed(1), '< 300', p99 < 300);
    const late = await measureLateness(redis);
    row('lateness at 1,000 timers/s, p50, ms', percentile(late, 0.5).toFixed(1));
    const lateP99 = percentile(late, 0.99);
    row('lateness at 1,000 timers/s, p99, ms', lateP99.toFixed(1), '<= 20', lateP99 <= 20);
    row(
      'fired early',
      String(late.filter((ms) => ms < 0).length),
      '0',
      late.every((ms) => ms >= 0),
    );
  });
}

async function measureBacklog(redis: Redis): Promise<{ perSecond: number; answers: number[] }> {
  const bench = await openBench(redis, 'backlog');
  const due = Date.now() - 1_000;
  await bench.seed(backlog, () => due);
  let stepped = 0;
  bench.onStep = () => stepped++;
  const started = performance.now();
  bench.start();
  const asked = new Map<number, number>();
  const answers: number[] = [];
  bench.onSend = (chat) => {
    const at = asked.get(chat);
    if (at === undefined) return;
    asked.delete(chat);
    answers.push(performance.now() - at);
  };
  let id = 1;
  while (stepped < backlog) {
    const chat = 9_000_000 + id;
    asked.set(chat, performance.now());
    await bench.say(chat, id++, '/start');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const seconds = (performance.now() - started) / 1_000;
  await bench.stop();
  return { perSecond: backlog / seconds, answers };
}

async function measureLateness(redis: Redis): Promise<number[]> {
  const bench = await openBench(redis, 'paced');
  const first = Date.now() + 4_000;
  const dueOf = (index: number) => first + Math.floor((index * 1_000) / paced.perSecond);
  await bench.seed(paced.count, dueOf);
  const late: number[] = [];
  bench.onStep = (chat) => late.push(bench.clock.now() - dueOf(chat - 1_000_000));
  bench.start();
  while (late.length < paced.count) await new Promise((resolve) => setTimeout(resolve, 20));
  await bench.stop();
  return late;
}

/** Worker, timers and dispatcher on a store of their own, sending to nobody. */
async function openBench(redis: Redis, prefix: string) {
  const store = openRedisStore(redis, { prefix, shards: 16 });
  await ownAll(store);
  const clock = new SystemClock();
  const failed = () => {
    throw new Error('The bench lost its shards');
  };
  const log = stepLog((chat) => bench.onStep(chat));
  const rules: ClubRules = {
    userEvents: machine.userEvents,
    buttonData: new Set(),
    checkoutProblem: () => undefined,
  };
  const dispatcher = new Dispatcher({
    store,
    clock,
    log,
    fenced: failed,
    holds: () => true,
    perform: async ({ chat }) => bench.onSend(chat),
    judge: () => ({ kind: 'refused', reason: 'bench' }),
    resulted: () => {},
    outside: { name: 'the outside', credential: 'a key' },
    rates: { total: 300, bulk: 30 },
    window: { answers: 128, bulk: 32 },
  });
  const worker: Worker = new Worker({
    store,
    machines: [machine],
    arrive: (_, text) => JSON.parse(text),
    effectRules: {},
    newSession: () => ({ language: 'en' }),
    address: (effect) => [effect],
    committed: (shard, { timers: changes, effects }) => {
      for (const { due } of changes) if (due !== null) timers.hint(shard, due);
      dispatcher.hintEffects(shard, effects);
    },
    moved: failed,
    gaveUp: failed,
    fenced: failed,
    clock,
    log,
  });
  const timers = new Timers({
    store,
    handle: (timer) => worker.handleTimer(timer),
    room: () => Number.POSITIVE_INFINITY,
    waits: ({ timer }) => waitsForNews(machine, timer),
    news: () => Number.POSITIVE_INFINITY,
    clock,
    log,
  });
  const session = encodeSession({ value: 'awaiting_payment', context: { language: 'en' }, status: 'active' });
  const bench = {
    clock,
    onStep: (_chat: number): unknown => undefined,
    onSend: (_chat: number): unknown => undefined,
    /** Chats that await payment, each with one reminder to come. */
    seed: async (count: number, dueOf: (index: number) => number) => {
      for (let index = 0; index < count; index += 1_000) {
        await Promise.all(
          Array.from({ length: Math.min(1_000, count - index) }, (_, at) => {
            const chat = 1_000_000 + index + at;
            const shard = store.shardOf(chat);
            const key = store.keys.session(shard, 'access', chat);
            return Promise.all([
              redis.hset(key, { s: session, n: 1, m: machine.version }),
              redis.zadd(store.keys.timers(shard), dueOf(index + at), `access:${chat}|payment_reminder`),
            ]);
          }),
        );
      }
    },
    say: async (chat: number, id: number, text: string) => {
      const person = { id: chat, is_bot: false, first_name: 'Anna', language_code: 'en' };
      const message = { message_id: id, date: 1, chat: { id: chat, type: 'private' }, from: person, text };
      const update = { update_id: id, message };
      const arrival = JSON.stringify(route(update as Update, rules));
      await store.appendUpdates([{ id, chat, lane: 'reply', kind: 'arrival', text: arrival }]);
      worker.hint(store.shardOf(chat));
    },
    start: () => {
      worker.start();
      dispatcher.start();
      timers.start();
      for (let shard = 0; shard < store.shards; shard++) {
        worker.gain(shard);
        timers.gain(shard);
        dispatcher.gain(shard);
      }
    },
    stop: async () => {
      await Promise.all([timers.stop(), worker.stop()]);
      await dispatcher.stop();
    },
  };
  return bench;
}

/** A log that is written nowhere; each line about a timer's step is reported. */
function stepLog(onStep: (chat: number) => void): Logger {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = pino({ base: null }, nowhere);
  const heard = Object.create(log) as Logger;
  heard.info = ((line: { event?: string; chat?: number }, ...rest: []) => {
    log.info(line, ...rest);
    if (line.event?.startsWith('xstate.after.') === true) onStep(line.chat ?? 0);
  }) as Logger['info'];
  return heard;
}
