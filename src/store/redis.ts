import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { projectRoot } from './root.ts';

/** One script per verb: `scripts/<verb>.lua`, whose head says what it takes and returns. */
export type Verb =
  | 'join'
  | 'acquire'
  | 'release'
  | 'append'
  | 'load'
  | 'commit'
  | 'take'
  | 'settle'
  | 'post'
  | 'postpone'
  | 'hold'
  | 'forget'
  | 'abandon'
  | 'revive'
  | 'migrate';

interface Script {
  readonly text: string;
  readonly sha: string;
}

type ConnectOptions = Omit<RedisOptions, 'replyMapping'>;

let scripts: ReadonlyMap<string, Script> | undefined;

function loadScripts(): ReadonlyMap<string, Script> {
  if (scripts !== undefined) return scripts;
  const folder = join(projectRoot(), 'src/store/scripts');
  scripts = new Map(
    readdirSync(folder).map((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return [basename(file, '.lua'), { text, sha: createHash('sha1').update(text).digest('hex') }];
    }),
  );
  return scripts;
}

/**
 * A connection whose commands wait while Redis is away and are sent again when it is back. Every verb carries a token
 * that makes its repetition harmless.
 * @param address `redis://…`, or a unix socket as a path or `unix://<path>`
 */
export function connect(address: string, options: ConnectOptions = {}): Redis {
  const common: ConnectOptions = {
    connectionName: 'turnstile',
    lazyConnect: true,
    protocol: 2,
    maxRetriesPerRequest: null,
    enableAutoPipelining: true,
    retryStrategy: (times) => Math.min(50 * times, 1_000),
    ...options,
  };
  const path = address.replace(/^unix:\/\//, '');
  const redis = path.startsWith('/') ? new Redis({ ...common, path }) : new Redis(address, common);
  // Without a listener every failed attempt to reconnect would be printed.
  redis.on('error', () => {});
  return redis;
}

/** Runs a verb's script; sends the text once when the server does not have it. */
export async function run(
  redis: Redis,
  verb: Verb,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const script = loadScripts().get(verb);
  if (script === undefined) throw new Error(`Expected src/store/scripts/${verb}.lua`);
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args.map(String));
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    await redis.script('LOAD', script.text);
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args.map(String));
  }
}

/** The server cannot keep what is entrusted to it. */
export class RedisUnfit extends Error {
  override name = 'RedisUnfit';
}

/**
 * Checks version, eviction policy and append-only file.
 * @returns warnings
 * @throws RedisUnfit for a server older than 7.0 or one that may evict keys
 */
export async function checkServer(redis: Redis): Promise<string[]> {
  const info = await redis.info('server');
  const version = /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  if (Number.parseInt(version, 10) < 7) {
    throw new RedisUnfit(
      `Expected a Redis or Valkey server of version 7.0 or newer, found ${version}. Scripts need 7.0.`,
    );
  }
  const memory = await redis.info('memory');
  const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1];
  if (policy !== 'noeviction') {
    throw new RedisUnfit(
      `Expected Redis with maxmemory-policy noeviction, found ${policy}: it could drop sessions, timers and payments. ` +
        'Run: redis-cli config set maxmemory-policy noeviction (and put it into redis.conf).',
    );
  }
  const persistence = await redis.info('persistence');
  if (!/aof_enabled:1/.test(persistence)) {
    return [
      'Redis runs without an append-only file: what it holds is lost when it stops. ' +
        'Run: redis-cli config set appendonly yes (and put it into redis.conf).',
    ];
  }
  return [];
}

/** What Redis answers while it cannot serve: the same command succeeds later. */
const passingReplies =
  /^(LOADING|BUSY|OOM|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/;

/** What a connection says that is lost, or not there yet. */
const passingFaults =
  /^(Connection is closed|Stream isn't writeable|Command timed out|Socket timeout|Reached the max retries|Command aborted)/;

/** What a script answered for one item alone: in Redis' words, as a reply of its own would say it. */
export class Refused extends Error {
  override name = 'Refused';
}

/** @throws Refused when a script answered `error <what Redis says>` for this item */
export function unlessRefused<Result>(result: Result): Result {
  if (typeof result === 'string' && result.startsWith('error ')) throw new Refused(result.slice(6));
  return result;
}

/**
 * Whether a command that failed can succeed when it is sent again: the connection was lost, or the server cannot serve
 * just now. Everything else, of Redis as of our own, fails as often as it is tried.
 */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError' || error instanceof Refused) return passingReplies.test(error.message);
  // Node's own faults of a socket name the system call.
  return passingFaults.test(error.message) || 'syscall' in error;
}
