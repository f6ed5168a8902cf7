import type { Sandbox } from '../face.ts';
import type { SandboxClub } from '../people/clubs.ts';
import type { WireMachine, WireSession } from './wire.ts';

export interface PageMachine extends WireMachine {
  /** Its picture as SVG. */
  readonly picture: () => Promise<string>;
}

/** `failed`: it ended by itself, and `reason` says why. */
export interface BotStatus {
  readonly process: 'starting' | 'running' | 'failed';
  readonly reason?: string;
}

export interface PageOptions {
  readonly sandbox: Sandbox;
  /** Where the built page lies. */
  readonly folder: string;
  readonly machines: readonly PageMachine[];
  /** Ids of the bot's operators. */
  readonly operators?: readonly number[];
  /** The club that the bot sells access to. */
  readonly club?: SandboxClub;
  /** What is stored of a chat; rejects while the bot's Redis does not run. */
  readonly sessions: (chat: number) => Promise<readonly WireSession[]>;
  /** Moves the time of the bot and of the sandbox, ms. */
  readonly advance: (ms: number) => void;
  readonly restart: () => void;
  /**
   * Gives Telegram payments from before the bot, and takes from the bot everything that it has stored. Resolves with the
   * command that takes them over.
   */
  readonly makeHistory?: () => Promise<string>;
}
