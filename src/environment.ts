import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseDotenv } from 'dotenv';
import { Misconfigured } from '#runtime';

/** The settings of a running bot, read from the environment and from `.env`. */
export interface Environment {
  readonly botToken: string;
  /** Without a slash at its end. */
  readonly apiRoot: string;
  /** null: an embedded private server under `dataDir`. */
  readonly redisUrl: string | null;
  readonly redisPrefix: string;
  /** null: what was fixed at the first start, or 16. */
  readonly shards: number | null;
  readonly dataDir: string;
  readonly contentDir: string;
  readonly adminIds: readonly number[];
  readonly httpHost: string;
  readonly httpPort: number | null;
  readonly httpToken: string | null;
  readonly logLevel: string;
  readonly providerToken: string;
  /** Reminders and broadcasts together, messages a second. */
  readonly rateBulk: number;
  /** Everything, messages a second. */
  readonly rateTotal: number;
}

/** Every problem of the environment at once. Exit code 78. */
export class EnvironmentInvalid extends Misconfigured {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(
      `The environment has ${count}; nothing was started:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

const ownOrSample = (): string =>
  existsSync('./content')
    ? './content'
    : fileURLToPath(
        new URL(import.meta.url.endsWith('.ts') ? '../content' : '../../content', import.meta.url),
      );

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** The process's variables over those of `.env` in the current folder. */
export function readVariables(): Record<string, string | undefined> {
  const file = resolve('.env');
  return { ...(existsSync(file) ? parseDotenv(readFileSync(file)) : {}), ...process.env };
}

/**
 * @param needs `token`: BOT_TOKEN must be there. `sample`: where no content is, neither by CONTENT_DIR nor in ./content, it is
 * that which comes with the package; a bot that people talk to must have its own. Default: false
 * @throws EnvironmentInvalid naming each variable and what it should be
 */
export function readEnvironment(
  variables: Record<string, string | undefined>,
  needs: { readonly token: boolean; readonly sample?: boolean },
): Environment {
  const problems: string[] = [];
  const text = (name: string): string | undefined => {
    const value = variables[name]?.trim();
    return value === '' ? undefined : value;
  };
  const problem = (name: string, expected: string) => {
    problems.push(`${name}: expected ${expected}, found ${JSON.stringify(variables[name] ?? '')}`);
  };
  const whole = (name: string, fallback: number, least: number, most: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    problem(name, `a whole number from ${least} to ${most}`);
    return fallback;
  };
  const url = (name: string, protocols: readonly string[], expected: string): string | null => {
    const value = text(name);
    if (value === undefined) return null;
    const protocol = /^([a-z+]+):\/\/./i.exec(value)?.[1]?.toLowerCase();
    if (
      protocol === undefined ||
      !protocols.includes(protocol) ||
      (protocol !== 'unix' && !URL.canParse(value.replace('redis+cluster', 'http').split(',')[0] ?? ''))
    ) {
      problem(name, expected);
    }
    return value;
  };

  const botToken = text('BOT_TOKEN') ?? '';
  if (botToken === '' && needs.token) {
    problems.push(
      'BOT_TOKEN: expected the token that @BotFather gave for your bot, found nothing. Put BOT_TOKEN=… into .env',
    );
  } else if (botToken !== '' && !/^\d+:[\w-]{10,}$/.test(botToken)) {
    problems.push(
      'BOT_TOKEN: expected digits, a colon and a secret, as @BotFather gives it (the value is not shown)',
    );
  }
  const apiRoot = url('TELEGRAM_API_ROOT', ['http', 'https'], 'an address such as https://api.telegram.org');
  const redisUrl = url(
    'REDIS_URL',
    ['redis', 'rediss', 'unix', 'redis+cluster'],
    'redis://host:port, rediss://… or unix:///path',
  );
  if (redisUrl?.startsWith('redis+cluster:')) {
    problems.push(
      'REDIS_URL: a cluster is not supported; expected redis://host:port, rediss://… or unix:///path',
    );
  }
  const redisPrefix = text('REDIS_PREFIX') ?? 'turnstile';
  if (!/^[\w.-]{1,32}$/.test(redisPrefix))
    problem('REDIS_PREFIX', 'letters, digits, ".", "-" and "_", at most 32');
  const shards = text('SHARDS') === undefined ? null : whole('SHARDS', 16, 1, 1024);
  const adminIds: number[] = [];
  for (const id of (text('ADMIN_IDS') ?? '').split(',').map((part) => part.trim())) {
    if (id === '') continue;
    if (/^-?\d{1,15}$/.test(id)) adminIds.push(Number(id));
    else problem('ADMIN_IDS', `user ids in digits, separated by commas ("${id}" is none)`);
  }
  const httpPort = text('HTTP_PORT') === 'off' ? null : whole('HTTP_PORT', 8080, 0, 65_535);
  const logLevel = text('LOG_LEVEL') ?? 'info';
  if (!logLevels.includes(logLevel)) problem('LOG_LEVEL', `one of ${logLevels.join(', ')}`);
  const rateBulk = whole('RATE_BULK', 30, 1, 1_000);
  const rateTotal = whole('RATE_TOTAL', 300, 1, 1_000_000);
  if (problems.length > 0) throw new EnvironmentInvalid(problems);

  return {
    botToken,
    apiRoot: (apiRoot ?? 'https://api.telegram.org').replace(/\/+$/, ''),
    redisUrl,
    redisPrefix,
    shards,
    dataDir: resolve(text('DATA_DIR') ?? './data'),
    contentDir: resolve(text('CONTENT_DIR') ?? (needs.sample === true ? ownOrSample() : './content')),
    adminIds,
    httpHost: text('HTTP_HOST') ?? '127.0.0.1',
    httpPort,
    httpToken: text('HTTP_TOKEN') ?? null,
    logLevel,
    providerToken: text('PROVIDER_TOKEN') ?? '',
    rateBulk,
    rateTotal,
  };
}
