import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '#telegram';

import { machines } from '../../src/club/club.ts';
import { checkoutProblem } from '../../src/club/payments/invoice.ts';

import { createSigner } from '../../src/club/payments/signature.ts';
import { createRender } from '../../src/club/render.ts';
import type { ClubContent } from '../../src/club/settings.ts';
import { clubNeeds } from '../../src/club/words.ts';
import { loadContent } from '../../src/content/content.ts';
import type { Effect } from '../../src/runtime/core/effects.ts';
import { prepareMachine } from '../../src/runtime/core/machine.ts';

const signer = createSigner('1:TEST');
let content: ClubContent;
let render: (effect: Effect) => Call;
const now = Date.parse('2026-11-25T12:00:00Z');

async function load(folder: string): Promise<ClubContent> {
  const loaded = await loadContent(folder, clubNeeds);
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  return loaded.content;
}

beforeAll(async () => {
  content = await load('content');
  render = createRender(content, { providerToken: 'provider', signer, now: () => now });
});

function effect(type: string, params: Effect['params'], more: Partial<Effect> = {}): Effect {
  return {
    id: '1.0',
    type,
    ...(params !== undefined && { params }),
    machine: 'access',
    chat: 42,
    lane: 'reply',
    queue: '42',
    context: { language: 'ru' },
    ...more,
  };
}

const ana = { type: 'start.requested', name: 'Ана', username: 'ana' };
const inEnglish = { context: { language: 'en' } };

/** A call as a person would see it: the text without its end, and the buttons, one row a line. */
function seen({ method, payload }: Call): string[] {
  const text = String(
    payload['text'] ?? payload['caption'] ?? payload['title'] ?? payload['error_message'] ?? '',
  );
  const markup = payload['reply_markup'] as
    | { inline_keyboard: { text: string; callback_data: string }[][] }
    | undefined;
  const rows = markup?.inline_keyboard.map((row) =>
    row.map((button) => `[${button.text} → ${button.callback_data}]`).join(' '),
  );
  return [method, text.split('\n', 1)[0] ?? '', ...(rows ?? [])];
}

describe('the end of access', () => {
  const until = (language: string, at: Date) => {
    const event = { type: 'status.requested', access: { has: true, until: at.getTime() } };
    const call = render(effect('send', { message: 'access_shortened' }, { event, context: { language } }));
    return String(call.payload['text']).replace(/[\u00a0\u202f]/g, ' ');
  };

  it('at midnight is the end of the day before, which is whole', () => {
    expect(until('en', new Date(2026, 11, 26))).toBe('Access is open until December 25, 2026.');
    expect(until('ru', new Date(2026, 11, 26))).toContain('до 25 декабря 2026');
  });

  it('at any other time says the hour', () => {
    expect(until('en', new Date(2026, 11, 25, 14, 30))).toBe(
      'Access is open until December 25, 2026 at 2:30 PM.',
    );
    expect(until('ru', new Date(2026, 11, 25, 14, 30))).toContain('до 25 декабря 2026 г. в 14:30');
  });
});

describe('a button of renewal', () => {
  const rows = (access: object | undefined, context: object = {}) => {
    const event = access === undefined ? {} : { event: { type: 'status.requested', access } };
    const more = { context: { language: 'en', ...context }, ...event };
    return seen(render(effect('send', { message: 'access_ends_soon' }, more))).slice(2);
  };
  const renew = ['[Renew access → invoice.requested]'];

  it.each([
    ['a time that ends', { has: true, until: 1 }, renew],
    ['a subscription that was called off', { has: true, until: 1, resumable: true }, renew],
    ['access for ever', { has: true, forEver: true }, []],
    ['a subscription that goes on', { has: true, until: 1, renews: true }, []],
    ['no access', { has: false }, []],
    ['a closed door', { has: false, blocked: true, until: 1 }, []],
  ])('with %s', (_, access, expected) => {
    expect(rows(access)).toEqual(expected);
  });

  it('under what a timer sends, by what the machine remembers', () => {
    expect(rows(undefined, { until: 1 })).toEqual(renew);
    expect(rows(undefined, { until: 1, renews: true })).toEqual([]);
    expect(rows(undefined)).toEqual([]);
  });
});

describe('send', () => {
  it('greets by name, with the button to the offer', () => {
    const call = render(effect('send', { message: 'welcome' }, { event: ana }));
    expect(seen(call)).toEqual([
      'sendMessage',
      'Здравствуйте, <b>Ана</b>!',
      '[Получить доступ → access.requested]',
    ]);
    expect(call.payload).toMatchObject({
      chat_id: 42,
      parse_mode: 'HTML',
      link_preview_options: { is_disabled: true },
    });
  });

  it('speaks the person’s language', () => {
    const call = render(effect('send', { message: 'welcome' }, { event: ana, ...inEnglish }));
    expect(seen(call)).toEqual(['sendMessage', 'Hello, <b>Ана</b>!', '[Get access → access.requested]']);
  });

  it('speaks the default language to a person of a language that is gone', () => {
    const call = render(effect('send', { message: 'offer_expired' }, { context: { language: 'de' } }));
    expect(seen(call)[2]).toBe('[Получить доступ → access.requested]');
  });

  it('reminds by the video, with its traps and the button to pay', () => {
    const call = render(effect('send', { message: 'payment_reminder' }, { lane: 'reminder' }));
    expect(call).toEqual({
      method: 'sendVideo',
      payload: {
        chat_id: 42,
        video: { media: 'traps.mp4' },
        supports_streaming: true,
        caption: expect.stringMatching(/3 ловушки[\s\S]*Ждать[\s\S]*Готовиться[\s\S]*Идти/),
        parse_mode: 'HTML',
        reply_markup: { inline_keyboard: [[{ text: 'Оплатить', callback_data: 'invoice.requested' }]] },
      },
    });
  });

  it('offers the topics one under another, in both languages', () => {
    expect(seen(render(effect('send', { message: 'choose_topic' }))).slice(2)).toEqual([
      '[Выбрать одно дело → topic.selected:focus]',
      '[Первая неделя → topic.selected:week]',
      '[Держать ритм → topic.selected:rhythm]',
    ]);
    expect(seen(render(effect('send', { message: 'choose_topic' }, inEnglish)))[3]).toBe(
      '[The first week → topic.selected:week]',
    );
  });

  it('names each language in that language', () => {
    expect(seen(render(effect('send', { message: 'language' }, inEnglish))).slice(2)).toEqual([
      '[Русский → language.selected:ru]',
      '[English → language.selected:en]',
    ]);
  });

  it('names price and length of access', () => {
    const text = (language: string) =>
      String(render(effect('send', { message: 'offer' }, { context: { language } })).payload['text']);
    expect(text('ru')).toContain('Цена: <b>250 звёзд</b>');
    expect(text('ru')).toContain('навсегда');
    expect(text('en')).toContain('Price: <b>250 Stars</b>');
  });

  it('names a price that is paid each month as such, wherever the price is named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'content-'));
    await cp('content', folder, { recursive: true });
    const bot = await readFile(join(folder, 'bot.yaml'), 'utf8');
    await writeFile(join(folder, 'bot.yaml'), bot.replace('subscription:', 'subscription: monthly'));
    const monthly = createRender(await load(folder), { providerToken: '', signer, now: () => now });
    await rm(folder, { recursive: true });
    const say = (message: string, language: string) =>
      String(monthly(effect('send', { message }, { context: { language } })).payload['text']);
    for (const message of ['offer', 'offer_again', 'terms', 'status_idle', 'status_awaiting_payment']) {
      expect(say(message, 'en'), message).toMatch(/250 Stars a month/);
      expect(say(message, 'ru'), message).toMatch(/250 звёзд в месяц/);
    }
    const { method, payload, next } = monthly(effect('sendInvoice', undefined, inEnglish));
    expect([method, payload['prices']]).toEqual([
      'createInvoiceLink',
      [{ label: 'Access to the club, each month', amount: 250 }],
    ]);
    expect(next?.('https://t.me/$1').payload['text']).toMatch(/month by month costs 250 Stars a month\./);
  });

  it.each(['ru', 'uk', 'bg', 'hr', 'sr', 'hu', 'lv', 'cs', 'de', 'en', 'es', 'fr', 'kk', 'ja', 'ko', 'zh'])(
    'ends no sentence with two full stops after a date: %s',
    async (language) => {
      const folder = await mkdtemp(join(tmpdir(), 'content-'));
      await cp('content', folder, { recursive: true });
      const texts = await readFile(join(folder, 'locales/ru.ftl'), 'utf8');
      await writeFile(join(folder, `locales/${language}.ftl`), texts);
      const inAll = createRender(await load(folder), { providerToken: '', signer, now: () => now });
      await rm(folder, { recursive: true });
      const until = Date.UTC(2026, 11, 25, 12);
      const { payload } = inAll(
        effect('send', { message: 'access_shortened' }, { context: { language, until } }),
      );
      expect(payload['text']).toMatch(/25/);
      expect(payload['text']).toMatch(/[^.]\.$/);
    },
  );

  it('names the chosen topic by its title', () => {
    const call = render(
      effect('send', { message: 'follow_up' }, { context: { language: 'en', topic: 'week' } }),
    );
    expect(call.payload['text']).toContain('How is “The first week” coming along?');
  });

  it('knows every message and reason of the machine, in both languages', () => {
    const wanted = machines
      .flatMap((machine) => prepareMachine(machine).actions)
      .filter(({ params }) => 'message' in params || 'reason' in params);
    expect(wanted.length).toBeGreaterThan(60);
    for (const { type, params } of wanted) {
      for (const language of ['ru', 'en']) {
        const paid = { charge: 'c', currency: 'XTR', amount: 250 };
        const told = { payload: 'why', text: 'so', query: 'q', club: -1_001, error: { message: 'no' } };
        const event = { ...ana, ...told, ...paid };
        // A word to a stranger is an ordinary message.
        const sent = type === 'declineJoin' || type === 'tellStranger' ? 'send' : type;
        const call = render(effect(sent, { ...params }, { context: { language, topic: 'week' }, event }));
        const text = String(call.payload['text'] ?? call.payload['caption'] ?? call.payload['error_message']);
        // A key in place of its text, or a variable that nobody filled.
        expect(text, JSON.stringify(params)).toMatch(/ |\.$/);
        expect(text, JSON.stringify(params)).not.toMatch(/\{|undefined|—\s*$/);
      }
    }
  });

  it('refuses a message that nobody wrote', () => {
    expect(() => render(effect('send', { message: 'wellcome' }))).toThrow(
      'Expected messages.yaml to have an entry "wellcome", which "send" of machine "access" sends, found nothing',
    );
    expect(() => render(effect('send', {}))).toThrow(
      'Expected the effect "send" of machine "access" to name its message, found nothing',
    );
  });
});

describe('sendMaterial', () => {
  const material = (topic: string | undefined, language = 'ru') =>
    render(
      effect('sendMaterial', undefined, { context: { language, ...(topic !== undefined && { topic }) } }),
    );

  it('sends a text', () => {
    expect(seen(material('focus'))).toEqual(['sendMessage', '<b>Выбрать одно дело</b>']);
  });

  it('sends a document in the person’s language', () => {
    expect(material('week')).toMatchObject({
      method: 'sendDocument',
      payload: { document: { media: 'first-week.ru.pdf' } },
    });
    expect(material('week', 'en')).toMatchObject({
      payload: { document: { media: 'first-week.en.pdf' }, caption: expect.stringContaining('Seven days') },
    });
  });

  it('sends an album, captioned at its first picture', () => {
    expect(material('rhythm', 'en')).toEqual({
      method: 'sendMediaGroup',
      payload: {
        chat_id: 42,
        media: [
          {
            type: 'photo',
            media: { media: 'rhythm-1.en.png' },
            caption: expect.stringContaining('Three rules'),
            parse_mode: 'HTML',
          },
          { type: 'photo', media: { media: 'rhythm-2.en.png' } },
          { type: 'photo', media: { media: 'rhythm-3.en.png' } },
        ],
      },
    });
  });

  it.each(['gone', undefined, '__proto__'])('asks for a topic again when the chosen one is %s', (topic) => {
    expect(seen(material(topic))[2]).toBe('[Выбрать одно дело → topic.selected:focus]');
  });
});

describe('sendInvoice', () => {
  it('asks for Stars without a provider, in one price', () => {
    expect(render(effect('sendInvoice', undefined))).toEqual({
      method: 'sendInvoice',
      payload: {
        chat_id: 42,
        title: 'Клуб «Первый шаг»',
        description: expect.stringMatching(/^Доступ навсегда: 3 темы /),
        payload: signer.sign(`club:${content.settings.product.version}:0:1.0`),
        provider_token: '',
        currency: 'XTR',
        prices: [{ label: 'Доступ в клуб', amount: 250 }],
        start_parameter: 'invoice',
      },
    });
  });

  it('asks for another currency through the provider, and names the price in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'content-'));
    await cp('content', folder, { recursive: true });
    const bot = await readFile(join(folder, 'bot.yaml'), 'utf8');
    await writeFile(
      join(folder, 'bot.yaml'),
      bot.replace('currency: XTR', 'currency: EUR').replace('price: 250', 'price: 1950'),
    );
    const inEuro = createRender(await load(folder), { providerToken: 'provider', signer, now: () => now });
    await rm(folder, { recursive: true });
    const { payload } = inEuro(effect('sendInvoice', undefined, inEnglish));
    expect(payload).toMatchObject({
      provider_token: 'provider',
      currency: 'EUR',
      prices: [{ amount: 1950 }],
    });
    expect(inEuro(effect('send', { message: 'offer' }, inEnglish)).payload['text']).toContain(
      'Price: <b>€19.50</b>',
    );
    expect(inEuro(effect('send', { message: 'offer' })).payload['text']).toContain(
      'Цена: <b>19,50\u00a0€</b>',
    );
  });
});

describe('what is left of access', () => {
  const [minutes, hours, days] = [60_000, 3_600_000, 86_400_000];
  const text = (language: string, left: number) => {
    const reminder = { context: { language, until: now + left } };
    return String(render(effect('send', { message: 'access_ends_soon' }, reminder)).payload['text']);
  };
  it.each([
    [3 * days - 20, 'in 3 days', 'через 3 дня'],
    [7 * days, 'in 7 days', 'через 7 дней'],
    [3 * days - hours, 'in 2 days', 'через 2 дня'],
    [36 * hours, 'in 36 hours', 'через 36 часов'],
    [days - 20, 'in 24 hours', 'через 24 часа'],
    [2 * hours + 50 * minutes, 'in 2 hours', 'через 2 часа'],
    [hours, 'in 1 hour', 'через 1 час'],
    [40 * minutes, 'in less than an hour', 'меньше чем через час'],
    [-days, 'in less than an hour', 'меньше чем через час'],
  ])('%i ms: %s', (left, english, russian) => {
    expect(text('en', left)).toContain(`: it ends ${english}.`);
    expect(text('ru', left)).toContain(`: он закончится ${russian}.`);
  });
});

describe('checkout', () => {
  const offer = () => ({
    payload: signer.sign(`club:${content.settings.product.version}:0:1.0`),
    currency: 'XTR',
    amount: 250,
  });

  it('goes ahead for today’s invoice', () => {
    expect(checkoutProblem(content, offer(), signer)).toBeUndefined();
  });

  it.each([
    ['an old price', { payload: signer.sign('club:00000000:0:1.0') }, 'other_price'],
    ['an invoice of another program', { payload: 'club:00000000:0:1.0' }, 'other_product'],
    ['another product', { payload: 'course:00000000' }, 'other_product'],
    ['no payload', { payload: '' }, 'other_product'],
    ['another amount', { amount: 1 }, 'other_amount'],
    ['another currency', { currency: 'EUR' }, 'other_amount'],
  ])('does not go ahead for %s', (_, change, problem) => {
    expect(checkoutProblem(content, { ...offer(), ...change }, signer)).toBe(problem);
  });

  it('is answered with yes, or with the reason in plain words', () => {
    const event = { type: 'checkout.requested', query: 'q1' };
    expect(render(effect('approveCheckout', undefined, { event }))).toEqual({
      method: 'answerPreCheckoutQuery',
      payload: { pre_checkout_query_id: 'q1', ok: true },
    });
    expect(render(effect('rejectCheckout', { reason: 'already_paid' }, { event, ...inEnglish }))).toEqual({
      method: 'answerPreCheckoutQuery',
      payload: {
        pre_checkout_query_id: 'q1',
        ok: false,
        error_message: 'You have access already, there is no need to pay again. Nothing was charged.',
      },
    });
  });

  it('is refused without a query to answer', () => {
    expect(() => render(effect('approveCheckout', undefined))).toThrow(
      'to carry a checkout query’s id, found nothing'.replace('’', "'"),
    );
  });
});

describe('answerButton', () => {
  it('lets the button stop waiting', () => {
    expect(render(effect('answerButton', { query: 'b1' }))).toEqual({
      method: 'answerCallbackQuery',
      payload: { callback_query_id: 'b1' },
    });
  });

  it('says that a button is out of date', () => {
    expect(render(effect('answerButton', { query: 'b1', stale: true }, inEnglish)).payload).toEqual({
      callback_query_id: 'b1',
      text: 'This button is out of date. The latest message has everything you need.',
    });
  });
});

describe('tellOperator', () => {
  it('goes to the operator, in the default language, with a link to the person', () => {
    const event = {
      type: 'payment.received',
      name: 'Ann',
      username: 'ann',
      charge: 'ch_1',
      currency: 'XTR',
      amount: 251,
    };
    const call = render(
      effect('tellOperator', { message: 'operator_paid_again' }, { to: 7, event, ...inEnglish }),
    );
    expect(call.payload['chat_id']).toBe(7);
    expect(call.payload['text']).toBe(
      [
        '<b>Повторная оплата</b>',
        'Кто: <a href="tg://user?id=42">Ann</a>, @ann, id <code>42</code>',
        'Сумма: 251 звезда',
        'Платёж: <code>ch_1</code>',
        '',
        'Доступ у человека уже был. Скорее всего, деньги стоит вернуть.',
      ].join('\n'),
    );
  });

  it('passes on the question', () => {
    const event = { type: 'paysupport.requested', name: 'Ann', payload: 'Where is <my> club?' };
    const call = render(effect('tellOperator', { message: 'operator_paysupport' }, { to: 7, event }));
    expect(call.payload['text']).toMatch(/Where is &lt;my&gt; club\?$/);
  });
});

describe('hostile input', () => {
  const greet = (name: unknown) =>
    String(
      render(effect('send', { message: 'payment_thanks' }, { event: { type: 'x', name } })).payload['text'],
    );
  const nameIn = (text: string) => /<b>([\s\S]*?)<\/b>/.exec(text)?.[1];

  it.each([
    ['HTML', '<a href="tg://x">&', '&lt;a href=&quot;tg://x&quot;&gt;&amp;'],
    ['marks that turn the text around', '\u202eevil\u2066x\u200f', 'evilx'],
    ['lines', 'a\n\n\tb', 'a b'],
    ['half a character', 'a\ud83d', 'a'],
    ['an emoji made of several', '👩‍👩‍👧', '👩‍👩‍👧'],
    ['Fluent', '{ $price }', '{ $price }'],
    ['nothing', '', 'друг'],
    ['nothing that can be seen', '\u200d\u3164\u2067 ', 'друг'],
    ['no text', { toString: 'x' }, 'друг'],
  ])('a name of %s', (_, name, expected) => {
    expect(nameIn(greet(name))).toBe(expected);
  });

  it('a name of 10,000 characters is cut to 64, without halving one', () => {
    expect(nameIn(greet('n'.repeat(10_000)))).toBe('n'.repeat(64));
    expect(nameIn(greet('😀'.repeat(10_000)))).toBe('😀'.repeat(64));
  });

  it('a question of 5,000 characters is cut to 500, and the message fits', () => {
    const event = { type: 'message.received', name: '&'.repeat(10_000), text: '<'.repeat(5_000) };
    const text = String(
      render(effect('tellOperator', { message: 'operator_paysupport' }, { to: 7, event })).payload['text'],
    );
    expect(text.match(/&lt;/g)).toHaveLength(500);
    expect(text.replace(/&\w+;/g, '_').length).toBeLessThan(1_000);
  });

  it('a payment in a currency that does not exist is shown as it came', () => {
    const event = { type: 'payment.received', currency: '<b>', amount: 5 };
    expect(render(effect('send', { message: 'refunded' }, { event })).payload['text']).toContain(
      '5 &lt;b&gt;',
    );
  });
});

it('an effect of an unknown type is refused, saying what was expected', () => {
  expect(() => render(effect('sendFlowers', undefined))).toThrow(
    'Expected an effect of type send, sendInvoice, sendMaterial, approveCheckout, rejectCheckout, tellOperator, tellFound, forwardQuestion, sendAnswer, copyMessage or answerButton, found "sendFlowers" from machine "access"',
  );
});
