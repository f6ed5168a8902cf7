import type { Effect, EffectKind, EffectRule } from '#runtime';
import type { ArrivalRules } from './arrivals.ts';
import type { Feature } from './feature.ts';

/** What an invoked promise actor does, by its name; its value is the result. */
export type Actors = Readonly<Record<string, (effect: Effect) => Promise<unknown>>>;

type KindsByName<Parts> = Readonly<Record<string, EffectKind<Parts>>>;

/** Everything that the features of a bot perform, by name. */
export interface Kinds<Parts> {
  readonly effects: KindsByName<Parts>;
  readonly actors: KindsByName<Parts>;
  /** How effects wait, and who may cause them. */
  readonly rules: Readonly<Record<string, EffectRule>>;
  /** Whether an effect speaks to its chat. When one that does not cannot be delivered, the person still can be reached. */
  speaks(effect: Effect): boolean;
  /**
   * The effects that go out for one that a step asks for.
   * @param lonely hears of those that nobody gets, since there is no operator
   */
  address(
    operators: readonly number[],
    lonely: (effect: Effect) => void,
  ): (effect: Effect) => readonly Effect[];
  /** Does what effects ask for. @throws Error, from the function, for one that no feature performs */
  performWith(parts: Parts): (effect: Effect) => Promise<unknown>;
}

/** @param more actors besides those of the features; one of the same name goes before theirs */
export function joinKinds<Rules extends ArrivalRules, Parts>(
  features: readonly Feature<Rules, Parts>[],
  more: Actors = {},
): Kinds<Parts> {
  const effects: KindsByName<Parts> = Object.assign({}, ...features.map((feature) => feature.effects));
  const own = Object.entries(more).map(([name, perform]) => [name, { perform }] as const);
  const actors: KindsByName<Parts> = Object.assign(
    {},
    ...features.map((feature) => feature.actors),
    Object.fromEntries(own),
  );
  const kindOf = ({ type, invocation }: Effect): EffectKind<Parts> | undefined =>
    invocation === undefined ? effects[type] : actors[type];
  return {
    effects,
    actors,
    rules: { ...effects, ...actors },
    speaks: (effect) => kindOf(effect)?.speaks ?? effect.invocation === undefined,
    address: (operators, lonely) => (effect) => {
      const kind = kindOf(effect);
      if (kind?.to === undefined) return [effect];
      const sent = kind.to(effect, operators);
      if (sent.length === 0 && operators.length === 0 && kind.to(effect, [0]).length > 0) lonely(effect);
      return sent;
    },
    performWith: (parts) => async (effect) => {
      const kind = kindOf(effect);
      if (kind !== undefined) return kind.perform(effect, parts);
      const { type, invocation, machine } = effect;
      const [what, known] = invocation === undefined ? ['action', effects] : ['actor', actors];
      throw new Error(
        `Expected the ${what} "${type}" of machine "${machine}" to be one of ${Object.keys(known).join(', ')}`,
      );
    },
  };
}
