import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { BotStatus } from '#sandbox';

const main = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url),
);

export interface BotOptions {
  /** Asked at each start. */
  readonly variables: () => Record<string, string | undefined>;
  /** Where its log is kept. */
  readonly logFile: string;
  readonly changed: (status: BotStatus) => void;
  /** It was ended by a signal, and is started again. */
  readonly killed: (signal: string) => void;
  /** Hears each line of its log, parsed. */
  readonly logged: (line: Record<string, unknown>) => void;
}

/** The real bot as a process of its own, which is started again when somebody kills it. */
export class BotProcess {
  readonly #options: BotOptions;
  #child: ChildProcess | null = null;
  #isStopping = false;
  /** What is done between an end by a signal and the next start; never rejects. */
  #meanwhile: () => Promise<void> = async () => {};

  constructor(options: BotOptions) {
    this.#options = options;
  }

  /** Resolves when it polls. Rejects when it ends before that, with what it said. */
  start(): Promise<void> {
    const { variables, logFile, changed, killed, logged } = this.#options;
    changed({ process: 'starting' });
    const child = spawn(process.execPath, [main, 'start'], {
      env: variables(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    const log = createWriteStream(logFile, { flags: 'a' });
    let errors = '';
    child.stderr?.on('data', (text: Buffer) => {
      errors += text.toString();
    });
    return new Promise((ready, reject) => {
      if (child.stdout !== null) {
        createInterface({ input: child.stdout }).on('line', (text) => {
          log.write(`${text}\n`);
          const line = parseLine(text);
          if (line === null) return;
          logged(line);
          if (line['msg'] !== 'ready') return;
          changed({ process: 'running' });
          ready();
        });
      }
      child.once('exit', (code, signal) => {
        log.end();
        if (this.#isStopping) return;
        if (signal !== null) {
          killed(signal);
          const meanwhile = this.#meanwhile;
          this.#meanwhile = async () => {};
          meanwhile()
            .then(() => (this.#isStopping ? undefined : this.start()))
            .then(ready, reject);
          return;
        }
        const reason = errors
          .replace(/^turnstile: /, '')
          .trim()
          .split('\n')
          .slice(-3)
          .join(' ');
        changed({ process: 'failed', reason });
        reject(new Error(`The bot ended with code ${code}.\n${errors}\nIts log: ${logFile}`));
      });
    });
  }

  /** Moves its clock, ms. */
  shift(ms: number): void {
    if (this.#child?.connected === true) this.#child.send({ shift: ms });
  }

  /**
   * Kills it without a warning, and starts it again; one that ended by itself is started.
   * @param meanwhile done before it is started. Default: nothing
   * @returns resolves, or rejects, when that is done
   */
  restart(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const before = this.#meanwhile;
      const done = () => before().then(meanwhile).then(resolve, reject);
      if (this.#isRunning()) {
        this.#meanwhile = done;
        this.#child?.kill('SIGKILL');
        return;
      }
      done()
        .then(() => this.start())
        .catch(() => {});
    });
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === null || !this.#isRunning()) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  #isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }
}

function parseLine(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
