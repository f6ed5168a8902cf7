import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { Misconfigured } from '../refused.ts';
import { Refused } from '../stored.ts';
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
  | 'news'
  | 'migrate'
  | 'rewrite';

interface Script {
  readonly text: string;
  readonly sha: string;
}

type ConnectOptions = Omit<RedisOptions, 'replyMapping'>;

/** How long a connection may take to open, or be silent while an answer is due, ms. Then it is opened anew. */
const silenceLimit = 5_000;

/** What a server answers while another one behind the same address may serve, as after a failover. */
const servedElsewhere = /^(READONLY|LOADING|MASTERDOWN)\b/;

let scripts: ReadonlyMap<string, Script> | undefined;

function loadScripts(): ReadonlyMap<string, Script> {
  if (scripts !== undefined) return scripts;
  const folder = join(projectRoot(), 'src/runtime/redis/scripts');
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
 * that makes its repetition harmless. A server that is silent for 5 s, or takes no writes, counts as away.
 * @param address `redis://…`, or a unix socket as a path or `unix://<path>`
 */
export function connect(address: string, options: ConnectOptions = {}): Redis {
  let isRefused = false;
  let refusals = 0;
  const common: ConnectOptions = {
    connectionName: 'turnstile',
    lazyConnect: true,
    protocol: 2,
    maxRetriesPerRequest: null,
    enableAutoPipelining: true,
    connectTimeout: silenceLimit,
    socketTimeout: silenceLimit,
    maxLoadingRetryTime: 1_000,
    reconnectOnError: (error) => {
      if (!servedElsewhere.test(error.message)) return false;
      isRefused = true;
      redis.emit('error', error);
      return 2;
    },
    retryStrategy: (times) => {
      // A server that is reached and takes nothing is tried as seldom as one that is not reached.
      refusals = isRefused ? refusals + 1 : 0;
      isRefused = false;
      return Math.min(50 * Math.max(times, refusals), 1_000);
    },
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
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  const script = loadScripts().get(verb);
  if (script === undefined) throw new Error(`Expected src/runtime/redis/scripts/${verb}.lua`);
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    await redis.script('LOAD', script.text);
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args);
  }
}

/** The server cannot keep what is entrusted to it. */
export class RedisUnfit extends Misconfigured {}

/**
 * The server's own words about itself.
 * @param sections those of INFO; without them all that matter
 */
export async function readInfo(redis: Redis, ...sections: string[]): Promise<string> {
  // Outside of a pipeline ioredis takes it for part of the handshake, and never answers when that is cut off.
  const [[error, text] = []] =
    (await redis
      .pipeline()
      .info(...sections)
      .exec()) ?? [];
  if (error) throw error;
  return String(text);
}

/**
 * Checks that this is one server that takes writes.
 * @param info its answer to INFO
 * @throws RedisUnfit for a replica, a member of a cluster, a sentinel
 */
export function checkRole(info: string): void {
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const mode = field('redis_mode') ?? 'standalone';
  if (mode === 'sentinel') {
    throw new RedisUnfit(
      'Expected a Redis server, found a sentinel (redis_mode:sentinel). Point REDIS_URL at the address of the master itself.',
    );
  }
  if (mode === 'cluster' || field('cluster_enabled') === '1') {
    throw new RedisUnfit(
      'Expected one Redis server by itself, found a member of a cluster (cluster_enabled:1). Clusters are not supported: ' +
        'point REDIS_URL at a server with cluster-enabled no, or unset it to use the embedded one.',
    );
  }
  if (field('role') === 'slave') {
    throw new RedisUnfit(
      `Expected a Redis server that takes writes, found a replica of ${field('master_host')}:${field('master_port')} (role:slave). ` +
        'Point REDIS_URL at the master, or make this server one: redis-cli replicaof no one.',
    );
  }
}

/**
 * Checks role, version, eviction policy and append-only file.
 * @returns warnings
 * @throws RedisUnfit for a replica, a cluster, a server older than 7.0 or one that may evict keys
 */
export async function checkServer(redis: Redis): Promise<string[]> {
  const info = await readInfo(redis);
  checkRole(info);
  const version = /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  if (Number.parseInt(version, 10) < 7) {
    throw new RedisUnfit(
      `Expected a Redis or Valkey server of version 7.0 or newer, found ${version}. Scripts need 7.0.`,
    );
  }
  const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
  if (policy !== 'noeviction') {
    throw new RedisUnfit(
      `Expected Redis with maxmemory-policy noeviction, found ${policy}: it could drop sessions, timers and payments. ` +
        'Run: redis-cli config set maxmemory-policy noeviction (and put it into redis.conf).',
    );
  }
  if (!/aof_enabled:1/.test(info)) {
    return [
      'Redis runs without an append-only file: what it holds is lost when it stops. ' +
        'Run: redis-cli config set appendonly yes (and put it into redis.conf).',
    ];
  }
  return [];
}

/** What Redis answers while it cannot serve: the same command succeeds later. A server started anew has no scripts. */
const passingReplies =
  /^(LOADING|BUSY|OOM|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|NOSCRIPT)\b/;

/** What a connection says that is lost, or not there yet. */
const passingFaults =
  /^(Connection is closed|Stream isn't writeable|Command timed out|Socket timeout|Reached the max retries|Command aborted)/;

/** What a script answered for one item; Refused where it is `error <what Redis says>`. */
export const resultOf = (answer: string): string | Refused =>
  answer.startsWith('error ') ? new Refused(answer.slice('error '.length)) : answer;

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
