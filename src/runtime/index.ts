/**
 * Durable statecharts: conversations drawn as XState v5 machines, kept in a store instead of in memory. It knows no product
 * and no messenger; what comes in, what goes out, the store and the clock are handed in.
 *
 * The words:
 *
 * - **arrival**: what something that came in means: a chat, an event, a lane, and what is kept of it for ever
 * - **event**: what a machine receives
 * - **session**: one chat's stored snapshot of one machine
 * - **step**: the pure function (machine, session, event, now) → commit
 * - **commit**: what a step wants written, and the atomic write of it, which takes its cause away
 * - **cause**: what a step is made of: an inbox entry or a due timer
 * - **timer**: a delayed transition of a session, stored with its due time
 * - **effect**: what a machine asks the world to do (an action or an invoked actor), stored until it is settled
 * - **lane**: an effect's priority: checkout, reply, reminder, broadcast
 * - **queue**: effects that go out one after another, in order
 * - **shard**: a fixed slot of chats; each has one owner among the copies at a time
 * - **book**: lines of a chat that are kept for ever, once per key
 * - **signal**: an event from one machine of a chat to another
 * - **dead letter**: an arrival, timer or effect that was given up, kept with its error
 * - **news**: everything from outside that could make a deadline void
 * - **copy**: one process of a bot; several share the work of one store
 * @module
 */

// Run a bot's conversations over a store.

export { type Clock, SystemClock } from './clock.ts';
export type { Intake } from './intake.ts';
export type { At } from './points.ts';
export { Runtime, type RuntimeOptions } from './runtime.ts';
export type { Store } from './store.ts';

// What comes in and what goes out.

export type { Answer, Arrival, Book, Line } from './core/arrival.ts';
export type { MachineEvent } from './core/commit.ts';
export type { Effect, EffectKind, EffectRule, JsonObject, Lane } from './core/effects.ts';
export type { Arrive } from './loops/jobs.ts';
export type { Incoming } from './stored.ts';

// Machines: read, check, draw.

export { type BrokenMachine, brokenMachine } from './core/broken.ts';
export {
  type Chart,
  type ChartCall,
  type ChartState,
  type ChartTransition,
  readChart,
  type Trigger,
} from './core/chart.ts';
export {
  checkKnown,
  checkPrivileges,
  checkSignals,
  type DurableMachine,
  hasState,
  MachineRefused,
  prepareMachine,
} from './core/machine.ts';
export { didYouMean } from './core/nearest.ts';

// A store over Redis.

export { type OpenStore, openRedis, type Waiting } from './redis/open.ts';
export { startEmbeddedRedis } from './redis/server.ts';
export { openRedisStore } from './redis/store.ts';

// Errors that end a command, with an exit code after sysexits.h.

export { StartCalledOff } from './redis/open.ts';
export { CommandRefused, ExitError, exitCodes, Misconfigured, StartRefused } from './refused.ts';

// For the rooms that are built on it.

export type { Members, Notes, Table } from './books.ts';
export { copyName, isDeadCopy } from './copies.ts';
export type { Signal } from './core/commit.ts';
export { outlivesForgetting } from './core/expiry.ts';
export { expiryTimer } from './core/machine.ts';
export { decodeSession, encodeSession, type Session, stateName } from './core/session.ts';
export { shardOf } from './core/shard.ts';
export { timerNamesOf, waitsForNews } from './core/timers.ts';
export { keepMemoryLow } from './heap.ts';
export { byAge, DeadLetters, type StoredLetter } from './letters.ts';
export { type Job, jobOfTimer, taskOf } from './loops/jobs.ts';
export { lineOf, type Turn, type TurnRules, turnOf } from './loops/turn.ts';
export { checkRole, checkServer, connect, RedisUnfit, readInfo, run } from './redis/connect.ts';
export { entryField } from './redis/entries.ts';
export { bookSuffix, Keys, parseTimerMember, sessionSuffix, timerMember } from './redis/keys.ts';
export { called, reachRedis, watchConnection } from './redis/open.ts';
export { type EmbeddedRedis, findEmbeddedRedis } from './redis/server.ts';
export { DataDirInUse, ServerFailed } from './redis/server-errors.ts';
export { fixedSetting, fixSetting, fixShards, SettingDiffers } from './redis/settings.ts';
export { readStates } from './reports.ts';
export type { DueTimer, Entry, EntryKind, Loaded } from './stored.ts';
