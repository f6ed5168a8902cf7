import { type CrashPoint, crashPoints } from '../../src/engine/points.ts';
import type { Fault } from '../../src/sandbox/sandbox.ts';
import {
  checkBuyer,
  checkChat,
  checkDeadLetters,
  type Evidence,
  noDuplicates,
  type Window,
} from './check.ts';
import { Random } from './random.ts';
import { type Bot, Stage, until } from './stage.ts';
import { BuyerChat, RecorderChat } from './walkers.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Default 300; one in six walks the product's own conversation, the others the recorder. */
  readonly chats?: number;
  /** Copies of the bot at once. Default 1. */
  readonly copies?: 1 | 2;
  /** Keeps logs and files also when every guarantee was kept. */
  readonly keep?: boolean;
  /** Hears twice a second how far it is. */
  readonly progress?: (line: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  /** How often each thing was done to the bot. */
  readonly faults: Readonly<Record<string, number>>;
  readonly updates: number;
  readonly messages: number;
  readonly payments: number;
  readonly duplicates: Readonly<Record<Window, number>>;
  readonly losses: number;
  /** Where the answer to an invoice was lost, it was not sent again. */
  readonly deadLetters: number;
  /** Each with the chat's transcript. */
  readonly violations: readonly string[];
  /** Logs and Redis files, where they are kept. */
  readonly folder: string;
}

/** How often each kind of fault is drawn. */
const weights = {
  'clock moved': 7,
  'send failed': 10,
  'poll failed': 1,
  'everyone told to wait': 1,
  'bot killed': 2,
  'bot killed at a point': 4,
  'bot stopped in order': 1,
  'bot paused': 1.5,
  'Redis killed': 2.5,
  'chat blocked': 2,
  'update redelivered': 4,
};
type Kind = keyof typeof weights;

/** Updates a second, all chats together. */
const rate = 60;
/** A fault every so often, ms. */
const pause = { least: 50, most: 500 };
const points = crashPoints.filter((point) => !point.startsWith('shard'));

/** A run: walks and faults, then peace until everything has drained, then the checks. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const run = new Run(options, await Stage.open());
  try {
    await run.walk();
    await run.drain();
    return await run.check();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #options: ChaosOptions;
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #recorders: RecorderChat[];
  readonly #buyers: BuyerChat[];
  readonly #faults: Partial<Record<string, number>> = {};
  readonly #violations: string[] = [];
  readonly #ends = {
    kills: [] as number[],
    redisKills: [] as number[],
    pauses: [] as { from: number; to: number }[],
  };
  /** Chats whose next call meets a fault: one at a time. */
  readonly #faulty = new Set<number>();
  /** Where a bot will kill itself. */
  readonly #ordered = new Map<Bot, CrashPoint>();
  readonly #work = new Set<Promise<void>>();
  #updates = 0;
  #messages = 0;
  #isRedisUp = true;
  #isOver = false;

  constructor(options: ChaosOptions, stage: Stage) {
    this.#options = options;
    this.#stage = stage;
    this.#random = new Random(options.seed);
    const chats = options.chats ?? 300;
    const buyers = Math.ceil(chats / 6);
    this.#recorders = Array.from(
      { length: chats - buyers },
      () => new RecorderChat(stage, this.#random.fork()),
    );
    this.#buyers = Array.from({ length: buyers }, () => new BuyerChat(stage.sandbox, this.#random.fork()));
    const byId = new Map(this.#recorders.map((chat) => [chat.user.id, chat]));
    stage.sandbox.onMessage((message) => {
      if (message.from !== 'bot') return;
      this.#messages++;
      this.#faulty.delete(message.chat);
      const { text } = message;
      byId.get(message.chat)?.seen.shown.push({ text, real: Date.now(), virtual: stage.now() });
    });
  }

  /** Persons act and faults happen until the time is over. The seed decides what; how it meets the bot is real. */
  async walk(): Promise<void> {
    const { minutes, copies = 1, progress } = this.#options;
    const ends = Date.now() + minutes * 60_000;
    for (let copy = 0; copy < copies; copy++) this.#keepBot(this.#random.fork());
    const walking = this.#random.fork();
    const faulting = this.#random.fork();
    const everybody = [...this.#recorders, ...this.#buyers];
    let owed = 0;
    let before = Date.now();
    let nextFault = before + pause.most;
    let nextLine = before;
    while (Date.now() < ends) {
      const now = Date.now();
      owed = Math.min(rate, owed + ((now - before) * rate) / 1_000);
      before = now;
      for (; owed >= 1; owed--) {
        walking.pick(everybody).act();
        this.#updates++;
      }
      if (now >= nextFault) {
        this.#fault(faulting.weighted(weights), faulting.fork());
        nextFault = now + faulting.whole(pause.least, pause.most);
      }
      if (now >= nextLine) {
        const left = Math.ceil((ends - now) / 1_000);
        progress?.(
          `${left} s left · ${this.#updates} updates · ${this.#messages} messages · ${this.#killed()} kills`,
        );
        nextLine = now + 500;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #killed(): number {
    return Object.entries(this.#faults).reduce(
      (sum, [name, count]) => sum + (name.includes('killed') ? (count ?? 0) : 0),
      0,
    );
  }

  #count(name: string): void {
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
  }

  /** A copy of the bot: whenever it ends, it is started anew after a while. */
  #keepBot(random: Random): void {
    const start = () => {
      const bot = this.#stage.startBot();
      void bot.ended.then((how) => {
        const wasKilled = how === 'SIGKILL' || how === 'SIGTERM';
        const point = this.#ordered.get(bot);
        if (how === 'SIGKILL' && point !== undefined) this.#count(`bot killed at a point: ${point}`);
        if (how !== 0 || !this.#isRedisUp) this.#ends.kills.push(Date.now());
        if (!wasKilled && how !== 0)
          this.#violations.push(`a bot ended by itself (${how}); log of ${bot.pid}`);
        setTimeout(() => !this.#isOver && start(), random.whole(0, 800));
      });
    };
    start();
  }

  #fault(kind: Kind, random: Random): void {
    const { sandbox } = this.#stage;
    const bots = [...this.#stage.bots];
    const bot = bots.length === 0 ? undefined : random.pick(bots);
    const done: Record<Kind, () => string | false | undefined> = {
      'clock moved': () => {
        this.#stage.shift(random.whole(10, 60) * 1_000);
        return '';
      },
      'send failed': () => this.#failSend(random),
      'poll failed': () => {
        const [name, fault] = this.#anyFault(random);
        sandbox.fail('getUpdates', fault);
        return name;
      },
      'everyone told to wait': () => {
        const fault = { status: 429, description: 'Too Many Requests: retry after 2', retryAfter: 2 };
        sandbox.fail('sendMessage', fault, { times: 15 });
        return '';
      },
      'bot killed': () => bot !== undefined && this.#kill(bot),
      'bot killed at a point': () => {
        if (bot === undefined) return false;
        const point = random.pick(points);
        void bot.order({ crash: { point, pass: random.whole(1, 20), victims: ['self'] } });
        this.#ordered.set(bot, point);
        return false;
      },
      'bot stopped in order': () => {
        if (bot === undefined) return false;
        process.kill(bot.pid, 'SIGTERM');
        return '';
      },
      'bot paused': () => {
        if (bot === undefined) return false;
        this.#pause(bot, random.whole(500, 6_000));
        return '';
      },
      'Redis killed': () => this.#killRedis(random.whole(50, 1_500)),
      'chat blocked': () => {
        const chat = random.pick(this.#recorders);
        if (this.#faulty.has(chat.user.id) || !chat.block()) return false;
        setTimeout(() => chat.unblock(), random.whole(1_000, 4_000));
        return '';
      },
      'update redelivered': () => random.pick(this.#recorders).redeliver() && '',
    };
    const detail = done[kind]();
    if (typeof detail === 'string') this.#count(`${kind}${detail}`);
  }

  #kill(bot: Bot): string {
    this.#ends.kills.push(Date.now());
    this.#ordered.delete(bot);
    void bot.kill();
    return '';
  }

  #pause(bot: Bot, ms: number): void {
    const from = Date.now();
    process.kill(bot.pid, 'SIGSTOP');
    setTimeout(() => {
      if (bot.isRunning) process.kill(bot.pid, 'SIGCONT');
      if (this.#options.copies === 2) this.#ends.pauses.push({ from, to: Date.now() });
    }, ms);
  }

  #killRedis(awayMs: number): string | false {
    if (!this.#isRedisUp) return false;
    this.#isRedisUp = false;
    this.#ends.redisKills.push(Date.now());
    this.#stage.killRedis();
    const mine = new Promise((resolve) => setTimeout(resolve, awayMs))
      .then(() => this.#stage.restartRedis())
      .then(() => {
        this.#isRedisUp = true;
      })
      .catch((error: unknown) => void this.#violations.push(`Redis did not start again: ${error}`))
      .finally(() => this.#work.delete(mine));
    this.#work.add(mine);
    return '';
  }

  #anyFault(random: Random): [string, Fault] {
    const after = random.whole(1, 20);
    const faults: Record<string, Fault> = {
      ': 429': { status: 429, description: `Too Many Requests: retry after ${after}`, retryAfter: after },
      ': 500': { status: 500, description: 'Internal Server Error' },
      ': 502 as HTML': 'html-502',
      ': reset before': 'reset-before',
      ': answer lost': 'reset-after',
    };
    return random.pick(Object.entries(faults));
  }

  /** The next call for a chat meets a fault. Chats that have just acted are taken, so that it soon happens. */
  #failSend(random: Random): string | false {
    const chat = random.pick<RecorderChat | BuyerChat>([...this.#recorders, ...this.#buyers]);
    const { id } = chat.user;
    if (this.#faulty.has(id) || ('isBlocked' in chat && chat.isBlocked)) return false;
    const [name, fault] = this.#anyFault(random);
    this.#faulty.add(id);
    if (fault === 'reset-after' && chat instanceof RecorderChat) chat.seen.lostAnswers.push(Date.now());
    this.#stage.sandbox.fail('*', fault, { chat: id });
    chat.act();
    this.#updates++;
    return name;
  }

  /** Faults end; time passes until nothing is left and every timer has come due. */
  async drain(): Promise<void> {
    this.#options.progress?.('draining');
    for (const chat of this.#recorders) chat.unblock();
    await Promise.all(this.#work);
    await Promise.all(this.#buyers.flatMap(({ pending }) => [...pending]));
    for (let round = 0; round < 3; round++) {
      let shifted = Date.now();
      let left: Awaited<ReturnType<Stage['left']>> | undefined;
      const isQuiet = async () => {
        // Pauses and retries need time, which is moved.
        if (Date.now() - shifted > 500) {
          this.#stage.shift(5_000);
          shifted = Date.now();
        }
        left = await this.#stage.left();
        return await this.#stage.isQuiet();
      };
      await until('everything to drain', isQuiet, 60_000).catch(() => {
        this.#violations.push(`not everything was handled within a minute of peace: ${JSON.stringify(left)}`);
      });
      this.#stage.shift(200_000);
    }
  }

  async check(): Promise<ChaosReport> {
    const duplicates = { ...noDuplicates };
    let losses = 0;
    let payments = 0;
    for (const { user, seen } of this.#recorders) {
      const stored = (await this.#stage.chat(user.id)).sessions.find(({ machine }) => machine === 'recorder');
      const record = (stored?.context as { record?: string[] } | undefined)?.record ?? [];
      const evidence: Evidence = { ...seen, chat: user.id, record, state: stored?.state };
      const found = checkChat(evidence, this.#ends);
      losses += found.losses;
      for (const window of Object.keys(duplicates) as Window[])
        duplicates[window] += found.duplicates[window];
      if (found.violations.length > 0) this.#violations.push(describe(evidence, found.violations));
    }
    for (const { user, paid, refunded } of this.#buyers) {
      const stored = await this.#stage.chat(user.id);
      payments += stored.payments.length;
      const found = checkBuyer(stored, paid, refunded);
      if (found.length > 0) this.#violations.push(`${found.join('\n')}\n${user.transcript()}`);
    }
    const letters = await this.#stage.deadLetters();
    this.#violations.push(...checkDeadLetters(letters));
    const { seed } = this.#options;
    const counts = {
      updates: this.#updates,
      messages: this.#messages,
      payments,
      deadLetters: letters.length,
    };
    const faults = Object.fromEntries(Object.entries(this.#faults).sort()) as Record<string, number>;
    return {
      seed,
      faults,
      ...counts,
      duplicates,
      losses,
      violations: this.#violations,
      folder: this.#stage.folder,
    };
  }

  close(): Promise<void> {
    this.#isOver = true;
    return this.#stage.close(this.#options.keep === true || this.#violations.length > 0);
  }
}

/** A chat whose guarantees were broken, as lines. */
function describe({ chat, said, record, shown, blocked }: Evidence, violations: readonly string[]): string {
  const first = said[0]?.real ?? 0;
  const times = (list: readonly { real: number }[], name: (index: number) => string) =>
    list.map(({ real }, index) => `${name(index)} (${real - first})`).join(', ');
  return [
    `chat ${chat}: ${violations.join('; ')}`,
    `  said:     ${times(said, (index) => said[index]?.what ?? '')}`,
    `  recorded: ${record.join(', ')}`,
    `  shown:    ${times(shown, (index) => shown[index]?.text ?? '')}`,
    `  blocked:  ${blocked.map(({ from, to }) => `${from - first} to ${to - first}`).join(', ') || 'never'}`,
  ].join('\n');
}
