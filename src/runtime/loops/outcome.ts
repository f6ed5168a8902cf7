import type { Effect } from '../core/effects.ts';
import type { StoredResult } from '../stored.ts';
/** What to do after a failed attempt. */
export type Outcome =
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string; readonly ours: boolean }
  | { readonly kind: 'pause'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'locked'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'settled'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly ours?: boolean };

/** The result of an actor. What JSON cannot hold is no result: its machine hears of an error. */
export function resultOf(
  effect: Effect,
  result: { output: unknown } | { error: unknown },
): StoredResult | null {
  if (effect.invocation === undefined) return null;
  const about = { machine: effect.machine, chat: effect.chat, invocation: effect.invocation };
  try {
    JSON.stringify(result);
    return { ...about, ...result };
  } catch (error) {
    return {
      ...about,
      error: { message: `The result is not JSON: ${error instanceof Error ? error.message : 'no reason'}` },
    };
  }
}

/** What is kept of an effect that was given up. */
export function letterOf(effect: Effect | undefined, reason: string, at: number, error: unknown) {
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    kind: 'effect' as const,
    error: reason,
    at,
    ...(effect !== undefined && { chat: effect.chat }),
    body: effect,
    ...(stack !== undefined && { stack }),
  };
}
