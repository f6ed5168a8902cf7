import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { nobodyListens } from './data-lock.ts';
import { answerLimit } from './server-place.ts';

/** What the server behind a socket does, with words for those who wait. */
export interface Sign {
  readonly is: 'absent' | 'silent' | 'loading' | 'ready';
  readonly what: string;
}

export const absent: Sign = { is: 'absent', what: 'does not listen yet' };

export async function signOf(socket: string): Promise<Sign> {
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
export function client(path: string, limit: number): Redis {
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
