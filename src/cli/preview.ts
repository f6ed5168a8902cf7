import { type Command, Option } from 'commander';
import { Api } from 'grammy';
import { createRender, createSigner, loadClub } from '#club';
import { type Content, suggest } from '#content';
import { type Environment, readEnvironment, readVariables } from '#environment';
import { type Effect, exitCodes, type JsonObject, StartRefused } from '#runtime';
import { startSandbox } from '#sandbox';
import {
  type Call,
  createApis,
  createMedia,
  createSender,
  loadConversation,
  planOf,
  renderTalk,
} from '#telegram';
import { paint } from '#terminal';
import { chatId } from './arguments.ts';
import { botOf } from './bot.ts';

export function addPreview(program: Command): void {
  program
    .command('preview')
    .description('show a message as a person would get it')
    .argument('<message>', 'a name of messages.yaml')
    .option('--language <code>', 'in this language; the default one without it')
    .addOption(new Option('--to <operator>', 'send it to one of ADMIN_IDS instead').argParser(chatId))
    .action(async (name: string, options: { language?: string; to?: number }) => {
      const environment = readEnvironment(readVariables(), { token: options.to !== undefined });
      await preview(await subjectOf(environment), environment, name, options);
    });
}

/** What a preview shows in the place of a person's own. */
const example = {
  event: {
    type: 'preview',
    name: 'Anna',
    username: 'anna',
    text: 'Where do I find my receipt?',
    charge: 'stxExampleCharge',
    error: { message: '400 Bad Request: not enough rights' },
  },
  link: 'https://t.me/+ExampleOfALink',
};

/** What is previewed, and how. */
interface Subject {
  readonly content: Content<unknown>;
  readonly render: (effect: Effect) => Call;
  /** Of a session, besides the language, and of the event. */
  readonly context: JsonObject;
  readonly event: JsonObject;
}

async function subjectOf(environment: Environment): Promise<Subject> {
  const { definition } = await botOf();
  if (definition === null) return clubSubject(environment);
  const { content } = await loadConversation(environment.contentDir, planOf(definition));
  const render = renderTalk(content, Object.keys(definition.variables ?? {}));
  return { content, render, context: {}, event: example.event };
}

async function clubSubject(environment: Environment): Promise<Subject> {
  const { content } = await loadClub(environment.contentDir);
  const { product, topics } = content.settings;
  const { botToken, providerToken } = environment;
  return {
    content,
    render: createRender(content, { signer: createSigner(botToken), providerToken, now: Date.now }),
    context: {
      topic: topics[0]?.id,
      link: example.link,
      ...(product.accessDays > 0 && { until: Date.now() + product.accessDays * 86_400_000 }),
    },
    event: { ...example.event, currency: product.currency, amount: product.price },
  };
}

/**
 * Shows a message as a person would get it: in this terminal, by way of a local Telegram that takes and refuses what the
 * real one would, or in the chat of an operator.
 * @param options.to an operator's user id; without it, this terminal
 * @throws StartRefused (78) for an unknown message or language, or for a chat that is no operator's
 */
async function preview(
  { content, render, ...example }: Subject,
  environment: Environment,
  name: string,
  options: { language?: string; to?: number },
): Promise<void> {
  const message = content.messages.get(name);
  if (message === undefined) {
    const names = [...content.messages.keys()];
    throw new StartRefused(
      exitCodes.configuration,
      `Expected one of ${names.join(', ')}${suggest(name, names)}, found "${name}"`,
    );
  }
  const language = options.language ?? content.defaultLanguage;
  if (!content.languages.includes(language))
    throw new StartRefused(
      exitCodes.configuration,
      `Expected a language of ${content.languages.join(', ')}, found "${language}"`,
    );
  if (options.to !== undefined && !environment.adminIds.includes(options.to))
    throw new StartRefused(
      exitCodes.configuration,
      `Expected one of ADMIN_IDS (${environment.adminIds.join(', ') || 'none'}), found ${options.to}: people get no previews`,
    );
  const effect = (chat: number): Effect => ({
    id: '1.0',
    type: 'send',
    params: { message: name },
    machine: 'preview',
    chat,
    lane: 'reply',
    queue: String(chat),
    context: { language, ...example.context },
    event: example.event,
  });
  const send = (token: string, root: string, chat: number) =>
    createSender({
      render: () => render,
      media: createMedia(content.mediaDir, {
        get: async () => null,
        set: async () => {},
        forget: async () => {},
      }),
      perform: createApis({ token, root, ratePerSecond: 30 }).perform,
    })(effect(chat));
  if (options.to !== undefined) {
    const { username } = await new Api(environment.botToken, { apiRoot: environment.apiRoot }).getMe();
    await send(environment.botToken, environment.apiRoot, options.to);
    console.log(`${name} (${language}) was sent to ${options.to} by @${username}.`);
    return;
  }
  const sandbox = await startSandbox();
  try {
    const person = sandbox.user({ languageCode: language });
    person.says('/start');
    await send(sandbox.token, sandbox.url, person.id);
    for (const shown of person.messages.filter(({ from }) => from === 'bot')) {
      const files = shown.media?.map(({ fileName, size }) => `${fileName}, ${Math.ceil(size / 1024)} KB`);
      if (files !== undefined) console.log(paint.yellow(`[${shown.kind}: ${files.join('; ')}]`));
      if (shown.text !== '') console.log(shown.text);
      for (const row of shown.buttons)
        console.log(row.map(({ label }) => paint.bold(`[ ${label} ]`)).join(' '));
    }
  } finally {
    await sandbox.close();
  }
}
