import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment, readVariables } from '#environment';
import { Page, type PageMachine, type Sandbox, type SandboxOptions, startSandbox } from '#sandbox';
import { paint } from '#terminal';
import { BotProcess } from './bot.ts';
import { copyContent, productOf, type Sale } from './demo-content.ts';
import { adoptionCommand, bookHistory } from './demo-history.ts';
import { playScript, playTerminal, type StoredChat } from './play.ts';
import { readScript, replay, type Script, type Stage } from './replay.ts';

export interface DemoOptions {
  /** Plays one whole conversation and returns; otherwise lines from the terminal are a person's. */
  readonly script: boolean;
  /** Where the page and the local Telegram are served. Default: 8081, or the next that is free. */
  readonly port?: number;
  /** A file of a counterexample, which is played before the page is opened, with data of its own. */
  readonly from?: string;
  /** What is sold. Default: what bot.yaml sells, but 30 days in place of for ever. */
  readonly sells?: Sale;
  /** What is paid with, for example EUR. Default: what bot.yaml says. */
  readonly currency?: string;
  /**
   * Reads what a bot with this DATA_DIR has stored; `erase` takes it from a bot that was killed; `close` also ends the Redis
   * that such a bot left running.
   */
  readonly reader: (dataDir: string) => {
    chat(id: number): Promise<StoredChat>;
    erase(): Promise<void>;
    close(): Promise<void>;
  };
  /** The first is the conversation itself. */
  readonly machines: readonly PageMachine[];
}

/** Telegram's ids of groups begin with -100. */
const clubId = -1_001_000_000_001;
const clubTitles: Readonly<Record<string, string>> = {
  en: 'The First Step Club',
  ru: 'Клуб «Первый шаг»',
};
const annaId = 1_001;
const operatorId = 1_000;

const firstPort = 8_081;
const triedPorts = 50;
/** Beside the compiled sources, or where they go when this runs uncompiled. */
const pageFolder = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/page' : '../../page', import.meta.url),
);

/** Plays the bot without a token: in a chat page, and in this terminal. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const script = options.from === undefined ? null : readScript(options.from);
  const isBrief = options.script || script !== null;
  const dataDir = isBrief
    ? mkdtempSync(join(tmpdir(), 'turnstile-demo-'))
    : resolve(process.env['DATA_DIR'] ?? join('data', 'demo'));
  mkdirSync(dataDir, { recursive: true });
  const demo = await startDemo(dataDir, withSale(options, script));
  try {
    if (script !== null) await replay(demo, script);
    if (options.script) await playScript(demo);
    else await playTerminal(demo);
  } finally {
    await demo.stop();
    if (isBrief) rmSync(dataDir, { recursive: true, force: true });
  }
}

const withSale = (options: DemoOptions, script: Script | null): DemoOptions => ({
  ...options,
  ...(script !== null && options.sells === undefined && { sells: script.start.sale }),
});

async function startDemo(dataDir: string, options: DemoOptions): Promise<Stage> {
  const { contentDir } = readEnvironment(readVariables(), { token: false, sample: true });
  const clockFile = join(dataDir, 'clock.json');
  const offset = readOffset(clockFile);
  let page: Page | undefined;
  let hasRun = false;
  const sandbox = await startOnPort(options.port, {
    now: () => Date.now() + offset,
    stateFile: join(dataDir, 'telegram.json'),
    other: (request, response) => page?.handle(request, response),
  });
  const language = homeLanguage(options);
  const anna = sandbox.user({ id: annaId, firstName: 'Anna', languageCode: language });
  const olga = sandbox.user({ id: operatorId, firstName: 'Olga', languageCode: language });
  // Telegram lets no bot write first.
  if (olga.messages.length === 0) olga.says('/start');
  const club = sandbox.club({ id: clubId, title: clubTitles[language] ?? 'The club', joinByRequest: true });
  const demoContent = join(dataDir, 'content');
  const clockOffset = () => Math.round(sandbox.clock.now() - Date.now());
  const bot = new BotProcess({
    variables: () => {
      const spoken = existsSync(join(contentDir, 'locales', `${language}.ftl`)) ? language : undefined;
      const { sells, currency } = options;
      copyContent(contentDir, demoContent, { sells, currency, language: spoken, club: club.id });
      return {
        ...process.env,
        BOT_TOKEN: sandbox.token,
        TELEGRAM_API_ROOT: sandbox.url,
        DATA_DIR: dataDir,
        CONTENT_DIR: demoContent,
        ADMIN_IDS: String(olga.id),
        PROVIDER_TOKEN: '1:TEST:demo',
        // What a real installation has in .env must not reach the demo.
        REDIS_URL: '',
        HTTP_PORT: 'off',
        TURNSTILE_CLOCK_OFFSET: String(clockOffset()),
      };
    },
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
    machines: options.machines,
    operators: [olga.id],
    club,
    sessions: async (chat) =>
      (await reader.chat(chat)).sessions.map((session) => ({
        ...session,
        timers: session.timers.map(({ name, due }) => ({ name, due: Date.parse(due) })),
      })),
    advance,
    restart: () => void bot.restart(),
    makeHistory: async () => {
      await bot.restart(async () => {
        await reader.erase();
        bookHistory(sandbox, { club, language, product: productOf(contentDir) });
      });
      const command = adoptionCommand({
        sandbox,
        dataDir,
        contentDir: demoContent,
        clockOffset: clockOffset(),
      });
      console.log(
        paint.dim(`Telegram has a history, and the bot has lost its disk. Take it over:\n${command}`),
      );
      return command;
    },
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
  /** What is stored of Anna stays as it is for a moment. The bot is a process of its own and says no more. */
  const settled = async () => {
    for (let before = '', tries = 0; tries < 40; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      const stored = await reader.chat(anna.id).catch(() => null);
      const now = JSON.stringify([sandbox.pendingUpdates, anna.messages.length, stored]);
      if (now === before) return;
      before = now;
    }
  };
  return {
    sandbox,
    dataDir,
    anna,
    operator: olga,
    club,
    settled,
    advance,
    chat: (id) => reader.chat(id),
    stop,
  };
}

/** English or Russian, as the terminal's. */
function homeLanguage({ script }: DemoOptions): string {
  const { LC_ALL, LANG = '' } = process.env;
  return !script && /^ru/i.test(LC_ALL ?? LANG) ? 'ru' : 'en';
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
