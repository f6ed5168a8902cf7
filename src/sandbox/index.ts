export type { SandboxClock, SharedClock } from './clock.ts';
export type { SandboxClub } from './clubs.ts';
export type { SandboxEvent } from './events.ts';
export type { Fault, Limits } from './faults.ts';
export type { SandboxMessage } from './message.ts';
export { type BotStatus, Page, type PageMachine } from './page/page.ts';
export type { EarlierPayment } from './payments.ts';
export { type ApiCall, type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';
export type { SandboxUser } from './users.ts';
