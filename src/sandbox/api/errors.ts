/** What Telegram adds to some refusals, as the Bot API names it. */
export interface ErrorParameters {
  /** Seconds. */
  readonly retry_after?: number;
  /** The supergroup that a group has become. */
  readonly migrate_to_chat_id?: number;
}

/** An error as the Bot API answers it; the HTTP status is the same as `code`. */
export class TelegramError extends Error {
  readonly code: number;
  readonly parameters: ErrorParameters;
  constructor(code: number, description: string, parameters: ErrorParameters = {}) {
    super(description);
    this.name = 'TelegramError';
    this.code = code;
    this.parameters = parameters;
  }
}

/** What most refusals look like. */
export const badRequest = (reason: string) => new TelegramError(400, `Bad Request: ${reason}`);
