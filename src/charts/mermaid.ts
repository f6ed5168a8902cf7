import type { AnyStateMachine } from 'xstate';
import { type Chart, type ChartState, type ChartTransition, readChart } from '#runtime';
import { labelOf, wordsOf } from './words.ts';

/**
 * A machine as the text of a Mermaid state diagram. Events that stay in their state are left out, delays are not: they
 * are the reminders.
 */
export function mermaidOf(machine: AnyStateMachine): string {
  const chart = readChart(machine);
  return ['stateDiagram-v2', ...new Text(chart).lines().map((line) => `  ${line}`)].join('\n');
}

/** Words that Mermaid keeps for itself. */
const reserved = /^(any|as|class|classDef|click|default|direction|end|note|state|style)$/;

/** Stands in a state for all of its children: Mermaid cannot draw an edge from a state to one within it. */
const anyOf = (path: string) => `${path}/any`;

class Text {
  readonly #chart: Chart;
  readonly #states: ReadonlyMap<string, ChartState>;
  /** The state in whose braces it is written → edge → its labels. */
  readonly #edges = new Map<string, Map<string, Set<string>>>();
  /** States from any of whose children an edge leads. */
  readonly #any = new Set<string>();

  constructor(chart: Chart) {
    this.#chart = chart;
    this.#states = new Map(chart.states.map((state) => [state.path, state]));
    for (const one of chart.transitions) this.#add(one);
  }

  lines(): string[] {
    const root = this.#state('');
    if (root.type !== 'parallel') return this.#inside(root);
    return [`state "${root.name}" as all {`, ...this.#inside(root).map((line) => `  ${line}`), '}'];
  }

  #state(path: string): ChartState {
    const state = this.#states.get(path);
    if (state === undefined) throw new Error(`Expected the state "${path}" in "${this.#chart.id}".`);
    return state;
  }

  #add(one: ChartTransition): void {
    const { source, trigger, targets } = one;
    const stays = trigger.kind === 'after' && targets.length === 0 ? [source] : [];
    const label = trigger.kind === 'always' && one.guard !== null ? ` [${wordsOf(one.guard)}]` : '';
    const text = `${labelOf(trigger, this.#chart)}${label}`.replace(/[:;#"]/g, ' ');
    for (const target of [...targets, ...stays]) {
      const isWithin = isBelow(target, source) || source === '';
      if (isWithin) this.#any.add(source);
      const from = this.#name(isWithin ? anyOf(source) : source);
      const to = isBelow(source, target) ? this.#entered(target) : target;
      const scope = isWithin ? source : this.#scope(source, to);
      const edges = this.#edges.get(scope) ?? new Map<string, Set<string>>();
      this.#edges.set(scope, edges);
      const edge = `${from} --> ${this.#name(to)}`;
      edges.set(edge, (edges.get(edge) ?? new Set()).add(text));
    }
  }

  /** The child in which a session stands that enters a state. */
  #entered(path: string): string {
    const { initial, children } = this.#state(path);
    const child = children.find((one) => this.#state(one).name === initial);
    return child === undefined ? path : this.#entered(child);
  }

  /** The innermost state around both; across the regions of a parallel state there is none to write in. */
  #scope(a: string, b: string): string {
    let scope = this.#state(a).parent ?? '';
    while (scope !== '' && !isBelow(b, scope)) scope = this.#state(scope).parent ?? '';
    return this.#state(scope).type === 'parallel' ? '' : scope;
  }

  /** Its key where that is enough, else its path in one word. */
  #name(path: string): string {
    if (path === anyOf('')) return 'any';
    const key = path.split('.').at(-1) ?? '';
    const isUnique = this.#chart.states.filter(({ name }) => name === key).length === 1;
    return isUnique && /^\w+$/.test(key) && !reserved.test(key)
      ? key
      : `in_${path.replace(/[^\p{L}\p{N}_]/gu, '_')}`;
  }

  #inside(state: ChartState): string[] {
    const { path, type, initial, children } = state;
    const edges = [...(this.#edges.get(path) ?? [])].map(
      ([edge, events]) => `${edge} : ${[...events].join('<br/>')}`,
    );
    const any = path === '' ? 'any state' : `any state of ${state.name}`;
    const parts = children.map((child) => this.#declared(this.#state(child)));
    const first = children.find((child) => this.#state(child).name === initial);
    return [
      ...(this.#any.has(path) ? [`state "${any}" as ${this.#name(anyOf(path))}`] : []),
      ...(first === undefined ? [] : [`[*] --> ${this.#name(first)}`]),
      ...parts.flatMap((part, index) => (type === 'parallel' && index > 0 ? ['--', ...part] : part)),
      ...children
        .filter((child) => this.#state(child).type === 'final')
        .map((child) => `${this.#name(child)} --> [*]`),
      ...edges,
    ];
  }

  #declared(state: ChartState): string[] {
    const name = this.#name(state.path);
    if (state.type === 'history') return [`state "H${state.isDeep ? '*' : ''}" as ${name}`];
    const shown = name === state.name ? name : `"${state.name}" as ${name}`;
    if (state.children.length > 0)
      return [`state ${shown} {`, ...this.#inside(state).map((line) => `  ${line}`), '}'];
    // A state at the top that an edge leads to need not be named before.
    return name === state.name && state.parent === '' ? [] : [name === state.name ? name : `state ${shown}`];
  }
}

const isBelow = (path: string, above: string): boolean => above !== '' && path.startsWith(`${above}.`);
