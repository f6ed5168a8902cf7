import { type Block, contentOf, measure } from './lines.ts';
import type { OutlineState } from './outline.ts';

export const titleHeight = 30;
export const padding = 12;
export const gap = 8;

/** A state's box: where its text stands, px from its upper left corner. */
export interface Box {
  readonly columns: readonly { readonly left: number; readonly blocks: readonly Block[] }[];
  /** What the text needs. */
  readonly width: number;
  /** From the upper edge to the end of the text; of a state with children, where they may begin. */
  readonly height: number;
}

const heightOf = (blocks: readonly Block[]) =>
  blocks.reduce((sum, { height }) => sum + height + gap, blocks.length === 0 ? 0 : gap);

/** A state with children lists its own events in columns, since its children make it wide. */
function columnsOf(blocks: readonly Block[], isLeaf: boolean): Block[][] {
  if (isLeaf) return [[...blocks]];
  const count = Math.min(4, Math.ceil(blocks.length / 2));
  const columns: Block[][] = Array.from({ length: count }, () => []);
  for (const one of blocks) {
    const shortest = columns.reduce((a, b) => (heightOf(b) < heightOf(a) ? b : a));
    shortest.push(one);
  }
  return columns;
}

export function boxOf(state: OutlineState): Box {
  const isLeaf = state.children.length === 0;
  const lists = columnsOf(contentOf(state), isLeaf);
  let left = padding;
  const columns = lists.map((blocks) => {
    const column = { left, blocks };
    left += Math.max(0, ...blocks.map(({ width }) => width)) + 2 * padding;
    return column;
  });
  return {
    columns,
    width: Math.max(90, measure(state.name, 'title') + 4 * padding, left - padding),
    height: titleHeight + 6 + Math.max(0, ...lists.map(heightOf)),
  };
}
