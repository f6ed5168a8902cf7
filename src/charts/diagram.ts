import type { ELK, ElkExtendedEdge, ElkNode, ElkPoint } from 'elkjs/lib/elk-api.js';
import type { AnyStateMachine } from 'xstate';
import { type Chart, type ChartState, type ChartTransition, chartOf } from './chart.ts';

/** One line of text in a box or at an edge, with the class that colours it. */
interface Line {
  readonly kind: 'title' | 'event' | 'guard' | 'action' | 'tag';
  readonly text: string;
  /** The transition that the line belongs to. */
  readonly event?: string | undefined;
  readonly description?: string | undefined;
}
/** Lines with the room that they take, px. */
interface Block {
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

const size = { title: 14, event: 12, guard: 12, action: 12, tag: 11 } as const;
const lineHeight = 16;
const titleHeight = 30;
const padding = 12;
/** Lists of actions are wrapped here, px. */
const widest = 250;

/** Advance widths of Helvetica and its kin for the characters from space to tilde, 1/100 em. */
const widths = (
  '28 28 35 56 56 89 67 19 33 33 39 58 28 33 28 28 56 56 56 56 56 56 56 56 56 56 28 28 58 58 58 56 102 67 67 72 72 67 ' +
  '61 78 72 28 50 67 56 83 72 78 67 78 72 67 61 72 67 94 67 67 61 28 28 28 47 56 33 56 56 50 56 56 28 56 56 22 22 50 ' +
  '22 83 56 56 56 56 33 50 28 56 50 72 50 50 50 33 26 33 58'
)
  .split(' ')
  .map(Number);

/** Width of a text, px: measured without a browser, a little too wide rather than too narrow. */
function measure(text: string, { kind }: { kind: Line['kind'] }): number {
  let hundredths = 0;
  for (const character of text) hundredths += widths[character.charCodeAt(0) - 32] ?? 70;
  const weight = kind === 'title' || kind === 'event' ? 1.12 : 1.04;
  return (hundredths / 100) * size[kind] * weight;
}

function wrap(parts: readonly string[], kind: Line['kind'], prefix: string, more: Partial<Line>): Line[] {
  const lines: Line[] = [];
  let text = '';
  for (const [index, part] of parts.entries()) {
    const piece = index === parts.length - 1 ? part : `${part},`;
    const longer = text === '' ? `${prefix}${piece}` : `${text} ${piece}`;
    if (text !== '' && measure(longer, { kind }) > widest) {
      lines.push({ kind, text, ...more });
      text = `   ${piece}`;
    } else text = longer;
  }
  if (text !== '') lines.push({ kind, text, ...more });
  return lines;
}

function linesOf(transition: ChartTransition, withEvent = true): Line[] {
  const { event, label, guard, actions, description } = transition;
  const more = { event, description };
  return [
    ...(withEvent ? [{ kind: 'event' as const, text: label, ...more }] : []),
    ...(guard === undefined ? [] : [{ kind: 'guard' as const, text: `[${guard}]`, ...more }]),
    ...wrap(actions, 'action', '/ ', more),
  ];
}

/** The branches of one event under one another, the event named once. */
function linesOfBranches(branches: readonly ChartTransition[]): Line[] {
  return branches.flatMap((branch, index) => {
    const lines = linesOf(branch, index === 0 || branch.event !== branches[index - 1]?.event);
    const isElse = index > 0 && branch.guard === undefined;
    return isElse
      ? [{ ...lines[0], kind: 'guard' as const, text: '[else]', event: branch.event }, ...lines]
      : lines;
  });
}

const block = (lines: readonly Line[]): Block => ({
  lines,
  width: Math.ceil(Math.max(0, ...lines.map((line) => measure(line.text, line)))),
  height: lines.length * lineHeight,
});

/** What stands in a state's box under its name: tags, entry, invoke, exit, and the transitions that stay. */
function contentOf(state: ChartState): Block[] {
  const head = [
    ...state.tags.map((text) => ({ kind: 'tag' as const, text })),
    ...wrap(state.entry, 'action', 'entry / ', {}),
    ...wrap(state.invokes, 'action', 'invoke / ', {}),
    ...wrap(state.exit, 'action', 'exit / ', {}),
  ];
  const byEvent = new Map<string, ChartTransition[]>();
  for (const one of state.inner) byEvent.set(one.event, [...(byEvent.get(one.event) ?? []), one]);
  const blocks = [...byEvent.values()].map((branches) => block(linesOfBranches(branches)));
  return head.length === 0 ? blocks : [block(head), ...blocks];
}
const gap = 8;
const stackHeight = (blocks: readonly Block[]) =>
  blocks.reduce((sum, { height }) => sum + height + gap, blocks.length === 0 ? 0 : gap);

/** A compound state lists its own events in columns, since its children make it wide. */
function columnsOf(blocks: readonly Block[]): Block[][] {
  const count = Math.min(3, Math.ceil(blocks.length / 2));
  const columns: Block[][] = Array.from({ length: count }, () => []);
  for (const one of blocks) {
    const shortest = columns.reduce((a, b) => (stackHeight(b) < stackHeight(a) ? b : a));
    shortest.push(one);
  }
  return columns;
}
/** From the upper edge of a compound state to where its children may begin. */
const headHeight = (blocks: readonly Block[]) =>
  titleHeight + 6 + Math.max(0, ...columnsOf(blocks).map(stackHeight));
const columnWidth = (column: readonly Block[]) =>
  Math.max(0, ...column.map(({ width }) => width)) + 2 * padding;

/** A picture as SVG text, 1 unit a CSS pixel; the same for the same machine, byte by byte. */
export async function diagramOf(machine: AnyStateMachine): Promise<string> {
  const chart = chartOf(machine);
  // Its 1.6 MB are read only when a picture is asked for.
  const { default: Elk } = await import('elkjs/lib/elk.bundled.js');
  const elk: ELK = new (Elk as unknown as new () => ELK)();
  const laidOut = await elk.layout(graphOf(chart));
  return writeSvg(chart, laidOut);
}

const pathsOf = (state: ChartState): string[] => [state.path, ...state.children.flatMap(pathsOf)];
const key = (path: string) => `state ${path}`;
const initialKey = (path: string) => `initial ${path}`;

function graphOf(chart: Chart): ElkNode {
  const order = pathsOf(chart.root);
  const edges: ElkExtendedEdge[] = chart.edges.map((edge, index) => {
    const { width, height } = block(linesOfBranches(edge.branches));
    return {
      id: `edge ${index}`,
      sources: [key(edge.from)],
      targets: [key(edge.to)],
      // What leads on runs downwards, what leads back runs up.
      layoutOptions: {
        'elk.layered.priority.direction': order.indexOf(edge.from) < order.indexOf(edge.to) ? '10' : '0',
      },
      labels: [{ text: edge.branches[0]?.label ?? '', width: width + 12, height: height + 8 }],
    };
  });
  const child = (state: ChartState): ElkNode => {
    if (state.kind === 'history') return { id: key(state.path), width: 26, height: 26 };
    const blocks = contentOf(state);
    const title = measure(state.name, { kind: 'title' }) + 4 * padding;
    if (state.children.length === 0) {
      const width = Math.max(90, title, columnWidth(blocks));
      return { id: key(state.path), width, height: titleHeight + 6 + stackHeight(blocks) };
    }
    const width = Math.max(
      title,
      columnsOf(blocks).reduce((sum, column) => sum + columnWidth(column), 0),
    );
    const top = headHeight(blocks) + 18;
    const initial: ElkNode[] =
      state.initial === undefined ? [] : [{ id: initialKey(state.path), width: 12, height: 12 }];
    if (state.initial !== undefined) {
      edges.push({
        id: initialKey(state.path),
        sources: [initialKey(state.path)],
        targets: [key(state.initial)],
      });
    }
    return {
      id: key(state.path),
      children: [...initial, ...state.children.map(child)],
      layoutOptions: {
        'elk.padding': `[top=${top},left=24,bottom=24,right=24]`,
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${Math.ceil(width)}, 60)`,
      },
    };
  };
  const root = child(chart.root);
  return {
    id: 'graph',
    children: [root],
    edges,
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.direction': 'DOWN',
      'elk.padding': '[top=4,left=4,bottom=4,right=4]',
      'elk.json.shapeCoords': 'ROOT',
      'elk.json.edgeCoords': 'ROOT',
      'elk.layered.spacing.nodeNodeBetweenLayers': '36',
      'elk.layered.spacing.edgeNodeBetweenLayers': '18',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.spacing.nodeNode': '32',
      'elk.spacing.edgeNode': '20',
      'elk.spacing.edgeEdge': '14',
      'elk.spacing.edgeLabel': '4',
    },
  };
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => escapes[character] as string);
const round = (number: number | undefined) => Math.round((number ?? 0) * 10) / 10;
const title = (text: string | undefined) => (text === undefined ? '' : `<title>${escapeXml(text)}</title>`);

function writeSvg(chart: Chart, graph: ElkNode): string {
  const nodes = new Map<string, ElkNode>();
  const collect = (node: ElkNode) => {
    nodes.set(node.id, node);
    node.children?.forEach(collect);
  };
  collect(graph);
  const [width, height] = [Math.ceil(graph.width ?? 0), Math.ceil(graph.height ?? 0)];
  const edges = new Map((graph.edges ?? []).map((edge) => [edge.id, edge]));
  const heads = headsOf(chart.root);
  /** An edge from a state into itself would run through the state's own list: it begins below it. */
  const headEnd = (from: string, to: string) =>
    from === '' || to.startsWith(`${from}.`) ? (nodes.get(key(from))?.y ?? 0) + (heads.get(from) ?? 0) : 0;
  const initials = [...edges.values()].filter(({ id }) => id.startsWith('initial'));
  return [
    `<svg class="machine" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(chart.root.name)}">`,
    `<style>${style}</style>`,
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0.5 10 5 0 9.5z"/></marker></defs>',
    ...states(chart.root, nodes),
    ...initials.map((edge) => `<path class="line" d="${pathOf(edge)}" marker-end="url(#arrow)"/>`),
    ...chart.edges.map(({ event, from, to }, index) => {
      const edge = edges.get(`edge ${index}`);
      const path = edge === undefined ? '' : pathOf(edge, headEnd(from, to));
      return `<path class="line" data-event="${escapeXml(event)}" data-from="${escapeXml(from)}" data-to="${escapeXml(to)}" d="${path}" marker-end="url(#arrow)"/>`;
    }),
    ...chart.edges.map(({ event, from, to, branches }, index) => {
      const label = edges.get(`edge ${index}`)?.labels?.[0];
      const lines = linesOfBranches(branches);
      const [x, y] = [round(label?.x), round(label?.y)];
      const box = `<rect class="behind" x="${x}" y="${y}" width="${round(label?.width)}" height="${round(label?.height)}" rx="4"/>`;
      return `<g class="label" data-event="${escapeXml(event)}" data-from="${escapeXml(from)}" data-to="${escapeXml(to)}">${box}${texts(lines, x + 6, y + 4)}</g>`;
    }),
    '</svg>',
  ].join('\n');
}

function headsOf(state: ChartState): Map<string, number> {
  const blocks = contentOf(state);
  const mine: [string, number][] =
    blocks.length === 0 || state.children.length === 0 ? [] : [[state.path, headHeight(blocks)]];
  return new Map([...mine, ...state.children.flatMap((child) => [...headsOf(child)])]);
}

function states(state: ChartState, nodes: ReadonlyMap<string, ElkNode>, parent?: ChartState): string[] {
  const node = nodes.get(key(state.path));
  const [x, y] = [round(node?.x), round(node?.y)];
  const [width, height] = [round(node?.width), round(node?.height)];
  const isLeaf = state.children.length === 0;
  const middle = round(x + width / 2);
  const classes = ['state', state.kind, isLeaf ? 'leaf' : '', parent?.kind === 'parallel' ? 'region' : ''];
  const open = `<g class="${classes.filter(Boolean).join(' ')}" data-state="${escapeXml(state.path)}">${title(state.description)}`;
  if (state.kind === 'history') {
    const mark = `<circle cx="${x + 13}" cy="${y + 13}" r="12"/><text class="event" x="${x + 13}" y="${y + 17}" text-anchor="middle">H${state.isDeep ? '*' : ''}</text>`;
    return [`${open}${mark}</g>`];
  }
  const box = (inset: number, name: string) =>
    `<rect class="${name}" x="${x + inset}" y="${y + inset}" width="${round(width - 2 * inset)}" height="${round(height - 2 * inset)}" rx="${10 - inset}"/>`;
  const name = isLeaf
    ? `<text class="title" x="${middle}" y="${y + 22}" text-anchor="middle">${escapeXml(state.name)}</text>`
    : `<text class="title" x="${x + padding}" y="${y + 22}">${escapeXml(state.name)}</text>`;
  const blocks = contentOf(state);
  const rule =
    blocks.length === 0
      ? ''
      : `<path class="rule" d="M${x} ${round(y + (isLeaf ? titleHeight + 3 : headHeight(blocks)))}H${round(x + width)}"/>`;
  const lists = isLeaf ? [blocks] : columnsOf(blocks);
  let left = x + padding;
  const content = lists.map((column) => {
    const at = left;
    left += columnWidth(column);
    let top = y + titleHeight + gap;
    return column.map((one) => {
      const text = listed(one.lines, round(at), round(top), state.path);
      top += one.height + gap;
      return text;
    });
  });
  const dot = nodes.get(initialKey(state.path));
  const initial =
    dot === undefined
      ? ''
      : `<circle class="initial" cx="${round((dot.x ?? 0) + 6)}" cy="${round((dot.y ?? 0) + 6)}" r="6"/>`;
  const final = state.kind === 'final' ? box(3, 'inner') : '';
  return [
    `${open}${box(0, 'box')}${final}${name}${rule}${content.flat(2).join('')}</g>${initial}`,
    ...state.children.flatMap((child) => states(child, nodes, state)),
  ];
}

/** Lines of a box; those of one transition can be lit together. */
function listed(lines: readonly Line[], x: number, y: number, from: string): string {
  const event = lines[0]?.event;
  if (event === undefined) return texts(lines, x, y);
  return `<g data-event="${escapeXml(event)}" data-from="${escapeXml(from)}">${texts(lines, x, y)}</g>`;
}

const texts = (lines: readonly Line[], x: number, y: number) =>
  lines
    .map(({ kind, text, description }, index) => {
      const indent = text.length - text.trimStart().length;
      const hint = kind === 'event' || kind === 'guard' ? title(description) : '';
      return `<text class="${kind}" x="${round(x + indent * 4)}" y="${round(y + index * lineHeight + 12)}">${hint}${escapeXml(text.trim())}</text>`;
    })
    .join('');

/** The edge's sections as one path with rounded corners, what lies above `from` left out. */
function pathOf(edge: ElkExtendedEdge, from = 0): string {
  const radius = 6;
  return (edge.sections ?? [])
    .map(({ startPoint, bendPoints = [], endPoint }) => {
      const start = { x: startPoint.x, y: Math.max(startPoint.y, from) };
      const points = [start, ...bendPoints, endPoint];
      return points
        .map((point, index) => {
          if (index === 0) return `M${round(point.x)} ${round(point.y)}`;
          const next = points[index + 1];
          if (next === undefined) return `L${round(point.x)} ${round(point.y)}`;
          const before = towards(point, points[index - 1] as ElkPoint, radius);
          const after = towards(point, next, radius);
          return `L${before}Q${round(point.x)} ${round(point.y)} ${after}`;
        })
        .join('');
    })
    .join('');
}

/** The point at most `distance` from one towards another, and no further than half way. */
function towards(from: ElkPoint, to: ElkPoint, distance: number): string {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const part = Math.min(distance, length / 2) / length;
  return `${round(from.x + (to.x - from.x) * part)} ${round(from.y + (to.y - from.y) * part)}`;
}

/** Colours come from the page's --diagram-… variables where it sets them. */
const style = `
.machine{--t:#0f172a;--m:#64748b;--l:#94a3b8;--b:#fff;--c:#f6f8fb;--g:#b45309;--a:#2563eb;--s:#eff5ff;font-family:"Helvetica Neue",Helvetica,Arial,"Liberation Sans",sans-serif}
@media (prefers-color-scheme:dark){.machine{--t:#e6edf5;--m:#93a4b8;--l:#5c6f86;--b:#1a2634;--c:#121c27;--g:#f0a94c;--a:#5ea5ff;--s:#16304f}}
.machine text{fill:var(--diagram-text,var(--t));font-size:12px;white-space:pre}
.machine .title{font-size:14px;font-weight:600}
.machine .event{font-weight:600}
.machine .guard{fill:var(--diagram-guard,var(--g))}
.machine .action{fill:var(--diagram-muted,var(--m))}
.machine .tag{fill:var(--diagram-muted,var(--m));font-size:11px;font-style:italic}
.machine .box,.machine .inner,.machine .history circle{fill:var(--diagram-canvas,var(--c));stroke:var(--diagram-line,var(--l));stroke-width:1.25}
.machine .leaf .box{fill:var(--diagram-box,var(--b))}
.machine .inner{fill:none}
.machine .region>.box{stroke-dasharray:5 4}
.machine .rule{stroke:var(--diagram-line,var(--l));stroke-opacity:.45;fill:none}
.machine .initial{fill:var(--diagram-text,var(--t))}
.machine .line{fill:none;stroke:var(--diagram-line,var(--l));stroke-width:1.5}
.machine marker path{fill:var(--diagram-line,var(--l));fill:context-stroke}
.machine .behind{fill:var(--diagram-canvas,var(--c));fill-opacity:.92}
.machine .current .box{stroke:var(--diagram-accent,var(--a));stroke-width:2.5}
.machine .leaf.current .box{fill:var(--diagram-current,var(--s))}
.machine .current .title{fill:var(--diagram-accent,var(--a))}
`.replace(/\n/g, '');
