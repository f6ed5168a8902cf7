import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];

/** The browser on this machine; CHROMIUM names another one. Ubuntu's is only a hint to install a snap. */
export const browserPath: string | undefined =
  process.env['CHROMIUM'] ||
  names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path) && spawnSync(path, ['--version']).status === 0);

if (browserPath === undefined) {
  console.warn(
    'The tests of the chat page in a browser are skipped: no chromium is on this machine, and it could not be installed. Install it (Debian: apt-get install chromium), or name one in CHROMIUM.',
  );
}

const root = resolve(import.meta.dirname, '../..');
const artifacts = join(root, 'artifacts');
const pictures = join(root, 'docs/pictures');
/** With UPDATE_PICTURES=1, those of the documentation are written anew. */
const documented = process.env['UPDATE_PICTURES'] === '1';
/** Bytes that a picture of the documentation may take. */
const largest = 200 * 1_024;
/** The pattern behind a chat would take more room than all the rest. */
const plainWall = '.chat { background: light-dark(#c9dab4, #0e1621) !important }';

/** Keeps a picture of the page in artifacts/. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(artifacts, { recursive: true });
  await page.screenshot({ path: join(artifacts, `${name}.png`), animations: 'disabled' });
}

/** Keeps a picture for the documentation, of the page or of the part with this selector. */
export async function documentPicture(page: Page, name: string, part = 'body'): Promise<void> {
  if (!documented) return keepPicture(page, name);
  const path = join(pictures, `${name}.png`);
  const clip = await page.locator(part).boundingBox();
  if (clip === null) throw new Error(`There is no ${part} to see.`);
  await page.screenshot({ path, animations: 'disabled', clip, style: plainWall });
  expect(statSync(path).size, path).toBeLessThan(largest);
}

let running: Promise<Browser> | undefined;

/** Closes what the tests of a file have opened. */
export async function closeBrowser(): Promise<void> {
  await (await running)?.close();
  running = undefined;
}

/**
 * Opens an address as a new visitor. The test fails when the page throws, prints an error, or asks for anything of
 * another address.
 */
export async function visit(address: string, options: BrowserContextOptions): Promise<Page> {
  // A container has no user namespaces for chromium's sandbox; the pages are our own.
  running ??= chromium.launch({ executablePath: browserPath as string, args: ['--no-sandbox'] });
  const context = await (await running).newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== address && protocol !== 'data:') problems.push(`asked for ${request.url()}`);
  });
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') await keepPicture(page, `failed-${task.id}`);
    await context.close();
    expect(problems).toEqual([]);
  });
  await page.goto(address);
  // From here on it hears everything.
  await page.getByRole('log').first().waitFor();
  return page;
}
