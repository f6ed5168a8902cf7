import { readFileSync } from 'node:fs';
import { type Sale, sales } from '#club';
import { actionOf } from './actions.ts';
import type { Sentence } from './sentences.ts';

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

/** @throws Error when the file holds something else, or an action that there is not */
export function readCounterexample(file: string): Counterexample {
  const example = JSON.parse(readFileSync(file, 'utf8')) as Partial<Counterexample> | null;
  const { start, actions, passes } = example ?? {};
  if (start === undefined || !sales.includes(start.sale) || !Array.isArray(actions) || !Array.isArray(passes))
    throw new Error(`Expected ${file} to hold a counterexample of \`turnstile prove\`, found something else`);
  for (const id of actions) actionOf(id);
  return example as Counterexample;
}
