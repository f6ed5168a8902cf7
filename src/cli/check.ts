import { type Command, Option } from 'commander';
import { type ClubContent, checkProvider, History, loadClub, runningOf } from '#club';
import { type Environment, readEnvironment, readVariables } from '#environment';
import { checkOnline, reportOnline } from '#operator';
import { CommandRefused, connect, exitCodes, findEmbeddedRedis, openRedisStore } from '#runtime';
import { amountOf } from '#telegram';
import { paint } from '#terminal';
import { chatId, json } from './arguments.ts';
import { type Bot, botOf } from './bot.ts';
import { unadoptedLine } from './stored.ts';

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('check environment, content and machines, and start nothing')
    .option(
      '--online',
      'try token, price and club at Telegram as well; nobody is sent anything (needs BOT_TOKEN)',
    )
    .addOption(
      new Option(
        '--media-to <chat>',
        'with --online: try each file by sending it into this group or channel of your own, and delete it again',
      ).argParser(chatId),
    )
    .addOption(json())
    .action(check);
}

/** `250 XTR a month`. */
const priceOf = ({
  settings: {
    product: { price: amount, currency, isSubscription },
  },
}: ClubContent): string => `${amountOf({ amount, currency })}${isSubscription ? ' a month' : ''}`;

interface CheckFlags {
  json?: boolean;
  online?: boolean;
  mediaTo?: number;
}

async function check(options: CheckFlags): Promise<void> {
  const bot = await botOf();
  await (bot.definition === null ? checkClub(options) : checkOther(bot, options));
}

/** A bot of somebody's own: what every bot has. */
async function checkOther(bot: Bot, { json, online, mediaTo }: CheckFlags): Promise<void> {
  if (online === true || mediaTo !== undefined)
    throw new CommandRefused(
      'check --online tries what the club sells and where; of another bot, `turnstile start` tries the token.',
    );
  const environment = readEnvironment(readVariables(), { token: false });
  const { content, machines, warnings } = await bot.load(environment);
  const { languages } = content;
  if (json === true) {
    const found = { machines: machines.map(({ id, version }) => ({ id, version })), languages, warnings };
    console.log(JSON.stringify(found));
    return;
  }
  console.log(`${paint.green('ok')} machines: ${machines.map(({ id }) => id).join(', ')}`);
  console.log(`${paint.green('ok')} content in ${languages.join(', ')}: ${content.messages.size} messages`);
  for (const warning of warnings) console.log(`${paint.yellow('warning')} ${warning}`);
  sayToken(environment);
}

function sayToken({ botToken }: Environment): void {
  if (botToken === '') console.log(paint.yellow('BOT_TOKEN is not set yet; `start` will need it.'));
}

async function checkClub(options: CheckFlags): Promise<void> {
  const isOnline = options.online === true || options.mediaTo !== undefined;
  const environment = readEnvironment(readVariables(), { token: isOnline, sample: !isOnline });
  const conversation = await loadClub(environment.contentDir);
  const { content, warnings, machines: loaded } = conversation;
  checkProvider(content, environment);
  const online = isOnline
    ? await checkOnline(runningOf(conversation, environment, Date.now), environment, options.mediaTo)
    : [];
  if (online.some(({ result }) => result === 'wrong')) process.exitCode = exitCodes.configuration;
  const found = {
    machines: loaded.map(({ id, version }) => ({ id, version })),
    languages: content.languages,
    topics: content.settings.topics.length,
    product: content.settings.product,
    warnings,
    ...((await isUnadopted(environment)) && { unadopted: true }),
    ...(isOnline && { online }),
  };
  if (options.json === true) {
    console.log(JSON.stringify(found));
    return;
  }
  console.log(`${paint.green('ok')} machines: ${found.machines.map(({ id }) => id).join(', ')}`);
  console.log(
    `${paint.green('ok')} content in ${content.languages.join(', ')}: ${content.settings.topics.length} topics, ${priceOf(content)}`,
  );
  reportOnline(online);
  for (const warning of warnings) console.log(`${paint.yellow('warning')} ${warning}`);
  if (environment.adminIds.length === 0)
    console.log(
      paint.yellow('ADMIN_IDS is empty: nobody hears of trouble, and nobody can refund in Telegram.'),
    );
  sayToken(environment);
  if (found.unadopted === true) console.log(paint.red(unadoptedLine));
}

/** What the store of an installation says, where one is running; false where it is not. */
async function isUnadopted({ redisUrl, redisPrefix, dataDir }: Environment): Promise<boolean> {
  const address = redisUrl ?? (await findEmbeddedRedis(dataDir));
  if (address === null) return false;
  const redis = connect(address, {
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    retryStrategy: () => null,
  });
  return new History(openRedisStore(redis, { prefix: redisPrefix, shards: 1 }))
    .isUnadopted()
    .catch(() => false)
    .finally(() => redis.disconnect());
}
