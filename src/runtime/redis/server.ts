import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  accessSync,
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { ExitError, exitCodes } from '../refused.ts';

/** A private Redis that belongs to one DATA_DIR. */
export interface EmbeddedRedis {
  /** Path of its unix socket. */
  readonly socket: string;
  /** It was left running by a bot that was killed. */
  readonly adopted: boolean;
  /** Flushes the append-only file, ends the server and frees the DATA_DIR; at most 8 s. */
  stop(): Promise<void>;
}

/** Another bot works with this DATA_DIR. */
export class DataDirInUse extends ExitError {
  constructor(message: string) {
    super(exitCodes.temporary, message);
  }
}

/** The embedded server could not be started. */
export class ServerFailed extends ExitError {
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.unavailable, message, options);
  }
}

export interface Patience {
  /** Hears every 5 s what is waited for: a server that hangs, or reads a large file. */
  readonly says?: (line: string) => void;
  /** A server that gives no sign of life for so long is given up, ms. Default 30,000. */
  readonly silence?: number;
}

/** Addresses of unix sockets are limited to some 107 bytes, the end of string included. */
const longestSocketPath = 100;
/** How often it is said what is waited for, ms. */
const saying = 5_000;
/** How long a server that lives may take for one answer, ms. */
const answerLimit = 2_000;
const stopLimit = 8_000;

const paths = (dataDir: string) => {
  const folder = resolve(dataDir);
  const redis = join(folder, 'redis');
  const isShort = Buffer.byteLength(join(redis, 'redis.sock')) <= longestSocketPath;
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const sockets = isShort ? redis : join(tmpdir(), `turnstile-${hash}`);
  return {
    folder,
    redis,
    sockets,
    socket: join(sockets, 'redis.sock'),
    log: join(redis, 'redis.log'),
    pid: join(redis, 'redis.pid'),
  };
};

type Place = ReturnType<typeof paths>;

/**
 * Starts the server of a DATA_DIR, or takes over one that a killed bot left running.
 * @throws DataDirInUse when another bot lives; ServerFailed with what to do
 */
export async function startEmbeddedRedis(dataDir: string, patience: Patience = {}): Promise<EmbeddedRedis> {
  const place = paths(dataDir);
  try {
    mkdirSync(place.redis, { recursive: true, mode: 0o700 });
    mkdirSync(place.sockets, { recursive: true, mode: 0o700 });
    accessSync(place.redis, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ServerFailed(
      `Expected DATA_DIR ${place.folder} to be a folder that can be written to: ${(error as Error).message}`,
    );
  }
  const free = await takeLock(place);
  try {
    const adopted = await untilReady(place, patience);
    const child = adopted ? null : await startServer(place, patience);
    const stop = () => stopServer(place.socket, child).finally(free);
    return { socket: place.socket, adopted, stop };
  } catch (error) {
    await free();
    throw error;
  }
}

/**
 * The socket of a server that runs for this DATA_DIR; null when there is none.
 * @throws ServerFailed with what to do
 */
export async function findEmbeddedRedis(dataDir: string, patience: Patience = {}): Promise<string | null> {
  const place = paths(dataDir);
  return (await untilReady(place, patience)) ? place.socket : null;
}

const isLock = (name: string) => name.startsWith('bot.');

/**
 * Makes this process the only one that works with a DATA_DIR; returns the function that ends it.
 *
 * Each that wants to be it listens on a socket of its own, and asks all others. The kernel frees such a socket when its
 * process dies, however it dies, and a name is never used again, so what is dead can be removed by anyone at any time.
 * Of several that are starting, the one whose name sorts first waits for the others, which give way.
 */
async function takeLock({ sockets, folder }: Place): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    const lock = await openLock(sockets);
    const holder = await otherHolder(sockets, lock.name);
    if (holder === null) {
      lock.hold();
      return lock.close;
    }
    await lock.close();
    // A report that is just ending holds the lock for a moment.
    if (holder !== 'starting' && attempt >= 10) {
      throw new DataDirInUse(
        `Another bot (process ${holder}) works with DATA_DIR ${folder}. Stop it (kill ${holder}), or give this one a DATA_DIR of its own.`,
      );
    }
    await pause(200);
  }
}

async function openLock(folder: string) {
  let isHeld = false;
  const server = createServer((connection) =>
    connection.on('error', () => {}).end(`${isHeld ? '' : 'starting '}${process.pid}`),
  );
  const id = `${process.pid.toString(36).padStart(5, '0')}${randomBytes(3).toString('base64url')}`;
  const name = `bot.${id}`;
  // Nobody may see it before it listens, and take it for dead.
  const hidden = join(folder, `new.${id}`);
  server.listen(hidden);
  await once(server, 'listening');
  renameSync(hidden, join(folder, name));
  // The lock alone must not keep the process alive.
  server.unref();
  return {
    name,
    hold: () => {
      isHeld = true;
    },
    close: async () => {
      rmSync(join(folder, name), { force: true });
      await new Promise((done) => server.close(done));
    },
  };
}

/** The process that holds the lock; `starting`: another one that starts goes first; null: nobody. */
async function otherHolder(folder: string, own: string): Promise<string | null> {
  for (;;) {
    const others = readdirSync(folder).filter((name) => isLock(name) && name !== own);
    const living: { name: string; answer: string }[] = [];
    for (const name of others) {
      const answer = await ask(join(folder, name));
      if (answer === null) rmSync(join(folder, name), { force: true });
      else living.push({ name, answer });
    }
    const holder = living.find(({ answer }) => !answer.startsWith('starting'));
    // One that hangs says nothing; its name tells the process.
    if (holder !== undefined) return holder.answer || String(Number.parseInt(holder.name.slice(4, 9), 36));
    if (living.length === 0) return null;
    if (living.some(({ name }) => name < own)) return 'starting';
    await pause(20);
  }
}

/** What the other side of a lock says, nothing when it hangs; null when nobody listens. */
function ask(path: string): Promise<string | null> {
  return new Promise((answer) => {
    let text = '';
    const connection = createConnection(path);
    connection.setTimeout(answerLimit, () => connection.destroy());
    connection.on('data', (data) => {
      text += data.toString();
    });
    connection.on('error', ({ code }: NodeJS.ErrnoException) => answer(nobodyListens(code) ? null : text));
    connection.on('close', () => answer(text));
  });
}

const nobodyListens = (code: string | undefined) => code === 'ECONNREFUSED' || code === 'ENOENT';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What the server behind a socket does, with words for those who wait. */
interface Sign {
  readonly is: 'absent' | 'silent' | 'loading' | 'ready';
  readonly what: string;
}

const absent: Sign = { is: 'absent', what: 'does not listen yet' };

async function signOf(socket: string): Promise<Sign> {
  if (!existsSync(socket)) return absent;
  const redis = client(socket, answerLimit);
  let reason = '';
  redis.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  try {
    await redis.connect();
    const info = await redis.info('persistence');
    if (!/^loading:1/m.test(info)) return { is: 'ready', what: 'is ready' };
    const megabytes = (name: string) =>
      Math.round(Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0) / 2 ** 20);
    const [done, all] = [megabytes('loading_loaded_bytes'), megabytes('loading_total_bytes')];
    return { is: 'loading', what: `is still reading its file, ${done} of ${all} MB` };
  } catch {
    if (nobodyListens(reason)) return absent;
    return { is: 'silent', what: 'accepts connections and does not answer' };
  } finally {
    redis.disconnect();
  }
}

/** @param limit longest silence while something is asked, ms */
function client(path: string, limit: number): Redis {
  const redis = new Redis({
    path,
    protocol: 2,
    connectionName: 'turnstile-server',
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: null as never,
    maxRetriesPerRequest: 0,
    connectTimeout: limit,
    socketTimeout: limit,
  });
  redis.on('error', () => {});
  return redis;
}

const servers = ['redis-server', 'valkey-server'];

function findServer(): string {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/bin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ];
  for (const name of servers) {
    for (const folder of folders)
      if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  }
  throw new ServerFailed(
    'Expected redis-server or valkey-server (7.0 or newer) on this machine, found neither. ' +
      'Install it (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis), or set REDIS_URL.',
  );
}

async function startServer(place: Place, patience: Patience): Promise<ChildProcess> {
  const child = spawnServer(place);
  try {
    await untilReady(place, patience, child);
    return child;
  } catch (error) {
    if (!lastLines(place.log).includes('Unexpected end of file reading the append only file')) throw error;
    cutTornWrite(place);
    const again = spawnServer(place);
    await untilReady(place, patience, again);
    return again;
  }
}

/**
 * Takes a write that a kill tore off the end of the append-only file. The server would cut it in the middle of a
 * transaction (Redis 7.0), and a later start would make one of what is left of it and the next one.
 */
function cutTornWrite(place: Place): void {
  const files = join(place.redis, 'appendonlydir');
  const manifest = readdirSync(files).find((name) => name.endsWith('.manifest')) ?? '';
  // The server's own program is the checker when it is called so.
  const done = spawnSync(findServer(), ['--fix', join(files, manifest)], {
    argv0: 'redis-check-aof',
    input: 'y\n',
    encoding: 'utf8',
  });
  appendFileSync(place.log, `${done.stdout ?? ''}${done.stderr ?? ''}`);
  if (done.status !== 0) {
    throw new ServerFailed(
      `The append-only file in ${files} ends in the middle of a write, and could not be mended. The end of ${place.log}:\n${lastLines(place.log)}`,
    );
  }
}

function spawnServer(place: Place): ChildProcess {
  const output = openSync(place.log, 'a', 0o600);
  const settings = {
    port: '0',
    unixsocket: place.socket,
    unixsocketperm: '700',
    pidfile: place.pid,
    dir: place.redis,
    appendonly: 'yes',
    appendfsync: 'everysec',
    // See cutTornWrite.
    'aof-load-truncated': 'no',
    save: '',
    'maxmemory-policy': 'noeviction',
    // A session is a hash of three fields; above this length of one of them it takes twice the memory.
    'hash-max-listpack-value': '256',
    daemonize: 'no',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // A process group of its own: Ctrl-C in a terminal reaches the bot alone, which then ends the server in order.
  const child = spawn(findServer(), args, {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: place.redis,
  });
  closeSync(output);
  child.unref();
  child.on('error', () => {});
  return child;
}

/**
 * Waits for a server that is there, or is being started.
 * @param child the process that was started; without it, a server that somebody else has left
 * @returns false when there is none
 */
async function untilReady(
  place: Place,
  { says = () => {}, silence = 30_000 }: Patience,
  child?: ChildProcess,
): Promise<boolean> {
  let alive = performance.now();
  let said = alive;
  for (;;) {
    const sign = await signOf(place.socket);
    if (sign.is === 'ready') return true;
    if (sign.is === 'absent' && child === undefined) return false;
    const isOver =
      child !== undefined &&
      (child.exitCode !== null || child.signalCode !== null || child.pid === undefined);
    if (isOver) {
      throw new ServerFailed(
        `The embedded Redis did not start. The end of ${place.log}:\n${lastLines(place.log)}`,
      );
    }
    const now = performance.now();
    if (sign.is === 'loading') alive = now;
    const pid = child?.pid ?? pidOf(place);
    const server = `The embedded Redis (process ${pid}, socket ${place.socket})`;
    if (now - alive > silence) {
      throw new ServerFailed(
        `${server} ${sign.what}; waited for ${silence / 1_000} s. End it (kill -9 ${pid}), which loses nothing that it has written, and start again. ` +
          `The end of ${place.log}:\n${lastLines(place.log)}`,
      );
    }
    if (now - said >= saying) {
      says(`${server} ${sign.what}; waiting for it`);
      said = now;
    }
    await pause(20);
  }
}

/** The process of the server that was started last for this DATA_DIR. */
function pidOf(place: Place): string {
  try {
    return readFileSync(place.pid, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

function lastLines(file: string): string {
  return existsSync(file)
    ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
    : '(no log)';
}

async function stopServer(socket: string, child: ChildProcess | null): Promise<void> {
  const deadline = performance.now() + stopLimit;
  // One that hangs would not hear of it.
  if ((await signOf(socket)).is === 'silent') {
    child?.kill('SIGTERM');
    return;
  }
  const redis = client(socket, stopLimit);
  const closed = new Promise<void>((resolve) => redis.once('close', resolve));
  const closedWithin = async (ms: number) => {
    let callOff = () => {};
    const late = new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, ms);
      // A program whose bot has stopped ends at once.
      callOff = () => clearTimeout(timeout);
    });
    await Promise.race([closed, late]).finally(callOff);
  };
  try {
    await redis.connect();
    // The server closes the connection instead of answering; the append-only file is on disk by then.
    await redis.shutdown('NOSAVE').catch(() => {});
    await closedWithin(deadline - performance.now());
  } catch {
    // It is gone already.
  } finally {
    // One that is closed would keep the process for two seconds more.
    if (redis.status !== 'end') redis.disconnect();
  }
  const isOver = () => child === null || child.exitCode !== null || child.signalCode !== null;
  while (!isOver() && performance.now() < deadline) await pause(10);
  if (!isOver()) child?.kill('SIGTERM');
}
