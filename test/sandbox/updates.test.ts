import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type CallableSandbox, openSandbox } from '../support/sandbox.ts';

interface Update {
  readonly update_id: number;
  readonly message?: { readonly text: string };
}

const poll = (sandbox: CallableSandbox, parameters: object = {}) =>
  sandbox.ask<Update[]>('getUpdates', { ...parameters });
const texts = (updates: readonly Update[]) => updates.map(({ message }) => message?.text);

/** A sandbox in which somebody has said these. */
async function said(...lines: string[]) {
  const sandbox = await openSandbox();
  const anna = sandbox.user();
  for (const line of lines) anna.says(line);
  return { sandbox, anna };
}

test('an update is sent again until a higher offset confirms it', async () => {
  const { sandbox } = await said('one', 'two', 'three');
  const first = await poll(sandbox, { limit: 2 });
  expect(texts(first)).toEqual(['one', 'two']);
  expect(texts(await poll(sandbox))).toEqual(['one', 'two', 'three']);
  const offset = (first[1]?.update_id ?? 0) + 1;
  expect(texts(await poll(sandbox, { offset }))).toEqual(['three']);
  expect(texts(await poll(sandbox))).toEqual(['three']);
  expect(sandbox.pendingUpdates).toBe(1);
});

test('ids count up one by one', async () => {
  const { sandbox } = await said('one', 'two');
  const [one, two] = await poll(sandbox);
  expect(two?.update_id).toBe((one?.update_id ?? 0) + 1);
});

test('a negative offset keeps that many from the end and forgets the rest', async () => {
  const { sandbox } = await said('one', 'two', 'three');
  expect(texts(await poll(sandbox, { offset: -1 }))).toEqual(['three']);
  expect(texts(await poll(sandbox))).toEqual(['three']);
});

test('an offset up to ten beyond the next id confirms everything; one further beyond is ignored', async () => {
  const { sandbox } = await said('one', 'two');
  const next = ((await poll(sandbox)).at(-1)?.update_id ?? 0) + 1;
  expect(texts(await poll(sandbox, { offset: next + 11 }))).toEqual(['one', 'two']);
  expect(texts(await poll(sandbox, { offset: next + 10 }))).toEqual([]);
});

test('at most 100 updates are sent at once, whatever the limit', async () => {
  const { sandbox } = await said(...Array.from({ length: 120 }, (_, index) => `${index}`));
  expect(await poll(sandbox)).toHaveLength(100);
  expect(await poll(sandbox, { limit: 1_000 })).toHaveLength(100);
  expect(await poll(sandbox, { limit: 0 })).toHaveLength(1);
});

test('a poll waits for the first update', async () => {
  const sandbox = await openSandbox();
  const waiting = poll(sandbox, { timeout: 50 });
  await sandbox.waitFor(() => sandbox.calls.length === 1, 'the poll');
  sandbox.user().says('hello');
  expect(texts(await waiting)).toEqual(['hello']);
});

test('of two pollers the older one is told of the conflict', async () => {
  const sandbox = await openSandbox();
  const older = sandbox.call('getUpdates', { timeout: 50 });
  await sandbox.waitFor(() => sandbox.calls.length === 1, 'the first poll');
  const newer = poll(sandbox, { timeout: 50 });
  expect(await older).toEqual({
    ok: false,
    error_code: 409,
    description:
      'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
  });
  sandbox.user().says('hello');
  expect(texts(await newer)).toEqual(['hello']);
});

test('while a webhook is set no poll is answered; removed, what waited is there', async () => {
  const { sandbox } = await said('one');
  expect(await sandbox.call('setWebhook', { url: 'http://example.com' })).toMatchObject({
    description: 'Bad Request: bad webhook: An HTTPS URL must be provided for webhook',
  });
  await sandbox.ask('setWebhook', { url: 'https://example.com/bot', allowed_updates: ['message'] });
  expect(await sandbox.ask('getWebhookInfo')).toEqual({
    url: 'https://example.com/bot',
    has_custom_certificate: false,
    pending_update_count: 1,
    max_connections: 40,
    allowed_updates: ['message'],
  });
  expect(await sandbox.call('getUpdates')).toMatchObject({
    error_code: 409,
    description:
      "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
  });
  await sandbox.ask('deleteWebhook');
  expect(texts(await poll(sandbox))).toEqual(['one']);
  await sandbox.ask('deleteWebhook', { drop_pending_updates: true });
  expect(await poll(sandbox)).toEqual([]);
});

test('the kinds that a bot asks for are remembered; by default members and reactions are left out', async () => {
  const sandbox = await openSandbox();
  const reaction = { message_reaction: {} };
  const edit = { edited_message: {} };
  const offered = async () => {
    const next = ((await poll(sandbox)).at(-1)?.update_id ?? 0) + 1;
    await poll(sandbox, { offset: next });
    for (const update of [reaction, edit, { message: {} }]) sandbox.push(update);
    return (await poll(sandbox)).map((update) => Object.keys(update).find((key) => key !== 'update_id'));
  };
  expect(await offered()).toEqual(['edited_message', 'message']);
  await poll(sandbox, { allowed_updates: ['message', 'message_reaction'] });
  expect(await offered()).toEqual(['message_reaction', 'message']);
  expect(await offered()).toEqual(['message_reaction', 'message']);
  await poll(sandbox, { allowed_updates: [] });
  expect(await offered()).toEqual(['edited_message', 'message']);
});

test('queries are forgotten after 150 s by the clock, everything else after a day', async () => {
  const { sandbox, anna } = await said('/start');
  const reply_markup = { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] };
  await sandbox.ask('sendMessage', { chat_id: anna.id, text: 'Ready?', reply_markup });
  anna.presses('Go');
  sandbox.clock.advance('149s');
  expect(await poll(sandbox)).toHaveLength(2);
  sandbox.clock.advance('1s');
  expect(texts(await poll(sandbox))).toEqual(['/start']);
  sandbox.clock.advance('1d');
  expect(await poll(sandbox)).toEqual([]);
  expect(sandbox.pendingUpdates).toBe(0);
});

test('a later start with the same file goes on: chats, files, what waits, menus, clubs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-sandbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stateFile = join(folder, 'telegram.json');
  const first = await openSandbox({ stateFile });
  const anna = first.user({ firstName: 'Anna', languageCode: 'ru' });
  anna.says('/start');
  anna.sendsFile('document', { name: 'notes.txt', bytes: Buffer.from('my notes') });
  const link = await first.ask<{ invite_link: string }>('createChatInviteLink', { chat_id: first.club().id });
  const commands = [{ command: 'start', description: 'Begin' }];
  await first.ask('setMyCommands', { commands });
  await first.close();

  const second = await openSandbox({ stateFile });
  expect(second.users().map(({ profile }) => profile)).toMatchObject([
    { first_name: 'Anna', language_code: 'ru' },
  ]);
  const again = second.user({ id: anna.id });
  expect(again.messages.map(({ kind }) => kind)).toEqual(['text', 'document']);
  expect(second.pendingUpdates).toBe(2);
  expect(second.commandsFor('ru')).toEqual(commands);
  expect(again.joins(link.invite_link)).toBe('joined');
  const file_id = again.messages[1]?.media?.[0]?.fileId;
  const { file_path } = await second.ask<{ file_path: string }>('getFile', { file_id });
  const download = await fetch(`${second.url}/file/bot${second.token}/${file_path}`);
  expect(await download.text()).toBe('my notes');
});

test('a later start with the same file is the same bot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-sandbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stateFile = join(folder, 'telegram.json');
  const first = await openSandbox({ stateFile, token: '77:secret' });
  await first.close();
  const second = await openSandbox({ stateFile });
  expect([second.token, second.bot.id]).toEqual(['77:secret', 77]);
  await second.close();
  const { token: _, ...unnamed } = JSON.parse(readFileSync(stateFile, 'utf8')) as Record<string, unknown>;
  writeFileSync(stateFile, JSON.stringify(unnamed));
  expect((await openSandbox({ stateFile })).bot.id).toBe(42);
});

test('an update that comes again stands where its id belongs, so that whoever confirms by the last id gets on', async () => {
  const { sandbox } = await said(...Array.from({ length: 99 }, (_, index) => `${index}`));
  const [first] = await poll(sandbox);
  sandbox.push({ ...first });
  sandbox.user().says('last');
  const batch = await poll(sandbox);
  expect(texts(batch.slice(0, 2))).toEqual(['0', '0']);
  expect(batch).toHaveLength(100);
  const offset = (batch.at(-1)?.update_id ?? 0) + 1;
  expect(texts(await poll(sandbox, { offset }))).toEqual(['last']);
});
