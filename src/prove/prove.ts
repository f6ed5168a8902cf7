import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { paint } from '#terminal';
import { type Counterexample, readCounterexample, type Start } from './counterexample.ts';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutations.ts';
import { programOf } from './program.ts';
import type { Bounds, Result } from './search.ts';
import { sentences } from './sentences.ts';
import { story } from './story.ts';
import type { Errand } from './worker.ts';

export interface ProveOptions {
  readonly contentDir: string;
  /** Actions one after another. */
  readonly depth: number;
  /** Actions that may be tried, over all. */
  readonly tries: number;
  /** Seconds. */
  readonly time: number;
  /** Plant faults, and see that each is found. */
  readonly mutate?: boolean;
  /** A file of a counterexample: its way is told, and the search goes on from where it leads. */
  readonly from?: string;
  readonly seed: number;
  readonly json?: boolean;
  /** Where a counterexample is kept. */
  readonly save: string;
}

/** The stories that a search begins with; each thread takes its part of them. */
const starts: readonly Start[] = [
  { sale: 'subscription', keeps: false },
  { sale: 'days', keeps: false },
  { sale: 'forever', keeps: false },
  { sale: 'days', keeps: true },
];

/** Actions that may be tried on each mutant. */
const mutantTries = 200_000;

/**
 * Looks for a sentence that does not hold, and prints what came of it.
 * @returns whether all hold, and every planted fault was found
 */
export async function prove(options: ProveOptions): Promise<boolean> {
  const { depth, tries, time, seed } = options;
  const given = options.from === undefined ? null : readCounterexample(options.from);
  if (given !== null && options.json !== true) await tell(options, given);
  const threads = new Threads(Math.max(1, Math.min(4, availableParallelism())), options.contentDir);
  try {
    if (options.mutate === true) return await mutate(threads, options);
    const began = given === null ? starts : [given.start];
    const parts = threads.size > 1 && given === null ? split(began, threads.size) : [began];
    const bounds: Bounds = { depth, tries: Math.floor(tries / parts.length), time: time * 1_000, seed };
    const before = given?.actions ?? [];
    const results = await Promise.all(parts.map((part) => threads.run({ starts: part, bounds, before })));
    const result = together(results);
    if (options.json === true) console.log(JSON.stringify(result));
    else await report(result, options);
    if (result.counterexample !== null)
      writeFileSync(options.save, `${JSON.stringify(result.counterexample, null, 2)}\n`);
    return result.counterexample === null;
  } finally {
    await threads.close();
  }
}

const split = (all: readonly Start[], parts: number): Start[][] =>
  Array.from({ length: Math.min(parts, all.length) }, (_, part) =>
    all.filter((__, index) => index % parts === part),
  );

/** What several threads came to; the shortest counterexample of them. */
function together(results: readonly Result[]): Result {
  const sum = (of: (result: Result) => number) => results.reduce((total, one) => total + of(one), 0);
  const found = results
    .flatMap(({ counterexample }) => counterexample ?? [])
    .sort((a, b) => a.actions.length - b.actions.length);
  return {
    counterexample: found[0] ?? null,
    states: sum(({ states }) => states),
    tries: sum(({ tries }) => tries),
    steps: sum(({ steps }) => steps),
    weight: Math.min(...results.map(({ weight }) => weight)),
    deepest: Math.max(...results.map(({ deepest }) => deepest)),
    complete: results.every(({ complete }) => complete),
  };
}

async function report(result: Result, options: ProveOptions): Promise<void> {
  const number = (count: number) => count.toLocaleString('en');
  console.log(
    `${number(result.tries)} actions tried (${number(result.steps)} steps of machines), ${number(result.states)} states reached, ` +
      `the longest way has ${result.deepest} actions.`,
  );
  if (result.counterexample !== null) {
    console.log(paint.red('A sentence does not hold:'));
    await tell(options, result.counterexample);
    console.log(paint.dim(`Kept in ${options.save}; \`turnstile demo --from ${options.save}\` plays it.`));
    return;
  }
  console.log(
    result.complete
      ? paint.green(`Every sentence holds on every way of up to ${options.depth} actions.`)
      : paint.green(
          `No counterexample. Complete for all ways that weigh less than ${result.weight}; cut there by the limits.`,
        ),
  );
  if (!result.complete)
    console.log(
      paint.dim(
        'An everyday action weighs 1, a rare one 2 or 3: so few of them are tried together. See docs/operator.md.',
      ),
    );
}

async function tell({ contentDir }: ProveOptions, example: Counterexample): Promise<void> {
  for (const line of await story(await programOf(contentDir), example)) console.log(line);
}

async function mutate(threads: Threads, options: ProveOptions): Promise<boolean> {
  const all = mutants();
  const bounds: Bounds = {
    depth: options.depth,
    tries: Math.min(options.tries, mutantTries),
    time: 600_000,
    seed: options.seed,
  };
  const found: { name: string; sentence: string | null; actions: readonly string[]; equivalent?: string }[] =
    [];
  const tellOne = ({ name, equivalent }: Mutant, example: Counterexample | null) => {
    found.push({
      name,
      sentence: example?.sentence ?? null,
      actions: example?.actions ?? [],
      ...(equivalent !== undefined && { equivalent }),
    });
    if (options.json === true) return;
    if (example !== null)
      console.log(
        `${paint.green('found')}  ${name}: ${sentences[example.sentence]}, by ${example.actions.join(', ')}`,
      );
    else if (equivalent !== undefined) console.log(paint.dim(`same   ${name}: ${equivalent}`));
    else console.log(`${paint.red('missed')} ${name}`);
  };
  await Promise.all(
    all.map(async (mutant, index) => {
      if (mutant.equivalent !== undefined) return tellOne(mutant, null);
      const { lead } = mutant;
      const from =
        lead === undefined ? { starts, before: [] } : { starts: [lead.start], before: lead.before };
      const { counterexample } = await threads.run({ ...from, bounds, mutant: index });
      tellOne(mutant, counterexample);
    }),
  );
  const missed = found.filter(({ sentence, equivalent }) => sentence === null && equivalent === undefined);
  const same = found.filter(({ equivalent }) => equivalent !== undefined).length;
  if (options.json === true) console.log(JSON.stringify({ mutants: found }));
  else
    console.log(
      `${found.length - missed.length - same} planted faults found, ${missed.length} missed; ${same} change nothing of money or door.`,
    );
  return missed.length === 0;
}

/** Threads that each do one errand at a time. */
class Threads {
  readonly size: number;
  readonly #idle: Worker[];
  readonly #all: readonly Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  constructor(size: number, contentDir: string) {
    this.size = size;
    const file = new URL('./worker.js', import.meta.url);
    this.#all = Array.from({ length: size }, () => new Worker(file, { workerData: { contentDir } }));
    this.#idle = [...this.#all];
  }

  async run(errand: Errand): Promise<Result> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    const result = await new Promise<Result>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.postMessage(errand);
    });
    worker.removeAllListeners('error');
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
    return result;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }
}
