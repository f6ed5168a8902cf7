import type { Arrival } from '../core/arrival.ts';
import type { Inbox } from '../store.ts';
import type { DeadLetter, Entry, EntryKind, Incoming } from '../stored.ts';
import { isPassing, run } from './connect.ts';
import { entryField, entryOf } from './entries.ts';
import { type Ground, sum } from './ground.ts';
import { seenBlock } from './keys.ts';

/** Inbox entries that are looked through for those of one chat: a longer inbox is worked off first. */
const mostWaiting = 1_000;

/** Update ids are remembered for 25 h: they are sent again for up to 24 h. */
const seenSeconds = 90_000;

/** What has come in, shard by shard: streams, and bitmaps of the ids that were seen. */
export class RedisInbox implements Inbox {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  appendUpdates = async (updates: readonly Incoming[]): Promise<number> => {
    const byShard = new Map<number, Incoming[]>();
    for (const update of updates) {
      const shard = this.#ground.shardOf(update.chat ?? 0);
      const group = byShard.get(shard);
      if (group === undefined) byShard.set(shard, [update]);
      else group.push(update);
    }
    return sum(await Promise.all([...byShard].map(([shard, group]) => this.#append(shard, group))));
  };

  async #append(shard: number, updates: readonly Incoming[]): Promise<number> {
    const { redis, keys: names } = this.#ground;
    const keys = [names.inbox(shard), names.checkoutInbox(shard)];
    const args: (string | number)[] = [seenSeconds];
    for (const { id, chat, lane, kind, text } of updates) {
      const seen = names.seen(shard, id);
      let index = keys.indexOf(seen);
      if (index === -1) index = keys.push(seen) - 1;
      const bit = ((id % seenBlock) + seenBlock) % seenBlock;
      args.push(lane === 'checkout' ? 2 : 1, index + 1, bit, entryField(kind ?? 'update', chat), text);
    }
    try {
      return Number(await run(redis, 'append', keys, args));
    } catch (error) {
      if (isPassing(error)) throw error;
      const [only, ...others] = updates;
      if (others.length === 0 && only !== undefined) return this.#refuse(shard, only, error as Error);
      let added = 0;
      for (const update of updates) added += await this.#append(shard, [update]);
      return added;
    }
  }

  async #refuse(shard: number, { chat, text }: Incoming, { message }: Error): Promise<number> {
    const { redis, keys } = this.#ground;
    const letter: DeadLetter = {
      kind: 'update',
      error: message,
      at: Date.now(),
      ...(chat !== null && { chat }),
      body: text,
    };
    await redis.xadd(keys.dead(shard), '*', 'd', JSON.stringify(letter));
    return 0;
  }

  appendFound = async (chat: number, text: string): Promise<void> => {
    await this.#appendEntry('update', chat, text);
  };

  appendArrivals = async (arrivals: readonly Arrival[]): Promise<void> => {
    await Promise.all(
      arrivals.map((arrival) => this.#appendEntry('arrival', arrival.chat, JSON.stringify(arrival))),
    );
    await this.#ground.announce([...new Set(arrivals.map(({ chat }) => this.#ground.shardOf(chat)))]);
  };

  #appendEntry(kind: EntryKind, chat: number, text: string): Promise<unknown> {
    const { redis, keys } = this.#ground;
    return redis.xadd(keys.inbox(this.#ground.shardOf(chat)), '*', entryField(kind, chat), text);
  }

  readInbox: Inbox['readInbox'] = async (shard, source, after, limit, until = '') => {
    const { redis, keys } = this.#ground;
    const key = source === 'inbox' ? keys.inbox(shard) : keys.checkoutInbox(shard);
    const from = after === '' ? '-' : `(${after}`;
    const rows = await redis.xrange(key, from, until === '' ? '+' : until, 'COUNT', limit);
    return rows.map((row) => entryOf(shard, source, row));
  };

  chatsWaiting = async (shard: number): Promise<ReadonlySet<number> | null> => {
    try {
      const entries: Entry[] = [];
      for (const source of ['inbox:checkout', 'inbox'] as const)
        entries.push(...(await this.readInbox(shard, source, '', mostWaiting + 1)));
      const chats = entries.map(({ chat }) => chat);
      const isClear = chats.length <= mostWaiting && !chats.includes(null);
      return isClear ? new Set(chats as number[]) : null;
    } catch (error) {
      if (isPassing(error)) throw error;
      // Timers that wait for nobody must not stand still for an inbox that is out of shape.
      return null;
    }
  };
}
