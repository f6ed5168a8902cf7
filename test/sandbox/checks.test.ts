import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { shapeProblems } from '../../src/sandbox/api/shape.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

type Json = Record<string, unknown>;

const photo = readFileSync(resolve(import.meta.dirname, '../../content/media/rhythm-1.en.png'));

/** Somebody has written; the bot has answered with a text (with a button) and a photo. */
async function chat() {
  const sandbox = await openSandbox();
  const anna = sandbox.user();
  anna.says('/start');
  const chat_id = anna.id;
  const reply_markup = { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] };
  const text = await sandbox.ask<{ message_id: number }>('sendMessage', {
    chat_id,
    text: 'The <b>first</b> line',
    parse_mode: 'HTML',
    reply_markup,
  });
  const sent = await upload(sandbox, 'sendPhoto', chat_id, 'photo', photo, 'rhythm.png');
  const media = sent.result as { message_id: number; photo: { file_id: string }[] };
  return {
    sandbox,
    anna,
    chat_id,
    text: text.message_id,
    media: media.message_id,
    file: media.photo[0]?.file_id as string,
  };
}

async function upload(
  sandbox: CallableSandbox,
  method: string,
  chat: number,
  field: string,
  bytes: Buffer,
  name: string,
) {
  const body = new FormData();
  body.set('chat_id', String(chat));
  body.set(field, new Blob([bytes]), name);
  const response = await fetch(`${sandbox.url}/bot${sandbox.token}/${method}`, { method: 'POST', body });
  return (await response.json()) as { ok: boolean; description?: string; result?: unknown };
}

type Known = Omit<Awaited<ReturnType<typeof chat>>, 'sandbox' | 'anna'>;

const button = (fields: Json) => ({ reply_markup: { inline_keyboard: [[{ text: 'Go', ...fields }]] } });
const invoice = (fields: Json) => ({
  title: 'Access',
  description: 'A month',
  payload: 'access',
  currency: 'XTR',
  prices: [{ label: 'Access', amount: 500 }],
  ...fields,
});

/** A method, what it is called with besides the chat, and what Telegram says behind “Bad Request: ”. */
const refusals: [method: string, parameters: Json | ((known: Known) => Json), reason: string][] = [
  ['sendMessage', { text: '' }, 'message text is empty'],
  ['sendMessage', {}, 'message text is empty'],
  ['sendMessage', { text: ' \n ' }, 'text must be non-empty'],
  ['sendMessage', { text: '<b></b>', parse_mode: 'HTML' }, 'text must be non-empty'],
  ['sendMessage', { text: 'x'.repeat(4_097) }, 'message is too long'],
  ['sendMessage', { text: '🙂'.repeat(2_049) }, 'message is too long'],
  ['sendMessage', { text: 'x', chat_id: '' }, 'chat_id is empty'],
  ['sendMessage', { text: 'x', chat_id: 5 }, 'chat not found'],
  ['sendMessage', { text: 'x', parse_mode: 'BBCode' }, 'unsupported parse_mode'],
  ['sendMessage', { text: 'x', reply_parameters: { message_id: 99 } }, 'message to be replied not found'],
  ['sendMessage', { text: 'x', ...button({ callback_data: '' }) }, 'BUTTON_DATA_INVALID'],
  ['sendMessage', { text: 'x', ...button({ callback_data: 'ы'.repeat(33) }) }, 'BUTTON_DATA_INVALID'],
  [
    'sendMessage',
    { text: 'x', ...button({ text: '', callback_data: 'go' }) },
    'inline keyboard button text must be non-empty',
  ],
  [
    'sendMessage',
    { text: 'x', ...button({}) },
    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [
    'sendMessage',
    { text: 'x', ...button({ url: 'http://localhost' }) },
    "inline keyboard button URL 'http://localhost' is invalid: Wrong HTTP URL",
  ],
  ['sendMessage', { text: 'x', ...button({ pay: true }) }, 'BUTTON_POS_INVALID'],
  ['sendMessage', { text: 'x', reply_markup: '{' }, "can't parse reply keyboard markup JSON object"],
  ['sendPhoto', {}, 'there is no photo in the request'],
  [
    'sendMessage',
    { text: 'x', reply_markup: { keyboard: ['x'] } },
    'field "keyboard" must be an Array of Arrays',
  ],
  ['sendPhoto', { photo: 'https://example.org/x.png' }, 'failed to get HTTP URL content'],
  ['sendPhoto', { photo: 'unknown' }, 'wrong file identifier/HTTP URL specified'],
  ['sendPhoto', ({ file }) => ({ photo: file, caption: 'x'.repeat(1_025) }), 'message caption is too long'],
  ['sendVideo', ({ file }) => ({ video: file }), "can't use file of type Photo as Video"],
  [
    'sendMediaGroup',
    ({ file }) => ({ media: [{ type: 'photo', media: file }] }),
    'album must have from 2 to 10 items',
  ],
  [
    'sendMediaGroup',
    ({ file }) => ({
      media: [
        { type: 'photo', media: file },
        { type: 'document', media: file },
      ],
    }),
    "document can't be mixed with other media types",
  ],
  ['sendChatAction', { action: 'sleeping' }, 'wrong parameter action in request'],
  ['sendInvoice', invoice({ title: '' }), 'INVOICE_TITLE_INVALID'],
  ['sendInvoice', invoice({ title: 'x'.repeat(33) }), 'INVOICE_TITLE_INVALID'],
  ['sendInvoice', invoice({ description: 'x'.repeat(256) }), 'INVOICE_DESCRIPTION_INVALID'],
  ['sendInvoice', invoice({ payload: 'ы'.repeat(65) }), 'INVOICE_PAYLOAD_INVALID'],
  ['sendInvoice', invoice({ prices: [] }), 'there must be at least one price'],
  ['sendInvoice', invoice({ prices: [{ label: 'x', amount: 0 }] }), 'CURRENCY_TOTAL_AMOUNT_INVALID'],
  ['sendInvoice', invoice({ prices: [{ label: 'x', amount: 100_001 }] }), 'CURRENCY_TOTAL_AMOUNT_INVALID'],
  [
    'createInvoiceLink',
    invoice({ prices: [{ label: 'x', amount: 10_001 }], subscription_period: 2_592_000 }),
    'CURRENCY_TOTAL_AMOUNT_INVALID',
  ],
  [
    'sendInvoice',
    invoice({
      prices: [
        { label: 'x', amount: 1 },
        { label: 'y', amount: 1 },
      ],
    }),
    'STARS_INVOICE_INVALID',
  ],
  ['sendInvoice', invoice({ provider_token: '1:TEST' }), 'STARS_INVOICE_INVALID'],
  ['sendInvoice', invoice({ currency: 'USD' }), 'PAYMENT_PROVIDER_INVALID'],
  ['sendInvoice', invoice({ currency: 'XXXX', provider_token: '1:TEST' }), 'CURRENCY_INVALID'],
  ['sendInvoice', { ...invoice({}), ...button({ callback_data: 'go' }) }, 'REPLY_MARKUP_BUY_EMPTY'],
  ['createInvoiceLink', invoice({ subscription_period: 86_400 }), 'SUBSCRIPTION_PERIOD_INVALID'],
  ['answerCallbackQuery', { callback_query_id: '1', text: 'x'.repeat(201) }, 'MESSAGE_TOO_LONG'],
  [
    'answerCallbackQuery',
    { callback_query_id: '1' },
    'query is too old and response timeout expired or query ID is invalid',
  ],
  [
    'answerPreCheckoutQuery',
    { pre_checkout_query_id: '1', ok: false },
    'parameter "error_message" is required',
  ],
  ['editMessageText', { message_id: 99, text: 'x' }, 'message to edit not found'],
  ['editMessageText', { text: 'x' }, 'message identifier is not specified'],
  ['editMessageText', { message_id: 1, text: 'x' }, "message can't be edited"],
  [
    'editMessageText',
    ({ media }) => ({ message_id: media, text: 'x' }),
    'there is no text in the message to edit',
  ],
  [
    'editMessageCaption',
    ({ text }) => ({ message_id: text, caption: 'x' }),
    'there is no caption in the message to edit',
  ],
  [
    'editMessageText',
    ({ text }) => ({
      message_id: text,
      text: '*The* first line'.replaceAll('*', '').replace('first', '<b>first</b>'),
      parse_mode: 'HTML',
      ...button({ callback_data: 'go' }),
    }),
    'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
  ],
  ['deleteMessage', { message_id: 99 }, 'message to delete not found'],
  ['deleteMessages', { message_ids: [] }, 'expected from 1 to 100 message identifiers'],
  ['copyMessage', ({ chat_id }) => ({ from_chat_id: chat_id, message_id: 99 }), 'message to copy not found'],
  [
    'forwardMessage',
    ({ chat_id }) => ({ from_chat_id: chat_id, message_id: 99 }),
    'message to forward not found',
  ],
  [
    'sendMediaGroup',
    ({ file }) => ({ media: Array.from({ length: 11 }, () => ({ type: 'photo', media: file })) }),
    'too many messages to send as an album',
  ],
  ['sendInvoice', invoice({ prices: 5 }), 'expected an Array of labeled prices'],
  [
    'sendInvoice',
    invoice({ prices: [{ label: '', amount: 1 }] }),
    "can't parse labeled price: LabeledPrice label must be non-empty",
  ],
  [
    'sendInvoice',
    invoice({ prices: [{ label: 'x', amount: 1.5 }] }),
    'can\'t parse labeled price: Field "amount" must be a valid Number',
  ],
  [
    'sendMessage',
    { text: 'x', reply_markup: { inline_keyboard: [{ text: 'x', callback_data: 'x' }] } },
    'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
  ],
  ['sendMessage', { text: 'x'.repeat(32_769) }, 'text is too long'],
  ['getFile', {}, 'file_id not specified'],
  ['getFile', { file_id: 'unknown' }, 'invalid file_id'],
  ['setMyCommands', {}, 'parameter "commands" is required'],
  ['setMyCommands', { commands: [{ command: 'Start', description: 'x' }] }, 'BOT_COMMAND_INVALID'],
  ['setMyCommands', { commands: [{ command: 'start', description: '' }] }, 'BOT_COMMAND_DESCRIPTION_INVALID'],
];

test('what Telegram refuses is refused in its words, and changes nothing', async () => {
  const { sandbox, anna, ...known } = await chat();
  for (const [method, parameters, reason] of refusals) {
    const given = typeof parameters === 'function' ? parameters(known) : parameters;
    const answer = await sandbox.call(method, { chat_id: known.chat_id, ...given });
    expect([method, given, answer]).toEqual([
      method,
      given,
      { ok: false, error_code: 400, description: `Bad Request: ${reason}` },
    ]);
  }
  expect(anna.messages).toHaveLength(3);
});

test.each([
  ['sendPhoto', 'photo', Buffer.alloc(0), 'file must be non-empty'],
  ['sendPhoto', 'photo', Buffer.from('not a picture'), 'IMAGE_PROCESS_FAILED'],
  ['sendDocument', 'document', Buffer.alloc(0), 'file must be non-empty'],
])('%s refuses an upload: %s %s', async (method, field, bytes, reason) => {
  const { sandbox, chat_id } = await chat();
  const answer = await upload(sandbox, method, chat_id, field, bytes, 'file');
  expect(answer).toMatchObject({ ok: false, description: `Bad Request: ${reason}` });
});

test('an upload of more than 50 MB is refused', async () => {
  const { sandbox, chat_id } = await chat();
  const bytes = Buffer.alloc(50 * 1024 * 1024 + 100_000);
  const answer = await upload(sandbox, 'sendDocument', chat_id, 'document', bytes, 'file');
  expect(answer).toEqual({ ok: false, error_code: 413, description: 'Request Entity Too Large' });
});

test('who blocked the bot, is gone or never started it cannot be written to', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const send = async (chat = chat_id) => {
    const { error_code, description } = await sandbox.call('sendMessage', { chat_id: chat, text: 'x' });
    return `${error_code} ${description}`;
  };
  anna.blocks();
  expect(await send()).toBe('403 Forbidden: bot was blocked by the user');
  anna.unblocks();
  anna.deactivates();
  expect(await send()).toBe('403 Forbidden: user is deactivated');
  const boris = sandbox.user();
  expect(await send(boris.id)).toBe('400 Bad Request: chat not found');
  boris.joins(sandbox.club());
  expect(await send(boris.id)).toBe("403 Forbidden: bot can't initiate conversation with a user");
});

test('methods: unknown ones, those that are not emulated, a wrong token', async () => {
  const sandbox = await openSandbox();
  expect(await sandbox.call('sendSmell')).toEqual({
    ok: false,
    error_code: 404,
    description: 'Not Found: method not found',
  });
  expect(await sandbox.call('constructor')).toMatchObject({ error_code: 404 });
  expect(await sandbox.call('senddice')).toEqual({
    ok: false,
    error_code: 400,
    description: 'Bad Request: sendDice is a method of the Bot API that this sandbox does not emulate',
  });
  const response = await fetch(`${sandbox.url}/bot1:wrong/getMe`);
  expect([response.status, await response.json()]).toEqual([
    401,
    { ok: false, error_code: 401, description: 'Unauthorized' },
  ]);
  expect(await sandbox.call('GETME')).toMatchObject({ ok: true });
});

test('texts are counted after entities, in UTF-16 units', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const text = `<b>${'🙂'.repeat(2_048)}</b>`;
  await sandbox.ask('sendMessage', { chat_id, text, parse_mode: 'HTML' });
  expect(anna.messages.at(-1)?.raw).toMatchObject({ entities: [{ type: 'bold', offset: 0, length: 4_096 }] });
});

const link = (url: string, offset: number, length: number) => ({ type: 'text_link', offset, length, url });
const span = (type: string, offset: number, length: number, more: Json = {}) => ({
  type,
  offset,
  length,
  ...more,
});

/** What a source becomes. */
const texts: [mode: string, source: string, text: string, entities: Json[]][] = [
  ['HTML', ' <b>bold <i>both</i></b>\n', 'bold both', [span('bold', 0, 9), span('italic', 5, 4)]],
  ['HTML', '&lt;3 &amp; &#x41;&#66; &copy;', '<3 & AB &copy;', []],
  ['HTML', '<a href="https://t.me/x?a=1">here</a>', 'here', [link('https://t.me/x?a=1', 0, 4)]],
  [
    'HTML',
    '<span class="tg-spoiler">s</span><tg-spoiler>t</tg-spoiler>',
    'st',
    [span('spoiler', 0, 1), span('spoiler', 1, 1)],
  ],
  ['HTML', '<pre><code class="language-ts">x</code></pre>', 'x', [span('pre', 0, 1, { language: 'ts' })]],
  ['HTML', '<blockquote expandable>q</blockquote>', 'q', [span('expandable_blockquote', 0, 1)]],
  [
    'MarkdownV2',
    '*bold _both_* __under__ ~gone~ ||hid||',
    'bold both under gone hid',
    [
      span('bold', 0, 9),
      span('italic', 5, 4),
      span('underline', 10, 5),
      span('strikethrough', 16, 4),
      span('spoiler', 21, 3),
    ],
  ],
  ['MarkdownV2', '1\\.5 \\*x\\*', '1.5 *x*', []],
  ['MarkdownV2', '[here](https://t.me/x_\\))', 'here', [link('https://t.me/x_)', 0, 4)]],
  [
    'MarkdownV2',
    '```ts\na.b\n``` `c*d`',
    'a.b\n c*d',
    [span('pre', 0, 4, { language: 'ts' }), span('code', 5, 3)],
  ],
  ['MarkdownV2', '>one\n>two\nrest', 'one\ntwo\nrest', [span('blockquote', 0, 7)]],
  ['MarkdownV2', '>one\n>two||\nrest', 'one\ntwo\nrest', [span('expandable_blockquote', 0, 7)]],
  [
    'Markdown',
    '*bold* _it_ `c` [x](https://t.me)',
    'bold it c x',
    [span('bold', 0, 4), span('italic', 5, 2), span('code', 8, 1), link('https://t.me', 10, 1)],
  ],
];

test.each(texts)('%s: %s', async (parse_mode, source, text, entities) => {
  const { sandbox, chat_id } = await chat();
  const sent = await sandbox.ask('sendMessage', { chat_id, text: source, parse_mode });
  expect({ text: sent['text'], entities: sent['entities'] ?? [] }).toEqual({ text, entities });
});

test('addresses, commands, mentions and the like are found by themselves, but not inside code', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const found = (message: Json | undefined) => {
    const text = String(message?.['text']);
    const entities = (message?.['entities'] ?? []) as { type: string; offset: number; length: number }[];
    return entities.map(({ type, offset, length }) => `${type} ${text.slice(offset, offset + length)}`);
  };
  const text = 'See https://t.me/x?a=1, /help or @someone; #цена, me@example.org <code>/no</code> 1/2 a@b';
  expect(found(await sandbox.ask('sendMessage', { chat_id, text, parse_mode: 'HTML' }))).toEqual([
    'url https://t.me/x?a=1',
    'bot_command /help',
    'mention @someone',
    'hashtag #цена',
    'email me@example.org',
    'code /no',
  ]);
  anna.says('please /start@turnstile_sandbox_bot now');
  expect(found(anna.messages.at(-1)?.raw)).toEqual(['bot_command /start@turnstile_sandbox_bot']);
});

test('entities may be given in place of markup', async () => {
  const { sandbox, chat_id } = await chat();
  const entities = [{ type: 'bold', offset: 2, length: 3 }];
  const sent = await sandbox.ask('sendMessage', { chat_id, text: '  one two', entities });
  expect(sent).toMatchObject({ text: 'one two', entities: [{ type: 'bold', offset: 0, length: 3 }] });
});

test.each([
  ['HTML', '<x>a</x>', 'Unsupported start tag "x" at byte offset 0'],
  ['HTML', 'привет <b', 'Unclosed start tag at byte offset 13'],
  ['HTML', 'a < b > c', 'Unsupported start tag "" at byte offset 2'],
  ['HTML', '<b>a', 'Can\'t find end tag corresponding to start tag "b"'],
  ['HTML', 'a</b>', 'Unexpected end tag at byte offset 1'],
  ['HTML', '<b><i>a</b></i>', 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'],
  ['HTML', '<span>a</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
  ['MarkdownV2', 'a.b', "Character '.' is reserved and must be escaped with the preceding '\\'"],
  ['MarkdownV2', 'ы *b', "Can't find end of Bold entity at byte offset 3"],
  ['MarkdownV2', '```ts\nx', "Can't find end of PreCode entity at byte offset 0"],
  ['MarkdownV2', '[a](b', "Can't find end of a URL at byte offset 3"],
  ['Markdown', 'a *b', "Can't find end of the entity starting at byte offset 2"],
])('%s that Telegram cannot read: %s', async (parse_mode, text, reason) => {
  const { sandbox, chat_id } = await chat();
  const { description } = await sandbox.call('sendMessage', { chat_id, text, parse_mode });
  expect(description).toBe(`Bad Request: can't parse entities: ${reason}`);
});

test('messages are changed, copied, forwarded and deleted', async () => {
  const { sandbox, anna, chat_id, text, media, file } = await chat();
  const from = { chat_id, from_chat_id: chat_id };
  const edit = { chat_id, message_id: text };
  await sandbox.ask('editMessageText', { ...edit, text: 'plain', ...button({ callback_data: 'other' }) });
  const now = () => anna.messages.find(({ id }) => id === text);
  expect(now()).toMatchObject({ text: 'plain', buttons: [[{ label: 'Go', data: 'other' }]] });
  expect(now()?.raw).not.toHaveProperty('entities');
  await sandbox.ask('editMessageReplyMarkup', edit);
  expect(now()?.buttons).toEqual([]);
  await sandbox.ask('editMessageCaption', { chat_id, message_id: media, caption: 'A view' });
  await sandbox.ask('copyMessage', { ...from, message_id: media });
  expect(anna.messages.at(-1)).toMatchObject({ kind: 'photo', text: 'A view', media: [{ fileId: file }] });
  await sandbox.ask('copyMessage', { ...from, message_id: media, caption: 'Retold' });
  expect(anna.messages.at(-1)?.text).toBe('Retold');
  const forwarded = await sandbox.ask('forwardMessage', { ...from, message_id: anna.messages[0]?.id });
  expect(forwarded).toMatchObject({ text: '/start', forward_origin: { sender_user: { id: anna.id } } });
  const replied = { chat_id, text: 'yes', reply_parameters: { message_id: text } };
  expect(await sandbox.ask('sendMessage', replied)).toMatchObject({ reply_to_message: { text: 'plain' } });
  await sandbox.ask('deleteMessages', { chat_id, message_ids: [text, media, 12_345] });
  expect(anna.messages.map((message) => message.text)).toEqual([
    '/start',
    'A view',
    'Retold',
    '/start',
    'yes',
  ]);
  sandbox.clock.advance('49h');
  const message_id = anna.messages.at(-1)?.id;
  expect(await sandbox.call('deleteMessage', { chat_id, message_id })).toMatchObject({
    description: "Bad Request: message can't be deleted for everyone",
  });
});

test('labels below the text field are said when pressed, until they are taken away', async () => {
  const { sandbox, anna, chat_id } = await chat();
  const keyboard = [['Yes', { text: 'No' }]];
  await sandbox.ask('sendMessage', { chat_id, text: 'Sure?', reply_markup: { keyboard } });
  expect(anna.keyboard).toEqual([['Yes', 'No']]);
  anna.presses('No');
  expect(anna.messages.at(-1)).toMatchObject({ from: 'user', text: 'No' });
  await sandbox.ask('sendMessage', { chat_id, text: 'Well', reply_markup: { remove_keyboard: true } });
  expect(() => anna.presses('Yes')).toThrow('Expected a button “Yes”');
});

test('the bot has the id of its token, and the name that was chosen', async () => {
  const sandbox = await openSandbox({
    token: '77:secret',
    bot: { firstName: 'Guide', username: 'guide_bot' },
  });
  expect(await sandbox.ask('getMe')).toMatchObject({ id: 77, first_name: 'Guide', username: 'guide_bot' });
  const encoded = `${sandbox.url}/bot${encodeURIComponent(sandbox.token)}/getMe`;
  expect((await fetch(encoded)).status).toBe(200);
  await expect(openSandbox({ token: 'secret' })).rejects.toThrow('Expected a token such as 2000000042:');
});

test('an album arrives whole or not at all; its items share a group', async () => {
  const { sandbox, anna, chat_id, file } = await chat();
  const media = [
    { type: 'photo', media: file, caption: '<i>one</i>', parse_mode: 'HTML' },
    { type: 'photo', media: file },
  ];
  const sent = await sandbox.ask<Json[]>('sendMediaGroup', { chat_id, media: JSON.stringify(media) });
  expect(sent).toHaveLength(2);
  expect(new Set(sent.map((item) => item['media_group_id'])).size).toBe(1);
  const before = anna.messages.length;
  const broken = [...media, { type: 'photo', media: 'unknown' }];
  expect(await sandbox.call('sendMediaGroup', { chat_id, media: broken })).toMatchObject({ ok: false });
  expect(anna.messages).toHaveLength(before);
});

test('a picture carries its own size', async () => {
  const { anna } = await chat();
  const width = photo.readUInt32BE(16);
  const height = photo.readUInt32BE(20);
  expect(anna.messages.at(-1)?.raw).toMatchObject({ photo: [{ width, height, file_size: photo.length }] });
});

test('the menu is the one of the narrowest scope, in the person’s language when there is one', async () => {
  const { sandbox, chat_id } = await chat();
  const set = (command: string, more: Json) =>
    sandbox.ask('setMyCommands', { commands: [{ command, description: 'x' }], ...more });
  await set('all', {});
  await set('russian', { language_code: 'ru' });
  const menu = (language: string, chat?: number) =>
    sandbox.commandsFor(language, chat).map(({ command }) => command);
  expect([menu('en'), menu('ru'), menu('de')]).toEqual([['all'], ['russian'], ['all']]);
  await set('private', { scope: { type: 'all_private_chats' } });
  await set('operator', { scope: JSON.stringify({ type: 'chat', chat_id }) });
  expect([menu('ru'), menu('ru', chat_id)]).toEqual([['private'], ['operator']]);
  expect(await sandbox.ask('getMyCommands', { language_code: 'ru' })).toMatchObject([{ command: 'russian' }]);
  await sandbox.ask('deleteMyCommands', { scope: { type: 'chat', chat_id } });
  expect(menu('ru', chat_id)).toEqual(['private']);
});

test('a sandbox that says what Telegram never says fails the test that closes it', async () => {
  const sandbox = await startSandbox();
  const anna = sandbox.user({ firstName: 7 as never });
  expect(() => anna.says('/start')).toThrow('Update.message.from.first_name: expected String, found 7');
  await expect(sandbox.close()).rejects.toThrow('Update.message.chat.first_name: expected String, found 7');
});

test('a shape that the Bot API does not document is named with its path', () => {
  const message = { message_id: 1, date: 1, chat: { id: 1, type: 'private' } };
  expect(shapeProblems('Message', message)).toEqual([]);
  expect(shapeProblems('Message', { ...message, date: 1.5, smell: 'rose', chat: { id: 1 } })).toEqual([
    'Message.date: expected Integer, found 1.5',
    'Message.chat.type: missing in Chat',
    'Message.smell: Message has no such field',
  ]);
  expect(shapeProblems('Array of Update', [{ update_id: 1, message }, { message }])).toEqual([
    'Array of Update[1].update_id: missing in Update',
  ]);
  expect(
    shapeProblems('ChatMember', { status: 'left', user: { id: 1, is_bot: false, first_name: 'A' } }),
  ).toEqual([]);
  expect(shapeProblems('ChatMember', { status: 'gone' })).not.toEqual([]);
  expect(shapeProblems('Message|Boolean', true)).toEqual([]);
  expect(shapeProblems('User', { id: 1, is_bot: false, first_name: 'A', constructor: 1 })).toEqual([
    'User.constructor: User has no such field',
  ]);
});
