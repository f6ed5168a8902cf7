import type { AnyStateMachine } from 'xstate';
import { accessMachine } from '#machines/access';
import { membershipMachine } from '#machines/membership';
import { refundsMachine } from '#machines/refunds';
import { supportMachine } from '#machines/support';
import type { Effect, EffectKind } from '#runtime';
import { gated } from '#telegram';
import { membership } from './membership/index.ts';
import type { ClubFeature, ClubParts } from './parts.ts';
import { payments } from './payments/index.ts';
import { privacy } from './privacy/index.ts';
import { support } from './support/index.ts';
import { sendWithCare } from './support/refusals.ts';
import { talk } from './talk.ts';

/** The conversations, by precedence. */
export const machines: readonly AnyStateMachine[] = [
  accessMachine,
  membershipMachine,
  supportMachine,
  refundsMachine,
];

/** What the club can do. An update is read by the first that knows it. */
export const features: readonly ClubFeature[] = [payments, membership, support, privacy, talk];

type Kinds<Parts> = Readonly<Record<string, EffectKind<Parts>>>;

/** Everything that machines may ask for, by name. */
export const effects: Kinds<ClubParts> = Object.assign({}, ...features.map((feature) => feature.effects));
export const actors: Kinds<ClubParts> = Object.assign({}, ...features.map((feature) => feature.actors));

/** How effects wait, and who may cause them. */
export const effectRules = { ...effects, ...actors };

const kindOf = ({ type, invocation }: Effect): EffectKind<ClubParts> | undefined =>
  invocation === undefined ? effects[type] : actors[type];

/** Whether an effect speaks to the person. When one that does not cannot be delivered, the person still can be reached. */
export const isMessage = (effect: Effect): boolean =>
  kindOf(effect)?.speaks ?? effect.invocation === undefined;

/**
 * The effects that go out for one that a step asks for.
 * @param lonely hears of those that nobody gets, since there is no operator
 */
export const createAddress =
  (operators: readonly number[], lonely: (effect: Effect) => void = () => {}) =>
  (effect: Effect): readonly Effect[] => {
    const kind = kindOf(effect);
    if (kind?.to === undefined) return [effect];
    const sent = kind.to(effect, operators);
    if (sent.length === 0 && operators.length === 0 && kind.to(effect, [0]).length > 0) lonely(effect);
    return sent;
  };

/**
 * Does what effects ask for.
 * @param more actors besides the club's own
 */
export function createPerformer(
  surroundings: Omit<ClubParts, 'callClub' | 'nameOf'>,
  more: Readonly<Record<string, (effect: Effect) => Promise<unknown>>> = {},
): (effect: Effect) => Promise<unknown> {
  const { call, now } = surroundings;
  const parts: ClubParts = {
    ...surroundings,
    send: sendWithCare(surroundings),
    callClub: gated(call, now),
    nameOf: async (chat) => {
      const found = await call('getChat', { chat_id: chat }).catch(() => ({}));
      return (found as { first_name?: string }).first_name;
    },
  };
  return async (effect: Effect): Promise<unknown> => {
    const { type, invocation, machine } = effect;
    const own = invocation === undefined ? undefined : more[type];
    if (own !== undefined) return own(effect);
    const kind = kindOf(effect);
    if (kind !== undefined) return kind.perform(effect, parts);
    const [what, known] = invocation === undefined ? ['action', effects] : ['actor', actors];
    throw new Error(
      `Expected the ${what} "${type}" of machine "${machine}" to be one of ${Object.keys(known).join(', ')}`,
    );
  };
}
