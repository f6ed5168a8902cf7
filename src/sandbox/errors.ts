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

/** What most refusals look like. */
export const badRequest = (reason: string) => new TelegramError(400, `Bad Request: ${reason}`);
