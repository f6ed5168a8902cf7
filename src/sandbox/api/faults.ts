import type { SandboxClock } from '../clock.ts';
import { TelegramError } from './errors.ts';
import type { Json } from './json.ts';
import { methodName } from './shape.ts';
import { chatId } from './values.ts';

/** What a call meets instead of an answer. */
export type Fault =
  | { readonly status: number; readonly description: string; readonly retryAfter?: number }
  /** The answer comes this many ms later. */
  | { readonly delay: number }
  /** The connection breaks before the call is done. */
  | 'reset-before'
  /** The call is done, and its answer is lost. */
  | 'reset-after'
  | 'html-502'
  | 'hang';

/** Flood limits, in messages. Left out: none of that kind. */
export interface Limits {
  /** All chats together; Telegram takes about 30. */
  readonly perSecond?: number;
  /** One private chat; Telegram takes about 1, and short bursts. */
  readonly perChat?: { readonly perSecond: number; readonly burst?: number };
  /** One group; Telegram takes 20. */
  readonly perGroup?: { readonly perMinute: number };
}

/** The faults that were asked for and not met yet. */
export class Faults {
  readonly #waiting: { method: string; fault: Fault; times: number; chat: number | undefined }[] = [];

  add(method: string, fault: Fault, times: number, chat: number | undefined): void {
    this.#waiting.push({ method: (methodName(method) ?? method).toLowerCase(), fault, times, chat });
  }

  /** @param method in small letters */
  take(method: string, values: Json): Fault | undefined {
    if (this.#waiting.length === 0) return undefined;
    const item = this.#waiting.find(
      (item) =>
        (item.method === method || (item.method === '*' && method !== 'getupdates')) &&
        (item.chat === undefined || item.chat === chatId(values)),
    );
    if (item === undefined) return undefined;
    item.times--;
    if (item.times <= 0) this.#waiting.splice(this.#waiting.indexOf(item), 1);
    return item.fault;
  }
}

/** A bucket that fills at a rate and holds so many; each message takes one. */
interface Bucket {
  tokens: number;
  at: number;
}

const counted = /^(send(?!chataction)|copymessage|forwardmessage|editmessage)/;

/** Telegram's flood control. A refused message takes nothing from any bucket. */
export class FloodControl {
  readonly #clock: SandboxClock;
  readonly #buckets = new Map<string, Bucket>();
  #limits: Limits = {};

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  set(limits: Limits): void {
    this.#limits = limits;
    this.#buckets.clear();
  }

  /** @throws TelegramError 429 with the seconds to wait */
  admit(method: string, values: Json): void {
    const { perSecond, perChat, perGroup } = this.#limits;
    if (!counted.test(method)) return;
    const chat = chatId(values);
    const rules: [key: string, perSecond: number, burst: number][] = [];
    if (perSecond !== undefined) rules.push(['all', perSecond, perSecond]);
    if (perChat !== undefined && chat > 0)
      rules.push([`${chat}`, perChat.perSecond, perChat.burst ?? Math.max(1, perChat.perSecond)]);
    if (perGroup !== undefined && chat < 0)
      rules.push([`${chat}`, perGroup.perMinute / 60, perGroup.perMinute]);
    const buckets = rules.map(([key, rate, burst]) => ({ bucket: this.#bucket(key, rate, burst), rate }));
    const waits = buckets.map(({ bucket, rate }) => (1 - bucket.tokens) / rate);
    const longest = Math.max(0, ...waits);
    if (longest > 0) {
      const seconds = Math.ceil(longest);
      throw new TelegramError(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
    }
    for (const { bucket } of buckets) bucket.tokens--;
  }

  #bucket(key: string, rate: number, burst: number): Bucket {
    const now = this.#clock.now();
    const known = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, known.tokens + (Math.max(0, now - known.at) / 1_000) * rate);
    const bucket = { tokens, at: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
