import type { Redis } from 'ioredis';
import { Keys, shardOf } from '#runtime';
import { type Entry, isPayment, keyOf, type Payment } from './book.ts';

/** Reads the payments, which are kept for ever. They are written by the commit that changes the session. */
export class Ledger {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #shards: number;

  constructor(redis: Redis, options: { prefix: string; shards: number }) {
    this.#redis = redis;
    this.#keys = new Keys(options.prefix);
    this.#shards = options.shards;
  }

  /** Whether it has this payment or refund. */
  async has(payment: Pick<Payment, 'chat' | 'charge' | 'direction'>): Promise<boolean> {
    const key = this.#keys.ledger(shardOf(payment.chat, this.#shards));
    return (await this.#redis.hexists(key, keyOf(payment as Payment))) === 1;
  }

  /** A payment and its refund by the charge alone, whosever it is. */
  async find(charge: string): Promise<{ paid: Payment | null; refunded: Payment | null }> {
    const fields = (['in', 'out'] as const).map((direction) => keyOf({ charge, direction } as Payment));
    const rows = await Promise.all(
      Array.from({ length: this.#shards }, (_, shard) =>
        this.#redis.hmget(this.#keys.ledger(shard), ...fields),
      ),
    );
    const parsed = (index: number): Payment | null => {
      const text = rows.map((row) => row[index]).find((found) => typeof found === 'string');
      return typeof text === 'string' ? (JSON.parse(text) as Payment) : null;
    };
    return { paid: parsed(0), refunded: parsed(1) };
  }

  /** What a chat has paid and got back, oldest first. Looks at no other's payments. */
  async of(chat: number): Promise<Payment[]> {
    return (await this.book(chat)).filter(isPayment);
  }

  /** Everything that gave or took a chat's access, oldest first. */
  async book(chat: number): Promise<Entry[]> {
    const shard = shardOf(chat, this.#shards);
    const fields = await this.#redis.lrange(this.#keys.book(shard, chat), 0, '-1');
    if (fields.length === 0) return [];
    const rows = await this.#redis.hmget(this.#keys.ledger(shard), ...fields);
    return rows
      .flatMap((text) => (text === null || text === undefined ? [] : [JSON.parse(text) as Entry]))
      .sort(byTime);
  }

  /** All payments and refunds, oldest first. */
  async all(): Promise<Payment[]> {
    return (await this.entries()).filter(isPayment);
  }

  /** Every line of every book, oldest first. */
  async entries(): Promise<Entry[]> {
    const shards = Array.from({ length: this.#shards }, (_, shard) => this.#shard(shard));
    return (await Promise.all(shards)).flat().sort(byTime);
  }

  async #shard(shard: number): Promise<Entry[]> {
    const found: Entry[] = [];
    let cursor = '0';
    do {
      const [next, rows] = await this.#redis.hscan(this.#keys.ledger(shard), cursor, 'COUNT', 1000);
      for (let index = 1; index < rows.length; index += 2) {
        found.push(JSON.parse(rows[index] as string) as Entry);
      }
      cursor = next;
    } while (cursor !== '0');
    return found;
  }
}

const byTime = (a: Entry, b: Entry): number => a.at - b.at;
