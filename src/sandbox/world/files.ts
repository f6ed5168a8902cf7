import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import type { UploadedFile } from '../api/parameters.ts';

export type FileKind =
  | 'photo'
  | 'video'
  | 'document'
  | 'animation'
  | 'audio'
  | 'voice'
  | 'sticker'
  | 'video_note';

export interface StoredFile {
  readonly id: string;
  readonly kind: FileKind;
  readonly name: string;
  readonly size: number;
  /** As getFile answers it; unique, and safe as the end of an address and of a path. */
  readonly path: string;
  /** It stands for what a person would send: it can be downloaded and sent on, but shows nothing. */
  readonly isSample: boolean;
}

/** What the ids of Telegram's files begin with, by kind. */
const prefixes: Readonly<Record<FileKind, string>> = {
  photo: 'AgACAgIAAxk',
  video: 'BAACAgIAAxk',
  document: 'BQACAgIAAxk',
  animation: 'CgACAgIAAxk',
  audio: 'CQACAgIAAxk',
  voice: 'AwACAgIAAxk',
  sticker: 'CAACAgIAAxk',
  video_note: 'DQACAgIAAxk',
};

const types: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.mov': 'video/quicktime',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.oga': 'audio/ogg',
  '.pdf': 'application/pdf',
  '.zip': 'application/zip',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json',
};

/** The media type that a file's name tells. */
export const typeOf = (name: string): string =>
  types[extname(name).toLowerCase()] ?? 'application/octet-stream';

/** Bytes of files that are held in memory, at most; what is more lies in the folder. */
const mostInMemory = 64 * 1_024 * 1_024;

/** The files that the bot and its users sent, with their bytes: the newest in memory, and in a folder. */
export class FileStore {
  readonly #files = new Map<string, StoredFile>();
  /** By id, that which was not asked for the longest first. */
  readonly #bytes = new Map<string, Buffer>();
  #inMemory = 0;
  readonly #folder: string | undefined;
  /** Where bytes lie for which memory had no room, when no folder was given. */
  #ownFolder: string | undefined;

  /** @param folder where bytes outlive the process; it is made with the first file */
  constructor(folder?: string) {
    this.#folder = folder;
  }

  add(kind: FileKind, { name, bytes }: UploadedFile, isSample = false): StoredFile {
    const hash = createHash('sha256')
      .update(bytes)
      .update(kind)
      .update(name)
      .digest('base64url')
      .slice(0, 24);
    const id = `${prefixes[kind]}${hash}`;
    const known = this.#files.get(id);
    if (known !== undefined) return known;
    const extension = extname(name).replace(/[^.\w]/g, '');
    const path = `${kind}s/file_${this.#files.size}${extension}`;
    const file = { id, kind, name: basename(name), size: bytes.length, path, isSample };
    this.#files.set(id, file);
    if (this.#folder !== undefined) write(this.#folder, id, bytes);
    // A part of a request's body would hold all of it.
    this.#hold(id, Buffer.from(bytes));
    return file;
  }

  find(id: string): StoredFile | undefined {
    return this.#files.get(id);
  }

  bytes({ id }: StoredFile): Buffer {
    const known = this.#bytes.get(id);
    const folder = this.#folder ?? this.#ownFolder;
    if (known === undefined && folder === undefined) throw new Error(`The bytes of ${id} are not kept.`);
    const bytes = known ?? readFileSync(join(folder as string, id));
    this.#hold(id, bytes);
    return bytes;
  }

  /** Removes what was laid aside for want of memory. */
  close(): void {
    if (this.#ownFolder !== undefined) rmSync(this.#ownFolder, { recursive: true, force: true });
    this.#ownFolder = undefined;
  }

  /** Takes bytes into memory, and lays others aside when that is too much. */
  #hold(id: string, bytes: Buffer): void {
    if (this.#bytes.delete(id)) this.#inMemory -= bytes.length;
    this.#bytes.set(id, bytes);
    this.#inMemory += bytes.length;
    for (const [oldest, bytesOfOldest] of this.#bytes) {
      if (this.#inMemory <= mostInMemory || oldest === id) return;
      this.#bytes.delete(oldest);
      this.#inMemory -= bytesOfOldest.length;
      if (this.#folder !== undefined) continue;
      this.#ownFolder ??= mkdtempSync(join(tmpdir(), 'turnstile-sandbox-files-'));
      write(this.#ownFolder, oldest, bytesOfOldest);
    }
  }

  /** Answers a download, whole or the range that was asked for. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const file = [...this.#files.values()].find((one) => one.path === path);
    if (file === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"ok":false,"error_code":404,"description":"Not Found"}');
      return;
    }
    const bytes = this.bytes(file);
    const range = rangeOf(request.headers.range, bytes.length);
    const headers = { 'content-type': typeOf(file.name), 'accept-ranges': 'bytes' };
    if (range === 'unsatisfiable') {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${bytes.length}` });
      response.end();
      return;
    }
    const body = range === null ? bytes : bytes.subarray(range.first, range.last + 1);
    response.writeHead(range === null ? 200 : 206, {
      ...headers,
      'content-length': body.length,
      ...(range !== null && { 'content-range': `bytes ${range.first}-${range.last}/${bytes.length}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  save(): StoredFile[] {
    return [...this.#files.values()];
  }

  restore(files: readonly StoredFile[]): void {
    for (const file of files) this.#files.set(file.id, file);
  }
}

function write(folder: string, id: string, bytes: Buffer): void {
  const path = join(folder, id);
  if (existsSync(path)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, bytes);
}

/** One range of bytes, as players ask for it; several at once are answered with the whole, which is allowed. */
function rangeOf(
  header: string | undefined,
  size: number,
): { first: number; last: number } | null | 'unsatisfiable' {
  const range = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (range === null || (range[1] === '' && range[2] === '')) return null;
  const first = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
  const last = range[1] === '' || range[2] === '' ? size - 1 : Math.min(size - 1, Number(range[2]));
  return first > last || first >= size ? 'unsatisfiable' : { first, last };
}
