import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  checkBot,
  checkMessages,
  checkTexts,
  checkUnusedMessages,
  checkUnusedTexts,
  type Needs,
  usesOf,
} from './checks.ts';
import { checkMedia } from './files.ts';
import { type Locale, parseLocale, type Variables } from './locale.ts';
import { type Attachment, buttonsOf, filesOf, type MessageContent, messageOf } from './message.ts';
import { type Problem, show, shown } from './problem.ts';
import { type BotFile, botShape, matchShape, messagesShape } from './schema.ts';
import { readSource } from './source.ts';
import { parseYaml, type Yaml } from './yaml.ts';

export type { Needs } from './checks.ts';
export { describeProblem, type Problem } from './problem.ts';

export interface Product {
  readonly id: string;
  /** XTR: Telegram Stars. */
  readonly currency: string;
  /** Whole Stars, or the smallest units of another currency. */
  readonly price: number;
  /** 0: for ever. A subscription lasts for 30 days each time. */
  readonly accessDays: number;
  /** Telegram renews it each month. */
  readonly isSubscription: boolean;
  /** Changes with any of the above, so that an invoice of an old offer is told apart. */
  readonly version: string;
}

/** Everything that an operator edits, checked. */
export interface Content {
  readonly product: Product;
  readonly club: {
    readonly chatId: number | null;
    /** What becomes of who came in without access. */
    readonly strangers: 'remove' | 'tell' | 'leave';
    /** User ids that may be inside without access. */
    readonly whitelist: readonly number[];
  };
  /** A second payment for the same is given back by the bot. */
  readonly refundsDuplicates: boolean;
  /** By name, ms; only those that are set. */
  readonly delays: Readonly<Record<string, number>>;
  /** In the order of their buttons; `material` is a message's name. */
  readonly topics: readonly { readonly id: string; readonly material: string }[];
  readonly messages: ReadonlyMap<string, MessageContent>;
  readonly languages: readonly string[];
  readonly defaultLanguage: string;
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
 * Reads and checks a content folder.
 * @param needs what the conversations use; without it, only the content itself is checked
 * @returns the content with what could be better (texts that another language has to lend), or every problem at once
 */
export async function loadContent(
  dir: string,
  needs?: Needs,
): Promise<
  | { readonly content: Content; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] }
> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const [botYaml, messagesYaml, { locales, unread }] = await Promise.all([
    readYaml(dir, 'bot.yaml', problems),
    readYaml(dir, 'messages.yaml', problems),
    readLocales(dir, problems),
  ]);
  const bot = botYaml === null ? {} : matchShape(botShape, botYaml, problems);
  const entries = messagesYaml === null ? {} : matchShape(messagesShape, messagesYaml, problems);
  const messages = new Map(
    Object.entries(entries).map(([name, entry]) => [name, messageOf(name, entry ?? {})]),
  );

  const known = [...locales.keys(), ...unread];
  if (botYaml !== null) checkBot(bot, botYaml, messagesYaml, known, needs, problems);
  if (messagesYaml !== null) checkMessages(entries, messagesYaml, needs, problems);
  const language = bot.default_language;
  // What is missing or too much can be told only when everything that could name it has been read.
  const isWhole = language !== undefined && messagesYaml !== null && unread.length === 0;
  const uses = usesOf(messages, messagesYaml, bot, botYaml);
  checkTexts(uses, locales, isWhole ? language : null, problems, warnings);
  if (isWhole && needs !== undefined) {
    checkUnusedMessages(Object.keys(entries), messagesYaml, bot, needs, warnings);
    checkUnusedTexts(uses, locales, warnings);
  }
  const absent = await checkMedia(dir, messages, messagesYaml, locales, language, problems, warnings);
  if (problems.length > 0) return { problems: problems.sort(byPlace) };
  return { content: build(dir, bot as BotFile, messages, locales, absent), warnings: warnings.sort(byPlace) };
}

const byPlace = (a: Problem, b: Problem): number =>
  a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0);

async function readYaml(dir: string, name: string, problems: Problem[]): Promise<Yaml | null> {
  const file = shown(dir, name);
  const source = await readSource(join(dir, name), file, problems);
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

function build(
  dir: string,
  bot: BotFile,
  messages: ReadonlyMap<string, MessageContent>,
  locales: ReadonlyMap<string, Locale>,
  absent: ReadonlySet<string>,
): Content {
  const { id, currency, price, subscription } = bot.product;
  const isSubscription = subscription === 'monthly';
  const accessDays = isSubscription ? 30 : bot.product.access_days;
  const terms = [
    id,
    currency,
    price,
    ...(accessDays > 0 ? [accessDays] : []),
    ...(isSubscription ? ['monthly'] : []),
  ];
  const version = createHash('sha256').update(terms.join(':')).digest('hex').slice(0, 8);
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
    product: { id, currency, price, accessDays, isSubscription, version },
    club: {
      chatId: bot.club?.chat_id ?? null,
      strangers: bot.club?.strangers ?? 'tell',
      whitelist: bot.club?.whitelist ?? [],
    },
    refundsDuplicates: bot.refund_duplicates ?? currency === 'XTR',
    delays: bot.delays ?? {},
    topics,
    messages,
    languages,
    defaultLanguage,
    mediaDir: resolve(dir, 'media'),
    fileOf: (attachment, language) => {
      const [file = attachment.file] = filesOf(attachment, [language]);
      return absent.has(file) ? (filesOf(attachment, [defaultLanguage])[0] ?? file) : file;
    },
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
