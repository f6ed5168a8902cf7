import type { BotFile } from './bot.ts';
import { htmlProblem, visibleText } from './html.ts';
import type { Locale } from './locale.ts';
import type { MessageContent } from './message.ts';
import type { Needs, TextUse } from './needs.ts';
import { type Problem, suggest } from './problem.ts';
import type { Yaml } from './yaml.ts';

/** A place where a text is used, and what it must be there. */
export interface Use extends TextUse {
  readonly key: string;
  /** The place in a YAML file that asks for it. */
  readonly by?: string;
}

const label: TextUse = { as: 'a label', most: 64 };

const placeIn = (yaml: Yaml | null, path: readonly PropertyKey[]) =>
  yaml === null ? '' : `${yaml.file}:${yaml.line(path)}`;

/** Every place that uses a text. */
export function usesOf(
  needs: Pick<Needs<never>, 'texts' | 'commands'>,
  { named }: BotFile,
  bot: Yaml | null,
  messages: ReadonlyMap<string, MessageContent>,
  messagesYaml: Yaml | null,
): Use[] {
  const description: TextUse = { as: 'the description of a command', most: 256 };
  return [
    ...Object.entries(needs.texts ?? {}).map(([key, use]) => ({ ...use, key })),
    ...(needs.commands ?? []).map(({ name }) => ({ ...description, key: `command-${name}` })),
    ...named.texts.map(({ path, ...use }) => ({ ...use, by: placeIn(bot, path) })),
    ...[...messages].flatMap(([name, message]) =>
      usesIn(message).map((use) => ({ ...use, by: placeIn(messagesYaml, [name]) })),
    ),
  ];
}

function usesIn({ text, plain, attachments, rows, keyboard, poll }: MessageContent): Use[] {
  const own: Use =
    poll !== undefined
      ? { key: text, as: 'a question', most: 300 }
      : plain
        ? { key: text, as: 'a notice', most: 200 }
        : attachments.length > 0
          ? { key: text, as: 'a caption', most: 1_024, html: true }
          : { key: text, as: 'a message', most: 4_096, html: true };
  const keys = keyboard === undefined || keyboard === 'remove' ? [] : keyboard.flat();
  const { options = [], explanation } = poll ?? {};
  return [
    own,
    ...[...rows.flat(), ...keys].map(({ label: key }) => ({ ...label, key })),
    ...options.map((key) => ({ key, as: 'an option', most: 100 })),
    ...(explanation === undefined ? [] : [{ key: explanation, as: 'an explanation', most: 200, html: true }]),
  ];
}

/**
 * Checks the texts of all languages against each other and against their uses.
 * @param variables what a text may use, with the most characters of each
 * @param fallback the default language: what another one lacks is said in this one, and is only a warning. null: what is
 * missing cannot be told, and each text is checked by itself
 */
export function checkTexts(
  uses: readonly Use[],
  locales: ReadonlyMap<string, Locale>,
  variables: Readonly<Record<string, number>>,
  fallback: string | null,
  problems: Problem[],
  warnings: Problem[],
): void {
  const used = new Set(uses.map(({ key }) => key));
  const keys = new Map<string, string>();
  for (const { key, by, as } of uses)
    if (!keys.has(key)) keys.set(key, by === undefined ? as : `${as}, used in ${by}`);
  for (const locale of locales.values()) {
    for (const key of locale.lines.keys()) {
      const ofKey = uses.filter((use) => use.key === key);
      checkText(key, ofKey, locale, variables, problems);
    }
    if (fallback === null) continue;
    for (const [key, wanted] of keys) {
      if (locale.lines.has(key)) continue;
      const spare = [...locale.lines.keys()].filter(
        (other) => !used.has(other) && isOnlyIn(other, locale, locales),
      );
      const lender = locale.language === fallback ? undefined : locales.get(fallback);
      const isCovered = lender?.lines.has(key) === true;
      (isCovered ? warnings : problems).push({
        file: locale.file,
        path: key,
        expected: wanted + suggest(key, spare),
        found: isCovered ? `nothing; people read the text of ${fallback}` : 'nothing',
      });
    }
  }
}

/** Warns of texts that neither a use nor a used text names. */
export function checkUnusedTexts(
  uses: readonly Use[],
  locales: ReadonlyMap<string, Locale>,
  warnings: Problem[],
): void {
  for (const locale of locales.values()) {
    const used = new Set(uses.map(({ key }) => key));
    // A set grows while it is walked: what a used text names is used as well.
    for (const key of used) for (const name of locale.mentionedBy(key)) used.add(name);
    for (const [key, line] of locale.lines) {
      if (used.has(key)) continue;
      const missing = [...used].filter((name) => !locale.lines.has(name));
      warnings.push({
        file: locale.file,
        line,
        path: key,
        expected: `a text that a message or another text uses${suggest(key, missing)}`,
        found: 'one that nothing uses',
      });
    }
  }
}

const isOnlyIn = (key: string, locale: Locale, locales: ReadonlyMap<string, Locale>): boolean =>
  [...locales.values()].every((other) => other === locale || !other.lines.has(key));

function checkText(
  key: string,
  uses: readonly Use[],
  locale: Locale,
  variables: Readonly<Record<string, number>>,
  problems: Problem[],
): void {
  const found = new Set<string>();
  const problem = (expected: string, what: string) => {
    // Each variant of a text may have the same fault.
    if (found.has(expected + what)) return;
    found.add(expected + what);
    const line = locale.lines.get(key);
    problems.push({
      file: locale.file,
      ...(line !== undefined && { line }),
      path: key,
      expected,
      found: what,
    });
  };
  const fill = (name: string): string => {
    const length = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (length === undefined) problem(variableOf(Object.keys(variables), name), `{ $${name} }`);
    // Counts two of Telegram's characters each: the longest that a variable can be.
    return '😀'.repeat(length ?? 1);
  };
  const missing = (reference: string) => problem('a text or term that exists', `{ ${reference} }`);
  for (const text of locale.variants(key, fill, missing)) {
    for (const { as, most, html = false } of uses) {
      const wrong = html ? htmlProblem(text) : /<\/?[a-z]|&(#\d+|#x[\da-f]+|[a-z]\w*);/i.exec(text)?.[0];
      if (wrong !== undefined) problem(html ? 'HTML that Telegram takes' : `no HTML in ${as}`, wrong);
      const { length } = html ? visibleText(text).trim() : text.trim();
      if (length === 0) problem(`at least one character for ${as}`, 'an empty text');
      if (length > most)
        problem(`at most ${most} characters for ${as}, with variables at their longest`, `${length}`);
    }
  }
}

function variableOf(names: readonly string[], found: string): string {
  if (names.length === 0) return 'no variable: nothing fills one here';
  return `a variable of ${names.map((known) => `$${known}`).join(', ')}${suggest(found, names)}`;
}
