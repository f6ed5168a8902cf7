import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment, readVariables } from '#environment';
import { Page, type PageMachine, type Sandbox, type SandboxClub, type SandboxUser } from '#sandbox';
import { paint } from '#terminal';
import { BotProcess } from './bot.ts';
import { copyContent, type DemoSettings, productOf } from './demo-content.ts';
import { adoptionCommand, bookHistory } from './demo-history.ts';
import { type LocalTelegram, openTelegram } from './local-telegram.ts';

/** What is stored of one chat, as `turnstile chat <id> --json` prints it. */
interface StoredChat {
  readonly sessions: readonly {
    readonly machine: string;
    readonly state: string;
    readonly context: unknown;
    /** `due` as ISO time. */
    readonly timers: readonly { readonly name: string; readonly due: string }[];
  }[];
}

/** A local Telegram, the real bot as a process of its own with its own Redis, and a clock that both follow. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly dataDir: string;
  /** The first person. */
  readonly anna: SandboxUser;
  readonly operator: SandboxUser;
  readonly club: SandboxClub;
  /** Resolves when the bot has nothing left to do. */
  settled(): Promise<void>;
  /** Moves the time of the bot and of Telegram, ms. */
  advance(ms: number): void;
  chat(id: number): Promise<StoredChat>;
  stop(): Promise<void>;
}

/** Reads what the bot with a DATA_DIR has stored. */
interface Reader {
  chat(id: number): Promise<StoredChat>;
  /** Takes it from a bot that was killed. */
  erase(): Promise<void>;
  /** Ends the Redis as well that a killed bot left running. */
  close(): Promise<void>;
}

export interface StageOptions {
  /** One whole conversation is played; otherwise lines from the terminal are a person's. */
  readonly script: boolean;
  /** Where the page and the local Telegram are served. Default: 8081, or the next that is free. */
  readonly port?: number;
  /** What is sold. Default: what bot.yaml sells, but 30 days in place of for ever. */
  readonly sells?: DemoSettings['sells'];
  /** What is paid with, for example EUR. Default: what bot.yaml says. */
  readonly currency?: string;
  readonly reader: (dataDir: string) => Reader;
  /** The first is the conversation itself. */
  readonly machines: readonly PageMachine[];
}

/** Beside the compiled sources, or where they go when this runs uncompiled. */
const pageFolder = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/page' : '../../page', import.meta.url),
);

/** Where everything of one demo is. */
interface Folders {
  readonly data: string;
  /** The content as it is installed, and the copy that the demo's bot has. */
  readonly installed: string;
  readonly content: string;
}

/** Starts a local Telegram with a chat page, and the bot. */
export async function openStage(dataDir: string, options: StageOptions): Promise<Stage> {
  const { contentDir } = readEnvironment(readVariables(), { token: false });
  const folders = { data: dataDir, installed: contentDir, content: join(dataDir, 'content') };
  let page: Page | undefined;
  const telegram = await openTelegram(dataDir, options, (request, response) =>
    page?.handle(request, response),
  );
  const { sandbox, anna, operator, club } = telegram;
  const bot = processOf(telegram, folders, options, () => page);
  const reader = options.reader(dataDir);
  const advance = (ms: number) => {
    telegram.advance(ms);
    bot.shift(ms);
  };
  page = pageOf({ telegram, folders, machines: options.machines, bot, reader, advance });
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
  const settled = () => quietOf(telegram, reader);
  const chat = (id: number) => reader.chat(id);
  return { sandbox, dataDir, anna, operator, club, settled, advance, chat, stop };
}

/** The real bot, with a copy of the content that is made anew at each start. */
function processOf(
  { sandbox, operator, club, language, clockOffset }: LocalTelegram,
  { data, installed, content }: Folders,
  { sells, currency }: StageOptions,
  page: () => Page | undefined,
): BotProcess {
  let hasRun = false;
  return new BotProcess({
    variables: () => {
      const spoken = existsSync(join(installed, 'locales', `${language}.ftl`)) ? language : undefined;
      copyContent(installed, content, { sells, currency, language: spoken, club: club.id });
      return {
        ...process.env,
        BOT_TOKEN: sandbox.token,
        TELEGRAM_API_ROOT: sandbox.url,
        DATA_DIR: data,
        CONTENT_DIR: content,
        ADMIN_IDS: String(operator.id),
        PROVIDER_TOKEN: '1:TEST:demo',
        // What a real installation has in .env must not reach the demo.
        REDIS_URL: '',
        HTTP_PORT: 'off',
        TURNSTILE_CLOCK_OFFSET: String(clockOffset()),
      };
    },
    logFile: join(data, 'bot.log'),
    logged: (line) => page()?.hearLog(line),
    changed: (status) => {
      page()?.hearBot(status);
      if (status.process === 'failed' && hasRun)
        console.log(paint.red(`The bot has ended by itself: ${status.reason}`));
      hasRun ||= status.process === 'running';
    },
    killed: (signal) =>
      console.log(paint.yellow(`The bot was ended by ${signal}; it starts again and goes on where it was.`)),
  });
}

interface PageParts {
  readonly telegram: LocalTelegram;
  readonly folders: Folders;
  readonly machines: readonly PageMachine[];
  readonly bot: BotProcess;
  readonly reader: Reader;
  readonly advance: (ms: number) => void;
}

function pageOf({ telegram, folders, machines, bot, reader, advance }: PageParts): Page {
  const { sandbox, operator, club, language, clockOffset } = telegram;
  return new Page({
    sandbox,
    folder: pageFolder,
    machines,
    operators: [operator.id],
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
        bookHistory(sandbox, { club, language, product: productOf(folders.installed) });
      });
      const command = adoptionCommand({
        sandbox,
        dataDir: folders.data,
        contentDir: folders.content,
        clockOffset: clockOffset(),
      });
      console.log(
        paint.dim(`Telegram has a history, and the bot has lost its disk. Take it over:\n${command}`),
      );
      return command;
    },
  });
}

/** What is stored of Anna stays as it is for a moment. The bot is a process of its own and says no more. */
async function quietOf({ sandbox, anna }: LocalTelegram, reader: Reader): Promise<void> {
  for (let before = '', tries = 0; tries < 40; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const stored = await reader.chat(anna.id).catch(() => null);
    const now = JSON.stringify([sandbox.pendingUpdates, anna.messages.length, stored]);
    if (now === before) return;
    before = now;
  }
}
