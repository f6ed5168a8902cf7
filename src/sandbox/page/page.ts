import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Sandbox } from '../face.ts';
import type { SandboxClub } from '../people/clubs.ts';
import type { SandboxUser } from '../people/user.ts';
import type { SandboxEvent } from '../world/events.ts';
import { performAs, unknownAction } from './actions.ts';
import { checkOrigin, Refused, readJson, safely, sendBuilt, sendJson } from './http.ts';
import { starsOf, stepOf, viewMessage } from './view.ts';
import type {
  Outcome,
  PageAction,
  PageEvent,
  PageReply,
  PageState,
  WireBot,
  WireMachine,
  WirePress,
  WireSession,
  WireStep,
  WireUser,
} from './wire.ts';

export interface PageMachine extends WireMachine {
  /** Its picture as SVG. */
  readonly picture: () => Promise<string>;
}

/** `failed`: it ended by itself, and `reason` says why. */
export interface BotStatus {
  readonly process: 'starting' | 'running' | 'failed';
  readonly reason?: string;
}

export interface PageOptions {
  readonly sandbox: Sandbox;
  /** Where the built page lies. */
  readonly folder: string;
  readonly machines: readonly PageMachine[];
  /** Ids of the bot's operators. */
  readonly operators?: readonly number[];
  /** The club that the bot sells access to. */
  readonly club?: SandboxClub;
  /** What is stored of a chat; rejects while the bot's Redis does not run. */
  readonly sessions: (chat: number) => Promise<readonly WireSession[]>;
  /** Moves the time of the bot and of the sandbox, ms. */
  readonly advance: (ms: number) => void;
  readonly restart: () => void;
  /**
   * Gives Telegram payments from before the bot, and takes from the bot everything that it has stored. Resolves with the
   * command that takes them over.
   */
  readonly makeHistory?: () => Promise<string>;
}

const keptSteps = 300;
/** A button waits this long for the bot, ms; so do Telegram's clients, more or less. */
const pressLimit = 30_000;
/** Sessions are read after each step, and this often besides, ms: one that expires says nothing. */
const rereading = 2_000;
const silence = 15_000;

const refusedInvite = {
  status: 400,
  description: 'Bad Request: not enough rights to manage chat invite link',
};

/** The server side of the chat page: tells what happens by server-sent events, and does what is asked. */
export class Page {
  readonly #options: PageOptions;
  readonly #listeners = new Set<ServerResponse>();
  readonly #sessions = new Map<number, readonly WireSession[]>();
  readonly #presses = new Map<string, { press: WirePress; late: NodeJS.Timeout }>();
  readonly #timers: NodeJS.Timeout[];
  readonly #unhear: () => void;
  #steps: WireStep[] = [];
  #nextStep = 1;
  #bot: Omit<WireBot, 'stars'> = { name: '', username: '', process: 'starting', isOffline: false };
  readonly #pictures = new Map<string, Promise<string>>();

  constructor(options: PageOptions) {
    this.#options = options;
    this.#unhear = options.sandbox.onEvent((event) => this.#hear(event));
    const { first_name: name, username } = options.sandbox.bot;
    this.#bot = { ...this.#bot, name, username };
    this.#timers = [
      setInterval(() => this.#listeners.size > 0 && this.#readAll(), rereading).unref(),
      setInterval(() => this.#write(': still here\n\n'), silence).unref(),
    ];
  }

  close(): void {
    this.#unhear();
    for (const timer of this.#timers) clearInterval(timer);
    for (const { late } of this.#presses.values()) clearTimeout(late);
    for (const listener of this.#listeners) listener.end();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#route(request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy();
      const status = error instanceof Refused ? error.status : 500;
      const reply: PageReply = { ok: false, error: error instanceof Error ? error.message : String(error) };
      sendJson(response, status, reply);
    });
  }

  /** The bot's process has started, runs, or has failed. */
  hearBot(status: BotStatus): void {
    const { reason: _, ...before } = this.#bot;
    if (before.process !== 'running' && status.process === 'running' && this.#steps.length > 0)
      this.#note({ kind: 'started' });
    this.#tellBot({ ...before, ...status });
  }

  /** A line of the bot's log. */
  hearLog(line: Record<string, unknown>): void {
    const step = stepOf(line, this.#nextStep, this.#options.sandbox.clock.now());
    if (step === null) return;
    this.#addStep(step);
    if (step.kind === 'step') void this.#read(step.chat);
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkOrigin(request);
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    if (request.method === 'POST' && pathname === '/page/actions') {
      sendJson(response, 200, await this.#reply(await readJson(request)));
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new Refused(405, 'Expected GET.');
    if (pathname === '/page/events') return this.#listen(response);
    const machine = /^\/page\/machines\/(\w+)\.svg$/.exec(pathname)?.[1];
    if (machine !== undefined) return this.#sendPicture(machine, response);
    if (pathname.startsWith('/page/files/')) {
      // A file that somebody sent must not act as a page of this address.
      response.setHeader('content-security-policy', "default-src 'none'; sandbox");
      response.setHeader('x-content-type-options', 'nosniff');
      const id = decodeURIComponent(pathname.slice('/page/files/'.length));
      return this.#options.sandbox.serveFile(id, request, response);
    }
    await sendBuilt(this.#options.folder, pathname, response);
  }

  async #sendPicture(id: string, response: ServerResponse): Promise<void> {
    const machine = this.#options.machines.find((one) => one.id === id);
    if (machine === undefined) throw new Refused(404, `There is no machine "${id}".`);
    const drawn = this.#pictures.get(id) ?? machine.picture();
    this.#pictures.set(id, drawn);
    const picture = await drawn;
    response.writeHead(200, { ...safely, 'content-type': 'image/svg+xml', 'cache-control': 'no-store' });
    response.end(picture);
  }

  async #listen(response: ServerResponse): Promise<void> {
    await this.#readAll();
    response.writeHead(200, { ...safely, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(encode({ type: 'state', state: this.#state() }));
    this.#listeners.add(response);
    response.once('close', () => this.#listeners.delete(response));
  }

  #state(): PageState {
    const users = this.#options.sandbox.users();
    return {
      bot: this.#wireBot(),
      machines: this.#options.machines.map(({ id, forOperators }) => ({ id, forOperators })),
      clockOffset: this.#clockOffset(),
      users: this.#users(),
      messages: Object.fromEntries(users.map(({ id, messages }) => [id, messages.map(viewMessage)])),
      sessions: Object.fromEntries(this.#sessions),
      presses: [...this.#presses.values()].map(({ press }) => press),
      steps: this.#steps,
    };
  }

  #users(): WireUser[] {
    const { sandbox, club, operators = [] } = this.#options;
    return sandbox.users().map((user) => {
      const subscription = user.subscriptions.at(-1)?.state;
      const { id, first_name: name, username, language_code: language = 'en', blocked } = user.profile;
      return {
        id,
        name,
        language,
        ...(username !== undefined && { username }),
        isBlocking: blocked === true,
        isOperator: operators.includes(id),
        ...(club !== undefined && {
          club: {
            title: club.title,
            isMember: club.members.includes(id),
            isBanned: club.banned.includes(id),
          },
        }),
        ...(subscription !== undefined && { subscription }),
        stars: starsOf(user),
        commands: sandbox.commandsFor(language, id),
      };
    });
  }

  #hear(event: SandboxEvent): void {
    switch (event.type) {
      case 'message':
      case 'message_changed':
        if (event.message.chat <= 0) break;
        this.#tell({ type: 'message', message: viewMessage(event.message) });
        if (event.message.kind === 'service') this.#tellUsers();
        break;
      case 'messages_deleted':
        this.#tell({ type: 'deleted', chat: event.chat, ids: event.ids });
        break;
      case 'chat_action':
        this.#tell({ type: 'acting', chat: event.chat, action: event.action });
        break;
      case 'button_pressed':
        this.#beginPress(event);
        break;
      case 'button_answered':
        this.#endPress(event.query, event.text, event.alert);
        break;
      case 'blocked':
      case 'unblocked':
      case 'commands_changed':
      case 'joined':
      case 'left':
      case 'banned':
      case 'unbanned':
      case 'subscription_changed':
        this.#tellUsers();
        break;
      case 'paid':
      case 'refunded':
        this.#tellBot(this.#bot);
        break;
      case 'offline':
      case 'online':
        this.#note({ kind: event.type });
        this.#tellBot({ ...this.#bot, isOffline: event.type === 'offline' });
    }
  }

  #beginPress({ query, chat, message, data }: WirePress): void {
    const press = { query, chat, message, data };
    const late = setTimeout(() => this.#endPress(query, '', false), pressLimit).unref();
    this.#presses.set(query, { press, late });
    this.#tell({ type: 'pressed', press });
  }

  #endPress(query: string, text: string, isAlert: boolean): void {
    const known = this.#presses.get(query);
    if (known === undefined) return;
    clearTimeout(known.late);
    this.#presses.delete(query);
    this.#tell({ type: 'answered', chat: known.press.chat, query, text, isAlert });
  }

  async #reply(value: unknown): Promise<PageReply> {
    try {
      return { ok: true, ...(await this.#perform(value as PageAction)) };
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
  }

  async #perform(action: PageAction): Promise<Outcome> {
    switch (action?.do) {
      case 'join':
        return { user: this.#join(String(action.name).trim(), String(action.language)) };
      case 'advance':
        this.#advance(Number(action.ms));
        return {};
      case 'skip':
        await this.#skip(action.chat);
        return {};
      case 'restart':
        if (this.#bot.process === 'running') this.#note({ kind: 'killed' });
        this.#options.restart();
        return {};
      case 'disconnect':
        this.#options.sandbox.goOffline(Number(action.ms));
        return {};
      case 'refuseInvites':
        this.#options.sandbox.fail('createChatInviteLink', refusedInvite, { times: 2 });
        return {};
      case 'withdrawStars':
        this.#options.sandbox.withdrawsStars();
        this.#tellBot(this.#bot);
        return {};
      case 'returnStars':
        this.#options.sandbox.returnsStars();
        this.#tellBot(this.#bot);
        return {};
      case 'makeHistory':
        return { command: await this.#makeHistory() };
      default: {
        if (typeof action?.chat !== 'number') throw unknownAction(action);
        const outcome = await performAs(this.#user(action.chat), action, this.#options.club);
        this.#tellUsers();
        return outcome;
      }
    }
  }

  #user(id: unknown): SandboxUser {
    const user = this.#options.sandbox.users().find((one) => one.id === id);
    if (user === undefined) throw new Error(`There is no person ${id}.`);
    return user;
  }

  #join(name: string, language: string): number {
    if (name === '') throw new Error('Expected a name.');
    const { sandbox } = this.#options;
    const id = Math.max(1_000, ...sandbox.users().map((user) => user.id)) + 1;
    sandbox.user({ id, firstName: name.slice(0, 64), languageCode: language });
    this.#tellUsers();
    return id;
  }

  async #makeHistory(): Promise<string> {
    const { makeHistory } = this.#options;
    if (makeHistory === undefined) throw new Error('This bot has no earlier history.');
    const command = await makeHistory();
    this.#note({ kind: 'lost' });
    this.#tellBot(this.#bot);
    this.#tellUsers();
    return command;
  }

  #advance(ms: number): void {
    if (!(ms > 0)) throw new Error(`Expected a time in ms that is above zero, found ${ms}.`);
    this.#note({ kind: 'moved', ms });
    this.#options.advance(ms);
    this.#tell({ type: 'clock', clockOffset: this.#clockOffset() });
  }

  /** To what is due first, whichever machine waits for it. */
  async #skip(chat: number): Promise<void> {
    const sessions = await this.#options.sessions(chat);
    const dues = sessions.flatMap(({ timers }) => timers.map(({ due }) => due));
    if (dues.length === 0) throw new Error('No reminder is pending.');
    this.#advance(Math.max(1, Math.min(...dues) - this.#options.sandbox.clock.now()));
  }

  async #readAll(): Promise<void> {
    await Promise.all(this.#options.sandbox.users().map(({ id }) => this.#read(id)));
  }

  async #read(chat: number): Promise<void> {
    const sessions = await this.#options.sessions(chat).catch(() => null);
    const before = this.#sessions.get(chat);
    if (sessions === null || JSON.stringify(sessions) === JSON.stringify(before ?? [])) return;
    this.#sessions.set(chat, sessions);
    this.#tell({ type: 'session', chat, sessions });
  }

  #note(
    note: { kind: 'killed' | 'lost' | 'started' | 'offline' | 'online' } | { kind: 'moved'; ms: number },
  ): void {
    this.#addStep({ ...note, id: this.#nextStep, at: this.#options.sandbox.clock.now() });
  }

  #addStep(step: WireStep): void {
    this.#nextStep++;
    this.#steps = [...this.#steps, step].slice(-keptSteps);
    this.#tell({ type: 'step', step });
  }

  #tellBot(bot: Omit<WireBot, 'stars'>): void {
    this.#bot = bot;
    this.#tell({ type: 'bot', bot: this.#wireBot() });
  }

  #wireBot(): WireBot {
    return { ...this.#bot, stars: this.#options.sandbox.stars };
  }

  #tellUsers(): void {
    this.#tell({ type: 'users', users: this.#users() });
  }

  #tell(event: PageEvent): void {
    this.#write(encode(event));
  }

  #write(text: string): void {
    for (const listener of this.#listeners) listener.write(text);
  }

  #clockOffset(): number {
    return this.#options.sandbox.clock.now() - Date.now();
  }
}

const encode = (event: PageEvent) => `data: ${JSON.stringify(event)}\n\n`;
