import { Bot, InlineKeyboard, InputFile } from 'grammy';
import { Bot as Bot2, InputFile as InputFile2 } from 'node-telegram-bot-api';
import TelegramBot from 'node-telegram-bot-api-1';
import { Telegraf } from 'telegraf';
import { expect, onTestFinished, test } from 'vitest';
import type { Sandbox } from '../../src/sandbox/index.ts';
import { openSandbox } from '../support/sandbox.ts';

const bytes = Buffer.from('%PDF-1.4 a report of the first week');
const fileName = 'the first week, final.pdf';
const keyboard = { inline_keyboard: [[{ text: 'Send me the report', callback_data: 'report' }]] };

/** Each bot greets with a button, and answers its press with a line and a file. Returns what ends it. */
const clients: Record<string, (sandbox: Sandbox) => () => unknown> = {
  grammY: ({ token, url }) => {
    const bot = new Bot(token, { client: { apiRoot: url } });
    bot.command('start', (context) =>
      context.reply('Welcome', { reply_markup: new InlineKeyboard().text('Send me the report', 'report') }),
    );
    bot.callbackQuery('report', async (context) => {
      await context.answerCallbackQuery('Here it is');
      await context.replyWithDocument(new InputFile(bytes, fileName), {
        caption: '<b>Report</b>',
        parse_mode: 'HTML',
      });
    });
    void bot.start();
    return () => bot.stop();
  },
  'Telegraf 4': ({ token, url }) => {
    const bot = new Telegraf(token, { telegram: { apiRoot: url } });
    bot.start((context) => context.reply('Welcome', { reply_markup: keyboard }));
    bot.action('report', async (context) => {
      await context.answerCbQuery('Here it is');
      await context.replyWithDocument(
        { source: bytes, filename: fileName },
        { caption: '<b>Report</b>', parse_mode: 'HTML' },
      );
    });
    const ended = bot.launch();
    return () => {
      bot.stop();
      return ended;
    };
  },
  'node-telegram-bot-api 1': ({ token, url }) => {
    const bot = new TelegramBot(token, { baseApiUrl: url, polling: true });
    bot.onText(
      /^\/start/,
      (message) => void bot.sendMessage(message.chat.id, 'Welcome', { reply_markup: keyboard }),
    );
    bot.on('callback_query', async (query) => {
      await bot.answerCallbackQuery(query.id, { text: 'Here it is' });
      const chat = query.message?.chat.id as number;
      const options = { caption: '<b>Report</b>', parse_mode: 'HTML' } as const;
      await bot.sendDocument(chat, bytes, options, { filename: fileName, contentType: 'application/pdf' });
    });
    // It waits for the poll that is open, which ends with the sandbox.
    return () => {
      bot.on('polling_error', () => {});
      void bot.stopPolling();
    };
  },
  'node-telegram-bot-api 2': ({ token, url }) => {
    const bot = new Bot2(token, { apiRoot: url });
    bot.command('start', (context) => context.reply('Welcome', { reply_markup: keyboard }));
    bot.on('callback_query', async ({ api, callbackQuery }) => {
      await api.answerCallbackQuery({ callback_query_id: callbackQuery?.id as string, text: 'Here it is' });
      await api.sendDocument({
        chat_id: callbackQuery?.from.id as number,
        document: new InputFile2(bytes, { filename: fileName }),
        caption: '<b>Report</b>',
        parse_mode: 'HTML',
      });
    });
    const ended = bot.startPolling();
    return () => {
      bot.stop();
      return ended;
    };
  },
};

test.each(Object.keys(clients))('%s works unchanged: long polling, a button press, a file', async (name) => {
  const sandbox = await openSandbox();
  const stop = clients[name]?.(sandbox);
  onTestFinished(async () => void (await stop?.()));
  const anna = sandbox.user();
  const polls = () => sandbox.calls.filter(({ method }) => method === 'getUpdates');
  await sandbox.waitFor(() => polls().length > 0, 'the first poll');
  expect(Number(polls().at(-1)?.payload['timeout'])).toBeGreaterThan(0);

  anna.says('/start');
  await anna.sees('Welcome');
  anna.presses('Send me the report');
  const sent = await anna.sees('Report');

  expect(anna.toasts).toEqual(['Here it is']);
  expect(sent).toMatchObject({ kind: 'document', media: [{ fileName, size: bytes.length }] });
  expect(sent.raw).toMatchObject({ caption_entities: [{ type: 'bold', offset: 0, length: 6 }] });
  const { file_path } = await sandbox.ask<{ file_path: string }>('getFile', {
    file_id: sent.media?.[0]?.fileId,
  });
  const download = await fetch(`${sandbox.url}/file/bot${sandbox.token}/${file_path}`);
  expect(Buffer.from(await download.arrayBuffer())).toEqual(bytes);
  await sandbox.waitFor(() => sandbox.pendingUpdates === 0, 'the confirmation');
});

test('parameters in the query count before those of the body, which may be empty', async () => {
  const sandbox = await openSandbox();
  const anna = sandbox.user();
  anna.says('/start');
  const address = `${sandbox.url}/bot${sandbox.token}/sendMessage`;
  const inQuery = `${address}?chat_id=${anna.id}&text=${encodeURIComponent('from the query')}`;
  expect((await fetch(inQuery, { method: 'POST' })).status).toBe(200);
  await fetch(inQuery, {
    method: 'POST',
    body: new URLSearchParams({ text: 'from the body', chat_id: '1' }),
  });
  expect(anna.messages.map(({ text }) => text)).toEqual(['/start', 'from the query', 'from the query']);
});
