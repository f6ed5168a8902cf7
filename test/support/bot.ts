import { resolve } from 'node:path';
import { pino } from 'pino';
import { inject, onTestFinished } from 'vitest';
import { type App, type AppOptions, startApp } from '../../src/app.ts';
import { machines } from '../../src/club/club.ts';
import { reportOf } from '../../src/club/conversation.ts';
import { type ChatReport, readChat, readStatus, type Status } from '../../src/club/reports.ts';
import { readEnvironment } from '../../src/environment.ts';
import { SystemClock } from '../../src/runtime/clock.ts';
import { prepareMachine } from '../../src/runtime/core/machine.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { type Sandbox, type SandboxUser, startSandbox } from '../../src/sandbox/index.ts';
import { openTestRedis } from './redis.ts';

export interface TestBot {
  readonly sandbox: Sandbox;
  readonly clock: SystemClock;
  /** Log lines so far, parsed. */
  readonly log: readonly Record<string, unknown>[];
  readonly prefix: string;
  app: App;
  /** Stops the bot in order and starts it anew on what is stored. */
  restart(): Promise<void>;
  status(): Promise<Status>;
  chat(user: SandboxUser): Promise<ChatReport>;
  state(user: SandboxUser): Promise<string | undefined>;
  /** Resolves when nothing is left to be handled: inbox and outbox empty, no update pending. */
  settled(): Promise<void>;
}

/** The whole bot in this process: real Redis, Telegram's stand-in over HTTP, a clock that the test moves. */
export async function startBot(
  options: Partial<AppOptions> & { variables?: Record<string, string> } = {},
): Promise<TestBot> {
  const { redis, prefix } = await openTestRedis();
  const clock = new SystemClock();
  const sandbox = await startSandbox({ clock });
  const log: Record<string, unknown>[] = [];
  const { variables, ...rest } = options;
  const environment = readEnvironment(
    {
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      REDIS_URL: `unix://${inject('redis')}`,
      REDIS_PREFIX: prefix,
      SHARDS: '4',
      CONTENT_DIR: resolve(import.meta.dirname, '../../content'),
      ...variables,
    },
    { token: true },
  );
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const start = () => startApp({ environment, log: logger, clock, pollTimeout: 5, ...rest });
  const reported = (rest.machines ?? machines).map((source) => reportOf(prepareMachine(source)));
  const stored = openRedisStore(redis, { prefix, shards: 4 });
  const bot: TestBot = {
    sandbox,
    clock,
    log,
    prefix,
    app: await start(),
    restart: async () => {
      await bot.app.stop();
      bot.app = await start();
    },
    status: () => readStatus(stored, { machines: reported }),
    chat: (user) => readChat(stored, user.id, { machines: reported }),
    state: async (user) => (await bot.chat(user)).sessions[0]?.state,
    settled: async () => {
      // In the order that things move: an update that has left one place has reached the next. Results of actors and
      // signals go back to the inbox, so one look is not enough.
      for (let calm = 0; calm < 2; ) {
        const pending = sandbox.pendingUpdates;
        const { inbox, outbox } = await bot.status();
        calm = pending + inbox + outbox === 0 ? calm + 1 : 0;
      }
    },
  };
  onTestFinished(async () => {
    await bot.app.stop();
    await sandbox.close();
  });
  return bot;
}
