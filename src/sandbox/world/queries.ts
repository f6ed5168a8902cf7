import { badRequest } from '../api/errors.ts';
import type { Json } from '../api/json.ts';
import type { SandboxClock } from '../clock.ts';

/** A button, a checkout or a request to join that waits for the bot's answer. */
interface Query {
  readonly user: number;
  /** ms since 1970. */
  readonly expires: number;
  readonly answered: (answer: Json) => void;
}

/** A pressed button can be answered for this long, ms. */
const callbackLifetime = 150_000;

/** What the bot was asked and has not answered yet. */
export class Queries {
  readonly #clock: SandboxClock;
  readonly #waiting = new Map<string, Query>();

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** Keeps a query until the bot answers it or its time (ms) is over. */
  ask(id: string, user: number, answered: (answer: Json) => void, lifetime = callbackLifetime): void {
    const now = this.#clock.now();
    for (const [old, { expires }] of this.#waiting) {
      if (expires > now) break;
      this.#waiting.delete(old);
    }
    this.#waiting.set(id, { user, expires: now + lifetime, answered });
  }

  /** Hands the bot's answer to whoever asked. @throws TelegramError when nobody asked, or too long ago */
  answer(id: string, values: Json): void {
    const query = this.#waiting.get(id);
    if (query === undefined || query.expires <= this.#clock.now())
      throw badRequest('query is too old and response timeout expired or query ID is invalid');
    this.#waiting.delete(id);
    query.answered(values);
  }
}
