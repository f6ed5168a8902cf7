import type { Redis } from 'ioredis';

import { factsOf, loadClub, reportOf, requireFormat } from '#club';
import { readEnvironment, readVariables } from '#environment';
import {
  checkRole,
  findEmbeddedRedis,
  fixShards,
  type JsonObject,
  openRedis,
  prepareMachine,
  reachRedis,
  readInfo,
  SystemClock,
} from '#runtime';
import { checkBot, createApis, type Perform } from '#telegram';
import { botOf } from './bot.ts';

/** The sandbox moves the bot's time. */
export const clockOf = () => new SystemClock(Number(process.env['TURNSTILE_CLOCK_OFFSET'] ?? 0));

/** Machines as the reports need them. */
export const reported = async () =>
  (await botOf()).machines.map((source) => reportOf(prepareMachine(source)));

/** Runs a report on the Redis of the running bot; a stopped bot's embedded Redis is started for it. */
export async function withStored<T>(
  report: (redis: Redis, options: { prefix: string; shards: number }) => Promise<T>,
): Promise<T> {
  const environment = readEnvironment(readVariables(), { token: false });
  const waiting = { says: (line: string) => void process.stderr.write(`${line}\n`) };
  const socket = environment.redisUrl === null ? await findEmbeddedRedis(environment.dataDir, waiting) : null;
  const opened =
    socket === null
      ? await openRedis(environment, waiting)
      : { redis: await reachRedis(socket, waiting), embedded: null };
  try {
    checkRole(await readInfo(opened.redis));
    const shards = await fixShards(opened.redis, environment.redisPrefix, environment.shards);
    if ((await botOf()).definition === null) await requireFormat(opened.redis, environment.redisPrefix);
    return await report(opened.redis, { prefix: environment.redisPrefix, shards });
  } finally {
    opened.redis.disconnect();
    await opened.embedded?.stop();
  }
}

/** The same for what is done with the token: the store must be that of its bot. */
export const withOwnStore: typeof withStored = (work) =>
  withStored(async (redis, where) => {
    const { botToken } = readEnvironment(readVariables(), { token: true });
    await checkBot(redis, where.prefix, Number.parseInt(botToken, 10));
    return work(redis, where);
  });

/** A client for the commands that ask Telegram something. */
export function telegram(): Perform {
  const { botToken: token, apiRoot: root, rateBulk } = readEnvironment(readVariables(), { token: true });
  return createApis({ token, root, ratePerSecond: rateBulk }).perform('reply');
}

/** What every event of a person tells of today's offer. */
export const todaysFacts = async (): Promise<JsonObject> => {
  const environment = readEnvironment(readVariables(), { token: false });
  return factsOf((await loadClub(environment.contentDir)).content.settings);
};
export const unadoptedLine =
  'Telegram lists payments from before this installation, which is in none of its books; nothing is compared until you run: turnstile payments adopt';
