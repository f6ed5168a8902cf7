import type { StoredLetter } from '../../../src/runtime/letters.ts';
import { type CrashPoint, crashPoints } from '../../../src/runtime/points.ts';
import type { Fault } from '../../../src/sandbox/index.ts';
import {
  apology,
  checkBuyer,
  checkChat,
  checkDeadLetters,
  clockSpread,
  type Ends,
  type Evidence,
  isDoomed,
  isSuspected,
  noDuplicates,
  type Window,
  waningUntil,
  whatOf,
} from './check.ts';
import { Random } from './random.ts';
import { blockedTime } from './recorder.machine.ts';
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
  /** Messages that say that something broke. */
  readonly apologies: number;
  readonly duplicates: Readonly<Record<Window, number>>;
  readonly losses: number;
  /** Those that were ordered: what no machine can take. */
  readonly deadLetters: number;
  /** Each with the chat's transcript. */
  readonly violations: readonly string[];
  /** Logs and Redis files, where they are kept. */
  readonly folder: string;
}

/** How often each kind of fault is drawn. */
const weights = {
  'clock moved': 7,
  'send failed': 9,
  'send hung': 1.5,
  'poll failed': 1,
  'everyone told to wait': 1,
  'bot killed': 2,
  'bot killed at a point': 4,
  'bot stopped in order': 1,
  'bot paused': 1.5,
  'copy joined for a while': 1,
  'Redis killed': 2,
  'Redis failed over': 1,
  'Redis in a black hole': 0.6,
  'connections to Redis cut': 1,
  'key of another type': 1.5,
  'update that no machine can take': 4,
  'chat blocked': 2,
  'chat fell silent': 2,
  'update redelivered': 4,
};
type Kind = keyof typeof weights;

/** Updates a second, all chats together. */
const rate = 60;
/** A fault every so often, ms. */
const pause = { least: 50, most: 500 };
/** How long the network before Redis keeps everything to itself, ms. */
const blackHole = { least: 1_000, most: 8_000 };
/** A connection that a black hole has swallowed is found dead after this, ms. */
const silenceLimit = 5_000;
/** How long what must happen may take while faults go on, ms. */
const patience = 120_000;
/** How many people block the bot for more than 90 days. */
const gone = { recorders: 8, buyers: 4 };
const points = crashPoints.filter((point) => !point.startsWith('shard'));

/** A run: walks and faults, then peace until everything has drained, then the checks. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const run = new Run(options, await Stage.open({ isRemote: true, mostSkew: clockSpread / 2 }));
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
  readonly #ends: { [Kind in keyof Ends]: Ends[Kind][number][] } = {
    kills: [],
    stops: [],
    redisKills: [],
    pauses: [],
    outages: [],
  };
  /** When processes ended that could not finish what they had in hand. */
  readonly #deaths: number[] = [];
  /** Chats whose next call meets a fault: one at a time. */
  readonly #faulty = new Set<number>();
  /** Where a bot will kill itself. */
  readonly #ordered = new Map<Bot, CrashPoint>();
  readonly #work = new Set<Promise<void>>();
  #updates = 0;
  #messages = 0;
  /** One thing at a time is done to Redis. */
  #isRedisFree = true;
  /** Resolves when what is being done to Redis is over. */
  #redisWork: Promise<unknown> = Promise.resolve();
  #isClockFree = true;
  /** When the last failover was over: Infinity while one is under way. */
  #failoverEnd = 0;
  /** Nobody says anything. */
  #isResting = false;
  #isWalking = true;
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
      byId.get(message.chat)?.seen.shown.push({ text, real: Date.now(), virtual: stage.highest() });
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
    const half = before + (ends - before) / 2;
    let haveYearsPassed = false;
    while (Date.now() < ends || this.#isResting) {
      const now = Date.now();
      owed = Math.min(rate, owed + ((now - before) * rate) / 1_000);
      before = now;
      for (; owed >= 1 && !this.#isResting; owed--) if (walking.pick(everybody).act()) this.#updates++;
      if (now >= half && !haveYearsPassed) {
        haveYearsPassed = true;
        this.#keep(this.#blockForLong(faulting.fork()).finally(() => (this.#isResting = false)));
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
    void this.#startBot(random).ended.then(() =>
      setTimeout(() => !this.#isOver && this.#keepBot(random), random.whole(0, 800)),
    );
  }

  #startBot(random: Random): Bot {
    const bot = this.#stage.startBot(random.whole(-clockSpread / 2, clockSpread / 2));
    this.#count('bot started with a clock of its own');
    const begun = Date.now();
    void bot.ended.then((how) => {
      const wasKilled = how === 'SIGKILL' || how === 'SIGTERM';
      const point = this.#ordered.get(bot);
      if (how === 'SIGKILL' && point !== undefined) this.#count(`bot killed at a point: ${point}`);
      if (how !== 0 || !this.#isRedisFree) {
        this.#ends.kills.push(Date.now());
        this.#deaths.push(Date.now());
      }
      // A start that finds a server which takes no writes is refused.
      const isRefused = begun <= this.#failoverEnd && bot.lines('found a replica of').length > 0;
      if (!wasKilled && how !== 0 && !isRefused)
        this.#violations.push(`a bot ended by itself (${how}); log of ${bot.pid}`);
    });
    return bot;
  }

  #fault(kind: Kind, random: Random): void {
    const { sandbox } = this.#stage;
    const bots = [...this.#stage.bots];
    const bot = bots.length === 0 ? undefined : random.pick(bots);
    const done: Record<Kind, () => string | false | undefined> = {
      'clock moved': () => {
        if (!this.#isClockFree) return false;
        this.#stage.shift(random.whole(10, 60) * 1_000);
        return '';
      },
      'send failed': () => this.#failSend(random),
      'send hung': () => this.#hangSend(random),
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
        this.#stop(bot);
        return '';
      },
      'copy joined for a while': () => this.#joinForAWhile(random),
      'bot paused': () => {
        if (bot === undefined) return false;
        this.#pause(bot, random.whole(500, 6_000));
        return '';
      },
      'Redis killed': () => this.#killRedis(random.whole(50, 1_500)),
      'Redis failed over': () => this.#failOver(random.whole(0, 3_000)),
      'Redis in a black hole': () => this.#swallow(random),
      'connections to Redis cut': () => {
        this.#stage.network?.cut();
        return '';
      },
      'key of another type': () => this.#plant(random),
      'update that no machine can take': () => {
        const chat = random.pick(this.#recorders);
        if (!chat.isFree || this.#isResting) return false;
        this.#updates++;
        return `: ${chat.spoil(random)}`;
      },
      'chat blocked': () => {
        const chat = random.pick(this.#recorders);
        if (this.#isResting || this.#faulty.has(chat.user.id) || !chat.block()) return false;
        setTimeout(() => chat.unblock(), random.whole(1_000, 4_000));
        return '';
      },
      'chat fell silent': () => this.#leaveAlone(random),
      'update redelivered': () => !this.#isResting && random.pick(this.#recorders).redeliver() && '',
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

  #stop(bot: Bot): void {
    if (!bot.isRunning) return;
    this.#ends.stops.push(Date.now());
    process.kill(bot.pid, 'SIGTERM');
  }

  /** One more copy than usual; sends hang while it comes and goes. */
  #joinForAWhile(random: Random): string | false {
    if ((this.#options.copies ?? 1) === 1 || this.#stage.bots.size > 2) return false;
    for (let send = 0; send < 3; send++) if (this.#hangSend(random) === '') this.#count('send hung');
    const bot = this.#startBot(random);
    void bot.ready.then(() => setTimeout(() => this.#stop(bot), random.whole(1_000, 8_000)));
    return '';
  }

  /** Work on Redis that no other may meet. @returns false when there is some already */
  #alone(what: string, work: () => Promise<void>): string | false {
    if (!this.#isRedisFree) return false;
    this.#isRedisFree = false;
    this.#redisWork = work()
      .catch((error: unknown) => void this.#violations.push(`${what} went wrong: ${error}`))
      .finally(() => {
        this.#isRedisFree = true;
      });
    return '';
  }

  /** The same, as soon as there is none. */
  async #aloneSoon(what: string, work: () => Promise<void>): Promise<void> {
    while (this.#alone(what, work) === false) await this.#redisWork;
    await this.#redisWork;
  }

  #killRedis(awayMs: number): string | false {
    return this.#alone('a kill of Redis', async () => {
      this.#ends.redisKills.push(Date.now());
      this.#stage.killRedis();
      await pauseOf(awayMs);
      await this.#stage.restartRedis();
    });
  }

  #failOver(leadAfter: number): string | false {
    return this.#alone('a failover', async () => {
      this.#failoverEnd = Number.POSITIVE_INFINITY;
      const { from, to } = await this.#stage.failOver(leadAfter).finally(() => {
        this.#failoverEnd = Date.now();
      });
      // A server that is reached and takes no writes is tried again after a second at the most.
      this.#cutOff(from, to + 1_000);
    });
  }

  /** Nothing comes through to Redis for some seconds, and every connection stays open. */
  #swallow(random: Random): string | false {
    const isLost = random.next() < 0.5;
    const length = random.whole(blackHole.least, blackHole.most);
    const done = this.#alone('a black hole', async () => {
      const { network } = this.#stage;
      const from = Date.now();
      if (isLost) network?.blackHole();
      else network?.stall();
      await pauseOf(length);
      network?.pass();
      this.#cutOff(from, Date.now() + silenceLimit);
    });
    return done === false ? false : isLost ? ': all lost' : ': all late';
  }

  /** A single copy finds everything as it left it. */
  #cutOff(from: number, to: number): void {
    if (this.#options.copies === 2) this.#ends.outages.push({ from, to });
  }

  #keep(work: Promise<void>): void {
    const mine = work
      .catch((error: unknown) => void this.#violations.push(`the run itself failed: ${error}`))
      .finally(() => this.#work.delete(mine));
    this.#work.add(mine);
  }

  #anyFree(random: Random): RecorderChat | undefined {
    if (this.#isResting || !this.#isWalking) return undefined;
    const chat = random.pick(this.#recorders);
    return chat.isFree && chat.seen.said.length > 0 && !this.#faulty.has(chat.user.id) ? chat : undefined;
  }

  /** A chat's session cannot be read for a while; what comes is given up, put back when it can be, and applied once. */
  #plant(random: Random): string | false {
    const chat = this.#anyFree(random);
    if (chat === undefined) return false;
    chat.isReserved = true;
    this.#keep(this.#plantAt(chat, random).finally(() => (chat.isReserved = false)));
    return '';
  }

  async #plantAt(chat: RecorderChat, random: Random): Promise<void> {
    const { id } = chat.user;
    let isPlanted = false;
    await this.#aloneSoon('planting a key', async () => {
      if ((await this.#stage.session(id)) === null) return;
      isPlanted = true;
      await this.#stage.plant(id);
    });
    if (!isPlanted) return;
    const notes = Array.from({ length: random.whole(1, 3) }, () => chat.say('note'));
    this.#updates += notes.length;
    const areGivenUp = async () => {
      const letters = await this.#lettersOf(id);
      return notes.every((note) => letters.some(({ letter }) => whatOf(letter) === note));
    };
    await until(`${notes.join(', ')} of chat ${id} to be given up`, areGivenUp, patience).catch(
      (error: Error) => void this.#violations.push(error.message),
    );
    this.#isClockFree = false;
    await this.#aloneSoon('putting a session back', async () => {
      await this.#stage.restore(id);
      await this.#retry(chat);
    }).finally(() => (this.#isClockFree = true));
    // What was in hand may have been given up just now.
    await pauseOf(300);
    await this.#aloneSoon('putting dead letters back', () => this.#retry(chat));
  }

  async #retry(chat: RecorderChat): Promise<void> {
    const letters = await this.#lettersOf(chat.user.id);
    await this.#stage.retry(letters);
    chat.revived += letters.length;
    for (const _ of letters) this.#count('dead letter put back');
  }

  /** The dead letters of a chat that nobody has ordered. */
  async #lettersOf(id: number): Promise<StoredLetter[]> {
    const letters = await this.#stage.storedLetters();
    return letters.filter(({ letter }) => letter.chat === id && !isDoomed(whatOf(letter)));
  }

  /** A chat says nothing more in a state in which a session ends by itself; later it comes back, mostly after the end. */
  #leaveAlone(random: Random): string | false {
    const chat = this.#anyFree(random);
    if (chat === undefined) return false;
    chat.isReserved = true;
    this.#updates++;
    const mayStay = random.next() < 0.3;
    this.#keep(this.#awaitEnd(chat, chat.say('wane'), mayStay ? random.next() : 1));
    return '';
  }

  /** @param part of the time until its end that a chat is away; 1: until its session is gone */
  async #awaitEnd(chat: RecorderChat, what: string, part: number): Promise<void> {
    const { id } = chat.user;
    let begun = 0;
    let ends = 0;
    await until(
      `"${what}" of chat ${id} to be applied`,
      async () => {
        const session = await this.#stage.session(id);
        if (session?.record.at(-1) !== what) return false;
        begun = this.#stage.now();
        ends = waningUntil(session);
        chat.seen.past.push({ record: session.record, times: session.times, until: ends });
        return true;
      },
      patience,
    );
    this.#silent.add(chat);
    const isOver = async () => {
      if (part < 1) return this.#stage.now() - begun >= part * (ends - begun);
      return (await this.#stage.session(id)) === null;
    };
    while (this.#isWalking && !(await isOver())) await pauseOf(100);
    if (!this.#isWalking) return;
    if (part === 1) {
      this.#count('session ended by silence');
      const early = ends - this.#stage.highest();
      if (early > 0) this.#violations.push(`the session of chat ${id} ended ${early} ms early`);
    }
    this.#return(chat);
  }

  /**
   * Kills may come so fast that what happened to be in hand is taken for what ended the process. As an operator would, the
   * run puts it back.
   */
  async #putSuspectsBack(): Promise<void> {
    await this.#aloneSoon('putting back what was suspected', async () => {
      const stored = await this.#stage.storedLetters();
      const suspects = stored.filter(
        ({ id, letter }) =>
          !isDoomed(whatOf(letter)) && isSuspected(letter, Number(id.split('-')[1]), this.#deaths),
      );
      for (const { letter } of suspects) {
        this.#count('given up since copies died in a row');
        const timer = /^recorder:.*\|(ring|~expiry)/.exec(String(letter.body))?.[1];
        this.#recorders.find(({ user }) => user.id === letter.chat)?.suspected.push(timer ?? whatOf(letter));
      }
      await this.#stage.retry(suspects);
    });
  }

  /** Chats in a state in which their sessions end, with everything recorded. */
  readonly #silent = new Set<RecorderChat>();

  /** Leaves that state with the first word: the session must not end unseen. */
  #return(chat: RecorderChat): void {
    this.#silent.delete(chat);
    chat.say('disarm');
    this.#updates++;
    chat.isReserved = false;
  }

  /**
   * Some people block the bot and come back after more than 90 days: their sessions have ended, and they begin anew; who
   * has paid finds everything. Nobody says anything meanwhile, since Telegram keeps no update for so long.
   */
  async #blockForLong(random: Random): Promise<void> {
    this.#isResting = true;
    await this.#untilHeard();
    await until('everybody to be back', () => this.#recorders.every((chat) => !chat.isBlocked));
    const recorders = this.#recorders
      .filter((chat) => chat.isFree && !this.#faulty.has(chat.user.id))
      .slice(0, gone.recorders)
      .filter((chat) => chat.block());
    const buyers = Array.from({ length: gone.buyers }, () => random.pick(this.#buyers));
    for (const buyer of new Set(buyers)) buyer.block();
    await this.#putSuspectsBack();
    // No earlier than this by any clock.
    const until90 = this.#stage.lowest() + blockedTime;
    const away = await Promise.all(recorders.map((chat) => this.#untilAway(chat, until90)));
    await this.#untilHeard();
    this.#stage.shift(blockedTime + 86_400_000);
    this.#count('clock moved by 91 days');
    for (const chat of away.filter((one) => one !== null)) {
      const { id } = chat.user;
      await until(
        `the session of chat ${id} to end`,
        async () => (await this.#stage.session(id)) === null,
        60_000,
      )
        .then(() => this.#count('session ended by 90 days of silence'))
        .catch(() => this.#violations.push(`who blocked the bot is remembered after 91 days: chat ${id}`));
    }
    for (const chat of [...recorders, ...new Set(buyers)]) chat.unblock();
  }

  /** Resolves when Telegram has nothing more to tell, and nobody is busy. */
  async #untilHeard(): Promise<void> {
    const { sandbox } = this.#stage;
    const isBusy = () =>
      sandbox.pendingUpdates > 0 ||
      this.#buyers.some(({ pending }) => pending.size > 0) ||
      this.#recorders.some((chat) => chat.isReserved && !this.#silent.has(chat));
    await until('everything to be heard', () => !isBusy(), patience);
  }

  /** Resolves when the bot knows that a person cannot be reached; null: it knows nothing of the person at all. */
  async #untilAway(chat: RecorderChat, end: number): Promise<RecorderChat | null> {
    const { id } = chat.user;
    let isKnown = true;
    const look = async () => {
      // What was said last may still wait in the inbox.
      const { inbox } = await this.#stage.status();
      const session = await this.#stage.session(id);
      isKnown = session !== null;
      if (session === null) return inbox === 0;
      if (!session.isAway || session.state === 'asking') return false;
      chat.seen.past.push({ record: session.record, times: session.times, until: end });
      return true;
    };
    await until(`the bot to know that chat ${id} is blocked`, look, patience);
    return isKnown ? chat : null;
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
    if (this.#isResting || this.#faulty.has(id) || chat.isBlocked) return false;
    if (chat instanceof RecorderChat && !chat.isFree) return false;
    const [name, fault] = this.#anyFault(random);
    this.#faulty.add(id);
    if (fault === 'reset-after' && chat instanceof RecorderChat) chat.seen.lostAnswers.push(Date.now());
    this.#stage.sandbox.fail('*', fault, { chat: id });
    chat.act();
    this.#updates++;
    return name;
  }

  /** The next call for a chat is answered late, and made late: longer than a handover waits. */
  #hangSend(random: Random): string | false {
    const chat = this.#anyFree(random);
    if (chat === undefined) return false;
    this.#faulty.add(chat.user.id);
    chat.seen.hungSends.push(Date.now());
    this.#stage.sandbox.fail('*', { delay: random.whole(15_000, 25_000) }, { chat: chat.user.id });
    chat.act();
    this.#updates++;
    return '';
  }

  /** Faults end; time passes until nothing is left, every timer has come due, and who was silent is back. */
  async drain(): Promise<void> {
    this.#options.progress?.('draining');
    this.#isWalking = false;
    for (const chat of this.#recorders) chat.unblock();
    await Promise.all(this.#work);
    await this.#redisWork;
    await Promise.all(this.#buyers.flatMap(({ pending }) => [...pending]));
    for (let round = 0; round < 3; round++) {
      await this.#untilQuiet();
      await this.#putSuspectsBack();
      this.#stage.shift(300_000);
    }
    await this.#untilQuiet();
    for (const { user } of this.#silent)
      if ((await this.#stage.session(user.id)) !== null)
        this.#violations.push(`who was silent is remembered: chat ${user.id}`);
    for (const chat of this.#silent) this.#return(chat);
    await this.#untilQuiet();
  }

  async #untilQuiet(): Promise<void> {
    let shifted = Date.now();
    let left: Awaited<ReturnType<Stage['left']>> | undefined;
    const isQuiet = async () => {
      // Pauses and retries need time, which is moved.
      if (Date.now() - shifted > 500) {
        this.#stage.shift(5_000);
        // Calls that hang end as well.
        this.#stage.sandbox.clock.advance(0);
        shifted = Date.now();
      }
      left = await this.#stage.left();
      return await this.#stage.isQuiet();
    };
    await until('everything to drain', isQuiet, 60_000).catch(() => {
      this.#violations.push(`not everything was handled within a minute of peace: ${JSON.stringify(left)}`);
    });
  }

  async check(): Promise<ChaosReport> {
    const duplicates = { ...noDuplicates };
    let losses = 0;
    let payments = 0;
    let apologies = 0;
    const ordered: { chat: number; what: string }[] = [];
    for (const { user, seen, revived, suspected } of this.#recorders) {
      const stored = await this.#stage.session(user.id);
      const { record = [], times = [], state } = stored ?? {};
      const evidence: Evidence = { ...seen, chat: user.id, revived, suspected, record, times, state };
      apologies += seen.shown.filter(({ text }) => text.startsWith(apology)).length;
      ordered.push(
        ...seen.said.filter(({ what }) => isDoomed(what)).map(({ what }) => ({ chat: user.id, what })),
      );
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
    this.#violations.push(...checkDeadLetters(letters, ordered));
    const { seed } = this.#options;
    const counts = {
      updates: this.#updates,
      messages: this.#messages,
      payments,
      apologies,
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

const pauseOf = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A chat whose guarantees were broken, as lines. */
function describe(
  { chat, said, past, record, shown, blocked }: Evidence,
  violations: readonly string[],
): string {
  const first = said[0]?.real ?? 0;
  const times = (list: readonly { real: number }[], name: (index: number) => string) =>
    list.map(({ real }, index) => `${name(index)} (${real - first})`).join(', ');
  return [
    `chat ${chat}: ${violations.join('; ')}`,
    `  said:     ${times(said, (index) => said[index]?.what ?? '')}`,
    ...past.map((life) => `  before:   ${life.record.join(', ')}`),
    `  recorded: ${record.join(', ')}`,
    `  shown:    ${times(shown, (index) => shown[index]?.text ?? '')}`,
    `  blocked:  ${blocked.map(({ from, to }) => `${from - first} to ${to - first}`).join(', ') || 'never'}`,
  ].join('\n');
}
