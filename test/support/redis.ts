import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect, inject, onTestFinished } from 'vitest';
import { connect } from '../../src/runtime/redis/connect.ts';

/**
 * A connection and a key prefix of the test's own. The keys of a passing test are removed, those of a failing one kept;
 * a connection that the test leaves open fails it.
 */
export async function openTestRedis(): Promise<{ redis: Redis; prefix: string; address: string }> {
  const address = inject('redis');
  const prefix = `test-${randomBytes(4).toString('hex')}`;
  const redis = connect(address, { connectionName: prefix });
  await redis.connect();
  onTestFinished(async ({ task }) => {
    try {
      if (task.result?.state === 'fail') {
        console.log(`The keys of this test stand in ${address} with the prefix ${prefix}`);
        return;
      }
      const clients = String(await redis.client('LIST')).split('\n');
      expect(clients.filter((line) => line.includes(`name=${prefix} `))).toHaveLength(1);
      const keys = await redis.keys(`*${prefix}*`);
      if (keys.length > 0) await redis.del(...keys);
    } finally {
      redis.disconnect();
    }
  });
  return { redis, prefix, address };
}
