import type { Effect } from '#runtime';
import { verdict } from '#telegram';
import { toOperators } from '../audience.ts';
import { mediaMessageOf } from '../render.ts';
import type { ClubContent } from '../settings.ts';
import type { Troubles } from './troubles.ts';

type Send = (effect: Effect) => Promise<unknown>;

interface Parts {
  readonly send: Send;
  readonly content: () => ClubContent;
  readonly troubles: Pick<Troubles, 'met' | 'over'>;
}

/**
 * Sends so that a refusal of Telegram, which no repetition mends, still leaves the person with something: an invoice that it does
 * not take is said not to be payable now, a picture goes as a file, and else the words alone. The operators hear of each kind
 * once, and of an operator who cannot be reached the others do.
 * @throws what the client throws for all else
 */
export function sendWithCare(parts: Parts): Send {
  return (effect) => {
    if (effect.to !== undefined && isForOperators(effect)) return toOperator(parts, effect, effect.to);
    if (effect.type === 'sendInvoice') return invoice(parts, effect);
    const message = mediaMessageOf(parts.content(), effect);
    return message === null ? parts.send(effect) : media(parts, effect, message);
  };
}

const isForOperators = ({ type }: Effect): boolean => toOperators.has(type) || type === 'copyMessage';

const judged = (error: unknown, { attempt = 0, faults = 0 }: Effect) =>
  verdict(error, attempt + 1, faults + 1);

/** Why it was refused for good; null when it may pass, or is no refusal. */
function refusalOf(error: unknown, effect: Effect): string | null {
  const { kind, ...found } = judged(error, effect);
  return kind === 'refused' && 'reason' in found ? found.reason : null;
}

async function toOperator({ send, troubles }: Parts, effect: Effect, operator: number): Promise<unknown> {
  try {
    const answer = await send(effect);
    await troubles.over(`operator:${operator}`);
    return answer;
  } catch (error) {
    const { kind, ...found } = judged(error, effect);
    if (kind === 'unreachable' && 'reason' in found) await troubles.met(`operator:${operator}`, found.reason);
    throw error;
  }
}

async function invoice({ send, troubles }: Parts, effect: Effect): Promise<unknown> {
  try {
    const answer = await send(effect);
    await troubles.over('invoice');
    return answer;
  } catch (error) {
    const refusal = refusalOf(error, effect);
    if (refusal === null) throw error;
    await troubles.met('invoice', refusal);
    return send({ ...effect, type: 'send', params: { message: 'invoice_failed' } });
  }
}

async function media({ send, troubles }: Parts, effect: Effect, message: string): Promise<unknown> {
  const kind = `media:${message}` as const;
  try {
    const answer = await send(effect);
    await troubles.over(kind);
    return answer;
  } catch (error) {
    const refusal = refusalOf(error, effect);
    if (refusal === null) throw error;
    await troubles.met(kind, `${message}: ${refusal}`);
  }
  const instead = (media: 'document' | 'none') => send({ ...effect, params: { ...effect.params, media } });
  try {
    return await instead('document');
  } catch (error) {
    if (refusalOf(error, effect) === null) throw error;
    return instead('none');
  }
}
