import { faults } from './faults.ts';
import { guards } from './guards.ts';
import type { Mutant } from './mutant.ts';

/** Each has a number by its place: a thread is told which one it searches. */
export const mutants = (): readonly Mutant[] => [...faults, ...guards()];
