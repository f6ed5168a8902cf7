import { isAbsolute, relative, resolve } from 'node:path';

/** One mistake in the content, in words that let an operator mend it. */
export interface Problem {
  /** As an operator would open it: below the current folder where it is inside of it, absolute otherwise. */
  readonly file: string;
  /** From 1; absent when no line can be named. */
  readonly line?: number;
  /** What is wrong: `product.price`, a Fluent key, or empty for the file as a whole. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}

/** One line: `content/bot.yaml:7 product.price: expected a whole number …, found 4.5`. */
export function describeProblem({ file, line, path, expected, found }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return `${place}${path === '' ? '' : ` ${path}`}: expected ${expected}, found ${found}`;
}

/** A value as short JSON; `nothing` for what is absent. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** ` (did you mean "…"?)` when one of the names is at most two letters away; empty otherwise. */
export function suggest(found: string, names: Iterable<string>): string {
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(found.length / 2));
  for (const name of names) {
    const away = distance(found, name);
    if (away < least) {
      least = away;
      best = name;
    }
  }
  return best === undefined ? '' : ` (did you mean "${best}"?)`;
}

/** Levenshtein's: the insertions, removals and replacements that lead from one text to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A path as an operator would type it. */
export function shown(...parts: string[]): string {
  const path = resolve(...parts);
  const below = relative(process.cwd(), path);
  return below.startsWith('..') || isAbsolute(below) ? path : below;
}

/** Why a file could not be read, in a word. */
export const reason = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
