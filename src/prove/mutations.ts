import type { AnyStateMachine } from 'xstate';
import { type Entry, type FoundUpdate, isAct, isPaid, machines, type Payment } from '#club';
import { type DurableMachine, prepareMachine } from '#runtime';
import type { Start } from './search.ts';
import type { Program, World } from './world.ts';

/** A fault that is planted in the program. */
export interface Mutant {
  readonly name: string;
  readonly change: (program: Program) => Program;
  /** Why no sentence can find it. */
  readonly equivalent?: string;
  /** Where the search for it begins, when it shows in long stories alone. Default: at every start. */
  readonly lead?: Lead;
}

interface Lead {
  readonly start: Start;
  /** Ids of actions. */
  readonly before: readonly string[];
}

const day = 86_400_000;

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

const guards = (): Mutant[] =>
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

/** The fold reads another book than the one that is kept. */
const reading = (
  name: string,
  change: (book: readonly Entry[], now: number) => readonly Entry[],
): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    account: (book, given) => {
      const found = program.account(change(book, given.now), given);
      const { entry } = found;
      if (entry === undefined) return found;
      // The line that comes is read so as well.
      const { facts } = program.account(change([...book, entry], given.now), {
        event: given.event,
        now: given.now,
      });
      return { facts: { ...found.facts, access: facts['access'] }, entry };
    },
  }),
});

/** A line is kept otherwise than it came. */
const keeping = (
  name: string,
  change: (entry: Entry, now: number, book: readonly Entry[]) => Entry,
): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    account: (book, given) => {
      const found = program.account(book, given);
      if (found.entry === undefined) return found;
      const entry = change(found.entry, given.now, book);
      const { facts } = program.account([...book, entry], { event: given.event, now: given.now });
      return { facts: { ...found.facts, access: facts['access'] }, entry };
    },
  }),
});

/** What the events of a chat are told is changed. */
const telling = (
  name: string,
  change: (facts: Record<string, unknown>, book: readonly Entry[]) => object,
): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    account: (book, given) => {
      const found = program.account(book, given);
      return { ...found, facts: { ...found.facts, ...change(found.facts, book) } };
    },
  }),
});

const calling = (
  name: string,
  change: (
    method: string,
    payload: Readonly<Record<string, unknown>>,
    world: World,
  ) => Readonly<Record<string, unknown>> | null,
): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    call: (method, payload, world) => {
      const changed = change(method, payload, world);
      return changed === null ? true : program.call(method, changed, world);
    },
  }),
});

/** A signal between machines gets lost. */
const silencing = (name: string, machine: string, event: string): Mutant => ({
  name,
  change: (program) => ({
    ...program,
    drops: (signal) => signal.machine === machine && signal.event.type === event,
  }),
});

const isOut = (entry: Entry): entry is Payment => !isAct(entry) && entry.direction === 'out';
const without = (kind: string) => (book: readonly Entry[]) =>
  book.filter((entry) => !isAct(entry) || entry.kind !== kind);

const accessIn = (facts: Record<string, unknown>): Record<string, unknown> =>
  (facts['access'] ?? {}) as Record<string, unknown>;

const faults: readonly Mutant[] = [
  reading('a counter stands in place of the book: a refund takes the newest payment', (book) => {
    const paid = book.filter(isPaid).sort((a, b) => b.at - a.at);
    let count = 0;
    return book.map((entry) =>
      isOut(entry) ? { ...entry, charge: paid[count++]?.charge ?? entry.charge } : entry,
    );
  }),
  reading('a refund takes all that was paid', (book) => {
    const refund = book.findLast(isOut);
    return refund === undefined
      ? book
      : book.filter((entry) => isOut(entry) || !isPaid(entry) || entry.at > refund.at);
  }),
  reading('a refund takes nothing', (book) => book.filter((entry) => !isOut(entry))),
  reading('a refund counts from the payment that it takes back', (book) =>
    book.map((entry) => {
      const paid = isOut(entry) ? book.find((one) => isPaid(one) && one.charge === entry.charge) : undefined;
      return paid === undefined ? entry : { ...entry, at: paid.at };
    }),
  ),
  keeping('what was found counts from today', (entry, now) =>
    isPaid(entry) && entry.found === true ? { ...entry, at: now } : entry,
  ),
  keeping('a payment is entered under another key each time', (entry, now) =>
    isPaid(entry) ? { ...entry, charge: `${entry.charge}${now % 7}` } : entry,
  ),
  keeping('a payment counts twice as many days', (entry) =>
    isPaid(entry) && entry.bought !== undefined && 'days' in entry.bought
      ? { ...entry, bought: { days: entry.bought.days * 2 } }
      : entry,
  ),
  keeping('days that are taken back are given', (entry) =>
    isAct(entry) && (entry.days ?? 0) < 0 ? { ...entry, days: -(entry.days ?? 0) } : entry,
  ),
  keeping('a subscription gives a day less', (entry) =>
    isPaid(entry) && entry.bought !== undefined && 'until' in entry.bought
      ? { ...entry, bought: { ...entry.bought, until: entry.bought.until - day } }
      : entry,
  ),
  keeping('what was found goes back when it came twice', (entry, _, book) =>
    isPaid(entry) && entry.found === true && book.some((one) => isPaid(one) && one.payload === entry.payload)
      ? { ...entry, owed: true }
      : entry,
  ),
  keeping('every second payment goes back', (entry, _, book) =>
    isPaid(entry) && entry.foreign !== true && book.some(isPaid) ? { ...entry, owed: true } : entry,
  ),
  keeping('what another program sold is granted', (entry) => {
    if (!isPaid(entry) || entry.foreign !== true) return entry;
    const { foreign: _, ...rest } = entry;
    return { ...rest, bought: { forEver: true } };
  }),
  keeping('nothing that came twice goes back', (entry) => {
    if (!isPaid(entry) || entry.owed !== true) return entry;
    const { owed: _, ...rest } = entry;
    return rest;
  }),
  reading('a payment of the same invoice counts as well', (book) =>
    book.map((entry, index) =>
      isPaid(entry) && book.findIndex((one) => isPaid(one) && one.payload === entry.payload) < index
        ? { ...entry, payload: `${entry.payload}:${index}`, owed: undefined as never }
        : entry,
    ),
  ),
  reading('renewals of a subscription that is too many count', (book) =>
    book.map((entry) =>
      isPaid(entry) && entry.bought !== undefined && 'until' in entry.bought && entry.bought.first !== true
        ? { ...entry, payload: `other:1:0:${entry.charge}`, bought: { days: 30 }, owed: undefined as never }
        : entry,
    ),
  ),
  reading('a renewal is a subscription of its own', (book) =>
    book.map((entry) =>
      isPaid(entry) && entry.bought !== undefined && 'until' in entry.bought
        ? { ...entry, bought: { ...entry.bought, first: true } }
        : entry,
    ),
  ),
  reading('days beside a subscription are swallowed', (book) => {
    const month = book.find(
      (entry) => isPaid(entry) && entry.bought !== undefined && 'until' in entry.bought,
    );
    return month === undefined
      ? book
      : book.filter((entry) => !isPaid(entry) || entry.bought === undefined || !('days' in entry.bought));
  }),
  reading('time bought while there is some begins at once', (book) => {
    const last = book.findLast(
      (entry) => isPaid(entry) && entry.bought !== undefined && 'days' in entry.bought,
    );
    return last === undefined
      ? book
      : book.filter(
          (entry) =>
            !isPaid(entry) || entry === last || (entry.bought !== undefined && !('days' in entry.bought)),
        );
  }),
  reading('a revocation is forgotten', without('revoke')),
  reading('a grant gives nothing', without('grant')),
  reading('a shut door stays open', without('block')),
  reading('a door that was shut stays so', without('unblock')),
  reading('a payment that an operator counts gives nothing', without('count')),
  reading('a dropped refund stays a debt', without('keep')),
  reading('a refund that an operator asks for is no debt', without('owe')),
  reading('a subscription that was called off goes on in the book', (book) =>
    book.filter((entry) => !isAct(entry) || entry.kind !== 'subscription' || entry.state !== 'canceled'),
  ),
  reading('a subscription that is called off gives nothing more', (book, now) =>
    book.some((entry) => isAct(entry) && entry.kind === 'subscription' && entry.state === 'canceled')
      ? [...book, { kind: 'revoke', id: 'mutant', chat: 0, at: now }]
      : book,
  ),
  telling('access is over a day too early', (facts) => {
    const { until, ends, ...access } = accessIn(facts);
    return typeof until !== 'number'
      ? {}
      : {
          access: {
            ...access,
            until: until - day,
            ends: Number(ends) - day,
            has: Number(ends) - day > 0 && access['has'],
          },
        };
  }),
  telling('access for ever has an end', (facts) => {
    const access = accessIn(facts);
    return access['forEver'] === true ? { access: { ...access, forEver: undefined, until: 1, ends: 1 } } : {};
  }),
  telling('nothing is ever owed', (facts) => ({ access: { ...accessIn(facts), owed: undefined } })),
  telling('no subscription is ever called off', (facts) => ({
    access: { ...accessIn(facts), callOff: undefined },
  })),
  telling('a subscription is called off by its last charge', (facts, book) => {
    const { callOff, ...access } = accessIn(facts);
    const last = book.findLast(isPaid);
    return callOff === undefined || last === undefined
      ? {}
      : { access: { ...access, callOff: [last.charge] } };
  }),
  telling('every subscription is called off', (facts, book) => {
    const first = book.find(
      (entry) => isPaid(entry) && entry.bought !== undefined && 'until' in entry.bought,
    );
    return first === undefined
      ? {}
      : { access: { ...accessIn(facts), callOff: [(first as Payment).charge] } };
  }),
  telling('everything that was paid is owed', (facts, book) => ({
    access: { ...accessIn(facts), owed: book.filter(isPaid).map(({ charge }) => charge) },
  })),
  telling('a payment that shortens nothing is said to be nothing new', () => ({ change: 'same' })),
  telling('no payment is said to be too many', () => ({ extra: undefined, owed: undefined })),
  telling('an invoice is payable again and again', () => ({ isPaid: undefined })),
  calling('a link lets in whoever has it', (method, payload) =>
    method === 'createChatInviteLink' ? { ...payload, creates_join_request: false } : payload,
  ),
  calling('nobody is taken out of the club', (method, payload) =>
    method === 'banChatMember' ? null : payload,
  ),
  calling('who was taken out stays banned', (method, payload) =>
    method === 'unbanChatMember' ? null : payload,
  ),
  calling('refunds are noted, and not asked for', (method, payload) =>
    method === 'refundStarPayment' ? null : payload,
  ),
  calling('callings-off are noted, and not asked for', (method, payload) =>
    method === 'editUserStarSubscription' ? null : payload,
  ),
  calling('requests to join are not answered', (method, payload) =>
    method === 'approveChatJoinRequest' ? null : payload,
  ),
  {
    name: 'everybody who asks to join is let in',
    change: (program) => ({
      ...program,
      actor: (effect, world) => {
        if (effect.type !== 'declineJoin') return program.actor(effect, world);
        program.call('approveChatJoinRequest', { user_id: effect.chat }, world);
        return { output: null };
      },
    }),
  },
  {
    name: '/forget drops what is owed',
    change: (program) => ({
      ...program,
      forgotten: (world, chat) => {
        for (const place of [...world.sessions.keys()])
          if (place.endsWith(`|${chat}`)) world.sessions.delete(place);
        for (const id of [...world.timers.keys()])
          if (id.split('|')[1] === String(chat)) world.timers.delete(id);
      },
    }),
  },
  {
    name: '/forget drops the book',
    change: (program) => ({ ...program, forgotten: (world, chat) => void world.books.delete(chat) }),
  },
  {
    name: 'Telegram’s list is never read to its end',
    change: (program) => ({
      ...program,
      compare: async (call, ledger, from, now) => {
        const { differences, ...reading } = await program.compare(call, ledger, from, now);
        return { ...reading, differences: differences.slice(1) };
      },
    }),
  },
  {
    name: 'months that are found begin subscriptions of their own',
    change: (program) => ({
      ...program,
      route: (update, rules) => {
        const paid = update.message?.successful_payment;
        if ((update as FoundUpdate).found === true && paid?.is_recurring === true)
          (paid as { is_first_recurring?: true }).is_first_recurring = true;
        return program.route(update, rules);
      },
    }),
  },
  silencing('the club does not hear of changes', 'membership', 'access.changed'),
  silencing('debts are not heard of', 'refunds', 'debts.changed'),
  silencing('the end of access is not told', 'access', 'access.ended'),
];

export const mutants = (): readonly Mutant[] => [...faults, ...guards()];
