import { join } from 'node:path';
import { Api } from 'grammy';
import type { Update } from 'grammy/types';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { AnyStateMachine } from 'xstate';
import {
  allowedUpdates,
  arriveBy,
  type ClubRules,
  Clubs,
  type Conversation,
  checkProvider,
  checkStates,
  clubBook,
  clubProblem,
  createAddress,
  createPerformer,
  createUnadopted,
  effectRules,
  GivenUp,
  History,
  isMessage,
  Ledger,
  lacksWayIn,
  loadConversation,
  migrate,
  Reconciliation,
  readChat,
  readKnown,
  readStates,
  reportOf,
  route,
  runningOf,
  StrangerList,
  Strangers,
  TroubleBook,
  Troubles,
  tellOperators,
  tellWhoWaits,
  toldNote,
} from '#club';
import type { Environment } from '#environment';
import {
  type At,
  checkServer,
  connect,
  copyName,
  DeadLetters,
  Dispatcher,
  type Effect,
  type EmbeddedRedis,
  exitCodes,
  fixBot,
  fixShards,
  type Incoming,
  isDeadCopy,
  Leases,
  News,
  openRedisStore,
  Rescan,
  Retention,
  readInfo,
  StartRefused,
  SystemClock,
  startEmbeddedRedis,
  Timers,
  Worker,
  waitsForNews,
} from '#runtime';
import {
  aheadBy,
  bulkWindow,
  createApis,
  createMedia,
  createSender,
  keptFileIds,
  Poller,
  prepareTelegram,
  publishCommands,
  verdict,
} from '#telegram';

/** Telegram forgets an update after 24 h; so long after the last look some may be gone, ms. */
const longestGap = 23 * 3_600_000;

/** Reminders that may wait to be sent, as many as are sent in this time, ms; the others stay timers. */
const reminderBacklog = 2_000;
/** How far the clock may be off Telegram's, and how often they are compared, ms. */
const clockTolerance = 60_000;
const clockComparing = 600_000;

/** The start was called off before the bot ran. */
export class StartCalledOff extends Error {
  override name = 'StartCalledOff';
}

export interface AppOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly clock?: SystemClock;
  /** Conversations in place of the product's own. */
  readonly machines?: readonly AnyStateMachine[];
  /** What invoked promise actors do, by name. */
  readonly actors?: Readonly<Record<string, (effect: Effect) => Promise<unknown>>>;
  /** Called at named points of the loops; a crash test kills there. Nothing by default. */
  readonly at?: At;
  /** Long polling, seconds. Default 30. */
  readonly pollTimeout?: number;
  /** Calls a start off that still waits for Redis or Telegram: what was opened is closed. */
  readonly signal?: AbortSignal;
}

export interface App {
  /** Resolves when the bot has stopped; rejects when it cannot go on. */
  readonly ended: Promise<void>;
  /**
   * Takes the content folder anew, without a pause.
   * @throws StartRefused with every problem; the content of before stays
   */
  reload(): Promise<void>;
  /** Stops polling, finishes what is in hand, closes; at most 10 s. */
  stop(): Promise<void>;
}

/** What a start that still waits says, and what calls it off. */
export interface Waiting {
  readonly says: (line: string) => void;
  readonly clock?: SystemClock;
  readonly signal?: AbortSignal;
}

/** An address without its password. */
const shown = (address: string) => address.replace(/\/\/[^@/]*@/, '//…@');

/**
 * Connects to the Redis of the environment, starting the embedded one where none is named.
 * @throws StartRefused (69) after 30 s without an answer
 */
export async function openRedis(
  environment: Environment,
  waiting: Waiting,
): Promise<{ redis: Redis; embedded: EmbeddedRedis | null }> {
  const embedded =
    environment.redisUrl === null ? await startEmbeddedRedis(environment.dataDir, waiting) : null;
  try {
    return {
      redis: await reachRedis(embedded?.socket ?? (environment.redisUrl as string), waiting),
      embedded,
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/**
 * Connects to one Redis.
 * @throws StartRefused (69) after 30 s without an answer
 */
export async function reachRedis(
  address: string,
  { says, clock = new SystemClock(), signal }: Waiting,
): Promise<Redis> {
  const redis = connect(address);
  let lastError = 'no answer';
  const noted = (error: Error) => {
    if (lastError !== error.message)
      says(`Redis does not answer yet at ${shown(address)}: ${error.message}; trying for 30 s`);
    lastError = error.message;
  };
  redis.on('error', noted);
  redis.connect().catch(() => {});
  const began = clock.now();
  const unready = clock.at(began + 5_000, () => {
    if (redis.status === 'connect')
      noted(new Error('it accepts connections and is not ready, as while it reads its file'));
  });
  let giveUp: () => void = () => {};
  const late = new Promise<'late'>((resolve) => {
    giveUp = clock.at(began + 30_000, () => resolve('late'));
  });
  // A server that refuses the password, or is no Redis, answers with an error at once.
  const refused = (error: Error) => error.message;
  const outcome = await Promise.race([redis.ping().catch(refused), late, called(signal)]).catch(
    (error: unknown) => {
      redis.disconnect();
      throw error;
    },
  );
  unready();
  giveUp();
  redis.off('error', noted);
  if (outcome !== 'PONG') {
    redis.disconnect();
    throw new StartRefused(
      exitCodes.unavailable,
      `Redis could not be used at ${shown(address)}: ${outcome === 'late' ? `tried for 30 s, the last error was: ${lastError}` : outcome}. ` +
        'Start it, or correct REDIS_URL, or unset REDIS_URL to use the embedded one.',
    );
  }
  return redis;
}

/** Rejects when a start is called off; never resolves. */
const called = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    if (signal?.aborted === true) reject(new StartCalledOff());
    signal?.addEventListener('abort', () => reject(new StartCalledOff()), { once: true });
  });

async function readContent({ environment, machines }: AppOptions): Promise<Conversation> {
  const conversation = await loadConversation(environment.contentDir, machines);
  checkProvider(conversation.content, environment);
  return conversation;
}

/** Builds every part, wires and starts them in order. */
export async function startApp(options: AppOptions): Promise<App> {
  const { environment, log, clock = new SystemClock(), at } = options;
  // The store is opened while the content is read, and closed again when that cannot be used.
  const reading = new AbortController();
  const signal = AbortSignal.any([reading.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const opening = openRedis(environment, { says: (line) => log.warn(line), clock, signal });
  // The content's own faults come first.
  opening.catch(() => {});
  const closeStore = async () => {
    const { redis, embedded } = await opening;
    redis.disconnect();
    await embedded?.stop();
  };
  const conversation = await readContent(options).catch(async (error: unknown) => {
    reading.abort();
    await closeStore().catch(() => {});
    throw error;
  });
  const { redis } = await opening;
  try {
    const app = startOn({
      ...options,
      clock,
      conversation,
      redis,
      closeStore,
      ...(at !== undefined && { at }),
    });
    return await Promise.race([app, called(options.signal)]);
  } catch (error) {
    await closeStore();
    throw error;
  }
}

type Parts = AppOptions & {
  readonly clock: SystemClock;
  readonly conversation: Conversation;
  readonly redis: Redis;
  readonly closeStore: () => Promise<void>;
};

async function startOn(parts: Parts): Promise<App> {
  const { environment, log, clock, redis } = parts;
  const now = () => clock.now();
  for (const warning of parts.conversation.warnings) log.warn(warning);
  const hook = parts.at === undefined ? {} : { at: parts.at };
  for (const warning of await checkServer(redis)) log.warn(warning);
  let stopping: Promise<void> | undefined;
  let isAway = false;
  let reason: string | undefined;
  let reread = () => {};
  redis.on('error', (error: Error) => {
    reason = error.message;
  });
  redis.on('close', () => {
    // Each failed attempt to connect closes again.
    if (stopping !== undefined || isAway) return;
    isAway = true;
    const address = shown(environment.redisUrl ?? redis.options.path ?? '');
    log.error({ redis: address, reason }, 'Redis is away; nothing is taken from Telegram until it is back');
  });
  redis.on('ready', () => {
    reason = undefined;
    if (!isAway) return;
    reread();
    // One that takes no writes is away as well.
    readInfo(redis, 'replication').then(
      (info) => {
        if (!isAway || info.includes('role:slave')) return;
        isAway = false;
        log.info('Redis is back');
      },
      () => {},
    );
  });
  const shards = await fixShards(redis, environment.redisPrefix, environment.shards);
  const store = openRedisStore(redis, { prefix: environment.redisPrefix, shards });
  const clubs = new Clubs(store.notes);
  let running = runningOf(
    parts.conversation,
    environment,
    now,
    await clubs.today(parts.conversation.content.club.chatId),
  );
  const say = (line: string) => log.info(line);
  await migrate(redis, { prefix: environment.redisPrefix, shards }, say, clock.now());
  checkStates(running.machines, await readStates(store));

  const { token, root } = { token: environment.botToken, root: environment.apiRoot };
  const pollTimeout = parts.pollTimeout ?? 30;
  const pollApi = new Api(token, { apiRoot: root, timeoutSeconds: pollTimeout + 15 });
  const [me, stopComparing] = await Promise.all([
    prepareTelegram(pollApi, running.content, log),
    followTelegram(() => aheadBy(root, token, now), clock, log),
  ]);
  const checkClub = async () => {
    const problem = await clubProblem(pollApi, running.content, me.id).catch(() => null);
    if (problem !== null) log.error(problem);
  };
  await Promise.all([checkClub(), fixBot(redis, environment.redisPrefix, me.id)]);
  const history = new History(store);
  await history.begin(clock.now());

  let end: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  // The caller may look at it later than it fails.
  ended.catch(() => {});
  const apis = createApis({ token, root, ratePerSecond: environment.rateBulk });
  const send = createSender({
    render: () => running.render,
    media: createMedia(running.content.mediaDir, keptFileIds(store.notes)),
    perform: apis.perform,
  });
  const ledger = new Ledger(store);
  const letters = new DeadLetters(store);
  const perform = createPerformer({
    content: () => running.content,
    ledger,
    call: apis.perform('reply'),
    send,
    stored: (chat) => readChat(store, chat, { machines: running.machines.map(reportOf), now: clock.now() }),
    append: async (arrival) => {
      await store.appendArrivals([arrival]);
      worker.hint(store.shardOf(arrival.chat));
    },
    facts: () => running.rules.facts ?? {},
    moved: async (from, to) => {
      if (from === to) return;
      const isNews = await clubs.follow(from, to);
      // One of before, to which members are let in no more.
      if (running.content.club.chatId !== from) return;
      await reload();
      if (!isNews) return;
      await tellOperators(toOperators, {
        id: `club.moved.${to}`,
        params: { message: 'operator_club_moved' },
        event: { type: 'club.moved', club: to },
      });
      // The other copies go on with the new id as well.
      await store.announceContent();
    },
    troubles: {
      met: (kind, reason) => troubles.met(kind, reason),
      over: (kind) => troubles.over(kind),
      isOpen: (kind) => troubles.isOpen(kind),
    },
    strangers: { note: (effect) => strangers.note(effect) },
    bot: me.id,
    now,
    ...(parts.actors !== undefined && { actors: parts.actors }),
  });
  const dispatcher = new Dispatcher({
    store,
    clock,
    log,
    fenced: (shard) => leases.lost(shard),
    holds: (shard) => leases.holds(shard),
    perform,
    judge: (error, effect, attempt, faults) => {
      const judged = verdict(error, attempt, faults);
      return judged.kind === 'unreachable' && !isMessage(effect) ? { ...judged, kind: 'refused' } : judged;
    },
    resulted: (shard) => worker.hint(shard),
    rates: { total: environment.rateTotal, bulk: environment.rateBulk },
    window: { answers: 128, bulk: bulkWindow },
    ...hook,
  });
  const worker: Worker = new Worker({
    store,
    get machines() {
      return running.machines;
    },
    arrive: arriveBy(() => running.rules),
    effectRules,
    book: clubBook,
    apology: { type: 'send', params: { message: 'something_broke' } },
    newSession: ({ languageCode }) => ({ language: running.content.pickLanguage(languageCode) }),
    address: createAddress(environment.adminIds, log),
    committed: (shard, { timers: changes, effects }) => {
      for (const { due } of changes) if (due !== null) timers.hint(shard, due);
      dispatcher.hintEffects(shard, effects);
    },
    moved: (shard) => appended([shard]),
    gaveUp: () => givenUp.nudge(),
    fenced: (shard) => leases.lost(shard),
    clock,
    log,
    ...hook,
  });
  /** Something new stands in these shards' inboxes, whoever owns them. */
  const appended = async (touched: readonly number[]) => {
    for (const shard of touched) worker.hint(shard);
    await store.announce(touched.filter((shard) => !leases.holds(shard)));
  };
  const news = new News({ store, longestGap, clock });
  const timers = new Timers({
    store,
    waits: ({ machine: id, timer }) =>
      running.machines.some((machine) => machine.id === id && waitsForNews(machine, timer)),
    news: (due) => news.until(due),
    handle: (timer) => worker.handleTimer(timer),
    // Each copy sends its part of what is allowed, out of its part of the shards: a shard's part is the same either way.
    room: () => Math.ceil((environment.rateBulk * reminderBacklog) / 1_000 / shards),
    clock,
    log,
    ...hook,
  });
  /** A message to an operator that no step asked for. */
  const post = async (effect: Effect) => {
    await store.post(effect, clock.now());
    const shard = store.shardOf(effect.chat);
    dispatcher.hint(shard, effect.lane);
    if (!leases.holds(shard)) await store.announceEffects([shard]);
  };
  const toOperators = { operators: environment.adminIds, post };
  const reconciliation = new Reconciliation({
    call: apis.perform('reply'),
    ledger,
    position: history.compared,
    began: () => history.began(),
    noteCommission: (commission) => ledger.noteCommission(commission),
    unadopted: createUnadopted({ ...toOperators, history, log }),
    gap: {
      get: async () => (await store.news.read()).gap,
      closed: async (gap) => {
        await store.news.noteCompared(gap);
        timers.newsCame();
      },
    },
    append: async (chat, update) => {
      await store.appendFound(chat, JSON.stringify(update));
      await appended([store.shardOf(chat)]);
    },
    clock,
    log,
  });
  const troubles = new Troubles({
    ...toOperators,
    book: new TroubleBook(store.notes),
    mayTell: () => leases.holds('poller'),
    clock,
    log,
  });
  const strangers = new Strangers({
    ...toOperators,
    list: new StrangerList(store.notes),
    mayTell: () => leases.holds('poller'),
    clock,
    log,
  });
  const givenUp = new GivenUp({
    ...toOperators,
    added: () => store.lettersAdded(),
    told: toldNote(store.notes),
    newest: async () => (await letters.list(1))[0],
    mayTell: () => leases.holds('poller'),
    clock,
    log,
  });
  const rescan = new Rescan({
    store,
    found: (shard, { inbox, lanes, nextTimer }) => {
      if (inbox) worker.hint(shard);
      for (const lane of lanes) dispatcher.hint(shard, lane);
      if (nextTimer !== null) timers.hint(shard, nextTimer);
    },
    log,
  });
  const createPoller = () =>
    new Poller({
      api: pollApi,
      allowedUpdates,
      append: async (updates) => {
        if (updates.length === 0) return store.ping();
        const stored = updates.flatMap((update) => storable(update, running.rules));
        const server = await store.server();
        await store.appendUpdates(stored);
        await appended([...new Set(stored.map(({ chat }) => store.shardOf(chat ?? 0)))]);
        await store.untilWritten(server);
      },
      caughtUp: async (asked) => {
        const came = await news.came(asked);
        if (came !== 'known') timers.newsCame();
        reconciliation.polled(came === 'gap');
      },
      mayPoll: () => leases.holds('poller'),
      conflicted: async () => {
        if (!(await store.isOwner('poller'))) leases.lost('poller');
      },
      clock,
      log,
      timeout: pollTimeout,
      ...hook,
    });
  let isReady = false;
  const ready = (polling: boolean) => {
    if (!isReady) log.info({ shards, prefix: environment.redisPrefix, polling }, 'ready');
    isReady = true;
  };
  let poller: Poller | null = null;
  let polling: Promise<void> = Promise.resolve();
  const leases: Leases = new Leases({
    store,
    copy: copyName(),
    // The embedded Redis belongs to this copy alone.
    isDead: environment.redisUrl === null ? () => true : isDeadCopy,
    gained: (shard, unclean) => {
      worker.gain(shard, unclean);
      timers.gain(shard);
      dispatcher.gain(shard);
      rescan.gain(shard);
    },
    drained: async (shard) => {
      rescan.drain(shard);
      await Promise.all([worker.drain(shard), timers.drain(shard)]);
      await dispatcher.drain(shard);
    },
    startPolling: () => {
      poller = createPoller();
      polling = poller.run(() => ready(true));
      polling.catch(fail);
    },
    stopPolling: async () => {
      poller?.stop();
      poller = null;
      await polling.catch(() => {});
    },
    copiesChanged: (copies) => dispatcher.share(copies),
    log,
    ...hook,
  });
  const retention = new Retention({
    store,
    letters,
    holds: (shard) => leases.holds(shard),
    file: join(environment.dataDir, 'dead-letters.jsonl'),
    clock,
    log,
  });
  /** A club that is new: one copy counts who has no link to it. */
  const openClub = async () => {
    if (!leases.holds('poller')) return;
    const waiting = async (club: number) =>
      [...(await readKnown(store, clock.now())).values()].filter((known) => lacksWayIn(known, club)).length;
    await tellWhoWaits({ clubs, waiting, toOperators }, running.content.club.chatId);
  };
  const reload = async () => {
    const loaded = await loadConversation(environment.contentDir, parts.machines);
    checkProvider(loaded.content, environment);
    const next = runningOf(loaded, environment, now, await clubs.today(loaded.content.club.chatId));
    running = next;
    for (const warning of next.warnings) log.warn(warning);
    await publishCommands(pollApi, next.content, log);
    await Promise.all([checkClub(), openClub()]);
    log.info({ price: next.content.product.price, languages: next.content.languages }, 'content reloaded');
  };
  const stopListening = store.listen(
    (shard) => worker.hint(shard),
    () =>
      void reload().catch((error: Error) =>
        log.error({ reason: error.message }, 'the content of before stays'),
      ),
    (shard) => dispatcher.rescan([shard]),
    () => {
      for (let shard = 0; shard < shards; shard++) worker.hint(shard);
      dispatcher.rescan(Array.from({ length: shards }, (_, shard) => shard));
    },
    () => {
      news.wanted();
      poller?.hurry();
    },
  );

  reread = () => {
    worker.reread();
    timers.reread();
  };
  worker.start();
  dispatcher.start();
  timers.start();
  rescan.start();
  await leases.start();
  retention.start();
  openClub().catch((error: unknown) =>
    log.warn({ err: error }, 'counting who has no link to the club failed'),
  );
  // Another copy polls: this one is ready all the same.
  if (!leases.holds('poller')) ready(false);

  const stop = async () => {
    rescan.stop();
    const drained = leases
      .stop()
      .then(() =>
        Promise.all([
          worker.stop(),
          timers.stop(),
          retention.stop(),
          givenUp.stop(),
          troubles.stop(),
          strangers.stop(),
        ]),
      )
      .then(() => Promise.all([dispatcher.stop(), reconciliation.stop()]));
    // Telegram may be slow, or Redis away; whatever is not finished stays stored.
    const within = (ms: number, work: Promise<unknown>) =>
      Promise.race([work, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
    await within(redis.status === 'ready' ? 8_000 : 0, drained);
    await within(redis.status === 'ready' ? 500 : 0, dispatcher.abandon()).catch(() => {});
    stopComparing();
    stopListening();
    await parts.closeStore();
    end();
  };
  return {
    ended,
    reload,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/**
 * Sets the clock by Telegram's when it is off by more than a minute: now, and every 10 minutes. By a wrong clock members
 * would be removed too early, or never.
 * @param compare how far Telegram's clock is ahead, ms; null when that is not known
 * @returns the function that ends it
 */
async function followTelegram(
  compare: () => Promise<number | null>,
  clock: SystemClock,
  log: Logger,
): Promise<() => void> {
  let callOff: () => void = () => {};
  let isOver = false;
  const look = async () => {
    // One answer may be lost on the way.
    const ahead = (await compare()) ?? (await compare());
    if (ahead !== null && Math.abs(ahead) > clockTolerance && clock.correct(ahead)) {
      log.error(
        { offBy: `${Math.round(Math.abs(ahead) / 1_000)} s`, telegram: new Date(clock.now()).toISOString() },
        `The clock of this machine is ${ahead > 0 ? 'behind' : 'ahead of'} Telegram's; the bot counts by Telegram's time. ` +
          'Set the clock right (timedatectl set-ntp true), and restart the bot.',
      );
    }
    if (!isOver) callOff = clock.at(clock.now() + clockComparing, () => void look());
  };
  await look();
  return () => {
    isOver = true;
    callOff();
  };
}

/** What is stored of an update: what it means, with its place. Nothing is stored of one that means nothing to the bot. */
function storable(update: Update, rules: ClubRules): Incoming[] {
  const id = update.update_id;
  try {
    const arrival = route(update, rules);
    if (arrival === null) return [];
    const { chat, lane } = arrival;
    return [{ id, chat, lane, kind: 'arrival', text: JSON.stringify(arrival) }];
  } catch {
    // A strange update must not stop polling. The worker finds the same fault, and keeps it as a dead letter.
    return [{ id, chat: null, lane: 'reply', text: JSON.stringify(update) }];
  }
}
