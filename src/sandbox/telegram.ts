import { createHash, randomBytes } from 'node:crypto';
import { parseHtml } from './html.ts';
import type { Parameters, UploadedFile } from './parameters.ts';

type Json = Record<string, unknown>;

/** An error as the Bot API answers it; the HTTP status is the same as `code`. */
export class TelegramError extends Error {
  readonly code: number;
  readonly retryAfter: number | undefined;
  constructor(code: number, description: string, retryAfter?: number) {
    super(description);
    this.name = 'TelegramError';
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export interface User {
  readonly id: number;
  readonly first_name: string;
  readonly username?: string;
  readonly language_code?: string;
  blocked?: boolean;
}

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
}

export interface Button {
  readonly label: string;
  readonly data?: string;
  readonly pay?: boolean;
}

/** A message as a chat shows it; `raw` is the Bot API's Message. */
export interface SandboxMessage {
  readonly id: number;
  readonly chat: number;
  readonly from: 'bot' | 'user';
  readonly kind: 'text' | 'photo' | 'video' | 'document' | 'album' | 'invoice' | 'service' | 'other';
  text: string;
  buttons: Button[][];
  readonly media?: { fileId: string; fileName: string; size: number }[];
  readonly date: number;
  raw: Json;
}

/** Everything that survives a restart of the stand-in. */
export interface TelegramState {
  nextUpdate: number;
  nextMessage: number;
  users: User[];
  updates: Json[];
  messages: Record<string, SandboxMessage[]>;
  files: StoredFile[];
  allowed: string[] | null;
  webhook: string;
  payments: Json[];
}

/** Messages kept per chat; a load test would keep millions otherwise. */
const keptMessages = 1_000;

/** Telegram itself, as far as one bot sees it: users, chats, files, updates. */
export class Telegram {
  readonly bot = { id: 42, is_bot: true, first_name: 'Turnstile', username: 'turnstile_sandbox_bot' };
  readonly users = new Map<number, User>();
  readonly messages = new Map<number, SandboxMessage[]>();
  readonly toasts = new Map<number, string[]>();
  readonly files = new Map<string, StoredFile>();
  /** Callback and checkout queries that wait for an answer. */
  readonly queries = new Map<string, { user: number; answered: (answer: Json) => void }>();
  updates: Json[] = [];
  allowed: string[] | null = null;
  webhook = '';
  commands: Json = {};
  payments: Json[] = [];
  readonly #now: () => number;
  readonly #listeners = new Set<(message: SandboxMessage) => void>();
  #nextUpdate: number;
  #nextMessage = 1;
  /** Called after every change. */
  changed: () => void = () => {};

  constructor(now: () => number) {
    this.#now = now;
    // Telegram's ids are random after a silence; a later start must lie above an earlier one.
    this.#nextUpdate = Math.floor(now() / 1_000) % 1_000_000_000;
  }

  save(): TelegramState {
    return {
      nextUpdate: this.#nextUpdate,
      nextMessage: this.#nextMessage,
      users: [...this.users.values()],
      updates: this.updates,
      messages: Object.fromEntries(this.messages),
      files: [...this.files.values()],
      allowed: this.allowed,
      webhook: this.webhook,
      payments: this.payments,
    };
  }

  restore(state: TelegramState): void {
    this.#nextUpdate = state.nextUpdate;
    this.#nextMessage = state.nextMessage;
    for (const user of state.users) this.users.set(user.id, user);
    for (const [chat, messages] of Object.entries(state.messages)) this.messages.set(Number(chat), messages);
    for (const file of state.files) this.files.set(file.id, file);
    this.updates = state.updates;
    this.allowed = state.allowed;
    this.webhook = state.webhook;
    this.payments = state.payments;
  }

  onMessage(listener: (message: SandboxMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  seconds(): number {
    return Math.floor(this.#now() / 1_000);
  }

  /** Queues an update, unless the bot has not asked for its kind. */
  push(update: Json): number {
    const id = typeof update['update_id'] === 'number' ? update['update_id'] : this.#nextUpdate++;
    const kind = Object.keys(update).find((key) => key !== 'update_id') ?? '';
    if (this.allowed === null || this.allowed.length === 0 || this.allowed.includes(kind)) {
      this.updates.push({ ...update, update_id: id });
    }
    this.changed();
    return id;
  }

  chatOf(id: number): Json {
    const user = this.users.get(id);
    const name = user?.first_name ?? 'Somebody';
    return {
      id,
      type: 'private',
      first_name: name,
      ...(user?.username !== undefined && { username: user.username }),
    };
  }

  userOf(id: number): Json {
    const { blocked: _, ...user } = this.users.get(id) ?? { id, first_name: 'Somebody' };
    return { ...user, is_bot: false };
  }

  /** Puts a message into a chat and shows it. */
  add(chat: number, from: SandboxMessage['from'], content: Json): SandboxMessage {
    const id = this.#nextMessage++;
    const date = this.seconds();
    const raw: Json = {
      message_id: id,
      from: from === 'bot' ? this.bot : this.userOf(chat),
      chat: this.chatOf(chat),
      date,
      ...content,
    };
    const message = describeMessage(id, chat, from, date, raw, this.files);
    const all = this.messages.get(chat) ?? [];
    all.push(message);
    if (all.length > keptMessages) all.shift();
    this.messages.set(chat, all);
    for (const listener of this.#listeners) listener(message);
    this.changed();
    return message;
  }

  edit(message: SandboxMessage, content: Json): void {
    const raw = { ...message.raw, ...content, edit_date: this.seconds() };
    const shown = describeMessage(message.id, message.chat, message.from, message.date, raw, this.files);
    Object.assign(message, { raw, text: shown.text, buttons: shown.buttons });
    for (const listener of this.#listeners) listener(message);
    this.changed();
  }

  upload(file: UploadedFile): StoredFile {
    const hash = createHash('sha256').update(file.bytes).digest('base64url').slice(0, 24);
    const stored = { id: `BAACAgIAAxkDAAM${hash}`, name: file.name, size: file.bytes.length };
    this.files.set(stored.id, stored);
    return stored;
  }

  newId(length = 12): string {
    return randomBytes(length).toString('hex');
  }

  /** The chat of a call. Throws what Telegram answers for a chat that the bot cannot write to. */
  reachable(value: unknown): number {
    const id = Number(value);
    const user = this.users.get(id);
    if (value === undefined || value === '') throw new TelegramError(400, 'Bad Request: chat_id is empty');
    if (user === undefined || (this.messages.get(id)?.length ?? 0) === 0) {
      throw new TelegramError(400, 'Bad Request: chat not found');
    }
    if (user.blocked === true) throw new TelegramError(403, 'Forbidden: bot was blocked by the user');
    return id;
  }
}

function describeMessage(
  id: number,
  chat: number,
  from: SandboxMessage['from'],
  date: number,
  raw: Json,
  files: ReadonlyMap<string, StoredFile>,
): SandboxMessage {
  const kinds = ['photo', 'video', 'document', 'invoice'] as const;
  const kind = kinds.find((name) => name in raw);
  const service = 'successful_payment' in raw || 'refunded_payment' in raw;
  const invoice = raw['invoice'] as { title?: string; description?: string } | undefined;
  const text =
    (raw['text'] as string | undefined) ??
    (raw['caption'] as string | undefined) ??
    (invoice === undefined ? undefined : `${invoice.title}\n${invoice.description}`) ??
    (service ? ('successful_payment' in raw ? 'Payment received' : 'Payment refunded') : '');
  const found =
    kind === 'photo'
      ? (raw['photo'] as Json[]).at(-1)
      : kind === 'invoice'
        ? undefined
        : (raw[kind ?? ''] as Json | undefined);
  const file = files.get(String(found?.['file_id']));
  const markup = raw['reply_markup'] as
    | { inline_keyboard?: { text: string; callback_data?: string; pay?: boolean }[][] }
    | undefined;
  const buttons = (markup?.inline_keyboard ?? []).map((row) =>
    row.map(({ text: label, callback_data: data, pay }) => ({
      label,
      ...(data !== undefined && { data }),
      ...(pay === true && { pay }),
    })),
  );
  return {
    id,
    chat,
    from,
    kind: kind ?? (service ? 'service' : 'text' in raw ? 'text' : 'other'),
    text,
    buttons: kind === 'invoice' && buttons.length === 0 ? [[{ label: 'Pay', pay: true }]] : buttons,
    ...(file !== undefined && { media: [{ fileId: file.id, fileName: file.name, size: file.size }] }),
    date,
    raw,
  };
}

type Method = (telegram: Telegram, given: Parameters) => unknown;

const text = (values: Json, name: string): string | undefined =>
  values[name] === undefined ? undefined : String(values[name]);

/** A parameter that clients send as an object or as its JSON. */
function parsed(values: Json, name: string): unknown {
  const value = values[name];
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    throw new TelegramError(400, `Bad Request: can't parse ${name.replaceAll('_', ' ')} JSON object`);
  }
}

function formatted(values: Json, name: 'text' | 'caption', most: number): Json {
  const source = text(values, name) ?? '';
  const mode = text(values, 'parse_mode')?.toLowerCase();
  let found: { text: string; entities: Json[] };
  try {
    found =
      mode === 'html'
        ? parseHtml(source)
        : {
            text: source,
            entities:
              (parsed(values, name === 'text' ? 'entities' : 'caption_entities') as Json[] | undefined) ?? [],
          };
  } catch (error) {
    throw new TelegramError(400, `Bad Request: can't parse entities: ${(error as Error).message}`);
  }
  if (name === 'text' && found.text.trim() === '')
    throw new TelegramError(400, 'Bad Request: message text is empty');
  if (found.text.length > most)
    throw new TelegramError(400, `Bad Request: message ${name === 'text' ? 'is' : 'caption is'} too long`);
  if (found.text === '') return {};
  const key = name === 'text' ? 'entities' : 'caption_entities';
  return { [name]: found.text, ...(found.entities.length > 0 && { [key]: found.entities }) };
}

function keyboard(values: Json): Json {
  const markup = parsed(values, 'reply_markup') as { inline_keyboard?: unknown } | undefined;
  if (markup === undefined) return {};
  if (markup.inline_keyboard === undefined) return {};
  if (!Array.isArray(markup.inline_keyboard))
    throw new TelegramError(
      400,
      'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array',
    );
  for (const button of (markup.inline_keyboard as Json[][]).flat()) {
    if (typeof button['text'] !== 'string' || button['text'] === '')
      throw new TelegramError(400, 'Bad Request: text buttons are unallowed in the inline keyboard');
    const data = button['callback_data'];
    if (data === undefined) continue;
    const size = Buffer.byteLength(String(data));
    if (size < 1 || size > 64) throw new TelegramError(400, 'Bad Request: BUTTON_DATA_INVALID');
  }
  return { reply_markup: markup };
}

/** A file by id, by upload or by `attach://`. */
function fileOf(telegram: Telegram, given: Parameters, value: unknown, name: string): StoredFile {
  const attached = typeof value === 'string' && value.startsWith('attach://') ? value.slice(9) : name;
  const upload = given.files.get(attached);
  if (upload !== undefined) {
    if (upload.bytes.length === 0) throw new TelegramError(400, 'Bad Request: file must be non-empty');
    return telegram.upload(upload);
  }
  const known = telegram.files.get(String(value));
  if (known === undefined)
    throw new TelegramError(400, 'Bad Request: wrong file identifier/HTTP URL specified');
  return known;
}

function mediaContent(kind: string, file: StoredFile): Json {
  const base = { file_id: file.id, file_unique_id: file.id.slice(-16), file_size: file.size };
  if (kind === 'photo') return { photo: [{ ...base, width: 1280, height: 720 }] };
  if (kind === 'video')
    return {
      video: { ...base, width: 720, height: 720, duration: 10, mime_type: 'video/mp4', file_name: file.name },
    };
  return { document: { ...base, file_name: file.name } };
}

const sendMedia =
  (kind: 'photo' | 'video' | 'document'): Method =>
  (telegram, given) => {
    const chat = telegram.reachable(given.values['chat_id']);
    const content = { ...formatted(given.values, 'caption', 1_024), ...keyboard(given.values) };
    const file = fileOf(telegram, given, given.values[kind], kind);
    return telegram.add(chat, 'bot', { ...mediaContent(kind, file), ...content }).raw;
  };

function invoiceOf(values: Json): Json {
  const prices = parsed(values, 'prices') as { label: string; amount: number }[] | undefined;
  const currency = text(values, 'currency') ?? '';
  const size = (name: string, most: number, error: string) => {
    const length = Buffer.byteLength(text(values, name) ?? '');
    if (length < 1 || length > most) throw new TelegramError(400, `Bad Request: ${error}`);
  };
  size('title', 32 * 4, 'INVOICE_TITLE_INVALID');
  size('description', 255 * 4, 'INVOICE_DESCRIPTION_INVALID');
  size('payload', 128, 'INVOICE_PAYLOAD_INVALID');
  if (!Array.isArray(prices) || prices.length === 0)
    throw new TelegramError(400, 'Bad Request: field "prices" must be a non-empty Array');
  if (currency === 'XTR' && prices.length !== 1)
    throw new TelegramError(400, 'Bad Request: STARS_INVOICE_INVALID');
  if (currency !== 'XTR' && (text(values, 'provider_token') ?? '') === '')
    throw new TelegramError(400, 'Bad Request: PAYMENT_PROVIDER_INVALID');
  const total = prices.reduce((sum, { amount }) => sum + Number(amount), 0);
  if (!Number.isInteger(total) || total <= 0)
    throw new TelegramError(400, 'Bad Request: CURRENCY_TOTAL_AMOUNT_INVALID');
  return {
    title: text(values, 'title'),
    description: text(values, 'description'),
    start_parameter: text(values, 'start_parameter') ?? '',
    currency,
    total_amount: total,
  };
}

const findMessage = (telegram: Telegram, values: Json, what: string): SandboxMessage => {
  const chat = telegram.reachable(values['chat_id']);
  const found = telegram.messages.get(chat)?.find(({ id }) => id === Number(values['message_id']));
  if (found === undefined || found.from !== 'bot')
    throw new TelegramError(400, `Bad Request: message to ${what} not found`);
  return found;
};

const edited = (telegram: Telegram, values: Json, content: Json): Json => {
  const message = findMessage(telegram, values, 'edit');
  const changed = Object.entries(content).some(
    ([key, value]) => JSON.stringify(message.raw[key]) !== JSON.stringify(value),
  );
  if (!changed) {
    throw new TelegramError(
      400,
      'Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    );
  }
  telegram.edit(message, content);
  return message.raw;
};

const answerQuery: Method = (telegram, { values }) => {
  const id = text(values, 'callback_query_id') ?? text(values, 'pre_checkout_query_id') ?? '';
  const query = telegram.queries.get(id);
  if (query === undefined)
    throw new TelegramError(
      400,
      'Bad Request: query is too old and response timeout expired or query ID is invalid',
    );
  telegram.queries.delete(id);
  query.answered(values);
  telegram.changed();
  return true;
};

/** The methods that are emulated, by their name in small letters. */
export const methods: Readonly<Record<string, Method>> = {
  getme: (telegram) => ({
    ...telegram.bot,
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
  }),
  setwebhook: (telegram, { values }) => {
    telegram.webhook = text(values, 'url') ?? '';
    return true;
  },
  deletewebhook: (telegram, { values }) => {
    telegram.webhook = '';
    if (String(values['drop_pending_updates']) === 'true') telegram.updates = [];
    return true;
  },
  getwebhookinfo: (telegram) => ({
    url: telegram.webhook,
    has_custom_certificate: false,
    pending_update_count: telegram.updates.length,
  }),
  setmycommands: (telegram, { values }) => {
    telegram.commands[text(values, 'language_code') ?? ''] = parsed(values, 'commands');
    return true;
  },
  getmycommands: (telegram, { values }) => telegram.commands[text(values, 'language_code') ?? ''] ?? [],
  deletemycommands: (telegram, { values }) => {
    delete telegram.commands[text(values, 'language_code') ?? ''];
    return true;
  },
  sendmessage: (telegram, { values }) => {
    const chat = telegram.reachable(values['chat_id']);
    return telegram.add(chat, 'bot', { ...formatted(values, 'text', 4_096), ...keyboard(values) }).raw;
  },
  sendphoto: sendMedia('photo'),
  sendvideo: sendMedia('video'),
  senddocument: sendMedia('document'),
  sendmediagroup: (telegram, given) => {
    const chat = telegram.reachable(given.values['chat_id']);
    const media = parsed(given.values, 'media') as {
      type: 'photo' | 'video' | 'document';
      media: string;
      caption?: string;
      parse_mode?: string;
    }[];
    if (!Array.isArray(media) || media.length < 2 || media.length > 10)
      throw new TelegramError(400, 'Bad Request: album must have from 2 to 10 items');
    const files = media.map((item) => fileOf(telegram, given, item.media, ''));
    const group = telegram.newId(8);
    return media.map((item, index) => {
      const caption = formatted(item as unknown as Json, 'caption', 1_024);
      return telegram.add(chat, 'bot', {
        media_group_id: group,
        ...mediaContent(item.type, files[index] as StoredFile),
        ...caption,
      }).raw;
    });
  },
  sendinvoice: (telegram, { values }) => {
    const chat = telegram.reachable(values['chat_id']);
    const message = telegram.add(chat, 'bot', { invoice: invoiceOf(values), ...keyboard(values) });
    // Not part of the Bot API's Message, but the checkout needs it.
    Object.defineProperty(message, 'payload', { value: text(values, 'payload'), enumerable: true });
    return message.raw;
  },
  createinvoicelink: (telegram, { values }) => {
    invoiceOf(values);
    return `https://t.me/$${telegram.newId(8)}`;
  },
  answerprecheckoutquery: answerQuery,
  answercallbackquery: answerQuery,
  editmessagetext: (telegram, { values }) =>
    edited(telegram, values, { ...formatted(values, 'text', 4_096), ...keyboard(values) }),
  editmessagecaption: (telegram, { values }) =>
    edited(telegram, values, { ...formatted(values, 'caption', 1_024), ...keyboard(values) }),
  editmessagereplymarkup: (telegram, { values }) =>
    edited(telegram, values, { reply_markup: undefined, ...keyboard(values) }),
  deletemessage: (telegram, { values }) => {
    const message = findMessage(telegram, values, 'delete');
    const all = telegram.messages.get(message.chat) ?? [];
    all.splice(all.indexOf(message), 1);
    return true;
  },
  sendchataction: (telegram, { values }) => {
    telegram.reachable(values['chat_id']);
    return true;
  },
  getchat: (telegram, { values }) => ({
    ...telegram.chatOf(telegram.reachable(values['chat_id'])),
    accent_color_id: 0,
    max_reaction_count: 11,
  }),
  refundstarpayment: (telegram, { values }) => {
    const charge = text(values, 'telegram_payment_charge_id');
    const paid = telegram.payments.find((payment) => payment['telegram_payment_charge_id'] === charge);
    if (paid === undefined) throw new TelegramError(400, 'Bad Request: CHARGE_ID_INVALID');
    if (paid['refunded'] === true) throw new TelegramError(400, 'Bad Request: CHARGE_ALREADY_REFUNDED');
    paid['refunded'] = true;
    const { currency, total_amount, invoice_payload } = paid;
    const chat = Number(values['user_id']);
    const message = telegram.add(chat, 'bot', {
      refunded_payment: { currency, total_amount, invoice_payload, telegram_payment_charge_id: charge },
    });
    telegram.push({ message: message.raw });
    return true;
  },
};
