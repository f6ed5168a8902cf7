import type { ElkExtendedEdge, ElkNode, ElkPoint } from 'elkjs/lib/elk-api.js';
import { boxOf, gap, padding, titleHeight } from './box.ts';
import { blockOf, type Line, lineHeight } from './lines.ts';
import type { Edge, Outline, OutlineState } from './outline.ts';
import { style } from './style.ts';

/** The names under which the layout knows what it places. */
export const stateKey = (path: string): string => `state ${path}`;
export const initialKey = (path: string): string => `initial ${path}`;
export const edgeKey = (index: number): string => `edge ${index}`;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => escapes[character] as string);
const round = (number: number | undefined) => Math.round((number ?? 0) * 10) / 10;
const title = (text: string | undefined) => (text === undefined ? '' : `<title>${escapeXml(text)}</title>`);
const arrow =
  '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0.5 10 5 0 9.5z"/></marker></defs>';

/** A machine that was laid out, as SVG. */
export function svgOf({ root, edges }: Outline, graph: ElkNode): string {
  const nodes = new Map<string, ElkNode>();
  const collect = (node: ElkNode) => {
    nodes.set(node.id, node);
    node.children?.forEach(collect);
  };
  collect(graph);
  const [width, height] = [Math.ceil(graph.width ?? 0), Math.ceil(graph.height ?? 0)];
  const routes = new Map((graph.edges ?? []).map((edge) => [edge.id, edge]));
  const initials = [...routes.values()].filter(({ id }) => id.startsWith('initial'));
  return [
    `<svg class="machine" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(root.name)}">`,
    `<style>${style}</style>`,
    arrow,
    ...states(root, nodes),
    ...initials.map((edge) => `<path class="line" d="${pathOf(edge)}" marker-end="url(#arrow)"/>`),
    ...edges.flatMap((edge, index) => linesOf(edge, routes.get(edgeKey(index)))),
    ...edges.map((edge, index) => labelOf(edge, routes.get(edgeKey(index)))),
    '</svg>',
  ].join('\n');
}

/** An edge, once for each of its events, so that a page can light the one that happened; the others are not seen before. */
function linesOf({ events, from, to }: Edge, route: ElkExtendedEdge | undefined): string[] {
  const path = route === undefined ? '' : pathOf(route);
  return events.map(
    ({ type }, index) =>
      `<path class="${index === 0 ? 'line' : 'line twin'}"${placeOf(type, from, to)} d="${path}" marker-end="url(#arrow)"/>`,
  );
}

function labelOf(edge: Edge, route: ElkExtendedEdge | undefined): string {
  const label = route?.labels?.[0];
  const [x, y] = [round(label?.x), round(label?.y)];
  const box = `<rect class="behind" x="${x}" y="${y}" width="${round(label?.width)}" height="${round(label?.height)}" rx="4"/>`;
  const { events, lines } = blockOf(edge);
  return inGroups(events, edge.from, edge.to, `${box}${texts(lines, x + 6, y + 4)}`, 'label');
}

const placeOf = (event: string, from: string, to?: string) =>
  ` data-event="${escapeXml(event)}" data-from="${escapeXml(from)}"${to === undefined ? '' : ` data-to="${escapeXml(to)}"`}`;

/** A part of the picture that belongs to several events lies in a group of each. */
function inGroups(
  events: readonly string[],
  from: string,
  to: string | undefined,
  content: string,
  name?: string,
): string {
  const kind = name === undefined ? '' : ` class="${name}"`;
  return events.reduceRight((inner, event) => `<g${kind}${placeOf(event, from, to)}>${inner}</g>`, content);
}

function states(state: OutlineState, nodes: ReadonlyMap<string, ElkNode>, parent?: OutlineState): string[] {
  const node = nodes.get(stateKey(state.path));
  const [x, y] = [round(node?.x), round(node?.y)];
  const isLeaf = state.children.length === 0;
  const classes = ['state', state.kind, isLeaf ? 'leaf' : '', parent?.kind === 'parallel' ? 'region' : ''];
  const open = `<g class="${classes.filter(Boolean).join(' ')}" data-state="${escapeXml(state.path)}">${title(state.description)}`;
  if (state.kind === 'history') {
    const mark = `<circle cx="${x + 13}" cy="${y + 13}" r="12"/><text class="event" x="${x + 13}" y="${y + 17}" text-anchor="middle">H${state.isDeep ? '*' : ''}</text>`;
    return [`${open}${mark}</g>`];
  }
  const dot = nodes.get(initialKey(state.path));
  const initial =
    dot === undefined
      ? ''
      : `<circle class="initial" cx="${round((dot.x ?? 0) + 6)}" cy="${round((dot.y ?? 0) + 6)}" r="6"/>`;
  return [
    `${open}${inside(state, { x, y, width: round(node?.width), height: round(node?.height) })}</g>${initial}`,
    ...state.children.flatMap((child) => states(child, nodes, state)),
  ];
}

/** A state's box with its name and what it lists. */
function inside(state: OutlineState, place: { x: number; y: number; width: number; height: number }): string {
  const { x, y, width, height } = place;
  const isLeaf = state.children.length === 0;
  const rect = (inset: number, name: string) =>
    `<rect class="${name}" x="${x + inset}" y="${y + inset}" width="${round(width - 2 * inset)}" height="${round(height - 2 * inset)}" rx="${10 - inset}"/>`;
  const name = isLeaf
    ? `<text class="title" x="${round(x + width / 2)}" y="${y + 22}" text-anchor="middle">${escapeXml(state.name)}</text>`
    : `<text class="title" x="${x + padding}" y="${y + 22}">${escapeXml(state.name)}</text>`;
  const box = boxOf(state);
  const isEmpty = box.columns.every(({ blocks }) => blocks.length === 0);
  const rule = isEmpty
    ? ''
    : `<path class="rule" d="M${x} ${round(y + (isLeaf ? titleHeight + 3 : box.height))}H${round(x + width)}"/>`;
  const content = box.columns.flatMap(({ left, blocks }) => {
    let top = y + titleHeight + gap;
    return blocks.map((one) => {
      const text = inGroups(one.events, state.path, undefined, texts(one.lines, round(x + left), round(top)));
      top += one.height + gap;
      return text;
    });
  });
  const final = state.kind === 'final' ? rect(3, 'inner') : '';
  return `${rect(0, 'box')}${final}${name}${rule}${content.join('')}`;
}

const texts = (lines: readonly Line[], x: number, y: number) =>
  lines
    .map(({ kind, text, description }, index) => {
      const indent = text.length - text.trimStart().length;
      const hint = kind === 'event' || kind === 'guard' ? title(description) : '';
      return `<text class="${kind}" x="${round(x + indent * 4)}" y="${round(y + index * lineHeight + 12)}">${hint}${escapeXml(text.trim())}</text>`;
    })
    .join('');

/** The edge's sections as one path with rounded corners. */
function pathOf(edge: ElkExtendedEdge): string {
  const radius = 6;
  return (edge.sections ?? [])
    .map(({ startPoint, bendPoints = [], endPoint }) => {
      const points = [startPoint, ...bendPoints, endPoint];
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
