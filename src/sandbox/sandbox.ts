import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BodyRefused, readParameters } from './parameters.ts';
import { methods, type SandboxMessage, Telegram, TelegramError, type TelegramState } from './telegram.ts';
import { SandboxUser } from './users.ts';

export type { SandboxMessage } from './telegram.ts';
export type { SandboxUser } from './users.ts';

type Json = Record<string, unknown>;

/** What a call meets instead of an answer. */
export type Fault =
  | { readonly status: number; readonly description: string; readonly retryAfter?: number }
  /** The connection breaks before the call is done. */
  | 'reset-before'
  /** The call is done, and its answer is lost. */
  | 'reset-after'
  | 'html-502'
  | 'hang';

export interface ApiCall {
  readonly method: string;
  readonly payload: Json;
  /** ms since 1970. */
  readonly at: number;
}

export interface Sandbox {
  /** For TELEGRAM_API_ROOT, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  /** The last 10,000 calls of the bot, newest last. */
  readonly calls: readonly ApiCall[];
  /** Updates that the bot has not confirmed yet. */
  readonly pendingUpdates: number;
  /** A person; the same id is the same person. Ids count from 1001 when none is given. */
  user(options?: { id?: number; firstName?: string; username?: string; languageCode?: string }): SandboxUser;
  /** Hears every message that a chat shows; returns the function that ends it. */
  onMessage(listener: (message: SandboxMessage) => void): () => void;
  /** Queues any update, also a strange one. Returns its id. */
  push(update: Json): number;
  /** The next `times` calls of a method ('*': any but getUpdates) meet a fault. */
  fail(method: string, fault: Fault, options?: { times?: number; chat?: number }): void;
  /** Resolves once the predicate holds; looked at whenever something happens. The error names `what`. */
  waitFor(predicate: () => boolean, what: string, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface SandboxOptions {
  readonly port?: number;
  readonly token?: string;
  /** ms since 1970, for the dates of messages. Default: the machine's clock. */
  readonly now?: () => number;
  /** Where chats and unconfirmed updates are kept, so that a later start goes on with them. */
  readonly stateFile?: string;
}

const keptCalls = 10_000;
/** Telegram sends at most this many updates at once. */
const mostUpdates = 100;

/** Starts a local stand-in for Telegram's Bot API on the loopback address. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const now = options.now ?? Date.now;
  const token = options.token ?? '42:sandbox-token-of-turnstile-000000000';
  const telegram = new Telegram(now);
  const calls: ApiCall[] = [];
  const faults: { method: string; fault: Fault; times: number; chat: number | undefined }[] = [];
  const users = new Map<number, SandboxUser>();
  const waiting = new Set<() => void>();
  let poll: { end: (outcome: { updates: Json[] } | TelegramError) => void } | null = null;
  let closed = false;

  if (options.stateFile !== undefined && existsSync(options.stateFile)) {
    telegram.restore(JSON.parse(readFileSync(options.stateFile, 'utf8')) as TelegramState);
  }
  let saving: NodeJS.Timeout | undefined;
  const save = () => {
    saving = undefined;
    if (options.stateFile === undefined) return;
    writeFileSync(`${options.stateFile}.new`, JSON.stringify(telegram.save()));
    renameSync(`${options.stateFile}.new`, options.stateFile);
  };
  let notified = false;
  telegram.changed = () => {
    if (options.stateFile !== undefined) saving ??= setTimeout(save, 20);
    if (poll !== null && telegram.updates.length > 0) poll.end({ updates: [] });
    if (notified || waiting.size === 0) return;
    notified = true;
    setImmediate(() => {
      notified = false;
      for (const look of [...waiting]) look();
    });
  };

  async function getUpdates(values: Json, response: ServerResponse): Promise<Json[]> {
    if (telegram.webhook !== '') {
      throw new TelegramError(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      );
    }
    poll?.end(
      new TelegramError(
        409,
        'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
      ),
    );
    const allowed =
      typeof values['allowed_updates'] === 'string'
        ? JSON.parse(values['allowed_updates'])
        : values['allowed_updates'];
    if (Array.isArray(allowed)) telegram.allowed = allowed.map(String);
    const offset = Number(values['offset'] ?? 0);
    if (offset > 0) {
      const before = telegram.updates.length;
      telegram.updates = telegram.updates.filter((update) => Number(update['update_id']) >= offset);
      if (telegram.updates.length !== before) telegram.changed();
    } else if (offset < 0) telegram.updates = telegram.updates.slice(offset);
    const limit = Math.min(mostUpdates, Math.max(1, Number(values['limit'] ?? mostUpdates)));
    const timeout = Math.min(50, Math.max(0, Number(values['timeout'] ?? 0)));
    if (telegram.updates.length === 0 && timeout > 0) {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => mine.end({ updates: [] }), timeout * 1_000);
        const mine = {
          end: (outcome: { updates: Json[] } | TelegramError) => {
            clearTimeout(late);
            if (poll === mine) poll = null;
            if (outcome instanceof TelegramError) reject(outcome);
            else resolve();
          },
        };
        poll = mine;
        // A client that went away must not eat the next updates.
        response.once('close', () => mine.end({ updates: [] }));
      });
    }
    return telegram.updates.slice(0, limit);
  }

  const takeFault = (method: string, values: Json): Fault | undefined => {
    const found = faults.find(
      (item) =>
        (item.method.toLowerCase() === method || (item.method === '*' && method !== 'getupdates')) &&
        (item.chat === undefined || item.chat === Number(values['chat_id'])),
    );
    if (found === undefined) return undefined;
    found.times--;
    if (found.times <= 0) faults.splice(faults.indexOf(found), 1);
    return found.fault;
  };

  const answer = (
    response: ServerResponse,
    status: number,
    body: Json,
    headers: Record<string, string> = {},
  ) => {
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...headers,
    });
    response.end(text);
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const found = /^\/bot([^/]+)\/(\w+)$/.exec(url.pathname);
    const given = await readParameters(request, url.searchParams);
    if (found === null) throw new TelegramError(404, 'Not Found');
    if (found[1] !== token) throw new TelegramError(401, 'Unauthorized');
    const method = (found[2] as string).toLowerCase();
    calls.push({ method: found[2] as string, payload: given.values, at: now() });
    if (calls.length > keptCalls) calls.splice(0, keptCalls / 10);
    const fault = faults.length === 0 ? undefined : takeFault(method, given.values);
    if (fault === 'hang') return;
    if (fault === 'reset-before') return void request.socket.destroy();
    if (fault === 'html-502') {
      response.writeHead(502, { 'content-type': 'text/html' });
      return void response.end(
        '<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>',
      );
    }
    if (typeof fault === 'object') throw new TelegramError(fault.status, fault.description, fault.retryAfter);
    const perform = methods[method];
    if (method !== 'getupdates' && perform === undefined)
      throw new TelegramError(404, 'Not Found: method not found');
    const result =
      perform === undefined ? await getUpdates(given.values, response) : perform(telegram, given);
    if (fault === 'reset-after') return void request.socket.destroy();
    answer(response, 200, { ok: true, result });
  }

  const server = createServer((request, response) => {
    handle(request, response)
      .catch((error: unknown) => {
        if (response.headersSent || response.destroyed) return;
        if (error instanceof TelegramError) {
          const { code, message: description, retryAfter } = error;
          const parameters = retryAfter === undefined ? {} : { parameters: { retry_after: retryAfter } };
          const headers: Record<string, string> =
            retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
          answer(response, code, { ok: false, error_code: code, description, ...parameters }, headers);
        } else if (error instanceof BodyRefused) {
          answer(response, error.code, { ok: false, error_code: error.code, description: error.message });
        } else
          answer(response, 500, {
            ok: false,
            error_code: 500,
            description: `Internal Server Error: ${String(error)}`,
          });
      })
      .finally(() => telegram.changed());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  const waitFor: Sandbox['waitFor'] = (predicate, what, timeoutMs = 5_000) =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(late);
        waiting.delete(look);
      };
      const look = () => {
        try {
          if (!predicate()) return;
          end();
          resolve();
        } catch (error) {
          end();
          reject(error);
        }
      };
      const late = setTimeout(() => {
        end();
        const chats = [...users.values()].slice(-3).map((user) => user.transcript());
        reject(new Error(`Waited ${timeoutMs} ms for ${what}; it did not come.\n${chats.join('\n')}`));
      }, timeoutMs);
      waiting.add(look);
      look();
    });

  let nextUser = 1_001;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    calls,
    get pendingUpdates() {
      return telegram.updates.length;
    },
    user: ({ id, firstName = 'Anna', username, languageCode = 'en' } = {}) => {
      const known = users.get(id ?? 0);
      if (known !== undefined) return known;
      const mine = id ?? nextUser++;
      if (!telegram.users.has(mine)) {
        telegram.users.set(mine, {
          id: mine,
          first_name: firstName,
          language_code: languageCode,
          ...(username !== undefined && { username }),
        });
      }
      const user = new SandboxUser(mine, telegram, waitFor);
      users.set(mine, user);
      return user;
    },
    onMessage: (listener) => telegram.onMessage(listener),
    push: (update) => telegram.push(update),
    fail: (method, fault, { times = 1, chat } = {}) => void faults.push({ method, fault, times, chat }),
    waitFor,
    close: async () => {
      if (closed) return;
      closed = true;
      if (saving !== undefined) clearTimeout(saving);
      save();
      poll?.end({ updates: [] });
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}
