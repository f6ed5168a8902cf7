import { type Command, Option } from 'commander';
import type { Redis } from 'ioredis';
import { diagramOf } from '#charts';
import { readChat, type Sale, sales } from '#club';
import { runDemo } from '#demo';
import { readEnvironment, readVariables } from '#environment';
import { readCounterexample } from '#prove';
import {
  CommandRefused,
  connect,
  DataDirInUse,
  findEmbeddedRedis,
  fixShards,
  openRedisStore,
  prepareMachine,
  startEmbeddedRedis,
} from '#runtime';
import { currency, port } from './arguments.ts';
import { botOf } from './bot.ts';
import { reported } from './stored.ts';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('play with the bot in a chat page or in this terminal: no token, no phone, no internet')
    .option('--script', 'play one whole conversation, print it, and exit')
    .option(
      '--port <number>',
      'where the chat page is served; without it 8081, or the next that is free',
      port,
    )
    .addOption(
      new Option(
        '--sells <what>',
        'access for ever, for days, or by the month; without it what bot.yaml sells, but 30 days in place of for ever',
      ).choices(sales),
    )
    .option(
      '--currency <code>',
      'what is paid with: XTR (Stars), EUR, JPY …; without it what bot.yaml says',
      currency,
    )
    .option('--from <file>', 'play a counterexample of `turnstile prove` before the page is opened')
    .action((options: DemoFlags) => demo(options));
}

/** The demo reads the bot's Redis by itself; it is there while the bot runs, and when the bot was killed. */
function readerOf(dataDir: string) {
  let redis: Redis | null = null;
  return {
    chat: async (id: number) => {
      const socket = redis === null ? await findEmbeddedRedis(dataDir) : null;
      if (redis === null && socket === null) throw new Error('The bot has not started its Redis yet.');
      redis ??= connect(socket as string, { maxRetriesPerRequest: 1 });
      const { redisPrefix: prefix, shards: wanted } = readEnvironment(readVariables(), { token: false });
      const shards = await fixShards(redis, prefix, wanted);
      return readChat(openRedisStore(redis, { prefix, shards }), id, { machines: await reported() });
    },
    erase: async () => {
      const socket = await findEmbeddedRedis(dataDir);
      if (socket === null) return;
      const store = connect(socket, { maxRetriesPerRequest: 1 });
      await store.flushall();
      store.disconnect();
    },
    close: async () => {
      redis?.disconnect();
      if ((await findEmbeddedRedis(dataDir)) === null) return;
      // A bot that was ended while it started, or was killed, leaves its Redis running.
      try {
        await (await startEmbeddedRedis(dataDir)).stop();
      } catch (error) {
        // It is the Redis of another demo, which goes on.
        if (!(error instanceof DataDirInUse)) throw error;
      }
    },
  };
}

interface DemoFlags {
  script?: boolean;
  port?: number;
  sells?: Sale;
  currency?: string;
  from?: string;
}

async function demo({ script = false, from, sells, ...others }: DemoFlags): Promise<void> {
  const { machines, definition } = await botOf();
  const isOfClub = script || sells !== undefined || others.currency !== undefined || from !== undefined;
  if (definition !== null && isOfClub)
    throw new CommandRefused(
      'demo --script, --sells, --currency and --from play the club alone; the bot here is another one.',
    );
  const example = from === undefined ? null : readCounterexample(from);
  const sold = sells ?? example?.start.sale;
  return runDemo({
    script,
    ...others,
    ...(sold !== undefined && { sells: sold }),
    ...(example !== null && { replays: example }),
    reader: readerOf,
    machines: machines.map((source) => {
      const { id, forOperators } = prepareMachine(source);
      return { id, forOperators, picture: () => diagramOf(source) };
    }),
  });
}
