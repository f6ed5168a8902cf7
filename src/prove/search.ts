import type { Sale } from '#club';
import { type Action, actions } from './actions.ts';
import { anna, boris } from './cast.ts';
import { checkSentences } from './checks.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Person } from './people.ts';
import { type Sentence, Violation } from './sentences.ts';
import { pace } from './telegram.ts';
import { type Program, World } from './world.ts';

export interface Bounds {
  /** Actions one after another. */
  readonly depth: number;
  /** Actions that may be tried, over all. */
  readonly tries: number;
  /** ms of real time; the search ends in between two actions. */
  readonly time: number;
  /** Another order in which actions are tried, where not all can be. Default 0. */
  readonly seed?: number;
}

/** How the story begins: what is sold, and what becomes of payments that come twice and of strangers. */
export interface Start {
  readonly sale: Sale;
  /** Payments that come twice are left to the operator, and strangers are removed; else the other way round. */
  readonly keeps: boolean;
}

/** Ways that a sentence does not survive, as a file keeps them. */
export interface Counterexample {
  readonly start: Start;
  /** Ids of actions. */
  readonly actions: readonly string[];
  /** How many ms pass with each of them. */
  readonly passes: readonly number[];
  readonly sentence: Sentence;
  readonly what: string;
}

export interface Result {
  readonly counterexample: Counterexample | null;
  /** Different states that were reached. */
  readonly states: number;
  /** Actions that were tried, and steps of machines that they took. */
  readonly tries: number;
  readonly steps: number;
  /** Every way whose actions weigh less than this together, up to the depth, was tried. */
  readonly weight: number;
  /** The longest way that was tried. */
  readonly deepest: number;
  /** Nothing is left to be tried within the depth. */
  readonly complete: boolean;
}

/** A state that is reached, and how. */
interface Node {
  readonly world: World;
  readonly depth: number;
  readonly start: Start;
  readonly way: Way | null;
}

interface Way {
  readonly before: Way | null;
  readonly action: Action;
}

const began = 1_800_000_000_000;

const person = (id: number, name: string): Person => ({
  id,
  name,
  invoices: [],
  payments: [],
  subscriptions: [],
  deeds: [],
  place: 'out',
  late: [],
});

/** Nobody has bought anything yet. */
export function worldOf(program: Program, { sale, keeps }: Start): World {
  const world = new World(program, began, [person(anna, 'Anna'), person(boris, 'Boris')]);
  world.sale = sale;
  world.keeps = keeps;
  return world;
}

/** The state that a way leads to. @throws Violation */
export async function follow(program: Program, from: Start, ids: readonly string[]): Promise<World> {
  const world = worldOf(program, from);
  for (const id of ids) await perform(world, actionOf(id));
  return world;
}

export function actionOf(id: string): Action {
  const found = actions.find((action) => action.id === id);
  if (found === undefined) throw new Error(`Expected an action that there is, found "${id}"`);
  return found;
}

/** Without the actions that are not needed: what is left breaks the same sentence, and less of it does not. */
export async function shorten(program: Program, found: Counterexample): Promise<Counterexample> {
  let { actions: ids, what } = found;
  for (let index = ids.length - 1; index >= 0; index--) {
    const fewer = ids.filter((_, at) => at !== index);
    const broken = await follow(program, found.start, fewer).then(
      () => null,
      (error: unknown) => error,
    );
    if (!(broken instanceof Violation) || broken.sentence !== found.sentence) continue;
    ids = fewer;
    what = broken.message;
    index = ids.length;
  }
  const world = worldOf(program, found.start);
  const passes: number[] = [];
  for (const id of ids) {
    const { now } = world.telegram;
    await perform(world, actionOf(id)).catch(() => {});
    passes.push(world.telegram.now - now);
  }
  return { ...found, actions: ids, passes, what };
}

/**
 * One action, and everything that follows it.
 * @returns false when it cannot be done in this state
 * @throws Violation when a sentence does not hold after it
 */
export async function perform(world: World, action: Action): Promise<boolean> {
  const { mood } = world.telegram;
  try {
    if (!(await action.act(world))) return false;
    await world.quiet();
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation('letter', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  if (mood === 'twice' && world.telegram.mood === 'twice') world.telegram.mood = 'takes';
  checkSentences(world);
  world.telegram.now += pace;
  return true;
}

/** 53 bits of a text (cyrb53): two of a million states are taken for one with a probability of 1 to 20,000. */
function hash(text: string): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}

const idsOf = (way: Way | null): string[] => (way === null ? [] : [...idsOf(way.before), way.action.id]);

/** The same for one seed, another for others. */
function shuffled(list: readonly Action[], seed: number): readonly Action[] {
  if (seed === 0) return list;
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  return list
    .map((action) => ({ action, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ action }) => action);
}

/**
 * Tries ways from each start by their weight, lightest first. A state is gone on from once, and again only when it is
 * reached by fewer actions than before.
 * @param before actions that lead to where the search begins
 */
export async function search(
  program: Program,
  starts: readonly Start[],
  bounds: Bounds,
  before: readonly string[] = [],
): Promise<Result> {
  const started = performance.now();
  const order = shuffled(actions, bounds.seed ?? 0);
  const buckets: Node[][] = [[]];
  const known = new Map<number, number>();
  let [tries, steps, deepest] = [0, 0, 0];
  for (const start of starts) {
    const world = await follow(program, start, before);
    known.set(hash(fingerprintOf(world)), 0);
    buckets[0]?.push({ world, depth: 0, start, way: null });
  }
  const result = (weight: number, complete: boolean, counterexample: Counterexample | null): Result => ({
    counterexample,
    states: known.size,
    tries,
    steps,
    weight,
    deepest,
    complete,
  });
  for (let weight = 0; weight < buckets.length; weight++) {
    const bucket = buckets[weight] ?? [];
    for (let node = bucket.pop(); node !== undefined; node = bucket.pop()) {
      const { world, depth, start, way } = node;
      if (depth >= bounds.depth) continue;
      for (const action of order) {
        if (tries >= bounds.tries || performance.now() - started > bounds.time)
          return result(weight, false, null);
        const next = world.copy();
        tries++;
        const then = { before: way, action };
        try {
          if (!(await perform(next, action))) continue;
        } catch (error) {
          if (!(error instanceof Violation)) throw error;
          const ids = [...before, ...idsOf(then)];
          const { sentence, message: what } = error;
          return result(weight, false, { start, actions: ids, passes: [], sentence, what });
        } finally {
          steps += next.steps;
        }
        deepest = Math.max(deepest, depth + 1);
        const key = hash(fingerprintOf(next));
        if ((known.get(key) ?? Number.POSITIVE_INFINITY) <= depth + 1) continue;
        known.set(key, depth + 1);
        next.said = [];
        buckets[weight + action.weight] ??= [];
        buckets[weight + action.weight]?.push({ world: next, depth: depth + 1, start, way: then });
      }
    }
  }
  return result(buckets.length, true, null);
}
