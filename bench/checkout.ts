import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStatus } from '../src/club/reports.ts';
import { fixShards } from '../src/runtime/redis/settings.ts';
import { openRedisStore } from '../src/runtime/redis/store.ts';
import { type SandboxUser, startSandbox } from '../src/sandbox/index.ts';
import { machineLine, percentile, row, startBot, withRedis } from './support.ts';

const waitingUpdates = 5_000;
const waitingReminders = 2_100;
const checkouts = 300;
/** Checkout queries a second. */
const pace = 50;

/**
 * A checkout query has 10 s. Here they come while the inbox is full of updates and the outbox of reminders, over HTTP, to
 * a bot that has just started on both.
 */
export async function benchCheckout(): Promise<void> {
  await withRedis(async (redis, address) => {
    console.log(await machineLine(redis));
    const sandbox = await startSandbox();
    const folder = mkdtempSync(join(tmpdir(), 'turnstile-bench-'));
    const variables = {
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      REDIS_URL: `unix://${address}`,
      DATA_DIR: folder,
    };
    const status = () =>
      readStatus(openRedisStore(redis, { prefix: 'turnstile', shards: 16 }), { machines: [] });
    const until = async (what: (found: Awaited<ReturnType<typeof status>>) => boolean) => {
      while (!what(await status())) await new Promise((resolve) => setTimeout(resolve, 50));
    };

    // People with an open offer, whose reminders then come due together.
    const first = await startBot({ ...variables, RATE_TOTAL: '100000' });
    const people = Array.from({ length: waitingReminders }, (_, index) =>
      sandbox.user({ id: 1_000_000 + index }),
    );
    for (const person of people) person.says('/start');
    await until(({ chats }) => chats === people.length);
    const buttons = (person: SandboxUser) => person.messages.some(({ buttons }) => buttons.length > 0);
    await sandbox.waitFor(() => people.every(buttons), 'the welcomes', 60_000);
    for (const person of people) person.presses('Get access');
    const invoiced = (person: SandboxUser) => person.messages.some(({ kind }) => kind === 'invoice');
    await sandbox.waitFor(() => people.every(invoiced), 'the invoices', 60_000);
    const { timers } = await status();
    sandbox.clock.advance(300_000);
    first.process.send({ shift: 300_000 });
    await until((found) => found.timers <= timers - people.length);
    await first.stop();

    const shards = await fixShards(redis, 'turnstile', null);
    await openRedisStore(redis, { prefix: 'turnstile', shards }).appendUpdates(
      Array.from({ length: waitingUpdates }, (_, index) => helpUpdate(index)),
    );
    const before = await status();
    row(
      'updates waiting in the inbox',
      String(before.inbox),
      `${waitingUpdates}`,
      before.inbox >= waitingUpdates,
    );
    row('reminders waiting in the outbox', String(before.outbox));

    const second = await startBot({ ...variables, TURNSTILE_CLOCK_OFFSET: '300000' });
    const latencies: number[] = [];
    let approved = 0;
    await Promise.all(
      people.slice(0, checkouts).map(async (person, index) => {
        await new Promise((resolve) => setTimeout(resolve, (index / pace) * 1_000));
        const started = performance.now();
        const answer = await person.checkout();
        latencies.push(performance.now() - started);
        if (answer.ok) approved++;
      }),
    );
    const after = await status();
    row('checkouts approved', `${approved} of ${checkouts}`, 'all', approved === checkouts);
    row('answer to a checkout, p50, ms', percentile(latencies, 0.5).toFixed(1));
    const p99 = percentile(latencies, 0.99);
    row('answer to a checkout, p99, ms', p99.toFixed(1), '< 2000', p99 < 2_000);
    row('slowest, ms', Math.max(...latencies).toFixed(1));
    row('messages still waiting in the end', String(after.outbox));
    await second.stop();
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });
}

/** A /help of one of 2,500 other chats, as Telegram sends it. */
function helpUpdate(index: number) {
  const chat = 2_000_000 + (index % 2_500);
  const update = {
    update_id: 900_000_000 + index,
    message: {
      message_id: index,
      date: 1_700_000_000,
      chat: { id: chat, type: 'private', first_name: 'Boris' },
      from: { id: chat, is_bot: false, first_name: 'Boris', language_code: 'en' },
      text: '/help',
    },
  };
  return { id: update.update_id, chat, lane: 'reply' as const, text: JSON.stringify(update) };
}
