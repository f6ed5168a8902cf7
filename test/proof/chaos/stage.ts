import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { machines } from '../../../src/club/club.ts';
import { reportOf } from '../../../src/club/conversation.ts';
import { type ChatReport, readChat, readStatus, type Status } from '../../../src/club/reports.ts';
import { prepareMachine } from '../../../src/runtime/core/machine.ts';
import { decodeSession } from '../../../src/runtime/core/session.ts';
import { shardOf } from '../../../src/runtime/core/shard.ts';
import type { StoredLetter } from '../../../src/runtime/letters.ts';
import { DeadLetters } from '../../../src/runtime/letters.ts';
import { connect, readInfo } from '../../../src/runtime/redis/connect.ts';
import { Keys } from '../../../src/runtime/redis/keys.ts';
import { projectRoot } from '../../../src/runtime/redis/root.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/runtime/redis/server.ts';
import { openRedisStore } from '../../../src/runtime/redis/store.ts';
import type { DeadLetter } from '../../../src/runtime/stored.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/index.ts';
import type { Order, Report } from '../../support/crashing.ts';
import { freePort, type RedisProxy, startProxy } from '../../support/proxy.ts';
import type { Life } from './check.ts';
import { recorderMachine } from './recorder.machine.ts';

const prefix = 'chaos';
const shards = 4;
const where = { prefix, shards };

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
  waning: 'waning { $text }',
};

interface StageOptions {
  readonly fsync?: 'always' | 'everysec';
  /** Puts a network before Redis that can fail, and a second server that can take over. Default: neither. */
  readonly isRemote?: boolean;
  /** The most that a copy's clock may be ahead of Telegram's or behind it, ms. Default 0. */
  readonly mostSkew?: number;
}

/** A Redis with its files. */
interface Server {
  readonly folder: string;
  /** Commands wait while it is away. */
  readonly redis: Redis;
  /** Where the other server finds it; null: it is alone. */
  readonly port: number | null;
  embedded: EmbeddedRedis;
  pid: number;
}

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
  /** What stands between the bots and Redis; null: nothing. */
  readonly network: RedisProxy | null;
  readonly #mostSkew: number;
  /** The one that takes writes first; the other follows it. */
  #servers: readonly Server[];
  #started = 0;
  #offset = 0;
  #isClosed = false;
  /** The clocks of the bots may be behind ours for a moment. */
  readonly #offsets = new Map<Bot, number>();
  readonly #fsync: 'always' | 'everysec';
  readonly #clock: { offset: number };

  private constructor(parts: {
    folder: string;
    sandbox: Sandbox;
    servers: readonly Server[];
    network: RedisProxy | null;
    clock: { offset: number };
    fsync: 'always' | 'everysec';
    mostSkew: number;
  }) {
    this.folder = parts.folder;
    this.sandbox = parts.sandbox;
    this.network = parts.network;
    this.#servers = parts.servers;
    this.#clock = parts.clock;
    this.#fsync = parts.fsync;
    this.#mostSkew = parts.mostSkew;
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const { fsync = 'everysec', isRemote = false, mostSkew = 0 } = options;
    const folder = mkdtempSync(join(tmpdir(), 'turnstile-chaos-'));
    writeContent(join(folder, 'content'));
    const clock = { offset: 0 };
    const sandbox = await startSandbox({ now: () => Date.now() + clock.offset });
    const first = await startServer(join(folder, 'data'), isRemote);
    const servers = isRemote ? [first, await startServer(join(folder, 'data-2'), isRemote)] : [first];
    const network = isRemote ? await startProxy(first.embedded.socket) : null;
    const stage = new Stage({ folder, sandbox, servers, network, clock, fsync, mostSkew });
    for (const server of servers) await stage.#configure(server);
    await servers[1]?.redis.replicaof('127.0.0.1', first.port as number);
    return stage;
  }

  get #master(): Server {
    return this.#servers[0] as Server;
  }

  /** To the server that takes writes, past the network. Commands wait while it is away. */
  get redis(): Redis {
    return this.#master.redis;
  }

  /** ms since 1970, by the clock of Telegram. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** ms since 1970: no bot's clock is ahead of it. */
  highest(): number {
    return this.now() + this.#mostSkew;
  }

  /** ms since 1970: no bot's clock is behind it, nor will one be that starts later. */
  lowest(): number {
    return Date.now() + Math.min(this.#offset - this.#mostSkew, ...this.#offsets.values());
  }

  /** Moves every clock. A bot that is still starting follows when it is ready. */
  shift(ms: number): void {
    this.#offset += ms;
    this.#clock.offset = this.#offset;
    for (const bot of this.bots) void bot.order({ shift: ms });
  }

  get redisPid(): number {
    return this.#master.pid;
  }

  /** @param skew how far its clock is ahead of Telegram's, ms; at most the stage's `mostSkew`, either way */
  startBot(skew = 0): Bot {
    const offset = this.#offset + skew;
    const child = spawn(process.execPath, [join(projectRoot(), 'dist/test/support/crashing.js')], {
      env: {
        PATH: process.env['PATH'] ?? '',
        BOT_TOKEN: this.sandbox.token,
        TELEGRAM_API_ROOT: this.sandbox.url,
        REDIS_URL: this.network?.url ?? `unix://${this.#master.embedded.socket}`,
        DATA_DIR: join(this.folder, 'bots', `${++this.#started}`),
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
    process.kill(this.#master.pid, 'SIGKILL');
  }

  /** Starts a server on the files of the one that was killed. */
  async restartRedis(): Promise<void> {
    const server = this.#master;
    await server.embedded.stop();
    server.embedded = await startEmbeddedRedis(server.folder);
    server.pid = await pidOf(server.redis);
    await this.#configure(server);
  }

  /** With `everysec` the server may answer before it writes; what it lost by a kill then is done again. */
  async #configure({ redis, port }: Server): Promise<void> {
    await redis.config('SET', 'appendfsync', this.#fsync);
    if (port === null) return;
    await redis.config('SET', 'repl-diskless-sync-delay', '0');
    await redis.config('SET', 'port', port);
  }

  /**
   * The servers change places: writes wait until the one that follows has everything, so nothing that was answered is
   * lost. Open connections stay where they are, and find a server that takes no writes.
   * @param leadAfter how long new connections are still led to the former one, ms
   * @returns when writes were refused first, and when they were taken again: real times
   */
  async failOver(leadAfter: number): Promise<{ from: number; to: number }> {
    const [old, next] = this.#servers as [Server, Server];
    const infoOf = ({ redis }: Server) => readInfo(redis, 'replication', 'persistence');
    await until('the second server to follow', async () => isFollowing(await infoOf(next)), 30_000);
    const from = Date.now();
    await old.redis.call('FAILOVER', 'TO', '127.0.0.1', String(next.port), 'TIMEOUT', '5000');
    await until('the second server to take over', async () => {
      const [before, after] = await Promise.all([infoOf(old), infoOf(next)]);
      return before.includes('role:slave') && after.includes('role:master');
    });
    this.#servers = [next, old];
    await new Promise((resolve) => setTimeout(resolve, leadAfter));
    this.network?.lead(next.embedded.socket);
    const to = Date.now();
    await this.written();
    return { from, to };
  }

  /** Resolves when everything is in the append-only file, where a kill of Redis cannot take it away. */
  async written(): Promise<void> {
    const store = openRedisStore(this.redis, where);
    await store.untilWritten(await store.server());
  }

  status(): Promise<Status> {
    return readStatus(openRedisStore(this.redis, where), { machines: reported });
  }

  chat(id: number): Promise<ChatReport> {
    return readChat(openRedisStore(this.redis, where), id, { machines: reported });
  }

  /** A chat's session of a machine, with whether the bot knows that its person cannot be reached; null: there is none. */
  async session(
    id: number,
    machine = 'recorder',
  ): Promise<(Life & { state: string; isAway: boolean }) | null> {
    const [text, away] = await this.#fields(this.#key(id, machine));
    if (typeof text !== 'string') return null;
    const { context, value } = decodeSession(text);
    const { record = [], times = [] } = context as Partial<Life>;
    return { record, times, state: String(value), isAway: away === '1' };
  }

  /** A key of another type that stands in a session's place is taken away again soon. */
  async #fields(key: string): Promise<(string | null)[]> {
    for (;;) {
      try {
        return await this.redis.hmget(key, 's', 'b');
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE')) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  #key(id: number, machine: string): string {
    return new Keys(prefix).session(shardOf(id, shards), machine, id);
  }

  /** Puts a key of another type where a chat's session stands. */
  async plant(id: number): Promise<void> {
    const key = this.#key(id, 'recorder');
    await this.redis.multi().rename(key, `${key}:aside`).set(key, 'text').exec();
    await this.written();
  }

  /** Puts the session back. */
  async restore(id: number): Promise<void> {
    const key = this.#key(id, 'recorder');
    await this.redis.rename(`${key}:aside`, key);
    await this.written();
  }

  /** Puts dead letters back, oldest first. */
  async retry(letters: readonly StoredLetter[]): Promise<void> {
    const dead = new DeadLetters(openRedisStore(this.redis, where));
    for (const letter of letters) await dead.retry(letter);
    await this.written();
  }

  /** How many copies own shards. */
  async owners(): Promise<number> {
    const keys = Array.from({ length: shards }, (_, shard) => `{${prefix}:${shard}}:owner`);
    const tokens = await this.redis.mget(...keys);
    return new Set(tokens.flatMap((token) => token?.split(':').at(1) || [])).size;
  }

  /** The dead letters that stand in Redis, oldest first. */
  async storedLetters(): Promise<StoredLetter[]> {
    const letters: StoredLetter[] = [];
    for await (const letter of new DeadLetters(openRedisStore(this.redis, where)).all()) letters.push(letter);
    return letters;
  }

  /** All dead letters: those in Redis, and those that the bots have moved to their files. */
  async deadLetters(): Promise<DeadLetter[]> {
    const stored = await this.storedLetters();
    const folder = join(this.folder, 'bots');
    const moved = (existsSync(folder) ? readdirSync(folder) : [])
      .map((name) => join(folder, name, 'dead-letters.jsonl'))
      .filter((file) => existsSync(file))
      .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
      .map((line) => JSON.parse(line) as StoredLetter);
    // A crash between the file and Redis leaves a letter in both.
    return [...new Map([...moved, ...stored].map(({ id, letter }) => [id, letter])).values()];
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
    // A move of the clocks that a bot has not heard of yet counts already.
    const now = this.now() - this.#mostSkew;
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
    await this.network?.close();
    for (const { redis, embedded } of this.#servers) {
      redis.disconnect();
      await embedded.stop();
    }
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

/** Whether a server has all that its master has, also in its file. */
const isFollowing = (info: string): boolean =>
  ['master_link_status:up', 'aof_rewrite_in_progress:0', 'aof_rewrite_scheduled:0'].every((line) =>
    info.includes(line),
  );

async function startServer(folder: string, hasPort: boolean): Promise<Server> {
  const embedded = await startEmbeddedRedis(folder);
  const redis = connect(embedded.socket, { connectionName: 'chaos' });
  return { folder, redis, port: hasPort ? await freePort() : null, embedded, pid: await pidOf(redis) };
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
