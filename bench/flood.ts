import { shardOf } from '../src/runtime/core/shard.ts';
import { startSandbox } from '../src/sandbox/index.ts';
import { machineLine, percentile, row, startBot, withRedis } from './support.ts';

const flooded = 5_000;

/** One person sends 5,000 messages at once: how long others of the same shard wait for their answers meanwhile. */
export async function benchFlood(): Promise<void> {
  await withRedis(async (redis, address) => {
    console.log(await machineLine(redis));
    const sandbox = await startSandbox();
    const bot = await startBot({
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      REDIS_URL: `unix://${address}`,
      RATE_TOTAL: '100000',
    });
    const ids = Array.from({ length: 4_000 }, (_, index) => 5_000_000 + index).filter(
      (id) => shardOf(id, 16) === 3,
    );
    const [flooder, ...others] = ids.slice(0, 201).map((id) => sandbox.user({ id }));
    const asked = new Map<number, number>();
    const waits: number[] = [];
    const stop = sandbox.onMessage(({ from, chat }) => {
      const at = from === 'bot' ? asked.get(chat) : undefined;
      if (at === undefined) return;
      asked.delete(chat);
      waits.push(performance.now() - at);
    });
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const wait = async () => {
      for (const other of others) {
        asked.set(other.id, performance.now());
        other.says('/help');
        await pause(20);
      }
      while (asked.size > 0) await pause(10);
    };
    await wait();
    const calm = waits.splice(0);
    for (let count = 0; count < flooded; count++) flooder?.says('/help');
    // Telegram hands updates out in order: whoever writes now would wait until the bot has fetched the flood.
    while (sandbox.pendingUpdates > 0) await pause(1);
    const left = flooded - (flooder?.messages.filter(({ from }) => from === 'bot').length ?? 0);
    await wait();
    row('messages of the flood that were not answered when the others began', String(left));
    row('answers to others before, p50 and longest, ms', shown(calm));
    row('answers to others in the flood, p50 and longest, ms', shown(waits));
    stop();
    await bot.stop();
    await sandbox.close();
  });
}

const shown = (waits: readonly number[]): string =>
  `${percentile(waits, 0.5).toFixed(0)} / ${percentile(waits, 1).toFixed(0)}`;
