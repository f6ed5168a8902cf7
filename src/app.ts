import { join } from 'node:path';
import { Api } from 'grammy';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { AnyStateMachine } from 'xstate';
import {
  allowedUpdates,
  arriveBy,
  Clubs,
  type Conversation,
  checkProvider,
  checkStates,
  clubBook,
  clubProblem,
  createAddress,
  createPerformer,
  effectRules,
  isMessage,
  Ledger,
  lacksWayIn,
  loadConversation,
  migrate,
  readChat,
  readKnown,
  readStates,
  reportOf,
  route,
  runningOf,
  startLoops,
  tellOperators,
  tellWhoWaits,
} from '#club';
import type { Environment } from '#environment';
import {
  type At,
  called,
  checkServer,
  copyName,
  DeadLetters,
  type Effect,
  fixBot,
  fixShards,
  isDeadCopy,
  openRedis,
  Runtime,
  Store,
  SystemClock,
  watchConnection,
} from '#runtime';
import {
  aheadBy,
  bulkWindow,
  createApis,
  createMedia,
  createSender,
  followTelegram,
  pollingIntake,
  prepareTelegram,
  publishCommands,
  verdict,
} from '#telegram';

/** Telegram forgets an update after 24 h; so long after the last look some may be gone, ms. */
const longestGap = 23 * 3_600_000;

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
   * @throws StartRefused with every problem; the previous content stays in use
   */
  reload(): Promise<void>;
  /** Stops polling, finishes what is in hand, closes; at most 10 s. */
  stop(): Promise<void>;
}

async function readContent({ environment, machines }: AppOptions): Promise<Conversation> {
  const conversation = await loadConversation(environment.contentDir, machines);
  checkProvider(conversation.content, environment);
  return conversation;
}

/**
 * Builds every part, wires and starts them in order.
 * @throws StartRefused naming what an operator has to mend; StartCalledOff
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { environment, log, clock = new SystemClock() } = options;
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
    const app = startOn({ ...options, clock, conversation, redis, closeStore });
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

/** Longer than others, since the parts refer to each other: this is the one place that knows them all. */
async function startOn(parts: Parts): Promise<App> {
  const { environment, log, clock, redis } = parts;
  const { botToken: token, apiRoot: root, adminIds, redisPrefix: prefix } = environment;
  const now = () => clock.now();
  const hook = parts.at === undefined ? {} : { at: parts.at };
  for (const warning of parts.conversation.warnings) log.warn(warning);
  for (const warning of await checkServer(redis)) log.warn(warning);
  let stopping: Promise<void> | undefined;
  let reread = () => {};
  watchConnection(redis, {
    address: environment.redisUrl,
    log,
    isOver: () => stopping !== undefined,
    back: () => reread(),
  });

  const clubs = new Clubs(redis, prefix);
  const prepared = async (conversation: Conversation) =>
    runningOf(conversation, environment, now, await clubs.today(conversation.content.settings.club.chatId));
  let running = await prepared(parts.conversation);
  const where = { prefix, shards: await fixShards(redis, prefix, environment.shards) };
  await migrate(redis, where, (line) => log.info(line), now());
  const store = new Store(redis, where);
  checkStates(running.machines, await readStates(redis, where));

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
  await Promise.all([checkClub(), fixBot(redis, prefix, me.id)]);
  await store.history.begin(now());

  const { promise: ended, resolve: end, reject: fail } = withResolvers();
  const apis = createApis({ token, root, ratePerSecond: environment.rateBulk });
  const ledger = new Ledger(redis, where);
  const letters = new DeadLetters(redis, where);
  const toOperators = { operators: adminIds, post: (effect: Effect) => runtime.post(effect) };
  const call = apis.perform('reply');
  const common = { store, redis, where, ledger, letters, clock, log };
  const loops = startLoops({ ...common, toOperators, call, runtime: () => runtime });

  /** The club has become a supergroup, with another id. */
  const moved = async (from: number, to: number) => {
    if (from === to) return;
    const isNews = await clubs.follow(from, to);
    // A previous club, to which members are let in no more.
    if (running.content.settings.club.chatId !== from) return;
    await reload();
    if (!isNews) return;
    await tellOperators(toOperators, {
      id: `club.moved.${to}`,
      params: { message: 'operator_club_moved' },
      event: { type: 'club.moved', club: to },
    });
    // The other copies go on with the new id as well.
    await store.announceContent();
  };
  const surroundings = {
    content: () => running.content,
    ledger,
    call,
    send: createSender({
      render: () => running.render,
      media: createMedia(running.content.mediaDir, store.files),
      perform: apis.perform,
    }),
    stored: (chat: number) =>
      readChat(redis, chat, { ...where, machines: running.machines.map(reportOf), now: now() }),
    append: (arrival: Parameters<Runtime['signal']>[0]) => runtime.signal(arrival),
    facts: () => running.rules.facts ?? {},
    troubles: loops.troubles,
    strangers: loops.strangers,
    bot: me.id,
    moved,
    now,
  };

  let isReady = false;
  const ready = (polling: boolean) => {
    if (!isReady) log.info({ shards: where.shards, prefix, polling }, 'ready');
    isReady = true;
  };
  const intake = pollingIntake({
    api: pollApi,
    allowedUpdates,
    route: (update) => route(update, running.rules),
    runtime: () => runtime,
    caughtUp: async (asked) => loops.reconciliation.polled(await runtime.caughtUp(asked)),
    began: () => ready(true),
    failed: fail,
    clock,
    log,
    timeout: pollTimeout,
    ...hook,
  });
  const runtime: Runtime = new Runtime({
    store,
    letters,
    machines: () => running.machines,
    arrive: arriveBy(() => running.rules),
    effectRules,
    address: createAddress(adminIds, ({ chat, params }) =>
      log.warn({ chat, params }, 'no operator to tell: ADMIN_IDS is empty'),
    ),
    perform: createPerformer(surroundings, parts.actors),
    judge: (error, effect, attempt, faults) => {
      const judged = verdict(error, attempt, faults);
      return judged.kind === 'unreachable' && !isMessage(effect) ? { ...judged, kind: 'refused' } : judged;
    },
    newSession: ({ languageCode }) => ({ language: running.content.pickLanguage(languageCode) }),
    book: clubBook,
    apology: { type: 'send', params: { message: 'something_broke' } },
    rates: { total: environment.rateTotal, bulk: environment.rateBulk },
    window: { answers: 128, bulk: bulkWindow },
    longestGap,
    // The embedded Redis belongs to this copy alone.
    copy: { name: copyName(), isDead: environment.redisUrl === null ? () => true : isDeadCopy },
    lettersFile: join(environment.dataDir, 'dead-letters.jsonl'),
    intake,
    gaveUp: () => loops.givenUp.nudge(),
    changed: () =>
      void reload().catch((error: Error) =>
        log.error({ reason: error.message }, 'the previous content stays in use'),
      ),
    clock,
    log,
    ...hook,
  });
  reread = () => runtime.reread();

  /** A club that is new: one copy counts who has no link to it. */
  const openClub = async () => {
    if (!runtime.holds('poller')) return;
    const waiting = async (club: number) =>
      [...(await readKnown(redis, where, now())).values()].filter((known) => lacksWayIn(known, club)).length;
    await tellWhoWaits({ clubs, waiting, toOperators }, running.content.settings.club.chatId);
  };
  const reload = async () => {
    running = await prepared(await readContent(parts));
    for (const warning of running.warnings) log.warn(warning);
    const { content } = running;
    await publishCommands(pollApi, content, log);
    await Promise.all([checkClub(), openClub()]);
    log.info({ price: content.settings.product.price, languages: content.languages }, 'content reloaded');
  };

  await runtime.start();
  openClub().catch((error: unknown) =>
    log.warn({ err: error }, 'counting who has no link to the club failed'),
  );
  // Another copy polls: this one is ready all the same.
  if (!runtime.holds('poller')) ready(false);

  const stop = async () => {
    const drained = Promise.all([runtime.drain(), loops.stop()]).then(() =>
      Promise.all([runtime.settle(), loops.reconciliation.stop()]),
    );
    // Telegram may be slow, or Redis away; whatever is not finished stays stored.
    const isThere = redis.status === 'ready';
    await within(isThere ? 8_000 : 0, drained);
    await within(isThere ? 500 : 0, runtime.abandon()).catch(() => {});
    stopComparing();
    runtime.close();
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

const within = (ms: number, work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work, new Promise((resolve) => setTimeout(resolve, ms).unref())]);

function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
} {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  // The caller may look at it later than it fails.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
