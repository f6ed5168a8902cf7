import type { Chart, ChartState, ChartTransition } from './chart.ts';

/** Where a session of a machine can get to, guards left out of account. */
export class Reach {
  readonly #states: ReadonlyMap<string, ChartState>;
  readonly #transitions: readonly ChartTransition[];
  readonly #seen = new Set<string>();
  readonly #entered = new Set<string>();

  constructor({ states, transitions }: Chart) {
    this.#states = new Map(states.map((state) => [state.path, state]));
    this.#transitions = transitions;
    this.#enter('');
    for (let before = -1; before < this.#seen.size + this.#entered.size; ) {
      before = this.#seen.size + this.#entered.size;
      for (const { source, targets } of transitions)
        if (this.#seen.has(source)) for (const target of targets) this.#enter(target);
    }
  }

  has(path: string): boolean {
    return this.#seen.has(path);
  }

  /** The states that are active when this one is entered and nothing is remembered, down to those without children. */
  leaves(path: string): string[] {
    const state = this.#states.get(path);
    if (state === undefined || state.children.length === 0) return [path];
    return this.#first(state).flatMap((child) => this.leaves(child));
  }

  /**
   * Whether a session that rests in this state alone ever gets to another one, or to a timer. Of a parallel state the other
   * regions count as well.
   */
  leadsOn(state: ChartState): boolean {
    const sources = new Set<string>();
    for (let at: ChartState | undefined = state; at !== undefined; at = this.#parent(at)) {
      sources.add(at.path);
      if (at.type !== 'parallel') continue;
      for (const path of this.#states.keys())
        if (at.path === '' || path.startsWith(`${at.path}.`)) sources.add(path);
    }
    return this.#transitions.some(
      ({ source, trigger, targets }) =>
        sources.has(source) &&
        (trigger.kind === 'after' ||
          targets.some((target) => this.leaves(target).some((leaf) => leaf !== state.path))),
    );
  }

  #parent({ parent }: ChartState): ChartState | undefined {
    return parent === null ? undefined : this.#states.get(parent);
  }

  #first({ type, path, children, initial }: ChartState): readonly string[] {
    if (type === 'parallel') return children;
    return initial === null ? [] : [path === '' ? initial : `${path}.${initial}`];
  }

  #enter(path: string): void {
    const state = this.#states.get(path);
    if (state === undefined || this.#entered.has(path)) return;
    this.#entered.add(path);
    this.#mark(state);
    if (state.type === 'history') this.#enter(state.fallback ?? state.parent ?? '');
    for (const child of this.#first(state)) this.#enter(child);
  }

  /** A state is active together with what it lies in, and with the other regions there. */
  #mark(state: ChartState): void {
    if (this.#seen.has(state.path)) return;
    this.#seen.add(state.path);
    const parent = this.#parent(state);
    if (parent === undefined) return;
    this.#mark(parent);
    if (parent.type === 'parallel') for (const region of parent.children) this.#enter(region);
  }
}
