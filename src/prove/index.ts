export type { ProveOptions } from './prove.ts';
export { prove } from './prove.ts';
