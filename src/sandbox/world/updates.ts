import { badRequest, TelegramError } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import { flag, integer, jsonOf, text } from '../api/values.ts';
import type { SandboxClock } from '../clock.ts';

interface Pending {
  readonly update: Json;
  /** ms since 1970; Telegram forgets it then. */
  readonly expires: number;
}

export interface UpdatesState {
  readonly next: number;
  readonly pending: readonly Pending[];
  readonly allowed: readonly string[] | null;
  readonly webhook: string;
}

const lifetime = 86_400_000;
/** Queries are forgotten sooner, ms. */
const queryLifetime = 150_000;
const queries = new Set(['callback_query', 'pre_checkout_query', 'shipping_query']);
/** Kinds that a bot gets only when it names them in `allowed_updates`. */
const unasked = new Set(['chat_member', 'message_reaction', 'message_reaction_count']);
/** Telegram sends at most this many updates at once. */
const mostUpdates = 100;
/** Seconds that Telegram keeps a poll open at most. */
const longestPoll = 50;

const idOf = (update: Json): number => Number(update['update_id']);

/** The updates that wait for the bot, as Telegram keeps them. */
export class UpdateQueue {
  readonly #clock: SandboxClock;
  /** By id, the lowest first. */
  #pending: Pending[] = [];
  #next: number;
  /** Nothing expires before this time, ms since 1970. */
  #firstExpiry = Infinity;
  /** null exactly when the bot has never said which kinds it wants. */
  #allowed: readonly string[] | null = null;
  #webhook = '';
  /** Ends the poll that waits, if one does. */
  #endPoll: ((conflict?: TelegramError) => void) | null = null;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
    // Telegram's ids are random after a silence; a later start must lie above an earlier one.
    this.#next = Math.floor(clock.now() / 1_000) % 1_000_000_000;
  }

  /** How many updates wait, without those whose time is over. */
  get length(): number {
    this.#forgetExpired();
    return this.#pending.length;
  }

  /** A poll waits for the next update. */
  get isPolled(): boolean {
    return this.#endPoll !== null;
  }

  /** Queues an update unless the bot did not ask for its kind. An `update_id` in it is kept. Returns the id. */
  push(content: Json): number {
    const { update_id: ownId, ...withoutId } = content;
    const id = typeof ownId === 'number' ? ownId : this.#next;
    const isNewest = id >= this.#next;
    this.#next = Math.max(this.#next, id + 1);
    const kind = Object.keys(withoutId)[0] ?? '';
    if (!this.#isWanted(kind)) return id;
    const expires = this.#clock.now() + (queries.has(kind) ? queryLifetime : lifetime);
    this.#firstExpiry = Math.min(this.#firstExpiry, expires);
    const after = isNewest ? -1 : this.#pending.findIndex(({ update }) => idOf(update) > id);
    const place = after === -1 ? this.#pending.length : after;
    this.#pending.splice(place, 0, { update: { update_id: id, ...withoutId }, expires });
    this.#endPoll?.();
    return id;
  }

  /**
   * getUpdates.
   * @param onGone is called with what ends the wait when the client goes away
   */
  async poll(values: Json, onGone: (end: () => void) => void): Promise<Json[]> {
    if (this.#webhook !== '') {
      throw new TelegramError(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      );
    }
    this.#endPoll?.(
      new TelegramError(
        409,
        'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
      ),
    );
    this.#allow(values);
    this.#forgetExpired();
    this.#confirm(integer(values, 'offset') ?? 0);
    const limit = Math.min(mostUpdates, Math.max(1, integer(values, 'limit') ?? mostUpdates));
    const timeout = Math.min(longestPoll, Math.max(0, integer(values, 'timeout') ?? 0));
    if (this.#pending.length === 0 && timeout > 0) await this.#wait(timeout * 1_000, onGone);
    return this.#pending.slice(0, limit).map(({ update }) => update);
  }

  setWebhook(values: Json): true {
    const url = text(values, 'url') ?? '';
    if (url !== '' && !url.startsWith('https://'))
      throw badRequest('bad webhook: An HTTPS URL must be provided for webhook');
    if (url !== '') this.#endPoll?.(new TelegramError(409, 'Conflict: terminated by setWebhook request'));
    this.#allow(values);
    this.#webhook = url;
    if (flag(values, 'drop_pending_updates')) this.#pending = [];
    return true;
  }

  webhookInfo(): Json {
    return {
      url: this.#webhook,
      has_custom_certificate: false,
      pending_update_count: this.length,
      ...(this.#webhook !== '' && { max_connections: 40 }),
      ...(this.#allowed !== null && this.#allowed.length > 0 && { allowed_updates: this.#allowed }),
    };
  }

  /** Ends the poll that waits, with nothing. */
  close(): void {
    this.#endPoll?.();
  }

  save(): UpdatesState {
    return { next: this.#next, pending: this.#pending, allowed: this.#allowed, webhook: this.#webhook };
  }

  restore(state: UpdatesState): void {
    this.#next = state.next;
    this.#pending = [...state.pending].sort((a, b) => idOf(a.update) - idOf(b.update));
    this.#firstExpiry = 0;
    this.#allowed = state.allowed;
    this.#webhook = state.webhook;
  }

  #isWanted(kind: string): boolean {
    if (this.#allowed === null || this.#allowed.length === 0) return !unasked.has(kind);
    return this.#allowed.includes(kind);
  }

  #allow(values: Json): void {
    const allowed = jsonOf(values, 'allowed_updates');
    if (Array.isArray(allowed)) this.#allowed = allowed.filter((kind) => typeof kind === 'string');
  }

  /** An offset that is beyond the tail by more than 10 is ignored: the bot's memory is of another queue. */
  #confirm(offset: number): void {
    if (offset < 0) this.#pending = this.#pending.slice(offset);
    if (offset <= 0 || offset > this.#next + 10) return;
    const first = this.#pending.findIndex(({ update }) => idOf(update) >= offset);
    this.#pending.splice(0, first === -1 ? this.#pending.length : first);
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    if (now < this.#firstExpiry) return;
    this.#pending = this.#pending.filter(({ expires }) => expires > now);
    this.#firstExpiry = this.#pending.reduce((first, { expires }) => Math.min(first, expires), Infinity);
  }

  /** Resolves with the first update, when the time is over or when the client is gone; rejects on a conflict. */
  #wait(ms: number, onGone: (end: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (conflict?: TelegramError) => {
        clearTimeout(late);
        if (this.#endPoll === end) this.#endPoll = null;
        if (conflict === undefined) resolve();
        else reject(conflict);
      };
      const late = setTimeout(end, ms);
      this.#endPoll = end;
      onGone(() => end());
    });
  }
}
