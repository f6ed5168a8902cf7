#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Redis } from 'ioredis';
import { openRedis, reachRedis, StartCalledOff, startApp } from './app.ts';
import { checkProvider, factsOf, loadConversation, machines, reportOf, runningOf } from './conversation.ts';
import { type ByHand, readByHand } from './core/by-hand.ts';
import type { JsonObject } from './core/effects.ts';
import { MachineRefused, prepareMachine } from './core/machine.ts';
import { SystemClock } from './engine/clock.ts';
import { PollingEnded } from './engine/poller.ts';
import { type AdoptOptions, adoptPayments } from './ops/adopt.ts';
import { endDead, listDead, showDead } from './ops/dead.ts';
import { type AuditFlags, auditDoor, DoorRefused } from './ops/door.ts';
import { type Environment, EnvironmentInvalid, readEnvironment, readVariables } from './ops/environment.ts';
import { CommandRefused, exitCodes, StartRefused } from './ops/exit.ts';
import { createLog } from './ops/log.ts';
import {
  actOnMember,
  exportMembers,
  importMembers,
  listMembers,
  type MembersOptions,
  showMember,
} from './ops/members.ts';
import { keepMemoryLow } from './ops/memory.ts';
import { mermaidOf } from './ops/mermaid.ts';
import { checkOnline, reportOnline } from './ops/online.ts';
import { exportPayments, listPayments, reconcilePayments, refundOne, showPayment } from './ops/payments.ts';
import { paint } from './ops/terminal.ts';
import type { ProveOptions } from './prove/prove.ts';
import { type Sale, sales } from './sandbox/demo-content.ts';
import { Clubs } from './store/clubs.ts';
import { DeadLetters } from './store/dead.ts';
import { Ledger } from './store/ledger.ts';
import { requireFormat } from './store/migrate.ts';
import { checkRole, connect, RedisUnfit, readInfo } from './store/redis.ts';
import { DataDirInUse, findEmbeddedRedis, ServerFailed, startEmbeddedRedis } from './store/server.ts';
import { readChat, readStatus } from './store/status.ts';
import { checkBot, fixShards, SettingDiffers, Store } from './store/store.ts';
import { createApis, type Perform } from './telegram/api.ts';
import type { Content } from './telegram/content.ts';
import { amountOf } from './telegram/currency.ts';
import { TokenRefused } from './telegram/prepare.ts';
import { createSigner } from './telegram/signature.ts';

/** The exit code for an error that stops a command, after sysexits.h. */
function exitCodeOf(error: unknown): number {
  if (error instanceof StartRefused) return error.exitCode;
  if (error instanceof PollingEnded)
    return error.reason === 'conflict' ? exitCodes.temporary : exitCodes.configuration;
  if (error instanceof DataDirInUse) return exitCodes.temporary;
  if (error instanceof ServerFailed) return exitCodes.unavailable;
  if (error instanceof CommandRefused) return exitCodes.noInput;
  const configuration = [EnvironmentInvalid, MachineRefused, RedisUnfit, SettingDiffers, TokenRefused];
  return configuration.some((kind) => error instanceof kind) ? exitCodes.configuration : 1;
}

function explain(error: unknown): string {
  if (error instanceof EnvironmentInvalid) {
    return `The environment has ${error.problems.length === 1 ? 'a problem' : `${error.problems.length} problems`}; nothing was started:\n${error.problems.map((line) => `  ${line}`).join('\n')}`;
  }
  if (exitCodeOf(error) !== 1) return error instanceof Error ? error.message : String(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The sandbox moves the bot's time. */
const clockOf = () => new SystemClock(Number(process.env['TURNSTILE_CLOCK_OFFSET'] ?? 0));

async function start(): Promise<void> {
  keepMemoryLow();
  const environment = readEnvironment(readVariables(), { token: true });
  const log = createLog(environment.logLevel, [environment.botToken, environment.httpToken ?? '']);
  const clock = clockOf();
  // The sandbox's messages come over the channel of a child process.
  process.on('message', (message: { shift?: number }) => clock.shift(Number(message.shift ?? 0)));
  const abandoned = new Promise<void>((resolve) => process.once('disconnect', resolve));
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  try {
    const calledOff = new AbortController();
    for (const reason of [asked, abandoned]) void reason.then(() => calledOff.abort());
    const starting = startApp({ environment, log: log.logger, clock, signal: calledOff.signal });
    process.on('SIGHUP', () => {
      starting
        .then((app) => app.reload())
        .catch((error: unknown) =>
          log.logger.error({ reason: explain(error) }, 'the content of before stays'),
        );
    });
    const app = await starting;
    await Promise.race([app.ended, asked, abandoned]).finally(() => {
      log.logger.info('stopping');
      return app.stop();
    });
    log.logger.info('stopped');
  } catch (error) {
    if (error instanceof StartCalledOff) return;
    log.logger.fatal({ exitCode: exitCodeOf(error) }, explain(error));
    throw error;
  } finally {
    await log.flush();
  }
}

/** Machines as the reports need them. */
const reported = () => machines.map((source) => reportOf(prepareMachine(source)));

/** Runs a report on the Redis of the running bot; a stopped bot's embedded Redis is started for it. */
async function withStored<T>(
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
    await requireFormat(opened.redis, environment.redisPrefix);
    return await report(opened.redis, { prefix: environment.redisPrefix, shards });
  } finally {
    opened.redis.disconnect();
    await opened.embedded?.stop();
  }
}

/** The same for what is done with the token: the store must be that of its bot. */
const withOwnStore: typeof withStored = (work) =>
  withStored(async (redis, where) => {
    const { botToken } = readEnvironment(readVariables(), { token: true });
    await checkBot(redis, where.prefix, Number.parseInt(botToken, 10));
    return work(redis, where);
  });

async function status(options: { json?: boolean }): Promise<void> {
  const found = await withStored((redis, where) => readStatus(redis, { ...where, machines: reported() }));
  if (options.json === true) {
    console.log(JSON.stringify(found));
    return;
  }
  const { states, sources, unadopted, ...counts } = found;
  for (const [machine, byState] of Object.entries(states)) {
    console.log(paint.bold(machine));
    for (const [state, count] of Object.entries(byState))
      console.log(`  ${state.padEnd(20)} ${String(count).padStart(8)}`);
  }
  console.log(paint.bold('stored'));
  for (const [name, count] of Object.entries(counts)) {
    const shown = String(count).padStart(8);
    console.log(`  ${name.padEnd(20)} ${name === 'dead' && count > 0 ? paint.red(shown) : shown}`);
  }
  if (Object.keys(sources).length > 0) console.log(paint.bold('sources'));
  for (const [source, { started = 0, paid = 0 }] of Object.entries(sources)) {
    // Who comes without a link is not counted before they pay.
    const came = source === 'none' && started === 0 ? '–' : String(started);
    console.log(`  ${source.padEnd(20)} ${came.padStart(8)} came ${String(paid).padStart(8)} paid`);
  }
  if (unadopted === true) console.log(paint.red(unadoptedLine));
}

const unadoptedLine =
  'Telegram lists payments from before this installation, which is in none of its books; nothing is compared until you run: turnstile payments adopt';

async function chat(id: number, options: { json?: boolean }): Promise<void> {
  const found = await withStored((redis, where) => readChat(redis, id, { ...where, machines: reported() }));
  if (options.json === true) {
    console.log(JSON.stringify(found));
    return;
  }
  if (found.sessions.length === 0) console.log(`Chat ${id} has no session.`);
  for (const session of found.sessions) {
    console.log(
      `${paint.bold(session.machine)}  ${paint.green(session.state)}  ${paint.dim(JSON.stringify(session.context))}`,
    );
    for (const timer of session.timers) console.log(`  ${timer.name.padEnd(24)} ${timer.due}`);
  }
  for (const { charge, direction, amount, currency, at } of found.payments) {
    console.log(
      `  ${direction === 'in' ? 'paid' : 'refunded'} ${amountOf({ amount, currency })}  ${new Date(at).toISOString()}  ${paint.dim(charge)}`,
    );
  }
}

/** `250 XTR a month`. */
const priceOf = ({ product: { price: amount, currency, isSubscription } }: Content): string =>
  `${amountOf({ amount, currency })}${isSubscription ? ' a month' : ''}`;

async function check(options: { json?: boolean; online?: boolean; mediaTo?: number }): Promise<void> {
  const isOnline = options.online === true || options.mediaTo !== undefined;
  const environment = readEnvironment(readVariables(), { token: isOnline });
  const conversation = await loadConversation(environment.contentDir);
  const { content, warnings, machines: loaded } = conversation;
  checkProvider(content, environment);
  const online = isOnline
    ? await checkOnline(runningOf(conversation, environment, Date.now), environment, options.mediaTo)
    : [];
  if (online.some(({ result }) => result === 'wrong')) process.exitCode = exitCodes.configuration;
  const found = {
    machines: loaded.map(({ id, version }) => ({ id, version })),
    languages: content.languages,
    topics: content.topics.length,
    product: content.product,
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
    `${paint.green('ok')} content in ${content.languages.join(', ')}: ${content.topics.length} topics, ${priceOf(content)}`,
  );
  reportOnline(online);
  for (const warning of warnings) console.log(`${paint.yellow('warning')} ${warning}`);
  if (environment.adminIds.length === 0)
    console.log(
      paint.yellow('ADMIN_IDS is empty: nobody hears of trouble, and nobody can refund in Telegram.'),
    );
  if (environment.botToken === '')
    console.log(paint.yellow('BOT_TOKEN is not set yet; `start` will need it.'));
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
  return new Store(redis, { prefix: redisPrefix, shards: 1 }).history
    .isUnadopted()
    .catch(() => false)
    .finally(() => redis.disconnect());
}

/** Checks the content, and lets every running copy take it. */
async function reload(): Promise<void> {
  const environment = readEnvironment(readVariables(), { token: false });
  const { content, warnings } = await loadConversation(environment.contentDir);
  checkProvider(content, environment);
  for (const warning of warnings) console.log(`${paint.yellow('warning')} ${warning}`);
  const copies = await withStored((redis, where) => new Store(redis, where).announceContent());
  if (copies === 0)
    console.log('The content is in order. No bot is running; it takes the content when it starts.');
  else
    console.log(
      `The content is in order; ${copies === 1 ? 'the bot takes' : `${copies} copies take`} it now.`,
    );
}

/** A client for the commands that ask Telegram something. */
function telegram(): Perform {
  const { botToken: token, apiRoot: root, rateBulk } = readEnvironment(readVariables(), { token: true });
  return createApis({ token, root, ratePerSecond: rateBulk }).perform('reply');
}

async function adopt(flags: Pick<AdoptOptions, 'dryRun' | 'includeUnsigned' | 'json'>): Promise<void> {
  const environment = readEnvironment(readVariables(), { token: true });
  const { content } = await loadConversation(environment.contentDir);
  const { isSigned } = createSigner(environment.botToken);
  const options = { ...flags, product: content.product.id, facts: factsOf(content), isSigned };
  await withOwnStore((redis, where) => adoptPayments(redis, where, telegram(), clockOf(), options));
}

async function audit(flags: AuditFlags): Promise<void> {
  const environment = readEnvironment(readVariables(), { token: true });
  const { content } = await loadConversation(environment.contentDir);
  const stopping = new AbortController();
  process.once('SIGINT', () => {
    stopping.abort();
    process.exitCode = 130;
  });
  await withOwnStore(async (redis, where) => {
    const club = await new Clubs(redis, where.prefix).today(content.club.chatId);
    if (club === null) throw new DoorRefused('club.chat_id in bot.yaml names no club.');
    const trusted = new Set([...environment.adminIds, ...content.club.whitelist]);
    const facts = factsOf({ ...content, club: { ...content.club, chatId: club } });
    const stored = { redis, where, call: telegram(), clock: clockOf() };
    await auditDoor({ ...stored, club, trusted, facts, signal: stopping.signal }, flags);
  });
}

/** The demo reads the bot's Redis by itself; it is there while the bot runs, and when the bot was killed. */
function readerOf(dataDir: string) {
  let redis: Redis | null = null;
  return {
    chat: async (id: number) => {
      const socket = redis === null ? await findEmbeddedRedis(dataDir) : null;
      if (redis === null && socket === null) throw new Error('The bot has not started its Redis yet.');
      redis ??= connect(socket as string, { maxRetriesPerRequest: 1 });
      const { redisPrefix: prefix, shards: wanted } = readEnvironment(readVariables(), { token: false });
      const shards = await fixShards(redis, prefix, wanted);
      return readChat(redis, id, { prefix, shards, machines: reported() });
    },
    erase: async () => {
      const socket = await findEmbeddedRedis(dataDir);
      if (socket === null) return;
      const store = connect(socket, { maxRetriesPerRequest: 1 });
      await store.flushall();
      store.disconnect();
    },
    close: async () => {
      redis?.disconnect();
      if ((await findEmbeddedRedis(dataDir)) === null) return;
      // A bot that was ended while it started, or was killed, leaves its Redis running.
      try {
        await (await startEmbeddedRedis(dataDir)).stop();
      } catch (error) {
        // It is the Redis of another demo, which goes on.
        if (!(error instanceof DataDirInUse)) throw error;
      }
    },
  };
}

interface DemoFlags {
  script?: boolean;
  port?: number;
  sells?: Sale;
  currency?: string;
  from?: string;
}

// What the bot itself does not need is read by the commands that do: it would take a fifth of the time of a start.
const demo = async ({ script = false, ...others }: DemoFlags) => {
  const [{ runDemo }, { diagramOf }] = await Promise.all([
    import('./sandbox/demo.ts'),
    import('./ops/diagram.ts'),
  ]);
  return runDemo({
    script,
    ...others,
    reader: readerOf,
    machines: machines.map((source) => {
      const { id, forOperators } = prepareMachine(source);
      return { id, forOperators, picture: () => diagramOf(source) };
    }),
  });
};

function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('Expected a number from 1 to 65535.');
  return number;
}

function chatId(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a chat id in digits.');
  return Number(text);
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

function currency(text: string): string {
  if (!/^[A-Z]{3}$/.test(text)) throw new InvalidArgumentError('Expected a code such as XTR, EUR or JPY.');
  return text;
}

const json = () => new Option('--json', 'print JSON for programs');
const program = new Command('turnstile')
  .description(
    'A Telegram bot that sells access to a paid club, and the durable statechart runtime under it.',
  )
  .showHelpAfterError('(turnstile --help tells what there is)')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitCodes.usage));
program
  .command('start')
  .description('run the bot by long polling (needs BOT_TOKEN)')
  .addHelpText(
    'after',
    '\nSettings come from the environment and from .env; see README.md.\nExit codes: 69 Redis not reachable, 75 another copy is running, 78 something to correct.',
  )
  .action(async () => {
    await start();
    // Whatever still waits for Redis or Telegram must not keep the process.
    process.exit(0);
  });
program
  .command('demo')
  .description('play with the bot in a chat page or in this terminal: no token, no phone, no internet')
  .option('--script', 'play one whole conversation, print it, and exit')
  .option('--port <number>', 'where the chat page is served; without it 8081, or the next that is free', port)
  .addOption(
    new Option(
      '--sells <what>',
      'access for ever, for days, or by the month; without it what bot.yaml sells, but 30 days in place of for ever',
    ).choices(sales),
  )
  .option(
    '--currency <code>',
    'what is paid with: XTR (Stars), EUR, JPY …; without it what bot.yaml says',
    currency,
  )
  .option('--from <file>', 'play a counterexample of `turnstile prove` before the page is opened')
  .action((options: DemoFlags) => demo(options));
program
  .command('prove')
  .description('look for a sequence of payments, refunds and the like that breaks a rule of money or door')
  .addOption(new Option('--depth <n>', 'actions one after another, at the most').default(12).argParser(whole))
  .addOption(new Option('--tries <n>', 'actions that are tried in all').default(1_000_000).argParser(whole))
  .addOption(new Option('--time <s>', 'seconds after which the search ends').default(55).argParser(whole))
  .option('--mutate', 'plant faults in the program, and see that each is found')
  .option('--from <file>', 'tell a counterexample that was kept, and look on from where it leads')
  .addOption(new Option('--seed <n>', 'try actions in another order').default(0).argParser(Number))
  .option('--save <file>', 'where a counterexample is kept', 'counterexample.json')
  .addOption(json())
  .action(async (options: Omit<ProveOptions, 'contentDir'>) => {
    const { prove } = await import('./prove/prove.ts');
    const { contentDir } = readEnvironment(readVariables(), { token: false });
    if (!(await prove({ ...options, contentDir }))) process.exitCode = 1;
  });
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
program
  .command('status')
  .description('count sessions by state, timers, inbox, outbox, payments')
  .addOption(json())
  .action(status);
program
  .command('machines')
  .description('print the conversations as Mermaid state diagrams')
  .option('--svg', 'print them as pictures')
  .action(async (options: { svg?: boolean }) => {
    const { diagramOf } = await import('./ops/diagram.ts');
    for (const machine of machines)
      console.log(options.svg === true ? await diagramOf(machine) : mermaidOf(machine));
  });
program
  .command('chat')
  .description('show everything stored about one chat')
  .argument('<id>', 'the chat id', chatId)
  .addOption(json())
  .action(chat);

program
  .command('reload')
  .description('let the running bot take its content anew, without a restart (SIGHUP does the same)')
  .action(reload);
program
  .command('preview')
  .description('show a message as a person would get it')
  .argument('<message>', 'a name of messages.yaml')
  .option('--language <code>', 'in this language; the default one without it')
  .addOption(new Option('--to <operator>', 'send it to one of ADMIN_IDS instead').argParser(chatId))
  .action(async (name: string, options: { language?: string; to?: number }) => {
    const environment = readEnvironment(readVariables(), { token: options.to !== undefined });
    const { content } = await loadConversation(environment.contentDir);
    const { preview } = await import('./preview.ts');
    await preview(content, environment, name, options);
  });

const payments = program.command('payments').description('the ledger: what was paid and what went back');
const withLedger = (work: (ledger: Ledger) => Promise<void>) =>
  withStored((redis, where) => work(new Ledger(redis, where)));
payments
  .command('list', { isDefault: true })
  .description('show the newest')
  .addOption(new Option('--limit <n>', 'how many at the most').default(50).argParser(whole))
  .addOption(new Option('--chat <id>', 'of this chat alone').argParser(chatId))
  .addOption(json())
  .action((options: { json?: boolean; limit: number; chat?: number }) =>
    withLedger((ledger) => listPayments(ledger, options)),
  );
payments
  .command('show')
  .description('show one, with its refund')
  .argument('<charge>')
  .addOption(json())
  .action((charge: string, options: { json?: boolean }) =>
    withLedger((ledger) => showPayment(ledger, charge, options)),
  );
payments
  .command('reconcile')
  .description(
    "compare all of Telegram's list with the ledger; what is missing is taken up (needs BOT_TOKEN)",
  )
  .addOption(json())
  .action((options: { json?: boolean }) =>
    withOwnStore((redis, where) => reconcilePayments(redis, where, telegram(), clockOf(), options)),
  );
payments
  .command('adopt')
  .description(
    "take over what the bot sold before this installation, from Telegram's list; nobody gets a message (needs BOT_TOKEN)",
  )
  .option('--dry-run', 'show what would be taken over, and change nothing')
  .option(
    '--include-unsigned',
    'also invoices of an earlier release for another product than that of bot.yaml',
  )
  .addOption(json())
  .addHelpText(
    'after',
    '\nIt works beside a running bot and on a stopped one, may be interrupted, and can be repeated: a payment is booked once.',
  )
  .action(adopt);
payments
  .command('refund')
  .description('give a payment back (needs BOT_TOKEN)')
  .argument('<charge>')
  .option('--noted', 'it went back on the pages of a payment provider: only take access away')
  .action((charge: string, options: { noted?: boolean }) =>
    withOwnStore((redis, where) => refundOne(redis, where, telegram(), clockOf(), charge, options)),
  );
payments
  .command('export')
  .description('print all as CSV')
  .option('--csv [file]', 'into this file; without one, to stdout')
  .action((options: { csv?: string | true }) =>
    withLedger((ledger) => exportPayments(ledger, typeof options.csv === 'string' ? options.csv : undefined)),
  );

const members = program.command('members').description('who has access, and access by hand');
const withMembers = (work: (options: MembersOptions) => Promise<void>) =>
  withStored((redis, where) => work({ redis, where, clock: clockOf() }));
/** What every event of a person tells of today's offer. */
const todaysFacts = async (): Promise<JsonObject> => {
  const environment = readEnvironment(readVariables(), { token: false });
  return factsOf((await loadConversation(environment.contentDir)).content);
};
members
  .command('list', { isDefault: true })
  .description('show everyone who has a book: access, until when, payments too many')
  .addOption(json())
  .action((options: { json?: boolean }) => withMembers((stored) => listMembers(stored, options)));
members
  .command('show')
  .description('show one, with every line of the book')
  .argument('<user>', 'the user id', chatId)
  .addOption(json())
  .action((user: number, options: { json?: boolean }) =>
    withMembers((stored) => showMember(stored, user, options)),
  );
members
  .command('export')
  .description('print all as CSV, which import reads')
  .option('--csv [file]', 'into this file; without one, to stdout')
  .action((options: { csv?: string | true }) =>
    withMembers((stored) => exportMembers(stored, typeof options.csv === 'string' ? options.csv : undefined)),
  );
members
  .command('import')
  .description('give the people of a CSV file access: id, and until (a day) or days; nobody gets a message')
  .argument('<csv>')
  .option('--apply', 'do it; without it, show what would be done')
  .action(async (file: string, options: { apply?: boolean }) => {
    const facts = await todaysFacts();
    await withMembers((stored) => importMembers(stored, facts, file, options));
  });
for (const [act, words, description] of [
  ['grant', '<user> <days> [reason...]', 'give access for so many days, or forever'],
  [
    'extend',
    '<user> <days> [reason...]',
    'give a member so many days more; below 0, such as -7, take them back',
  ],
  ['revoke', '<user> [reason...]', 'end access'],
  ['block', '<user> [reason...]', 'end access, and let nothing be bought'],
  ['unblock', '<user> [reason...]', 'the opposite'],
] as const satisfies readonly (readonly [ByHand['act'], string, string])[]) {
  members
    .command(`${act} ${words}`)
    .description(description)
    .action(async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const asked = readByHand(act, command.args.join(' '));
      if (asked === null) return command.error(`Expected: members ${act} ${words}`);
      const facts = await todaysFacts();
      await withMembers((stored) => actOnMember(stored, facts, asked));
    });
}

const door = program.command('door').description('who is inside the club, against who has access');
door
  .command('audit')
  .description(
    'look everyone up at Telegram of whom the bot knows, and change nothing without --remove or --invite (needs BOT_TOKEN)',
  )
  .option('--remove', 'take out who is inside without access')
  .option('--invite', 'send a link to who has access and is outside')
  .option('--ids <file>', 'look these user ids up as well: one a line')
  .addOption(json())
  .addHelpText('after', '\nIt may be interrupted: what was found so far is shown, and nothing is done.')
  .action(audit);

const dead = program
  .command('dead')
  .description('what was given up: updates, timers and effects, with the reason');
const withDead = (work: (dead: DeadLetters) => Promise<void>) =>
  withStored((redis, where) => work(new DeadLetters(redis, where)));
dead
  .command('list', { isDefault: true })
  .description('show the newest')
  .addOption(new Option('--limit <n>', 'how many at the most').default(50).argParser(whole))
  .addOption(json())
  .action((options: { json?: boolean; limit: number }) => withDead((letters) => listDead(letters, options)));
dead
  .command('show')
  .description('show one, with its stack and what it holds')
  .argument('<id>')
  .addOption(json())
  .action((id: string, options: { json?: boolean }) => withDead((letters) => showDead(letters, id, options)));
for (const [what, description] of [
  ['retry', 'put it back: it is tried again as if it were new'],
  ['drop', 'throw it away'],
] as const) {
  dead
    .command(what)
    .description(description)
    .argument('[ids...]')
    .option('--all', 'all of them')
    .action((ids: string[], options: { all?: boolean }, command: Command) => {
      if (ids.length === 0 && options.all !== true) command.error('Expected ids, or --all.');
      return withDead((letters) => endDead(letters, what, ids, options.all === true));
    });
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${paint.red('turnstile:')} ${explain(error)}\n`);
  process.exit(exitCodeOf(error));
});
