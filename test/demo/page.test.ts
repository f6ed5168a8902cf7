import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { findEmbeddedRedis } from '../../src/runtime/redis/server.ts';
import type { PageAction } from '../../src/sandbox/page/wire.ts';
import { browserPath, closeBrowser, keepPicture, visit } from '../support/browser.ts';
import { isLit, narrow, press, sees, startDemo, steps, wide } from '../support/demo.ts';

afterAll(closeBrowser);

const startsOf = (folder: string) =>
  readFileSync(join(folder, 'bot.log'), 'utf8').split('"msg":"ready"').length - 1;

describe.skipIf(browserPath === undefined)('in a browser', () => {
  test('a newcomer buys access, sees the reminder by skipping time, and goes on after the bot was killed', {
    timeout: 90_000,
  }, async () => {
    const { address, folder } = await startDemo();
    const page = await visit(address, { viewport: wide, colorScheme: 'light' });
    await sees(page, 'What can this bot do?');
    await press(page, 'Start');
    await press(page, 'Get access');
    await sees(page, 'The First Step Club');
    await isLit(page, 'awaiting_payment');
    await page
      .getByRole('listitem')
      .filter({ hasText: 'payment_reminder' })
      .getByText(/^[45]:\d\d$/)
      .waitFor();

    await press(page, 'Skip to next reminder');
    const video = page.locator('video');
    await video.waitFor();
    await sees(page, /keep people from starting/);
    await steps(page).getByText('after payment_reminder').waitFor();
    // It plays: its length is known, and its time moves.
    await video.evaluate((element: { muted: boolean; play(): Promise<void> }) => {
      element.muted = true;
      return element.play();
    });
    await vi.waitFor(
      async () =>
        expect(await video.evaluate((at: { currentTime: number }) => at.currentTime)).toBeGreaterThan(0),
      10_000,
    );
    await video.evaluate((element: { pause(): void }) => element.pause());
    await keepPicture(page, 'page-1280-light-reminder');

    await press(page, /^Pay 250/);
    const sheet = page.getByRole('dialog');
    await sheet.getByText('1000').waitFor();
    await keepPicture(page, 'page-1280-light-pay');
    await press(page, /^Confirm and pay 250/);
    await sheet.getByText('Payment completed').waitFor();
    await press(page, 'Done');
    await sees(page, /successfully transferred 250/);
    await sees(page, /Where shall we begin/);
    await isLit(page, 'paid');

    await press(page, 'Restart the bot');
    await page.getByText('the bot is starting again…').waitFor();
    // Pressed while nobody runs: the button waits, and the answer comes after the start.
    const topic = page.getByRole('button', { name: 'Keep the rhythm' }).last();
    await topic.click();
    await page
      .getByRole('button', { name: 'Keep the rhythm', exact: true })
      .and(page.locator('[aria-busy="true"]'))
      .waitFor();
    await steps(page).getByText('The bot was killed (SIGKILL)').waitFor();
    await sees(page, 'Three rules for the days when the spark has gone.');
    await steps(page).getByText('The bot runs and goes on where it was').waitFor();
    await isLit(page, 'topic_selected');
    await page.locator('[aria-busy="true"]').waitFor({ state: 'detached' });
    await page.locator('.grid[data-count="3"] img').nth(2).waitFor();
    expect(await page.locator('.grid[data-count="3"] img').count()).toBe(3);
    expect(startsOf(folder)).toBe(2);
    await page.getByText('follow_up', { exact: true }).waitFor();
    await keepPicture(page, 'page-1280-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await keepPicture(page, 'page-1280-dark');

    const phone = await visit(address, { viewport: narrow, colorScheme: 'dark', hasTouch: true });
    await sees(phone, 'Three rules for the days when the spark has gone.');
    expect(await phone.evaluate('document.documentElement.scrollWidth')).toBe(narrow.width);
    await keepPicture(phone, 'page-390-dark');
    await phone.getByRole('button', { name: 'Machine' }).click();
    await isLit(phone, 'topic_selected');
    expect(await phone.evaluate('document.documentElement.scrollWidth')).toBe(narrow.width);
    await keepPicture(phone, 'page-390-dark-machine');
    await phone.emulateMedia({ colorScheme: 'light' });
    await phone.getByRole('button', { name: 'Chat' }).click();
    await keepPicture(phone, 'page-390-light');
  });

  test('a second person speaks Russian, blocks the bot and comes back, and the network is lost and found', {
    timeout: 90_000,
  }, async () => {
    const { address } = await startDemo();
    const page = await visit(address, { viewport: wide, colorScheme: 'dark' });
    await press(page, 'Add a person');
    await page.getByLabel('Name').fill('Пётр');
    await page.getByRole('combobox').selectOption('ru');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await press(page, 'Начать');
    await sees(page, 'Пётр');
    await isLit(page, 'idle');

    await page.getByLabel('Действия с чатом').click();
    await press(page, 'Заблокировать бота');
    await press(page, 'Перезапустить');
    await page.getByRole('log').getByText('/start').nth(1).waitFor();
    await press(page, 'Меню');
    await page.getByRole('option', { name: /\/terms/ }).click();
    await sees(page, 'Условия');

    await press(page, 'Без сети на 10 с');
    await page.getByText('ожидание сети…').waitFor();
    await page.getByLabel('Сообщение').fill('/help');
    await page.keyboard.press('Enter');
    await press(page, '+5 мин');
    await steps(page).getByText('Сеть вернулась').waitFor();
    await sees(page, 'Что я умею');
    await keepPicture(page, 'page-1280-dark-russian');
    await page.getByRole('tab', { name: 'Anna' }).click();
    await sees(page, 'What can this bot do?');

    await press(page, 'Show two chats');
    const [anna, peter] = ['Chat: Anna', 'Chat: Пётр'].map((name) => page.getByRole('region', { name }));
    await peter?.getByText('Что я умею').waitFor();
    await anna?.getByRole('button', { name: 'Start' }).click();
    await anna?.getByText('Hello, Anna').waitFor();
    await steps(page).getByText('Anna', { exact: true }).waitFor();
    await keepPicture(page, 'page-1280-dark-two-chats');
  });
});

test('a demo that ends while its bot is starting leaves no Redis running', { timeout: 60_000 }, async () => {
  const { address, demo, folder } = await startDemo();
  const act = (action: PageAction) =>
    fetch(`${address}/page/actions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(action),
    });
  await act({ do: 'disconnect', ms: 3_600_000 });
  await act({ do: 'restart' });
  await vi.waitFor(
    () => expect(readFileSync(join(folder, 'bot.log'), 'utf8')).toMatch(/cannot be reached/),
    20_000,
  );
  expect(await demo.kill('SIGTERM')).toBe(0);
  expect(await findEmbeddedRedis(folder)).toBe(null);
});
