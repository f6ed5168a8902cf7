import { TelegramError } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { type MediaKind, mediaContent } from '../api/methods/media.ts';
import type { UploadedFile } from '../api/parameters.ts';
import { addDetected } from '../api/text/detect.ts';
import type { WaitFor } from '../waiting.ts';
import { setBlocked } from '../world/bot-standing.ts';
import type { Club } from '../world/club.ts';
import type { SandboxMessage } from '../world/message.ts';
import type { User } from '../world/telegram.ts';
import type { World } from '../world/world.ts';
import { findButton, press } from './buttons.ts';
import { Buyer } from './buyer.ts';
import { type Opened, openAddress } from './offers.ts';
import { type ClubReference, clubOf, type PlaceOptions, type SayOptions } from './places.ts';
import { shows, transcriptOf } from './reading.ts';
import { type AlbumKind, home, type SampleKind, sampleContent } from './samples.ts';

/** What one person does, in the chat with the bot and in clubs, and what they see. */
export class SandboxUser extends Buyer {
  readonly #wait: WaitFor;
  /** Ids of messages that an earlier `sees` has found. */
  readonly #seen = new Set<number>();

  constructor(id: number, world: World, wait: WaitFor) {
    super(id, world);
    this.#wait = wait;
  }

  /** Name, language, and whether the bot is blocked. */
  get profile(): Readonly<User> {
    return this.#user();
  }

  /** What the bot answered to pressed buttons. */
  get toasts(): readonly string[] {
    return this.world.telegram.toasts.get(this.id) ?? [];
  }

  /**
   * Sends a text, to the bot or to a club; what looks like a command or an address is marked as one. In a channel it is the
   * channel that speaks.
   * @throws Error when they may not write there
   */
  says(text: string, options: SayOptions = {}): void {
    this.#send(lineContent('text', text), options);
  }

  /**
   * Sends something that is no text. The bot can download its file and send it on; there is nothing to see in it.
   * @param what a kind; or the fields of the Bot API's Message that make it, also those of a service message
   * @throws Error when they may not write there
   */
  sends(what: SampleKind | Json, { caption, ...options }: SayOptions & { caption?: string } = {}): void {
    const content = typeof what === 'string' ? sampleContent(this.world.telegram, what) : what;
    this.#send({ ...content, ...captionContent(caption) }, options);
  }

  /** Sends several as one album: a message each, with the caption at the first. */
  sendsAlbum(kinds: readonly AlbumKind[], { caption }: { caption?: string } = {}): void {
    const { telegram } = this.world;
    const media_group_id = String(Number.parseInt(telegram.newId(6), 16));
    for (const [index, kind] of kinds.entries()) {
      this.#send({
        media_group_id,
        ...sampleContent(telegram, kind),
        ...captionContent(index === 0 ? caption : undefined),
      });
    }
  }

  /** Shares where they are for so many seconds; `moves` tells the bot where they went. */
  sharesLocation(seconds = 3_600): void {
    this.#send({ location: { ...home, live_period: seconds } });
  }

  /** Goes some hundred metres on: the live location that they share is edited. */
  moves(): void {
    const isLive = ({ raw }: SandboxMessage) => (raw['location'] as Json | undefined)?.['live_period'];
    const message = this.messages.findLast(isLive);
    if (message === undefined) throw new Error('This person shares no live location.');
    const location = message.raw['location'] as typeof home;
    this.world.telegram.repost(message, {
      location: { ...location, latitude: location.latitude + 0.001 },
    });
  }

  /** Sends a file that the bot can download. */
  sendsFile(kind: MediaKind, file: UploadedFile, caption?: string): void {
    const { telegram } = this.world;
    const content = mediaContent(telegram, kind, telegram.files.add(kind, file), {});
    this.#send({ ...content, ...captionContent(caption) });
  }

  /** Edits the person's own last message: its text, or the caption of a file. What is marked is looked for anew. */
  edits(text: string, { in: place }: PlaceOptions = {}): void {
    const message = this.#messagesIn(place).findLast(
      ({ from, kind, raw }) =>
        from === 'user' &&
        kind !== 'service' &&
        // A channel does not tell who wrote.
        (raw['from'] === undefined || (raw['from'] as { id?: number }).id === this.id),
    );
    if (message === undefined) throw new Error('There is no message of this person to edit.');
    const content = lineContent('text' in message.raw ? 'text' : 'caption', text);
    this.world.telegram.repost(message, { entities: undefined, caption_entities: undefined, ...content });
  }

  /** The labels below the text field, in rows; empty when there are none. */
  get keyboard(): readonly (readonly string[])[] {
    return this.world.telegram.replyKeyboards.get(this.id) ?? [];
  }

  /**
   * Presses the newest button with this label or callback data; one below the text field says its label.
   * @throws Error with the buttons that there are
   */
  presses(labelOrData: string, { in: place }: PlaceOptions = {}): void {
    const messages = this.#messagesIn(place);
    const button = findButton(messages, labelOrData);
    if (button !== null) {
      press(this.world.telegram, this.id, button.message, button.data);
      return;
    }
    const chat = this.#chat(place);
    if (this.world.telegram.replyKeyboards.get(chat)?.flat().includes(labelOrData)) {
      this.says(labelOrData, place === undefined ? {} : { to: place });
      return;
    }
    const labels = messages.flatMap(({ buttons }) => buttons.flat().map(({ label }) => `“${label}”`));
    throw new Error(
      `Expected a button “${labelOrData}”, found ${labels.length === 0 ? 'none' : labels.join(', ')}.\n${transcriptOf(chat, messages)}`,
    );
  }

  /** Presses a button of one message by its callback data. Returns the query's id, which the answer carries. */
  pressesOn(messageId: number, data: string, { in: place }: PlaceOptions = {}): string {
    const message = this.#messagesIn(place).find(({ id }) => id === messageId);
    if (message === undefined)
      throw new Error(`There is no message ${messageId} in the chat of ${this.#chat(place)}.`);
    return press(this.world.telegram, this.id, message, data);
  }

  /** Sends callback data that no button need carry, as a modified client can. */
  pressesRaw(data: string): void {
    const message = this.messages.findLast(({ from }) => from === 'bot');
    if (message === undefined) throw new Error('The bot has not written yet.');
    press(this.world.telegram, this.id, message, data);
  }

  /** Opens an invite link or, where that is possible without one, a club. */
  joins(link: string | ClubReference): 'joined' | 'requested' {
    return this.world.membership.enter(this.id, typeof link === 'string' ? link : this.#club(link));
  }

  /**
   * Looks at where an address of Telegram leads, without doing it: an invite link, or one of createInvoiceLink.
   * @throws Error with the reason why it leads nowhere
   */
  opens(address: string): Opened {
    return openAddress(this.world, this.id, address);
  }

  /** Asks to be let in. Throws when the link lets in at once. */
  requestsToJoin(link: string | ClubReference): void {
    if (this.joins(link) === 'joined')
      throw new Error('The link let the person in at once; no request was needed.');
  }

  /** @throws Error when they are not in it */
  leaves(club: ClubReference): void {
    this.world.membership.leave(this.#club(club), this.id);
  }

  /** They are inside, by whatever right. */
  isMember(club: ClubReference): boolean {
    return this.world.membership.isInside(this.#club(club), this.id);
  }

  /** Sets the language of their Telegram; the bot hears of it with the next update. */
  speaks(language: string): void {
    this.#user().language_code = language;
    this.world.telegram.changed();
  }

  /** Blocks the bot: it is told, and what it writes is refused with 403. */
  blocks(): void {
    setBlocked(this.world.telegram, this.id, true);
  }

  /** Takes the block back; the bot is told. */
  unblocks(): void {
    setBlocked(this.world.telegram, this.id, false);
  }

  /** Deletes the account: nobody is told, and what the bot writes is refused with 403. */
  deactivates(): void {
    this.#user().deactivated = true;
  }

  /**
   * Waits for a message of the bot whose text or button matches. Each message is found once: the next `sees` passes over it
   * and waits for another.
   * @param options.timeoutMs how long it waits, ms; default 4,500
   * @throws Error with the chat, when none came in time
   */
  async sees(
    pattern: RegExp | string,
    options: number | (PlaceOptions & { readonly timeoutMs?: number }) = {},
  ): Promise<SandboxMessage> {
    const { in: place, timeoutMs } = typeof options === 'number' ? { timeoutMs: options } : options;
    const matching = () =>
      this.#messagesIn(place).filter((message) => message.from === 'bot' && shows(message, pattern));
    const find = () => matching().find(({ id }) => !this.#seen.has(id));
    const what = () => {
      const before = matching().at(-1);
      if (before === undefined) return `a message that matches ${pattern}`;
      const line = before.text.slice(0, 60);
      return `another message that matches ${pattern} (an earlier sees has found “${line}”, and each message is found once)`;
    };
    await this.#wait(() => find() !== undefined, what, timeoutMs);
    const found = find() as SandboxMessage;
    this.#seen.add(found.id);
    return found;
  }

  #user(): User {
    const user = this.world.telegram.users.get(this.id);
    if (user === undefined) throw new TelegramError(400, 'Bad Request: user not found');
    return user;
  }

  #club(reference: ClubReference): Club {
    return clubOf(this.world, reference);
  }

  #chat(place: ClubReference | undefined): number {
    return place === undefined ? this.id : this.#club(place).id;
  }

  /** What they can read there. */
  #messagesIn(place: ClubReference | undefined): readonly SandboxMessage[] {
    if (place === undefined) return this.messages;
    const club = this.#club(place);
    if (!this.world.membership.isInside(club, this.id))
      throw new Error(`${this.id} is not in “${club.title}”.`);
    return this.world.telegram.messages.get(club.id) ?? [];
  }

  #send(content: Json, { to, replyTo }: SayOptions = {}): void {
    const { telegram, membership } = this.world;
    const chat = this.#chat(to);
    if (to !== undefined) membership.checkWriter(this.#club(to), this.id);
    telegram.post(chat, this.id, { ...content, ...this.#replyTo(chat, replyTo) });
  }

  #replyTo(chat: number, replyTo: number | undefined): Json {
    if (replyTo === undefined) return {};
    const original = this.world.telegram.messages.get(chat)?.find(({ id }) => id === replyTo);
    if (original === undefined) throw new Error(`There is no message ${replyTo} in the chat of ${chat}.`);
    const { reply_to_message: _, ...raw } = original.raw;
    return { reply_to_message: raw };
  }
}

/** A text or caption as a message carries it, with what a client marks in it by itself. */
function lineContent(name: 'text' | 'caption', line: string): Json {
  const entities = addDetected(line, []);
  const marks = name === 'text' ? 'entities' : 'caption_entities';
  return { [name]: line, ...(entities.length > 0 && { [marks]: entities }) };
}

const captionContent = (caption: string | undefined): Json =>
  caption === undefined ? {} : lineContent('caption', caption);
