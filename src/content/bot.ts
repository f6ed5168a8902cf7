import * as v from 'valibot';
import type { Examination, Needs } from './needs.ts';
import { type Problem, show, suggest } from './problem.ts';
import { fields, matching, matchShape } from './shape.ts';
import type { Yaml } from './yaml.ts';

/** bot.yaml as far as it is right. */
export interface BotFile {
  readonly defaultLanguage: string | undefined;
  /** By name, ms. */
  readonly delays: Readonly<Record<string, number>>;
  /** The product's own sections; null when one of them is wrong. */
  readonly sections: object | null;
  /** What the product's sections name. */
  readonly named: Required<Omit<Examination, 'problems'>>;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const delayExpected = 'a time such as 5m or 24h (units: ms, s, m, h, d), more than 0 and at most 366d';
const delay = v.pipe(
  matching(/^\d+(\.\d+)?\s*(ms|s|m|h|d)$/, delayExpected),
  v.transform((text) => Math.round(Number.parseFloat(text) * (units[text.replace(/[\d.\s]/g, '')] ?? 0))),
  v.minValue(1, delayExpected),
  v.maxValue(366 * 86_400_000, delayExpected),
);
const languageExpected = 'a language that has a file in locales/';

/**
 * Reads bot.yaml; every mistake that it can have by itself is added to the problems.
 * @param languages those that have a file in locales/. If bot.yaml names no default and there is only one, that one is it
 */
export function readBot(
  yaml: Yaml,
  languages: readonly string[],
  needs: Pick<Needs<unknown>, 'delays' | 'settings'>,
  problems: Problem[],
): BotFile {
  const before = problems.length;
  const { default_language, delays, ...others } = matchShape(
    fields(
      {
        default_language: v.optional(v.nullable(v.string(languageExpected))),
        ...needs.settings?.shapes,
        delays: v.optional(v.nullable(v.record(v.string(), delay, 'names of delays, each with a time'))),
      },
      'the settings of the bot',
    ),
    // A file without a setting is an empty one.
    { ...yaml, value: yaml.value ?? {} },
    problems,
  );
  const wrong = problems.slice(before);
  const problem = (path: readonly PropertyKey[], expected: string, found: unknown) =>
    problems.push({
      file: yaml.file,
      line: yaml.line(path),
      path: path.map(String).join('.'),
      expected,
      found: show(found),
    });

  const [only, ...more] = languages;
  const language = default_language ?? (more.length === 0 ? only : undefined);
  const isTold = wrong.some(({ path }) => path === '' || path === 'default_language');
  if (language === undefined && more.length > 0 && !isTold)
    problem(['default_language'], languageExpected, undefined);
  if (language !== undefined && languages.length > 0 && !languages.includes(language)) {
    const expected = `one of ${languages.join(', ')}, which have a file in locales/`;
    problem(['default_language'], expected, language);
  }
  for (const name of Object.keys(delays ?? {})) {
    if (needs.delays === undefined || needs.delays.includes(name)) continue;
    problem(['delays', name], `one of ${needs.delays.join(', ')}${suggest(name, needs.delays)}`, name);
  }
  const { problems: found = [], messages = [], texts = [] } = needs.settings?.examine(others) ?? {};
  for (const { path, expected, found: value } of found) problem(path, expected, value);
  return {
    defaultLanguage: language,
    delays: delays ?? {},
    sections: wrong.length === 0 ? others : null,
    named: { messages, texts },
  };
}
