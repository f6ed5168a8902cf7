import { assign, fromPromise, setup } from 'xstate';

/** What the person's book says of debts: see src/club/payments/book.ts. */
interface Facts {
  at: number;
  access?: {
    /** Charges that must go back. */
    owed?: string[];
    /** First charges of subscriptions that must not go on. */
    callOff?: string[];
  };
  /** The person's language, where another machine tells it. */
  language?: string;
}

/** What an attempt came to. */
interface Settled {
  charge: string;
}

interface Context {
  /** Locale of every answer, for example `ru`. */
  language: string;
  /** Debts of this round that were not tried yet: `refund <charge>` or `off <charge>`. */
  open: string[];
  /** Those of this round that are paid. */
  done: string[];
  /** Those of this round that Telegram did not take. */
  failed: string[];
  /** Those of which the operator was told. */
  told: string[];
}

const debtsIn = (event: object): string[] => {
  const { owed = [], callOff = [] } = (event as Facts).access ?? {};
  return [...owed.map((charge) => `refund ${charge}`), ...callOff.map((charge) => `off ${charge}`)];
};

const untried = ({ open, done, failed }: Context, event: object): string[] =>
  debtsIn(event).filter((debt) => ![...open, ...done, ...failed].includes(debt));

const chargeOf = (debt: string | undefined): string => (debt ?? '').replace(/^\w+ /, '');

export const refundsMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string } | undefined,
    events: {} as
      | ({ type: 'debts.changed' } & Facts)
      | ({ type: 'debt.added' } & Facts)
      | ({ type: 'debt.dropped' } & Facts),
  },
  actors: {
    refundPayment: fromPromise<Settled, { charge: string }>(async () => ({ charge: '' })),
    callOff: fromPromise<Settled, { charge: string }>(async () => ({ charge: '' })),
  },
  delays: {
    refund_retry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    owes: ({ event }) => debtsIn(event).length > 0,
    isRefund: ({ context }) => context.open[0]?.startsWith('refund ') === true,
    /** What came to be owed while the round went on. */
    hasUntried: ({ context, event }) => untried(context, event).length > 0,
    hasOpen: ({ context }) => context.open.length > 0,
    hasFailed: ({ context }) => context.failed.length > 0,
    isNews: ({ context }) => !context.told.includes(context.open[0] ?? ''),
  },
  actions: {
    tellOperator: (_, _params: { message: string }) => {},
    /** Writes a line of the book. */
    record: (_, _params: { kind: string; with?: string[] }) => {},
    /** A round begins with everything that the book owes. */
    beginRound: assign(({ context, event }) => ({
      language: (event as Facts).language ?? context.language,
      open: debtsIn(event),
      done: [],
      failed: [],
      told: context.told.filter((debt) => debtsIn(event).includes(debt)),
    })),
    addUntried: assign(({ context, event }) => ({ open: [...context.open, ...untried(context, event)] })),
    endDebt: assign(({ context }) => ({
      open: context.open.slice(1),
      done: [...context.done, ...context.open.slice(0, 1)],
    })),
    keepDebt: assign(({ context }) => ({
      open: context.open.slice(1),
      failed: [...context.failed, ...context.open.slice(0, 1)],
      told: [...new Set([...context.told, ...context.open.slice(0, 1)])],
    })),
  },
}).createMachine({
  id: 'refunds',
  description: 'Pays a person what the book says is owed: refunds, and subscriptions that must not go on.',
  tags: ['goes on while unreachable'],
  meta: { audience: 'operators', userEvents: [] },
  context: ({ input }) => ({ language: input?.language ?? 'en', open: [], done: [], failed: [], told: [] }),
  initial: 'settled',
  states: {
    settled: {
      description: 'Nothing is owed. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
      on: {
        'debts.changed': { guard: 'owes', target: 'choosing', actions: 'beginRound' },
        'debt.added': { guard: 'owes', target: 'choosing', actions: 'beginRound' },
      },
    },
    choosing: {
      description: 'Each debt of the round once, in order; one that is not taken holds up no other.',
      tags: ['outlives forgetting'],
      always: [
        { guard: 'hasUntried', target: 'choosing', actions: 'addUntried' },
        { guard: 'isRefund', target: 'refunding' },
        { guard: 'hasOpen', target: 'calling_off' },
        { guard: 'hasFailed', target: 'waiting' },
        { target: 'settled' },
      ],
    },
    refunding: {
      description: 'A payment goes back.',
      tags: ['outlives forgetting'],
      invoke: {
        id: 'refund',
        src: 'refundPayment',
        input: ({ context }) => ({ charge: chargeOf(context.open[0]) }),
        onDone: {
          target: 'choosing',
          actions: [{ type: 'record', params: { kind: 'returned', with: ['charge'] } }, 'endDebt'],
        },
        onError: [
          {
            guard: 'isNews',
            target: 'choosing',
            actions: [{ type: 'tellOperator', params: { message: 'operator_refund_failed' } }, 'keepDebt'],
          },
          { target: 'choosing', actions: 'keepDebt' },
        ],
      },
    },
    calling_off: {
      description: 'A subscription is called off.',
      tags: ['outlives forgetting'],
      invoke: {
        id: 'calling_off',
        src: 'callOff',
        input: ({ context }) => ({ charge: chargeOf(context.open[0]) }),
        onDone: {
          target: 'choosing',
          actions: [{ type: 'record', params: { kind: 'off', with: ['charge'] } }, 'endDebt'],
        },
        onError: [
          {
            guard: 'isNews',
            target: 'choosing',
            actions: [{ type: 'tellOperator', params: { message: 'operator_call_off_failed' } }, 'keepDebt'],
          },
          { target: 'choosing', actions: 'keepDebt' },
        ],
      },
    },
    waiting: {
      description: 'Telegram did not take something: the operator knows, and it is tried again.',
      tags: ['outlives forgetting'],
      after: {
        refund_retry: [{ guard: 'owes', target: 'choosing', actions: 'beginRound' }, { target: 'settled' }],
      },
      on: {
        'debts.changed': [
          { guard: 'owes', target: 'choosing', actions: 'beginRound' },
          { target: 'settled' },
        ],
        'debt.added': { guard: 'owes', target: 'choosing', actions: 'beginRound' },
        'debt.dropped': [{ guard: 'owes', target: 'choosing', actions: 'beginRound' }, { target: 'settled' }],
      },
    },
  },
});
