import { type Chart, type ChartState, placeOf } from './chart.ts';
import type { Expiry, WhileUnreachable } from './durable.ts';

/** What a machine says to the runtime by its tags. */
export interface Tags {
  readonly expiry: readonly Expiry[];
  readonly outlives: readonly (readonly string[])[];
  /** Delays that wait for the news. */
  readonly deadlines: ReadonlySet<string>;
  readonly whileUnreachable: WhileUnreachable;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const known = [
  'expires after <delay>',
  'expires after <delay> with <field>',
  'outlives forgetting',
  'stays while unreachable',
  'goes on while unreachable',
  'ends after <delay> while unreachable',
  '<delay> waits for the news',
];
const idle = /^expires after (\S+)(?: with (\S+))?$/;
const away = /^ends after (\S+) while unreachable$/;
const deadline = /^(\S+) waits for the news$/;
/** A tag is free for other uses; one that sounds like ours and is none is most likely misspelt. */
const alike = /^(expire|outlive|ends? after|stays? while|goes? on)|unreachable|waits? for/i;

export function readTags(chart: Chart): Tags {
  const found = {
    expiry: [] as Expiry[],
    outlives: [] as (readonly string[])[],
    deadlines: new Set<string>(),
    whileUnreachable: { goesOn: false, endsAfter: null as number | null, stays: [] as (readonly string[])[] },
    problems: [] as string[],
    warnings: [] as string[],
  };
  const delayOf = (where: string, name: string): number | null => {
    const ms = chart.delays.get(name) ?? null;
    if (ms === null) found.problems.push(`${where} names no delay with a number in setup({delays})`);
    return ms;
  };
  const read = (state: ChartState, tag: string) => {
    const where = `${placeOf(state)}: tag "${tag}"`;
    const [, idleDelay, field] = idle.exec(tag) ?? [];
    const [, awayDelay] = away.exec(tag) ?? [];
    const [, deadlineDelay] = deadline.exec(tag) ?? [];
    const goesOn = tag === 'goes on while unreachable';
    if ((awayDelay !== undefined || deadlineDelay !== undefined || goesOn) && state.parent !== null)
      found.problems.push(`${where} is one of the machine, not of a state; write it at the root`);
    if (idleDelay !== undefined) {
      if (state.type === 'history')
        found.problems.push(`${where}: no session rests in a history state; write it at a state`);
      const after = delayOf(where, idleDelay);
      if (after !== null)
        found.expiry.push({ path: state.keys, after, ...(field !== undefined && { field }) });
    } else if (awayDelay !== undefined) found.whileUnreachable.endsAfter = delayOf(where, awayDelay);
    else if (deadlineDelay !== undefined) {
      if (!chart.delays.has(deadlineDelay)) found.problems.push(`${where} names no delay of setup({delays})`);
      found.deadlines.add(deadlineDelay);
    } else if (goesOn) found.whileUnreachable.goesOn = true;
    else if (tag === 'outlives forgetting') found.outlives.push(state.keys);
    else if (tag === 'stays while unreachable') found.whileUnreachable.stays.push(state.keys);
    else if (alike.test(tag))
      found.warnings.push(`${where} is none that the runtime knows: ${known.join(', ')}`);
  };
  for (const state of chart.states) for (const tag of state.tags) read(state, tag);
  found.problems.push(...loneFields(chart, found.expiry));
  return found;
}

/** `with <field>` only keeps a session longer than the tag without it would: alone it never ends one. */
function loneFields({ states }: Chart, expiry: readonly Expiry[]): string[] {
  const typeOf = new Map(states.map(({ path, type }) => [path, type]));
  const meet = (a: readonly string[], b: readonly string[]): boolean => {
    const shared = a.findIndex((key, index) => key !== b[index]);
    const depth = shared === -1 ? a.length : shared;
    return depth === a.length || depth === b.length || typeOf.get(a.slice(0, depth).join('.')) === 'parallel';
  };
  return expiry.flatMap(({ path, field }) =>
    field === undefined || expiry.some((other) => other.field === undefined && meet(path, other.path))
      ? []
      : [
          `state "${path.join('.')}": tag "expires after … with ${field}" alone ends no session; write the tag "expires after <delay>" beside it, for sessions without ${field}`,
        ],
  );
}
