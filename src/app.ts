import type { AnyStateMachine } from 'xstate';
import {
  type ClubParts,
  type ClubRules,
  type ClubSettings,
  Clubs,
  checkProvider,
  clubBook,
  clubParts,
  clubPlan,
  clubProblem,
  History,
  Ledger,
  lacksWayIn,
  loadClub,
  migrate,
  ofToday,
  readChat,
  readKnown,
  renderFor,
  reportOf,
  rulesFor,
  startLoops,
  tellOperators,
  tellWhoWaits,
} from '#club';
import type { Environment } from '#environment';
import { type Effect, SystemClock } from '#runtime';
import { type Actors, type Begun, type BotOptions, type RunningBot, runBot, type Signed } from '#telegram';

export interface AppOptions extends BotOptions {
  readonly environment: Environment;
  /** Conversations in place of the club's own. */
  readonly machines?: readonly AnyStateMachine[];
  /** What invoked promise actors do, by name. */
  readonly actors?: Actors;
}

export type App = RunningBot;

/**
 * Starts the club's bot.
 * @throws StartRefused naming what an operator has to mend; StartCalledOff
 */
export function startApp(options: AppOptions): Promise<App> {
  const { environment, log, clock = new SystemClock(), machines, actors } = options;
  const now = () => clock.now();
  return runBot(
    {
      plan: clubPlan(machines, actors),
      load: async () => {
        const conversation = await loadClub(environment.contentDir, machines, actors);
        checkProvider(conversation.content, environment);
        return conversation;
      },
      migrate: async ({ redis, where }) => {
        await migrate(redis, where, (line) => log.info(line), now());
      },
      // A group that has become a supergroup has another id than bot.yaml names.
      adapt: async (conversation, { store }) => {
        const { settings } = conversation.content;
        const chatId = await new Clubs(store.notes).today(settings.club.chatId);
        const content = {
          ...conversation.content,
          settings: { ...settings, club: { ...settings.club, chatId } },
        };
        return { ...conversation, content };
      },
      rules: (conversation) => rulesFor(conversation, environment),
      render: (conversation) => renderFor(conversation, environment, now),
      ofToday,
      input: ({ language }) => ({ language }),
      book: clubBook,
      apology: { type: 'send', params: { message: 'something_broke' } },
      begin: (bot) => beginClub(bot, environment.adminIds),
    },
    { ...options, clock },
  );
}

/** What the club's effects are performed with, and what it looks at beside its conversations. */
async function beginClub(
  bot: Signed<ClubSettings, ClubRules>,
  operators: readonly number[],
): Promise<Begun<ClubParts>> {
  const { store, letters, api, call, send, runtime, current, reload, clock, log } = bot;
  const now = () => clock.now();
  const content = () => current().conversation.content;
  const club = () => content().settings.club.chatId;
  const clubs = new Clubs(store.notes);
  const ledger = new Ledger(store);
  const history = new History(store);
  const toOperators = { operators, post: (effect: Effect) => runtime().post(effect) };
  await history.begin(now());
  const loops = startLoops({ store, history, ledger, letters, toOperators, call, runtime, clock, log });

  /** The club has become a supergroup, with another id. */
  const moved = async (from: number, to: number) => {
    if (from === to) return;
    const isNews = await clubs.follow(from, to);
    // A previous club, to which members are let in no more.
    if (club() !== from) return;
    await reload();
    if (!isNews) return;
    await tellOperators(toOperators, {
      id: `club.moved.${to}`,
      params: { message: 'operator_club_moved' },
      event: { type: 'club.moved', club: to },
    });
    // The other copies go on with the new id as well.
    await store.announceContent();
  };
  /** A club that is new: one copy counts who has no link to it. */
  const openClub = async () => {
    if (!runtime().holds('poller')) return;
    const waiting = async (opened: number) =>
      [...(await readKnown(store, now())).values()].filter((known) => lacksWayIn(known, opened)).length;
    await tellWhoWaits({ clubs, waiting, toOperators }, club());
  };
  const checkClub = async () => {
    const problem = await clubProblem(api, content(), bot.id).catch(() => null);
    if (problem !== null) log.error(problem);
  };
  await checkClub();
  const parts = clubParts({
    content,
    ledger,
    call,
    send,
    stored: (chat) => {
      const machines = current().conversation.machines.map(reportOf);
      return readChat(store, chat, { machines, now: now() });
    },
    append: (arrival) => runtime().signal(arrival),
    facts: () => current().rules.facts ?? {},
    troubles: loops.troubles,
    strangers: loops.strangers,
    bot: bot.id,
    moved,
    now,
  });
  return {
    parts,
    caughtUp: (isAfterGap) => loops.reconciliation.polled(isAfterGap),
    gaveUp: () => loops.givenUp.nudge(),
    started: openClub,
    reloaded: async () => {
      await Promise.all([checkClub(), openClub()]);
      return { price: content().settings.product.price };
    },
    stop: () => loops.stop(),
  };
}
