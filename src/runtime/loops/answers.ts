import type { Answer, Arrival } from '../core/arrival.ts';
import type { Effect, JsonObject } from '../core/effects.ts';

/**
 * The effect that answers an arrival by itself.
 * @param notice added to its params
 */
export function answerOf(
  { chat }: Arrival,
  { id, type, params }: Answer,
  machine: string,
  context: JsonObject,
  notice: JsonObject = {},
): Effect {
  const queue = `${chat}?${id}`;
  return { id, type, params: { ...params, ...notice }, machine, chat, lane: 'reply', queue, context };
}
