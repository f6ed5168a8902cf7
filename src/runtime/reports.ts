import type { Store } from './store.ts';

/** How many sessions stand in each state, by machine. Its cost does not grow with what is stored. */
export async function readStates(
  store: Pick<Store, 'states'>,
): Promise<Record<string, Record<string, number>>> {
  const states: Record<string, Record<string, number>> = {};
  for (const [field, count] of await store.states()) {
    const split = field.indexOf(':');
    const [machine, state] = [field.slice(0, split), field.slice(split + 1)];
    states[machine] = { ...states[machine], [state]: count };
  }
  return states;
}
