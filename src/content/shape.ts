import * as v from 'valibot';
import { type Problem, show, suggest } from './problem.ts';
import { gluedKey, type Yaml } from './yaml.ts';

/**
 * Checks a file against its shape; every difference is added to the problems.
 * @returns what is right: the keys of the top level in which nothing differs
 */
export function matchShape<S extends v.GenericSchema>(
  shape: S,
  yaml: Yaml,
  problems: Problem[],
): Partial<v.InferOutput<S>> {
  const result = v.safeParse(shape, yaml.value);
  if (result.success) return result.output as Partial<v.InferOutput<S>>;
  const wrong = new Set<string>();
  for (const issue of result.issues) {
    const path = (issue.path ?? []).map(({ key }) => key as PropertyKey);
    wrong.add(String(path[0]));
    // An unknown key is reported with the key itself as what was found.
    const isUnknownKey = issue.type === 'raw_check';
    const value = isUnknownKey ? path.at(-1) : valueAt(yaml.value, path);
    // A mapping that lacks a space after a colon is read as a text.
    const glued = gluedKey(value);
    problems.push({
      file: yaml.file,
      line: yaml.line(path, glued === undefined ? undefined : 'value'),
      path: path.map(String).join('.'),
      expected: glued ?? issue.message,
      found: show(value),
    });
  }
  const output = result.output as unknown;
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return {};
  return Object.fromEntries(Object.entries(output).filter(([key]) => !wrong.has(key))) as Partial<
    v.InferOutput<S>
  >;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return at;
}

/** What a schema says of itself; that of a mapping is a function, since it speaks for its missing keys as well. */
const expectationOf = (schema: unknown): string => {
  const { message } = schema as { message?: string | ((issue: object) => string) };
  return typeof message === 'function' ? message({}) : (message ?? 'a value');
};

/**
 * A mapping of these keys and no others; every unknown one is reported, with the nearest name that is known.
 * @param expected what stands in a problem where there is no mapping, or nothing
 */
export function fields<E extends v.ObjectEntries>(entries: E, expected: string) {
  const names = Object.keys(entries);
  const keys = `one of ${names.join(', ')}`;
  return v.pipe(
    v.looseObject(entries, (issue) => {
      const missing = issue.path?.at(-1)?.key;
      return missing === undefined || issue.input !== undefined
        ? expected
        : expectationOf(entries[String(missing)]);
    }),
    v.rawCheck(({ dataset, addIssue }) => {
      const input = dataset.value as unknown;
      if (typeof input !== 'object' || input === null || Array.isArray(input)) return;
      for (const [key, value] of Object.entries(input)) {
        if (names.includes(key)) continue;
        const path = [
          { type: 'object', origin: 'key', input: input as Record<string, unknown>, key, value },
        ] as const;
        addIssue({ message: keys + suggest(key, names), input: value, path: [...path] });
      }
    }),
  );
}

/** A text of a form; what stands in a problem where it is none. */
export const matching = (pattern: RegExp, expected: string) =>
  v.pipe(v.string(expected), v.regex(pattern, expected));
/** A whole number within bounds. */
export const whole = (least: number, most: number, expected: string) =>
  v.pipe(
    v.number(expected),
    v.safeInteger(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
