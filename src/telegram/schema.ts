import * as v from 'valibot';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type Problem, show, suggest } from './problem.ts';

/** A YAML file that could be read. */
export interface Yaml {
  readonly file: string;
  readonly value: unknown;
  /** The line of the nearest part of a path that is there. */
  line(path: readonly PropertyKey[]): number;
}

/** Reads YAML. @returns null when its syntax is wrong, with every such place among the problems */
export function parseYaml(file: string, source: string, problems: Problem[]): Yaml | null {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const faults = [...document.errors, ...document.warnings];
  let last = 0;
  for (const { message, pos } of faults) {
    const { line } = lines.linePos(pos[0]);
    // One slip often leads to several errors in its line: the first one tells.
    if (line !== last) problems.push({ file, line, path: '', expected: 'valid YAML', found: message });
    last = line;
  }
  if (faults.length > 0) return null;
  const line = (path: readonly PropertyKey[]): number => {
    let at = document.contents as Node | null;
    let offset = at?.range?.[0] ?? 0;
    for (const step of path) {
      let next: Node | null | undefined;
      if (isMap(at)) {
        const pair = at.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        if (pair === undefined) break;
        offset = (pair.key as Node).range?.[0] ?? offset;
        next = pair.value as Node | null;
      } else if (isSeq(at)) {
        next = at.items[Number(step)] as Node | undefined;
        offset = next?.range?.[0] ?? offset;
      }
      if (next === undefined || next === null) break;
      at = next;
    }
    return lines.linePos(offset).line;
  };
  return { file, value: document.toJS() as unknown, line };
}

/**
 * Holds a file against its shape, with every difference among the problems.
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
    const found = isUnknownKey ? show(path.at(-1)) : show(valueAt(yaml.value, path));
    problems.push({
      file: yaml.file,
      line: yaml.line(path),
      path: path.map(String).join('.'),
      expected: issue.message,
      found,
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

const expectationOf = (schema: unknown): string => {
  const { message } = schema as { message?: unknown };
  return typeof message === 'string' ? message : 'a value';
};

/** A mapping of these keys and no others; every unknown one is reported. */
function fields<E extends v.ObjectEntries>(entries: E, expected: string) {
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

const matching = (pattern: RegExp, expected: string) =>
  v.pipe(v.string(expected), v.regex(pattern, expected));
const whole = (least: number, most: number, expected: string) =>
  v.pipe(
    v.number(expected),
    v.safeInteger(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const delayExpected = 'a time such as 5m or 24h (units: ms, s, m, h, d), at most 366d';
const delay = v.pipe(
  matching(/^\d+(\.\d+)?\s*(ms|s|m|h|d)$/, delayExpected),
  v.transform((text) => Math.round(Number.parseFloat(text) * (units[text.replace(/[\d.\s]/g, '')] ?? 0))),
  v.maxValue(366 * 86_400_000, delayExpected),
);

/** Of products, topics: part of callback data and payloads, so kept short. */
const id = matching(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'an id: 1 to 32 of a–z, 0–9, "-" and "_"');
const messageName = matching(/^[a-z][a-z0-9_]*$/, 'the name of a message: a–z, 0–9 and "_"');
const currencies = new Set(['XTR', ...Intl.supportedValuesOf('currency')]);
const currency = v.pipe(
  v.string('XTR (Telegram Stars) or a currency code such as EUR'),
  v.check((code) => currencies.has(code), 'XTR (Telegram Stars) or a currency code such as EUR'),
);
const product = v.pipe(
  fields(
    {
      id,
      currency,
      price: v.number('a whole number: of Stars, or of the smallest units of another currency'),
      access_days: whole(0, 36_500, 'a whole number of days from 0 (for ever) to 36500'),
      subscription: v.optional(v.nullable(v.literal('monthly', 'monthly, or nothing'))),
    },
    'id, currency, price and access_days',
  ),
  v.forward(
    v.partialCheck(
      [['currency'], ['price'], ['subscription']],
      ({ currency, price, subscription }) =>
        subscription !== 'monthly' || (currency === 'XTR' && price <= 10_000),
      'nothing, or a product in XTR of at most 10000 Stars: Telegram renews no others',
    ),
    ['subscription'],
  ),
  v.forward(
    v.partialCheck(
      [['access_days'], ['subscription']],
      ({ access_days, subscription }) => subscription !== 'monthly' || access_days === 0,
      '0 with a subscription, which lasts for a month each time',
    ),
    ['access_days'],
  ),
  v.forward(
    v.partialCheck(
      [['currency'], ['price']],
      ({ currency, price }) =>
        currency !== 'XTR' || (Number.isInteger(price) && price >= 1 && price <= 100_000),
      'a whole number of Stars from 1 to 100000',
    ),
    ['price'],
  ),
  v.forward(
    v.partialCheck(
      [['currency'], ['price']],
      ({ currency, price }) =>
        currency === 'XTR' || (Number.isInteger(price) && price >= 1 && price <= 99_999_999),
      'a whole number of the smallest units of the currency (cents), from 1 to 99999999',
    ),
    ['price'],
  ),
);

export const botShape = fields(
  {
    default_language: v.string('a language that has a file in locales/'),
    product,
    club: v.optional(
      v.nullable(
        fields(
          {
            chat_id: v.nullable(
              v.pipe(
                v.number('the id of the club’s chat (a number such as -1001234567890), or nothing'),
                v.safeInteger('the id of the club’s chat (a number such as -1001234567890), or nothing'),
              ),
            ),
          },
          'chat_id',
        ),
      ),
    ),
    refund_duplicates: v.optional(v.nullable(v.boolean('true or false'))),
    delays: v.optional(v.nullable(v.record(v.string(), delay, 'names of delays, each with a time'))),
    topics: v.pipe(
      v.array(fields({ id, material: messageName }, 'id and material'), 'a list of topics'),
      v.minLength(1, 'at least one topic'),
      v.maxLength(50, 'at most 50 topics'),
    ),
  },
  'the settings of the bot',
);

const textKey = matching(/^[a-zA-Z][\w-]*$/, 'the key of a text in locales/');
const mediaFile = matching(/^[^/\\]+\.[a-z0-9]+$/i, 'the name of a file in media/');
const eventPattern = /^[a-z]+(\.[a-z_]+)+$/;
const button = fields(
  {
    label: textKey,
    event: matching(eventPattern, 'an event such as access.requested'),
    value: v.optional(matching(/^.+$/, 'a text')),
    when: v.optional(v.literal('renewable', 'renewable, or nothing')),
  },
  'label and event',
);
const clubButton = fields({ label: textKey, link: v.literal('club', 'club') }, 'label and link: club');
const topicRows = fields({ topics: v.literal(true, 'true') }, 'topics: true');
const languageRows = fields({ languages: v.literal(true, 'true') }, 'languages: true');
const row = v.lazy((input) => {
  if (Array.isArray(input))
    return v.pipe(
      v.array(button),
      v.minLength(1, 'at least one button'),
      v.maxLength(8, 'at most 8 buttons'),
    );
  if (typeof input === 'object' && input !== null && 'topics' in input) return topicRows;
  if (typeof input === 'object' && input !== null && 'languages' in input) return languageRows;
  if (typeof input === 'object' && input !== null && 'link' in input) return clubButton;
  return button;
});
const entry = v.nullable(
  fields(
    {
      text: v.optional(textKey),
      plain: v.optional(v.boolean('true or false')),
      protect_content: v.optional(v.boolean('true or false')),
      video: v.optional(mediaFile),
      photo: v.optional(mediaFile),
      document: v.optional(mediaFile),
      album: v.optional(
        v.pipe(
          v.array(mediaFile, 'a list of files'),
          v.minLength(2, 'from 2 to 10 files'),
          v.maxLength(10, 'from 2 to 10 files'),
        ),
      ),
      buttons: v.optional(v.array(row, 'a list of rows')),
    },
    'the settings of a message, or nothing',
  ),
);

export const messagesShape = v.record(messageName, entry, 'names of messages, each with its settings');

export type BotFile = v.InferOutput<typeof botShape>;
export type MessageEntry = v.InferOutput<typeof entry>;
