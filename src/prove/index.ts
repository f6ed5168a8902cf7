export { readCounterexample } from './counterexample.ts';
export { type ProveOptions, prove } from './prove.ts';
