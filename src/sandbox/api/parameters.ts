import type { IncomingMessage } from 'node:http';

export type Json = Record<string, unknown>;

export interface UploadedFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The parameters of one call, however its client sent them. */
export interface Parameters {
  readonly values: Record<string, unknown>;
  readonly files: ReadonlyMap<string, UploadedFile>;
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

/** Reads query string, JSON, urlencoded and multipart parameters; the query string counts first. */
export async function readParameters(request: IncomingMessage, query: URLSearchParams): Promise<Parameters> {
  const body = await readBody(request);
  const type = request.headers['content-type'] ?? '';
  const files = new Map<string, UploadedFile>();
  let values: Record<string, unknown> = {};
  if (type.startsWith('application/json')) {
    if (body.length > 0) values = parseObject(body.toString('utf8'));
  } else if (type.startsWith('multipart/form-data')) {
    const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
    if (boundary === undefined) throw new BodyRefused(400, 'Bad Request: multipart without a boundary');
    for (const part of parseMultipart(body, boundary)) {
      if (part.fileName === undefined) values[part.name] = part.bytes.toString('utf8');
      else files.set(part.name, { name: part.fileName, bytes: part.bytes });
    }
  } else if (body.length > 0) {
    values = Object.fromEntries(new URLSearchParams(body.toString('utf8')));
  }
  return { values: { ...values, ...Object.fromEntries(query) }, files };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Answered below, as any other body that is no object.
  }
  throw new BodyRefused(400, "Bad Request: can't parse JSON object");
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
