import type { Arrival } from '../core/arrival.ts';
import type { Inbox } from '../store.ts';
import type { Incoming } from '../stored.ts';
import type { Copy } from './copy.ts';

/** What has come in. */
export class MemoryInbox implements Inbox {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  appendUpdates = async (updates: readonly Incoming[]): Promise<number> => {
    const { memory } = this.#copy;
    let added = 0;
    for (const { id, chat, lane, kind, text } of updates) {
      const shard = memory.shard(memory.shardOf(chat ?? 0));
      if (memory.isSeen(shard, id)) continue;
      shard.seen.set(id, memory.now());
      memory.append(shard, kind ?? 'update', chat, text, lane === 'checkout' ? 'inbox:checkout' : 'inbox');
      added++;
    }
    return added;
  };

  appendFound = async (chat: number, text: string): Promise<void> => {
    const { memory } = this.#copy;
    memory.append(memory.shard(memory.shardOf(chat)), 'update', chat, text);
  };

  appendArrivals = async (arrivals: readonly Arrival[]): Promise<void> => {
    const { memory } = this.#copy;
    for (const arrival of arrivals) {
      const shard = memory.shard(memory.shardOf(arrival.chat));
      memory.append(shard, 'arrival', arrival.chat, JSON.stringify(arrival));
    }
    memory.announce([...new Set(arrivals.map(({ chat }) => memory.shardOf(chat)))]);
  };

  readInbox: Inbox['readInbox'] = async (shard, source, after, limit, until = '') => {
    const entries = [...this.#copy.memory.shard(shard).inboxes[source]];
    return entries
      .filter(([id]) => numberOf(id) > numberOf(after) && (until === '' || numberOf(id) <= numberOf(until)))
      .slice(0, limit)
      .map(([id, entry]) => ({ shard, source, id, due: 0, ...entry }));
  };

  chatsWaiting = async (shard: number): Promise<ReadonlySet<number> | null> => {
    const { inboxes } = this.#copy.memory.shard(shard);
    const chats = Object.values(inboxes).flatMap((inbox) => [...inbox.values()].map(({ chat }) => chat));
    return chats.includes(null) ? null : new Set(chats as number[]);
  };
}

const numberOf = (id: string): number => (id === '' ? 0 : Number(id.split('-')[0]));
