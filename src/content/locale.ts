import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';
import { escapeHtml } from './html.ts';
import type { Problem } from './problem.ts';

type Entry = FluentResource['body'][number];
type Pattern = NonNullable<Entry['value']>;
type Element = Exclude<Pattern, string>[number];
type Expression = Exclude<Element, string>;

/** What the variables of a text stand for, by name without the `$`. Numbers choose plurals. */
export type Variables = Readonly<Record<string, string | number>>;

/** The texts of one language. */
export interface Locale {
  readonly language: string;
  /** The file, as shown in problems. */
  readonly file: string;
  /** Key → line, without terms. */
  readonly lines: ReadonlyMap<string, number>;
  /** undefined when the language has no such text. Variables are HTML-escaped unless `plain`. */
  format(key: string, variables: Variables, plain: boolean): string | undefined;
  /**
   * Texts that together show every variant of a key at least once, without formatting of numbers.
   * @param fill what stands for a variable
   * @param missing hears of references to texts, terms and functions that do not exist
   */
  variants(
    key: string,
    fill: (variable: string) => string,
    missing: (reference: string) => void,
  ): readonly string[];
  /** The keys of the texts and terms that a text or a term names, each perhaps several times. */
  mentionedBy(key: string): readonly string[];
}

/** Reads a Fluent file. What cannot be read is reported with its line and left out. */
export function parseLocale(language: string, file: string, source: string, problems: Problem[]): Locale {
  const bundle = new FluentBundle(language, { useIsolating: false });
  const entries = new Map<string, Entry>();
  const lines = new Map<string, number>();
  for (const { id, line, text } of splitEntries(source, file, problems)) {
    const resource = new FluentResource(text);
    const [entry] = resource.body;
    const cutOff = cutOffLine(text);
    if (entry === undefined) {
      problems.push({
        file,
        line,
        path: id,
        expected: 'a text in Fluent syntax (braces closed, further lines indented)',
        found: firstLine(text),
      });
    } else if (cutOff !== undefined) {
      const [offset, found] = cutOff;
      const expected = 'no line that starts with [ or * or . or } (write {"["} and so on)';
      problems.push({ file, line: line + offset, path: id, expected, found });
    } else if (entries.has(id)) {
      problems.push({
        file,
        line,
        path: id,
        expected: `one text per key (the first is in line ${lines.get(id) ?? '?'})`,
        found: 'a second one',
      });
    } else {
      entries.set(id, entry);
      if (!id.startsWith('-')) lines.set(id, line);
      bundle.addResource(resource);
    }
  }
  return {
    language,
    file,
    lines,
    format(key, variables, plain) {
      const pattern = bundle.getMessage(key)?.value;
      if (pattern === undefined || pattern === null) return undefined;
      if (typeof pattern === 'string') return pattern;
      return bundle.formatPattern(pattern, plain ? variables : escaped(variables), []);
    },
    variants: (key, fill, missing) => new Variants(entries, fill, missing).of(key),
    mentionedBy: (key) => {
      const { value = null, attributes = {} } = entries.get(key) ?? {};
      return [value, ...Object.values(attributes)].flatMap((pattern) => mentionsIn(pattern));
    },
  };
}

function escaped(variables: Variables): Record<string, FluentVariable> {
  const safe: Record<string, FluentVariable> = {};
  for (const [name, value] of Object.entries(variables))
    safe[name] = typeof value === 'string' ? escapeHtml(value) : value;
  return safe;
}

const firstLine = (text: string): string => `"${(text.split('\n', 1)[0] ?? '').slice(0, 60)}"`;

/** Cuts a file into its texts and terms, each with the line it starts in. A line that belongs to none is a problem. */
function splitEntries(
  source: string,
  file: string,
  problems: Problem[],
): { id: string; line: number; text: string }[] {
  const found: { id: string; line: number; rows: string[] }[] = [];
  let current: { id: string; line: number; rows: string[] } | undefined;
  for (const [index, row] of source.replaceAll('\r\n', '\n').split('\n').entries()) {
    const id = /^(-?[a-zA-Z][\w-]*) *=/.exec(row)?.[1];
    if (id !== undefined) {
      current = { id, line: index + 1, rows: [row] };
      found.push(current);
    } else if (row.startsWith('#')) {
      current = undefined;
    } else if (row === '' || row.startsWith(' ') || row.startsWith('}')) {
      if (current !== undefined) current.rows.push(row);
      else if (row.trim() !== '') problems.push(stray(file, index + 1, row));
    } else {
      problems.push(stray(file, index + 1, row));
    }
  }
  return found.map(({ id, line, rows }) => ({ id, line, text: rows.join('\n') }));
}

const stray = (file: string, line: number, row: string): Problem => ({
  file,
  line,
  path: '',
  expected: '"key = text", a comment, or a further line of a text, indented by spaces',
  found: firstLine(row),
});

/** Fluent ends a text in silence at a line that starts with a sign of its syntax: that line, counted from the entry's. */
function cutOffLine(text: string): [offset: number, found: string] | undefined {
  let depth = 0;
  for (const [offset, row] of text
    .replace(/\{\s*"(?:\\.|[^"\\\n])*"\s*\}/g, '_')
    .split('\n')
    .entries()) {
    const start = row.trimStart();
    if (offset > 0 && depth === 0 && /^(?:[[*}]|\.(?![a-zA-Z][\w-]* *=))/.test(start))
      return [offset, firstLine(start)];
    for (const sign of row) depth += sign === '{' ? 1 : sign === '}' ? -1 : 0;
  }
  return undefined;
}

function mentionsIn(pattern: Pattern | null): string[] {
  if (pattern === null || typeof pattern === 'string') return [];
  return pattern.flatMap((element) => (typeof element === 'string' ? [] : mentionsOf(element)));
}

function mentionsOf(expression: Expression): string[] {
  switch (expression.type) {
    case 'mesg':
      return [expression.name];
    case 'term':
      return [`-${expression.name}`];
    case 'select':
      return [
        ...mentionsOf(expression.selector),
        ...expression.variants.flatMap(({ value }) => mentionsIn(value)),
      ];
    default:
      return [];
  }
}

/** Walks patterns without formatting them. */
class Variants {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #fill: (variable: string) => string;
  readonly #missing: (reference: string) => void;
  readonly #stack: string[] = [];

  constructor(
    entries: ReadonlyMap<string, Entry>,
    fill: (variable: string) => string,
    missing: (reference: string) => void,
  ) {
    this.#entries = entries;
    this.#fill = fill;
    this.#missing = missing;
  }

  of(id: string, attribute: string | null = null): readonly string[] {
    const entry = this.#entries.get(id);
    const pattern = attribute === null ? entry?.value : entry?.attributes[attribute];
    const name = attribute === null ? id : `${id}.${attribute}`;
    if (pattern === undefined || pattern === null || this.#stack.includes(name)) {
      this.#missing(name);
      return [''];
    }
    this.#stack.push(name);
    const texts = this.#pattern(pattern);
    this.#stack.pop();
    return texts;
  }

  #pattern(pattern: Pattern): readonly string[] {
    if (typeof pattern === 'string') return [pattern];
    const parts = pattern.map((element) =>
      typeof element === 'string' ? [element] : this.#expression(element),
    );
    const count = Math.max(1, ...parts.map(({ length }) => length));
    return Array.from({ length: count }, (_, index) =>
      parts.map((texts) => texts[index % texts.length]).join(''),
    );
  }

  #expression(expression: Expression): readonly string[] {
    switch (expression.type) {
      case 'str':
      case 'num':
        return [String(expression.value)];
      case 'var':
        return [this.#fill(expression.name)];
      case 'mesg':
        return this.of(expression.name, expression.attr);
      case 'term':
        return this.of(`-${expression.name}`, expression.attr);
      case 'func': {
        if (expression.name !== 'NUMBER' && expression.name !== 'DATETIME')
          this.#missing(`${expression.name}()`);
        const [argument] = expression.args;
        return argument === undefined || argument.type === 'narg' ? [''] : this.#expression(argument);
      }
      case 'select':
        this.#expression(expression.selector);
        return expression.variants.flatMap(({ value }) => this.#pattern(value));
    }
  }
}
