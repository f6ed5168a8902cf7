import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Answer, type CallableSandbox, openSandbox } from '../support/sandbox.ts';

type Json = Record<string, unknown>;

const photo = readFileSync(resolve(import.meta.dirname, '../../content/media/rhythm-1.en.png'));

async function chat(options: Parameters<typeof openSandbox>[0] = {}) {
  const sandbox = await openSandbox(options);
  const anna = sandbox.user();
  anna.says('/start');
  return { sandbox, anna, chat_id: anna.id };
}

/** Calls with a body as it is. */
async function post(sandbox: CallableSandbox, path: string, body: string | FormData, type?: string) {
  const response = await fetch(`${sandbox.url}/bot${sandbox.token}/${path}`, {
    method: 'POST',
    body,
    ...(type !== undefined && { headers: { 'content-type': type } }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

test('update_id comes first in the text of an update', async () => {
  const { sandbox } = await chat();
  const { answer } = await post(sandbox, 'getUpdates', '');
  expect(JSON.stringify((answer.result as Json[])[0])).toMatch(/^\{"update_id":\d+,"message"/);
});

test.each(['null', '[]', '{"text":', '"text"', '[[['])(
  'a body of %s has no parameters; those of the query count',
  async (body) => {
    const { sandbox, chat_id } = await chat();
    const { answer } = await post(
      sandbox,
      `sendMessage?chat_id=${chat_id}&text=Hello`,
      body,
      'application/json',
    );
    expect(answer).toMatchObject({ ok: true, result: { text: 'Hello' } });
  },
);

test('true is said in many ways, in every form of call, and deep inside', async () => {
  const { sandbox, chat_id } = await chat();
  const sent = async (value: unknown, form: 'json' | 'urlencoded' | 'multipart') => {
    const values = { chat_id, text: 'x', protect_content: value };
    const body = new FormData();
    for (const [name, each] of Object.entries(values)) body.set(name, String(each));
    const urlencoded = new URLSearchParams(values as never).toString();
    const { answer } = await (form === 'json'
      ? post(sandbox, 'sendMessage', JSON.stringify(values), 'application/json')
      : form === 'multipart'
        ? post(sandbox, 'sendMessage', body)
        : post(sandbox, 'sendMessage', urlencoded, 'application/x-www-form-urlencoded'));
    return (answer.result as Json)['has_protected_content'] === true;
  };
  for (const form of ['json', 'urlencoded', 'multipart'] as const) {
    for (const value of [true, 1, '1', 'True', 'TRUE', 'yes', ' true '])
      expect([form, value, await sent(value, form)]).toEqual([form, value, true]);
    for (const value of [false, 0, 'no', 'False', 'on', ''])
      expect([form, value, await sent(value, form)]).toEqual([form, value, false]);
  }
});

test('true is said in many ways to a checkout, a pressed button and a keyboard that goes', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const link = await sandbox.ask<string>('createInvoiceLink', {
    ...{ title: 'Access', description: 'A month', payload: 'access', currency: 'XTR' },
    prices: [{ label: 'Access', amount: 5 }],
  });
  const paid = anna.pays({ link });
  const isAsked = (update: Json) => update['pre_checkout_query'] as { id: string } | undefined;
  const query = (await sandbox.take()).map(isAsked).find((one) => one !== undefined);
  await sandbox.ask('answerPreCheckoutQuery', { pre_checkout_query_id: query?.id, ok: 'True' });
  await paid;

  const alerts: boolean[] = [];
  sandbox.onEvent((event) => event.type === 'button_answered' && alerts.push(event.alert));
  const reply_markup = { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] };
  const { message_id } = await sandbox.ask<{ message_id: number }>('sendMessage', {
    chat_id,
    text: 'x',
    reply_markup,
  });
  const callback_query_id = anna.pressesOn(message_id, 'go');
  await sandbox.ask('answerCallbackQuery', { callback_query_id, show_alert: 1 });
  expect(alerts).toEqual([true]);

  await sandbox.ask('sendMessage', { chat_id, text: 'x', reply_markup: { keyboard: [['Yes']] } });
  await sandbox.ask('sendMessage', { chat_id, text: 'x', reply_markup: { remove_keyboard: 'True' } });
  expect(anna.keyboard).toEqual([]);
});

test('the token has the form of Telegram’s, and counts percent-encoded too, for files as well', async () => {
  const { sandbox, anna } = await chat();
  expect(sandbox.token).toMatch(/^\d{10}:[\w-]{35}$/);
  expect(sandbox.bot.id).toBe(Number(sandbox.token.split(':')[0]));
  anna.sendsFile('document', { name: 'notes.txt', bytes: Buffer.from('my notes') });
  const file_id = anna.messages.at(-1)?.media?.[0]?.fileId;
  const token = encodeURIComponent(sandbox.token);
  const asked = await fetch(`${sandbox.url}/bot${token}/getFile?file_id=${file_id}`);
  const { result } = (await asked.json()) as { result: { file_path: string } };
  const loaded = await fetch(`${sandbox.url}/file/bot${token}/${encodeURIComponent(result.file_path)}`);
  expect(await loaded.text()).toBe('my notes');
  expect((await fetch(`${sandbox.url}/bot%zz/getMe`)).status).toBe(401);
});

test('methods answer by the names that they had before', async () => {
  const { sandbox, anna } = await chat();
  const chat_id = sandbox.club().id;
  anna.joins(sandbox.club({ id: chat_id }));
  expect(await sandbox.ask('getChatMembersCount', { chat_id })).toBe(3);
  sandbox.fail('banChatMember', { status: 400, description: 'Bad Request: not now' });
  const person = { chat_id, user_id: anna.id };
  expect(await sandbox.call('kickChatMember', person)).toMatchObject({ description: 'Bad Request: not now' });
  expect(await sandbox.ask('kickChatMember', person)).toBe(true);
  expect(await sandbox.call('setStickerSetThumb')).toMatchObject({
    error_code: 400,
    description: expect.stringContaining(
      'setStickerSetThumbnail is a method of the Bot API that this sandbox',
    ),
  });
});

test('what a button or an entity does not have is passed over, and what it has comes back as documented', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const sent = await sandbox.ask('sendMessage', {
    chat_id,
    text: 'bold link Anna @someone',
    entities: [
      { type: 'bold', offset: '0', length: 4, smell: 'rose', url: 'https://example.org' },
      { type: 'text_link', offset: 5, length: 4, url: 'https://example.org', language: 'ts' },
      { type: 'text_mention', offset: 10, length: 4, user: { id: anna.id, is_robot: true } },
      { type: 'mention', offset: 0, length: 4 },
    ],
    reply_markup: {
      inline_keyboard: [
        [{ text: 'Go', callback_data: 'go', hide: true, pay: false, url: null, style: 'danger' }],
      ],
      resize_keyboard: true,
    },
    link_preview_options: { is_disabled: 'true', smell: 'rose' },
  });
  expect(sent).toMatchObject({ link_preview_options: { is_disabled: true } });
  expect(sent['entities']).toEqual([
    { type: 'bold', offset: 0, length: 4 },
    { type: 'text_link', offset: 5, length: 4, url: 'https://example.org' },
    {
      type: 'text_mention',
      offset: 10,
      length: 4,
      user: expect.objectContaining({ id: anna.id, first_name: 'Anna' }),
    },
    { type: 'mention', offset: 15, length: 8 },
  ]);
  expect(sent['reply_markup']).toEqual({
    inline_keyboard: [[{ text: 'Go', callback_data: 'go', style: 'danger' }]],
  });
  expect(sent['link_preview_options']).toEqual({ is_disabled: true });
});

const forged = { toString: 1, valueOf: 1, toJSON: 1 };

test.each<[method: string, parameters: Json, reason: string]>([
  ['sendMessage', { text: 'x', reply_markup: null }, 'object expected as reply markup'],
  ['sendMessage', { text: 'x', reply_markup: 'null' }, 'object expected as reply markup'],
  ['sendMessage', { text: 'x', reply_markup: [] }, 'object expected as reply markup'],
  ['sendMessage', { text: 'x', reply_parameters: 'null' }, 'object expected as reply parameters'],
  ['sendMessage', { text: 'x', link_preview_options: 5 }, 'object expected as link preview options'],
  ['sendMessage', { text: 'x', entities: [null] }, "can't parse MessageEntity: expected an Object"],
  [
    'sendMessage',
    { text: 'x', entities: [{ offset: 0, length: 1 }] },
    'can\'t parse MessageEntity: Can\'t find field "type"',
  ],
  [
    'sendMessage',
    { text: 'x', entities: [{ type: 'constructor', offset: 0, length: 1 }] },
    "can't parse MessageEntity: Unsupported type specified",
  ],
  [
    'sendMessage',
    { text: 'x', reply_markup: { inline_keyboard: [[null]] } },
    "can't parse inline keyboard button: InlineKeyboardButton must be an Object",
  ],
  [
    'sendMessage',
    { text: 'x', reply_markup: { keyboard: [[null]] } },
    "can't parse keyboard button: KeyboardButton must be a String or an Object",
  ],
  ['sendMediaGroup', { media: [null, null] }, "can't parse InputMedia: expected an Object"],
  ['setMyCommands', { commands: [null] }, "can't parse BotCommand: expected an Object"],
  [
    'setMyCommands',
    { commands: [], scope: 'null' },
    "can't parse BotCommandScope: BotCommandScope must be an Object",
  ],
  [
    'createInvoiceLink',
    { title: 'a', description: 'b', payload: 'c', currency: 'XTR', prices: [null] },
    "can't parse labeled price: LabeledPrice must be an Object",
  ],
  ['sendMessage', { text: 'x', parse_mode: '__proto__' }, 'unsupported parse_mode'],
  ['sendMessage', { text: 'x', parse_mode: 'constructor' }, 'unsupported parse_mode'],
  [
    'sendMessage',
    { text: '<constructor>x</constructor>', parse_mode: 'HTML' },
    'can\'t parse entities: Unsupported start tag "constructor" at byte offset 0',
  ],
  ['sendMessage', { text: 'x', chat_id: forged }, 'chat not found'],
  ['deleteMessages', { message_ids: [forged, forged] }, ''],
])('%s %j is refused in Telegram’s words', async (method, parameters, reason) => {
  const { sandbox, chat_id } = await chat();
  const answer = await sandbox.call(method, { chat_id, ...parameters });
  expect(answer).toMatchObject(
    reason === '' ? { ok: true } : { ok: false, error_code: 400, description: `Bad Request: ${reason}` },
  );
});

test('a parameter by the name of an object’s own insides is only a parameter', async () => {
  const { sandbox, chat_id } = await chat({ strict: true });
  const body = new FormData();
  for (const [name, value] of [
    ['__proto__', 'x'],
    ['constructor', 'x'],
    ['chat_id', String(chat_id)],
    ['text', 'Hello'],
  ])
    body.set(name as string, value as string);
  expect((await post(sandbox, 'sendMessage', body)).answer).toMatchObject({ ok: true });
});

test('JSON that nests without end costs no call but its own', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  const keyboard = `{"inline_keyboard":${deep}}`;
  const send = (more: Json) => sandbox.call('sendMessage', { chat_id, text: 'Hello', ...more });
  expect(await send({ reply_markup: keyboard })).toMatchObject({
    description: "Bad Request: can't parse reply keyboard markup JSON object",
  });
  const path = `sendMessage?chat_id=${chat_id}&text=Hello`;
  const { answer } = await post(sandbox, path, `{"reply_markup":${keyboard}}`, 'application/json');
  expect(answer).toMatchObject({ ok: true });
  expect(anna.messages.at(-1)?.raw).not.toHaveProperty('reply_markup');
  expect(await send({ link_preview_options: `{"url":${'[["'.repeat(9)}x${'"]]'.repeat(9)}}` })).toMatchObject(
    { ok: false },
  );
});

test('thousands of large calls that are refused do not pile up', async () => {
  const { sandbox, chat_id } = await chat();
  const text = 'x'.repeat(200_000);
  for (let index = 0; index < 100; index++)
    await sandbox.call('sendMessage', { chat_id, text, number: index });
  const kept = sandbox.calls.map(({ payload }) => payload['number']);
  expect(kept.length).toBeLessThan(50);
  expect(kept.at(-1)).toBe(99);
});

test('uploads beyond what memory should hold lie in a folder, are still served, and gone with the sandbox', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-uploads-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { sandbox, chat_id } = await chat();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) {
    const body = new FormData();
    body.set('chat_id', String(chat_id));
    body.set('document', new Blob([Buffer.alloc(20 * 1024 * 1024 - 16, index)]), `file-${index}.bin`);
    const { answer } = await post(sandbox, 'sendDocument', body);
    const { document, message_id } = answer.result as { document: { file_id: string }; message_id: number };
    ids.push(document.file_id);
    await sandbox.ask('deleteMessage', { chat_id, message_id });
  }
  expect(readdirSync(folder)).toHaveLength(1);
  for (const [index, id] of ids.entries()) {
    const loaded = await fetch(sandbox.fileUrl(id) ?? '');
    expect(new Uint8Array(await loaded.arrayBuffer()).at(-1)).toBe(index);
  }
  await sandbox.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('a picture is taken by an address of the sandbox’s own host, and from nowhere else', async () => {
  const { sandbox, anna, chat_id } = await chat({
    other: ({ url }, response) => {
      if (url === '/away') response.writeHead(302, { location: 'http://example.org/' }).end();
      else if (url === '/picture.png') response.end(photo);
      else response.writeHead(url === '/page' ? 200 : 404).end('<html></html>');
    },
  });
  const { port } = new URL(sandbox.url);
  const address = `${sandbox.url}/picture.png`;
  const sent = await sandbox.ask<{ photo: Json[] }>('sendPhoto', { chat_id, photo: address });
  expect(sent.photo[0]).toMatchObject({ width: photo.readUInt32BE(16), file_size: photo.length });
  expect(anna.messages.at(-1)?.media).toMatchObject([{ fileName: 'picture.png' }]);
  const media = [address, `http://localhost:${port}/picture.png`].map((each) => ({
    type: 'photo',
    media: each,
  }));
  expect(await sandbox.ask('sendMediaGroup', { chat_id, media })).toHaveLength(2);
  const refusal = async (path: string) =>
    (await sandbox.call('sendPhoto', { chat_id, photo: `${sandbox.url}${path}` })).description;
  expect(await refusal('/page')).toBe('Bad Request: wrong type of the web page content');
  for (const path of ['/nothing', '/away', `/bot${sandbox.token}/getMe`, `/%62ot${sandbox.token}/getMe`])
    expect([path, await refusal(path)]).toEqual([path, 'Bad Request: failed to get HTTP URL content']);
});

test('a request for an address that is none ends no sandbox', async () => {
  const { sandbox } = await chat();
  const { port } = new URL(sandbox.url);
  const status = await new Promise<number | undefined>((done, failed) => {
    const asked = request({ port, host: '127.0.0.1', path: '//[/x' }, (response) =>
      done(response.resume().statusCode),
    );
    onTestFinished(() => void asked.destroy());
    asked.on('error', failed).end();
  });
  expect(status).toBe(404);
  expect(await sandbox.ask('getMe')).toMatchObject({ is_bot: true });
});
