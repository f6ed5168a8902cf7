import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { DeadLetters } from '../letters.ts';
import { placeOf, type StoredLetter } from '../letters.ts';
import type { Store } from '../store.ts';

/** How long dead letters stay in Redis, ms. */
const longestAge = 30 * 86_400_000;
/** How many of them stay there, over all shards. */
const most = 100_000;
/** How often that is looked at, ms. */
const interval = 60_000;
/** Letters that are written and removed at once. */
const page = 500;

export interface RetentionOptions {
  readonly store: Store;
  readonly letters: DeadLetters;
  /** Whether this copy owns a shard: each letter is moved by the owner of its shard. */
  readonly holds: (shard: number) => boolean;
  /** Takes the letters that leave Redis: a JSON object with `id` and `letter` a line. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps the dead letters from filling Redis: the oldest go to a file when they are older than 30 days, or more than
 * 100,000. They are removed only when the file has them on disk; a crash in between leaves a line there twice.
 */
export class Retention {
  readonly #options: RetentionOptions;
  #active = true;
  #isFailing = false;
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Looks now, and each minute from now on. */
  start(): void {
    this.#looking = this.look().finally(() => {
      const { clock } = this.#options;
      if (this.#active) this.#cancel = clock.at(clock.now() + interval, () => this.start());
    });
  }

  /** Resolves when no letter is on its way. */
  async stop(): Promise<void> {
    this.#active = false;
    this.#cancel();
    await this.#looking;
  }

  /** Moves what is too old or too much. While the file cannot be written, nothing is removed, and the log says so once. */
  async look(): Promise<void> {
    const { file, log } = this.#options;
    try {
      const moved = await this.#moveOldest();
      if (moved > 0) log.info({ letters: moved, file }, 'the oldest dead letters went to a file');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && this.#active)
        log.error(
          { err: error, file },
          'the oldest dead letters could not be moved to their file; they stay stored',
        );
      this.#isFailing = true;
    }
  }

  async #moveOldest(): Promise<number> {
    const { store, letters, holds, clock } = this.#options;
    let excess = (await store.countLetters()) - most;
    const oldest = clock.now() - longestAge;
    let moved = 0;
    let batch: StoredLetter[] = [];
    const move = async () => {
      await append(this.#options.file, batch);
      moved += await store.removeLetters(batch);
      batch = [];
    };
    for await (const stored of letters.all()) {
      if ((excess <= 0 && stored.letter.at >= oldest) || !this.#active) break;
      excess--;
      if (holds(placeOf(stored.id).shard)) batch.push(stored);
      if (batch.length === page) await move();
    }
    if (batch.length > 0) await move();
    return moved;
  }
}

/** Resolves when the lines are on disk. */
async function append(file: string, letters: readonly StoredLetter[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a+', 0o600);
  try {
    const { size } = await handle.stat();
    const end = await handle.read({ buffer: Buffer.alloc(1), position: Math.max(0, size - 1) });
    // A full disk may have cut the last line short.
    const start = size === 0 || end.buffer.toString() === '\n' ? '' : '\n';
    await handle.appendFile(`${start}${letters.map((letter) => JSON.stringify(letter)).join('\n')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
