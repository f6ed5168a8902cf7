/** The points of the loops where a crash could hurt, in the order of an update's journey. */
export const crashPoints = [
  /** A batch has come; it is not stored. */
  'updates fetched',
  /** The batch is stored; the request that confirms it has not gone out. */
  'updates appended',
  /** A cause and its session are read; nothing is written. */
  'cause read',
  /** The step is written; its effects are not sent. */
  'step committed',
  /** A due timer is in hand; it still stands in its sorted set. */
  'timer claimed',
  /** An effect is in hand; it is not sent. */
  'effect taken',
  /** The outside took the effect; we have no note of it: the one place where a crash repeats a message. */
  'effect performed',
  'effect settled',
  /** A failed effect is put off; its next attempt waits. */
  'retry stored',
  /** A shard is this copy's; none of its entries is read. */
  'shard acquired',
  /** A shard is drained; another copy may take it. */
  'shard released',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** Called at every point, where given: a test stops or kills the process there. */
export type At = (point: CrashPoint) => void | Promise<void>;
