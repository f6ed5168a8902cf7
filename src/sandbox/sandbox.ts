import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { type ApiCall, CallLog } from './api/call-log.ts';
import { type Fault, Faults, FloodControl, type Limits } from './api/faults.ts';
import { menuFor } from './api/methods/updates.ts';
import type { Json } from './api/parameters.ts';
import { ApiServer } from './api/server.ts';
import { shapeChecks } from './api/shape.ts';
import { type SandboxClock, type SharedClock, sandboxClock } from './clock.ts';
import { type ClubOptions, openClub, type SandboxClub } from './people/clubs.ts';
import { People, type UserOptions } from './people/people.ts';
import type { SandboxUser } from './people/user.ts';
import { type WaitFor, waitingRoom } from './waiting.ts';
import type { SandboxEvent } from './world/events.ts';
import { Membership } from './world/membership.ts';
import type { SandboxMessage } from './world/message.ts';
import { type EarlierPayment, Payments } from './world/payments.ts';
import { keepState } from './world/state.ts';
import { type BotCommand, type BotUser, Telegram } from './world/telegram.ts';
import type { World } from './world/world.ts';

export type { ApiCall } from './api/call-log.ts';
export type { Fault, Limits } from './api/faults.ts';
export type { SandboxClock, SharedClock } from './clock.ts';
export type { SandboxClub } from './people/clubs.ts';
export type { SandboxUser } from './people/user.ts';
export type { SandboxEvent } from './world/events.ts';
export type { SandboxMessage } from './world/message.ts';
export type { EarlierPayment } from './world/payments.ts';

export interface Sandbox {
  /** For TELEGRAM_API_ROOT, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  /** The bot's own account. */
  readonly bot: { readonly id: number; readonly first_name: string; readonly username: string };
  /** Time travel; a bot under test may take its time from here. */
  readonly clock: SandboxClock;
  /** The last 10,000 calls of the bot, newest last; fewer when their parameters take more than 8 MB. */
  readonly calls: readonly ApiCall[];
  /**
   * Parameters that calls of the bot had and that changed nothing here, each once, such as
   * `sendMessage.allow_paid_broadcast`: what the bot expects of them, this sandbox cannot show.
   */
  readonly ignored: readonly string[];
  /** Updates that the bot has not confirmed yet. */
  readonly pendingUpdates: number;
  /** A person; the same id is the same person. Ids count from 1001 when none is given. */
  user(options?: UserOptions): SandboxUser;
  /** Everybody that there is, also of an earlier start with the same `stateFile`. */
  users(): SandboxUser[];
  club(options?: ClubOptions): SandboxClub;
  /** Puts an earlier payment, or another program's, into the bot's list of transactions; the bot is told nothing. */
  hasPayment(payment: EarlierPayment): { charge: string };
  /** Takes Stars from the bot's balance, all unless a number is named: too few are left for its refunds. */
  withdrawsStars(amount?: number): void;
  /** The withdrawals that are under way fail: their Stars are the bot's again. @throws Error when there is none */
  returnsStars(): void;
  /** What the bot has, and what is on its way to its owner. */
  readonly stars: { readonly balance: number; readonly withdrawn: number };
  /** Where the bytes of a file are, sent by whomever; undefined for an unknown one. */
  fileUrl(fileId: string): string | undefined;
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
  readonly waitFor: WaitFor;
  /** Resolves once the bot has taken every update and asks for the next, and no other call of it is under way. */
  idle(timeoutMs?: number): Promise<void>;
  /** Ends it. With `strict`, throws when an answer or update had a shape that the Bot API does not document. */
  close(): Promise<void>;
}

export interface SandboxOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Its first part is the bot's id. */
  readonly token?: string;
  readonly bot?: {
    /** Default: Turnstile. */
    readonly firstName?: string;
    /** Without @. Default: turnstile_sandbox_bot. */
    readonly username?: string;
    /**
     * It hears everything that is said in its groups, also where it is no administrator: privacy mode is off. Default:
     * false, as for every new bot of Telegram's.
     */
    readonly readsAllMessages?: boolean;
  };
  /** A clock that the bot shares. Default: one of the sandbox's own. */
  readonly clock?: SharedClock;
  /** ms since 1970, in place of a clock: a time that somebody else moves. */
  readonly now?: () => number;
  /** Where chats and unconfirmed updates are kept, so that a later start goes on with them; files stand beside it. */
  readonly stateFile?: string;
  /** Gets every request whose path begins with neither `/bot` nor `/file/`. */
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Compares every answer and update with the Bot API's documentation. Default: whether SANDBOX_STRICT is 1. */
  readonly strict?: boolean;
}

/** A bot that makes names of parameters up is not listed without end. */
const mostIgnored = 1_000;
/** Ten digits and 35 signs, as Telegram's tokens have: some clients look at that. */
const defaultToken = '2000000042:sandbox-token-of-turnstile-00000000';

/** Starts a local stand-in for Telegram's Bot API on the loopback address. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = sandboxClock(options.clock ?? options.now);
  const token = options.token ?? defaultToken;
  const { stateFile } = options;
  const telegram = new Telegram(botUser(token, options.bot ?? {}), clock, {
    filesFolder: stateFile === undefined ? undefined : join(dirname(stateFile), 'telegram-files'),
    readsAll: options.bot?.readsAllMessages,
  });
  const world: World = {
    telegram,
    payments: new Payments(telegram),
    membership: new Membership(telegram),
  };
  const log = new CallLog();
  const ignored = new Set<string>();
  const faults = new Faults();
  const flood = new FloodControl(clock);
  const state = stateFile === undefined ? null : keepState(stateFile, world);
  const waiting = waitingRoom(() => people.transcripts());
  const people = new People(world, waiting.waitFor);
  telegram.changed = () => {
    state?.saveSoon();
    waiting.look();
  };
  const isStrict = options.strict ?? process.env['SANDBOX_STRICT'] === '1';
  const strict = isStrict ? shapeChecks(telegram) : null;
  let latency = 0;
  const server = new ApiServer({
    world,
    token,
    faults,
    flood,
    record: (method, payload, size) => {
      log.add({ method, payload, at: clock.now() }, size);
      waiting.look();
    },
    ignored: (method, parameters) => {
      for (const parameter of parameters)
        if (ignored.size < mostIgnored) ignored.add(`${method}.${parameter}`);
    },
    check: (method, result) => strict?.checkAnswer(method, result),
    latency: () => latency,
    ...(options.other !== undefined && { other: options.other }),
  });
  const url = `http://127.0.0.1:${await server.listen(options.port ?? 0)}`;

  let endOffline: () => void = () => {};
  const setOnline = (isOnline: boolean) => {
    endOffline();
    server.setOnline(isOnline);
    telegram.emit({ type: isOnline ? 'online' : 'offline' });
  };
  let closed = false;
  return {
    url,
    token,
    bot: telegram.bot,
    clock,
    calls: log.calls,
    get ignored() {
      return [...ignored];
    },
    get pendingUpdates() {
      return telegram.updates.length;
    },
    user: (options) => people.user(options),
    users: () => people.all(),
    club: (given = {}) => openClub(world, given),
    hasPayment: (payment) => world.payments.book(payment),
    withdrawsStars: (amount) => world.payments.stars.withdraw(amount),
    returnsStars: () => world.payments.stars.returnWithdrawn(),
    get stars() {
      const { balance, withdrawn } = world.payments.stars;
      return { balance, withdrawn };
    },
    serveFile: (fileId, request, response) =>
      telegram.files.serve(telegram.files.find(fileId)?.path ?? '', request, response),
    fileUrl: (fileId) => {
      const file = telegram.files.find(fileId);
      return file === undefined ? undefined : `${url}/file/bot${token}/${file.path}`;
    },
    commandsFor: (language, chat) => menuFor(telegram, language, chat),
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
    idle: (timeoutMs) => {
      const isIdle = () => telegram.updates.length === 0 && telegram.updates.isPolled && server.busy === 1;
      return waiting.waitFor(isIdle, 'the bot to be idle', timeoutMs);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      clock.stop();
      telegram.updates.close();
      await server.close();
      telegram.files.close();
      telegram.changed = () => {};
      state?.saveNow();
      strict?.report();
    },
  };
}

function botUser(token: string, { firstName, username }: NonNullable<SandboxOptions['bot']>): BotUser {
  const id = Number(/^(\d+):./.exec(token)?.[1]);
  if (!Number.isSafeInteger(id))
    throw new Error(`Expected a token such as ${defaultToken}, found "${token}".`);
  return {
    id,
    is_bot: true,
    first_name: firstName ?? 'Turnstile',
    username: username ?? 'turnstile_sandbox_bot',
  };
}
