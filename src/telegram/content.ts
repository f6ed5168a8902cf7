import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkBot, checkMedia, checkMessages, checkTexts, type Needs, usesOf } from './checks.ts';
import { type Locale, parseLocale, type Variables } from './locale.ts';
import { buttonsOf, type MessageContent, messageOf } from './message.ts';
import { type Problem, reason, show, shown } from './problem.ts';
import { type BotFile, botShape, matchShape, messagesShape, parseYaml, type Yaml } from './schema.ts';

export type { Needs } from './checks.ts';
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

async function readYaml(dir: string, name: string, problems: Problem[]): Promise<Yaml | null> {
  const file = shown(dir, name);
  try {
    return parseYaml(file, await readFile(join(dir, name), 'utf8'), problems);
  } catch (error) {
    problems.push({ file, path: '', expected: 'a file that can be read', found: reason(error) });
    return null;
  }
}

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
