import { join } from 'node:path';
import { Api } from 'grammy';
import {
  type Arrive,
  called,
  checkServer,
  copyName,
  DeadLetters,
  fixShards,
  isDeadCopy,
  type OpenStore,
  openRedis,
  openRedisStore,
  Runtime,
  readStates,
  SystemClock,
  watchConnection,
} from '#runtime';
import { type ArrivalRules, arrivalOf, basicUpdates } from './arrivals.ts';
import type { Blueprint, BotOptions, RunningBot } from './blueprint.ts';
import { bulkWindow, createApis } from './client.ts';
import { type Conversation, checkStates } from './conversation.ts';
import { fixBot } from './identity.ts';
import { pollingIntake } from './intake.ts';
import { joinKinds } from './kinds.ts';
import { createMedia, keptFileIds } from './media.ts';
import { createSender } from './sender.ts';
import { prepareTelegram, publishCommands } from './sign-in.ts';
import { aheadBy, followTelegram } from './time.ts';
import { verdict } from './verdict.ts';

/** Telegram forgets an update after 24 h; so long after the last look some may be gone, ms. */
const longestGap = 23 * 3_600_000;

/**
 * Starts a bot by long polling: reads its content, opens the store, signs in, and joins the other copies of it.
 * @throws StartRefused naming what is to be mended (69, 75, 78), before anything is sent; StartCalledOff
 */
export async function runBot<Settings, Rules extends ArrivalRules, Parts>(
  blueprint: Blueprint<Settings, Rules, Parts>,
  options: BotOptions,
): Promise<RunningBot> {
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
  const conversation = await blueprint.load().catch(async (error: unknown) => {
    reading.abort();
    await closeStore().catch(() => {});
    throw error;
  });
  const { redis } = await opening;
  try {
    const bot = startOn(blueprint, { ...options, clock, conversation, redis, closeStore });
    return await Promise.race([bot, called(options.signal)]);
  } catch (error) {
    await closeStore();
    throw error;
  }
}

type Opened<Settings> = BotOptions & {
  readonly clock: SystemClock;
  readonly conversation: Conversation<Settings>;
  readonly redis: OpenStore['redis'];
  readonly closeStore: () => Promise<void>;
};

/** Longer than others, since the parts refer to each other: this is the one place that knows them all. */
async function startOn<Settings, Rules extends ArrivalRules, Parts>(
  blueprint: Blueprint<Settings, Rules, Parts>,
  opened: Opened<Settings>,
): Promise<RunningBot> {
  const { environment, log, clock, redis } = opened;
  const { botToken: token, apiRoot: root, redisPrefix: prefix, adminIds } = environment;
  const { plan, book, apology, ofToday = (arrival) => arrival } = blueprint;
  const kinds = joinKinds(plan.features, plan.actors);
  const routes = plan.features.flatMap(({ route }) => route ?? []);
  const hook = opened.at === undefined ? {} : { at: opened.at };
  for (const warning of [...opened.conversation.warnings, ...(await checkServer(redis))]) log.warn(warning);
  let stopping: Promise<void> | undefined;
  let reread = () => {};
  watchConnection(redis, {
    address: environment.redisUrl,
    log,
    isOver: () => stopping !== undefined,
    back: () => reread(),
  });
  const where = { prefix, shards: await fixShards(redis, prefix, environment.shards) };
  const store = openRedisStore(redis, where);
  const open = { redis, where, store };
  const prepared = async (conversation: Conversation<Settings>) => {
    const adapted = (await blueprint.adapt?.(conversation, open)) ?? conversation;
    return { conversation: adapted, rules: blueprint.rules(adapted), render: blueprint.render(adapted) };
  };
  let current = await prepared(opened.conversation);
  await blueprint.migrate?.(open);
  checkStates(current.conversation.machines, await readStates(store));

  const timeout = opened.pollTimeout ?? 30;
  const api = new Api(token, { apiRoot: root, timeoutSeconds: timeout + 15 });
  const [me, stopComparing] = await Promise.all([
    prepareTelegram(api, current.conversation.content, log),
    followTelegram(() => aheadBy(root, token, () => clock.now()), clock, log),
  ]);
  await fixBot(redis, prefix, me.id);

  const apis = createApis({ token, root, ratePerSecond: environment.rateBulk });
  const letters = new DeadLetters(store);
  const reload = async () => {
    current = await prepared(await blueprint.load());
    const { content, warnings } = current.conversation;
    for (const warning of warnings) log.warn(warning);
    await publishCommands(api, content, log);
    log.info({ ...(await begun.reloaded?.()), languages: content.languages }, 'content reloaded');
  };
  const begun = await blueprint.begin({
    ...open,
    id: me.id,
    store,
    letters,
    api,
    call: apis.perform('reply'),
    send: createSender({
      render: () => current.render,
      media: createMedia(current.conversation.content.mediaDir, keptFileIds(store.notes)),
      perform: apis.perform,
    }),
    runtime: () => runtime,
    current: () => current,
    reload,
    clock,
    log,
  });
  let isReady = false;
  const ready = (polling: boolean) => {
    if (!isReady) log.info({ shards: where.shards, prefix, polling }, 'ready');
    isReady = true;
  };
  const { promise: ended, resolve: end, reject: fail } = settleable();
  const arrive: Arrive = (kind, text) =>
    kind === 'arrival' ? ofToday(JSON.parse(text)) : arrivalOf(JSON.parse(text), current.rules, routes);
  const runtime: Runtime = new Runtime({
    store,
    letters,
    machines: () => current.conversation.machines,
    arrive,
    effectRules: kinds.rules,
    address: kinds.address(adminIds, ({ chat, params }) =>
      log.warn({ chat, params }, 'no operator to tell: ADMIN_IDS is empty'),
    ),
    perform: kinds.performWith(begun.parts),
    judge: (error, effect, attempt, faults) => {
      const judged = verdict(error, attempt, faults);
      return judged.kind === 'unreachable' && !kinds.speaks(effect) ? { ...judged, kind: 'refused' } : judged;
    },
    newSession: ({ languageCode }) =>
      blueprint.input({ language: current.conversation.content.pickLanguage(languageCode) }),
    rates: { total: environment.rateTotal, bulk: environment.rateBulk },
    window: { answers: 128, bulk: bulkWindow },
    outside: { name: 'Telegram', credential: 'BOT_TOKEN' },
    longestGap,
    // The embedded Redis belongs to this copy alone.
    copy: { name: copyName(), isDead: environment.redisUrl === null ? () => true : isDeadCopy },
    lettersFile: join(environment.dataDir, 'dead-letters.jsonl'),
    intake: pollingIntake({
      api,
      allowedUpdates: [...basicUpdates, ...plan.features.flatMap(({ updates = [] }) => updates)],
      route: (update) => arrivalOf(update, current.rules, routes),
      runtime: () => runtime,
      caughtUp: async (asked) => {
        const isAfterGap = await runtime.caughtUp(asked);
        if (begun.caughtUp !== undefined) begun.caughtUp(isAfterGap);
        // Nothing can make up for it: what a long silence has lost is lost.
        else if (isAfterGap) await runtime.gap.closed(await runtime.gap.get());
      },
      began: () => ready(true),
      failed: fail,
      clock,
      log,
      timeout,
      ...hook,
    }),
    gaveUp: () => begun.gaveUp?.(),
    changed: () =>
      void reload().catch((error: Error) =>
        log.error({ reason: error.message }, 'the previous content stays in use'),
      ),
    clock,
    log,
    ...(book !== undefined && { book }),
    ...(apology !== undefined && { apology }),
    ...hook,
  });
  reread = () => runtime.reread();
  await runtime.start();
  begun.started?.().catch((error: unknown) => log.warn({ err: error }, 'what follows a start failed'));
  // Another copy polls: this one is ready all the same.
  if (!runtime.holds('poller')) ready(false);

  const stop = async () => {
    await runtime.stop(redis.status === 'ready', begun.stop);
    stopComparing();
    await opened.closeStore();
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

function settleable() {
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
