import type { Effect, Lane } from '#runtime';
import type { Call } from './call.ts';
import type { Perform } from './client.ts';
import type { createMedia } from './media.ts';

/** Renders an effect and sends it by the client of its lane. Throws what the client throws. */
export function createSender(parts: {
  readonly render: () => (effect: Effect) => Call;
  readonly media: ReturnType<typeof createMedia>;
  readonly perform: (lane: Lane) => Perform;
}): (effect: Effect) => Promise<unknown> {
  return async (effect) => {
    const perform = parts.perform(effect.lane);
    let call: Call | undefined = parts.render()(effect);
    let answer: unknown;
    while (call !== undefined) {
      answer = await parts.media.send(call, perform);
      call = call.next?.(answer);
    }
    return answer;
  };
}
