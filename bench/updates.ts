import type { Update } from 'grammy/types';
import { pino } from 'pino';
import { accessMachine } from '../machines/access.machine.ts';
import { ofToday, route } from '../src/club/arrivals.ts';
import type { ClubRules } from '../src/club/rules.ts';
import { SystemClock } from '../src/runtime/clock.ts';
import type { Arrival } from '../src/runtime/core/arrival.ts';
import { prepareMachine } from '../src/runtime/core/machine.ts';
import { Dispatcher } from '../src/runtime/loops/dispatcher.ts';
import { Worker } from '../src/runtime/loops/worker.ts';
import { openRedisStore } from '../src/runtime/redis/store.ts';
import { machineLine, ownAll, peakMegabytes, percentile, row, withRedis } from './support.ts';

const chats = 15_000;
const total = 60_000;

const roundOf = (index: number): number => Math.floor(index / chats) % 4;
/** Effects that each round brings. */
const effectsOf = [1, 1, 3, 1];

/** Four updates of one chat: /start, /help, the button, /status. Six effects to come, the answer to the button among them. */
function updateOf(index: number): Update {
  const chat = 1_000_000 + (index % chats);
  const round = roundOf(index);
  const from = { id: chat, is_bot: false, first_name: 'Anna', language_code: 'en' };
  const base = {
    message_id: index,
    date: 1_700_000_000,
    chat: { id: chat, type: 'private' as const, first_name: 'Anna' },
  };
  const update_id = 100_000_000 + index;
  if (round === 2) {
    const query = {
      id: `q${index}`,
      from,
      chat_instance: '1',
      data: 'access.requested',
      message: { ...base, date: 0 },
    };
    return { update_id, callback_query: query } as Update;
  }
  const text = ['/start', '/help', '', '/status'][round] as string;
  return { update_id, message: { ...base, from, text } } as Update;
}

export async function benchUpdates(): Promise<void> {
  await withRedis(async (redis) => {
    console.log(await machineLine(redis));
    const throughput = await measure(redis, 'a', total, Number.POSITIVE_INFINITY);
    row(
      'updates a second, inbox to settled effects',
      Math.round(throughput.perSecond).toString(),
      '>= 6000',
      throughput.perSecond >= 6_000,
    );
    row('effects a second meanwhile', Math.round(throughput.effectsPerSecond).toString());
    const paced = await measure(redis, 'b', 30_000, 3_000);
    row('inbox to commit at 3,000/s, p50, ms', percentile(paced.latencies, 0.5).toFixed(1));
    row(
      'inbox to commit at 3,000/s, p99, ms',
      percentile(paced.latencies, 0.99).toFixed(1),
      '< 250',
      percentile(paced.latencies, 0.99) < 250,
    );
    row('memory of the process, peak, MB', String(peakMegabytes()), '< 150', peakMegabytes() < 150);
  });
}

async function measure(
  redis: Parameters<typeof openRedisStore>[0],
  prefix: string,
  count: number,
  perSecond: number,
) {
  const store = openRedisStore(redis, { prefix, shards: 16 });
  await ownAll(store);
  const machine = prepareMachine(accessMachine, {}, { language: 'en' });
  const rules: ClubRules = {
    userEvents: machine.userEvents,
    buttonData: new Set(['access.requested']),
    checkoutProblem: () => undefined,
  };
  const log = pino(pino.destination({ dest: '/dev/null', sync: false, minLength: 8_192 }));
  const appended = new Float64Array(count);
  const latencies: number[] = [];
  let committed = 0;
  let settled = 0;
  let expected = 0;
  // Lines of the log carry the update's id, which is how its commit is timed.
  const timed = Object.create(log) as typeof log;
  timed.info = ((line: { update?: number }, ...rest: []) => {
    log.info(line, ...rest);
    if (line.update === undefined) return;
    committed++;
    latencies.push(performance.now() - (appended[line.update - 100_000_000] ?? 0));
  }) as typeof log.info;
  const clock = new SystemClock();
  const failed = () => {
    throw new Error('The bench lost its shards');
  };
  const dispatcher = new Dispatcher({
    store,
    clock,
    log,
    fenced: failed,
    perform: async () => {
      settled++;
      return true;
    },
    judge: () => ({ kind: 'refused', reason: 'bench' }),
    resulted: () => {},
    holds: () => true,
    outside: { name: 'the outside', credential: 'a key' },
    rates: { total: 1_000_000, bulk: 1_000_000 },
    window: { answers: 128, bulk: 32 },
  });
  const worker = new Worker({
    store,
    machines: [machine],
    arrive: (_, text) => ofToday(JSON.parse(text)),
    effectRules: {},
    newSession: () => ({ language: 'en' }),
    address: (effect) => [effect],
    committed: (shard, { effects }) => {
      dispatcher.hintEffects(shard, effects);
    },
    moved: failed,
    gaveUp: failed,
    fenced: failed,
    clock,
    log: timed,
  });
  worker.start();
  dispatcher.start();
  for (let shard = 0; shard < store.shards; shard++) {
    worker.gain(shard);
    dispatcher.gain(shard);
  }
  const started = performance.now();
  for (let index = 0; index < count; index += 100) {
    const wait = started + (index / perSecond) * 1_000 - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const batch = Array.from({ length: Math.min(100, count - index) }, (_, at) => updateOf(index + at));
    const now = performance.now();
    const stored = batch.map((update, at) => {
      appended[index + at] = now;
      const arrival = route(update, rules) as Arrival;
      const { chat, lane } = arrival;
      return { id: update.update_id, chat, lane, kind: 'arrival' as const, text: JSON.stringify(arrival) };
    });
    for (let at = 0; at < batch.length; at++) expected += effectsOf[roundOf(index + at)] as number;
    await store.appendUpdates(stored);
    for (const shard of new Set(stored.map(({ chat }) => store.shardOf(chat)))) worker.hint(shard);
  }
  while (committed < count || settled < expected) await new Promise((resolve) => setTimeout(resolve, 5));
  const seconds = (performance.now() - started) / 1_000;
  await worker.stop();
  await dispatcher.stop();
  return { perSecond: count / seconds, effectsPerSecond: settled / seconds, latencies };
}
