import type { ELK, ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import type { AnyStateMachine } from 'xstate';
import { readChart } from '#runtime';
import { boxOf } from './box.ts';
import { blockOf } from './lines.ts';
import { type Edge, type Outline, type OutlineState, outlineOf } from './outline.ts';
import { edgeKey, initialKey, stateKey, svgOf } from './svg.ts';

/** A picture as SVG text, 1 unit a CSS pixel; the same for the same machine, byte by byte. */
export async function diagramOf(machine: AnyStateMachine): Promise<string> {
  const outline = outlineOf(readChart(machine));
  // Its 1.6 MB are read only when a picture is asked for.
  const { default: Elk } = await import('elkjs/lib/elk.bundled.js');
  const elk: ELK = new (Elk as unknown as new () => ELK)();
  return svgOf(outline, await elk.layout(graphOf(outline)));
}

/** It is written at each state with children as well: ELK lays their insides out by their own options. */
const layout = {
  'elk.algorithm': 'layered',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.direction': 'RIGHT',
  'elk.padding': '[top=4,left=4,bottom=4,right=4]',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.layered.spacing.nodeNodeBetweenLayers': '36',
  'elk.layered.spacing.edgeNodeBetweenLayers': '18',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  // From the initial state on: what leads back to an earlier one runs to the left.
  'elk.layered.cycleBreaking.strategy': 'DEPTH_FIRST',
  'elk.layered.edgeLabels.centerLabelPlacementStrategy': 'SPACE_EFFICIENT_LAYER',
  'elk.spacing.nodeNode': '32',
  'elk.spacing.edgeNode': '20',
  'elk.spacing.edgeEdge': '14',
  'elk.spacing.edgeLabel': '4',
};

function graphOf({ root, edges }: Outline): ElkNode {
  return {
    id: 'graph',
    children: [nodeOf(root)],
    edges: [...edges.map(elkEdge), ...initialsOf(root)],
    layoutOptions: layout,
  };
}

function elkEdge(edge: Edge, index: number): ElkExtendedEdge {
  const { width, height } = blockOf(edge);
  return {
    id: edgeKey(index),
    sources: [stateKey(edge.from)],
    targets: [stateKey(edge.to)],
    labels: [{ text: edge.events[0]?.label ?? '', width: width + 12, height: height + 8 }],
  };
}

const initialsOf = ({ path, initial, children }: OutlineState): ElkExtendedEdge[] => [
  ...(initial === undefined
    ? []
    : [{ id: initialKey(path), sources: [initialKey(path)], targets: [stateKey(initial)] }]),
  ...children.flatMap(initialsOf),
];

function nodeOf(state: OutlineState): ElkNode {
  const id = stateKey(state.path);
  if (state.kind === 'history') return { id, width: 26, height: 26 };
  const { width, height } = boxOf(state);
  if (state.children.length === 0) return { id, width, height };
  const dot = state.initial === undefined ? [] : [{ id: initialKey(state.path), width: 12, height: 12 }];
  return {
    id,
    children: [...dot, ...state.children.map(nodeOf)],
    layoutOptions: {
      ...layout,
      'elk.padding': `[top=${height + 18},left=24,bottom=24,right=24]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${Math.ceil(width)}, 60)`,
    },
  };
}
