import { onTestFinished } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/index.ts';

type Json = Record<string, unknown>;

/** What the Bot API answers. */
export interface Answer {
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error_code?: number;
  readonly description?: string;
  readonly parameters?: { readonly retry_after?: number };
}

/** A sandbox with a bot that is played by hand. */
export interface CallableSandbox extends Sandbox {
  /** Calls a method; its whole answer. */
  call(method: string, parameters?: Json): Promise<Answer>;
  /** Calls a method that must succeed; its result. */
  ask<Result = Json>(method: string, parameters?: Json): Promise<Result>;
  /** The updates that wait, confirmed. Without kinds, those that were last asked for. */
  take(kinds?: readonly string[]): Promise<Json[]>;
}

/** A sandbox that is closed with the test; that fails it when anything it said has no documented shape. */
export async function openSandbox(options: SandboxOptions = {}): Promise<CallableSandbox> {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  const call = async (method: string, parameters: Json = {}): Promise<Answer> => {
    const response = await fetch(`${sandbox.url}/bot${sandbox.token}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    });
    return (await response.json()) as Answer;
  };
  const ask = async <Result = Json>(method: string, parameters?: Json): Promise<Result> => {
    const answer = await call(method, parameters);
    if (!answer.ok) throw new Error(`${method}: ${answer.description}`);
    return answer.result as Result;
  };
  let offset = 0;
  const take = async (kinds?: readonly string[]) => {
    const updates = await ask<Json[]>('getUpdates', { offset, ...(kinds && { allowed_updates: kinds }) });
    offset = Math.max(offset, ...updates.map((update) => Number(update['update_id']) + 1));
    await ask('getUpdates', { offset, limit: 1 });
    return updates;
  };
  return Object.defineProperties(
    { call, ask, take } as CallableSandbox,
    Object.getOwnPropertyDescriptors(sandbox),
  );
}
