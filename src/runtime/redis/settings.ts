import type { Redis } from 'ioredis';
import { Misconfigured } from '../refused.ts';
import { Keys } from './keys.ts';

/** Something was fixed at the first start and cannot change. */
export class SettingDiffers extends Misconfigured {}

/**
 * Fixes the number of shards at the first start, and holds every later start to it.
 * @param wanted from the environment; null takes what is stored, or 16
 * @throws SettingDiffers
 */
export async function fixShards(redis: Redis, prefix: string, wanted: number | null): Promise<number> {
  const stored = Number(await fixSetting(redis, prefix, 'shards', wanted ?? 16));
  if (wanted !== null && wanted !== stored) {
    throw new SettingDiffers(
      `Expected SHARDS=${stored}, as fixed at the first start with this Redis and prefix "${prefix}", found ${wanted}. ` +
        'Every chat has its place by this number: unset SHARDS.',
    );
  }
  return stored;
}

/**
 * Fixes the bot at the first start: another bot's chats and update ids must not mix with these.
 * @throws SettingDiffers
 */
export async function fixBot(redis: Redis, prefix: string, id: number): Promise<void> {
  refuseOther(prefix, Number(await fixSetting(redis, prefix, 'bot', id)), id);
}

/**
 * Checks that the store is this bot's, or nobody's yet: the payments of one bot must not get into the books of another.
 * @throws SettingDiffers
 */
export async function checkBot(redis: Redis, prefix: string, id: number): Promise<void> {
  const stored = await redis.hget(new Keys(prefix).settings(), 'bot');
  if (stored !== null) refuseOther(prefix, Number(stored), id);
}

function refuseOther(prefix: string, stored: number, id: number): void {
  if (stored === id) return;
  throw new SettingDiffers(
    `Expected BOT_TOKEN of the bot ${stored}, whose conversations this Redis keeps under the prefix "${prefix}", found one of the bot ${id}. ` +
      'Put the token of that bot back, or give this one a DATA_DIR of its own; what it has sold before is taken over there by: turnstile payments adopt',
  );
}

async function fixSetting(redis: Redis, prefix: string, name: string, value: number): Promise<string | null> {
  const key = new Keys(prefix).settings();
  await redis.hsetnx(key, name, value);
  return redis.hget(key, name);
}
