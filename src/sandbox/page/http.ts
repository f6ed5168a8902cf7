import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

/** An answer other than the one that was asked for. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refused';
    this.status = status;
  }
}

const mostBody = 64 * 1_024;

/**
 * Lets only this page's own requests through: a foreign site could otherwise reach it through the browser, by a name
 * that it points at this machine, or by a form.
 * @throws Refused 403
 */
export function checkOrigin({ headers, socket }: IncomingMessage): void {
  const { host = '', origin, 'sec-fetch-site': site } = headers;
  const isOurs = [`127.0.0.1:${socket.localPort}`, `localhost:${socket.localPort}`].includes(host);
  if (!isOurs) throw new Refused(403, `Expected this machine's own address, found the host "${host}".`);
  const isForeign =
    (origin !== undefined && origin !== `http://${host}`) || site === 'cross-site' || site === 'same-site';
  if (isForeign) throw new Refused(403, 'Expected a request of the page itself, found one of another site.');
}

/** @throws Refused 413, 415 or 400 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new Refused(415, 'Expected a body of application/json.');
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > mostBody) throw new Refused(413, `Expected at most ${mostBody} bytes.`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw new Refused(400, 'Expected JSON.');
  }
}

/** Scripts and addresses of the page alone; styles also in place, since pictures of machines bring theirs. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "media-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const safely = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Answers with a file of the built page. */
export async function sendBuilt(folder: string, path: string, response: ServerResponse): Promise<void> {
  const name = path === '/' ? 'index.html' : path.slice(1);
  if (!/^(?:assets\/)?[\w-][\w.-]*$/.test(name)) throw new Refused(404, 'There is no such page.');
  const body = await readFile(join(folder, name)).catch(() => null);
  if (body === null) {
    if (name === 'index.html') throw new Refused(503, 'The page is not built. `npm run demo` builds it.');
    throw new Refused(404, 'There is no such page.');
  }
  response.writeHead(200, {
    ...safely,
    'content-type': types[extname(name)] ?? 'application/octet-stream',
    'content-length': body.length,
    'content-security-policy': policy,
    'cache-control': name.startsWith('assets/') ? 'max-age=31536000, immutable' : 'no-store',
  });
  response.end(body);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { ...safely, 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(text);
}
