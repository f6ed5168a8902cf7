import { Api } from 'grammy';
import type { Update } from 'grammy/types';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { AnyStateMachine } from 'xstate';
import { accessMachine } from '../machines/access.machine.ts';
import type { Effect } from './core/effects.ts';
import { type DurableMachine, prepareMachine } from './core/machine.ts';
import { allowedUpdates, type Routed, type RouteRules, route } from './core/route.ts';
import type { EffectRule } from './core/step.ts';
import { type Clock, SystemClock } from './engine/clock.ts';
import { Dispatcher } from './engine/dispatcher.ts';
import { Leases } from './engine/leases.ts';
import type { At } from './engine/points.ts';
import { Poller } from './engine/poller.ts';
import { Timers } from './engine/timers.ts';
import { Worker } from './engine/worker.ts';
import { copyName, isDeadCopy } from './ops/copy.ts';
import type { Environment } from './ops/environment.ts';
import { checkServer, connect } from './store/redis.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from './store/server.ts';
import { fixBot, fixShards, Store } from './store/store.ts';
import { bulkWindow, createApis } from './telegram/api.ts';
import { type Content, describeProblem, loadContent } from './telegram/content.ts';
import { createMedia } from './telegram/media.ts';
import { prepareTelegram } from './telegram/prepare.ts';
import { checkoutProblem, createRender } from './telegram/render.ts';
import { createSender, policyOf } from './telegram/sender.ts';
import { verdict } from './telegram/verdict.ts';

/** The conversations that are loaded, by precedence. */
export const machines: readonly AnyStateMachine[] = [accessMachine];

/** Where the effects of this product's actions wait. Everything else keeps the chat's order in its event's lane. */
const effectRules: Readonly<Record<string, EffectRule>> = {
  approveCheckout: { lane: 'checkout', queue: 'instant' },
  rejectCheckout: { lane: 'checkout', queue: 'instant' },
};

/** An operator has to mend something before a start can succeed. `exitCode` follows sysexits.h. */
export class StartRefused extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartRefused';
    this.exitCode = exitCode;
  }
}

export const exitCodes = { noInput: 66, unavailable: 69, temporary: 75, configuration: 78 } as const;

export interface AppOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Conversations in place of the product's own. */
  readonly machines?: readonly AnyStateMachine[];
  /** What invoked promise actors do, by name. */
  readonly actors?: Readonly<Record<string, (effect: Effect) => Promise<unknown>>>;
  /** Called at named points of the loops; a crash test kills there. Nothing by default. */
  readonly at?: At;
  /** Long polling, seconds. Default 30. */
  readonly pollTimeout?: number;
}

export interface App {
  /** Resolves when the bot has stopped; rejects when it cannot go on. */
  readonly ended: Promise<void>;
  /** Stops polling, finishes what is in hand, closes; at most 10 s. */
  stop(): Promise<void>;
}

/** The content and the machines that run with it, checked against each other. */
export interface Conversation {
  readonly content: Content;
  readonly machines: readonly DurableMachine[];
}

/**
 * Loads content and machines.
 * @throws StartRefused (78) with every problem at once; MachineRefused
 */
export async function loadConversation(
  contentDir: string,
  sources: readonly AnyStateMachine[] = machines,
): Promise<Conversation> {
  const bare = sources.map((machine) => prepareMachine(machine));
  const needs = {
    messages: [
      ...new Set(
        bare.flatMap(({ actions }) => actions.flatMap(({ params }) => [params['message'], params['reason']])),
      ),
    ].filter((name): name is string => typeof name === 'string'),
    delays: [...new Set(sources.flatMap((machine) => Object.keys(machine.implementations.delays)))],
    events: [...new Set(bare.flatMap(({ userEvents }) => [...userEvents]))],
  };
  const loaded = await loadContent(contentDir, needs);
  if ('problems' in loaded) {
    const lines = loaded.problems.map((problem) => `  ${describeProblem(problem)}`);
    throw new StartRefused(
      exitCodes.configuration,
      `The content has ${lines.length === 1 ? 'a problem' : `${lines.length} problems`}:\n${lines.join('\n')}`,
    );
  }
  const { content } = loaded;
  const input = { language: content.defaultLanguage };
  return { content, machines: sources.map((machine) => prepareMachine(machine, content.delays, input)) };
}

/**
 * Connects to the Redis of the environment, starting the embedded one where none is named.
 * @throws StartRefused (69) after 30 s without an answer
 */
export async function openRedis(
  environment: Environment,
  log: Logger,
  clock: Clock = new SystemClock(),
): Promise<{ redis: Redis; embedded: EmbeddedRedis | null }> {
  const embedded = environment.redisUrl === null ? await startEmbeddedRedis(environment.dataDir) : null;
  const address = embedded?.socket ?? (environment.redisUrl as string);
  const redis = connect(address);
  let lastError = 'no answer';
  const noted = (error: Error) => {
    if (lastError !== error.message)
      log.warn({ reason: error.message }, 'Redis does not answer yet; trying for 30 s');
    lastError = error.message;
  };
  redis.on('error', noted);
  redis.connect().catch(() => {});
  let giveUp: () => void = () => {};
  const late = new Promise<'late'>((resolve) => {
    giveUp = clock.at(clock.now() + 30_000, () => resolve('late'));
  });
  // A server that refuses the password, or is no Redis, answers with an error at once.
  const refused = (error: Error) => error.message;
  const outcome = await Promise.race([redis.ping().catch(refused), late]);
  giveUp();
  redis.off('error', noted);
  if (outcome !== 'PONG') {
    redis.disconnect();
    const shown = address.replace(/\/\/[^@/]*@/, '//…@');
    throw new StartRefused(
      exitCodes.unavailable,
      `Redis could not be used at ${shown}: ${outcome === 'late' ? `tried for 30 s, the last error was: ${lastError}` : outcome}. ` +
        'Start it, or correct REDIS_URL, or unset REDIS_URL to use the embedded one.',
    );
  }
  return { redis, embedded };
}

/** Builds every part, wires and starts them in order. */
export async function startApp(options: AppOptions): Promise<App> {
  const { environment, log, clock = new SystemClock(), at } = options;
  const { content, machines: loaded } = await loadConversation(environment.contentDir, options.machines);
  const { redis, embedded } = await openRedis(environment, log, clock);
  const closeStore = async () => {
    redis.disconnect();
    await embedded?.stop();
  };
  try {
    return await startOn({
      ...options,
      clock,
      content,
      loaded,
      redis,
      closeStore,
      ...(at !== undefined && { at }),
    });
  } catch (error) {
    await closeStore();
    throw error;
  }
}

type Parts = AppOptions & {
  readonly clock: Clock;
  readonly content: Content;
  readonly loaded: readonly DurableMachine[];
  readonly redis: Redis;
  readonly closeStore: () => Promise<void>;
};

async function startOn(parts: Parts): Promise<App> {
  const { environment, log, clock, content, loaded, redis } = parts;
  const hook = parts.at === undefined ? {} : { at: parts.at };
  for (const warning of await checkServer(redis)) log.warn(warning);
  let stopping: Promise<void> | undefined;
  let isAway = false;
  let reread = () => {};
  redis.on('close', () => {
    // Each failed attempt to connect closes again.
    if (stopping !== undefined || isAway) return;
    isAway = true;
    log.error('Redis is away; nothing is taken from Telegram until it is back');
    redis.once('ready', () => {
      isAway = false;
      log.info('Redis is back');
      reread();
    });
  });
  const shards = await fixShards(redis, environment.redisPrefix, environment.shards);
  const store = new Store(redis, { prefix: environment.redisPrefix, shards });

  const { token, root } = { token: environment.botToken, root: environment.apiRoot };
  const pollTimeout = parts.pollTimeout ?? 30;
  const pollApi = new Api(token, { apiRoot: root, timeoutSeconds: pollTimeout + 15 });
  const me = await prepareTelegram(pollApi, content, log);
  await fixBot(redis, environment.redisPrefix, me.id);

  let end: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  // The caller may look at it later than it fails.
  ended.catch(() => {});
  const apis = createApis({ token, root, ratePerSecond: environment.rateBulk });
  const render = createRender(content, { providerToken: environment.providerToken });
  const send = createSender({
    render: () => render,
    media: createMedia(content.mediaDir, store.files),
    perform: apis.perform,
  });

  const routeRules: RouteRules = {
    userEvents: new Set(loaded.flatMap(({ userEvents }) => [...userEvents])),
    buttonData: content.buttonData,
    checkoutProblem: (query) => checkoutProblem(content, query),
  };
  const dispatcher = new Dispatcher({
    store,
    clock,
    log,
    fenced: (shard) => leases.lost(shard),
    holds: (shard) => leases.holds(shard),
    perform: (effect) => {
      if (effect.invocation === undefined) return send(effect);
      const actor = parts.actors?.[effect.type];
      if (actor === undefined) throw new Error(`No actor "${effect.type}" is given to the app`);
      return actor(effect);
    },
    judge: (error, effect, attempt) => verdict(error, attempt, policyOf(effect)),
    resulted: (shard) => worker.hint(shard),
    rates: { total: environment.rateTotal, bulk: environment.rateBulk },
    window: { answers: 128, bulk: bulkWindow },
    ...hook,
  });
  const worker: Worker = new Worker({
    store,
    machines: loaded,
    routeRules: () => routeRules,
    effectRules,
    newSession: ({ languageCode }) => ({ language: content.pickLanguage(languageCode) }),
    address: (effect) => addressOperators(effect, environment.adminIds, log),
    committed: (shard, { timers: changes, effects }) => {
      for (const { due } of changes) if (due !== null) timers.hint(shard, due);
      for (const lane of new Set(effects.map((effect) => effect.lane))) dispatcher.hint(shard, lane);
    },
    fenced: (shard) => leases.lost(shard),
    clock,
    log,
    ...hook,
  });
  const timers = new Timers({
    store,
    handle: (timer) => worker.handleTimer(timer),
    expirable: loaded.flatMap(({ id, expiry }) =>
      [...expiry.keys()].map((state) => ({ machine: id, state })),
    ),
    clock,
    log,
    ...hook,
  });
  const createPoller = () =>
    new Poller({
      api: pollApi,
      allowedUpdates,
      append: async (updates) => {
        if (updates.length === 0) return store.ping();
        const stored = updates.map((update) => storable(update, routeRules));
        const server = await store.server();
        await store.appendUpdates(stored);
        const touched = [...new Set(stored.map(({ chat }) => store.shardOf(chat)))];
        for (const shard of touched) worker.hint(shard);
        await store.announce(touched.filter((shard) => !leases.holds(shard)));
        await store.untilWritten(server);
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
    gained: (shard) => {
      worker.gain(shard);
      timers.gain(shard);
      dispatcher.gain(shard);
    },
    drained: async (shard) => {
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
  const stopListening = store.listen((shard) => worker.hint(shard));

  reread = () => worker.reread();
  worker.start();
  dispatcher.start();
  timers.start();
  await leases.start();
  // Another copy polls: this one is ready all the same.
  if (!leases.holds('poller')) ready(false);

  const stop = async () => {
    const drained = leases
      .stop()
      .then(() => Promise.all([worker.stop(), timers.stop()]))
      .then(() => dispatcher.stop());
    // Telegram may be slow, or Redis away; whatever is not finished stays stored.
    const patience = redis.status === 'ready' ? 7_000 : 0;
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, patience).unref())]);
    stopListening();
    await parts.closeStore();
    end();
  };
  return {
    ended,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** An operator's message goes to each operator, in a queue of its own. */
function addressOperators(effect: Effect, adminIds: readonly number[], log: Logger): readonly Effect[] {
  if (effect.type !== 'tellOperator') return [effect];
  if (adminIds.length === 0)
    log.warn({ chat: effect.chat, params: effect.params }, 'no operator to tell: ADMIN_IDS is empty');
  return adminIds.map((to) => ({ ...effect, to, queue: `${to}` }));
}

/** An update with its place: the chat it is about (0 for none) and the inbox it goes to. */
function storable(update: Update, rules: RouteRules) {
  let routed: Routed | null = null;
  try {
    routed = route(update, rules);
  } catch {
    // A strange update must not stop polling. The worker finds the same fault, and keeps it as a dead letter.
  }
  return {
    id: update.update_id,
    chat: routed?.chat ?? 0,
    lane: routed?.lane ?? 'reply',
    text: JSON.stringify(update),
  } as const;
}
