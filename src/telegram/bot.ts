import { resolve } from 'node:path';
import { type Logger, pino } from 'pino';
import type { Needs } from '#content';
import type { JsonObject } from '#runtime';
import type { ArrivalRules } from './arrivals.ts';
import type { BotOptions, BotSurroundings, RunningBot } from './blueprint.ts';
import { loadConversation, type Plan, rulesOf } from './conversation.ts';
import type { Feature } from './feature.ts';
import type { Actors } from './kinds.ts';
import { runBot } from './run.ts';
import { renderTalk, type TalkParts, talk } from './talk.ts';

/** What a bot is: its conversations, and what it can do and say besides `talk`. */
export interface BotDefinition<Settings = undefined> {
  /** By precedence: an event goes to the first that reacts to it. */
  readonly machines: Plan<Settings, ArrivalRules, TalkParts>['machines'];
  /** What it hears, does and says besides `talk`, such as `edits` and `polls`. Default: none. */
  readonly features?: readonly Feature<ArrivalRules, TalkParts>[];
  /**
   * Promise actors that machines invoke, by name; the value is the result. One that throws is tried again
   * three times, more often where the network is at fault, and takes `onError` then; a crash repeats one whose result was
   * not stored yet. Default: none.
   */
  readonly actors?: Actors;
  /** Variables that every text may use, each with the most characters it can have; see `renderTalk`. Default: none. */
  readonly variables?: Readonly<Record<string, number>>;
  /** The menu of commands, in order; each has a description, the text `command-<name>`. Default: none. */
  readonly commands?: readonly string[];
  /** More that is asked of the content: rows of buttons, sections of bot.yaml, texts. Default: nothing. */
  readonly needs?: Omit<Needs<Settings>, 'messages' | 'delays' | 'events' | 'variables' | 'commands'>;
  /** What a new session is given as its machine's `input`. Default: `{language}`. */
  readonly input?: (person: { readonly language: string }) => JsonObject;
}

/**
 * The definition of a bot as it is; it only lends its types. The `turnstile` commands take it from the default export of
 * ./bot.ts, ./bot.js or ./bot.mjs, or of the file that TURNSTILE_BOT names.
 */
export const defineBot = <Settings = undefined>(bot: BotDefinition<Settings>): BotDefinition<Settings> => bot;

/** What a definition talks about, as `loadConversation` takes it: with `talk` after its own features. */
export function planOf<Settings>(bot: BotDefinition<Settings>): Plan<Settings, ArrivalRules, TalkParts> {
  const { machines, features = [], actors = {}, variables = {}, commands = [], needs } = bot;
  return {
    machines,
    features: [...features, talk],
    actors,
    needs: { ...needs, variables, commands: commands.map((name) => ({ name })) } as Omit<
      Needs<Settings>,
      'messages' | 'delays' | 'events'
    >,
  };
}

/** How a bot of one's own is started. What is left out has the default of the environment variable of that name. */
export interface StartOptions extends Omit<BotOptions, 'environment' | 'log'> {
  /**
   * Default of all but the token: Telegram's own address; a private Redis below ./data, and its data under the prefix
   * `turnstile`; the content in ./content; no operators; 30 reminders and 300 messages a second.
   */
  readonly environment: Pick<BotSurroundings, 'botToken'> & Partial<BotSurroundings>;
  /** Default: warnings and what is worse, as lines of JSON on stderr. */
  readonly log?: Logger;
}

const surroundings = (given: StartOptions['environment']): BotSurroundings => ({
  apiRoot: 'https://api.telegram.org',
  redisUrl: null,
  redisPrefix: 'turnstile',
  shards: null,
  dataDir: resolve('data'),
  contentDir: resolve('content'),
  adminIds: [],
  rateBulk: 30,
  rateTotal: 300,
  ...given,
});

/**
 * Starts a bot by long polling: reads its content, opens the store, signs in, and joins the other copies of it.
 * @throws StartRefused naming what is to be mended (69, 75, 78), before anything is sent; StartCalledOff
 */
export function startBot<Settings>(bot: BotDefinition<Settings>, options: StartOptions): Promise<RunningBot> {
  const environment = surroundings(options.environment);
  const { log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })) } = options;
  const plan = planOf(bot);
  const names = Object.keys(bot.variables ?? {});
  return runBot(
    {
      plan,
      load: () => loadConversation(environment.contentDir, plan),
      rules: (conversation) => ({ ...rulesOf(conversation), operators: new Set(environment.adminIds) }),
      render: ({ content }) => renderTalk(content, names),
      input: bot.input ?? (({ language }) => ({ language })),
      begin: ({ send, call, current, clock }) => ({
        parts: { send, call, content: () => current().conversation.content, now: () => clock.now() },
      }),
    },
    { ...options, environment, log },
  );
}
