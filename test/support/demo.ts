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
/** The lit state of the picture. */
export const isLit = (page: Page, state: string) =>
  page.locator(`.machine [data-state="${state}"].current`).waitFor();
export const steps = (page: Page) => page.getByRole('region', { name: /^(Steps|Шаги)$/ });
