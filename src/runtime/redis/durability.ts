import type { Server } from '../store.ts';
import { isPassing, readInfo } from './connect.ts';
import type { Ground } from './ground.ts';

/** How often the server is asked how much it has written, ms. */
const looking = 2;

/** The server behind the store, and what it has written to its file. */
export class RedisServer implements Server {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  server = async (): Promise<string> => runId(await readInfo(this.#ground.redis, 'server'));

  /** The server answers before it writes while an earlier fsync is under way (flushAppendOnlyFile in its aof.c). */
  untilWritten = async (server: string): Promise<void> => {
    const state = async () => {
      const info = await readInfo(this.#ground.redis, 'server', 'persistence');
      if (runId(info) !== server)
        throw new Error('Redis was started anew while updates were stored; they are fetched again');
      const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
      return { written: field('aof_current_size'), waiting: field('aof_buffer_length') };
    };
    let { written, waiting } = await state();
    const wanted = written + waiting;
    // A rewrite makes the file smaller: then everything was written.
    for (let before = written; waiting > 0 && written < wanted && written >= before; before = written) {
      await new Promise((resolve) => setTimeout(resolve, looking));
      ({ written, waiting } = await state());
    }
  };

  ping = async (): Promise<void> => {
    await this.#ground.redis.ping();
  };

  isPassing = isPassing;
}

const runId = (info: string): string => /run_id:(\w+)/.exec(info)?.[1] ?? '';
