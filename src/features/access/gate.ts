import { GrammyError } from 'grammy';
import type { Perform } from '../../telegram/api.ts';

/**
 * Keeps one method still for as long as Telegram asks: whoever it would be for, it is not called before the time, and nothing
 * else waits.
 * @param now ms since 1970
 * @throws Telegram's refusal, with the rest of the time
 */
export function gated(perform: Perform, method: string, now: () => number): Perform {
  let refusal: GrammyError | null = null;
  let until = 0;
  return async (called, payload, signal) => {
    if (called !== method) return perform(called, payload, signal);
    const left = until - now();
    if (refusal !== null && left > 0) throw withRest(refusal, left);
    try {
      return await perform(called, payload, signal);
    } catch (error) {
      if (error instanceof GrammyError && error.error_code === 429) {
        refusal = error;
        until = now() + (error.parameters.retry_after ?? 1) * 1_000;
      }
      throw error;
    }
  };
}

const withRest = ({ message, description, method, payload }: GrammyError, ms: number): GrammyError =>
  new GrammyError(
    message,
    {
      ok: false,
      error_code: 429,
      description,
      parameters: { retry_after: Math.ceil(ms / 1_000) },
    },
    method,
    payload,
  );
