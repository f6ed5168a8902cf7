import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import type { SystemClock } from '../engine/clock.ts';
import { type SandboxClock, sandboxClock } from './clock.ts';
import { type Club, isInside, type MemberStatus } from './club.ts';
import { TelegramError } from './errors.ts';
import type { SandboxEvent } from './events.ts';
import { type Fault, Faults, FloodControl, type Limits } from './faults.ts';
import { Membership } from './membership.ts';
import type { SandboxMessage } from './message.ts';
import { menuKey } from './methods/updates.ts';
import type { Json } from './parameters.ts';
import { Payments, type PaymentsState } from './payments.ts';
import { ApiServer } from './server.ts';
import { returnsOf, shapeProblems } from './shape.ts';
import { type BotCommand, Telegram, type TelegramState } from './telegram.ts';
import { SandboxUser } from './users.ts';
import type { World } from './world.ts';

export type { SandboxClock } from './clock.ts';
export type { SandboxEvent } from './events.ts';
export type { Fault, Limits } from './faults.ts';
export type { SandboxMessage } from './message.ts';
export type { SandboxUser } from './users.ts';

export interface ApiCall {
  readonly method: string;
  readonly payload: Json;
  /** ms since 1970. */
  readonly at: number;
}

/** A supergroup or channel in which the bot is an administrator. */
export interface SandboxClub {
  readonly id: number;
  readonly title: string;
  /** Ids of who is inside, the owner too; without the bot. */
  readonly members: readonly number[];
  /** Ids of who waits to be let in. */
  readonly requests: readonly number[];
  /** What a member reads there. */
  readonly messages: readonly SandboxMessage[];
  /** The owner changes what the bot is; the bot hears of it. */
  botBecomes(status: MemberStatus): void;
}

export interface ClubOptions {
  /** Telegram's begin with -100. Default: counted from -1001000000001. */
  readonly id?: number;
  readonly title?: string;
  readonly type?: 'supergroup' | 'channel';
  /** Whoever finds the club without a link must be approved. */
  readonly joinByRequest?: boolean;
}

export interface Sandbox {
  /** For TELEGRAM_API_ROOT, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  /** The bot's own account. */
  readonly bot: { readonly id: number; readonly first_name: string; readonly username: string };
  /** Time travel; a bot under test may take its time from here. */
  readonly clock: SandboxClock;
  /** The last 10,000 calls of the bot, newest last. */
  readonly calls: readonly ApiCall[];
  /** Updates that the bot has not confirmed yet. */
  readonly pendingUpdates: number;
  /** A person; the same id is the same person. Ids count from 1001 when none is given. */
  user(options?: { id?: number; firstName?: string; username?: string; languageCode?: string }): SandboxUser;
  /** Everybody that there is, also of an earlier start with the same `stateFile`. */
  users(): SandboxUser[];
  club(options?: ClubOptions): SandboxClub;
  /** The commands menu that a person with this language sees in their chat. */
  commandsFor(language: string, chat?: number): readonly BotCommand[];
  /** Answers a request with the bytes of a file, whole or the range asked for; also while the bot is offline. */
  serveFile(fileId: string, request: IncomingMessage, response: ServerResponse): void;
  /** Hears every message that a chat shows, new or changed; returns the function that ends it. */
  onMessage(listener: (message: SandboxMessage) => void): () => void;
  /** Hears everything that a chat client shows; returns the function that ends it. */
  onEvent(listener: (event: SandboxEvent) => void): () => void;
  /** Queues any update, also a strange one. Returns its id. */
  push(update: Json): number;
  /** The next `times` calls of a method ('*': any but getUpdates) meet a fault. */
  fail(method: string, fault: Fault, options?: { times?: number; chat?: number }): void;
  /** Flood limits from now on, with 429 and retry_after; `{}` for none, which is the default. */
  limits(limits: Limits): void;
  /** Every answer takes this many ms longer. */
  latency(ms: number): void;
  /** The bot's connections break and new calls fail, for so many ms or until `goOnline`. */
  goOffline(ms?: number): void;
  goOnline(): void;
  /** Resolves once the predicate holds; looked at whenever something happens. The error names `what`. */
  waitFor(predicate: () => boolean, what: string, timeoutMs?: number): Promise<void>;
  /** Ends it. With `strict`, throws when an answer or update had a shape that the Bot API does not document. */
  close(): Promise<void>;
}

export interface SandboxOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly token?: string;
  /** A clock that the bot shares. Default: one of the sandbox's own. */
  readonly clock?: SystemClock;
  /** ms since 1970, in place of a clock: a time that somebody else moves. */
  readonly now?: () => number;
  /** Where chats and unconfirmed updates are kept, so that a later start goes on with them; files stand beside it. */
  readonly stateFile?: string;
  /** Gets every request whose path begins with neither `/bot` nor `/file/`. */
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Compares every answer and update with the Bot API's documentation. */
  readonly strict?: boolean;
}

interface SandboxState {
  readonly telegram: TelegramState;
  readonly payments: PaymentsState;
}

const keptCalls = 10_000;
const firstUser = 1_001;
/** Owns the clubs. */
const ownerId = 999;

/** Starts a local stand-in for Telegram's Bot API on the loopback address. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = sandboxClock(options.clock ?? options.now);
  const token = options.token ?? '42:sandbox-token-of-turnstile-000000000';
  const { stateFile } = options;
  const telegram = new Telegram(
    clock,
    stateFile === undefined ? undefined : join(dirname(stateFile), 'telegram-files'),
  );
  const world: World = {
    telegram,
    payments: new Payments(telegram),
    membership: new Membership(telegram),
  };
  const calls: ApiCall[] = [];
  const faults = new Faults();
  const flood = new FloodControl(clock);
  const users = new Map<number, SandboxUser>();
  const state = stateFile === undefined ? null : keepState(stateFile, world);
  const waiting = waitingRoom(() => [...users.values()].slice(-3).map((user) => user.transcript()));
  telegram.changed = () => {
    state?.saveSoon();
    waiting.look();
  };
  const strict = options.strict === true ? shapeChecks(telegram) : null;
  let latency = 0;
  const server = new ApiServer({
    world,
    token,
    faults,
    flood,
    record: (method, payload) => {
      calls.push({ method, payload, at: clock.now() });
      if (calls.length > keptCalls) calls.splice(0, keptCalls / 10);
    },
    check: (method, result) => strict?.checkAnswer(method, result),
    latency: () => latency,
    ...(options.other !== undefined && { other: options.other }),
  });
  const port = await server.listen(options.port ?? 0);

  const open = (id: number): SandboxUser => {
    const known = users.get(id);
    if (known !== undefined) return known;
    const user = new SandboxUser(id, world, waiting.waitFor);
    users.set(id, user);
    return user;
  };
  let nextUser = firstUser;
  let endOffline: () => void = () => {};
  const setOnline = (isOnline: boolean) => {
    endOffline();
    server.setOnline(isOnline);
    telegram.emit({ type: isOnline ? 'online' : 'offline' });
  };
  let closed = false;
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    bot: telegram.bot,
    clock,
    calls,
    get pendingUpdates() {
      return telegram.updates.length;
    },
    user: ({ id, firstName = 'Anna', username, languageCode = 'en' } = {}) => {
      const mine = id ?? nextUser++;
      if (!telegram.users.has(mine)) {
        telegram.users.set(mine, {
          id: mine,
          first_name: firstName,
          language_code: languageCode,
          ...(username !== undefined && { username }),
        });
      }
      return open(mine);
    },
    users: () => [...telegram.users.keys()].filter((id) => id !== ownerId).map(open),
    club: (given = {}) => openClub(world, given),
    commandsFor: (language, chat) => commandsFor(telegram, language, chat),
    serveFile: (fileId, request, response) =>
      telegram.files.serve(telegram.files.find(fileId)?.path ?? '', request, response),
    onMessage: (listener) =>
      telegram.onEvent((event) => {
        if (event.type === 'message' || event.type === 'message_changed') listener(event.message);
      }),
    onEvent: (listener) => telegram.onEvent(listener),
    push: (update) => telegram.pushRaw(update),
    fail: (method, fault, { times = 1, chat } = {}) => faults.add(method, fault, times, chat),
    limits: (limits) => flood.set(limits),
    latency: (ms) => {
      latency = ms;
    },
    goOffline: (ms) => {
      setOnline(false);
      if (ms !== undefined) endOffline = clock.at(clock.now() + ms, () => setOnline(true));
    },
    goOnline: () => setOnline(true),
    waitFor: waiting.waitFor,
    close: async () => {
      if (closed) return;
      closed = true;
      clock.stop();
      state?.saveNow();
      telegram.updates.close();
      await server.close();
      strict?.report();
    },
  };
}

/** Restores what a file holds, and writes it again soon after a change. */
function keepState(file: string, { telegram, payments }: World) {
  if (existsSync(file)) {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Partial<SandboxState>;
    if (stored.telegram === undefined || stored.payments === undefined)
      throw new Error(`${file} is not a state of this sandbox. Remove it to start anew.`);
    telegram.restore(stored.telegram);
    payments.restore(stored.payments);
  }
  let saving: NodeJS.Timeout | undefined;
  const saveNow = () => {
    clearTimeout(saving);
    saving = undefined;
    const stored: SandboxState = { telegram: telegram.save(), payments: payments.save() };
    writeFileSync(`${file}.new`, JSON.stringify(stored));
    renameSync(`${file}.new`, file);
  };
  return {
    saveNow,
    saveSoon: () => {
      saving ??= setTimeout(saveNow, 20);
    },
  };
}

/** Those who wait for something to happen; they look together, once per turn. */
function waitingRoom(transcripts: () => string[]) {
  const waiting = new Set<() => void>();
  let isNotified = false;
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
        reject(
          new Error(`Waited ${timeoutMs} ms for ${what}; it did not come.\n${transcripts().join('\n')}`),
        );
      }, timeoutMs);
      waiting.add(look);
      look();
    });
  const look = () => {
    if (isNotified || waiting.size === 0) return;
    isNotified = true;
    setImmediate(() => {
      isNotified = false;
      for (const one of [...waiting]) one();
    });
  };
  return { waitFor, look };
}

/** Looks at every shape; a wrong one is answered with an error, and reported in the end. */
function shapeChecks(telegram: Telegram) {
  const problems: string[] = [];
  telegram.check = (type, value) => {
    const found = shapeProblems(type, value);
    problems.push(...found);
    if (found.length > 0) throw new Error(`Not a shape of the Bot API: ${found.join('; ')}`);
  };
  return {
    checkAnswer: (method: string, result: unknown) => {
      if (method === 'getupdates') return;
      const found = shapeProblems(returnsOf(method), result);
      problems.push(...found.map((problem) => `${method}: ${problem}`));
      if (found.length > 0)
        throw new TelegramError(
          500,
          `Internal Server Error: not a shape of the Bot API: ${found.join('; ')}`,
        );
    },
    report: () => {
      if (problems.length > 0)
        throw new Error(`The sandbox broke the Bot API's shapes:\n${problems.join('\n')}`);
    },
  };
}

function openClub({ telegram, membership }: World, options: ClubOptions): SandboxClub {
  const id = options.id ?? -1_001_000_000_001 - telegram.clubs.size;
  let club = telegram.clubs.get(id);
  if (club === undefined) {
    telegram.users.set(ownerId, { id: ownerId, first_name: 'Owner', language_code: 'en' });
    club = {
      id,
      title: options.title ?? 'The club',
      type: options.type ?? 'supergroup',
      joinByRequest: options.joinByRequest ?? false,
      bot: 'administrator',
      members: new Map([[ownerId, { status: 'creator', until: 0 }]]),
      links: new Map(),
      requests: new Map(),
    };
    telegram.clubs.set(id, club);
  }
  const mine: Club = club;
  return {
    id,
    title: mine.title,
    get members() {
      return [...mine.members.keys()].filter((user) => isInside(membership.status(mine, user)));
    },
    get requests() {
      return [...mine.requests.keys()];
    },
    get messages() {
      return telegram.messages.get(id) ?? [];
    },
    botBecomes: (status) => membership.setBot(mine, status),
  };
}

/** Telegram shows the menu of the narrowest scope that has one, the person's language first. */
function commandsFor(telegram: Telegram, language: string, chat?: number): readonly BotCommand[] {
  const scopes: (Json | undefined)[] = [
    ...(chat === undefined ? [] : [{ type: 'chat', chat_id: chat }]),
    { type: 'all_private_chats' },
    undefined,
  ];
  for (const scope of scopes) {
    const menu = telegram.commands.get(menuKey(scope, language)) ?? telegram.commands.get(menuKey(scope, ''));
    if (menu !== undefined) return menu;
  }
  return [];
}
