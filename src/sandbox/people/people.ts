import type { WaitFor } from '../waiting.ts';
import type { World } from '../world/world.ts';
import { ownerId } from './clubs.ts';
import { SandboxUser } from './user.ts';

/** Who a person is to Telegram. */
export interface UserOptions {
  /** Default: counted from 1001. */
  readonly id?: number;
  /** Default: Anna. */
  readonly firstName?: string;
  /** Without @. Default: none. */
  readonly username?: string;
  /** As Telegram names it: `en`, `ru` … Default: en. */
  readonly languageCode?: string;
}

const firstUser = 1_001;

/** The people of a sandbox; one object for each. */
export class People {
  readonly #world: World;
  readonly #wait: WaitFor;
  readonly #opened = new Map<number, SandboxUser>();
  #next = firstUser;

  constructor(world: World, wait: WaitFor) {
    this.#world = world;
    this.#wait = wait;
  }

  user({
    id = this.#next++,
    firstName = 'Anna',
    username,
    languageCode = 'en',
  }: UserOptions = {}): SandboxUser {
    const { users } = this.#world.telegram;
    const name = username === undefined ? {} : { username };
    if (!users.has(id)) users.set(id, { id, first_name: firstName, language_code: languageCode, ...name });
    return this.#open(id);
  }

  /** Everybody but the owner of the clubs. */
  all(): SandboxUser[] {
    return [...this.#world.telegram.users.keys()].filter((id) => id !== ownerId).map((id) => this.#open(id));
  }

  /** The chats of the three who were opened last, for errors. */
  transcripts(): string[] {
    return [...this.#opened.values()].slice(-3).map((user) => user.transcript());
  }

  #open(id: number): SandboxUser {
    const user = this.#opened.get(id) ?? new SandboxUser(id, this.#world, this.#wait);
    this.#opened.set(id, user);
    return user;
  }
}
