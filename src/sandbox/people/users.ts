import { TelegramError } from '../api/errors.ts';
import { mediaContent } from '../api/methods/media.ts';
import type { Json, UploadedFile } from '../api/parameters.ts';
import { withDetected } from '../api/text/detect.ts';
import type { WaitFor } from '../waiting.ts';
import { type Club, insiders } from '../world/club.ts';
import type { FileKind } from '../world/files.ts';
import type { SandboxMessage } from '../world/message.ts';
import type { Offer } from '../world/offer.ts';
import type { CheckoutAnswer, PayOptions, Subscription } from '../world/payments.ts';
import type { User } from '../world/telegram.ts';
import type { World } from '../world/world.ts';
import { type AlbumKind, home, type SentKind, sentContent } from './sent.ts';

export type { CheckoutAnswer } from '../world/payments.ts';

/** What is paid: by default the newest offer in the chat, be it an invoice or a link on a button. */
export interface OfferSource {
  /** The address of createInvoiceLink. */
  readonly link?: string;
  /** The id of a message with an invoice, or with such a link on a button. */
  readonly message?: number;
}

/** What an address of Telegram leads to; `way` is how the person could come in. */
export type Opened =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | {
      readonly kind: 'club';
      readonly title: string;
      readonly members: number;
      readonly way: 'join' | 'request' | 'inside';
    };

/** A club, or its id. */
export type ClubReference = number | { readonly id: number };

/** What one person does in the chat with the bot, and what they see. */
export class SandboxUser {
  readonly id: number;
  readonly #world: World;
  readonly #wait: WaitFor;
  /** Ids of messages that an earlier `sees` has found. */
  readonly #seen = new Set<number>();

  constructor(id: number, world: World, wait: WaitFor) {
    this.id = id;
    this.#world = world;
    this.#wait = wait;
  }

  /** Name, language, and whether the bot is blocked. */
  get profile(): Readonly<User> {
    return this.#user();
  }

  /** The chat so far, both sides. */
  get messages(): readonly SandboxMessage[] {
    return this.#world.telegram.messages.get(this.id) ?? [];
  }

  /** What the bot answered to pressed buttons. */
  get toasts(): readonly string[] {
    return this.#world.telegram.toasts.get(this.id) ?? [];
  }

  /** Sends a text, to the bot or to a club; what looks like a command or an address is marked as one. */
  says(text: string, { to }: { to?: ClubReference } = {}): void {
    const entities = withDetected(text, []);
    const content = { text, ...(entities.length > 0 && { entities }) };
    this.#send(content, to === undefined ? this.id : this.#club(to).id);
  }

  /**
   * Sends something that is no text. Its file has an id, but no bytes.
   * @param what a kind; or the fields of the Bot API's Message that make it, also those of a service message
   */
  sends(what: SentKind | Json, { caption }: { caption?: string } = {}): void {
    const content = typeof what === 'string' ? sentContent(this.#world.telegram, what) : what;
    this.#send({ ...content, ...(caption !== undefined && { caption }) });
  }

  /** Sends several as one album: a message each, with the caption at the first. */
  sendsAlbum(kinds: readonly AlbumKind[], { caption }: { caption?: string } = {}): void {
    const { telegram } = this.#world;
    const media_group_id = String(Number.parseInt(telegram.newId(6), 16));
    for (const [index, kind] of kinds.entries()) {
      const captioned = index === 0 && caption !== undefined ? { caption } : {};
      this.#send({ media_group_id, ...sentContent(telegram, kind), ...captioned });
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
    this.#edit(message, { location: { ...location, latitude: location.latitude + 0.001 } });
  }

  /** Sends a file that the bot can download. */
  sendsFile(kind: Exclude<FileKind, 'sticker'>, file: UploadedFile, caption?: string): void {
    const { telegram } = this.#world;
    const content = mediaContent(telegram, kind, telegram.files.add(kind, file), {});
    this.#send({ ...content, ...(caption !== undefined && { caption }) });
  }

  /** Edits the person's own last message: its text, or the caption of a file. */
  edits(text: string): void {
    const message = this.messages.findLast(({ from, kind }) => from === 'user' && kind !== 'service');
    if (message === undefined) throw new Error('There is no message of this person to edit.');
    this.#edit(message, 'text' in message.raw ? { text } : { caption: text });
  }

  /** The labels below the text field. */
  get keyboard(): readonly (readonly string[])[] {
    return this.#world.telegram.replyKeyboards.get(this.id) ?? [];
  }

  /** Presses the newest button with this label or callback data; one below the text field says its label. */
  presses(labelOrData: string): void {
    for (const message of [...this.messages].reverse()) {
      const button = message.buttons
        .flat()
        .find(({ label, data }) => data !== undefined && (label === labelOrData || data === labelOrData));
      if (button === undefined) continue;
      this.#press(message, button.data as string);
      return;
    }
    if (this.keyboard.flat().includes(labelOrData)) {
      this.says(labelOrData);
      return;
    }
    const labels = this.messages.flatMap(({ buttons }) => buttons.flat().map(({ label }) => `“${label}”`));
    throw new Error(
      `Expected a button “${labelOrData}”, found ${labels.length === 0 ? 'none' : labels.join(', ')}.\n${this.transcript()}`,
    );
  }

  /** Presses a button of one message by its callback data. Returns the query's id, which the answer carries. */
  pressesOn(messageId: number, data: string): string {
    const message = this.messages.find(({ id }) => id === messageId);
    if (message === undefined) throw new Error(`There is no message ${messageId} in the chat of ${this.id}.`);
    return this.#press(message, data);
  }

  /** Sends callback data that no button need carry, as a modified client can. */
  pressesRaw(data: string): void {
    const message = this.messages.findLast(({ from }) => from === 'bot');
    if (message === undefined) throw new Error('The bot has not written yet.');
    this.#press(message, data);
  }

  /** Opens an offer: the bot has 10 s to approve it. `forged` are things a modified client would change. */
  checkout(forged: OfferSource & Partial<Offer> = {}): Promise<CheckoutAnswer> {
    const { link: _, message: __, ...changes } = forged;
    return this.#world.payments.checkout(this.id, { ...this.#offer(forged), ...changes });
  }

  /**
   * Pays, after the bot has approved.
   * @param options.loseUpdate the bot is not told; only Telegram's list of transactions has the payment
   * @param options.affiliate somebody brought the person here and gets so many of each 1,000 Stars
   * @throws Error with the bot's reason when it rejects the checkout
   */
  async pays(options: OfferSource & PayOptions = {}): Promise<{ charge: string }> {
    const offer = this.#offer(options);
    const answer = await this.#world.payments.checkout(this.id, offer);
    if (!answer.ok) throw new Error(`The checkout was rejected: ${answer.error}`);
    return this.#world.payments.pay(this.id, offer, options);
  }

  /** Pays once more without asking the bot, which Telegram can do. */
  async paysAgain(options: OfferSource & PayOptions = {}): Promise<{ charge: string }> {
    return this.#world.payments.pay(this.id, this.#offer(options), options);
  }

  /** Telegram gives the money of a charge back, whether or not the bot still has it. */
  refunds(charge: string): void {
    this.#world.payments.refund(charge, this.id, 'telegram');
  }

  /** What the person subscribes to; `expires` is in ms since 1970. */
  get subscriptions(): readonly Readonly<Subscription>[] {
    return this.#world.payments.subscriptionsOf(this.id);
  }

  /** Calls off the next payment; the newest subscription when none is named. */
  cancelsSubscription(charge = this.#newestSubscription()): void {
    this.#world.payments.cancel(charge, this.id, true, 'user');
  }

  /** Takes a subscription up again before its time is over. */
  resumesSubscription(charge = this.#newestSubscription()): void {
    this.#world.payments.cancel(charge, this.id, false, 'user');
  }

  /** Has no Stars left when the next payments are due. */
  runsOutOfStars(): void {
    for (const subscription of this.#world.payments.subscriptionsOf(this.id)) subscription.failing = true;
  }

  /** The bot is not told of the next payment of a subscription, the newest when none is named. */
  losesRenewal(charge = this.#newestSubscription()): void {
    const subscription = this.#world.payments.subscriptionsOf(this.id).find((one) => one.charge === charge);
    if (subscription === undefined) throw new Error(`${this.id} has no subscription ${charge}.`);
    subscription.losesRenewal = true;
  }

  /** Opens an invite link or, where that is possible without one, a club. */
  joins(link: string | ClubReference): 'joined' | 'requested' {
    return this.#world.membership.enter(this.id, typeof link === 'string' ? link : this.#club(link));
  }

  /**
   * Looks at where an address of Telegram leads, without doing it: an invite link, or one of createInvoiceLink.
   * @throws Error with the reason why it leads nowhere
   */
  opens(address: string): Opened {
    const offer = this.#world.payments.offerOf(address);
    if (offer !== undefined) return { kind: 'offer', offer };
    const { club, way } = this.#world.membership.door(this.id, address);
    const members = insiders(club, this.#world.telegram.seconds()).length;
    return { kind: 'club', title: club.title, members, way };
  }

  /** Asks to be let in. Throws when the link lets in at once. */
  requestsToJoin(link: string | ClubReference): void {
    if (this.joins(link) === 'joined')
      throw new Error('The link let the person in at once; no request was needed.');
  }

  leaves(club: ClubReference): void {
    this.#world.membership.leave(this.#club(club), this.id);
  }

  isMember(club: ClubReference): boolean {
    return this.#world.membership.isInside(this.#club(club), this.id);
  }

  /** Sets the language of their Telegram; the bot hears of it with the next update. */
  speaks(language: string): void {
    this.#user().language_code = language;
    this.#world.telegram.changed();
  }

  blocks(): void {
    this.#world.membership.setBlocked(this.id, true);
  }

  unblocks(): void {
    this.#world.membership.setBlocked(this.id, false);
  }

  /** Deletes the account. */
  deactivates(): void {
    this.#user().deactivated = true;
  }

  /** Waits for a message of the bot, not found by an earlier `sees`, whose text or button matches. */
  async sees(pattern: RegExp | string, timeoutMs?: number): Promise<SandboxMessage> {
    const matches = (text: string) =>
      typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
    const find = () =>
      this.messages.find(
        ({ id, from, text, buttons }) =>
          from === 'bot' &&
          !this.#seen.has(id) &&
          (matches(text) || buttons.flat().some(({ label }) => matches(label))),
      );
    await this.#wait(() => find() !== undefined, `a message that matches ${pattern}`, timeoutMs);
    const found = find() as SandboxMessage;
    this.#seen.add(found.id);
    return found;
  }

  /** The chat as lines, for errors. */
  transcript(): string {
    const lines = this.messages.slice(-12).map(({ from, kind, text, buttons }) => {
      const labels = buttons.flat().map(({ label }) => ` [${label}]`);
      return `  ${from === 'bot' ? 'bot ' : 'user'} │ ${kind === 'text' ? '' : `(${kind}) `}${text.slice(0, 200)}${labels.join('')}`;
    });
    return `The chat of ${this.id}:\n${lines.join('\n')}`;
  }

  #user(): User {
    const user = this.#world.telegram.users.get(this.id);
    if (user === undefined) throw new TelegramError(400, 'Bad Request: user not found');
    return user;
  }

  #club(reference: ClubReference): Club {
    const id = typeof reference === 'number' ? reference : reference.id;
    const club = this.#world.telegram.clubs.get(id);
    if (club === undefined) throw new Error(`There is no club ${id}.`);
    return club.movedTo === undefined ? club : this.#club(club.movedTo);
  }

  #send(content: Json, chat = this.id): void {
    this.#world.telegram.post(chat, this.id, content);
  }

  #edit(message: SandboxMessage, content: Json): void {
    this.#world.telegram.edit(message, content);
    this.#world.telegram.push({ edited_message: message.raw });
  }

  #press(message: SandboxMessage, data: string): string {
    const { telegram } = this.#world;
    const query = telegram.newId(9);
    const about = { user: this.id, chat: message.chat, message: message.id, query, data };
    const answered = (values: Json) => {
      const text = String(values['text'] ?? '');
      const alert = String(values['show_alert']) === 'true';
      telegram.toasts.set(this.id, [...this.toasts, text].slice(-100));
      const url = values['url'] === undefined ? {} : { url: String(values['url']) };
      telegram.emit({ type: 'button_answered', ...about, text, alert, ...url });
    };
    telegram.ask(query, this.id, answered);
    telegram.emit({ type: 'button_pressed', ...about });
    telegram.push({
      callback_query: {
        id: query,
        from: telegram.userOf(this.id),
        message: message.raw,
        chat_instance: String(this.id),
        data,
      },
    });
    return query;
  }

  #offer({ link, message }: OfferSource): Offer {
    const { payments } = this.#world;
    const sources =
      link !== undefined ? [link] : this.messages.filter(({ id }) => message === undefined || id === message);
    for (const source of [...sources].reverse()) {
      const offer = payments.offerOf(source);
      if (offer !== undefined) return offer;
    }
    throw new Error(`There is no ${link ?? 'invoice or payment link'} to pay.\n${this.transcript()}`);
  }

  #newestSubscription(): string {
    const newest = this.subscriptions.at(-1);
    if (newest === undefined) throw new Error(`${this.id} has no subscription.`);
    return newest.charge;
  }
}
