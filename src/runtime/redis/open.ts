import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { SystemClock } from '../clock.ts';
import { exitCodes, StartRefused } from '../refused.ts';
import type { Store } from '../store.ts';
import { connect, readInfo } from './connect.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from './server.ts';

/** The start was called off before the bot ran. */
export class StartCalledOff extends Error {
  override name = 'StartCalledOff';
}

/** What a start that still waits says, and what calls it off. */
export interface Waiting {
  readonly says: (line: string) => void;
  readonly clock?: SystemClock;
  readonly signal?: AbortSignal;
}

/** A Redis that answers, and where in it a bot's keys are. */
export interface OpenStore {
  readonly redis: Redis;
  readonly where: { readonly prefix: string; readonly shards: number };
  readonly store: Store;
}

/** An address without its password. */
const shown = (address: string) => address.replace(/\/\/[^@/]*@/, '//…@');

/**
 * Connects to the Redis at `redisUrl`, or starts the embedded one below `dataDir` where there is none.
 * @throws StartRefused (69) after 30 s without an answer
 */
export async function openRedis(
  place: { readonly redisUrl: string | null; readonly dataDir: string },
  waiting: Waiting,
): Promise<{ redis: Redis; embedded: EmbeddedRedis | null }> {
  const embedded = place.redisUrl === null ? await startEmbeddedRedis(place.dataDir, waiting) : null;
  try {
    return {
      redis: await reachRedis(embedded?.socket ?? (place.redisUrl as string), waiting),
      embedded,
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/**
 * Connects to one Redis.
 * @throws StartRefused (69) after 30 s without an answer
 */
export async function reachRedis(
  address: string,
  { says, clock = new SystemClock(), signal }: Waiting,
): Promise<Redis> {
  const redis = connect(address);
  let lastError = 'no answer';
  const noted = (error: Error) => {
    if (lastError !== error.message)
      says(`Redis does not answer yet at ${shown(address)}: ${error.message}; trying for 30 s`);
    lastError = error.message;
  };
  redis.on('error', noted);
  redis.connect().catch(() => {});
  const began = clock.now();
  const unready = clock.at(began + 5_000, () => {
    if (redis.status === 'connect')
      noted(new Error('it accepts connections and is not ready, as while it reads its file'));
  });
  let giveUp: () => void = () => {};
  const late = new Promise<'late'>((resolve) => {
    giveUp = clock.at(began + 30_000, () => resolve('late'));
  });
  // A server that refuses the password, or is no Redis, answers with an error at once.
  const refused = (error: Error) => error.message;
  const outcome = await Promise.race([redis.ping().catch(refused), late, called(signal)]).catch(
    (error: unknown) => {
      redis.disconnect();
      throw error;
    },
  );
  unready();
  giveUp();
  redis.off('error', noted);
  if (outcome !== 'PONG') {
    redis.disconnect();
    throw new StartRefused(
      exitCodes.unavailable,
      `Redis could not be used at ${shown(address)}: ${outcome === 'late' ? `tried for 30 s, the last error was: ${lastError}` : outcome}. ` +
        'Start it, or correct REDIS_URL, or unset REDIS_URL to use the embedded one.',
    );
  }
  return redis;
}

/** Rejects when a start is called off; never resolves. */
export const called = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    if (signal?.aborted === true) reject(new StartCalledOff());
    signal?.addEventListener('abort', () => reject(new StartCalledOff()), { once: true });
  });

/**
 * Says in the log when a connection is away, and when it is back.
 * @param options.address as the log names it, without its password; null: the path of its socket
 * @param options.isOver nothing is said any more
 * @param options.back called whenever it is there again, though nothing may have been noticed meanwhile
 */
export function watchConnection(
  redis: Redis,
  options: {
    readonly address: string | null;
    readonly log: Logger;
    readonly isOver: () => boolean;
    readonly back: () => void;
  },
): void {
  const { address, log, isOver, back } = options;
  let isAway = false;
  let reason: string | undefined;
  redis.on('error', (error: Error) => {
    reason = error.message;
  });
  redis.on('close', () => {
    // Each failed attempt to connect closes again.
    if (isOver() || isAway) return;
    isAway = true;
    log.error(
      { redis: shown(address ?? redis.options.path ?? ''), reason },
      'Redis is away; nothing is taken in until it is back',
    );
  });
  redis.on('ready', () => {
    reason = undefined;
    if (!isAway) return;
    back();
    // One that takes no writes is away as well.
    readInfo(redis, 'replication').then(
      (info) => {
        if (!isAway || info.includes('role:slave')) return;
        isAway = false;
        log.info('Redis is back');
      },
      () => {},
    );
  });
}
