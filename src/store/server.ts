import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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
  rmSync,
} from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { Redis } from 'ioredis';

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
export class DataDirInUse extends Error {
  override name = 'DataDirInUse';
}

/** The embedded server could not be started. */
export class ServerFailed extends Error {
  override name = 'ServerFailed';
}

/** Addresses of unix sockets are limited to some 107 bytes, the end of string included. */
const longestSocketPath = 100;
/** How long a server may take to answer and to load its append-only file, ms. */
const startLimit = 120_000;
const stopLimit = 8_000;

const paths = (dataDir: string) => {
  const folder = resolve(dataDir);
  const redis = join(folder, 'redis');
  const isShort = Buffer.byteLength(join(redis, 'redis.sock')) <= longestSocketPath;
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const sockets = isShort ? redis : join(tmpdir(), `turnstile-${hash}`);
  return {
    redis,
    sockets,
    socket: join(sockets, 'redis.sock'),
    lock: join(sockets, 'bot.sock'),
    log: join(redis, 'redis.log'),
  };
};

type Place = ReturnType<typeof paths>;

/**
 * Starts the server of a DATA_DIR, or takes over one that a killed bot left running.
 * @throws DataDirInUse when another bot lives; ServerFailed with what to do
 */
export async function startEmbeddedRedis(dataDir: string): Promise<EmbeddedRedis> {
  const place = paths(dataDir);
  try {
    mkdirSync(place.redis, { recursive: true, mode: 0o700 });
    mkdirSync(place.sockets, { recursive: true, mode: 0o700 });
    accessSync(place.redis, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ServerFailed(
      `Expected DATA_DIR ${resolve(dataDir)} to be a folder that can be written to: ${(error as Error).message}`,
    );
  }
  const lock = await takeLock(place.lock, dataDir);
  try {
    const adopted = await answers(place.socket);
    const child = adopted ? null : await startServer(place);
    if (adopted) await untilReady(place, null);
    return { socket: place.socket, adopted, stop: () => stopServer(place.socket, child, lock) };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** The socket of a server that runs for this DATA_DIR; null when there is none. */
export async function findEmbeddedRedis(dataDir: string): Promise<string | null> {
  const { socket } = paths(dataDir);
  return (await answers(socket)) ? socket : null;
}

/** The kernel frees a listening socket when its process dies, however it dies: a lock that cannot be left behind. */
async function takeLock(path: string, dataDir: string): Promise<Server> {
  const server = createServer((connection) => connection.on('error', () => {}).end(String(process.pid)));
  for (let attempt = 0; ; attempt++) {
    try {
      server.listen(path);
      await once(server, 'listening');
      // The lock alone must not keep the process alive.
      return server.unref();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      const holder = await ask(path);
      // A report that is just ending holds the lock for a moment.
      if (holder !== null && attempt >= 10) {
        throw new DataDirInUse(
          `Another bot (process ${holder}) works with DATA_DIR ${resolve(dataDir)}. Stop it (kill ${holder}), or give this one a DATA_DIR of its own.`,
        );
      }
      if (holder === null) rmSync(path, { force: true });
      else await new Promise((retry) => setTimeout(retry, 200));
    }
  }
}

/** What the holder of a lock says; null when nobody listens. */
function ask(path: string): Promise<string | null> {
  return new Promise((answer) => {
    let text = '';
    const connection = createConnection(path);
    connection.setTimeout(2_000, () => connection.destroy());
    connection.on('data', (data) => {
      text += data.toString();
    });
    connection.on('error', () => answer(null));
    connection.on('close', () => answer(text === '' ? 'unknown' : text));
  });
}

async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  const redis = client(socket);
  try {
    await redis.connect();
    await redis.ping();
    return true;
  } catch (error) {
    // It lives, and is still reading its file.
    return error instanceof Error && error.message.startsWith('LOADING');
  } finally {
    redis.disconnect();
  }
}

function client(path: string): Redis {
  const options = {
    path,
    protocol: 2 as const,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: null as never,
    maxRetriesPerRequest: 0,
  };
  const redis = new Redis({ ...options, connectionName: 'turnstile-server' });
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

async function startServer(place: Place): Promise<ChildProcess> {
  const child = spawnServer(place);
  try {
    await untilReady(place, child);
    return child;
  } catch (error) {
    if (!lastLines(place.log).includes('Unexpected end of file reading the append only file')) throw error;
    cutTornWrite(place);
    const again = spawnServer(place);
    await untilReady(place, again);
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
  rmSync(place.socket, { force: true });
  const output = openSync(place.log, 'a', 0o600);
  const settings = {
    port: '0',
    unixsocket: place.socket,
    unixsocketperm: '700',
    dir: place.redis,
    appendonly: 'yes',
    appendfsync: 'everysec',
    // See cutTornWrite.
    'aof-load-truncated': 'no',
    save: '',
    'maxmemory-policy': 'noeviction',
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

async function untilReady(place: Place, child: ChildProcess | null): Promise<void> {
  const deadline = performance.now() + startLimit;
  for (;;) {
    const redis = client(place.socket);
    try {
      await redis.connect();
      await redis.ping();
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const isOver =
        child !== null && (child.exitCode !== null || child.signalCode !== null || child.pid === undefined);
      if (isOver || performance.now() > deadline) {
        throw new ServerFailed(
          `The embedded Redis did not start (${reason}). The end of ${place.log}:\n${lastLines(place.log)}`,
        );
      }
    } finally {
      redis.disconnect();
    }
    await new Promise((retry) => setTimeout(retry, 20));
  }
}

function lastLines(file: string): string {
  return existsSync(file)
    ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
    : '(no log)';
}

async function stopServer(socket: string, child: ChildProcess | null, lock: Server): Promise<void> {
  const redis = client(socket);
  const closed = new Promise<void>((resolve) => redis.once('close', resolve));
  try {
    await redis.connect();
    // The server closes the connection instead of answering; the append-only file is on disk by then.
    await redis.shutdown('NOSAVE').catch(() => {});
    await Promise.race([closed, new Promise((late) => setTimeout(late, stopLimit).unref())]);
  } catch {
    // It is gone already.
  } finally {
    redis.disconnect();
  }
  const isOver = () => child === null || child.exitCode !== null || child.signalCode !== null;
  const deadline = performance.now() + stopLimit;
  while (!isOver() && performance.now() < deadline) await new Promise((retry) => setTimeout(retry, 10));
  if (!isOver()) child?.kill('SIGTERM');
  await new Promise((done) => lock.close(done));
}
