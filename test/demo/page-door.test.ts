import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { browserPath, closeBrowser, keepPicture, visit } from '../support/browser.ts';
import {
  addsPerson,
  chooses,
  isLit,
  isOutside,
  joins,
  knocks,
  look,
  narrow,
  pays,
  press,
  says,
  sees,
  startDemo,
  wants,
  wide,
} from '../support/demo.ts';

afterAll(closeBrowser);

async function openDemo(viewport = wide): Promise<Page> {
  const { address } = await startDemo();
  return visit(address, { colorScheme: 'light', reducedMotion: 'reduce', viewport });
}

/** Does something in the club by hand, for example `Ban: Anna`. */
async function byHand(page: Page, ...names: string[]): Promise<void> {
  await press(page, 'The club');
  for (const name of names) await page.getByRole('dialog').getByRole('button', { name }).click();
}

/** How many messages the chat has, those of both sides. */
const messages = (page: Page) => page.getByRole('article').count();
const closes = (page: Page) => press(page, 'Close');
const isInside = (page: Page) => page.getByTitle('In The First Step Club').waitFor();
const stands = (page: Page, name: string, standing: string) =>
  page.getByRole('dialog').getByRole('listitem').filter({ hasText: name }).getByText(standing).waitFor();

/** Runs what the page says to type in a terminal, with the compiled program. Returns what it printed. */
async function types(command: string): Promise<string> {
  expect(command).toContain('npx turnstile payments adopt');
  const compiled = command.replace('npx turnstile', `'${process.execPath}' dist/src/main.js`);
  const child = spawn('sh', ['-c', compiled], {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { PATH: process.env['PATH'], NO_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      output += text.toString();
    });
  const [code] = await once(child, 'close');
  expect(code, output).toBe(0);
  return output;
}

describe.skipIf(browserPath === undefined)('in a browser', () => {
  test('a link that was passed on lets no stranger in; the operator hears of one whom the owner has put in', {
    timeout: 60_000,
  }, async () => {
    const page = await openDemo();
    await wants(page);
    await pays(page);
    await page.getByRole('button', { name: 'Enter the club' }).waitFor();
    await addsPerson(page, 'Peter');
    await press(page, 'Start');
    await chooses(page, 'Open a link of …');
    await page.getByRole('dialog').getByText('The link of Anna').waitFor();
    await keepPicture(page, 'page-1280-light-passed-on');
    await press(page, 'The link of Anna');
    await press(page, 'Request to join');
    await page.getByText('The request was sent').waitFor();
    await closes(page);
    await sees(page, /This club is for members/);
    await press(page, 'The club');
    await stands(page, 'Peter', 'outside');
    await press(page, 'Put in: Peter');
    await stands(page, 'Peter', 'in the club');
    await keepPicture(page, 'page-1280-light-the-club');
    await closes(page);
    await isInside(page);
    await press(page, '+5 min');
    await look(page, 'Olga');
    await sees(page, /Came into the club without access: 1/);
    await sees(page, /Peter/);
    await keepPicture(page, 'page-1280-light-stranger');
    // The link is Anna's own still.
    await look(page, 'Anna');
    await knocks(page, '2 members');
    await joins(page);
  });

  test('who is banned pays and hears so; the operator lets them in, and the owner’s next ban holds until it is lifted', {
    timeout: 60_000,
  }, async () => {
    const page = await openDemo();
    await wants(page);
    await press(page, 'Close');
    await byHand(page, 'Ban: Anna');
    await stands(page, 'Anna', 'banned');
    await closes(page);
    await press(page, /^Pay 250/);
    await pays(page);
    await sees(page, /an administrator of the club has banned you there/);
    await look(page, 'Olga');
    await sees(page, 'Paid, and banned from the club');
    await keepPicture(page, 'page-1280-light-banned');
    await press(page, 'Let in');
    await look(page, 'Anna');
    await knocks(page);
    await joins(page);
    await byHand(page, 'Ban: Anna');
    await stands(page, 'Anna', 'banned');
    await closes(page);
    await isOutside(page);
    await press(page, 'Enter the club');
    await page.getByText(/is banned from/).waitFor();
    await byHand(page, 'Lift the ban: Anna');
    await stands(page, 'Anna', 'outside');
    await closes(page);
    await knocks(page);
    await joins(page);
  });

  test('the operator is offered /grant for each person, and gives access', { timeout: 60_000 }, async () => {
    const page = await openDemo(narrow);
    await press(page, 'Start');
    await sees(page, /Hello, Anna/);
    await look(page, 'Olga');
    await page.getByLabel('Message', { exact: true }).fill('/gr');
    await page.getByRole('option', { name: 'Give Anna 30 days' }).waitFor();
    await keepPicture(page, 'page-390-light-grant');
    await page.getByRole('option', { name: 'Give Anna 30 days' }).click();
    await sees(page, 'Access given');
    await press(page, 'Machine');
    await press(page, 'The club');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(narrow.width);
    await keepPicture(page, 'page-390-light-the-club');
    await press(page, 'Close');
    await keepPicture(page, 'page-390-light-controls');
    await press(page, 'Chat');
    await look(page, 'Anna');
    await sees(page, /You have been given access until/);
    await knocks(page);
    await joins(page);
  });

  test('a refund waits while the bot has no Stars, and goes through when they are back', {
    timeout: 60_000,
  }, async () => {
    const page = await openDemo();
    await wants(page);
    await pays(page);
    await says(page, '/paysupport I bought it by mistake, sorry.');
    await byHand(page, 'Withdraw all');
    await page.getByRole('dialog').getByText('0', { exact: true }).waitFor();
    await closes(page);
    await look(page, 'Olga');
    await press(page, /^Refund 250/);
    await press(page, 'Yes, refund');
    await sees(page, 'A refund did not go through yet');
    await sees(page, /BALANCE_TOO_LOW/);
    await look(page, 'Anna');
    await page.getByRole('tab', { name: 'refunds' }).click();
    await isLit(page, 'waiting');
    await keepPicture(page, 'page-1280-light-refund-waits');
    await byHand(page, 'Put them back');
    await page.getByRole('dialog').getByText('250', { exact: true }).waitFor();
    await closes(page);
    await press(page, '+1 day');
    await sees(page, /Your money was returned: 250 Stars/);
    await isLit(page, 'settled');
  });

  test('a history at Telegram is taken over by what the page says to type: nobody gets a message, and its ends come', {
    timeout: 90_000,
  }, async () => {
    const page = await openDemo();
    await wants(page);
    await pays(page);
    await knocks(page);
    await joins(page);
    // The list of the last minute is left to the running bot.
    await press(page, '+5 min');
    await press(page, 'The club');
    await press(page, 'Give the bot a history');
    const command = (await page.getByRole('dialog').locator('pre').textContent()) ?? '';
    await keepPicture(page, 'page-1280-light-history');
    await press(page, 'OK');
    await page.getByText('Everything that the bot had stored is gone').waitFor();
    await page.getByText('The bot runs and goes on where it was').waitFor();
    await look(page, 'Vera');
    await sees(page, /./);
    const asked = await messages(page);
    expect(asked).toBe(2);
    await look(page, 'Olga');
    await sees(page, 'Telegram lists payments that the books of this installation do not have');
    const printed = await types(command);
    expect(printed).toMatch(/4 +people/);
    expect(printed).toMatch(/6 +payments/);
    expect(printed).toMatch(/1 +payments and refunds of other programs/);

    await look(page, 'Vera');
    await page.getByRole('tab', { name: 'membership' }).click();
    await isLit(page, 'active.member');
    await isInside(page);
    await keepPicture(page, 'page-1280-light-adopted');
    await look(page, 'Anna');
    await isLit(page, 'active.member');
    await look(page, 'Maria');
    await page.getByText('No session yet').waitFor();
    for (const name of ['Boris', 'Maria', 'Ivan']) {
      await look(page, name);
      await sees(page, 'What can this bot do?');
    }
    await look(page, 'Vera');
    await says(page, '/status');
    await sees(page, /Access is open until/);
    expect(await messages(page)).toBe(asked + 2);
    await press(page, '+30 days');
    await isOutside(page);
  });
});
