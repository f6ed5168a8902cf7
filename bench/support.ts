import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { connect } from '../src/runtime/redis/connect.ts';
import { startEmbeddedRedis } from '../src/runtime/redis/server.ts';
import type { Store } from '../src/runtime/store.ts';

/** A private Redis with an append-only file and `appendfsync everysec`, as the bot runs it. */
export async function withRedis<T>(use: (redis: Redis, address: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-bench-'));
  const server = await startEmbeddedRedis(folder);
  const redis = connect(server.socket);
  try {
    return await use(redis, server.socket);
  } finally {
    redis.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resident memory of a process, MB. */
export function residentMegabytes(pid: number | undefined): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid ?? 'self'}/status`, 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}

/** The highest resident memory of this process so far, MB. */
export function peakMegabytes(): number {
  const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** One line that says on what the figures were measured. */
export async function machineLine(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  const [, hz] = (await redis.config('GET', 'hz')) as string[];
  const [, fsync] = (await redis.config('GET', 'appendfsync')) as string[];
  const version = /redis_version:(\S+)/.exec(info)?.[1];
  return `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}, Redis ${version} by unix socket, append-only file, appendfsync ${fsync}, hz ${hz}`;
}

/** Becomes the owner of every shard. */
export async function ownAll(store: Store): Promise<void> {
  for (let shard = 0; shard < store.shards; shard++) await store.acquire(shard, 'bench', []);
}

export function row(name: string, value: string, target?: string, met?: boolean): void {
  const mark = met === undefined ? ' ' : met ? '✓' : '✗';
  console.log(
    `${mark} ${name.padEnd(44)} ${value.padStart(16)}${target === undefined ? '' : `   target ${target}`}`,
  );
}

/** The bot as a process of its own; resolves once it polls. Its log is not shown. */
export async function startBot(
  variables: Record<string, string>,
): Promise<{ process: ChildProcess; stop: () => Promise<void> }> {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'start'], {
    env: { ...process.env, HTTP_PORT: 'off', ...variables },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on(
      'line',
      (line) => line.includes('"msg":"ready"') && resolve(),
    );
    child.once('exit', (code) => reject(new Error(`The bot ended with code ${code}`)));
  });
  return {
    process: child,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
