import { dirname, join } from 'node:path';
import { CallLog } from './api/call-log.ts';
import { Faults, FloodControl } from './api/faults.ts';
import { menuFor } from './api/methods/updates.ts';
import { ApiServer } from './api/server.ts';
import { shapeChecks } from './api/shape.ts';
import { type SandboxClock, sandboxClock } from './clock.ts';
import type { Sandbox, SandboxOptions } from './face.ts';
import { openClub } from './people/clubs.ts';
import { People } from './people/people.ts';
import { type WaitFor, waitingRoom } from './waiting.ts';
import { Membership } from './world/membership.ts';
import { Payments } from './world/payments.ts';
import { keepState, readState } from './world/state.ts';
import { type BotUser, Telegram } from './world/telegram.ts';
import type { World } from './world/world.ts';

/** A bot that makes names of parameters up is not listed without end. */
const mostIgnored = 1_000;
/** Ten digits and 35 signs, as Telegram's tokens have: some clients look at that. */
const defaultToken = '2000000042:sandbox-token-of-turnstile-00000000';

/**
 * Starts a local stand-in for Telegram's Bot API on the loopback address.
 * @throws Error when the token has no id, the port is taken, or `stateFile` holds something else
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = sandboxClock(options.clock ?? options.now);
  const { stateFile } = options;
  const before = stateFile === undefined ? undefined : readState(stateFile);
  const token = options.token ?? before?.token ?? defaultToken;
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
  const state = stateFile === undefined ? null : keepState(stateFile, token, world, before);
  const waiting = waitingRoom(() => people.transcripts());
  const people = new People(world, waiting.waitFor);
  telegram.changed = () => {
    state?.saveSoon();
    waiting.look();
  };
  const isStrict = options.strict ?? process.env['SANDBOX_STRICT'] === '1';
  const strict = isStrict ? shapeChecks(telegram) : null;
  const network = { latency: 0 };
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
    latency: () => network.latency,
    ...(options.other !== undefined && { other: options.other }),
  });
  const url = `http://127.0.0.1:${await server.listen(options.port ?? 0)}`;
  const close = async () => {
    clock.stop();
    telegram.updates.close();
    await server.close();
    telegram.files.close();
    telegram.changed = () => {};
    state?.saveNow();
    strict?.report();
  };
  return faceOf({
    url,
    token,
    world,
    people,
    clock,
    waiting,
    log,
    ignored,
    faults,
    flood,
    network,
    server,
    close,
  });
}

/** What a running sandbox is made of. */
interface Parts {
  readonly url: string;
  readonly token: string;
  readonly world: World;
  readonly people: People;
  readonly clock: SandboxClock;
  readonly waiting: { readonly waitFor: WaitFor };
  readonly log: CallLog;
  readonly ignored: ReadonlySet<string>;
  readonly faults: Faults;
  readonly flood: FloodControl;
  /** Every answer takes this many ms longer. */
  readonly network: { latency: number };
  readonly server: ApiServer;
  readonly close: () => Promise<void>;
}

function faceOf(parts: Parts): Sandbox {
  const { url, token, world, people, clock, waiting, log, ignored, faults, flood, network, server } = parts;
  const { telegram, payments } = world;
  let endOutage: () => void = () => {};
  const setOnline = (isOnline: boolean) => {
    endOutage();
    server.setOnline(isOnline);
    telegram.emit({ type: isOnline ? 'online' : 'offline' });
  };
  let closing: Promise<void> | undefined;
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
    club: (options = {}) => openClub(world, options),
    hasPayment: (payment) => payments.book(payment),
    withdrawsStars: (amount) => payments.stars.withdraw(amount),
    returnsStars: () => payments.stars.returnWithdrawn(),
    get stars() {
      const { balance, withdrawn } = payments.stars;
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
      network.latency = ms;
    },
    goOffline: (ms) => {
      setOnline(false);
      if (ms !== undefined) endOutage = clock.at(clock.now() + ms, () => setOnline(true));
    },
    goOnline: () => setOnline(true),
    waitFor: waiting.waitFor,
    idle: (timeoutMs) => {
      const isIdle = () => telegram.updates.length === 0 && telegram.updates.isPolled && server.busy === 1;
      return waiting.waitFor(isIdle, 'the bot to be idle', timeoutMs);
    },
    close: () => {
      closing ??= parts.close();
      return closing;
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
