import { expect, onTestFinished, test } from 'vitest';
import { type CrashPoint, crashPoints } from '../../src/runtime/points.ts';
import type { SandboxUser } from '../../src/sandbox/index.ts';
import { type Bot, Stage, until } from './chaos/stage.ts';

interface Act {
  readonly play: (anna: SandboxUser, stage: Stage) => unknown;
  /** How the messages begin that the act brings, in order. */
  readonly shows: readonly string[];
  /** Which pass of a point is the interesting one. Default 1. */
  readonly pass?: number;
  /** An actor works beside the message, which may be in hand at the point: it is in the window too. */
  readonly isInHand?: true;
}

/** One conversation, with everything that a crash could hurt. */
const acts: Readonly<Record<string, Act>> = {
  'an update': { play: (anna) => anna.says('/start'), shows: ['Hello, Anna!'] },
  'an update with two answers': {
    play: (anna) => anna.presses('Get access'),
    shows: ['Good choice', 'The First Step Club'],
  },
  'a reminder': { play: (_, stage) => stage.shift(5 * 60_000), shows: ['3 traps'] },
  'a checkout': {
    play: async (anna) => expect(await anna.checkout()).toEqual({ ok: true }),
    shows: [],
  },
  'a payment': { play: (anna) => anna.paysAgain(), shows: ['Thank you, Anna!', 'Where shall we begin?'] },
  'a send that fails at first': {
    play: (anna, { sandbox }) => {
      const fault = { status: 500, description: 'Internal Server Error' };
      sandbox.fail('sendMessage', fault, { chat: anna.id });
      anna.says('/note 1');
    },
    shows: ['noted 1'],
  },
  "an actor's result": {
    play: (anna) => anna.says('/ask 2'),
    shows: ['asked 2', 'answered'],
    pass: 2,
    isInHand: true,
  },
};

const updates = Object.keys(acts).filter((name) => name !== 'a reminder');
/** In which acts each point is passed. */
const passedIn: Readonly<Record<CrashPoint, readonly string[]>> = {
  'updates fetched': updates,
  'updates appended': updates,
  'cause read': Object.keys(acts),
  'step committed': Object.keys(acts),
  'timer claimed': ['a reminder'],
  'effect taken': Object.keys(acts),
  'effect performed': Object.keys(acts),
  'effect settled': Object.keys(acts),
  'retry stored': ['a send that fails at first'],
  'shard acquired': [],
  'shard released': [],
};
const points = crashPoints.filter((point) => passedIn[point].length > 0);
const victims = ['the bot', 'Redis', 'the bot and Redis'] as const;

type Victim = (typeof victims)[number];

async function openStage(): Promise<Stage> {
  const stage = await Stage.open({ fsync: 'always' });
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(`Logs stand in ${stage.folder}`);
    await stage.close(task.result?.state === 'fail');
  });
  return stage;
}

/** Whom the process at the point kills. */
const killed = (victim: Victim, stage: Stage): (number | 'self')[] => [
  ...(victim === 'the bot' ? [] : [stage.redisPid]),
  ...(victim === 'Redis' ? [] : ['self' as const]),
];

/** Kills the victims at the point, in every act that passes it, and starts them anew; gives what the acts showed. */
async function perform(point: CrashPoint, victim: Victim) {
  const stage = await openStage();
  let crashes = 0;
  let failure: unknown;
  const afterCrash = async (start: () => void) => {
    if (victim !== 'the bot') await stage.restartRedis();
    start();
    crashes++;
  };
  const fail = (error: unknown) => {
    failure = error;
  };
  const startBot = (): Bot => {
    const started = stage.startBot();
    started.onReport = ({ crashed }) => {
      if (crashed !== undefined) afterCrash(() => {}).catch(fail);
    };
    started.ended.then((how) => {
      if (stage.isClosed) return;
      if (how !== 'SIGKILL') return fail(new Error(`The bot ended by itself: ${how}`));
      afterCrash(() => {
        bot = startBot();
      }).catch(fail);
    });
    return started;
  };
  let bot = startBot();
  const anna = stage.sandbox.user();
  const texts = () =>
    anna.messages.filter(({ from }) => from === 'bot').map(({ text }) => text.split('\n')[0] ?? '');

  const shown: Record<string, string[]> = {};
  const retried = new Set<string>();
  for (const [name, act] of Object.entries(acts)) {
    const before = texts().length;
    const crashesBefore = crashes;
    const isHit = passedIn[point].includes(name);
    if (isHit) {
      const pass = point.startsWith('updates') ? 1 : (act.pass ?? 1);
      await bot.order({ crash: { point, pass, victims: killed(victim, stage) } });
    }
    await act.play(anna, stage);
    await until(
      `the end of "${name}" after a crash at "${point}" (${texts().slice(before).join(', ')})`,
      async () => {
        if (failure !== undefined) throw failure;
        // The failed send waits a second.
        for (const line of bot.lines('an effect failed; trying again')) {
          if (!retried.has(line)) stage.shift(1_000);
          retried.add(line);
        }
        const hasCrashed = crashes === crashesBefore + (isHit ? 1 : 0);
        return hasCrashed && texts().length >= before + act.shows.length && (await stage.isQuiet());
      },
    );
    shown[name] = texts().slice(before);
  }
  return {
    shown,
    chat: await stage.chat(anna.id),
    status: await stage.status(),
    dead: await stage.deadLetters(),
  };
}

/** Messages that came twice in a row; what is left must be what the act brings. */
function duplicates(name: string, texts: readonly string[]): number {
  const once = texts.filter((text, index) => text !== texts[index - 1]);
  const shows = acts[name]?.shows ?? [];
  expect(
    once.map((text, index) => text.slice(0, shows[index]?.length)),
    name,
  ).toEqual(shows);
  return texts.length - once.length;
}

test.each(victims.flatMap((victim) => points.map((point) => [victim, point] as const)))(
  'a crash of %s at "%s" loses nothing and repeats nothing else than the message in hand',
  async (victim, point) => {
    const { shown, chat, status, dead } = await perform(point, victim);
    for (const [name, texts] of Object.entries(shown)) {
      const repeats = duplicates(name, texts);
      // The one window: Telegram has taken a message, and nobody has noted it.
      const isWindow = point === 'effect performed' && victim !== 'Redis';
      if (isWindow && texts.length === repeats + 1) expect(repeats, name).toBe(1);
      else expect(repeats, name).toBeLessThanOrEqual(isWindow || acts[name]?.isInHand === true ? 1 : 0);
    }
    expect(chat.payments).toMatchObject([{ direction: 'in', amount: 250 }]);
    expect(chat.sessions).toMatchObject([
      {
        machine: 'recorder',
        state: 'resting',
        context: { record: ['note 1', 'ask 2', 'answer 2'] },
        timers: [],
      },
      {
        machine: 'access',
        state: 'paid',
        timers: [{ name: 'topic_reminder' }, { name: 'second_topic_reminder' }],
      },
    ]);
    expect(dead).toEqual([]);
    expect(status).toMatchObject({ inbox: 0, outbox: 0, timers: 2, chats: 1, payments: 1 });
  },
);

const handovers = (['shard released', 'shard acquired'] as const).flatMap((point) =>
  victims.map((victim) => [victim, point] as const),
);

test.each(handovers)('a crash of %s at "%s" leaves no chat behind', async (victim, point) => {
  const stage = await openStage();
  const users = Array.from({ length: 12 }, () => stage.sandbox.user());
  const everyone = (text: string) => {
    for (const user of users) user.says(text);
  };
  const first = stage.startBot();
  await first.ready;
  everyone('/note 1');
  everyone('/arm 2');
  await until('the first answers', () => stage.isQuiet());

  const crashed = victim === 'Redis' ? new Promise((resolve) => (first.onReport = resolve)) : first.ended;
  const order = () => first.order({ crash: { point, pass: 1, victims: killed(victim, stage) } });
  const isGivingUp = point === 'shard released';
  if (isGivingUp) await order();
  const second = stage.startBot();
  if (!isGivingUp) {
    await second.ready;
    await until('the shards to be shared', async () => (await stage.owners()) === 2);
    await order();
    await second.kill();
  }
  everyone('/note 3');
  await crashed;
  if (victim !== 'the bot') await stage.restartRedis();
  if (!isGivingUp && victim !== 'Redis') stage.startBot();
  const crashedAt = Date.now();
  everyone('/note 4');
  await until('every answer', async () =>
    users.every((user) => user.messages.some(({ text }) => text === 'noted 4')),
  );
  // A copy that is killed is found dead at once; every shard must have an owner again well within the lease.
  expect(Date.now() - crashedAt).toBeLessThan(5_000);
  stage.shift(60_000);
  await until('the end', () => stage.isQuiet());
  for (const user of users) {
    const texts = user.messages.filter(({ from }) => from === 'bot').map(({ text }) => text);
    const once = texts.filter((text, index) => text !== texts[index - 1]);
    expect(once).toEqual(['noted 1', 'armed 2', 'set 2', 'noted 3', 'noted 4', 'rang']);
    // At most the message that was in hand came twice.
    expect(texts.length - once.length).toBeLessThanOrEqual(victim === 'Redis' && isGivingUp ? 0 : 1);
    const [session] = (await stage.chat(user.id)).sessions;
    expect(session?.context).toMatchObject({ record: ['note 1', 'arm 2', 'note 3', 'note 4', 'ring 2'] });
  }
});

test.each([
  ['among others, and costs nobody else anything', 8],
  ['when nothing else is to be handled', 1],
])('an update that ends the process each time is given up after three starts %s', async (_, count) => {
  const stage = await openStage();
  const people = Array.from({ length: count }, () => stage.sandbox.user());
  const [anna] = people as [SandboxUser];
  let starts = 0;
  const keep = (): Bot => {
    starts++;
    const bot = stage.startBot();
    void bot.ended.then(() => !stage.isClosed && keep());
    return bot;
  };
  await keep().ready;
  for (const person of people) person.says('/note 1');
  await until('the first answers', () => stage.isQuiet());
  anna.says('/die');
  for (const person of people) person.says('/note 2');
  await until('every answer', () =>
    people.every((person) => person.messages.some(({ text }) => text === 'noted 2')),
  );
  await until('the end', () => stage.isQuiet());
  expect(starts).toBe(4);
  expect(await stage.deadLetters()).toMatchObject([
    { kind: 'update', chat: anna.id, error: /ended 2 times/ },
  ]);
  for (const person of people) {
    const [session] = (await stage.chat(person.id)).sessions;
    expect(session?.context).toMatchObject({ record: ['note 1', 'note 2'] });
  }
});
