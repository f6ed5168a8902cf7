import { htmlProblem, visibleText } from './html.ts';
import type { Locale } from './locale.ts';
import { kindOf, longest, type MessageContent } from './message.ts';
import { type Problem, show, suggest } from './problem.ts';
import type { BotFile, MessageEntry } from './schema.ts';
import type { Yaml } from './yaml.ts';

/** What the conversations ask of the content. */
export interface Needs {
  /** Names of messages that are sent. */
  readonly messages: readonly string[];
  /** Names of delays that exist. */
  readonly delays: readonly string[];
  /** Events that a button may cause; without them, any. */
  readonly events?: readonly string[];
}

/** The commands of the menu; each has a description `command-<name>`. */
export const commands = [
  'start',
  'status',
  'club',
  'language',
  'terms',
  'paysupport',
  'mydata',
  'forget',
  'help',
] as const;

/** A place where a text is used, and what it must be there. */
interface Use {
  readonly key: string;
  /** What it is, for problems. */
  readonly as: string;
  readonly most: number;
  readonly html: boolean;
  /** The place in a YAML file that asks for it. */
  readonly by?: string;
}

/** Holds bot.yaml against locales, messages and conversations. */
export function checkBot(
  bot: Partial<BotFile>,
  yaml: Yaml,
  messagesYaml: Yaml | null,
  languages: readonly string[],
  needs: Needs | undefined,
  problems: Problem[],
): void {
  const problem = (path: readonly PropertyKey[], expected: string, found: unknown) =>
    problems.push({
      file: yaml.file,
      line: yaml.line(path),
      path: path.map(String).join('.'),
      expected,
      found: show(found),
    });

  const language = bot.default_language;
  if (language !== undefined && languages.length > 0 && !languages.includes(language)) {
    problem(['default_language'], `one of ${languages.join(', ')}, which have a file in locales/`, language);
  }
  for (const name of Object.keys(bot.delays ?? {})) {
    if (needs === undefined || needs.delays.includes(name)) continue;
    problem(['delays', name], `one of ${needs.delays.join(', ')}${suggest(name, needs.delays)}`, name);
  }
  const names = messagesYaml === null ? undefined : Object.keys((messagesYaml.value as object | null) ?? {});
  const seen = new Map<string, number>();
  for (const [index, { id, material }] of (bot.topics ?? []).entries()) {
    const first = seen.get(id);
    if (first !== undefined)
      problem(['topics', index, 'id'], `an id that topic ${first + 1} does not have already`, id);
    else seen.set(id, index);
    if (names !== undefined && !names.includes(material)) {
      problem(
        ['topics', index, 'material'],
        `a message of messages.yaml${suggest(material, names)}`,
        material,
      );
    }
  }
}

/** Holds messages.yaml against the conversations and against what Telegram takes. */
export function checkMessages(
  entries: Partial<Record<string, MessageEntry>>,
  yaml: Yaml,
  needs: Needs | undefined,
  problems: Problem[],
): void {
  const { file } = yaml;
  const problem = (path: readonly PropertyKey[], expected: string, found: string) =>
    problems.push({ file, line: yaml.line(path), path: path.map(String).join('.'), expected, found });

  const names = Object.keys((yaml.value as object | null) ?? {});
  const spare = names.filter((name) => !needs?.messages.includes(name));
  for (const name of needs?.messages ?? []) {
    if (names.includes(name)) continue;
    problems.push({
      file,
      path: name,
      expected: `an entry: the conversation uses this message${suggest(name, spare)}`,
      found: 'nothing',
    });
  }
  for (const [name, entry] of Object.entries(entries)) {
    if (entry === null || entry === undefined) continue;
    const media = (['video', 'photo', 'document', 'album'] as const).filter(
      (kind) => entry[kind] !== undefined,
    );
    if (media.length > 1)
      problem([name, media[1] ?? ''], 'one of video, photo, document, album', media.join(' and '));
    if (entry.plain === true && (media.length > 0 || (entry.buttons ?? []).length > 0)) {
      problem([name, 'plain'], 'a notice without media and buttons', 'some');
    }
    if (entry.album !== undefined) {
      const kinds = new Set(entry.album.map(kindOf));
      if (kinds.has('document') && kinds.size > 1)
        problem([name, 'album'], 'documents only, or none', show(entry.album));
      if ((entry.buttons ?? []).length > 0) {
        problem(
          [name, 'buttons'],
          'no buttons under an album (Telegram takes none; put them under the next message)',
          'some',
        );
      }
    }
    for (const [rowIndex, row] of (entry.buttons ?? []).entries()) {
      if ('topics' in row || 'languages' in row || 'link' in row) continue;
      for (const [index, { event, value }] of (Array.isArray(row) ? row : [row]).entries()) {
        const path = [name, 'buttons', rowIndex, ...(Array.isArray(row) ? [index] : [])];
        const data = value === undefined ? event : `${event}:${value}`;
        const bytes = Buffer.byteLength(data);
        if (bytes > 64)
          problem([...path, 'event'], 'event and value of at most 64 bytes together', `${bytes} bytes`);
        if (needs?.events !== undefined && !needs.events.includes(event)) {
          problem(
            [...path, 'event'],
            `one of ${needs.events.join(', ')}${suggest(event, needs.events)}`,
            show(event),
          );
        }
      }
    }
  }
}

/** Every place that uses a text. */
export function usesOf(
  messages: ReadonlyMap<string, MessageContent>,
  messagesYaml: Yaml | null,
  bot: Partial<BotFile>,
  botYaml: Yaml | null,
): Use[] {
  const at = (yaml: Yaml | null, path: readonly PropertyKey[]) =>
    yaml === null ? '' : `${yaml.file}:${yaml.line(path)}`;
  const label = (key: string, by: string): Use => ({ key, as: 'a label', most: 64, html: false, by });
  const plain = (key: string, as: string, most: number): Use => ({ key, as, most, html: false });
  const uses: Use[] = [
    plain('invoice-title', 'the title of an invoice', 32),
    plain('invoice-description', 'the description of an invoice', 255),
    plain('invoice-label', 'a label', 64),
    plain('button-stale', 'a notice', 200),
    plain('button-subscribe', 'a label', 64),
    plain('button-refund', 'a label', 100),
    plain('button-answer', 'a label', 64),
    plain('button-admit', 'a label', 64),
    plain('button-count', 'a label', 64),
    plain('button-refund-yes', 'a label', 64),
    plain('button-refund-no', 'a label', 64),
    plain('book-line', "a line of a person's book", 500),
    { key: 'media-failed', as: 'a part of a message', most: 500, html: true },
    plain('mydata', 'a caption', 1_024),
    { key: 'subscribe', as: 'a message', most: 4_096, html: true },
    plain('language-name', 'a label', 64),
    plain('name-unknown', 'a name', 64),
    plain('stars', 'a number of Stars', 40),
    ...commands.map((name) => plain(`command-${name}`, 'the description of a command', 256)),
  ];
  for (const [index, { id }] of (bot.topics ?? []).entries())
    uses.push(label(`topic-${id}`, at(botYaml, ['topics', index])));
  for (const [name, { text, plain, attachments, rows }] of messages) {
    const by = at(messagesYaml, [name]);
    if (plain) uses.push({ key: text, as: 'a notice', most: 200, html: false, by });
    else if (attachments.length > 0) uses.push({ key: text, as: 'a caption', most: 1_024, html: true, by });
    else uses.push({ key: text, as: 'a message', most: 4_096, html: true, by });
    for (const row of rows) {
      if (typeof row === 'string') continue;
      if ('club' in row) uses.push(label(row.club, by));
      else for (const { label: key } of row) uses.push(label(key, by));
    }
  }
  return uses;
}

/**
 * Checks the texts of all languages against each other and against their uses.
 * @param fallback the default language: what another one lacks is said in this one, and is only a warning. null: what is
 * missing cannot be told, and each text is checked by itself
 */
export function checkTexts(
  uses: readonly Use[],
  locales: ReadonlyMap<string, Locale>,
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
      checkText(key, ofKey, locale, problems);
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

/** Warns of messages that neither a conversation nor a topic sends. */
export function checkUnusedMessages(
  names: readonly string[],
  yaml: Yaml,
  bot: Partial<BotFile>,
  needs: Needs,
  warnings: Problem[],
): void {
  const sent = [...needs.messages, ...(bot.topics ?? []).map(({ material }) => material)];
  for (const name of names.filter((name) => !sent.includes(name))) {
    warnings.push({
      file: yaml.file,
      line: yaml.line([name]),
      path: name,
      expected: `a message that a conversation or a topic sends${suggest(name, sent)}`,
      found: 'one that nothing sends',
    });
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

function checkText(key: string, uses: readonly Use[], locale: Locale, problems: Problem[]): void {
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
    const length = new Map<string, number>(Object.entries(longest)).get(name);
    if (length === undefined) {
      const names = Object.keys(longest);
      problem(
        `a variable of ${names.map((known) => `$${known}`).join(', ')}${suggest(name, names)}`,
        `{ $${name} }`,
      );
    }
    // Counts two of Telegram's characters each: the longest that a variable can be.
    return '😀'.repeat(length ?? 1);
  };
  const missing = (reference: string) => problem('a text or term that exists', `{ ${reference} }`);
  for (const text of locale.variants(key, fill, missing)) {
    for (const { as, most, html } of uses) {
      const wrong = html ? htmlProblem(text) : /<\/?[a-z]|&(#\d+|#x[\da-f]+|[a-z]\w*);/i.exec(text)?.[0];
      if (wrong !== undefined) problem(html ? 'HTML that Telegram takes' : `no HTML in ${as}`, wrong);
      const { length } = html ? visibleText(text).trim() : text.trim();
      if (length === 0) problem(`at least one character for ${as}`, 'an empty text');
      if (length > most)
        problem(`at most ${most} characters for ${as}, with variables at their longest`, `${length}`);
    }
  }
}
