import type { AnyStateMachine } from 'xstate';

interface Transition {
  readonly target?: string;
}

const list = (value: unknown): Transition[] =>
  (Array.isArray(value) ? value : [value]).map((item) =>
    typeof item === 'string' ? { target: item } : (item as Transition),
  );

interface NodeConfig {
  readonly initial?: string;
  readonly states?: Record<string, NodeConfig>;
  readonly on?: Record<string, unknown>;
  readonly after?: Record<string, unknown>;
  readonly invoke?: { readonly src: string; readonly onDone?: unknown; readonly onError?: unknown };
}

/**
 * A machine as the text of a Mermaid state diagram. Events that stay in their state are left out, delays are not: they
 * are the reminders.
 */
export function mermaidOf(machine: AnyStateMachine): string {
  const { initial, states = {}, on = {} } = machine.config as NodeConfig;
  const edges = new Map<string, Set<string>>();
  const add = (from: string, event: string, value: unknown, stays?: string) => {
    for (const { target = stays } of value === undefined ? [] : list(value)) {
      if (target === undefined) continue;
      const edge = `${from} --> ${target.split('.').at(-1)}`;
      edges.set(edge, (edges.get(edge) ?? new Set()).add(event));
    }
  };
  const visit = (inner: Record<string, NodeConfig>) => {
    for (const [state, node] of Object.entries(inner)) {
      for (const [event, value] of Object.entries(node.on ?? {})) add(state, event, value);
      for (const [delay, value] of Object.entries(node.after ?? {}))
        add(state, `after ${delay}`, value, state);
      add(state, `${node.invoke?.src} done`, node.invoke?.onDone);
      add(state, `${node.invoke?.src} failed`, node.invoke?.onError);
      visit(node.states ?? {});
    }
  };
  visit(states);
  for (const [event, value] of Object.entries(on)) add('any', event, value);
  const nested = Object.entries(states).flatMap(([state, node]) =>
    node.states === undefined
      ? []
      : [
          `  state ${state} {`,
          `    [*] --> ${node.initial}`,
          ...Object.keys(node.states).map((child) => `    ${child}`),
          '  }',
        ],
  );
  return [
    'stateDiagram-v2',
    '  state "any state" as any',
    `  [*] --> ${initial}`,
    ...nested,
    ...[...edges].map(([edge, events]) => `  ${edge} : ${[...events].join('<br/>')}`),
  ].join('\n');
}
