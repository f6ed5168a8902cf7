import * as v from 'valibot';
import { currencies, highestPrice, lowestPrice } from './currency.ts';
import { type Problem, show, suggest } from './problem.ts';
import { gluedKey, type Yaml } from './yaml.ts';

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
const delayExpected = 'a time such as 5m or 24h (units: ms, s, m, h, d), more than 0 and at most 366d';
const delay = v.pipe(
  matching(/^\d+(\.\d+)?\s*(ms|s|m|h|d)$/, delayExpected),
  v.transform((text) => Math.round(Number.parseFloat(text) * (units[text.replace(/[\d.\s]/g, '')] ?? 0))),
  v.minValue(1, delayExpected),
  v.maxValue(366 * 86_400_000, delayExpected),
);

/** Of products, topics: part of callback data and payloads, so kept short. */
const id = matching(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'an id: 1 to 32 of a–z, 0–9, "-" and "_"');
const messageName = matching(/^[a-z][a-z0-9_]*$/, 'the name of a message: a–z, 0–9 and "_"');
const currencyExpected = 'XTR (Telegram Stars), or the code of a currency that Telegram offers, such as EUR';
const currency = v.pipe(
  v.string(currencyExpected),
  v.check((code) => currencies.has(code), currencyExpected),
);
const isPrice = (price: number, currency: string): boolean =>
  Number.isInteger(price) && price >= lowestPrice(currency) && price <= highestPrice(currency);
const product = v.pipe(
  fields(
    {
      id,
      currency,
      price: v.number('a whole number: of Stars, or of the smallest units of another currency'),
      access_days: whole(0, 36_500, 'a whole number of days from 0 (for ever) to 36500'),
      subscription: v.optional(v.nullable(v.literal('monthly', 'monthly, or nothing'))),
    },
    'its settings in lines of their own below it, indented by two spaces: id, currency, price, access_days',
  ),
  v.forward(
    v.partialCheck(
      [['currency'], ['subscription']],
      ({ currency, subscription }) => subscription !== 'monthly' || currency === 'XTR',
      'nothing, or a product in XTR: Telegram renews no others',
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
      ({ currency, price }) => currency !== 'XTR' || isPrice(price, currency),
      `a whole number of Stars from 1 to ${highestPrice('XTR')}`,
    ),
    ['price'],
  ),
  v.forward(
    v.partialCheck(
      [['currency'], ['price']],
      ({ currency, price }) => currency === 'USD' || currency === 'XTR' || isPrice(price, currency),
      'a whole number of the smallest units of the currency (1900 is 19.00 EUR), worth 1 to 10000 US dollars',
    ),
    ['price'],
  ),
  v.forward(
    v.partialCheck(
      [['currency'], ['price']],
      ({ currency, price }) => currency !== 'USD' || isPrice(price, currency),
      `a whole number of cents from ${lowestPrice('USD')} (1.00 USD) to ${highestPrice('USD')} (10000.00 USD)`,
    ),
    ['price'],
  ),
);

const clubExpected = 'the id of the club’s chat (a negative number such as -1001234567890), or nothing';

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
                v.number(clubExpected),
                v.safeInteger(clubExpected),
                v.maxValue(-1, clubExpected),
                v.check(
                  (id) => id >= 0 || id <= -1_000_000_000_001,
                  'a supergroup or a channel, whose id begins with -100 (a basic group becomes a supergroup when its history is made visible to new members; its id changes)',
                ),
              ),
            ),
            strangers: v.optional(
              v.nullable(v.picklist(['remove', 'tell', 'leave'], 'remove, tell or leave')),
            ),
            whitelist: v.optional(
              v.nullable(
                v.array(
                  whole(1, Number.MAX_SAFE_INTEGER, 'the id of a user, a number such as 11111111'),
                  'a list of user ids such as [11111111, 22222222]',
                ),
              ),
            ),
          },
          '“chat_id: -1001234567890” in a line of its own below it, indented by two spaces, or nothing',
        ),
      ),
    ),
    refund_duplicates: v.optional(v.nullable(v.boolean('true or false'))),
    delays: v.optional(v.nullable(v.record(v.string(), delay, 'names of delays, each with a time'))),
    topics: v.pipe(
      v.array(
        fields({ id, material: messageName }, 'id and material'),
        'a list of topics, each such as “- {id: focus, material: material_focus}”',
      ),
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
