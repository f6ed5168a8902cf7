import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { PaymentsState } from './payments.ts';
import type { TelegramState } from './telegram.ts';
import type { World } from './world.ts';

interface SandboxState {
  readonly telegram: TelegramState;
  readonly payments: PaymentsState;
}

/** Changes that come together are written together, after this many ms. */
const writeDelay = 20;

/**
 * Restores what a file holds, and writes it again soon after a change.
 * @throws Error when the file holds something else
 */
export function keepState(file: string, { telegram, payments }: World) {
  if (existsSync(file)) {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Partial<SandboxState>;
    if (stored.telegram === undefined || stored.payments === undefined)
      throw new Error(
        `Expected the state of a sandbox in ${file}, found something else; remove it to start anew.`,
      );
    telegram.restore(stored.telegram);
    payments.restore(stored.payments);
  }
  let saving: NodeJS.Timeout | undefined;
  const saveNow = () => {
    clearTimeout(saving);
    saving = undefined;
    const stored: SandboxState = { telegram: telegram.save(), payments: payments.save() };
    writeFileSync(`${file}.new`, JSON.stringify(stored));
    renameSync(`${file}.new`, file);
  };
  return {
    saveNow,
    saveSoon: () => {
      saving ??= setTimeout(saveNow, writeDelay);
    },
  };
}
