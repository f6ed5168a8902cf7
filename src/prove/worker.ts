import { parentPort, workerData } from 'node:worker_threads';
import type { Start } from './counterexample.ts';
import { mutants } from './mutations.ts';
import { programOf } from './program.ts';
import { type Bounds, search, shorten } from './search.ts';

/** What a thread is asked: a search from some starts, in the program as it is or in the mutant of this number. */
export interface Errand {
  readonly starts: readonly Start[];
  readonly bounds: Bounds;
  readonly before: readonly string[];
  readonly mutant?: number;
}

/** Runs errands one after another; the content is read once. */
export async function serve(contentDir: string, port: NonNullable<typeof parentPort>): Promise<void> {
  const program = await programOf(contentDir);
  port.on('message', async ({ starts, bounds, before, mutant }: Errand) => {
    const proved = mutant === undefined ? program : (mutants()[mutant]?.change(program) ?? program);
    const result = await search(proved, starts, bounds, before);
    const { counterexample } = result;
    const shortest = counterexample === null ? null : await shorten(proved, counterexample);
    port.postMessage({ ...result, counterexample: shortest });
  });
}

if (parentPort !== null) await serve((workerData as { contentDir: string }).contentDir, parentPort);
