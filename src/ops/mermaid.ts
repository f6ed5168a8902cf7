import type { AnyStateMachine } from 'xstate';

interface Transition {
  readonly target?: string;
}

const list = (value: unknown): Transition[] =>
  (Array.isArray(value) ? value : [value]).map((item) =>
    typeof item === 'string' ? { target: item } : (item as Transition),
  );

/**
 * A machine of one level as the text of a Mermaid state diagram. Events that stay in their state are left out, delays
 * are not: they are the reminders.
 */
export function mermaidOf(machine: AnyStateMachine): string {
  const {
    initial,
    states = {},
    on = {},
  } = machine.config as {
    initial?: string;
    states?: Record<string, { on?: Record<string, unknown>; after?: Record<string, unknown> }>;
    on?: Record<string, unknown>;
  };
  const edges = new Map<string, Set<string>>();
  const add = (from: string, event: string, target: string | undefined) => {
    if (target === undefined) return;
    const edge = `${from} --> ${target.replace(/^\./, '')}`;
    edges.set(edge, (edges.get(edge) ?? new Set()).add(event));
  };
  for (const [state, node] of Object.entries(states)) {
    for (const [event, value] of Object.entries(node.on ?? {})) {
      for (const { target } of list(value)) add(state, event, target);
    }
    for (const [delay, value] of Object.entries(node.after ?? {})) {
      for (const { target } of list(value)) add(state, `after ${delay}`, target ?? state);
    }
  }
  for (const [event, value] of Object.entries(on)) {
    for (const { target } of list(value)) add('any', event, target);
  }
  return [
    'stateDiagram-v2',
    '  state "any state" as any',
    `  [*] --> ${initial}`,
    ...[...edges].map(([edge, events]) => `  ${edge} : ${[...events].join('<br/>')}`),
  ].join('\n');
}
