import type { IncomingMessage } from 'node:http';
import { isObject, type Json, parseJson } from './json.ts';

export interface UploadedFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The parameters of one call, however its client sent them. */
export interface Parameters {
  readonly values: Json;
  readonly files: ReadonlyMap<string, UploadedFile>;
  /** What lies behind the addresses that the call names, of those that the sandbox can load. */
  readonly downloads: ReadonlyMap<string, UploadedFile>;
}

/** Telegram takes uploads of up to 50 MB. */
const largest = 50 * 1024 * 1024 + 65_536;

/** A body that is too large or not of the form its type says. */
export class BodyRefused extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'BodyRefused';
    this.code = code;
  }
}

/**
 * Reads query string, JSON, urlencoded and multipart parameters; the query string counts first. A body of JSON that is no
 * object, or no JSON at all, has no parameters.
 * @returns besides, the bytes that the values came in
 */
export async function readParameters(
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<Pick<Parameters, 'values' | 'files'> & { readonly size: number }> {
  const body = await readBody(request);
  const type = (request.headers['content-type'] ?? '').toLowerCase();
  const files = new Map<string, UploadedFile>();
  let fields: Json = {};
  if (type.startsWith('application/json')) fields = objectIn(body.toString('utf8'));
  else if (type.startsWith('multipart/form-data')) {
    const boundary = /boundary="?([^";]+)"?/i.exec(request.headers['content-type'] ?? '')?.[1];
    if (boundary === undefined) throw new BodyRefused(400, 'Bad Request: multipart without a boundary');
    const entries: [string, string][] = [];
    for (const part of parseMultipart(body, boundary)) {
      if (part.fileName === undefined) entries.push([part.name, part.bytes.toString('utf8')]);
      else files.set(part.name, { name: part.fileName, bytes: part.bytes });
    }
    // Made of entries, a parameter by any name, also `__proto__`, is a parameter.
    fields = Object.fromEntries(entries);
  } else if (body.length > 0) fields = Object.fromEntries(new URLSearchParams(body.toString('utf8')));
  const values = query.size === 0 ? fields : { ...fields, ...Object.fromEntries(query) };
  const uploaded = [...files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  return { values, files, size: body.length - uploaded + (request.url?.length ?? 0) };
}

function objectIn(source: string): Json {
  try {
    const value = parseJson(source);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > largest) reject(new BodyRefused(413, 'Request Entity Too Large'));
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

interface Part {
  readonly name: string;
  readonly fileName?: string;
  readonly bytes: Buffer;
}

/**
 * Parts of a multipart body. Clients leave file names unquoted though they hold spaces, and file parts without a type,
 * which the usual parsers refuse or drop; a part is a file exactly when it has `filename`.
 */
function parseMultipart(body: Buffer, boundary: string): Part[] {
  const parts: Part[] = [];
  const delimiter = Buffer.from(`--${boundary}`);
  let at = body.indexOf(delimiter);
  while (at !== -1) {
    const start = at + delimiter.length;
    if (body.subarray(start, start + 2).toString() === '--') return parts;
    const end = body.indexOf(delimiter, start);
    if (end === -1) break;
    const headEnd = body.indexOf('\r\n\r\n', start);
    if (headEnd === -1 || headEnd > end) break;
    const head = body.subarray(start, headEnd).toString('utf8');
    const name = /[;\s]name=(?:"([^"]*)"|([^;\r\n]+))/i.exec(head);
    const fileName = /[;\s]filename=(?:"([^"]*)"|([^;\r\n]+))/i.exec(head);
    const bytes = body.subarray(headEnd + 4, end - 2);
    if (name !== null) {
      const file = fileName === null ? {} : { fileName: (fileName[1] ?? fileName[2] ?? '').trim() };
      parts.push({ name: (name[1] ?? name[2] ?? '').trim(), ...file, bytes });
    }
    at = end;
  }
  throw new BodyRefused(400, 'Bad Request: the multipart body ends too early');
}
