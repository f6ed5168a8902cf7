import type { SandboxUser } from '../people/user.ts';
import { performAs, unknownAction } from './actions.ts';
import type { PageOptions } from './options.ts';
import type { Outcome, PageAction } from './wire.ts';

/** Something done to the bot or to the time, as the list of steps has it. */
export type Note =
  | { readonly kind: 'killed' | 'lost' | 'started' | 'offline' | 'online' }
  | { readonly kind: 'moved'; readonly ms: number };

/** What the page shows anew after an action. */
export interface Screen {
  /** The bot is about to be ended by force. */
  killing(): void;
  note(note: Note): void;
  tellBot(): void;
  tellUsers(): void;
  tellClock(): void;
}

const refusedInvite = {
  status: 400,
  description: 'Bad Request: not enough rights to manage chat invite link',
};

/** Does what the page asks for. */
export class Operations {
  readonly #options: PageOptions;
  readonly #page: Screen;

  constructor(options: PageOptions, page: Screen) {
    this.#options = options;
    this.#page = page;
  }

  /** @throws Error with a reason that is shown to who asked */
  async perform(action: PageAction): Promise<Outcome> {
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
        this.#page.killing();
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
        this.#page.tellBot();
        return {};
      case 'returnStars':
        this.#options.sandbox.returnsStars();
        this.#page.tellBot();
        return {};
      case 'makeHistory':
        return { command: await this.#makeHistory() };
      default: {
        if (typeof action?.chat !== 'number') throw unknownAction(action);
        const outcome = await performAs(this.#user(action.chat), action, this.#options.club);
        this.#page.tellUsers();
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
    this.#page.tellUsers();
    return id;
  }

  async #makeHistory(): Promise<string> {
    const { makeHistory } = this.#options;
    if (makeHistory === undefined) throw new Error('This bot has no earlier history.');
    const command = await makeHistory();
    this.#page.note({ kind: 'lost' });
    this.#page.tellBot();
    this.#page.tellUsers();
    return command;
  }

  #advance(ms: number): void {
    if (!(ms > 0)) throw new Error(`Expected a time in ms that is above zero, found ${ms}.`);
    this.#page.note({ kind: 'moved', ms });
    this.#options.advance(ms);
    this.#page.tellClock();
  }

  /** To what is due first, whichever machine waits for it. */
  async #skip(chat: number): Promise<void> {
    const sessions = await this.#options.sessions(chat);
    const dues = sessions.flatMap(({ timers }) => timers.map(({ due }) => due));
    if (dues.length === 0) throw new Error('No reminder is pending.');
    this.#advance(Math.max(1, Math.min(...dues) - this.#options.sandbox.clock.now()));
  }
}
