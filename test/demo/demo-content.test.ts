import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadClub } from '../../src/club/conversation.ts';
import type { Sale } from '../../src/club/settings.ts';
import { copyContent } from '../../src/demo/demo-content.ts';
import { type Edit, edited } from '../support/content.ts';
import { dataDir } from '../support/process.ts';

const club = -1_001_000_000_001;

/** The content that the demo's bot gets. */
async function demoContent(sells: Sale | undefined, ...edits: Edit[]) {
  const to = join(dataDir(), 'content');
  copyContent(await edited(...edits), to, { sells, language: 'en', club });
  return { to, content: (await loadClub(to)).content };
}

test('the demo sells what was asked for, else what bot.yaml sells, and days in place of for ever', async () => {
  const days90: Edit = ['bot.yaml', 'access_days: 0', 'access_days: 90'];
  const monthly: Edit = ['bot.yaml', /^ {2}subscription:/m, '  subscription: monthly'];
  const cases: [Sale | undefined, Edit[], number, boolean][] = [
    [undefined, [], 30, false],
    [undefined, [days90], 90, false],
    [undefined, [monthly], 30, true],
    ['forever', [days90], 0, false],
    ['days', [monthly], 30, false],
    ['subscription', [days90], 30, true],
  ];
  for (const [sells, edits, accessDays, isSubscription] of cases) {
    const { content } = await demoContent(sells, ...edits);
    expect(content.settings.product, `${sells} of ${edits.map(String)}`).toMatchObject({
      accessDays,
      isSubscription,
    });
    expect(content.settings.club.chatId).toBe(club);
    expect(content.defaultLanguage).toBe('en');
  }
});

test('another currency brings a price of its own, in its smallest units', async () => {
  for (const currency of ['EUR', 'JPY']) {
    const to = join(dataDir(), 'content');
    copyContent(await edited(), to, { currency, language: 'en', club });
    expect((await loadClub(to)).content.settings.product).toMatchObject({ currency, price: 1_900 });
  }
});

test('a club that bot.yaml names does not reach the demo; the lines stay where they are', async () => {
  const real: Edit = ['bot.yaml', 'chat_id:', 'chat_id: -1009999999999'];
  const { to, content } = await demoContent(undefined, real);
  expect(content.settings.club.chatId).toBe(club);
  const [before, after] = await Promise.all(
    ['content', to].map((folder) => readFile(join(folder, 'bot.yaml'), 'utf8')),
  );
  expect(after?.split('\n').length).toBe(before?.split('\n').length);
});

test('broken content is handed to the bot as it is, which says what is wrong', async () => {
  const from = await edited(['bot.yaml', 'product:', 'product: [']);
  const to = join(dataDir(), 'content');
  copyContent(from, to, { language: 'en', club });
  expect(await readFile(join(to, 'bot.yaml'), 'utf8')).toBe(await readFile(join(from, 'bot.yaml'), 'utf8'));
  copyContent(join(from, 'nothing'), to, { language: 'en', club });
  expect(existsSync(to)).toBe(false);
});
