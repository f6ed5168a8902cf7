import type { AnyStateMachine } from 'xstate';
import { machines } from '#club';
import { type DurableMachine, prepareMachine } from '#runtime';
import type { Start } from './counterexample.ts';
import type { Lead, Mutant } from './mutant.ts';
import type { Program } from './world.ts';

/** Why a guard that answers always the same breaks no sentence; of one answer alone where that is said. */
const words = 'it decides which words are sent, and nothing of money or door';
const noClub = 'it matters only while there is no club';
const equivalentGuards: Readonly<Record<string, string>> = {
  'access.hasQuestion': words,
  'access.isAsking': words,
  'access.isMoreOfQuestion': words,
  'access.isFirstSource': words,
  'access.mayHelp': words,
  'access.mayRemind': words,
  'access.isNewest': words,
  'access.isQuiet': words,
  'access.isAwake': words,
  'access.isRefused': words,
  'access.isFound': words,
  'access.isForeign never': 'the book gives nothing for it; only the operator hears otherwise of it',
  'access.isForeignNews never': 'the book gives nothing for it; only the operator hears nothing of it',
  'access.isGained never': 'what the book says leads to the same state, without words',
  'access.isExtended always': 'what the book says leads to the same state, with other words',
  'access.isOwed never': 'what is owed is too many as well, and goes back by the same way',
  'access.isExtended never': 'the last way does the same, without words',
  'access.isLost always': 'what the book says leads back to the state that was left',
  'access.isShortened always': 'the state is left by what the book says',
  'access.isBlocked never': 'the checkout is refused all the same',
  'access.mayBuy always': 'the checkout is refused all the same',
  'access.renews never': 'whoever has called a subscription off may as well buy another one',
  'access.isOutdated': 'the checkout is refused either way; a fresh invoice comes when it is asked for',
  'access.mayInvoice always': 'one more invoice for the same, of which one can be paid',
  'access.isLeaving always': 'the sentences hold for whoever deletes everything, asked or not',
  'access.hasClub always': noClub,
  'membership.hasPeriod never': noClub,
  'membership.earlyReminderIsDue': words,
  'membership.lastReminderIsDue': words,
  'membership.isLonger': words,
  'membership.isShorter': words,
  'membership.paymentFailed never': words,
  'membership.paymentFailed always':
    'a subscription that was called off is waited for like others, for six hours',
  'membership.isFirstFailure always': words,
  'membership.mayAsk always': 'one more link, and the one before is revoked',
  'membership.mayHear': words,
  'membership.mayShowLink': words,
  'membership.isBarred never':
    'the operator knows from the first time, and a link comes when it is asked for',
  'membership.isInside never': words,
  'membership.isAdministrator': 'nobody in the story administers the club',
  'membership.mustGo always': 'no sentence protects a stranger',
  'membership.isStranger always': words,
  'membership.isFirstSilence': words,
  'membership.mustInvite always': 'a new link each time, and the one before is revoked',
  'refunds.owes always': 'a round without debts ends at once',
  'refunds.hasFailed always': 'a round that paid all ends an hour later',
  'refunds.isNews always': words,
};

const subscription: Start = { sale: 'subscription', keeps: false };
const leads: Readonly<Record<string, Lead>> = {
  'access.hasAccess never': { start: subscription, before: ['buy', 'pay'] },
  'refunds.hasUntried never': { start: subscription, before: ['buy', 'slow', 'pay-twice'] },
};

/** A machine with one of its guards answering always the same. */
function withGuard(source: AnyStateMachine, guard: string, answer: boolean): AnyStateMachine {
  return source.provide({ guards: { [guard]: () => answer } });
}

function replaced(
  program: Program,
  id: string,
  change: (source: AnyStateMachine) => AnyStateMachine,
): Program {
  const delays = program.running.days.content.delays;
  const input = { language: program.running.days.content.defaultLanguage };
  const loaded = program.machines.map((machine): DurableMachine => {
    const source = machines.find((one) => one.id === machine.id);
    return machine.id !== id || source === undefined
      ? machine
      : prepareMachine(change(source), delays, input);
  });
  return { ...program, machines: loaded };
}

/** Each guard of the machines, answering always the same. */
export const guards = (): Mutant[] =>
  machines
    .filter(({ id }) => id !== 'support')
    .flatMap((source) =>
      Object.keys(source.implementations.guards).flatMap((guard) =>
        [true, false].map((answer): Mutant => {
          const key = `${source.id}.${guard} ${answer ? 'always' : 'never'}`;
          const reason = equivalentGuards[`${source.id}.${guard}`] ?? equivalentGuards[key];
          const lead = leads[key];
          return {
            name: `${source.id}: the guard ${guard} is ${answer ? 'always' : 'never'} true`,
            change: (program) => replaced(program, source.id, (machine) => withGuard(machine, guard, answer)),
            ...(reason !== undefined && { equivalent: reason }),
            ...(lead !== undefined && { lead }),
          };
        }),
      ),
    );
