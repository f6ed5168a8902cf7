// A local Telegram for any bot: an HTTP Bot API server with people, clubs, payments and faults.

export type { Sandbox, SandboxOptions } from './face.ts';
export { startSandbox } from './sandbox.ts';

// Who is there, what they say and pay.

export type { ClubOptions, SandboxClub } from './people/clubs.ts';
export type { UserOptions } from './people/people.ts';
export type { SandboxUser } from './people/user.ts';
export type { SandboxMessage } from './world/message.ts';
export type { EarlierPayment } from './world/payments.ts';

// Time and what happens in it; the bot's calls and what they meet.

export type { ApiCall } from './api/call-log.ts';
export type { Fault, Limits } from './api/faults.ts';
export type { SandboxClock, SharedClock } from './clock.ts';
export type { SandboxEvent } from './world/events.ts';

// The chat page over a sandbox.

export type { BotStatus, PageMachine } from './page/options.ts';
export { Page } from './page/page.ts';
