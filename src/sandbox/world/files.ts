import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, extname, join } from 'node:path';
import type { UploadedFile } from '../api/parameters.ts';

export type FileKind = 'photo' | 'video' | 'document' | 'animation' | 'audio' | 'voice' | 'sticker';

export interface StoredFile {
  readonly id: string;
  readonly kind: FileKind;
  readonly name: string;
  readonly size: number;
  /** As getFile answers it; unique, and safe as the end of an address and of a path. */
  readonly path: string;
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

/** The files that the bot and its users sent, with their bytes: in memory, and in a folder when one is given. */
export class FileStore {
  readonly #files = new Map<string, StoredFile>();
  readonly #bytes = new Map<string, Buffer>();
  readonly #folder: string | undefined;

  /** @param folder where bytes outlive the process; it is made with the first file */
  constructor(folder?: string) {
    this.#folder = folder;
  }

  add(kind: FileKind, { name, bytes }: UploadedFile): StoredFile {
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
    const file = { id, kind, name: basename(name), size: bytes.length, path };
    this.#files.set(id, file);
    this.#bytes.set(id, bytes);
    if (this.#folder !== undefined) {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(join(this.#folder, id), bytes);
    }
    return file;
  }

  find(id: string): StoredFile | undefined {
    return this.#files.get(id);
  }

  bytes({ id }: StoredFile): Buffer {
    const known = this.#bytes.get(id);
    if (known !== undefined) return known;
    if (this.#folder === undefined) throw new Error(`The bytes of ${id} are not kept.`);
    const read = readFileSync(join(this.#folder, id));
    this.#bytes.set(id, read);
    return read;
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

/** One range of bytes, as players ask for it; several at once are answered with the whole, which is allowed. */
function rangeOf(
  header: string | undefined,
  size: number,
): { first: number; last: number } | null | 'unsatisfiable' {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (found === null || (found[1] === '' && found[2] === '')) return null;
  const first = found[1] === '' ? Math.max(0, size - Number(found[2])) : Number(found[1]);
  const last = found[1] === '' || found[2] === '' ? size - 1 : Math.min(size - 1, Number(found[2]));
  return first > last || first >= size ? 'unsatisfiable' : { first, last };
}
