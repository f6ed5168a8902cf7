import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api, GrammyError, InputFile } from 'grammy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Call } from '../../src/telegram/call.ts';
import { createMedia, type FileIds } from '../../src/telegram/media.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'media-'));
  await Promise.all(
    ['a.mp4', 'b.png', 'c.png', 'd.pdf'].map((name) => writeFile(join(folder, name), `content of ${name}`)),
  );
});
afterEach(() => rm(folder, { recursive: true }));

const video: Call = { method: 'sendVideo', payload: { chat_id: 1, video: { media: 'a.mp4' }, caption: 'x' } };
const photo: Call = { method: 'sendPhoto', payload: { chat_id: 1, photo: { media: 'b.png' } } };
const document: Call = { method: 'sendDocument', payload: { chat_id: 1, document: { media: 'd.pdf' } } };
const album: Call = {
  method: 'sendMediaGroup',
  payload: { chat_id: 1, media: ['b.png', 'c.png'].map((media) => ({ type: 'photo', media: { media } })) },
};

function memory(): FileIds & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    get: async (key) => kept.get(key) ?? null,
    set: async (key, fileId) => void kept.set(key, fileId),
    forget: async (key) => void kept.delete(key),
  };
}

const badId = 'Bad Request: wrong file identifier/HTTP URL specified';
const refusal = (description: string, method: string) =>
  new GrammyError('Call failed', { ok: false, error_code: 400, description }, method, {});

/** A Telegram that gives out file_ids, takes only its own, and keeps every send in hand until let go. */
function telegram() {
  const ids = new Set<string>();
  const calls: string[] = [];
  const held: (() => void)[] = [];
  const failures: Error[] = [];
  let count = 0;
  const take = (value: unknown): string => {
    if (!(value instanceof InputFile)) return String(value);
    const id = `id${++count}`;
    ids.add(id);
    return id;
  };
  const sent = (kind: string, value: unknown, method: string) => {
    const id = take(value);
    if (!ids.has(id)) throw refusal(badId, method);
    return kind === 'photo'
      ? { photo: [{ file_id: `${id}-small` }, { file_id: id }] }
      : { [kind]: { file_id: id } };
  };
  const word = (value: unknown) => (value instanceof InputFile ? `upload ${value.filename}` : String(value));
  return {
    calls,
    held,
    failures,
    forgetAll: () => ids.clear(),
    holds: false,
    async perform(this: void, method: string, payload: Record<string, unknown>): Promise<unknown> {
      const kind = method.slice(4).toLowerCase();
      const items = payload['media'] as { type: string; media: unknown }[] | undefined;
      calls.push(
        `${method} ${items === undefined ? word(payload[kind]) : items.map(({ media }) => word(media)).join(', ')}`,
      );
      const failure = failures.shift();
      if (self.holds) await new Promise<void>((resolve) => held.push(resolve));
      if (failure !== undefined) throw failure;
      return items === undefined
        ? sent(kind, payload[kind], method)
        : items.map(({ type, media }) => sent(type, media, method));
    },
  };
}
let self: ReturnType<typeof telegram>;
let store: ReturnType<typeof memory>;
let media: ReturnType<typeof createMedia>;
beforeEach(() => {
  self = telegram();
  store = memory();
  media = createMedia(folder, store);
});

/** Resolves once the condition holds, turn by turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

it('a call without files passes through as it is', async () => {
  const payload = { chat_id: 1, text: 'media' };
  const taken: unknown[] = [];
  const answer = await media.send({ method: 'sendMessage', payload }, async (...call) => taken.push(...call));
  expect(taken[1]).toBe(payload);
  expect(answer).toBe(2);
});

describe('a file', () => {
  it.each([
    ['video', video, 'a.mp4'],
    ['document', document, 'd.pdf'],
  ] as const)('that is a %s is uploaded once, then sent by its file_id', async (_, call, name) => {
    await media.send(call, self.perform);
    await media.send(call, self.perform);
    expect(self.calls).toEqual([`${call.method} upload ${name}`, `${call.method} id1`]);
  });

  it('that is a photo is remembered by its largest size', async () => {
    await media.send(photo, self.perform);
    await media.send(photo, self.perform);
    expect(self.calls).toEqual(['sendPhoto upload b.png', 'sendPhoto id1']);
  });

  it('keeps the rest of its payload', async () => {
    let payload: Record<string, unknown> = {};
    await media.send(video, async (_, given) => {
      payload = given;
    });
    expect(payload).toEqual({ chat_id: 1, video: expect.any(InputFile), caption: 'x' });
  });

  it('is known after a restart, and under another name', async () => {
    await media.send(video, self.perform);
    await writeFile(join(folder, 'renamed.mp4'), 'content of a.mp4');
    const renamed: Call = { method: 'sendVideo', payload: { chat_id: 1, video: { media: 'renamed.mp4' } } };
    await createMedia(folder, store).send(renamed, self.perform);
    expect(self.calls[1]).toBe('sendVideo id1');
  });

  it('is uploaded anew once its content has changed', async () => {
    await media.send(video, self.perform);
    await writeFile(join(folder, 'a.mp4'), 'another content');
    await media.send(video, self.perform);
    expect(self.calls[1]).toBe('sendVideo upload a.mp4');
  });

  it('is remembered for each kind it was sent as', async () => {
    await media.send(video, self.perform);
    await media.send(
      { method: 'sendDocument', payload: { chat_id: 1, document: { media: 'a.mp4' } } },
      self.perform,
    );
    expect(self.calls).toEqual(['sendVideo upload a.mp4', 'sendDocument upload a.mp4']);
    expect([...store.kept.keys()].map((key) => key.split(':')[0])).toEqual(['video', 'document']);
  });

  it('that is a video which Telegram took for an animation is remembered all the same', async () => {
    await media.send(video, async () => ({ animation: { file_id: 'gif' } }));
    await media.send(video, async (_, { video: value }) => expect(value).toBe('gif'));
    expect.assertions(1);
  });

  it('that is missing fails the send', async () => {
    await rm(join(folder, 'a.mp4'));
    await expect(media.send(video, self.perform)).rejects.toThrow('ENOENT');
    expect(self.calls).toEqual([]);
  });

  it('is never taken from outside of the folder', async () => {
    const call: Call = {
      method: 'sendDocument',
      payload: { chat_id: 1, document: { media: '../../etc/hostname' } },
    };
    await expect(media.send(call, self.perform)).rejects.toThrow(join(folder, 'hostname'));
  });
});

describe('an album', () => {
  it('remembers one file_id for each of its messages', async () => {
    await media.send(album, self.perform);
    await media.send(album, self.perform);
    await media.send(photo, self.perform);
    expect(self.calls).toEqual([
      'sendMediaGroup upload b.png, upload c.png',
      'sendMediaGroup id1, id2',
      'sendPhoto id1',
    ]);
  });

  it('uploads only what is not known', async () => {
    await media.send(photo, self.perform);
    await media.send(album, self.perform);
    expect(self.calls[1]).toBe('sendMediaGroup id1, upload c.png');
  });
});

describe('100 sends at one moment', () => {
  const sendAll = (call: Call) => Array.from({ length: 100 }, () => media.send(call, self.perform));

  it('upload once; the others wait for its file_id', async () => {
    self.holds = true;
    const sends = sendAll(video);
    await until(() => self.held.length === 1);
    self.holds = false;
    self.held[0]?.();
    await Promise.all(sends);
    expect(self.calls).toEqual([
      'sendVideo upload a.mp4',
      ...Array.from({ length: 99 }, () => 'sendVideo id1'),
    ]);
  });

  it('upload once more when the first upload fails', async () => {
    self.failures.push(refusal('Forbidden: bot was blocked by the user', 'sendVideo'));
    const results = await Promise.allSettled(sendAll(video));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(self.calls.filter((call) => call.includes('upload'))).toHaveLength(2);
    expect(self.calls.filter((call) => call === 'sendVideo id1')).toHaveLength(98);
  });

  it('upload each file once when they want it alone and in albums', async () => {
    const reversed = {
      ...album,
      payload: { chat_id: 1, media: [...(album.payload['media'] as unknown[])].reverse() },
    };
    await Promise.all([...sendAll(photo), ...sendAll(album), ...sendAll(reversed)]);
    const uploads = self.calls.flatMap((call) => call.match(/upload \S+\.png/g) ?? []);
    expect(uploads.sort()).toEqual(['upload b.png', 'upload c.png']);
    expect(self.calls).toHaveLength(300);
  });

  it('upload once when Telegram no longer takes the file_id', async () => {
    await media.send(video, self.perform);
    self.forgetAll();
    self.calls.length = 0;
    await Promise.all(sendAll(video));
    expect(self.calls.filter((call) => call.includes('upload'))).toHaveLength(1);
    expect([...store.kept.values()]).toEqual(['id2']);
  });
});

describe('a refused file_id', () => {
  it.each([
    badId,
    'Bad Request: wrong remote file identifier specified: Wrong padding in the string',
    'Bad Request: wrong file_id or the file is temporarily unavailable',
  ])('is forgotten and the file uploaded anew: %s', async (description) => {
    await media.send(video, self.perform);
    self.failures.push(refusal(description, 'sendVideo'));
    await media.send(video, self.perform);
    expect(self.calls).toEqual(['sendVideo upload a.mp4', 'sendVideo id1', 'sendVideo upload a.mp4']);
    expect([...store.kept.values()]).toEqual(['id2']);
  });

  it('that was left by another token is replaced', async () => {
    await media.send(album, self.perform);
    const fresh = telegram();
    self = fresh;
    await createMedia(folder, store).send(album, fresh.perform);
    expect(fresh.calls).toEqual(['sendMediaGroup id1, id2', 'sendMediaGroup upload b.png, upload c.png']);
  });

  it('of an upload is the caller’s matter', async () => {
    self.failures.push(refusal(badId, 'sendVideo'));
    await expect(media.send(video, self.perform)).rejects.toThrow(badId);
    expect(self.calls).toEqual(['sendVideo upload a.mp4']);
  });

  it('is kept when the send fails for another reason', async () => {
    await media.send(video, self.perform);
    self.failures.push(refusal('Bad Request: chat not found', 'sendVideo'));
    await expect(media.send(video, self.perform)).rejects.toThrow('chat not found');
    expect([...store.kept.values()]).toEqual(['id1']);
  });
});

it('a store that is away costs no message', async () => {
  const away = async () => Promise.reject(new Error('away'));
  const forgetful = createMedia(folder, { get: away, set: away, forget: away });
  await forgetful.send(video, self.perform);
  await forgetful.send(video, self.perform);
  expect(self.calls).toEqual(['sendVideo upload a.mp4', 'sendVideo id1']);
});

it('an album goes through the real client: as multipart first, by its file_ids after', async () => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    bodies.push(body);
    const result = ['p1', 'p2'].map((id) => ({ photo: [{ file_id: id }] }));
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ ok: true, result }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const api = new Api('1:x', { apiRoot: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const raw = api.raw as unknown as Record<string, (payload: object) => Promise<unknown>>;
    const perform = (method: string, payload: Record<string, unknown>) =>
      raw[method]?.(payload) ?? Promise.reject();
    await media.send(album, perform);
    await media.send(album, perform);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  expect(bodies).toHaveLength(2);
  expect(bodies[0]).toContain('content of b.png');
  expect(bodies[0]).toContain('content of c.png');
  expect(JSON.parse(bodies[1] ?? '')).toEqual({
    chat_id: 1,
    media: [
      { type: 'photo', media: 'p1' },
      { type: 'photo', media: 'p2' },
    ],
  });
});
