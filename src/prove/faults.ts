import { type Entry, type FoundUpdate, isAct, isPaid, type Payment } from '#club';
import { calling, keeping, type Mutant, reading, silencing, telling } from './mutant.ts';

const day = 86_400_000;

const isOut = (entry: Entry): entry is Payment => !isAct(entry) && entry.direction === 'out';
const without = (kind: string) => (book: readonly Entry[]) =>
  book.filter((entry) => !isAct(entry) || entry.kind !== kind);

const accessIn = (facts: Record<string, unknown>): Record<string, unknown> =>
  (facts['access'] ?? {}) as Record<string, unknown>;

/** Faults in the books, in what is told of them, in calls and between the machines. */
export const faults: readonly Mutant[] = [
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
      perform: async (effect, world) =>
        effect.type === 'declineJoin'
          ? program.call('approveChatJoinRequest', { user_id: effect.chat }, world)
          : program.perform(effect, world),
    }),
  },
  {
    name: '/forget drops what is owed',
    change: (program) => ({
      ...program,
      forgotten: (world, chat) => {
        for (const place of [...world.store.sessions.keys()])
          if (place.endsWith(`|${chat}`)) world.store.sessions.delete(place);
        for (const id of [...world.store.timers.keys()])
          if (id.split('|')[1] === String(chat)) world.store.timers.delete(id);
      },
    }),
  },
  {
    name: '/forget drops the book',
    change: (program) => ({ ...program, forgotten: (world, chat) => void world.store.books.delete(chat) }),
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
