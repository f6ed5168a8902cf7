export type { Members, Notes, Table } from './books.ts';
export { type Clock, SystemClock } from './clock.ts';
export { copyName, isDeadCopy } from './copies.ts';
export { type Answer, type Arrival, type Book, isEntered, type Line } from './core/arrival.ts';
export { type BrokenMachine, brokenMachine } from './core/broken.ts';
export {
  type Chart,
  type ChartCall,
  type ChartState,
  type ChartTransition,
  readChart,
  type Trigger,
} from './core/chart.ts';
export type { MachineEvent, Signal } from './core/commit.ts';
export type { Effect, EffectKind, EffectRule, JsonObject, Lane } from './core/effects.ts';
export { outlivesForgetting } from './core/expiry.ts';
export {
  checkKnown,
  checkPrivileges,
  checkSignals,
  type DurableMachine,
  expiryTimer,
  hasState,
  MachineRefused,
  prepareMachine,
} from './core/machine.ts';
export { didYouMean } from './core/nearest.ts';
export { decodeSession, encodeSession, type Session, stateName } from './core/session.ts';
export { shardOf } from './core/shard.ts';
export { expire, step } from './core/step.ts';
export { timerNamesOf, waitsForNews } from './core/timers.ts';
export { keepMemoryLow } from './heap.ts';
export { byAge, DeadLetters, type StoredLetter } from './letters.ts';
export { Dispatcher } from './loops/dispatcher.ts';
export { type Arrive, type Job, jobOfTimer, type Task, taskOf } from './loops/jobs.ts';
export { Leases } from './loops/leases.ts';
export { News } from './loops/news.ts';
export { Rescan } from './loops/rescan.ts';
export { Retention } from './loops/retention.ts';
export { Timers } from './loops/timers.ts';
export { Worker } from './loops/worker.ts';
export type { At } from './points.ts';
export { checkRole, checkServer, connect, RedisUnfit, readInfo, run } from './redis/connect.ts';
export { entryField } from './redis/entries.ts';
export { bookSuffix, Keys, parseTimerMember, sessionSuffix, timerMember } from './redis/keys.ts';
export {
  called,
  type OpenStore,
  openRedis,
  reachRedis,
  StartCalledOff,
  type Waiting,
  watchConnection,
} from './redis/open.ts';
export {
  DataDirInUse,
  type EmbeddedRedis,
  findEmbeddedRedis,
  ServerFailed,
  startEmbeddedRedis,
} from './redis/server.ts';
export { checkBot, fixBot, fixShards, SettingDiffers } from './redis/settings.ts';
export { openRedisStore } from './redis/store.ts';
export { CommandRefused, ExitError, exitCodes, Misconfigured, StartRefused } from './refused.ts';
export { readStates } from './reports.ts';
export { type Intake, Runtime, type RuntimeOptions } from './runtime.ts';
export type { Store } from './store.ts';
export type { DueTimer, Entry, EntryKind, Incoming } from './stored.ts';
