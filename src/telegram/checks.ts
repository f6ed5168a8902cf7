import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { htmlProblem, visibleText } from './html.ts';
import type { Locale } from './locale.ts';
import { filesOf, kindOf, longest, type MessageContent } from './message.ts';
import { type Problem, reason, show, shown, suggest } from './problem.ts';
import type { BotFile, MessageEntry, Yaml } from './schema.ts';

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

const megabyte = 1024 * 1024;

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
  locales: ReadonlyMap<string, Locale>,
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
  if (language !== undefined && locales.size > 0 && !locales.has(language)) {
    problem(
      ['default_language'],
      `one of ${[...locales.keys()].join(', ')}, which have a file in locales/`,
      language,
    );
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
 * Holds the texts of all languages against each other and against their uses.
 * @param fallback the default language: what another one lacks is said in this one, and is only a warning
 */
export function checkTexts(
  uses: readonly Use[],
  locales: ReadonlyMap<string, Locale>,
  fallback: string | undefined,
  problems: Problem[],
  warnings: Problem[],
): void {
  const used = new Set(uses.map(({ key }) => key));
  const keys = new Map<string, string>();
  for (const { key, by, as } of uses)
    if (!keys.has(key)) keys.set(key, by === undefined ? as : `${as}, used in ${by}`);
  for (const { lines, file } of locales.values()) {
    for (const [key, line] of lines) if (!keys.has(key)) keys.set(key, `a text, as in ${file}:${line}`);
  }
  for (const locale of locales.values()) {
    for (const [key, wanted] of keys) {
      if (!locale.lines.has(key)) {
        const spare = [...locale.lines.keys()].filter(
          (other) => !used.has(other) && isOnlyIn(other, locale, locales),
        );
        const expected = wanted + suggest(key, spare);
        const isCovered =
          locale.language !== fallback && locales.get(fallback ?? '')?.lines.has(key) === true;
        const list = isCovered || !used.has(key) ? warnings : problems;
        list.push({ file: locale.file, path: key, expected, found: 'nothing' });
      } else {
        checkText(
          key,
          uses.filter((use) => use.key === key),
          locale,
          problems,
        );
      }
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
      const wrong = html ? htmlProblem(text) : /<\/?[a-z]/i.exec(text)?.[0];
      if (wrong !== undefined) problem(html ? 'HTML that Telegram takes' : `no HTML in ${as}`, wrong);
      const { length } = html ? visibleText(text).trim() : text.trim();
      if (length === 0) problem(`at least one character for ${as}`, 'an empty text');
      if (length > most)
        problem(`at most ${most} characters for ${as}, with variables at their longest`, `${length}`);
    }
  }
}

/**
 * Looks for every file that a message names.
 * @param fallback the default language: a file that another one lacks is borrowed from it
 * @returns the files that are not there
 */
export async function checkMedia(
  dir: string,
  messages: ReadonlyMap<string, MessageContent>,
  yaml: Yaml | null,
  locales: ReadonlyMap<string, Locale>,
  fallback: string | undefined,
  problems: Problem[],
  warnings: Problem[],
): Promise<ReadonlySet<string>> {
  const absent = new Set<string>();
  for (const [name, { attachments }] of messages) {
    for (const [index, attachment] of attachments.entries()) {
      const path = attachments.length > 1 ? [name, 'album', index] : [name, attachment.kind];
      const line = yaml?.line(path);
      const [lender] = filesOf(attachment, fallback === undefined ? [] : [fallback]);
      for (const file of filesOf(attachment, locales.keys())) {
        const most = attachment.kind === 'photo' ? 10 : 50;
        const expected = `a file of at most ${most} MB at ${shown(dir, 'media', file)}`;
        const found = await stat(join(dir, 'media', file)).then(
          (info) =>
            !info.isFile()
              ? 'no file'
              : info.size === 0
                ? 'an empty file'
                : info.size > most * megabyte
                  ? `${(info.size / megabyte).toFixed(1)} MB`
                  : null,
          (error: unknown) => (reason(error) === 'ENOENT' ? 'nothing' : reason(error)),
        );
        if (found !== null) {
          const isBorrowed = found === 'nothing' && lender !== undefined && file !== lender;
          if (isBorrowed) absent.add(file);
          (isBorrowed ? warnings : problems).push({
            file: yaml?.file ?? '',
            ...(line !== undefined && { line }),
            path: path.join('.'),
            expected,
            found,
          });
        }
      }
    }
  }
  return absent;
}
