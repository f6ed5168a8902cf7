import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SandboxEvent } from '../world/events.ts';
import { checkOrigin, Refused, readJson, safely, sendBuilt, sendJson } from './http.ts';
import { type Note, Operations } from './operations.ts';
import type { BotStatus, PageOptions } from './options.ts';
import { Presses } from './presses.ts';
import { starsOf, stepOf, viewMessage } from './view.ts';
import type {
  PageAction,
  PageEvent,
  PageReply,
  PageState,
  WireBot,
  WirePress,
  WireSession,
  WireStep,
  WireUser,
} from './wire.ts';

const keptSteps = 300;
/** Sessions are read after each step, and this often besides, ms: one that expires says nothing. */
const rereading = 2_000;
const silence = 15_000;

/** The server side of the chat page: tells what happens by server-sent events, and does what is asked. */
export class Page {
  readonly #options: PageOptions;
  readonly #listeners = new Set<ServerResponse>();
  readonly #sessions = new Map<number, readonly WireSession[]>();
  readonly #presses = new Presses((press) => this.#answer(press, '', false));
  readonly #operations: Operations;
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
    this.#operations = new Operations(options, {
      killing: () => {
        if (this.#bot.process === 'running') this.#note({ kind: 'killed' });
      },
      note: (note) => this.#note(note),
      tellBot: () => this.#tellBot(this.#bot),
      tellUsers: () => this.#tellUsers(),
      tellClock: () => this.#tell({ type: 'clock', clockOffset: this.#clockOffset() }),
    });
    this.#timers = [
      setInterval(() => this.#listeners.size > 0 && this.#readAll(), rereading).unref(),
      setInterval(() => this.#write(': still here\n\n'), silence).unref(),
    ];
  }

  /** Ends what waits and every open page's stream; the sandbox goes on. */
  close(): void {
    this.#unhear();
    for (const timer of this.#timers) clearInterval(timer);
    this.#presses.close();
    for (const listener of this.#listeners) listener.end();
  }

  /** Answers a request for the page; its refusals are answered too. For `other` of the sandbox's options. */
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
      presses: this.#presses.all,
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
      case 'button_pressed': {
        const { query, chat, message, data } = event;
        const press = { query, chat, message, data };
        this.#presses.begin(press);
        this.#tell({ type: 'pressed', press });
        break;
      }
      case 'button_answered': {
        const press = this.#presses.end(event.query);
        if (press !== undefined) this.#answer(press, event.text, event.alert);
        break;
      }
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

  #answer({ query, chat }: WirePress, text: string, isAlert: boolean): void {
    this.#tell({ type: 'answered', chat, query, text, isAlert });
  }

  async #reply(value: unknown): Promise<PageReply> {
    try {
      return { ok: true, ...(await this.#operations.perform(value as PageAction)) };
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
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

  #note(note: Note): void {
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
