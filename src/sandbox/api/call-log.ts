import type { Json } from './json.ts';

/** One call of the bot with the right token, as it came in. */
export interface ApiCall {
  /** As the bot wrote it. */
  readonly method: string;
  /** Its parameters without uploads. */
  readonly payload: Json;
  /** ms since 1970. */
  readonly at: number;
}

const mostCalls = 10_000;
/** Bytes of parameters; parsed, they may take some ten times as much. */
const mostBytes = 8 * 1_024 * 1_024;

/** The newest calls of the bot, as many as memory should be spent on. */
export class CallLog {
  /** Newest last. */
  readonly calls: ApiCall[] = [];
  readonly #sizes: number[] = [];
  #size = 0;

  /** @param size bytes that the parameters came in */
  add(call: ApiCall, size: number): void {
    this.calls.push(call);
    this.#sizes.push(size);
    this.#size += size;
    if (this.calls.length > mostCalls) this.#forget(mostCalls / 10);
    if (this.#size <= mostBytes) return;
    let count = 0;
    for (let left = this.#size; left > mostBytes && count < this.calls.length - 1; count++)
      left -= this.#sizes[count] ?? 0;
    this.#forget(count);
  }

  #forget(count: number): void {
    this.calls.splice(0, count);
    for (const size of this.#sizes.splice(0, count)) this.#size -= size;
  }
}
