import { Misconfigured } from '../refused.ts';
import { commitActions, type DurableMachine, MachineRefused } from './durable.ts';
import { didYouMean } from './nearest.ts';
import { isSignal } from './subset.ts';

/** @throws what is wrong with all of the machines at once: MachineRefused for one, Misconfigured with each one's lines for several */
function refuse(machines: readonly DurableMachine[], problems: (machine: DurableMachine) => string[]): void {
  const refused = machines.flatMap((machine) => {
    const found = [...new Set(problems(machine))];
    return found.length === 0 ? [] : [new MachineRefused(machine.id, found)];
  });
  const [first] = refused;
  if (first === undefined) return;
  if (refused.length === 1) throw first;
  throw new Misconfigured(refused.map(({ message }) => message).join('\n'));
}

/**
 * Checks that what only operators may cause is asked for by machines for operators alone. The list belongs to the effects:
 * a machine that loses the line which says for whom it is must not open them to everybody.
 * @param privileged names of actions and actors
 * @throws MachineRefused, Misconfigured
 */
export function checkPrivileges(machines: readonly DurableMachine[], privileged: ReadonlySet<string>): void {
  refuse(machines, ({ actions, invokes, forOperators }) => {
    if (forOperators) return [];
    const asked = [...actions.map(({ type }) => type), ...[...invokes.values()].map(({ src }) => src)];
    return asked
      .filter((type) => privileged.has(type))
      .map(
        (type) =>
          `"${type}" is for operators alone; expected meta.audience: 'operators' at the machine's root`,
      );
  });
}

/**
 * Checks that every signal of machines that run together goes to a machine and an event that are there.
 * @throws MachineRefused, Misconfigured
 */
export function checkSignals(machines: readonly DurableMachine[]): void {
  refuse(machines, ({ actions }) =>
    actions.flatMap((action) => {
      if (action.type !== commitActions.signal || !isSignal(action)) return [];
      const { machine: id, event } = action.params as { machine: string; event: string };
      const target = machines.find((machine) => machine.id === id);
      const where = `${action.where}: signal "${event}"`;
      if (target === undefined) {
        const ids = machines.map((machine) => machine.id);
        return [`${where}: no machine "${id}" is loaded.${didYouMean(id, ids)}`];
      }
      return target.events.has(event)
        ? []
        : [`${where}: no state of "${id}" handles it.${didYouMean(event, target.events)}`];
    }),
  );
}

/** Names of what is performed outside. A list that is absent is not checked. */
export interface Known {
  readonly effects?: Iterable<string>;
  readonly actors?: Iterable<string>;
}

/**
 * Checks that somebody performs every action and every invoked actor of machines that run together, and that no two of
 * them are stored under one id: what nobody performs would hold up its chat's queue and end as a dead letter.
 * @throws MachineRefused, Misconfigured
 */
export function checkKnown(machines: readonly DurableMachine[], known: Known): void {
  const [effects, actors] = [known.effects, known.actors].map((names) => names && new Set(names));
  const own = new Set<string>(Object.values(commitActions));
  refuse(machines, (machine) => {
    const { id, actions, invokes } = machine;
    const isTaken = machines.find((other) => other.id === id) !== machine;
    const twice = isTaken
      ? [`another machine has the id "${id}" already; give this one an id of its own`]
      : [];
    const missing = (kind: string, type: string, where: string, names: ReadonlySet<string> | undefined) =>
      names === undefined || names.has(type)
        ? []
        : [
            `${where}: nobody performs the ${kind} "${type}".${didYouMean(type, names)} Correct the name, or register what performs it`,
          ];
    return [
      ...twice,
      ...actions
        .filter(({ type }) => !own.has(type))
        .flatMap(({ type, where }) => missing('action', type, where, effects)),
      ...[...invokes.values()].flatMap(({ src, path }) =>
        missing('actor', src, `state "${path.join('.') || id}"`, actors),
      ),
    ];
  });
}
