import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

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
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { takeLock } from './data-lock.ts';
import { ServerFailed } from './server-errors.ts';
import { type Place, paths, pause, saying, stopLimit } from './server-place.ts';
import { client, signOf } from './server-sign.ts';

/** A private Redis that belongs to one DATA_DIR. */
export interface EmbeddedRedis {
  /** Path of its unix socket. */
  readonly socket: string;
  /** It was left running by a bot that was killed. */
  readonly adopted: boolean;
  /** Flushes the append-only file, ends the server and frees the DATA_DIR; at most 8 s. */
  stop(): Promise<void>;
}

export interface Patience {
  /** Hears every 5 s what is waited for: a server that hangs, or reads a large file. */
  readonly says?: (line: string) => void;
  /** A server that gives no sign of life for so long is given up, ms. Default 30,000. */
  readonly silence?: number;
}

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
