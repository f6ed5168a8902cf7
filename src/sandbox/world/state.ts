import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { PaymentsState } from './payments.ts';
import type { TelegramState } from './telegram.ts';
import type { World } from './world.ts';

/** What outlives a process, but for files' bytes. */
interface SandboxState {
  readonly token: string;
  readonly telegram: TelegramState;
  readonly payments: PaymentsState;
}

/** Changes that come together are written together, after this many ms. */
const writeDelay = 20;
/** Whose state it is that names no token: every bot had this one. */
const tokenOfUnnamed = '42:sandbox-token-of-turnstile-000000000';

/**
 * What a file holds; undefined when there is none.
 * @throws Error when the file holds something else
 */
export function readState(file: string): SandboxState | undefined {
  if (!existsSync(file)) return undefined;
  const {
    token = tokenOfUnnamed,
    telegram,
    payments,
  } = JSON.parse(readFileSync(file, 'utf8')) as Partial<SandboxState>;
  if (telegram === undefined || payments === undefined)
    throw new Error(
      `Expected the state of a sandbox in ${file}, found something else; remove it to start anew.`,
    );
  return { token, telegram, payments };
}

/** Restores a state, and writes what there is into a file soon after each change. */
export function keepState(
  file: string,
  token: string,
  { telegram, payments }: World,
  before: SandboxState | undefined,
) {
  if (before !== undefined) {
    telegram.restore(before.telegram);
    payments.restore(before.payments);
  }
  let saving: NodeJS.Timeout | undefined;
  const saveNow = () => {
    clearTimeout(saving);
    saving = undefined;
    const state: SandboxState = { token, telegram: telegram.save(), payments: payments.save() };
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
  };
  return {
    saveNow,
    saveSoon: () => {
      saving ??= setTimeout(saveNow, writeDelay);
    },
  };
}
