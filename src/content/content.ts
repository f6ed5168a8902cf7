import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BotFile, readBot } from './bot.ts';
import { checkMedia } from './files.ts';
import { type Locale, parseLocale, type Variables } from './locale.ts';
import { type Attachment, type Button, filesOf, type MessageContent } from './message.ts';
import { checkUnusedMessages, messageOf, readMessages } from './messages.ts';
import type { Needs } from './needs.ts';
import { type Problem, show, shown } from './problem.ts';
import { readSource } from './source.ts';
import { checkTexts, checkUnusedTexts, usesOf } from './texts.ts';
import { parseYaml, type Yaml } from './yaml.ts';

/** Everything that an operator edits, checked. */
export interface Content<Settings = unknown> {
  /** What the product's own sections of bot.yaml come to; undefined for a product without any. */
  readonly settings: Settings;
  /** By name, ms; only those that bot.yaml sets. */
  readonly delays: Readonly<Record<string, number>>;
  readonly messages: ReadonlyMap<string, MessageContent>;
  /** The default one first. */
  readonly languages: readonly string[];
  readonly defaultLanguage: string;
  /** The names of the commands that the menu shows, in order. */
  readonly commands: readonly string[];
  readonly mediaDir: string;
  /** The file of the media folder that an attachment is in a language, else in the default language. */
  fileOf(attachment: Attachment, language: string): string;
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

/**
 * Reads and checks a content folder: bot.yaml (which a product without settings may leave out), messages.yaml,
 * locales/<language>.ftl, media/.
 * @param needs what is asked of it. Default: nothing, and only the folder itself is checked
 * @returns the content with what could be better (texts that another language has to lend), or every problem at once, each
 * with its file and line
 */
export async function loadContent<Settings = undefined>(
  dir: string,
  needs: Needs<Settings> = {},
): Promise<
  | { readonly content: Content<Settings>; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] }
> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const [botYaml, messagesYaml, { locales, unread }] = await Promise.all([
    readYaml(dir, 'bot.yaml', needs.settings === undefined, problems),
    readYaml(dir, 'messages.yaml', false, problems),
    readLocales(dir, problems),
  ]);
  const known = [...locales.keys(), ...unread];
  const bot = botYaml === null ? unreadBot : readBot(botYaml, known, needs, problems);
  const language = bot.defaultLanguage;
  if (language !== undefined && (needs.commands ?? []).length > 0)
    checkMenuLanguages(locales, language, problems);

  const entries = messagesYaml === null ? {} : readMessages(messagesYaml, needs, bot, botYaml, problems);
  const settings = bot.sections === null ? null : readSettings(needs, bot.sections);
  const languages = language === undefined ? known : [language, ...known.filter((one) => one !== language)];
  const rowsOf = (kind: string): readonly Button[] =>
    settings === null ? [] : (needs.rows?.[kind]?.(settings.value, languages) ?? []);
  const messages = new Map(
    Object.entries(entries).map(([name, entry]) => [name, messageOf(name, entry ?? {}, rowsOf)]),
  );
  const uses = usesOf(needs, bot, botYaml, messages, messagesYaml);
  // What is missing or too much can be told only when everything that could name it has been read.
  const isWhole = language !== undefined && messagesYaml !== null && unread.length === 0;
  checkTexts(uses, locales, needs.variables ?? {}, isWhole ? language : null, problems, warnings);
  if (isWhole && needs.messages !== undefined) {
    checkUnusedMessages(messagesYaml, needs.messages, bot, warnings);
    checkUnusedTexts(uses, locales, warnings);
  }
  const absent = await checkMedia(dir, messages, messagesYaml, locales, language, problems, warnings);
  if (problems.length > 0 || settings === null || language === undefined)
    return { problems: problems.sort(byPlace) };
  const { value } = settings;
  const menu = (needs.commands ?? []).filter(({ isShown }) => isShown?.(value) ?? true);
  return {
    content: {
      settings: value,
      delays: bot.delays,
      messages,
      commands: menu.map(({ name }) => name),
      buttonData: new Set(
        [...messages.values()].flatMap(({ rows }) =>
          rows.flat().flatMap((button) => ('data' in button ? [button.data] : [])),
        ),
      ),
      ...spokenBy(locales, languages, language),
      ...filesBelow(dir, absent, language),
    },
    warnings: warnings.sort(byPlace),
  };
}

const unreadBot: BotFile = {
  defaultLanguage: undefined,
  delays: {},
  sections: null,
  named: { messages: [], texts: [] },
};

/** A product that asks for no sections has no settings. */
function readSettings<Settings>({ settings }: Needs<Settings>, found: object): { readonly value: Settings } {
  return { value: settings === undefined ? (undefined as Settings) : settings.read(found) };
}

const byPlace = (a: Problem, b: Problem): number =>
  a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0);

/** @param mayMiss a file that is not there is an empty one */
async function readYaml(
  dir: string,
  name: string,
  mayMiss: boolean,
  problems: Problem[],
): Promise<Yaml | null> {
  const [path, file] = [join(dir, name), shown(dir, name)];
  const isThere = !mayMiss || (await stat(path).catch(() => null)) !== null;
  const source = isThere ? await readSource(path, file, problems) : '';
  return source === null ? null : parseYaml(file, source, problems);
}

/** @returns the texts by language, and the languages whose file could not be read */
async function readLocales(dir: string, problems: Problem[]) {
  const folder = shown(dir, 'locales');
  const names = await readdir(join(dir, 'locales')).catch(() => []);
  const locales = new Map<string, Locale>();
  const unread: string[] = [];
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
      const source = await readSource(join(dir, 'locales', name), file, problems);
      if (source === null) unread.push(language);
      else locales.set(language, parseLocale(language, file, source, problems));
    }
  }
  if (locales.size === 0 && unread.length === 0) {
    problems.push({
      file: folder,
      path: '',
      expected: 'a Fluent file for each language, such as ru.ftl',
      found: 'none',
    });
  }
  return { locales, unread };
}

/** Telegram keeps a menu of commands for each language of two letters, and one for all others: that of the default language. */
function checkMenuLanguages(
  locales: ReadonlyMap<string, Locale>,
  fallback: string,
  problems: Problem[],
): void {
  for (const { language, file } of locales.values()) {
    if (language === fallback || /^[a-z]{2}$/.test(language)) continue;
    const [base = ''] = language.split('-', 1);
    const reason = 'Telegram takes a menu of commands for languages of two letters only';
    const instead =
      base.length === 2
        ? `${base}.ftl, which people whose Telegram speaks ${language} read as well`
        : 'a language of two letters';
    const expected = `${instead}: ${reason}`;
    problems.push({ file, path: '', expected, found: show(`${language}.ftl`) });
  }
}

/** @param languages the default one first */
function spokenBy(locales: ReadonlyMap<string, Locale>, languages: readonly string[], fallback: string) {
  const byCode = new Map(languages.map((language) => [language.toLowerCase(), language]));
  return {
    languages,
    defaultLanguage: fallback,
    format: (language: string, key: string, vars: Variables = {}, plain = false) =>
      locales.get(language)?.format(key, vars, plain) ??
      locales.get(fallback)?.format(key, vars, plain) ??
      key,
    pickLanguage: (code = '') => {
      const wanted = code.toLowerCase();
      return byCode.get(wanted) ?? byCode.get(wanted.split('-', 1)[0] ?? '') ?? fallback;
    },
  };
}

/** @param absent files that another language than the default one has to borrow */
function filesBelow(dir: string, absent: ReadonlySet<string>, fallback: string) {
  return {
    mediaDir: resolve(dir, 'media'),
    fileOf: (attachment: Attachment, language: string) => {
      const [file = attachment.file] = filesOf(attachment, [language]);
      return absent.has(file) ? (filesOf(attachment, [fallback])[0] ?? file) : file;
    },
  };
}
