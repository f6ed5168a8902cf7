import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { htmlProblem, visibleText } from './html.ts';
import { type Locale, parseLocale, type Variables } from './locale.ts';
import { type Problem, show, suggest } from './problem.ts';
import {
  type BotFile,
  botShape,
  type MessageEntry,
  matchShape,
  messagesShape,
  parseYaml,
  type Yaml,
} from './schema.ts';

export { describeProblem, type Problem } from './problem.ts';

export interface Product {
  readonly id: string;
  /** XTR: Telegram Stars. */
  readonly currency: string;
  /** Whole Stars, or the smallest units of another currency. */
  readonly price: number;
  /** 0: for ever. */
  readonly accessDays: number;
  /** Changes with id, currency and price, so that an invoice of an old price is told apart. */
  readonly version: string;
}

export interface Attachment {
  readonly kind: 'video' | 'photo' | 'document';
  /** In the media folder; `$language` in it stands for the person's language. */
  readonly file: string;
}

export interface Button {
  /** The key of its label. */
  readonly label: string;
  /** Callback data: the event's type, and `:value` when it has one. */
  readonly data: string;
}

/** `topics` and `languages` make one row for each of them. */
export type Row = 'topics' | 'languages' | readonly Button[];

export interface MessageContent {
  /** The key of its text. */
  readonly text: string;
  /** Shown by Telegram as a notice, without formatting. */
  readonly plain: boolean;
  /** None: a text; one: its text is the caption; more: an album, captioned at its first. */
  readonly attachments: readonly Attachment[];
  readonly rows: readonly Row[];
}

/** Everything that an operator edits, checked. */
export interface Content {
  readonly product: Product;
  readonly club: { readonly chatId: number | null };
  /** By name, ms; only those that are set. */
  readonly delays: Readonly<Record<string, number>>;
  /** In the order of their buttons; `material` is a message's name. */
  readonly topics: readonly { readonly id: string; readonly material: string }[];
  readonly messages: ReadonlyMap<string, MessageContent>;
  readonly languages: readonly string[];
  readonly defaultLanguage: string;
  readonly mediaDir: string;
  /**
   * Formats a Fluent key in a language, falling back to the default language, then to the key itself.
   * Variables are HTML-escaped unless `plain`.
   */
  format(language: string, key: string, vars?: Variables, plain?: boolean): string;
  /** Every callback data that a button of this content can carry, for telling forged or outdated ones. */
  readonly buttonData: ReadonlySet<string>;
  /** Telegram's language code (`pt-BR`, undefined) to a supported one. */
  pickLanguage(code: string | undefined): string;
}

/** What the conversations ask of the content. */
export interface Needs {
  /** Names of messages that are sent. */
  readonly messages: readonly string[];
  /** Names of delays that exist. */
  readonly delays: readonly string[];
  /** Events that a button may cause; without them, any. */
  readonly events?: readonly string[];
}

/** The variables that every text may use, with the most characters each can have. */
export const longest = {
  name: 64,
  username: 33,
  chat: 20,
  text: 500,
  charge: 256,
  price: 40,
  amount: 12,
  currency: 3,
  days: 6,
  topic: 64,
  topics: 4,
  paid: 40,
} as const satisfies Readonly<Record<string, number>>;

/** The commands of the menu; each has a description `command-<name>`. */
export const commands = ['start', 'status', 'language', 'terms', 'paysupport', 'help'] as const;

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

/**
 * Reads and checks a content folder.
 * @param needs what the conversations use; without it, only the content itself is checked
 * @returns the content, or every problem at once
 */
export async function loadContent(
  dir: string,
  needs?: Needs,
): Promise<{ readonly content: Content } | { readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const [botYaml, messagesYaml, locales] = await Promise.all([
    readYaml(dir, 'bot.yaml', problems),
    readYaml(dir, 'messages.yaml', problems),
    readLocales(dir, problems),
  ]);
  const bot = botYaml === null ? {} : matchShape(botShape, botYaml, problems);
  const entries = messagesYaml === null ? {} : matchShape(messagesShape, messagesYaml, problems);
  const messages = new Map(
    Object.entries(entries).map(([name, entry]) => [name, messageOf(name, entry ?? {})]),
  );

  if (botYaml !== null) checkBot(bot, botYaml, messagesYaml, locales, needs, problems);
  if (messagesYaml !== null) checkMessages(entries, messagesYaml, needs, problems);
  checkTexts(usesOf(messages, messagesYaml, bot, botYaml), locales, problems);
  await checkMedia(dir, messages, messagesYaml, locales, problems);
  if (problems.length > 0) return { problems: problems.sort(byPlace) };
  return { content: build(dir, bot as BotFile, messages, locales) };
}

const byPlace = (a: Problem, b: Problem): number =>
  a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0);

/** A path as an operator would type it. */
function shown(...parts: string[]): string {
  const path = resolve(...parts);
  const below = relative(process.cwd(), path);
  return below.startsWith('..') || isAbsolute(below) ? path : below;
}

async function readYaml(dir: string, name: string, problems: Problem[]): Promise<Yaml | null> {
  const file = shown(dir, name);
  try {
    return parseYaml(file, await readFile(join(dir, name), 'utf8'), problems);
  } catch (error) {
    problems.push({ file, path: '', expected: 'a file that can be read', found: reason(error) });
    return null;
  }
}

const reason = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

async function readLocales(dir: string, problems: Problem[]): Promise<ReadonlyMap<string, Locale>> {
  const folder = shown(dir, 'locales');
  const names = await readdir(join(dir, 'locales')).catch(() => []);
  const locales = new Map<string, Locale>();
  for (const name of names.filter((name) => name.endsWith('.ftl')).sort()) {
    const file = shown(dir, 'locales', name);
    const language = name.slice(0, -4);
    if (!/^[a-z]{2,3}(-[A-Za-z]{2,4})?$/.test(language)) {
      problems.push({
        file,
        path: '',
        expected: 'a language code as its name, such as ru.ftl or pt-BR.ftl',
        found: show(name),
      });
    } else {
      locales.set(
        language,
        parseLocale(language, file, await readFile(join(dir, 'locales', name), 'utf8'), problems),
      );
    }
  }
  if (locales.size === 0) {
    problems.push({
      file: folder,
      path: '',
      expected: 'a Fluent file for each language, such as ru.ftl',
      found: 'none',
    });
  }
  return locales;
}

function messageOf(name: string, entry: NonNullable<MessageEntry>): MessageContent {
  const { video, photo, document, album = [] } = entry;
  const attachments: Attachment[] = album.map((file) => ({ kind: kindOf(file), file }));
  if (video !== undefined) attachments.push({ kind: 'video', file: video });
  if (photo !== undefined) attachments.push({ kind: 'photo', file: photo });
  if (document !== undefined) attachments.push({ kind: 'document', file: document });
  const rows = (entry.buttons ?? []).map((row): Row => {
    if ('topics' in row) return 'topics';
    if ('languages' in row) return 'languages';
    return (Array.isArray(row) ? row : [row]).map(({ label, event, value }) => ({
      label,
      data: value === undefined ? event : `${event}:${value}`,
    }));
  });
  return { text: entry.text ?? name.replaceAll('_', '-'), plain: entry.plain ?? false, attachments, rows };
}

/** How a file of an album is sent, by its ending. */
function kindOf(file: string): Attachment['kind'] {
  if (/\.(jpe?g|png|webp)$/i.test(file)) return 'photo';
  return /\.(mp4|mov|m4v)$/i.test(file) ? 'video' : 'document';
}

function checkBot(
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

function checkMessages(
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
      if ('topics' in row || 'languages' in row) continue;
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
function usesOf(
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
      for (const { label: key } of row) uses.push(label(key, by));
    }
  }
  return uses;
}

/** Holds the texts of all languages against each other and against their uses. */
function checkTexts(uses: readonly Use[], locales: ReadonlyMap<string, Locale>, problems: Problem[]): void {
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
        problems.push({ file: locale.file, path: key, expected, found: 'nothing' });
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

/** The files that an attachment stands for: one, or one for each language. */
export const filesOf = ({ file }: Attachment, languages: Iterable<string>): string[] =>
  file.includes('$language')
    ? [...languages].map((language) => file.replaceAll('$language', language))
    : [file];

async function checkMedia(
  dir: string,
  messages: ReadonlyMap<string, MessageContent>,
  yaml: Yaml | null,
  locales: ReadonlyMap<string, Locale>,
  problems: Problem[],
): Promise<void> {
  for (const [name, { attachments }] of messages) {
    for (const [index, attachment] of attachments.entries()) {
      const path = attachments.length > 1 ? [name, 'album', index] : [name, attachment.kind];
      const line = yaml?.line(path);
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
          problems.push({
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
}

function build(
  dir: string,
  bot: BotFile,
  messages: ReadonlyMap<string, MessageContent>,
  locales: ReadonlyMap<string, Locale>,
): Content {
  const { id, currency, price, access_days: accessDays } = bot.product;
  const version = createHash('sha256').update(`${id}:${currency}:${price}`).digest('hex').slice(0, 8);
  const defaultLanguage = bot.default_language;
  const languages = [
    defaultLanguage,
    ...[...locales.keys()].filter((language) => language !== defaultLanguage),
  ];
  const topics = bot.topics.map(({ id, material }) => ({ id, material }));
  const byCode = new Map(languages.map((language) => [language.toLowerCase(), language]));
  const buttonData = new Set<string>();
  for (const { rows } of messages.values()) {
    for (const row of rows) {
      for (const { data } of buttonsOf(row, topics, languages)) buttonData.add(data);
    }
  }
  return {
    product: { id, currency, price, accessDays, version },
    club: { chatId: bot.club?.chat_id ?? null },
    delays: bot.delays ?? {},
    topics,
    messages,
    languages,
    defaultLanguage,
    mediaDir: resolve(dir, 'media'),
    format: (language, key, vars = {}, plain = false) =>
      locales.get(language)?.format(key, vars, plain) ??
      locales.get(defaultLanguage)?.format(key, vars, plain) ??
      key,
    buttonData,
    pickLanguage: (code = '') => {
      const wanted = code.toLowerCase();
      return byCode.get(wanted) ?? byCode.get(wanted.split('-', 1)[0] ?? '') ?? defaultLanguage;
    },
  };
}

/** The buttons that a row stands for. Those of topics and languages are to stand one under another. */
export function buttonsOf(
  row: Row,
  topics: readonly { readonly id: string }[],
  languages: readonly string[],
): readonly (Button & { readonly language?: string })[] {
  if (row === 'topics')
    return topics.map(({ id }) => ({ label: `topic-${id}`, data: `topic.selected:${id}` }));
  if (row === 'languages') {
    return languages.map((language) => ({
      label: 'language-name',
      data: `language.selected:${language}`,
      language,
    }));
  }
  return row;
}
