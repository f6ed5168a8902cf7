/** The shard of a chat, from 0 to `shards` - 1; the same for ever, since all keys of a chat live there. */
export function shardOf(chat: number, shards: number): number {
  let hash = Math.trunc(Math.abs(chat) / 0x100000000) ^ (chat | 0);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}
