import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { machines, reportOf } from '../../src/conversation.ts';
import { prepareMachine } from '../../src/core/machine.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { connect } from '../../src/store/redis.ts';
import { projectRoot } from '../../src/store/root.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/store/server.ts';
import { type ChatReport, readChat, readStatus, type Status } from '../../src/store/status.ts';
import type { Order, Report } from '../support/crashing.ts';
import { recorderMachine } from './recorder.machine.ts';

const prefix = 'chaos';
const shards = 4;

/** What the recorder says. `$text` is what the person's event carried. */
const words = {
  noted: 'noted { $text }',
  armed: 'armed { $text }',
  armed_too: 'set { $text }',
  disarmed: 'disarmed { $text }',
  asked: 'asked { $text }',
  answered: 'answered',
  rang: 'rang',
  rang_again: 'rang again',
};

/** One process of the bot. */
export interface Bot {
  readonly pid: number;
  /** Takes updates; a kill before that is one during its start. */
  readonly ready: Promise<void>;
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly isRunning: boolean;
  /** Lines of its log so far that have this text. */
  lines(text: string): string[];
  /** Resolves when the process has heard it, or has ended. One that is still starting hears it when it is ready. */
  order(order: Order): Promise<void>;
  /** Hears what the process reports. */
  onReport: (report: Report) => void;
  kill(): Promise<number | NodeJS.Signals>;
}

/** A local Telegram, a Redis with an append-only file, a clock that can be moved, and any number of bots on them. */
export class Stage {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly bots = new Set<Bot>();
  /** Commands wait while Redis is away. */
  readonly redis: Redis;
  #server: EmbeddedRedis;
  #redisPid: number;
  #offset = 0;
  #isClosed = false;
  /** The clocks of the bots may be behind ours for a moment. */
  readonly #offsets = new Map<Bot, number>();
  readonly #fsync: 'always' | 'everysec';
  readonly #clock: { offset: number };

  private constructor(parts: {
    folder: string;
    sandbox: Sandbox;
    server: EmbeddedRedis;
    redis: Redis;
    redisPid: number;
    clock: { offset: number };
    fsync: 'always' | 'everysec';
  }) {
    this.folder = parts.folder;
    this.sandbox = parts.sandbox;
    this.redis = parts.redis;
    this.#server = parts.server;
    this.#redisPid = parts.redisPid;
    this.#clock = parts.clock;
    this.#fsync = parts.fsync;
  }

  static async open(options: { fsync?: 'always' | 'everysec' } = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'turnstile-chaos-'));
    writeContent(join(folder, 'content'));
    const clock = { offset: 0 };
    const sandbox = await startSandbox({ now: () => Date.now() + clock.offset });
    const server = await startEmbeddedRedis(join(folder, 'data'));
    const redis = connect(server.socket, { connectionName: 'chaos' });
    const parts = { folder, sandbox, server, redis, redisPid: await pidOf(redis), clock };
    const stage = new Stage({ ...parts, fsync: options.fsync ?? 'everysec' });
    await stage.#configure();
    return stage;
  }

  /** ms since 1970, by the clock of Telegram: no bot's clock is ahead of it. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** ms since 1970, by the clock that is furthest behind. */
  lowest(): number {
    return Date.now() + Math.min(this.#offset, ...this.#offsets.values());
  }

  /** Moves every clock. A bot that is still starting follows when it is ready. */
  shift(ms: number): void {
    this.#offset += ms;
    this.#clock.offset = this.#offset;
    for (const bot of this.bots) void bot.order({ shift: ms });
  }

  get redisPid(): number {
    return this.#redisPid;
  }

  startBot(): Bot {
    const offset = this.#offset;
    const child = spawn(process.execPath, [join(projectRoot(), 'dist/test/support/crashing.js')], {
      env: {
        PATH: process.env['PATH'] ?? '',
        BOT_TOKEN: this.sandbox.token,
        TELEGRAM_API_ROOT: this.sandbox.url,
        REDIS_URL: `unix://${this.#server.socket}`,
        REDIS_PREFIX: prefix,
        SHARDS: String(shards),
        CONTENT_DIR: join(this.folder, 'content'),
        HTTP_PORT: 'off',
        LOG_LEVEL: 'info',
        RATE_BULK: '300',
        TURNSTILE_CLOCK_OFFSET: String(offset),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const bot = botOf(child, join(this.folder, `bot-${child.pid}.log`), (report) => {
      if (report.offset !== undefined) this.#offsets.set(bot, report.offset);
    });
    this.bots.add(bot);
    this.#offsets.set(bot, offset);
    void bot.ended.then(() => {
      this.bots.delete(bot);
      this.#offsets.delete(bot);
    });
    return bot;
  }

  /** SIGKILL; its append-only file stays. */
  killRedis(): void {
    process.kill(this.#redisPid, 'SIGKILL');
  }

  /** Starts a server on the files of the one that was killed. */
  async restartRedis(): Promise<void> {
    await this.#server.stop();
    this.#server = await startEmbeddedRedis(join(this.folder, 'data'));
    this.#redisPid = await pidOf(this.redis);
    await this.#configure();
  }

  /** With `everysec` the server may answer before it writes; what it lost by a kill then is done again. */
  async #configure(): Promise<void> {
    await this.redis.config('SET', 'appendfsync', this.#fsync);
  }

  status(): Promise<Status> {
    return readStatus(this.redis, { prefix, shards, machines: reported });
  }

  chat(id: number): Promise<ChatReport> {
    return readChat(this.redis, id, { prefix, shards, machines: reported });
  }

  /** How many copies own shards. */
  async owners(): Promise<number> {
    const keys = Array.from({ length: shards }, (_, shard) => `{${prefix}:${shard}}:owner`);
    const tokens = await this.redis.mget(...keys);
    return new Set(tokens.flatMap((token) => token?.split(':').at(1) || [])).size;
  }

  /** Dead letters, parsed. */
  async deadLetters(): Promise<{ kind: string; error: string; chat?: number; body: unknown }[]> {
    const streams = await Promise.all(
      Array.from({ length: shards }, (_, shard) => this.redis.xrange(`{${prefix}:${shard}}:dead`, '-', '+')),
    );
    return streams.flat().map(([, [, text]]) => JSON.parse(text ?? '{}'));
  }

  /** What is left to be handled. Queues of effects count whether or not a lane knows of them. */
  async left(): Promise<{
    updates: number;
    inbox: number;
    outbox: number;
    queues: number;
    dueTimers: number;
  }> {
    const updates = this.sandbox.pendingUpdates;
    const now = this.now();
    const due = Array.from({ length: shards }, (_, shard) =>
      this.redis.zcount(`{${prefix}:${shard}}:timers`, '-inf', now),
    );
    const [{ inbox, outbox }, queues, ...timers] = await Promise.all([
      this.status(),
      this.redis.keys(`{${prefix}:*}:outbox:*`),
      ...due,
    ]);
    const dueTimers = timers.reduce((sum, count) => sum + count, 0);
    return { updates, inbox, outbox, queues: queues.length, dueTimers };
  }

  /** Whether nothing is left. An actor's result goes back from the outbox to the inbox: looked at twice. */
  async isQuiet(): Promise<boolean> {
    for (let look = 0; look < 2; look++) {
      if (Object.values(await this.left()).some((count) => count > 0)) return false;
    }
    return true;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends everything. @param keep leaves files and logs for a look */
  async close(keep = false): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.bots].map((bot) => bot.kill()));
    this.redis.disconnect();
    await this.#server.stop();
    await this.sandbox.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

const reported = [recorderMachine, ...machines].map((source) => reportOf(prepareMachine(source)));

/** The product's content with the recorder's words. */
function writeContent(folder: string): void {
  mkdirSync(folder, { recursive: true });
  cpSync(join(projectRoot(), 'content'), folder, { recursive: true });
  const names = Object.keys(words);
  appendFileSync(join(folder, 'messages.yaml'), `\n${names.map((name) => `${name}:\n`).join('')}`);
  const texts = Object.entries(words).map(([name, text]) => `${name.replaceAll('_', '-')} = ${text}\n`);
  for (const language of ['en', 'ru'])
    appendFileSync(join(folder, `locales/${language}.ftl`), `\n${texts.join('')}`);
  // The walkers pay twice, and count what goes back: the bot is not to refund by itself.
  const bot = join(folder, 'bot.yaml');
  writeFileSync(bot, readFileSync(bot, 'utf8').replace('refund_duplicates:', 'refund_duplicates: false'));
}

async function pidOf(redis: Redis): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
}

function botOf(child: ChildProcess, logFile: string, hears: (report: Report) => void): Bot {
  const log = createWriteStream(logFile);
  let output = '';
  let announce: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    announce = resolve;
  });
  let isReady = false;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const heard: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => {
      log.write(data);
      output += data.toString();
      if (isReady || !output.includes('"msg":"ready"')) return;
      isReady = true;
      announce();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    log.end();
    announce();
    for (const hear of heard.splice(0)) hear();
    return (signal ?? code) as number | NodeJS.Signals;
  });
  const bot: Bot = {
    pid: child.pid ?? 0,
    ready,
    ended,
    get isRunning() {
      return isRunning();
    },
    lines: (text) => output.split('\n').filter((line) => line.includes(text)),
    order: async (order) => {
      await ready;
      if (!isRunning() || !child.connected) return;
      await new Promise<void>((resolve) => {
        heard.push(resolve);
        child.send(order, () => {});
      });
    },
    onReport: () => {},
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
  child.on('message', (report: Report) => {
    if (report.offset !== undefined) heard.shift()?.();
    hears(report);
    bot.onReport(report);
  });
  return bot;
}

/** Resolves when the predicate holds; looked at every 20 ms. The error names `what`. */
export async function until(
  what: string,
  predicate: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await predicate())) {
    if (Date.now() > deadline) throw new Error(`Waited ${limitMs} ms for ${what}; it did not come.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
