import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import { type Problem, show } from './problem.ts';

/** A YAML file that could be read. */
export interface Yaml {
  readonly file: string;
  readonly value: unknown;
  /** The line of the nearest part of a path that is there: of its key, or of its value. */
  line(path: readonly PropertyKey[], of?: 'value'): number;
}

/**
 * Reads YAML.
 * @returns null when its syntax is wrong, with the first such place among the problems: what follows is guesswork
 */
export function parseYaml(file: string, source: string, problems: Problem[]): Yaml | null {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    problems.push({
      file,
      path: '',
      ...slipOf(fault, lines.linePos(fault.pos[0]).line, source.split(/\r?\n/)),
    });
    return null;
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch {
    const rows = source.split(/\r?\n/);
    const line = rows.findIndex((row) => /(^|[\s[{,:-])\*\S/.test(withoutComment(row)));
    const expected = 'quotes around a value that begins with "*"';
    problems.push({ file, line: line + 1, path: '', expected, found: shownRow(rows[line]) });
    return null;
  }
  const line = (path: readonly PropertyKey[], of?: 'value'): number => {
    let at = document.contents as Node | null;
    let offset = at?.range?.[0] ?? 0;
    for (const step of path) {
      let next: Node | null | undefined;
      if (isMap(at)) {
        const pair = at.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        if (pair === undefined) break;
        offset = (pair.key as Node).range?.[0] ?? offset;
        next = pair.value as Node | null;
      } else if (isSeq(at)) {
        next = at.items[Number(step)] as Node | undefined;
        offset = next?.range?.[0] ?? offset;
      }
      if (next === undefined || next === null) break;
      at = next;
    }
    return lines.linePos(of === 'value' ? (at?.range?.[0] ?? offset) : offset).line;
  };
  return { file, value, line };
}

/** What a text was meant to be that has a key and a value without a space between them; undefined for any other value. */
export function gluedKey(value: unknown): string | undefined {
  const [, key, rest] = (typeof value === 'string' && /^([a-z]\w*):(?!\/\/)(\S.*)$/i.exec(value)) || [];
  return key === undefined ? undefined : `a space after the colon: "${key}: ${rest}"`;
}

type Slip = Pick<Problem, 'line' | 'expected' | 'found'>;

/**
 * The parser sees a slip where the syntax breaks, which may be lines after it: the first line that has one is the cause.
 * Some look like what is right elsewhere, a list over several lines or a text: they come last.
 */
function slipOf({ code, message }: YAMLError, line: number, rows: readonly string[]): Slip {
  const lines = rows.slice(0, line).map(withoutComment);
  const last = lines.findLastIndex((row) => row.trim() !== '');
  const before = lines.findLastIndex((row, index) => index < last && row.trim() !== '');
  const all = [...lines.keys()];
  const searches = [
    [all, plainSlip],
    [[before, last], missingColon],
    [all, missingBracket],
  ] as const;
  for (const [indexes, slipIn] of searches) {
    for (const index of indexes) {
      const expected = slipIn(lines[index] ?? '');
      if (expected !== undefined) return { line: index + 1, expected, found: shownRow(rows[index]) };
    }
  }
  const at = placeOf(message.includes('without - indicator') ? 'BAD_INDENT' : code, line - 1, rows);
  const expected = inWords[at.code];
  return expected === undefined
    ? { line, expected: `valid YAML (${message})`, found: shownRow(rows[line - 1]) }
    : { line: at.index + 1, expected, found: shownRow(rows[at.index]) };
}

/** The parser names the end of what went before a line that stands too far to the left, or the start of what it continues. */
function placeOf(code: YAMLError['code'], index: number, rows: readonly string[]) {
  const isEmpty = (row: string | undefined) => withoutComment(row).trim() === '';
  const next = rows.findIndex((row, later) => later > index && !isEmpty(row));
  if (next === -1) return { code, index };
  if (code === 'BAD_INDENT') return { code, index: isEmpty(rows[index]) ? next : index };
  const depth = (row = '') => row.length - row.trimStart().length;
  const isSingle = withoutQuotes(withoutComment(rows[index])).split(/:\s/).length === 2;
  return code === 'BLOCK_AS_IMPLICIT_KEY' && isSingle && depth(rows[next]) > depth(rows[index])
    ? { code: 'BAD_INDENT' as const, index: next }
    : { code, index };
}

const inWords: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'as many spaces before it as before its neighbours',
  DUPLICATE_KEY: 'each key once',
  BLOCK_IN_FLOW: 'a comma between the settings in braces',
  BLOCK_AS_IMPLICIT_KEY: 'quotes around a value with a colon in it',
  BAD_SCALAR_START: 'quotes around a value that begins with such a sign',
  TAG_RESOLVE_FAILED: 'quotes around a value that begins with such a sign',
  MULTIPLE_DOCS: 'no line "---"',
};

/** What a line should have had that is wrong wherever it stands; undefined when nothing is. */
function plainSlip(row: string): string | undefined {
  if (/^ *\t/.test(row)) return 'spaces before it, not a tab';
  for (const quote of ['"', "'"]) {
    const [, rest] = new RegExp(`(?:^|[:\\-[{,])\\s*${quote}([^${quote}]*)$`).exec(row) ?? [];
    if (rest !== undefined) return `a closing ${quote}`;
  }
  if (/^(<{7}|={7}|>{7})( |$)/.test(row)) return 'one of two versions, without the lines that part them';
  if (/[:,[{-]\s+("[^"]*"|'[^']*')[^\s,\]}:"']/.test(row))
    return 'a space, or nothing, after the closing quote';
  const bare = withoutQuotes(row);
  const glued = /(?:^\s*(?:- +)?|[{,]\s*)([a-z]\w*):(?!\/\/)([^\s,}].*?)\s*[},]?\s*$/i.exec(bare);
  if (glued !== null) return `a space after the colon: "${glued[1]}: ${glued[2]}"`;
  const dash = /^\s*-(\w.*)$/.exec(bare);
  return dash === null ? undefined : `a space after the dash: "- ${dash[1]}"`;
}

function missingColon(row: string): string | undefined {
  const bare = withoutQuotes(row);
  const [, key, value] =
    /^\s*([a-z]\w*)(?:\s+([^:]*\S))?\s*$/i.exec(bare) ??
    /^\s*- +([a-z]\w*)\s+([^:]*\S)\s*$/i.exec(bare) ??
    [];
  if (key === undefined) return undefined;
  return `a colon after the key: "${key}:${value === undefined ? '' : ` ${value}`}"`;
}

function missingBracket(row: string): string | undefined {
  const count = (sign: string) => withoutQuotes(row).split(sign).length;
  for (const [open = '', close = ''] of ['[]', '{}']) {
    if (count(open) > count(close)) return `a closing ${close}`;
    if (count(open) < count(close)) return `no ${close} without a ${open}`;
  }
  return undefined;
}

const withoutQuotes = (row: string): string => row.replace(/"[^"]*"|'[^']*'/g, '_');

const withoutComment = (row = ''): string => row.replace(/(^|\s)#.*$/, '');

const shownRow = (row = ''): string => show(row.trim());
