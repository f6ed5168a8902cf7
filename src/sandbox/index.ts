export type { Fault, Limits } from './api/faults.ts';
export type { SandboxClock, SharedClock } from './clock.ts';
export { type BotStatus, Page, type PageMachine } from './page/page.ts';
export type { SandboxClub } from './people/clubs.ts';
export type { SandboxUser } from './people/user.ts';
export { type ApiCall, type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';
export type { SandboxEvent } from './world/events.ts';
export type { SandboxMessage } from './world/message.ts';
export type { EarlierPayment } from './world/payments.ts';
