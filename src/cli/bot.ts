import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AnyStateMachine } from 'xstate';
import { startApp } from '#app';
import { checkProvider, loadClub, machines } from '#club';
import { type Environment, readVariables } from '#environment';
import { CommandRefused, Misconfigured } from '#runtime';
import {
  type BotDefinition,
  type BotOptions,
  type Conversation,
  loadConversation,
  planOf,
  type RunningBot,
  startBot,
} from '#telegram';
import { placeInFile, withDeepStacks } from './failure.ts';

/** The bot that a command is about. */
export interface Bot {
  /** Its definition; null: it is the club. */
  readonly definition: BotDefinition | null;
  /** By precedence. */
  readonly machines: readonly AnyStateMachine[];
  /** Reads content and machines. @throws StartRefused (78) with every problem */
  readonly load: (environment: Environment) => Promise<Conversation<unknown>>;
  /** @throws StartRefused naming what is to be mended; StartCalledOff */
  readonly start: (options: BotOptions & { readonly environment: Environment }) => Promise<RunningBot>;
}

/** Looked for in the current folder, in this order. */
const names = ['bot.ts', 'bot.js', 'bot.mjs'];

/** The file of TURNSTILE_BOT, or the `bot` of the current folder; null: neither is there, and the bot is the club. */
function fileOfBot(): string | null {
  const named = readVariables()['TURNSTILE_BOT']?.trim() ?? '';
  if (named === '') return names.map((name) => resolve(name)).find((file) => existsSync(file)) ?? null;
  const file = resolve(named);
  if (existsSync(file)) return file;
  throw new Misconfigured(`TURNSTILE_BOT: expected the file of a bot, found nothing at ${file}`);
}

const club: Bot = {
  definition: null,
  machines,
  load: async (environment) => {
    const conversation = await loadClub(environment.contentDir);
    checkProvider(conversation.content, environment);
    return conversation;
  },
  start: startApp,
};

let reading: Promise<Bot> | undefined;

/**
 * The bot of this call, read once.
 * @throws Misconfigured (78) naming the file and line that keeps it from being read
 */
export const botOf = (): Promise<Bot> => {
  reading ??= readBot(fileOfBot());
  return reading;
};

async function readBot(file: string | null): Promise<Bot> {
  if (file === null) return club;
  const definition = await readDefinition(file);
  return {
    definition,
    machines: definition.machines,
    load: ({ contentDir }) => loadConversation(contentDir, planOf(definition)),
    start: (options) => startBot(definition, options),
  };
}

async function readDefinition(file: string): Promise<BotDefinition> {
  // A bot in JavaScript may have a machine in TypeScript.
  if (!('typescript' in process.features && process.features.typescript))
    register(import.meta.resolve('./strip.js'));
  const found = await withDeepStacks(() => import(pathToFileURL(file).href)).catch(async (error: unknown) => {
    // Node does not say in which line of a module a word is out of place.
    if (error instanceof SyntaxError)
      await (await import('./strip.ts')).withoutTypes(file).catch((told: unknown) => {
        throw placeInFile(told, file);
      });
    throw placeInFile(error, file);
  });
  const { machines: given } = (found.default ?? {}) as Partial<BotDefinition>;
  if (Array.isArray(given) && given.length > 0 && given.every(isMachine)) return found.default;
  const what = found.default === undefined ? 'no default export' : 'something else';
  throw new Misconfigured(
    `${file}: expected “export default defineBot({ machines: [myMachine] })” with at least one machine of XState's, found ${what}`,
  );
}

const isMachine = (machine: unknown): boolean =>
  typeof machine === 'object' && machine !== null && 'config' in machine && 'implementations' in machine;

/** Refuses a command that is about the club when the bot is another one. */
export function refuseOther(command: string): void {
  const file = fileOfBot();
  if (file === null) return;
  throw new CommandRefused(
    `“turnstile ${command}” is about the club alone, and the bot here is ${file}. ` +
      'Run it in another folder, or see turnstile --help for what every bot has: start, demo, check, status, machines, chat, reload, preview, dead.',
  );
}
