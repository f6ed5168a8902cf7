import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../src/sandbox/index.ts';
import { machineLine, percentile, residentMegabytes, row, startBot, withRedis } from './support.ts';

const count = 20_000;

/**
 * The whole way over HTTP: the stand-in for Telegram in this process, the bot in another, from getUpdates to the sent
 * answer. Every update is a /help, so each brings one message.
 */
export async function benchJourney(): Promise<void> {
  await withRedis(async (redis, address) => {
    console.log(await machineLine(redis));
    const sandbox = await startSandbox();
    const sent = new Map<number, number>();
    const latencies: number[] = [];
    let answered = 0;
    sandbox.onMessage((message) => {
      if (message.from !== 'bot') return;
      answered++;
      latencies.push(performance.now() - (sent.get(message.chat) ?? 0));
    });
    const folder = mkdtempSync(join(tmpdir(), 'turnstile-bench-'));
    const bot = await startBot({
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      REDIS_URL: `unix://${address}`,
      DATA_DIR: folder,
      RATE_TOTAL: '100000',
      LOG_LEVEL: 'info',
    });
    const ask = (index: number) => {
      const user = sandbox.user({ id: 1_000_000 + (index % 15_000) });
      sent.set(user.id, performance.now());
      user.says('/help');
    };
    const started = performance.now();
    for (let index = 0; index < count; index++) ask(index);
    while (answered < count) await new Promise((resolve) => setTimeout(resolve, 10));
    const perSecond = count / ((performance.now() - started) / 1_000);
    row(
      'updates a second, getUpdates to sent answer',
      Math.round(perSecond).toString(),
      '>= 1000',
      perSecond >= 1_000,
    );
    latencies.length = 0;
    for (let index = 0; index < 1_500; index++) {
      ask(index);
      if (index % 5 === 4) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    while (latencies.length < 1_500) await new Promise((resolve) => setTimeout(resolve, 10));
    row('answer at some 500/s, p50, ms', percentile(latencies, 0.5).toFixed(1));
    row('answer at some 500/s, p99, ms', percentile(latencies, 0.99).toFixed(1));
    row(
      'memory of the bot, MB',
      String(residentMegabytes(bot.process.pid)),
      '< 150',
      residentMegabytes(bot.process.pid) < 150,
    );
    await bot.stop();
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });
}
