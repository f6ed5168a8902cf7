import type { Store } from '../store.ts';
import { Copy } from './copy.ts';
import { MemoryInbox } from './inbox.ts';
import { MemoryBooks, MemoryLetters, MemoryNews, MemoryNotes, MemoryReports } from './kept.ts';
import type { Memory } from './memory.ts';
import { MemoryOutbox } from './outbox.ts';
import { MemorySessions } from './sessions.ts';
import { MemoryHints, MemoryServer, MemoryShards, MemoryTimers, MemoryTries } from './shards.ts';

/**
 * The store of one copy of the bot, over a memory that it shares with those of the others. Its guarantees are those of the
 * port, but that nothing outlives the process.
 */
export function openMemoryStore(memory: Memory): Store {
  const copy = new Copy(memory);
  return {
    shards: memory.shards.length,
    shardOf: (chat) => memory.shardOf(chat),
    ...new MemoryInbox(copy),
    ...new MemorySessions(copy),
    ...new MemoryTimers(copy),
    ...new MemoryOutbox(copy),
    ...new MemoryShards(copy),
    ...new MemoryHints(copy),
    ...new MemoryTries(copy),
    ...new MemoryLetters(copy),
    ...new MemoryBooks(copy),
    ...new MemoryReports(copy),
    ...new MemoryServer(),
    news: new MemoryNews(copy),
    notes: new MemoryNotes(copy),
  };
}
