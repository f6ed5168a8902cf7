import { expect, test } from 'vitest';
import type { SandboxEvent } from '../../src/sandbox/index.ts';
import { openSandbox } from '../support/sandbox.ts';

async function chatting() {
  const sandbox = await openSandbox();
  const anna = sandbox.user();
  anna.says('/start');
  const send = (chat_id = anna.id) => sandbox.call('sendMessage', { chat_id, text: 'Hello' });
  return { sandbox, anna, send };
}

test('a file is served whole and in ranges, with its type', async () => {
  const { sandbox, anna } = await chatting();
  anna.sendsFile('video', { name: 'clip.mp4', bytes: Buffer.from('0123456789') });
  const file_id = anna.messages.at(-1)?.media?.[0]?.fileId;
  const { file_path } = await sandbox.ask<{ file_path: string }>('getFile', { file_id });
  const load = (range?: string) =>
    fetch(`${sandbox.url}/file/bot${sandbox.token}/${file_path}`, { headers: range ? { range } : {} });
  expect(sandbox.fileUrl(file_id ?? '')).toBe(`${sandbox.url}/file/bot${sandbox.token}/${file_path}`);
  const whole = await load();
  expect(whole.headers.get('content-type')).toBe('video/mp4');
  expect(whole.headers.get('accept-ranges')).toBe('bytes');
  expect(await whole.text()).toBe('0123456789');
  const ranges: [string, number, string][] = [
    ['bytes=2-4', 206, '234'],
    ['bytes=7-', 206, '789'],
    ['bytes=-2', 206, '89'],
    ['bytes=5-99', 206, '56789'],
    ['bytes=10-', 416, ''],
    ['lines=1-2', 200, '0123456789'],
  ];
  for (const [range, status, text] of ranges) {
    const part = await load(range);
    expect([range, part.status, await part.text()]).toEqual([range, status, text]);
  }
  expect((await load('bytes=2-4')).headers.get('content-range')).toBe('bytes 2-4/10');
  expect((await fetch(`${sandbox.url}/file/bot1:other/${file_path}`)).status).toBe(404);
  expect((await fetch(`${sandbox.url}/file/bot${sandbox.token}/nothing`)).status).toBe(404);
});

test('other addresses on the same port are the caller’s, also while the bot is offline', async () => {
  const sandbox = await openSandbox({ other: ({ url }, response) => void response.end(`page ${url}`) });
  sandbox.goOffline();
  expect(await (await fetch(`${sandbox.url}/chat?x=1`)).text()).toBe('page /chat?x=1');
});

test('offline, open and new connections break until the clock has passed the time', async () => {
  const { sandbox, send } = await chatting();
  const events: SandboxEvent['type'][] = [];
  sandbox.onEvent(({ type }) => events.push(type));
  await sandbox.take();
  const poll = sandbox.call('getUpdates', { timeout: 50 });
  poll.catch(() => {});
  await sandbox.waitFor(() => sandbox.calls.at(-1)?.payload['timeout'] === 50, 'the poll');
  sandbox.goOffline(10_000);
  await expect(poll).rejects.toThrow();
  await expect(send()).rejects.toThrow();
  sandbox.clock.advance('10s');
  await sandbox.waitFor(() => events.includes('online'), 'the network');
  expect(await send()).toMatchObject({ ok: true });
  expect(events).toEqual(['offline', 'online', 'message']);
});

test('a lost answer means done, a reset before it means not done', async () => {
  const { sandbox, anna, send } = await chatting();
  sandbox.fail('sendMessage', 'reset-before');
  await expect(send()).rejects.toThrow();
  expect(anna.messages).toHaveLength(1);
  sandbox.fail('sendMessage', 'reset-after');
  await expect(send()).rejects.toThrow();
  expect(anna.messages).toHaveLength(2);
});

test('faults are met as often as asked, for one chat or all, and never by getUpdates unless named', async () => {
  const { sandbox, anna, send } = await chatting();
  const boris = sandbox.user();
  boris.says('/start');
  const fault = { status: 500, description: 'Internal Server Error' };
  sandbox.fail('*', fault, { times: 2, chat: anna.id });
  expect(await send(boris.id)).toMatchObject({ ok: true });
  expect(await sandbox.call('getUpdates')).toMatchObject({ ok: true });
  expect(await send()).toEqual({ ok: false, error_code: 500, description: 'Internal Server Error' });
  expect(await send()).toMatchObject({ ok: false });
  expect(await send()).toMatchObject({ ok: true });
  sandbox.fail('getUpdates', 'html-502');
  const response = await fetch(`${sandbox.url}/bot${sandbox.token}/getUpdates`);
  expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html']);
});

test('latency holds answers back by the clock', async () => {
  const { sandbox, anna, send } = await chatting();
  const sentLate = async () => {
    const [calls, messages] = [sandbox.calls.length, anna.messages.length];
    const sent = send();
    await sandbox.waitFor(() => sandbox.calls.length > calls, 'the call');
    expect(anna.messages).toHaveLength(messages);
    sandbox.clock.advance('1m');
    expect(await sent).toMatchObject({ ok: true });
  };
  sandbox.latency(60_000);
  await sentLate();
  sandbox.latency(0);
  sandbox.fail('sendMessage', { delay: 60_000 });
  await sentLate();
  expect(await send()).toMatchObject({ ok: true });
});

test('flood limits: a chat’s burst, all chats together, a group; each opens again by the clock', async () => {
  const { sandbox, anna, send } = await chatting();
  const outcome = async (chat: number) => (await send(chat)).error_code ?? 200;
  const several = async (chat: number, count: number) => {
    const outcomes: number[] = [];
    for (let index = 0; index < count; index++) outcomes.push(await outcome(chat));
    return outcomes;
  };
  sandbox.limits({ perChat: { perSecond: 1, burst: 3 } });
  expect(await several(anna.id, 4)).toEqual([200, 200, 200, 429]);
  const refused = await fetch(`${sandbox.url}/bot${sandbox.token}/sendMessage?chat_id=${anna.id}&text=x`);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await refused.json()).toEqual({
    ok: false,
    error_code: 429,
    description: 'Too Many Requests: retry after 1',
    parameters: { retry_after: 1 },
  });
  expect(await sandbox.call('sendChatAction', { chat_id: anna.id, action: 'typing' })).toMatchObject({
    ok: true,
  });
  sandbox.clock.advance('1s');
  expect(await outcome(anna.id)).toBe(200);

  sandbox.limits({ perSecond: 5 });
  expect(await several(anna.id, 6)).toEqual([200, 200, 200, 200, 200, 429]);

  const club = sandbox.club();
  sandbox.limits({ perGroup: { perMinute: 20 } });
  expect(await several(club.id, 21)).toEqual([...Array<number>(20).fill(200), 429]);
  sandbox.clock.advance('3s');
  expect(await several(club.id, 2)).toEqual([200, 429]);
  sandbox.limits({});
  expect(await outcome(club.id)).toBe(200);
});

test('everything that a chat client shows is told as it happens', async () => {
  const { sandbox, anna } = await chatting();
  const events: SandboxEvent[] = [];
  const end = sandbox.onEvent((event) => events.push(event));
  const chat_id = anna.id;
  const reply_markup = { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] };
  await sandbox.ask('sendChatAction', { chat_id, action: 'upload_video' });
  const { message_id } = await sandbox.ask<{ message_id: number }>('sendMessage', {
    chat_id,
    text: 'Ready?',
    reply_markup,
  });
  const query = anna.pressesOn(message_id, 'go');
  await sandbox.ask('answerCallbackQuery', { callback_query_id: query, text: 'Gone', show_alert: true });
  await sandbox.ask('editMessageText', { chat_id, message_id, text: 'Done' });
  await sandbox.ask('deleteMessage', { chat_id, message_id });
  await sandbox.ask('setMyCommands', { commands: [] });
  anna.blocks();
  anna.unblocks();
  end();
  anna.says('unheard');
  const about = { user: anna.id, chat: chat_id, message: message_id, query, data: 'go' };
  const message = anna.messages.find(({ id }) => id === message_id);
  expect(message).toBeUndefined();
  expect(events).toMatchObject([
    { type: 'chat_action', chat: chat_id, action: 'upload_video' },
    { type: 'message', message: { id: message_id } },
    { type: 'button_pressed', ...about },
    { type: 'button_answered', ...about, text: 'Gone', alert: true },
    { type: 'message_changed', message: { id: message_id, text: 'Done', buttons: [] } },
    { type: 'messages_deleted', chat: chat_id, ids: [message_id] },
    { type: 'commands_changed' },
    { type: 'blocked', user: anna.id },
    { type: 'unblocked', user: anna.id },
  ]);
});
