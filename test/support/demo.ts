import type { Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import { dataDir, type Program, run } from './process.ts';

export const wide = { width: 1280, height: 800 };
export const narrow = { width: 390, height: 844 };

/** The demo as its users start it. */
export async function startDemo(
  ...flags: string[]
): Promise<{ address: string; folder: string; demo: Program }> {
  const folder = dataDir();
  const demo = run(['demo', ...flags], { DATA_DIR: folder });
  const address = await vi.waitFor(
    () => /Open (http:\S+)/.exec(demo.output())?.[1] ?? expect.fail(`No address yet:\n${demo.output()}`),
    { timeout: 20_000 },
  );
  return { address, folder, demo };
}

/** Presses the newest button with this name. */
export const press = (page: Page, name: string | RegExp) =>
  page
    .getByRole('button', { name, exact: typeof name === 'string' })
    .last()
    .click();
export const sees = (page: Page, text: string | RegExp) =>
  page.getByRole('log').getByText(text).last().waitFor();
export async function says(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
}
/** Chooses from the menu of the chat. */
export async function chooses(page: Page, option: string): Promise<void> {
  await page.getByLabel('Options of the chat').click();
  await press(page, option);
}
/** Looks at another person. */
export const look = (page: Page, person: string) => page.getByRole('tab', { name: person }).click();
/** Adds a person and looks at them. */
export async function addsPerson(page: Page, name: string): Promise<void> {
  await press(page, 'Add a person');
  await page.getByLabel('Name').fill(name);
  await press(page, 'Add');
  await page.getByRole('region', { name: `Chat: ${name}` }).waitFor();
}
/** Opens the sheet over the first invoice. */
export async function wants(page: Page): Promise<void> {
  await press(page, 'Start');
  await press(page, 'Get access');
  await press(page, /^Pay 250/);
  await page.getByRole('dialog').getByText('The First Step Club').waitFor();
}
export async function pays(page: Page): Promise<void> {
  await press(page, /^Confirm and pay 250/);
  await page.getByRole('dialog').getByText('Payment completed').waitFor();
  await press(page, 'Done');
}
/** Opens the sheet behind the newest link to the club. */
export async function knocks(page: Page, members = '1 member'): Promise<void> {
  await press(page, 'Enter the club');
  await page.getByRole('dialog').getByText(members, { exact: true }).waitFor();
}
/** Asks to join by the sheet that is open, and is let in. */
export async function joins(page: Page): Promise<void> {
  await press(page, 'Request to join');
  await page.getByText('The request was sent').waitFor();
  await press(page, 'Close');
  await page.getByTitle('In The First Step Club').waitFor();
}
export const isOutside = (page: Page) =>
  page.getByTitle('In The First Step Club').waitFor({ state: 'detached' });
/** The lit state of the picture. */
export const isLit = (page: Page, state: string) =>
  page.locator(`.machine [data-state="${state}"].current`).waitFor();
export const steps = (page: Page) => page.getByRole('region', { name: /^(Steps|Шаги)$/ });
