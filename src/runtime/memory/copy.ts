import type { Role } from '../stored.ts';
import type { Memory } from './memory.ts';

/** What one copy of the bot knows of what it owns and holds. */
export class Copy {
  readonly memory: Memory;
  /** The epochs of what it owns. */
  readonly epochs = new Map<Role, number>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  owns(role: Role): boolean {
    return this.memory.isOwner(role, this.epochs.get(role));
  }
}
