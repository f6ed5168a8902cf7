import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputFile } from 'grammy';
import type { Notes } from '#runtime';
import type { Call, MediaRef } from './call.ts';

/** Where the file_ids of uploads are kept. */
export interface FileIds {
  get(key: string): Promise<string | null>;
  set(key: string, fileId: string): Promise<void>;
  forget(key: string): Promise<void>;
}

/** Those that a store keeps: file → id. */
export function keptFileIds(notes: Notes): FileIds {
  const table = notes.table('files');
  return {
    get: (key) => table.get(key),
    set: async (key, fileId) => void (await table.set(key, fileId)),
    forget: async (key) => void (await table.remove(key)),
  };
}

type Perform = (method: string, payload: Record<string, unknown>) => Promise<unknown>;

/** A place in a payload where a file is wanted. */
interface Want {
  readonly ref: MediaRef;
  readonly kind: string;
}

/** A file as it stands in the folder now: the same content has the same key, whatever its name. */
interface Found {
  readonly ref: MediaRef;
  readonly kind: string;
  readonly key: string;
  readonly path: string;
}

/** What Telegram says of a file_id that it does not take: foreign, expired, or of another kind. */
const refusedId =
  /wrong (remote )?file[ _]id|invalid file[ _]id|file reference|FILE_REFERENCE|type of file mismatch/i;

/**
 * Sends calls whose payload names files of a folder. A file is uploaded once, also when many sends want it at the same
 * moment, and sent by its file_id from then on. Calls without files pass straight through.
 */
export function createMedia(
  mediaDir: string,
  fileIds: FileIds,
): { send(call: Call, perform: Perform): Promise<unknown> } {
  /** Key → file_id, as far as this process knows. */
  const known = new Map<string, string>();
  /** Key → the upload under way, settled without a value. */
  const uploads = new Map<string, Promise<void>>();
  /** file_ids that Telegram did not take: the store may still name them for a moment. */
  const refused = new Set<string>();
  const keyOf = createKeys();

  const lookUp = async (key: string): Promise<void> => {
    if (known.has(key) || uploads.has(key)) return;
    // A store that is away costs an upload, not the message.
    const stored = await fileIds.get(key).catch(() => null);
    if (stored !== null && !refused.has(stored) && !known.has(key)) known.set(key, stored);
  };

  const remember = async (files: readonly Found[], answer: unknown): Promise<void> => {
    const messages = Array.isArray(answer) ? answer : [answer];
    for (const [index, { key, kind }] of files.entries()) {
      const fileId = fileIdOf(messages[index], kind);
      if (fileId === undefined || known.get(key) === fileId) continue;
      known.set(key, fileId);
      // The message is out: a store that is away must not make it go out again.
      await fileIds.set(key, fileId).catch(() => {});
    }
  };

  const forget = async (key: string, fileId: string): Promise<void> => {
    refused.add(fileId);
    if (known.get(key) !== fileId) return;
    known.delete(key);
    await fileIds.forget(key).catch(() => {});
  };

  /** Uploads what is not known, holding back every other send of those files until it is. */
  const upload = async (
    call: Call,
    files: readonly Found[],
    missing: ReadonlySet<string>,
    perform: Perform,
  ) => {
    let release: () => void = () => {};
    const settled = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const key of missing) uploads.set(key, settled);
    try {
      const answer = await perform(call.method, filled(call, files, known));
      await remember(files, answer);
      return answer;
    } finally {
      for (const key of missing) uploads.delete(key);
      release();
    }
  };

  return {
    async send(call, perform) {
      const wants = wantsOf(call);
      if (wants.length === 0) return perform(call.method, call.payload);
      const files = await Promise.all(
        wants.map(async ({ ref, kind }) => {
          const path = join(mediaDir, basename(ref.media));
          return { ref, kind, path, key: `${kind}:${await keyOf(path)}` };
        }),
      );
      // A file_id can be refused once per file and send; after that, it is the caller's to decide.
      for (let refusals = 0; ; ) {
        for (const { key } of files) await lookUp(key);
        // No await between here and `upload`: what is free now is claimed at once, all or nothing.
        const busy = files.map(({ key }) => uploads.get(key)).find((under) => under !== undefined);
        if (busy !== undefined) {
          await busy;
          continue;
        }
        const used = new Map(
          files.flatMap(({ key }) => (known.has(key) ? [[key, known.get(key) ?? ''] as const] : [])),
        );
        const missing = new Set(files.map(({ key }) => key).filter((key) => !used.has(key)));
        try {
          if (missing.size > 0) return await upload(call, files, missing, perform);
          return await perform(call.method, filled(call, files, known));
        } catch (error) {
          if (
            used.size === 0 ||
            refusals++ >= files.length ||
            !refusedId.test(String((error as Error).message))
          )
            throw error;
          for (const [key, fileId] of used) await forget(key, fileId);
        }
      }
    },
  };
}

/** Content hashes by path, computed anew only when the file has changed. */
function createKeys(): (path: string) => Promise<string> {
  const hashes = new Map<string, { stamp: string; hash: Promise<string> }>();
  return async (path) => {
    const { mtimeMs, size, ino } = await stat(path);
    const stamp = `${mtimeMs}:${size}:${ino}`;
    let entry = hashes.get(path);
    if (entry?.stamp !== stamp) {
      entry = { stamp, hash: hashFile(path) };
      hashes.set(path, entry);
      entry.hash.catch(() => hashes.delete(path));
    }
    return entry.hash;
  };
}

/** 128 bits of the content's SHA-256, in hex. */
async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex').slice(0, 32);
}

const isRef = (value: unknown): value is MediaRef =>
  typeof value === 'object' &&
  value !== null &&
  'media' in value &&
  typeof value.media === 'string' &&
  Object.keys(value).length === 1;

function wantsOf({ payload }: Call): Want[] {
  const album = payload['media'];
  if (Array.isArray(album)) {
    return (album as { type: string; media: unknown }[]).flatMap(({ type, media }) =>
      isRef(media) ? [{ ref: media, kind: type }] : [],
    );
  }
  return Object.entries(payload).flatMap(([field, value]) =>
    isRef(value) ? [{ ref: value, kind: field }] : [],
  );
}

/** The payload with a file_id or an upload in each place. */
function filled(
  { payload }: Call,
  files: readonly Found[],
  known: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const values = new Map(
    files.map(({ ref, key, path }) => [ref, known.get(key) ?? new InputFile(path, basename(path))]),
  );
  const fill = (value: unknown) => (isRef(value) ? values.get(value) : value);
  const album = payload['media'];
  if (Array.isArray(album)) {
    return {
      ...payload,
      media: (album as { media: unknown }[]).map((item) => ({ ...item, media: fill(item.media) })),
    };
  }
  return Object.fromEntries(Object.entries(payload).map(([field, value]) => [field, fill(value)]));
}

interface SentFile {
  readonly file_id?: string;
}

/** The file_id in a sent message; for a photo that of its largest size. */
function fileIdOf(message: unknown, kind: string): string | undefined {
  const sent = (message ?? {}) as { photo?: readonly SentFile[] } & Readonly<
    Record<string, SentFile | undefined>
  >;
  if (kind === 'photo') return sent.photo?.at(-1)?.file_id;
  // Telegram may take a video without sound for an animation.
  return (sent[kind] ?? sent['animation'] ?? sent['document'])?.file_id;
}
