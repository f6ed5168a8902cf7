import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { findEmbeddedRedis, startEmbeddedRedis } from '../../src/runtime/redis/server.ts';
import type { Sandbox } from '../../src/sandbox/index.ts';

const root = resolve(import.meta.dirname, '../..');

/** One process of the command line, with what it printed. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** stdout and stderr so far. */
  readonly output: () => string;
  /** Log lines so far, parsed. */
  readonly log: () => Record<string, unknown>[];
  /** Resolves when a line of the log has this message. */
  logged(message: string | RegExp): Promise<void>;
  /** Moves the bot's clock, ms. */
  shift(ms: number): void;
  /** Resolves with the exit code, or the name of the signal. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): Promise<number | string>;
}

/** Runs a compiled command as its users do: a process of its own, nothing of the test's environment. */
export function run(
  args: readonly string[],
  variables: Record<string, string> = {},
  program = 'dist/src/main.js',
  folder = root,
): Program {
  const child = spawn(process.execPath, [resolve(root, program), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), NO_COLOR: '1', ...variables },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  let listeners: (() => void)[] = [];
  const heard = (text: Buffer | string) => {
    output += text.toString();
    for (const listener of listeners) listener();
  };
  child.stdout?.on('data', heard);
  child.stderr?.on('data', heard);
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  void ended.then(() => heard(''));
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(output);
    child.kill('SIGKILL');
    await ended;
  });
  const log = () =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    log,
    ended,
    logged: (message) =>
      new Promise((found, reject) => {
        const listener = () => {
          const matches = ({ msg }: Record<string, unknown>) =>
            typeof message === 'string' ? msg === message : message.test(String(msg));
          if (log().some(matches)) found();
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`Expected the log line ${message}; the process ended.\n${output}`));
          else return;
          listeners = listeners.filter((one) => one !== listener);
        };
        listeners.push(listener);
        listener();
      }),
    shift: (ms) => void child.send({ shift: ms }),
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** A DATA_DIR of the test's own. The Redis that a killed bot leaves behind in it is stopped in the end. */
export function dataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-process-'));
  onTestFinished(async () => {
    if ((await findEmbeddedRedis(folder)) !== null) await (await startEmbeddedRedis(folder)).stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** The variables of a bot that talks to this sandbox; its Redis is the run's own unless DATA_DIR is given. */
export const variablesFor = (
  sandbox: Sandbox,
  more: Record<string, string> = {},
): Record<string, string> => ({
  BOT_TOKEN: sandbox.token,
  TELEGRAM_API_ROOT: sandbox.url,
  HTTP_PORT: 'off',
  SHARDS: '4',
  ...(more['DATA_DIR'] === undefined && {
    REDIS_URL: `unix://${inject('redis')}`,
    REDIS_PREFIX: `process-${process.pid}-${Math.random().toString(36).slice(2)}`,
  }),
  ...more,
});
