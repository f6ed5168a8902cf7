import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { paint } from '../ops/terminal.ts';
import { BotProcess } from './bot.ts';
import { Page } from './page/page.ts';
import { type Demo, playScript, playTerminal, type StoredChat } from './play.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';

export interface DemoOptions {
  /** Plays one whole conversation and returns; otherwise lines from the terminal are a person's. */
  readonly script: boolean;
  /** Where the page and the local Telegram are served. Default: 8081, or the next that is free. */
  readonly port?: number;
  /** Reads what a bot with this DATA_DIR has stored; `close` also ends the Redis that a killed bot left running. */
  readonly reader: (dataDir: string) => { chat(id: number): Promise<StoredChat>; close(): Promise<void> };
  /** The conversation's picture as SVG. */
  readonly picture: () => Promise<string>;
}

const firstPort = 8_081;
const triedPorts = 50;
/** Beside the compiled sources, or where they go when this runs uncompiled. */
const pageFolder = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/page' : '../../page', import.meta.url),
);

/** Plays the bot without a token: in a chat page, and in this terminal. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const dataDir = options.script
    ? mkdtempSync(join(tmpdir(), 'turnstile-demo-'))
    : resolve(process.env['DATA_DIR'] ?? join('data', 'demo'));
  mkdirSync(dataDir, { recursive: true });
  const demo = await startDemo(dataDir, options);
  try {
    if (options.script) await playScript(demo);
    else await playTerminal(demo);
  } finally {
    await demo.stop();
    if (options.script) rmSync(dataDir, { recursive: true, force: true });
  }
}

async function startDemo(dataDir: string, options: DemoOptions): Promise<Demo> {
  const clockFile = join(dataDir, 'clock.json');
  const offset = readOffset(clockFile);
  let page: Page | undefined;
  let hasRun = false;
  const sandbox = await startOnPort(options.port, {
    now: () => Date.now() + offset,
    stateFile: join(dataDir, 'telegram.json'),
    other: (request, response) => page?.handle(request, response),
  });
  const clockOffset = () => Math.round(sandbox.clock.now() - Date.now());
  const bot = new BotProcess({
    variables: () => ({
      ...process.env,
      BOT_TOKEN: sandbox.token,
      TELEGRAM_API_ROOT: sandbox.url,
      DATA_DIR: dataDir,
      // What a real installation has in .env must not reach the demo.
      REDIS_URL: '',
      ADMIN_IDS: '',
      HTTP_PORT: 'off',
      TURNSTILE_CLOCK_OFFSET: String(clockOffset()),
    }),
    logFile: join(dataDir, 'bot.log'),
    logged: (line) => page?.hearLog(line),
    changed: (status) => {
      page?.hearBot(status);
      if (status.process === 'failed' && hasRun)
        console.log(paint.red(`The bot has ended by itself: ${status.reason}`));
      hasRun ||= status.process === 'running';
    },
    killed: (signal) =>
      console.log(paint.yellow(`The bot was ended by ${signal}; it starts again and goes on where it was.`)),
  });
  const advance = (ms: number) => {
    sandbox.clock.advance(ms);
    writeFileSync(clockFile, JSON.stringify({ offset: clockOffset() }));
    bot.shift(ms);
  };
  const reader = options.reader(dataDir);
  page = new Page({
    sandbox,
    folder: pageFolder,
    picture: options.picture,
    sessions: async (chat) =>
      (await reader.chat(chat)).sessions.map((session) => ({
        ...session,
        timers: session.timers.map(({ name, due }) => ({ name, due: Date.parse(due) })),
      })),
    advance,
    restart: () => bot.restart(),
  });
  const stop = async () => {
    page?.close();
    await bot.stop();
    await reader.close();
    await sandbox.close();
  };
  console.log(
    `${paint.bold('The chat page:')} ${paint.cyan(sandbox.url)}  ${paint.dim(options.script ? '' : '(Ctrl-C stops everything)')}`,
  );
  try {
    await bot.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { sandbox, dataDir, advance, chat: (id) => reader.chat(id), stop };
}

/** Listens on a port that was asked for, or on the first free one. */
async function startOnPort(port: number | undefined, options: SandboxOptions): Promise<Sandbox> {
  for (let next = port ?? firstPort; ; next++) {
    try {
      return await startSandbox({ ...options, port: next });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (port !== undefined)
        throw new Error(`Port ${port} is taken by another program. Choose one with --port, or leave it out.`);
      if (next >= firstPort + triedPorts) throw error;
    }
  }
}

function readOffset(file: string): number {
  try {
    return Number((JSON.parse(readFileSync(file, 'utf8')) as { offset?: number }).offset ?? 0);
  } catch {
    return 0;
  }
}
