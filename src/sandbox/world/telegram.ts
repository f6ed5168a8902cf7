import { randomBytes } from 'node:crypto';
import { badRequest, TelegramError } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { chatId, text } from '../api/values.ts';
import type { SandboxClock } from '../clock.ts';
import {
  botIsInside,
  type Club,
  type ClubState,
  clubChat,
  isInside,
  restoreClub,
  saveClub,
  standingIn,
} from './club.ts';
import type { SandboxEvent } from './events.ts';
import { FileStore, type StoredFile } from './files.ts';
import { isHeard } from './hearing.ts';
import { describeMessage, type SandboxMessage } from './message.ts';
import { Queries } from './queries.ts';
import { UpdateQueue, type UpdatesState } from './updates.ts';

export interface User {
  readonly id: number;
  readonly first_name: string;
  readonly username?: string;
  language_code?: string;
  blocked?: boolean;
  /** The account is gone. */
  deactivated?: boolean;
}

export interface BotUser {
  readonly id: number;
  readonly is_bot: true;
  readonly first_name: string;
  readonly username: string;
}

export interface BotCommand {
  readonly command: string;
  readonly description: string;
}

/** Everything that survives a restart of the sandbox, but for files' bytes. */
export interface TelegramState {
  readonly nextMessage: number;
  readonly users: User[];
  readonly updates: UpdatesState;
  readonly messages: Record<string, SandboxMessage[]>;
  readonly files: StoredFile[];
  readonly commands: [string, BotCommand[]][];
  readonly clubs: ClubState[];
}

/** Messages kept per chat; a load test would keep millions otherwise. */
const keptMessages = 1_000;
/** Whoever asks to join may be written to for this long, seconds. */
const requestLifetime = 300;

/** Telegram itself, as far as one bot sees it: users, chats, clubs, files, updates. */
export class Telegram {
  /** The Bot API's User. */
  readonly bot: BotUser;
  readonly clock: SandboxClock;
  readonly updates: UpdateQueue;
  readonly files: FileStore;
  readonly users = new Map<number, User>();
  readonly clubs = new Map<number, Club>();
  readonly messages = new Map<number, SandboxMessage[]>();
  readonly toasts = new Map<number, string[]>();
  /** The labels below the text field, by chat; no message carries them. */
  readonly replyKeyboards = new Map<number, string[][]>();
  /** The commands menu by `<scope>:<language>`. */
  readonly commands = new Map<string, BotCommand[]>();
  /** Called after every change. */
  changed: () => void = () => {};
  /** Looks at what the bot is about to be told; throws when Telegram would never say so. */
  check: (type: 'Update' | 'Message', value: Json) => void = () => {};
  readonly #queries: Queries;
  readonly #readsAll: boolean;
  readonly #listeners = new Set<(event: SandboxEvent) => void>();
  #nextMessage = 1;

  /**
   * @param options.filesFolder where the bytes of files outlive the process
   * @param options.readsAll the bot's privacy mode is off
   */
  constructor(
    bot: BotUser,
    clock: SandboxClock,
    {
      filesFolder,
      readsAll = false,
    }: { filesFolder?: string | undefined; readsAll?: boolean | undefined } = {},
  ) {
    this.bot = bot;
    this.clock = clock;
    this.#readsAll = readsAll;
    this.#queries = new Queries(clock);
    this.updates = new UpdateQueue(clock);
    this.files = new FileStore(filesFolder);
  }

  save(): TelegramState {
    return {
      nextMessage: this.#nextMessage,
      users: [...this.users.values()],
      updates: this.updates.save(),
      messages: Object.fromEntries(this.messages),
      files: this.files.save(),
      commands: [...this.commands],
      clubs: [...this.clubs.values()].map(saveClub),
    };
  }

  restore(state: TelegramState): void {
    this.#nextMessage = state.nextMessage;
    for (const user of state.users) this.users.set(user.id, user);
    for (const [chat, messages] of Object.entries(state.messages)) this.messages.set(Number(chat), messages);
    for (const [key, commands] of state.commands) this.commands.set(key, commands);
    for (const club of state.clubs) this.clubs.set(club.id, restoreClub(club));
    this.files.restore(state.files);
    this.updates.restore(state.updates);
  }

  onEvent(listener: (event: SandboxEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(event: SandboxEvent): void {
    for (const listener of this.#listeners) listener(event);
    this.changed();
  }

  /** The time in Telegram's own unit. */
  seconds(): number {
    return Math.floor(this.clock.now() / 1_000);
  }

  /** Tells the bot. */
  push(update: Json): number {
    this.check('Update', { update_id: 1, ...update });
    return this.pushRaw(update);
  }

  /** Tells the bot anything, also what Telegram never says. */
  pushRaw(update: Json): number {
    const id = this.updates.push(update);
    this.changed();
    return id;
  }

  chatOf(id: number): Json {
    const club = this.clubs.get(id);
    if (club !== undefined) return clubChat(club);
    const user = this.users.get(id);
    return {
      id,
      type: 'private',
      first_name: user?.first_name ?? 'Somebody',
      ...(user?.username !== undefined && { username: user.username }),
    };
  }

  userOf(id: number): Json {
    const { blocked: _, deactivated: __, ...user } = this.users.get(id) ?? { id, first_name: 'Somebody' };
    return { ...user, is_bot: false };
  }

  /** The Bot API's User of whom Telegram knows; undefined for a stranger. */
  knownUser(id: number): Json | undefined {
    if (id === this.bot.id) return { ...this.bot };
    return this.users.has(id) ? this.userOf(id) : undefined;
  }

  /** The bot's privacy mode is off: it hears everything in its groups. */
  get readsAll(): boolean {
    return this.#readsAll;
  }

  /**
   * Puts a message of the bot or of a person into a chat and shows it. In a channel the channel speaks, whoever wrote.
   * @param isSilent its reader is not notified
   */
  add(chat: number, author: 'bot' | number, content: Json, isSilent = false): SandboxMessage {
    const person = author === 'bot' ? this.bot : this.userOf(author);
    const isChannel = this.clubs.get(chat)?.type === 'channel';
    const raw: Json = {
      message_id: this.#nextMessage++,
      ...(isChannel ? { sender_chat: this.chatOf(chat) } : { from: person }),
      chat: this.chatOf(chat),
      date: this.seconds(),
      ...content,
    };
    const described = describeMessage(raw, author === 'bot' ? 'bot' : 'user', this.files);
    const message = isSilent ? { ...described, isSilent } : described;
    const all = this.messages.get(chat);
    if (all === undefined) this.messages.set(chat, [message]);
    else {
      all.push(message);
      if (all.length > keptMessages) all.shift();
    }
    this.emit({ type: 'message', message });
    return message;
  }

  /** Puts a message into a chat and tells the bot, if it hears it. */
  post(chat: number, author: 'bot' | number, content: Json): SandboxMessage {
    const message = this.add(chat, author, content);
    this.#tell(message, '');
    return message;
  }

  /** Somebody edits their message, and the bot is told if it hears it. */
  repost(message: SandboxMessage, content: Json): void {
    this.edit(message, content);
    this.#tell(message, 'edited_');
  }

  /** Changes a message. A field that is set to undefined goes. */
  edit(message: SandboxMessage, content: Json): void {
    const raw = { ...message.raw, ...content, edit_date: this.seconds() };
    for (const [name, value] of Object.entries(content)) if (value === undefined) delete (raw as Json)[name];
    delete message.media;
    Object.assign(message, describeMessage(raw, message.from, this.files));
    this.emit({ type: 'message_changed', message });
  }

  delete(chat: number, ids: readonly number[]): void {
    if (ids.length === 0) return;
    const all = this.messages.get(chat) ?? [];
    this.messages.set(
      chat,
      all.filter(({ id }) => !ids.includes(id)),
    );
    this.emit({ type: 'messages_deleted', chat, ids });
  }

  newId(length = 12): string {
    return randomBytes(length).toString('hex');
  }

  /** Keeps a query until the bot answers it or its time (ms) is over. */
  ask(id: string, user: number, answered: (answer: Json) => void, lifetime?: number): void {
    this.#queries.ask(id, user, answered, lifetime);
  }

  /** Hands the bot's answer to whoever asked. @throws TelegramError when nobody asked, or too long ago */
  answer(id: string, values: Json): void {
    this.#queries.answer(id, values);
    this.changed();
  }

  /** The chat of a call. @throws TelegramError as Telegram answers for a chat that the bot cannot write to */
  reachable(values: Json): number {
    if ((text(values, 'chat_id') ?? '') === '') throw badRequest('chat_id is empty');
    const id = chatId(values);
    const club = this.clubs.get(id);
    if (club !== undefined) {
      if (club.movedTo !== undefined)
        throw new TelegramError(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
          migrate_to_chat_id: club.movedTo,
        });
      if (botIsInside(club)) return id;
      const reason = club.bot === 'kicked' ? 'bot was kicked from' : 'bot is not a member of';
      throw new TelegramError(403, `Forbidden: ${reason} the ${club.type} chat`);
    }
    const user = this.users.get(id);
    if (user === undefined) throw badRequest('chat not found');
    if (user.deactivated === true) throw new TelegramError(403, 'Forbidden: user is deactivated');
    if (user.blocked === true) throw new TelegramError(403, 'Forbidden: bot was blocked by the user');
    if (this.messages.has(id)) return id;
    const clubs = [...this.clubs.values()];
    const now = this.seconds();
    const asked = Math.max(...clubs.map(({ requests }) => requests.get(id)?.date ?? 0));
    if (asked + requestLifetime > now) return id;
    if (clubs.some((one) => isInside(standingIn(one, id, now))))
      throw new TelegramError(403, "Forbidden: bot can't initiate conversation with a user");
    throw badRequest('chat not found');
  }

  #tell({ chat, raw }: SandboxMessage, prefix: '' | 'edited_'): void {
    const club = this.clubs.get(chat);
    const { id, username } = this.bot;
    if (club !== undefined && !isHeard(raw, club, { id, username, readsAll: this.#readsAll })) return;
    this.push({ [`${prefix}${club?.type === 'channel' ? 'channel_post' : 'message'}`]: raw });
  }
}
