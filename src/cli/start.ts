import type { Command } from 'commander';
import { readEnvironment, readVariables } from '#environment';
import { keepMemoryLow, StartCalledOff } from '#runtime';
import { botOf } from './bot.ts';
import { exitCodeOf, explain } from './failure.ts';
import { createLog } from './log.ts';
import { clockOf } from './stored.ts';

export function addStart(program: Command): void {
  program
    .command('start')
    .description('run the bot by long polling (needs BOT_TOKEN)')
    .addHelpText(
      'after',
      '\nSettings come from the environment and from .env; see README.md.\nExit codes: 69 Redis not reachable, 75 another copy is running, 78 something to correct.',
    )
    .action(async () => {
      await start();
      // Whatever still waits for Redis or Telegram must not keep the process.
      process.exit(0);
    });
}

async function start(): Promise<void> {
  keepMemoryLow();
  const environment = readEnvironment(readVariables(), { token: true });
  const bot = await botOf();
  const log = createLog(environment.logLevel, [environment.botToken, environment.httpToken ?? '']);
  const clock = clockOf();
  // The sandbox's messages come over the channel of a child process.
  process.on('message', (message: { shift?: number }) => clock.shift(Number(message.shift ?? 0)));
  const abandoned = new Promise<void>((resolve) => process.once('disconnect', resolve));
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  try {
    const calledOff = new AbortController();
    for (const reason of [asked, abandoned]) void reason.then(() => calledOff.abort());
    const starting = bot.start({ environment, log: log.logger, clock, signal: calledOff.signal });
    process.on('SIGHUP', () => {
      starting
        .then((app) => app.reload())
        .catch((error: unknown) =>
          log.logger.error({ reason: explain(error) }, 'the content of before stays'),
        );
    });
    const app = await starting;
    await Promise.race([app.ended, asked, abandoned]).finally(() => {
      log.logger.info('stopping');
      return app.stop();
    });
    log.logger.info('stopped');
  } catch (error) {
    if (error instanceof StartCalledOff) return;
    log.logger.fatal({ exitCode: exitCodeOf(error) }, explain(error));
    throw error;
  } finally {
    await log.flush();
  }
}
