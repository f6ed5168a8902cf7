import { GrammyError } from 'grammy';
import type { Perform } from './client.ts';

/** A method that Telegram asked to be left alone. */
interface Gate {
  /** Until then, ms since 1970. */
  readonly until: number;
  readonly refusal: GrammyError;
  /** The pause is over, and one call tries. */
  isTrying: boolean;
}

/** How soon those look again that wait for the one which tries, s. */
const again = 1;

/**
 * Lets a 429 hold back its own method alone, whoever calls it: until its time is over, each call of that method fails with
 * the same refusal and what is left of the time, without asking Telegram. Then one call tries, and the first that Telegram
 * takes opens the way for all.
 * @param now ms since 1970
 */
export function gated(perform: Perform, now: () => number): Perform {
  const gates = new Map<string, Gate>();
  return async (method, payload, signal) => {
    const gate = gates.get(method);
    if (gate !== undefined) {
      const left = gate.until - now();
      if (left > 0 || gate.isTrying) throw refusalOf(gate, Math.max(again, Math.ceil(left / 1_000)));
      gate.isTrying = true;
    }
    try {
      const answer = await perform(method, payload, signal);
      // One that went out before the pause began says nothing about its end.
      if (gate !== undefined && gates.get(method) === gate) gates.delete(method);
      return answer;
    } catch (error) {
      if (gate !== undefined) gate.isTrying = false;
      if (error instanceof GrammyError && error.error_code === 429) {
        const until = now() + (error.parameters.retry_after ?? again) * 1_000;
        const known = gates.get(method);
        if (known === undefined || until > known.until)
          gates.set(method, { until, refusal: error, isTrying: false });
      }
      throw error;
    }
  };
}

function refusalOf({ refusal }: Gate, seconds: number): GrammyError {
  const { message, method, payload, error_code } = refusal;
  const parameters = { ...refusal.parameters, retry_after: seconds };
  const description = `Too Many Requests: retry after ${seconds}`;
  return new GrammyError(message, { ok: false, error_code, description, parameters }, method, payload);
}
