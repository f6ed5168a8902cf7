import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { machines } from '../../src/club/club.ts';
import { clubNeedsOf } from '../../src/club/conversation.ts';
import type { ClubContent } from '../../src/club/settings.ts';
import { loadContent } from '../../src/content/content.ts';
import { describeProblem } from '../../src/content/problem.ts';

import { type Edit, edited } from '../support/content.ts';

const needs = clubNeedsOf(machines);

async function problemsIn(folder: string): Promise<string[]> {
  const loaded = await loadContent(folder, needs);
  return 'problems' in loaded
    ? loaded.problems.map((problem) => describeProblem(problem).replaceAll(`${folder}/`, ''))
    : [];
}

const problemsAfter = async (...edits: Edit[]) => problemsIn(await edited(...edits));

async function shipped(): Promise<ClubContent> {
  const loaded = await loadContent('content', needs);
  if ('problems' in loaded) throw new Error(loaded.problems.map(describeProblem).join('\n'));
  return loaded.content;
}

describe('the shipped content', () => {
  it('has no problems', async () => {
    expect(await problemsIn('content')).toEqual([]);
  });

  it('says what it sells, how long it waits, and what can be chosen', async () => {
    const { settings, delays, languages, defaultLanguage } = await shipped();
    const { product, club, topics } = settings;
    expect(product).toMatchObject({ id: 'club', currency: 'XTR', price: 250, accessDays: 0 });
    expect(club).toEqual({ chatId: null, strangers: 'tell', whitelist: [] });
    expect(delays).toEqual({
      payment_reminder: 300_000,
      second_reminder: 86_400_000,
      offer_expiry: 259_200_000,
      topic_reminder: 3_600_000,
      second_topic_reminder: 90_000_000,
      follow_up: 86_400_000,
      invite_retry: 900_000,
      removal_retry: 3_600_000,
      refund_retry: 3_600_000,
      answer_expiry: 3_600_000,
      idle_ttl: 3_600_000,
      memory_ttl: 7_776_000_000,
      blocked_ttl: 7_776_000_000,
    });
    expect(topics.map(({ id }) => id)).toEqual(['focus', 'week', 'rhythm']);
    expect([languages, defaultLanguage]).toEqual([['ru', 'en'], 'ru']);
  });

  it('keeps the words that people know', async () => {
    const { format } = await shipped();
    expect([format('ru', 'button-access'), format('en', 'button-access')]).toEqual([
      'Получить доступ',
      'Get access',
    ]);
    expect([format('ru', 'button-pay'), format('en', 'button-pay')]).toEqual(['Оплатить', 'Pay']);
    expect(format('ru', 'payment-reminder')).toContain('3 ловушки');
    expect(format('en', 'payment-reminder')).toContain('3 traps');
  });

  it('knows every callback data that its buttons carry, and no other', async () => {
    const { buttonData } = await shipped();
    expect([...buttonData].sort()).toEqual([
      'access.requested',
      'club.requested',
      'forget.confirmed',
      'invoice.requested',
      'language.selected:en',
      'language.selected:ru',
      'topic.selected:focus',
      'topic.selected:rhythm',
      'topic.selected:week',
    ]);
  });

  it('gives the product another version when its price, currency, id or time changes, and only then', async () => {
    const versionAfter = async (...edits: Edit[]) => {
      const loaded = await loadContent(await edited(...edits), needs);
      return 'content' in loaded ? loaded.content.settings.product.version : loaded.problems;
    };
    const { version } = (await shipped()).settings.product;
    expect(await versionAfter(['bot.yaml', 'follow_up: 24h', 'follow_up: 25h'])).toBe(version);
    const others = await Promise.all([
      versionAfter(['bot.yaml', 'price: 250', 'price: 251']),
      versionAfter(['bot.yaml', 'currency: XTR', 'currency: EUR']),
      versionAfter(['bot.yaml', 'id: club', 'id: klub']),
      versionAfter(['bot.yaml', 'access_days: 0', 'access_days: 30']),
      versionAfter(['bot.yaml', 'subscription:', 'subscription: monthly']),
    ]);
    expect(new Set([version, ...others]).size).toBe(6);
  });
});

it('the words decline numbers', async () => {
  const { format } = await shipped();
  const ru = [1, 2, 5, 11, 21, 1_500].map((amount) => format('ru', 'stars', { amount }));
  expect(ru).toEqual(['1 звезда', '2 звезды', '5 звёзд', '11 звёзд', '21 звезда', '1\u00a0500 звёзд']);
  expect([1, 2].map((amount) => format('en', 'stars', { amount }))).toEqual(['1 Star', '2 Stars']);
  expect([0, 1, 30].map((days) => format('ru', 'access-length', { days }))).toEqual([
    'навсегда',
    'на 1 день',
    'на 30 дней',
  ]);
});

describe('a mistake in bot.yaml is named with its line', () => {
  const at = async (text: string): Promise<number> => {
    const lines = (await readFile('content/bot.yaml', 'utf8')).split('\n');
    return lines.findIndex((line) => line.includes(text)) + 1;
  };

  it.each<[string, string, string, string, string]>([
    [
      'a price with a fraction',
      'price: 250',
      'price: 4.5',
      'product.price',
      'expected a whole number of Stars from 1 to 10000, found 4.5',
    ],
    [
      'no price worth the name',
      'price: 250',
      'price: cheap',
      'product.price',
      'expected a whole number: of Stars, or of the smallest units of another currency, found "cheap"',
    ],
    [
      'a price of nothing',
      'price: 250',
      'price: 0',
      'product.price',
      'expected a whole number of Stars from 1 to 10000, found 0',
    ],
    [
      'an unknown currency',
      'currency: XTR',
      'currency: STARS',
      'product.currency',
      'expected XTR (Telegram Stars), or the code of a currency that Telegram offers, such as EUR, found "STARS"',
    ],
    [
      'a currency in small letters',
      'currency: XTR',
      'currency: eur',
      'product.currency',
      'expected XTR (Telegram Stars), or the code of a currency that Telegram offers, such as EUR, found "eur"',
    ],
    [
      'a price above what Telegram takes in Stars',
      'price: 250',
      'price: 10001',
      'product.price',
      'expected a whole number of Stars from 1 to 10000, found 10001',
    ],
    [
      'a currency that Telegram does not offer',
      'currency: XTR',
      'currency: FJD',
      'product.currency',
      'expected XTR (Telegram Stars), or the code of a currency that Telegram offers, such as EUR, found "FJD"',
    ],
    [
      'a delay of nothing',
      'payment_reminder: 5m',
      'payment_reminder: 0s',
      'delays.payment_reminder',
      'expected a time such as 5m or 24h (units: ms, s, m, h, d), more than 0 and at most 366d, found "0s"',
    ],
    [
      'a person in the place of the club',
      'chat_id:',
      'chat_id: 42',
      'club.chat_id',
      'expected the id of the club’s chat (a negative number such as -1001234567890), or nothing, found 42',
    ],
    [
      'a basic group in the place of the club',
      'chat_id:',
      'chat_id: -4242',
      'club.chat_id',
      'expected a supergroup or a channel, whose id begins with -100 (a basic group becomes a supergroup when its history is made visible to new members; its id changes), found -4242',
    ],
    [
      'a misspelt key',
      'access_days: 0',
      'acces_days: 0',
      'product.acces_days',
      'expected one of id, currency, price, access_days, subscription (did you mean "access_days"?), found "acces_days"',
    ],
    [
      'a delay without a unit',
      'payment_reminder: 5m',
      'payment_reminder: 5',
      'delays.payment_reminder',
      'expected a time such as 5m or 24h (units: ms, s, m, h, d), more than 0 and at most 366d, found 5',
    ],
    [
      'a delay with a strange unit',
      'follow_up: 24h',
      'follow_up: 1w',
      'delays.follow_up',
      'expected a time such as 5m or 24h (units: ms, s, m, h, d), more than 0 and at most 366d, found "1w"',
    ],
    [
      'a delay that nothing uses',
      'follow_up: 24h',
      'folow_up: 24h',
      'delays.folow_up',
      `expected one of ${needs.delays.join(', ')} (did you mean "follow_up"?), found "folow_up"`,
    ],
    [
      'a language without texts',
      'default_language: ru',
      'default_language: de',
      'default_language',
      'expected one of en, ru, which have a file in locales/, found "de"',
    ],
    [
      'two topics with one id',
      'id: week',
      'id: focus',
      'topics.1.id',
      'expected an id that topic 1 does not have already, found "focus"',
    ],
    [
      'a topic whose material is missing',
      'material: material_week',
      'material: materal_week',
      'topics.1.material',
      'expected a message of messages.yaml (did you mean "material_week"?), found "materal_week"',
    ],
    [
      'a topic’s id that would not fit a button',
      'id: week',
      'id: "Week 1"',
      'topics.1.id',
      'expected an id: 1 to 32 of a–z, 0–9, "-" and "_", found "Week 1"',
    ],
    [
      'a chat that is no number',
      'chat_id:',
      'chat_id: "@club"',
      'club.chat_id',
      'expected the id of the club’s chat (a negative number such as -1001234567890), or nothing, found "@club"',
    ],
  ])('%s', async (_, from, to, path, text) => {
    const lines = await problemsAfter(['bot.yaml', from, to]);
    expect(lines).toContain(`bot.yaml:${await at(from)} ${path}: ${text}`);
  });

  it('a key without a space before its value, alone or with others below it', async () => {
    const glued: Edit = ['bot.yaml', 'chat_id:', 'chat_id:-1001234567890'];
    const text =
      'expected a space after the colon: "chat_id: -1001234567890", found "chat_id:-1001234567890"';
    const line = await at('chat_id:');
    expect(await problemsAfter(glued)).toEqual([`bot.yaml:${line}: ${text}`]);
    const alone: Edit[] = [
      ['bot.yaml', '  strangers: tell\n', ''],
      ['bot.yaml', '  whitelist: []\n', ''],
    ];
    expect(await problemsAfter(...alone, glued)).toEqual([`bot.yaml:${line} club: ${text}`]);
  });

  it('a missing price, at the product it is missing from', async () => {
    const [line, ...others] = await problemsAfter(['bot.yaml', /\n {2}price: 250/, '']);
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^bot\.yaml:\d+ product\.price: expected a whole number: of Stars, .*, found nothing$/,
    );
  });

  it.each([
    ['USD', 99, 'a whole number of cents from 100 (1.00 USD) to 1000000 (10000.00 USD)'],
    ['USD', 1_000_001, 'a whole number of cents from 100 (1.00 USD) to 1000000 (10000.00 USD)'],
    [
      'UZS',
      12.5,
      'a whole number of the smallest units of the currency (1900 is 19.00 EUR), worth 1 to 10000 US dollars',
    ],
  ])('a price that is none in %s: %d', async (currency, price, expected) => {
    expect(
      await problemsAfter(
        ['bot.yaml', 'currency: XTR', `currency: ${currency}`],
        ['bot.yaml', 'price: 250', `price: ${price}`],
      ),
    ).toEqual([`bot.yaml:${await at('price: 250')} product.price: expected ${expected}, found ${price}`]);
  });

  it('ten thousand dollars in the coins of Uzbekistan are no mistake', async () => {
    expect(
      await problemsAfter(
        ['bot.yaml', 'currency: XTR', 'currency: UZS'],
        ['bot.yaml', 'price: 250', 'price: 10713612481'],
      ),
    ).toEqual([]);
  });

  it('nothing at all where settings belong, with the way to write them', async () => {
    const [line, ...others] = await problemsAfter(['bot.yaml', /\nproduct:[\s\S]*?\nrefund_/, '\nrefund_']);
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^bot\.yaml:\d+ product: expected its settings in lines of their own below it, indented by two spaces: id, currency, price, access_days, found nothing$/,
    );
  });

  it('a key given twice', async () => {
    const line = await at('price: 250');
    expect(await problemsAfter(['bot.yaml', 'price: 250', 'price: 250\n  price: 300'])).toEqual([
      `bot.yaml:${line + 1}: expected each key once, found "price: 300"`,
    ]);
  });

  it('a missing file, without hiding what else is wrong', async () => {
    const folder = await edited(['messages.yaml', 'video: traps.mp4', 'video: trap.mp4']);
    await rm(join(folder, 'bot.yaml'));
    const lines = await problemsIn(folder);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe('bot.yaml: expected a file that can be read, found ENOENT');
    expect(lines[1]).toContain('payment_reminder.video');
  });
});

describe('a mistake in messages.yaml is named with its line', () => {
  it('a message that the conversation sends and nobody wrote', async () => {
    expect(
      await problemsAfter(['messages.yaml', '\noffer_expired:', '\noffer_expird:\n  text: offer-expired']),
    ).toEqual([
      'messages.yaml offer_expired: expected an entry: the conversation uses this message (did you mean "offer_expird"?), found nothing',
    ]);
  });

  const events = (needs.events ?? []).join(', ');
  it.each<[string, from: string, to: string, path: string, text: string]>([
    [
      'an event that no conversation takes',
      'event: invoice.requested}',
      'event: invoice.request}',
      'status_awaiting_payment.buttons.0.event',
      `one of ${events} (did you mean "invoice.requested"?), found "invoice.request"`,
    ],
    [
      'topics that are not true',
      'choose_topic:\n  buttons:\n    - topics: true',
      'choose_topic:\n  buttons:\n    - topics: 1',
      'choose_topic.buttons.0.topics',
      'true, found 1',
    ],
  ])('%s', async (_, from, to, path, text) => {
    const folder = await edited(['messages.yaml', from, to]);
    const source = await readFile(join(folder, 'messages.yaml'), 'utf8');
    const asked = to.split('\n').at(-1) ?? '';
    const line = source.slice(0, source.indexOf(to) + to.indexOf(asked)).split('\n').length;
    expect(await problemsIn(folder)).toContain(`messages.yaml:${line} ${path}: expected ${text}`);
  });
});

describe('a mistake in a locale is named with its line', () => {
  const at = async (text: string): Promise<number> =>
    (await readFile('content/locales/en.ftl', 'utf8'))
      .split('\n')
      .findIndex((line) => line.startsWith(text)) + 1;

  it.each<[string, string | RegExp, string, string, string]>([
    [
      'an unknown variable',
      'button-pay = Pay',
      'button-pay = Pay { $prise }',
      'button-pay',
      'expected a variable of $name, $username, $chat, $text, $charge, $price, $amount, $currency, $days, $topic, $topics, $paid, $until, $left, $plan, $payments, $answer, $reason, $count, $act, $by, $access, $book, $people, $removed, $club, $place, $trouble (did you mean "price"?), found { $prise }',
    ],
    [
      'a title too long for an invoice',
      'invoice-title = The First Step Club',
      `invoice-title = ${'T'.repeat(33)}`,
      'invoice-title',
      'expected at most 32 characters for the title of an invoice, with variables at their longest, found 33',
    ],
    [
      'a description too long for an invoice',
      /invoice-description = .*/,
      `invoice-description = ${'T'.repeat(256)}`,
      'invoice-description',
      'expected at most 255 characters for the description of an invoice, with variables at their longest, found 256',
    ],
    [
      'a text too long once a name stands in it',
      /offer-again = .*/,
      `offer-again = ${'T'.repeat(4_090)} { $name }`,
      'offer-again',
      'expected at most 4096 characters for a message, with variables at their longest, found 4219',
    ],
  ])('%s', async (_, from, to, key, text) => {
    expect(await problemsAfter(['locales/en.ftl', from, to])).toContain(
      `locales/en.ftl:${await at(key)} ${key}: ${text}`,
    );
  });

  it('a text that the default language lacks, with the place where another has it', async () => {
    expect(await problemsAfter(['locales/ru.ftl', 'another-topic =', 'another-topik ='])).toEqual([
      expect.stringMatching(
        /^locales\/ru\.ftl another-topic: expected a message, used in messages\.yaml:\d+ \(did you mean "another-topik"\?\), found nothing$/,
      ),
    ]);
  });

  it('a message and a text that nothing uses are warnings', async () => {
    const folder = await edited(
      ['messages.yaml', '\nwelcome:', '\nwelcome_old:\nwelcome:'],
      ['locales/en.ftl', 'button-pay = Pay', 'button-pay = Pay\nbutton-buy = { -word }\n-word = Buy'],
      ['locales/ru.ftl', 'button-pay = Оплатить', 'button-pay = { -word }\n-word = Оплатить'],
      ['locales/en.ftl', 'welcome =', 'welcome-old = Hi\nwelcome ='],
      ['locales/ru.ftl', 'welcome =', 'welcome-old = Привет\nwelcome ='],
    );
    const loaded = await loadContent(folder, needs);
    if ('problems' in loaded) throw new Error(loaded.problems.map(describeProblem).join('\n'));
    expect(loaded.warnings.map((one) => describeProblem(one).replaceAll(`${folder}/`, ''))).toEqual([
      expect.stringMatching(
        /^locales\/en\.ftl:\d+ button-buy: expected a text that a message or another text uses, found one that nothing uses$/,
      ),
      expect.stringMatching(
        /^messages\.yaml:\d+ welcome_old: expected a message that a conversation or a topic sends, found one that nothing sends$/,
      ),
    ]);
  });

  it('a third language is one file: it borrows what it lacks', async () => {
    const folder = await edited();
    await writeFile(join(folder, 'locales/de.ftl'), 'language-name = Deutsch\nbutton-pay = Bezahlen\n');
    const loaded = await loadContent(folder, needs);
    if ('problems' in loaded) throw new Error(loaded.problems.map(describeProblem).join('\n'));
    const { content, warnings } = loaded;
    expect([content.pickLanguage('de-AT'), content.format('de', 'button-pay')]).toEqual(['de', 'Bezahlen']);
    expect(content.format('de', 'button-access')).toBe('Получить доступ');
    expect(content.buttonData).toContain('language.selected:de');
    expect(content.fileOf({ kind: 'document', file: 'first-week.$language.pdf' }, 'de')).toBe(
      'first-week.ru.pdf',
    );
    expect(
      warnings.every(
        ({ file, expected }) => `${file} ${expected}`.includes('.de.') || file.endsWith('de.ftl'),
      ),
    ).toBe(true);
    expect(warnings.length).toBeGreaterThan(50);
  });
});

it('every problem of all files is reported at once, in the order of files and lines', async () => {
  const lines = await problemsAfter(
    ['bot.yaml', 'price: 250', 'price: -1'],
    ['bot.yaml', 'idle_ttl: 1h', 'idle_ttl: soon'],
    ['messages.yaml', 'video: traps.mp4', 'video: gone.mp4'],
    ['locales/en.ftl', 'button-pay = Pay', 'button-pay = <b>Pay'],
    ['locales/ru.ftl', 'button-pay = Оплатить', 'button-pay = <b>Оплатить'],
    ['locales/ru.ftl', 'button-stale', 'button-old'],
  );
  expect(lines.map((line) => line.split(/[: ]/)[0])).toEqual([
    'bot.yaml',
    'bot.yaml',
    'locales/en.ftl',
    'locales/ru.ftl',
    'locales/ru.ftl',
    'messages.yaml',
  ]);
});
