import { startSandbox } from '../src/sandbox/index.ts';
import { machineLine, row, startBot, withRedis } from './support.ts';

const measured = 10_000;

/** What a bot that nobody talks to asks of Redis, and what its shards take there. */
export async function benchRest(): Promise<void> {
  for (const [shards, most] of [
    [16, 150],
    [256, 400],
  ] as const) {
    await withRedis(async (redis, address) => {
      if (shards === 16) console.log(await machineLine(redis));
      const sandbox = await startSandbox();
      const bot = await startBot({
        BOT_TOKEN: sandbox.token,
        TELEGRAM_API_ROOT: sandbox.url,
        REDIS_URL: `unix://${address}`,
        SHARDS: String(shards),
      });
      const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      // Commands within scripts count as well.
      const count = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);
      await pause(2_000);
      const before = await count();
      await pause(measured);
      const perSecond = ((await count()) - before) / (measured / 1_000);
      row(
        `${shards} shards at rest, commands a second`,
        perSecond.toFixed(0),
        `<= ${most}`,
        perSecond <= most,
      );
      const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
      row(`${shards} shards at rest, all of Redis, MB`, (used / 1_048_576).toFixed(1));
      await bot.stop();
      await sandbox.close();
    });
  }
}
