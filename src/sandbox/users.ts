import { type SandboxMessage, type Telegram, TelegramError } from './telegram.ts';

type Json = Record<string, unknown>;
/** The payload of an invoice is not part of the Message that the Bot API shows. */
type Invoice = SandboxMessage & { payload?: string };

export interface CheckoutAnswer {
  readonly ok: boolean;
  /** The reason that the bot gave. */
  readonly error?: string;
}

/** Telegram waits this long for the answer to a checkout query, ms. */
const checkoutLimit = 10_000;

/** What one person does in the chat with the bot, and what they see. */
export class SandboxUser {
  readonly id: number;
  readonly #telegram: Telegram;
  readonly #wait: (predicate: () => boolean, what: string, timeoutMs?: number) => Promise<void>;
  /** Ids of messages that an earlier `sees` has found. */
  readonly #seen = new Set<number>();

  constructor(
    id: number,
    telegram: Telegram,
    wait: (predicate: () => boolean, what: string, timeoutMs?: number) => Promise<void>,
  ) {
    this.id = id;
    this.#telegram = telegram;
    this.#wait = wait;
  }

  /** The chat so far, both sides. */
  get messages(): readonly SandboxMessage[] {
    return this.#telegram.messages.get(this.id) ?? [];
  }

  /** What the bot answered to pressed buttons. */
  get toasts(): readonly string[] {
    return this.#telegram.toasts.get(this.id) ?? [];
  }

  /** Sends a text; one that begins with a slash is a command. */
  says(text: string): void {
    const command = /^\/\S+/.exec(text)?.[0];
    const entities =
      command === undefined ? {} : { entities: [{ type: 'bot_command', offset: 0, length: command.length }] };
    this.#send({ text, ...entities });
  }

  sends(kind: 'sticker' | 'photo' | 'voice' | 'location'): void {
    const file = { file_id: this.#telegram.newId(), file_unique_id: this.#telegram.newId(6) };
    const content: Record<typeof kind, Json> = {
      sticker: {
        sticker: { ...file, type: 'regular', width: 512, height: 512, is_animated: false, is_video: false },
      },
      photo: { photo: [{ ...file, width: 90, height: 90 }] },
      voice: { voice: { ...file, duration: 3 } },
      location: { location: { latitude: 55.75, longitude: 37.62 } },
    };
    this.#send(content[kind]);
  }

  /** Edits the person's own last message. */
  edits(text: string): void {
    const message = this.messages.findLast(({ from }) => from === 'user');
    if (message === undefined) throw new Error('There is no message of this person to edit.');
    this.#telegram.edit(message, { text });
    this.#telegram.push({ edited_message: message.raw });
  }

  /** Presses the newest button with this label or callback data. */
  presses(labelOrData: string): void {
    for (const message of [...this.messages].reverse()) {
      const button = message.buttons
        .flat()
        .find(({ label, data }) => data !== undefined && (label === labelOrData || data === labelOrData));
      if (button === undefined) continue;
      this.#press(message, button.data as string);
      return;
    }
    const labels = this.messages.flatMap(({ buttons }) => buttons.flat().map(({ label }) => `“${label}”`));
    throw new Error(
      `Expected a button “${labelOrData}”, found ${labels.length === 0 ? 'none' : labels.join(', ')}.\n${this.transcript()}`,
    );
  }

  /** Sends callback data that no button need carry, as a modified client can. */
  pressesRaw(data: string): void {
    const message = this.messages.findLast(({ from }) => from === 'bot');
    if (message === undefined) throw new Error('The bot has not written yet.');
    this.#press(message, data);
  }

  /** Opens the newest invoice: the bot has 10 s to approve it. */
  checkout(forged: { payload?: string; currency?: string; amount?: number } = {}): Promise<CheckoutAnswer> {
    const offer = { ...this.#invoice(), ...forged };
    return new Promise((resolve) => {
      const id = this.#telegram.newId(9);
      const late = setTimeout(() => {
        this.#telegram.queries.delete(id);
        resolve({ ok: false, error: 'The bot did not answer the checkout within 10 s.' });
      }, checkoutLimit);
      this.#telegram.queries.set(id, {
        user: this.id,
        answered: (values) => {
          clearTimeout(late);
          const ok = String(values['ok']) === 'true';
          resolve(ok ? { ok } : { ok, error: String(values['error_message'] ?? '') });
        },
      });
      const { payload: invoice_payload, currency, amount: total_amount } = offer;
      this.#telegram.push({
        pre_checkout_query: {
          id,
          from: this.#telegram.userOf(this.id),
          currency,
          total_amount,
          invoice_payload,
        },
      });
    });
  }

  /**
   * Pays the newest invoice.
   * @throws Error with the bot's reason when it rejects the checkout
   */
  async pays(): Promise<{ charge: string }> {
    const answer = await this.checkout();
    if (!answer.ok) throw new Error(`The checkout was rejected: ${answer.error}`);
    return this.#pay();
  }

  /** Pays the same invoice once more without asking the bot, which Telegram can do. */
  async paysAgain(): Promise<{ charge: string }> {
    return this.#pay();
  }

  /** The money of a charge goes back. */
  refunds(charge: string): void {
    const paid = this.#telegram.payments.find((payment) => payment['telegram_payment_charge_id'] === charge);
    if (paid === undefined) throw new Error(`There is no payment with the charge ${charge}.`);
    paid['refunded'] = true;
    const { currency, total_amount, invoice_payload } = paid;
    this.#send({
      refunded_payment: { currency, total_amount, invoice_payload, telegram_payment_charge_id: charge },
    });
  }

  blocks(): void {
    this.#member('member', 'kicked', true);
  }

  unblocks(): void {
    this.#member('kicked', 'member', false);
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

  #send(content: Json): void {
    this.#telegram.push({ message: this.#telegram.add(this.id, 'user', content).raw });
  }

  #press(message: SandboxMessage, data: string): void {
    const id = this.#telegram.newId(9);
    const answered = (values: Json) => {
      const toasts = this.#telegram.toasts.get(this.id) ?? [];
      this.#telegram.toasts.set(this.id, [...toasts, String(values['text'] ?? '')].slice(-100));
    };
    this.#telegram.queries.set(id, { user: this.id, answered });
    const query = {
      id,
      from: this.#telegram.userOf(this.id),
      message: message.raw,
      chat_instance: String(this.id),
      data,
    };
    this.#telegram.push({ callback_query: query });
  }

  #invoice(): { payload: string; currency: string; amount: number } {
    const message = this.messages.findLast(({ kind }) => kind === 'invoice') as Invoice | undefined;
    if (message === undefined) throw new Error(`There is no invoice to pay.\n${this.transcript()}`);
    const { currency, total_amount } = message.raw['invoice'] as { currency: string; total_amount: number };
    return { payload: message.payload ?? '', currency, amount: total_amount };
  }

  #pay(): { charge: string } {
    const { payload: invoice_payload, currency, amount: total_amount } = this.#invoice();
    const charge = `stx${this.#telegram.newId(24)}`;
    const paid = {
      currency,
      total_amount,
      invoice_payload,
      telegram_payment_charge_id: charge,
      provider_payment_charge_id: '',
    };
    this.#telegram.payments.push({ ...paid, user_id: this.id, date: this.#telegram.seconds() });
    this.#send({ successful_payment: paid });
    return { charge };
  }

  #member(before: string, after: string, blocked: boolean): void {
    const user = this.#telegram.users.get(this.id);
    if (user === undefined) throw new TelegramError(400, 'Bad Request: user not found');
    user.blocked = blocked;
    const bot = this.#telegram.bot;
    this.#telegram.push({
      my_chat_member: {
        chat: this.#telegram.chatOf(this.id),
        from: this.#telegram.userOf(this.id),
        date: this.#telegram.seconds(),
        old_chat_member: { user: bot, status: before, ...(before === 'kicked' && { until_date: 0 }) },
        new_chat_member: { user: bot, status: after, ...(after === 'kicked' && { until_date: 0 }) },
      },
    });
  }
}
