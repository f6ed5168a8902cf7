import { assign, fromPromise, setup } from 'xstate';

/** What an attempt to refund came to. */
interface Refund {
  refunded: boolean;
}

/** The result that an invoked actor brought; its event's type is XState's own. */
const outputOf = (event: object): Refund | undefined => (event as { output?: Refund }).output;

export const supportMachine = setup({
  types: {
    context: {} as {
      /** Locale of every answer, for example `ru`. */
      language: string;
      /** Refunds to make, in order: a charge, or `<chat>.<digest of a charge>` as buttons carry it. */
      refunds?: string[];
      /** The chat that the next message answers. */
      answering?: string | undefined;
      /** How often in a row Telegram has not taken the first refund. */
      failures?: number;
    },
    input: {} as { language: string } | undefined,
    events: {} as
      | { type: 'refund.requested'; payload?: string }
      | { type: 'refund.confirmed'; value?: string }
      | { type: 'refund.owed'; charge: string }
      | { type: 'answer.requested'; value?: string }
      | { type: 'cancel.requested' }
      | { type: 'message.received'; kind: string; text?: string; isCut?: true },
  },
  actors: {
    refundPayment: fromPromise<Refund, { charge: string }>(async () => ({ refunded: false })),
  },
  delays: {
    refund_retry: 3_600_000,
    answer_expiry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    namesCharge: ({ event }) =>
      (event.type === 'refund.requested' && (event.payload ?? '').trim() !== '') ||
      (event.type === 'refund.confirmed' && (event.value ?? '') !== ''),
    /** The button names the chat that asked, and its language: `77:en`. */
    namesPerson: ({ event }) => event.type === 'answer.requested' && /^\d+:/.test(event.value ?? ''),
    isText: ({ event }) => event.type === 'message.received' && event.kind === 'text',
    isTooLong: ({ event }) => event.type === 'message.received' && event.isCut === true,
    wasRefunded: ({ event }) => outputOf(event)?.refunded === true,
    isFirstFailure: ({ context }) => (context.failures ?? 0) === 0,
    hasMoreRefunds: ({ context }) => (context.refunds ?? []).length > 0,
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    tellOperator: (_, _params: { message: string }) => {},
    /** Sends the event's text to the person who asked. */
    sendAnswer: (_, _params: { message: string }) => {},
    addRefund: assign(({ context, event }) => {
      const charge =
        event.type === 'refund.requested'
          ? event.payload?.trim()
          : event.type === 'refund.confirmed'
            ? event.value
            : event.type === 'refund.owed'
              ? event.charge
              : undefined;
      const refunds = context.refunds ?? [];
      return charge === undefined || refunds.includes(charge) ? {} : { refunds: [...refunds, charge] };
    }),
    dropRefund: assign(({ context }) => ({ refunds: (context.refunds ?? []).slice(1), failures: 0 })),
    rememberFailure: assign(({ context }) => ({ failures: (context.failures ?? 0) + 1 })),
    rememberQuestion: assign(({ event }) =>
      event.type === 'answer.requested' ? { answering: event.value } : {},
    ),
    forgetQuestion: assign({ answering: undefined }),
  },
}).createMachine({
  id: 'support',
  description: 'Refunds, and answers to questions about payment. Only operators talk to it.',
  tags: ['goes on while unreachable'],
  meta: {
    audience: 'operators',
    userEvents: [
      'refund.requested',
      'refund.confirmed',
      'answer.requested',
      'cancel.requested',
      'message.received',
    ],
  },
  context: ({ input }) => ({ language: input?.language ?? 'en' }),
  initial: 'ready',
  states: {
    ready: {
      description: 'Nothing to do. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
      always: { guard: 'hasMoreRefunds', target: 'refunding' },
      on: {
        'refund.requested': [
          {
            guard: 'namesCharge',
            target: 'refunding',
            description: '/refund <charge>',
            actions: 'addRefund',
          },
          { actions: { type: 'send', params: { message: 'refund_usage' } } },
        ],
        'refund.confirmed': {
          guard: 'namesCharge',
          target: 'refunding',
          description: 'The button.',
          actions: 'addRefund',
        },
        'refund.owed': {
          target: 'refunding',
          description: 'A payment came twice; this is the session of the person who paid.',
          actions: 'addRefund',
        },
        'answer.requested': [
          { guard: 'namesPerson', target: 'answering', actions: 'rememberQuestion' },
          {
            description: 'The command alone names nobody.',
            actions: { type: 'send', params: { message: 'answer_usage' } },
          },
        ],
      },
    },
    answering: {
      description: 'The next message of the operator goes to the person who asked.',
      entry: { type: 'send', params: { message: 'answer_prompt' } },
      after: { answer_expiry: { target: 'ready' } },
      on: {
        'message.received': [
          { guard: 'isTooLong', actions: { type: 'send', params: { message: 'answer_too_long' } } },
          {
            guard: 'isText',
            target: 'ready',
            actions: [
              { type: 'sendAnswer', params: { message: 'support_answer' } },
              { type: 'send', params: { message: 'answer_sent' } },
              'forgetQuestion',
            ],
          },
        ],
        'answer.requested': [
          { guard: 'namesPerson', target: 'answering', reenter: true, actions: 'rememberQuestion' },
          { actions: { type: 'send', params: { message: 'answer_usage' } } },
        ],
        'cancel.requested': {
          target: 'ready',
          actions: ['forgetQuestion', { type: 'send', params: { message: 'answer_cancelled' } }],
        },
        'refund.requested': [
          { guard: 'namesCharge', target: 'refunding', actions: 'addRefund' },
          { actions: { type: 'send', params: { message: 'refund_usage' } } },
        ],
        'refund.confirmed': { guard: 'namesCharge', target: 'refunding', actions: 'addRefund' },
        'refund.owed': { target: 'refunding', actions: 'addRefund' },
      },
    },
    refunding: {
      description: 'The first of the refunds is on its way.',
      invoke: {
        id: 'refund',
        src: 'refundPayment',
        input: ({ context }) => ({ charge: context.refunds?.[0] ?? '' }),
        onDone: [
          { guard: 'wasRefunded', target: 'ready', actions: ['dropRefund'] },
          {
            target: 'ready',
            description: 'Not in the ledger, or paid through a provider, whose own pages refund it.',
            actions: [
              { type: 'tellOperator', params: { message: 'operator_refund_impossible' } },
              'dropRefund',
            ],
          },
        ],
        onError: [
          {
            guard: 'isFirstFailure',
            target: 'waiting',
            actions: [
              'rememberFailure',
              { type: 'tellOperator', params: { message: 'operator_refund_failed' } },
            ],
          },
          { target: 'waiting', actions: 'rememberFailure' },
        ],
      },
      on: {
        'refund.requested': [
          { guard: 'namesCharge', actions: 'addRefund' },
          { actions: { type: 'send', params: { message: 'refund_usage' } } },
        ],
        'refund.confirmed': { guard: 'namesCharge', actions: 'addRefund' },
        'refund.owed': { actions: 'addRefund' },
      },
    },
    waiting: {
      description: 'Telegram did not take the refund: the operator knows, and it is tried again.',
      after: { refund_retry: { target: 'refunding' } },
      on: {
        'refund.requested': [
          { guard: 'namesCharge', target: 'refunding', actions: 'addRefund' },
          { actions: { type: 'send', params: { message: 'refund_usage' } } },
        ],
        'refund.confirmed': { guard: 'namesCharge', target: 'refunding', actions: 'addRefund' },
        'refund.owed': { actions: 'addRefund' },
        'cancel.requested': {
          target: 'ready',
          actions: ['dropRefund', { type: 'send', params: { message: 'refund_cancelled' } }],
        },
      },
    },
  },
});
