import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page as Tab } from 'playwright-core';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Sandbox, type SandboxUser, startSandbox } from '../../src/sandbox/index.ts';
import { Page } from '../../src/sandbox/page/page.ts';
import type { PageAction, PageReply } from '../../src/sandbox/page/wire.ts';
import { browserPath, closeBrowser, keepPicture, visit } from '../support/browser.ts';

afterAll(closeBrowser);

interface Scene {
  readonly sandbox: Sandbox;
  readonly page: Page;
  readonly user: SandboxUser;
  /** Calls the Bot API as a bot does. */
  call(method: string, values: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/** The page on a sandbox whose bot is the test itself. */
async function openScene(): Promise<Scene> {
  let page: Page | undefined;
  const sandbox = await startSandbox({
    strict: true,
    other: (request, response) => page?.handle(request, response),
  });
  page = new Page({
    sandbox,
    folder: resolve(import.meta.dirname, '../../dist/page'),
    machines: [
      {
        id: 'access',
        forOperators: false,
        picture: async () => '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>',
      },
    ],
    sessions: async () => [],
    advance: (ms) => sandbox.clock.advance(ms),
    restart: () => {},
  });
  page.hearBot({ process: 'running' });
  onTestFinished(async () => {
    page?.close();
    await sandbox.close();
  });
  const user = sandbox.user({ firstName: 'Анна <b>' });
  user.says('/start');
  const call: Scene['call'] = async (method, values) => {
    const response = await fetch(`${sandbox.url}/bot${sandbox.token}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ chat_id: user.id, ...values }),
    });
    const answer = (await response.json()) as { ok: boolean; result: Record<string, unknown> };
    expect(answer).toMatchObject({ ok: true });
    return answer.result;
  };
  return { sandbox, page, user, call };
}

/** The files that the product itself sends, uploaded once. */
async function upload(
  { sandbox, user }: Scene,
  method: string,
  field: string,
  name: string,
): Promise<string> {
  const form = new FormData();
  form.set('chat_id', String(user.id));
  form.set(field, new Blob([readFileSync(resolve(import.meta.dirname, '../../content/media', name))]), name);
  const response = await fetch(`${sandbox.url}/bot${sandbox.token}/${method}`, {
    method: 'POST',
    body: form,
  });
  const { result } = (await response.json()) as {
    result: { document?: { file_id: string }; photo?: { file_id: string }[] };
  };
  return result.document?.file_id ?? result.photo?.at(-1)?.file_id ?? '';
}

const ask = async (
  { sandbox }: Scene,
  action: PageAction,
  headers: Record<string, string> = {},
): Promise<{ status: number; reply: PageReply }> => {
  const response = await fetch(`${sandbox.url}/page/actions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(action),
  });
  return { status: response.status, reply: (await response.json()) as PageReply };
};

const log = (tab: Tab) => tab.getByRole('log');

describe.skipIf(browserPath === undefined)('in a browser', () => {
  test('texts are shown by their entities, and markup in them stays text', async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, { viewport: { width: 1280, height: 800 } });
    scene.user.says('<img src=x onerror="document.title=1"> <script>1</script>');
    await scene.call('sendMessage', {
      parse_mode: 'HTML',
      text:
        '<b>bold <i>and italic</i></b> <u>under</u> <s>struck</s> <code>&lt;code&gt;</code> <a href="https://example.org/?a=1">link</a> ' +
        '<tg-spoiler>secret</tg-spoiler>\n<blockquote>quoted</blockquote><pre>two\nlines</pre>👩‍🚀 after /help <a href="javascript:alert(1)">no link</a>',
    });
    await log(tab).getByText('<img src=x onerror="document.title=1"> <script>1</script>').waitFor();
    await log(tab).locator('strong em', { hasText: 'and italic' }).waitFor();
    for (const [tag, text] of Object.entries({
      u: 'under',
      s: 'struck',
      code: '<code>',
      blockquote: 'quoted',
    }))
      expect(await log(tab).locator(tag).textContent()).toBe(text);
    expect(await log(tab).locator('pre').textContent()).toBe('two\nlines');
    expect(await log(tab).getByRole('link', { name: 'link', exact: true }).getAttribute('href')).toBe(
      'https://example.org/?a=1',
    );
    expect(await log(tab).getByRole('link', { name: 'no link' }).count()).toBe(0);
    expect(await log(tab).locator('img').count()).toBe(0);
    expect(await tab.title()).toBe('Turnstile · demo');
    await log(tab).getByRole('button', { name: 'spoiler' }).click();
    await log(tab).getByText('secret').waitFor();
    await log(tab).getByRole('button', { name: '/help' }).click();
    await scene.sandbox.waitFor(() => scene.user.messages.at(-1)?.text === '/help', 'the pressed command');
    await keepPicture(tab, 'page-texts');
  });

  test('a pressed button waits for the bot, and its answer is a toast or an alert', async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, { viewport: { width: 1280, height: 800 } });
    const buttons = [
      [
        { text: 'One', callback_data: '1' },
        { text: 'Two', callback_data: '2' },
      ],
      [{ text: 'Site', url: 'https://example.org' }],
    ];
    await scene.call('sendMessage', { text: 'Choose', reply_markup: { inline_keyboard: buttons } });
    for (const [label, answer] of [
      ['One', { text: 'A toast' }],
      ['Two', { text: 'An alert', show_alert: true }],
    ] as const) {
      const pressed = new Promise<string>((query) => {
        const off = scene.sandbox.onEvent((event) => {
          if (event.type !== 'button_pressed') return;
          off();
          query(event.query);
        });
      });
      await tab.getByRole('button', { name: label, exact: true }).click();
      const query = await pressed;
      await tab.locator('[aria-busy="true"]', { hasText: label }).waitFor();
      await scene.call('answerCallbackQuery', { callback_query_id: query, ...answer });
      await tab.getByText(answer.text).waitFor();
      await tab.locator('[aria-busy="true"]').waitFor({ state: 'detached' });
    }
    await tab.getByRole('dialog').getByText('An alert').waitFor();
    await keepPicture(tab, 'page-alert');
    await tab.keyboard.press('Escape');
    await tab.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await tab.getByRole('link', { name: 'Site' }).getAttribute('href')).toBe('https://example.org');
  });

  test('typing is shown until the message comes; messages are edited and deleted in place', async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, { viewport: { width: 390, height: 844 } });
    await scene.call('sendChatAction', { action: 'upload_video' });
    await tab.getByText('sending a video…').waitFor();
    const { message_id } = await scene.call('sendMessage', { text: 'first version' });
    await log(tab).getByText('first version').waitFor();
    expect(await tab.getByText('sending a video…').count()).toBe(0);
    await scene.call('editMessageText', { message_id, text: 'second version' });
    await log(tab).getByText('second version').waitFor();
    await log(tab).getByText('edited').waitFor();
    expect(await log(tab).getByText('first version').count()).toBe(0);
    await scene.call('deleteMessage', { message_id });
    await log(tab).getByText('second version').waitFor({ state: 'detached' });
  });

  test('documents download under their names, albums stand as a grid, and a picture opens large', async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, {
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
    });
    await upload(scene, 'sendDocument', 'document', 'first-week.en.pdf');
    const photos = [
      await upload(scene, 'sendPhoto', 'photo', 'rhythm-1.en.png'),
      await upload(scene, 'sendPhoto', 'photo', 'rhythm-2.en.png'),
      await upload(scene, 'sendPhoto', 'photo', 'rhythm-3.en.png'),
    ];
    for (const count of [2, 4, 5, 7]) {
      const media = Array.from({ length: count }, (_, index) => ({
        type: 'photo',
        media: photos[index % 3],
        ...(index === 0 && { caption: `An album of ${count}` }),
      }));
      await scene.call('sendMediaGroup', { media });
      await log(tab).getByText(`An album of ${count}`).waitFor();
      expect(await tab.locator(`.grid[data-count="${count}"] img`).count()).toBe(count);
      await keepPicture(tab, `page-album-${count}`);
    }
    const download = tab.waitForEvent('download');
    await tab.getByRole('link', { name: 'Download: first-week.en.pdf' }).click();
    expect((await download).suggestedFilename()).toBe('first-week.en.pdf');
    await tab
      .getByRole('button', { name: /^Open the photo/ })
      .last()
      .click();
    await tab.getByRole('dialog').waitFor();
    await tab.keyboard.press('Escape');
    await tab.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('a refused payment tells the reason in the sheet, and takes no Stars', async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, { viewport: { width: 390, height: 844 } });
    await scene.call('sendInvoice', {
      title: 'Club',
      description: 'A month',
      payload: 'club',
      currency: 'XTR',
      prices: [{ label: 'Club', amount: 400 }],
    });
    scene.sandbox.onEvent((event) => {
      if (event.type === 'checkout_asked')
        void scene.call('answerPreCheckoutQuery', {
          pre_checkout_query_id: event.query,
          ok: false,
          error_message: 'Sold out.',
        });
    });
    await tab.getByRole('button', { name: /^Pay 400/ }).click();
    await tab.getByRole('button', { name: /^Confirm and pay 400/ }).click();
    await tab.getByRole('dialog').getByText('Sold out.').waitFor();
    await tab.getByRole('dialog').getByText('1000').waitFor();
    await keepPicture(tab, 'page-390-refused');
  });

  test("an invite link of Telegram's opens the club, by request too; one that is used up tells why", async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, { viewport: { width: 390, height: 844 } });
    const club = scene.sandbox.club({ title: 'Readers' });
    const offer = async (label: string, options: object) => {
      const { invite_link: url } = await scene.call('createChatInviteLink', { chat_id: club.id, ...options });
      const reply_markup = { inline_keyboard: [[{ text: label, url }]] };
      await scene.call('sendMessage', { text: `The link for ${label}`, reply_markup });
      return String(url);
    };
    const once = await offer('One', { member_limit: 1 });
    scene.sandbox.user({ firstName: 'Peter' }).joins(once);
    await tab.getByRole('button', { name: 'One' }).click();
    await tab.getByText('has been used as often as it may be').waitFor();
    expect(await tab.getByRole('dialog').count()).toBe(0);

    await offer('Asking', { creates_join_request: true });
    await tab.getByRole('button', { name: 'Asking' }).click();
    await tab.getByRole('dialog').getByText('2 members').waitFor();
    await tab.getByRole('button', { name: 'Request to join' }).click();
    await tab.getByRole('dialog').getByText('The request was sent.').waitFor();
    expect(club.requests).toEqual([scene.user.id]);
    await keepPicture(tab, 'page-390-request');
    await tab.getByRole('button', { name: 'Close' }).click();

    await scene.call('approveChatJoinRequest', { chat_id: club.id, user_id: scene.user.id });
    await tab.getByRole('button', { name: 'Asking' }).click();
    await tab.getByRole('dialog').getByText('This person is in already.').waitFor();
  });

  test('the commands menu is used by keyboard', async () => {
    const scene = await openScene();
    const tab = await visit(scene.sandbox.url, { viewport: { width: 1280, height: 800 } });
    await scene.call('setMyCommands', {
      commands: [
        { command: 'start', description: 'Begin' },
        { command: 'status', description: 'Where I stand' },
        { command: 'help', description: 'Help' },
      ],
    });
    await tab.getByRole('button', { name: 'Menu' }).waitFor();
    await tab.getByLabel('Message', { exact: true }).fill('/st');
    expect(await tab.getByRole('option').count()).toBe(2);
    await tab.keyboard.press('ArrowDown');
    await tab.keyboard.press('Enter');
    await scene.sandbox.waitFor(() => scene.user.messages.at(-1)?.text === '/status', 'the chosen command');
  });
});

test('requests of other sites, and those by another name of this machine, are refused', async () => {
  const scene = await openScene();
  const action: PageAction = { do: 'say', chat: scene.user.id, text: 'hello' };
  expect((await ask(scene, action)).status).toBe(200);
  const said = scene.user.messages.length;
  for (const headers of [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'content-type': 'text/plain' },
  ] as Record<string, string>[])
    expect((await ask(scene, action, headers)).reply.ok, JSON.stringify(headers)).toBe(false);
  expect(scene.user.messages).toHaveLength(said);
  const { request } = await import('node:http');
  const status = await new Promise((resolve, reject) => {
    const sent = request(
      `${scene.sandbox.url}/page/events`,
      { headers: { host: 'evil.example' } },
      (response) => {
        resolve(response.statusCode);
        response.destroy();
      },
    );
    sent.once('error', reject).end();
  });
  expect(status).toBe(403);
});

test('an impossible action is answered with its reason', async () => {
  const scene = await openScene();
  const refused = async (action: unknown) => (await ask(scene, action as PageAction)).reply;
  expect(await refused({ do: 'fly' })).toMatchObject({ ok: false, error: expect.stringContaining('"fly"') });
  expect(await refused({ do: 'say', chat: 5, text: 'x' })).toMatchObject({
    ok: false,
    error: 'There is no person 5.',
  });
  expect(await refused({ do: 'advance', ms: -1 })).toMatchObject({ ok: false });
  expect(await refused({ do: 'skip', chat: scene.user.id })).toEqual({
    ok: false,
    error: 'No reminder is pending.',
  });
  expect(await refused(null)).toMatchObject({ ok: false });
  expect(await refused({ do: 'ban', chat: scene.user.id })).toEqual({
    ok: false,
    error: 'There is no club.',
  });
  expect(await refused({ do: 'withdrawStars' })).toMatchObject({ ok: false });
  expect(await refused({ do: 'makeHistory' })).toEqual({
    ok: false,
    error: 'This bot has no earlier history.',
  });
});

test('a path of the address leads to nothing but the built page', async () => {
  const { sandbox } = await openScene();
  for (const path of ['/../package.json', '/assets/..%2f..%2fpackage.json', '/.built', '/assets/'])
    expect((await fetch(`${sandbox.url}${path}`)).status, path).toBe(404);
  expect((await fetch(sandbox.url)).headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('the built page is under 200 KB compressed', () => {
  const folder = resolve(import.meta.dirname, '../../dist/page');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const size = files.reduce(
    (sum, { parentPath, name }) => sum + gzipSync(readFileSync(join(parentPath, name))).length,
    0,
  );
  expect(size).toBeGreaterThan(5_000);
  expect(size).toBeLessThan(200_000);
});
