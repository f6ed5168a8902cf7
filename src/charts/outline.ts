import type { Chart, ChartState, ChartTransition } from '#runtime';
import { labelOf, wordsOf } from './words.ts';

/** One way that an event takes: under which condition, and what is done. */
export interface Branch {
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  readonly description: string | undefined;
}

/** What is drawn as one: events whose branches are the same. */
export interface Group {
  readonly events: readonly {
    /** The type of the event that the machine receives; empty for `always`. */
    readonly type: string;
    readonly label: string;
    readonly description: string | undefined;
  }[];
  readonly branches: readonly Branch[];
}

/** A group that leads from one state to another, or anew into the same. */
export interface Edge extends Group {
  /** A state's path. */
  readonly from: string;
  readonly to: string;
}

/** One state of a machine, with everything that a picture shows of it. */
export interface OutlineState {
  /** Keys joined by dots; the root's is empty. */
  readonly path: string;
  readonly name: string;
  readonly kind: ChartState['type'];
  readonly isDeep: boolean;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly invokes: readonly string[];
  /** What it does without being left. */
  readonly inner: readonly Group[];
  /** Path of the child that is entered first. */
  readonly initial: string | undefined;
  readonly children: readonly OutlineState[];
}

/** A machine as a tree of states, with the edges between them. */
export interface Outline {
  readonly root: OutlineState;
  readonly edges: readonly Edge[];
}

export function outlineOf(chart: Chart): Outline {
  const byPath = new Map(chart.states.map((state) => [state.path, state]));
  const edges: Edge[] = [];
  const draw = (state: ChartState): OutlineState => {
    const own = chart.transitions.filter(({ source }) => source === state.path);
    for (const to of new Set(own.flatMap(({ targets }) => targets)))
      edges.push(
        ...groupsOf(
          own.filter(({ targets }) => targets.includes(to)),
          chart,
        ).map((group) => ({ ...group, from: state.path, to })),
      );
    return {
      path: state.path,
      name: state.name,
      kind: state.type,
      isDeep: state.isDeep,
      description: state.description,
      tags: state.tags,
      entry: state.entry.map(wordsOf),
      exit: state.exit.map(wordsOf),
      invokes: state.invokes.map(({ src }) => src ?? 'inline'),
      inner: groupsOf(
        own.filter(({ targets }) => targets.length === 0),
        chart,
      ),
      initial: state.initial === null ? undefined : childPath(state, state.initial),
      children: state.children.flatMap((path) => {
        const child = byPath.get(path);
        return child === undefined ? [] : [draw(child)];
      }),
    };
  };
  const [root] = chart.states;
  if (root === undefined) throw new Error(`Expected a state in the machine "${chart.id}", found none.`);
  return { root: draw(root), edges };
}

const childPath = ({ path }: ChartState, key: string): string => (path === '' ? key : `${path}.${key}`);

/** Branches by event, and events with the same branches as one. */
function groupsOf(transitions: readonly ChartTransition[], chart: Chart): Group[] {
  const byEvent = new Map<string, ChartTransition[]>();
  for (const one of transitions) byEvent.set(one.eventType, [...(byEvent.get(one.eventType) ?? []), one]);
  const groups = new Map<string, { events: Group['events'][number][]; branches: Branch[] }>();
  for (const [type, ways] of byEvent) {
    const branches = ways.map(({ guard, actions, description }) => ({
      guard: guard === null ? undefined : wordsOf(guard),
      actions: actions.map(wordsOf),
      description,
    }));
    const key = JSON.stringify(branches.map(({ guard, actions }) => [guard ?? '', actions]));
    const group = groups.get(key) ?? { events: [], branches };
    groups.set(key, group);
    const [first] = ways;
    if (first !== undefined)
      group.events.push({
        type,
        label: labelOf(first.trigger, chart),
        description: first.description,
      });
  }
  return [...groups.values()];
}
