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
  const stored = await fixSetting(redis, prefix, 'shards', wanted ?? 16);
  if (wanted !== null && wanted !== stored) {
    throw new SettingDiffers(
      `Expected SHARDS=${stored}, as fixed at the first start with this Redis and prefix "${prefix}", found ${wanted}. ` +
        'Every chat has its place by this number: unset SHARDS.',
    );
  }
  return stored;
}

/**
 * Fixes a number at the first start.
 * @returns what is stored, which may be that of an earlier start
 */
export async function fixSetting(redis: Redis, prefix: string, name: string, value: number): Promise<number> {
  const key = new Keys(prefix).settings();
  await redis.hsetnx(key, name, value);
  return Number(await redis.hget(key, name));
}

/** A number that was fixed at the first start; null: there was none. */
export async function fixedSetting(redis: Redis, prefix: string, name: string): Promise<number | null> {
  const stored = await redis.hget(new Keys(prefix).settings(), name);
  return stored === null ? null : Number(stored);
}
