import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../src/club/migrate.ts';
import { encodeSession } from '../src/runtime/core/session.ts';
import { connect } from '../src/runtime/redis/connect.ts';
import { startEmbeddedRedis } from '../src/runtime/redis/server.ts';
import { fixShards } from '../src/runtime/redis/settings.ts';
import { openRedisStore } from '../src/runtime/redis/store.ts';
import { type Sandbox, startSandbox } from '../src/sandbox/index.ts';
import { machineLine, row } from './support.ts';

const count = 500_000;
const rounds = 5;
const main = fileURLToPath(new URL('../src/main.js', import.meta.url));

/**
 * From the start of the process to the first answer, with 500,000 sessions and as many timers stored and a /start that
 * waits at Telegram: after a kill -9 of the bot, when its Redis goes on running, and after both have ended.
 */
export async function benchRecovery(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-bench-'));
  const sandbox = await startSandbox();
  try {
    await seed(folder);
    const cold = await answerAfterStart(sandbox, folder);
    row('both had ended: the file is read, ms', cold.ms.toFixed(0));
    let bot = cold.bot;
    const all: number[] = [];
    for (let round = 0; round < rounds; round++) {
      bot.kill('SIGKILL');
      await once(bot, 'exit');
      const next = await answerAfterStart(sandbox, folder);
      all.push(next.ms);
      bot = next.bot;
    }
    const worst = Math.max(...all);
    row(`kill -9 of the bot, worst of ${rounds}, ms`, worst.toFixed(0), '< 1500', worst < 1_500);
    bot.kill('SIGTERM');
    await once(bot, 'exit');
  } finally {
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function seed(folder: string): Promise<void> {
  const server = await startEmbeddedRedis(folder);
  const redis = connect(server.socket);
  console.log(await machineLine(redis));
  const where = { prefix: 'turnstile', shards: await fixShards(redis, 'turnstile', null) };
  await migrate(redis, where, () => {});
  const store = openRedisStore(redis, where);
  const session = encodeSession({ value: 'awaiting_payment', context: { language: 'en' }, status: 'active' });
  const due = Date.now() + 3_600_000;
  for (let index = 0; index < count; index += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => {
        const chat = 1_000_000 + index + at;
        const shard = store.shardOf(chat);
        return Promise.all([
          redis.hset(store.keys.session(shard, 'access', chat), { s: session, n: 1, m: 'bench' }),
          redis.zadd(store.keys.timers(shard), due + index + at, `access:${chat}|offer_expiry`),
        ]);
      }),
    );
  }
  redis.disconnect();
  await server.stop();
}

async function answerAfterStart(
  sandbox: Sandbox,
  folder: string,
): Promise<{ ms: number; bot: ChildProcess }> {
  const user = sandbox.user({ id: 9_000_000 });
  const before = user.messages.length;
  user.says('/start');
  const started = performance.now();
  const bot = spawn(process.execPath, [main, 'start'], {
    env: {
      ...process.env,
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      DATA_DIR: folder,
      REDIS_URL: '',
      HTTP_PORT: 'off',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await sandbox.waitFor(() => user.messages.length >= before + 2, 'the answer', 60_000);
  return { ms: performance.now() - started, bot };
}
