import { type Sandbox, startSandbox } from '../src/sandbox/index.ts';
import { machineLine, percentile, row, startBot, withRedis } from './support.ts';

const people = 400;
const pace = 5;

/** Two copies on one Redis: how long an answer takes when one joins, stops in order, is killed, or falls silent. */
export async function benchCopies(): Promise<void> {
  await withRedis(async (redis, address) => {
    console.log(await machineLine(redis));
    const sandbox = await startSandbox();
    const variables = {
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      REDIS_URL: `unix://${address}`,
      RATE_TOTAL: '100000',
      LOG_LEVEL: 'info',
    };
    const start = () => startBot(variables);
    const first = await start();
    const joined = await during(sandbox, start);
    row('a copy joins: longest answer, ms', joined.longest, '< 1000', Number(joined.longest) < 1_000);
    // One send of a person who is in the way of nobody else takes 20 s.
    const slow = sandbox.user({ id: 4_999_999 });
    sandbox.fail('sendMessage', { delay: 20_000 }, { chat: slow.id });
    slow.says('/help');
    const hanging = await during(sandbox, async () => (await start()).stop());
    row(
      'one joins and stops while a send takes 20 s: longest, ms',
      hanging.longest,
      '< 1000',
      Number(hanging.longest) < 1_000,
    );
    const left = await during(sandbox, first.stop);
    row('the polling copy stops in order: longest, ms', left.longest);
    const third = await start();
    const killed = await during(sandbox, () => joined.result.process.kill('SIGKILL'));
    row('the polling copy is killed: longest, ms', killed.longest, '< 5000', Number(killed.longest) < 5_000);
    const fourth = await start();
    const silent = await during(sandbox, () => third.process.kill('SIGSTOP'));
    row(
      'it is silent, as on another host: longest, ms',
      silent.longest,
      '< 5000',
      Number(silent.longest) < 5_000,
    );
    third.process.kill('SIGKILL');
    await fourth.stop();
    await sandbox.close();
  });
}

/** People write, one every 5 ms, before, while and after something happens; the longest wait for an answer. */
async function during<T>(
  sandbox: Sandbox,
  happens: () => T | Promise<T>,
): Promise<{ result: T; longest: string }> {
  const users = Array.from({ length: people }, (_, index) => sandbox.user({ id: 5_000_000 + index }));
  const asked = new Map<number, number[]>();
  const waits: number[] = [];
  const stop = sandbox.onMessage(({ from, chat }) => {
    const at = from === 'bot' ? asked.get(chat)?.shift() : undefined;
    if (at !== undefined) waits.push(performance.now() - at);
  });
  let writing = true;
  const write = async () => {
    for (let index = 0; writing; index++) {
      const user = users[index % people] as (typeof users)[number];
      asked.set(user.id, [...(asked.get(user.id) ?? []), performance.now()]);
      user.says('/help');
      await new Promise((resolve) => setTimeout(resolve, pace));
    }
  };
  const written = write();
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await pause(1_000);
  const result = await happens();
  await pause(5_000);
  writing = false;
  await written;
  while ([...asked.values()].some((left) => left.length > 0)) await pause(50);
  stop();
  return { result, longest: percentile(waits, 1).toFixed(0) };
}
