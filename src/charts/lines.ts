import type { Branch, Group, OutlineState } from './outline.ts';

/** One line of text in a box or at an edge, with the class that colours it. */
export interface Line {
  readonly kind: 'title' | 'event' | 'guard' | 'action' | 'tag';
  readonly text: string;
  readonly description?: string | undefined;
}
/** Lines with the room that they take, px, and the events that they belong to. */
export interface Block {
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
  readonly events: readonly string[];
}

export const lineHeight = 16;
const size = { title: 14, event: 12, guard: 12, action: 12, tag: 11 } as const;
/** Lists of actions are wrapped here, px. */
const widest = 300;
/** What a broken line goes on with. */
const continued = '   ';

/**
 * Advance widths of DejaVu Sans for the characters from space to tilde, 1/100 em: the widest of the fonts that a picture may
 * be shown in. Helvetica and its kin take a sixth less.
 */
const widths = (
  '32 41 46 84 64 96 78 28 40 40 50 84 32 37 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 54 100 69 69 70 78 64 ' +
  '58 78 76 30 30 66 56 87 75 79 61 79 70 64 62 74 69 99 69 62 69 40 34 40 84 50 50 62 64 55 64 62 36 64 64 28 28 58 ' +
  '28 98 64 62 64 64 42 53 40 64 60 82 60 60 53 64 34 64 84'
)
  .split(' ')
  .map(Number);

/** Width of a text, px: measured without a browser, a little too wide rather than too narrow. */
export function measure(text: string, kind: Line['kind']): number {
  let hundredths = 0;
  for (const character of text) hundredths += widths[character.charCodeAt(0) - 32] ?? 100;
  const weight = kind === 'title' || kind === 'event' ? 1.13 : 1.01;
  return (hundredths / 100) * size[kind] * weight;
}

/** Actions one after another, broken where a line is full; one that fills a line by itself is broken between its words. */
function wrap(parts: readonly string[], kind: Line['kind'], prefix: string, more: Partial<Line>): Line[] {
  const texts: string[] = [];
  let text = '';
  const add = (piece: string) => {
    const longer = texts.length === 0 && text === '' ? `${prefix}${piece}` : `${text} ${piece}`;
    if (text !== '' && measure(longer, kind) > widest) {
      texts.push(text);
      text = `${continued}${piece}`;
    } else text = longer;
  };
  for (const [index, part] of parts.entries()) {
    const piece = index === parts.length - 1 ? part : `${part},`;
    if (measure(`${continued}${piece}`, kind) <= widest) {
      add(piece);
      continue;
    }
    const [first = '', ...words] = piece.split(' ');
    if (text === '') add(first);
    else {
      texts.push(text);
      text = `${continued}${first}`;
    }
    words.forEach(add);
  }
  return (text === '' ? texts : [...texts, text]).map((one) => ({ kind, text: one, ...more }));
}

function linesOfBranch({ guard, actions, description }: Branch, index: number): Line[] {
  const otherwise = index > 0 && guard === undefined ? 'else' : undefined;
  const condition = guard ?? otherwise;
  return [
    ...(condition === undefined ? [] : [{ kind: 'guard' as const, text: `[${condition}]`, description }]),
    ...wrap(actions, 'action', '/ ', {}),
  ];
}

/** The branches of events under one another, the events named once. */
export function blockOf({ events, branches }: Group): Block {
  const names = events.map(({ label, description }) => ({
    kind: 'event' as const,
    text: label,
    description,
  }));
  return block(
    [...names, ...branches.flatMap(linesOfBranch)],
    events.map(({ type }) => type),
  );
}

const block = (lines: readonly Line[], events: readonly string[] = []): Block => ({
  lines,
  width: Math.ceil(Math.max(0, ...lines.map(({ text, kind }) => measure(text, kind)))),
  height: lines.length * lineHeight,
  events,
});

/** What stands in a state's box under its name: tags, entry, invoke, exit, and what it does without being left. */
export function contentOf(state: OutlineState): Block[] {
  const head = [
    ...state.tags.map((text) => ({ kind: 'tag' as const, text })),
    ...wrap(state.entry, 'action', 'entry / ', {}),
    ...wrap(state.invokes, 'action', 'invoke / ', {}),
    ...wrap(state.exit, 'action', 'exit / ', {}),
  ];
  const blocks = state.inner.map(blockOf);
  return head.length === 0 ? blocks : [block(head), ...blocks];
}
