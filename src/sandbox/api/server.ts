import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { World } from '../world/world.ts';
import { badRequest, TelegramError } from './errors.ts';
import type { Faults, FloodControl } from './faults.ts';
import type { Json } from './json.ts';
import { decode, loadAll, ownAddresses } from './loading.ts';
import { methods } from './methods/all.ts';
import { BodyRefused, type Parameters, readParameters } from './parameters.ts';
import { watchReads } from './reads.ts';
import { methodName } from './shape.ts';

export interface ServerOptions {
  readonly world: World;
  readonly token: string;
  readonly faults: Faults;
  readonly flood: FloodControl;
  /** Is told of every call with the right token, and of the bytes that its parameters came in. */
  readonly record: (method: string, values: Json, size: number) => void;
  /** Is told which parameters of a call changed nothing. */
  readonly ignored: (method: string, parameters: readonly string[]) => void;
  /** Sees every result before it is sent; what it throws is answered instead. */
  readonly check: (method: string, result: unknown) => void;
  /** ms that every answer takes longer. */
  readonly latency: () => number;
  /** Requests that are not the Bot API's. */
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void;
}

const noDownloads: Parameters['downloads'] = new Map();

/** The HTTP side of the Bot API. */
export class ApiServer {
  readonly #options: ServerOptions;
  readonly #server: Server;
  /** Calls of the bot that are under way. */
  readonly #busy = new Set<IncomingMessage>();
  #isOnline = true;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#receive(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Calls that are under way. */
  get busy(): number {
    return this.#busy.size;
  }

  /** @returns the port */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => resolve(this.#port()));
    });
  }

  /** While offline, calls that are under way break, and so does each new one; other requests are answered. */
  setOnline(isOnline: boolean): void {
    this.#isOnline = isOnline;
    if (!isOnline) for (const { socket } of this.#busy) socket.resetAndDestroy();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const url = urlOf(request);
    const path = decode(url?.pathname ?? '/');
    if (url === null || (!path.startsWith('/bot') && !path.startsWith('/file/'))) {
      if (this.#options.other !== undefined) this.#options.other(request, response);
      else answerError(response, new TelegramError(404, 'Not Found'));
      return;
    }
    if (!this.#isOnline) return void request.socket.resetAndDestroy();
    this.#stamp(response);
    this.#busy.add(request);
    response.once('close', () => {
      this.#busy.delete(request);
      this.#options.world.telegram.changed();
    });
    this.#handle(request, response, path, url.searchParams).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return;
      this.#stamp(response);
      answerError(response, error);
    });
  }

  /** Dates an answer by the sandbox's clock: a bot may compare its own with it. */
  #stamp(response: ServerResponse): void {
    response.setHeader('date', new Date(this.#options.world.telegram.clock.now()).toUTCString());
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<void> {
    const { world, token, faults, latency } = this.#options;
    const filePrefix = `/file/bot${token}/`;
    if (path.startsWith(filePrefix))
      return world.telegram.files.serve(path.slice(filePrefix.length), request, response);
    const { size, ...call } = await readParameters(request, query);
    const [, tokenOfPath, calledName = ''] = /^\/bot([^/]+)\/(\w+)$/.exec(path) ?? [];
    if (tokenOfPath === undefined) throw new TelegramError(404, 'Not Found');
    if (tokenOfPath !== token) throw new TelegramError(401, 'Unauthorized');
    const name = methodName(calledName) ?? calledName;
    this.#options.record(calledName, call.values, size);
    const fault = faults.take(name.toLowerCase(), call.values);
    if (fault === 'hang') return;
    if (fault === 'reset-before') return void request.socket.resetAndDestroy();
    if (fault === 'html-502') return answerHtml(response);
    if (typeof fault === 'object' && 'status' in fault) {
      const { status, description, retryAfter } = fault;
      throw new TelegramError(
        status,
        description,
        retryAfter === undefined ? {} : { retry_after: retryAfter },
      );
    }
    const delay = typeof fault === 'object' ? fault.delay : latency();
    if (delay > 0) await this.#pause(delay);
    const result = await this.#perform(name, call, (end) => response.once('close', end));
    if (fault === 'reset-after') return void request.socket.resetAndDestroy();
    // Long polling takes its time.
    if (!response.destroyed) this.#stamp(response);
    answer(response, 200, { ok: true, result });
  }

  /** The result of a method. @param onGone is called with what ends a wait when the client goes away */
  async #perform(
    name: string,
    { values: sent, files }: Pick<Parameters, 'values' | 'files'>,
    onGone: (end: () => void) => void,
  ): Promise<unknown> {
    const { world, flood, check, ignored } = this.#options;
    const method = name.toLowerCase();
    const { values, unread } = watchReads(sent);
    let result: unknown;
    if (method === 'getupdates') result = await world.telegram.updates.poll(values, onGone);
    else {
      const perform = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (perform === undefined) throw notEmulated(name);
      flood.admit(method, sent);
      const addresses = ownAddresses(sent, this.#port());
      const downloads = addresses.length === 0 ? noDownloads : await loadAll(addresses);
      result = perform(world, { values, files, downloads });
    }
    check(name, result);
    ignored(name, unread());
    return result;
  }

  #port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options.world.telegram;
    return new Promise((resolve) => void clock.at(clock.now() + ms, resolve));
  }
}

/** null for what is no address. */
function urlOf({ url = '/' }: IncomingMessage): URL | null {
  const whole = url.startsWith('/') ? `http://localhost${url}` : url;
  try {
    return new URL(whole);
  } catch {
    return null;
  }
}

/** A 400, which no client tries again. */
function notEmulated(name: string): TelegramError {
  if (methodName(name) === undefined) return new TelegramError(404, 'Not Found: method not found');
  return badRequest(`${name} is a method of the Bot API that this sandbox does not emulate`);
}

function answer(
  response: ServerResponse,
  status: number,
  body: Json,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function answerError(response: ServerResponse, error: unknown): void {
  const known = error instanceof TelegramError || error instanceof BodyRefused;
  const code = known ? error.code : 500;
  const description = known ? error.message : `Internal Server Error: ${String(error)}`;
  const parameters = error instanceof TelegramError ? error.parameters : {};
  const { retry_after } = parameters;
  const headers: Record<string, string> =
    retry_after === undefined ? {} : { 'retry-after': String(retry_after) };
  const more = Object.keys(parameters).length === 0 ? {} : { parameters };
  answer(response, code, { ok: false, error_code: code, description, ...more }, headers);
}

function answerHtml(response: ServerResponse): void {
  response.writeHead(502, { 'content-type': 'text/html' });
  response.end('<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>');
}
