import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Addresses of unix sockets are limited to some 107 bytes, the end of string included. */
export const longestSocketPath = 100;
/** How often it is said what is waited for, ms. */
export const saying = 5_000;
/** How long a server that lives may take for one answer, ms. */
export const answerLimit = 2_000;
export const stopLimit = 8_000;

export const paths = (dataDir: string) => {
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

export type Place = ReturnType<typeof paths>;

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
