import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import type { Sandbox, SandboxMessage, SandboxUser } from '#sandbox';
import { paint } from '#terminal';

/** What is stored of one chat, as `turnstile chat <id> --json` prints it. */
export interface StoredChat {
  readonly sessions: readonly {
    readonly machine: string;
    readonly state: string;
    readonly context: unknown;
    /** `due` as ISO time. */
    readonly timers: readonly { readonly name: string; readonly due: string }[];
  }[];
}

/** A local Telegram, the real bot as a process of its own with its own Redis, and a clock that both follow. */
export interface Demo {
  readonly sandbox: Sandbox;
  readonly dataDir: string;
  /** The first person; there is an operator as well. */
  readonly anna: SandboxUser;
  /** Moves the time of the bot and of Telegram, ms. */
  advance(ms: number): void;
  chat(id: number): Promise<StoredChat>;
  stop(): Promise<void>;
}

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Plays one whole conversation by itself and prints it. */
export async function playScript(demo: Demo): Promise<void> {
  const { sandbox, anna: user } = demo;
  sandbox.onMessage((message) => message.chat === user.id && printMessage(message, 'Anna'));
  const show = async (title: string) => {
    const { sessions } = await demo.chat(user.id);
    const states = sessions.map(({ machine, state }) => `${machine} ${state}`);
    const timers = sessions
      .flatMap((session) => session.timers)
      .map(({ name, due }) => `${name} in ${duration(Date.parse(due) - sandbox.clock.now())}`);
    console.log(
      paint.cyan(`  ── ${title}: ${states.join(', ')}; pending: ${timers.join(', ') || 'nothing'}\n`),
    );
  };

  user.says('/start');
  await user.sees('Get access');
  await show('welcomed');

  console.log(paint.dim('  Anna presses “Get access”'));
  user.presses('Get access');
  await seesKind(demo, user, 'invoice');
  await show('offered');

  console.log(paint.dim('  the clock is moved by five minutes'));
  demo.advance(5 * 60_000);
  await seesKind(demo, user, 'video');
  await show('reminded');

  console.log(paint.dim('  Anna pays the invoice: checkout, approval, payment'));
  const { charge } = await user.pays();
  const asked = await sandboxMessage(
    demo,
    user,
    (message) => topicOf(message) !== undefined,
    'the question for a topic',
  );
  await show(`paid (charge ${charge.slice(0, 12)}…)`);

  const topic = topicOf(asked);
  console.log(paint.dim(`  Anna presses “${topic?.label}”`));
  const before = user.messages.length;
  user.presses(topic?.data ?? '');
  await sandboxMessage(
    demo,
    user,
    (message) => user.messages.indexOf(message) > before && message.from === 'bot',
    'the material',
  );
  await show('topic chosen');
  console.log(paint.green('The conversation went through: idle → awaiting_payment → paid → topic_selected.'));
}

const topicOf = (message: SandboxMessage) =>
  message.buttons.flat().find(({ data }) => data?.startsWith('topic.selected') === true);

const seesKind = (demo: Demo, user: SandboxUser, kind: SandboxMessage['kind']) =>
  sandboxMessage(
    demo,
    user,
    (message) => message.kind === kind && message.from === 'bot',
    `a message with the ${kind}`,
  );

async function sandboxMessage(
  demo: Demo,
  user: SandboxUser,
  matches: (message: SandboxMessage) => boolean,
  what: string,
): Promise<SandboxMessage> {
  await demo.sandbox.waitFor(() => user.messages.some(matches), what, 10_000);
  return user.messages.findLast(matches) as SandboxMessage;
}

const help = `What you type is sent to the bot. Lines that begin with a colon are for the demo:
  :1 :2 …      press a button of the last message that has some, or follow its invite link
  :pay         pay the last invoice          :refund      Telegram gives the money back
  :wait 5m     move the clock (s, m, h, d)   :state       the session and what is pending
  :block :unblock the bot                    :help :quit`;

/** Lines from the terminal are what the first person writes. */
export async function playTerminal(demo: Demo): Promise<void> {
  const { sandbox, anna: user } = demo;
  for (const message of user.messages) printMessage(message, 'Anna');
  let lastMessage = Date.now();
  sandbox.onMessage((message) => {
    lastMessage = Date.now();
    if (message.chat === user.id) printMessage(message, 'Anna');
  });
  console.log(
    `${paint.bold('Turnstile, played locally.')} Open ${paint.cyan(sandbox.url)} in a browser, or write here. Telegram is emulated; the bot and its Redis are real.`,
  );
  console.log(help);
  console.log(
    paint.dim(`In another terminal: DATA_DIR=${relative('.', demo.dataDir) || '.'} npx turnstile status\n`),
  );

  let charge = '';
  const controls: Record<string, (argument: string) => unknown> = {
    help: () => console.log(help),
    pay: async () => {
      charge = (await user.pays()).charge;
    },
    refund: () => {
      if (charge === '') throw new Error('Nothing was paid in this sitting; :pay first.');
      user.refunds(charge);
    },
    wait: (argument) => {
      const found = /^(\d+)\s*([smhd])$/.exec(argument);
      if (found === null) throw new Error(`Expected a time such as 5m or 24h, found "${argument}".`);
      demo.advance(Number(found[1]) * (units[found[2] as string] as number));
    },
    state: async () => console.log(JSON.stringify(await demo.chat(user.id), null, 2)),
    block: () => user.blocks(),
    unblock: () => user.unblocks(),
  };
  const handle = async (line: string): Promise<boolean> => {
    const text = line.trim();
    if (text === '') return true;
    if (!text.startsWith(':')) {
      user.says(text);
      return true;
    }
    const [name = '', ...rest] = text.slice(1).split(' ');
    if (name === 'quit' || name === 'q') return false;
    try {
      if (/^\d+$/.test(name)) pressNumber(user, Number(name));
      else if (controls[name] !== undefined) await controls[name](rest.join(' '));
      else console.log(`There is no :${name}.\n${help}`);
    } catch (error) {
      console.log(paint.red(error instanceof Error ? error.message : String(error)));
    }
    return true;
  };

  const lines = createInterface({ input: process.stdin, terminal: process.stdin.isTTY === true });
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        lines.close();
        resolve();
      });
    }
  });
  let isSilent = true;
  for await (const line of lines) {
    isSilent = false;
    if (!(await handle(line))) break;
    // Lines from a file come all at once; a person would read the answer first.
    if (process.stdin.isTTY !== true) await quiet(() => lastMessage, sandbox);
  }
  // Started without a terminal, it is there for the page alone.
  if (isSilent && process.stdin.isTTY !== true) await ended;
  await quiet(() => lastMessage, sandbox);
}

/** Resolves when the bot has taken everything and has been silent for half a second; 5 s at most. */
async function quiet(lastMessage: () => number, sandbox: Sandbox): Promise<void> {
  const started = Date.now();
  while (Date.now() - started < 5_000) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (sandbox.pendingUpdates === 0 && Date.now() - Math.max(lastMessage(), started) > 500) return;
  }
}

function pressNumber(user: SandboxUser, number: number): void {
  const buttons =
    user.messages
      .findLast((message) => message.from === 'bot' && message.buttons.length > 0)
      ?.buttons.flat() ?? [];
  const button = buttons[number - 1];
  if (button === undefined)
    throw new Error(`Expected a button from 1 to ${buttons.length}, found ${number}.`);
  if (button.url?.startsWith('https://t.me/+') === true) {
    user.joins(button.url);
    return;
  }
  if (button.data === undefined) throw new Error(`“${button.label}” is not pressed but paid: use :pay.`);
  user.presses(button.data);
}

function printMessage(message: SandboxMessage, name: string): void {
  const isBot = message.from === 'bot';
  const who = isBot ? paint.green('  Bot') : paint.magenta(`${name.padStart(5)}`);
  const media = message.media
    ?.map(({ fileName, size }) => `${fileName}, ${Math.round(size / 1024)} KB`)
    .join('; ');
  const kind =
    message.kind === 'text'
      ? ''
      : paint.yellow(`[${message.kind}${media === undefined ? '' : `: ${media}`}] `);
  console.log(`${who} │ ${kind}${message.text.split('\n').join('\n      │ ')}`);
  let number = 0;
  for (const row of message.buttons) {
    console.log(`      │ ${row.map(({ label }) => paint.bold(`[${++number} ${label}]`)).join(' ')}`);
  }
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
  return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}
