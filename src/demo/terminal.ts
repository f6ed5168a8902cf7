import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import type { Sandbox, SandboxUser } from '#sandbox';
import { paint } from '#terminal';
import { printMessage } from './play.ts';
import type { Stage } from './stage.ts';

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const help = `What you type is sent to the bot. Lines that begin with a colon are for the demo:
  :1 :2 …      press a button of the last message that has some, or follow its invite link
  :pay         pay the last invoice          :refund      Telegram gives the money back
  :wait 5m     move the clock (s, m, h, d)   :state       the session and what is pending
  :block :unblock the bot                    :help :quit`;

/** Lines from the terminal are what the first person writes. */
export async function playTerminal(stage: Stage): Promise<void> {
  const { sandbox, anna: user } = stage;
  for (const message of user.messages) printMessage(message);
  let lastMessage = Date.now();
  sandbox.onMessage((message) => {
    lastMessage = Date.now();
    if (message.chat === user.id) printMessage(message);
  });
  console.log(
    `${paint.bold('Turnstile, played locally.')} Open ${paint.cyan(sandbox.url)} in a browser, or write here. Telegram is emulated; the bot and its Redis are real.`,
  );
  console.log(help);
  console.log(
    paint.dim(`In another terminal: DATA_DIR=${relative('.', stage.dataDir) || '.'} npx turnstile status\n`),
  );
  const controls = controlsOf(stage);
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
    if (!(await handle(line.trim(), user, controls))) break;
    // Lines from a file come all at once; a person would read the answer first.
    if (process.stdin.isTTY !== true) await quiet(() => lastMessage, sandbox);
  }
  // Started without a terminal, it is there for the page alone.
  if (isSilent && process.stdin.isTTY !== true) await ended;
  await quiet(() => lastMessage, sandbox);
}

type Controls = Readonly<Record<string, (argument: string) => unknown>>;

/** What a line that begins with a colon does, by its first word. */
function controlsOf(stage: Stage): Controls {
  const user = stage.anna;
  let charge = '';
  return {
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
      stage.advance(Number(found[1]) * (units[found[2] as string] as number));
    },
    state: async () => console.log(JSON.stringify(await stage.chat(user.id), null, 2)),
    block: () => user.blocks(),
    unblock: () => user.unblocks(),
  };
}

/** @returns false when it was the last line */
async function handle(text: string, user: SandboxUser, controls: Controls): Promise<boolean> {
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
