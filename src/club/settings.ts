import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type Content, type Examination, fields, matching, messageName, sections, whole } from '#content';
import { currencies, highestPrice, lowestPrice } from '#telegram';

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

/** What can be sold: access for ever, for some days, or by the month. */
export const sales = ['forever', 'days', 'subscription'] as const;
export type Sale = (typeof sales)[number];

/** What bot.yaml says of the product, the club and what can be chosen. */
export interface ClubSettings {
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
  /** In the order of their buttons; `material` is a message's name. */
  readonly topics: readonly { readonly id: string; readonly material: string }[];
}

/** The content of a bot that sells access to a club. */
export type ClubContent = Content<ClubSettings>;

/** Of products, topics: part of callback data and payloads, so kept short. */
const id = matching(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'an id: 1 to 32 of a–z, 0–9, "-" and "_"');

const currencyExpected = 'XTR (Telegram Stars), or the code of a currency that Telegram offers, such as EUR';
const currency = v.pipe(
  v.string(currencyExpected),
  v.check((code) => currencies.has(code), currencyExpected),
);
const isPrice = (price: number, currency: string): boolean =>
  Number.isInteger(price) && price >= lowestPrice(currency) && price <= highestPrice(currency);

function priceExpected(currency: string): string {
  if (currency === 'XTR') return `a whole number of Stars from 1 to ${highestPrice('XTR')}`;
  return currency === 'USD'
    ? `a whole number of cents from ${lowestPrice('USD')} (1.00 USD) to ${highestPrice('USD')} (10000.00 USD)`
    : 'a whole number of the smallest units of the currency (1900 is 19.00 EUR), worth 1 to 10000 US dollars';
}

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
      ({ currency, price }) => isPrice(price, currency),
      ({ input }) => priceExpected(input.currency),
    ),
    ['price'],
  ),
);

const clubExpected = 'the id of the club’s chat (a negative number such as -1001234567890), or nothing';
const club = fields(
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
    strangers: v.optional(v.nullable(v.picklist(['remove', 'tell', 'leave'], 'remove, tell or leave'))),
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
);

const topics = v.pipe(
  v.array(
    fields({ id, material: messageName }, 'id and material'),
    'a list of topics, each such as “- {id: focus, material: material_focus}”',
  ),
  v.minLength(1, 'at least one topic'),
  v.maxLength(50, 'at most 50 topics'),
);

/** The sections of bot.yaml that sell access to a club. */
export const clubSections = sections(
  {
    product,
    club: v.optional(v.nullable(club)),
    refund_duplicates: v.optional(v.nullable(v.boolean('true or false'))),
    topics,
  },
  {
    examine: ({ topics = [] }): Examination => ({
      problems: topics.flatMap(({ id }, index) => {
        const first = topics.findIndex((topic) => topic.id === id);
        const expected = `an id that topic ${first + 1} does not have already`;
        return first === index ? [] : [{ path: ['topics', index, 'id'], expected, found: id }];
      }),
      messages: topics.map(({ material: name }, index) => ({
        path: ['topics', index, 'material'],
        name,
        by: 'a topic',
      })),
      texts: topics.map(({ id }, index) => ({
        path: ['topics', index],
        key: `topic-${id}`,
        as: 'a label',
        most: 64,
      })),
    }),
    read: ({ product, club, refund_duplicates, topics }): ClubSettings => ({
      product: productOf(product),
      club: {
        chatId: club?.chat_id ?? null,
        strangers: club?.strangers ?? 'tell',
        whitelist: club?.whitelist ?? [],
      },
      refundsDuplicates: refund_duplicates ?? product.currency === 'XTR',
      topics: topics.map(({ id, material }) => ({ id, material })),
    }),
  },
);

function productOf({
  id,
  currency,
  price,
  access_days,
  subscription,
}: v.InferOutput<typeof product>): Product {
  const isSubscription = subscription === 'monthly';
  const accessDays = isSubscription ? 30 : access_days;
  const terms = [
    id,
    currency,
    price,
    ...(accessDays > 0 ? [accessDays] : []),
    ...(isSubscription ? ['monthly'] : []),
  ];
  const version = createHash('sha256').update(terms.join(':')).digest('hex').slice(0, 8);
  return { id, currency, price, accessDays, isSubscription, version };
}
