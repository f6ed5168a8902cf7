import type { Effect, JsonObject } from '#runtime';

/** The way to the operators for what no step asks for. */
export interface ToOperators {
  readonly operators: readonly number[];
  /** Puts a message into an operator's queue. */
  readonly post: (effect: Effect) => Promise<void>;
}

/**
 * Puts a message into the queue of each operator.
 * @param message.id told twice under one id, it comes twice: what was told is for the caller to remember
 * @param message.params with the name of the message, and what its text may say
 * @param message.about the person whom it is about. Default: the operator who gets it
 */
export async function tellOperators(
  { operators, post }: ToOperators,
  message: {
    readonly id: string;
    readonly params: JsonObject & { readonly message: string };
    readonly event?: JsonObject;
    readonly about?: number;
  },
): Promise<void> {
  const { id, params, event, about } = message;
  for (const to of operators)
    await post({
      id,
      type: 'tellOperator',
      params,
      machine: 'runtime',
      chat: about ?? to,
      to,
      lane: 'reply',
      queue: `${to}`,
      context: {},
      ...(event !== undefined && { event }),
    });
}
