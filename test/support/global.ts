import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedRedis } from '../../src/runtime/redis/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The unix socket of the run's own Redis. */
    redis: string;
  }
}

/** One private Redis for the whole run; each test has a key prefix of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Every sandbox of every test compares what it says with the Bot API's documentation.
  process.env['SANDBOX_STRICT'] = '1';
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-test-'));
  const server = await startEmbeddedRedis(folder);
  project.provide('redis', server.socket);
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
