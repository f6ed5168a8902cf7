import { assign, setup } from 'xstate';

export const supportMachine = setup({
  types: {
    context: {} as {
      /** Locale of every answer, for example `ru`. */
      language: string;
      /** The chat that the next message answers, and its language: `77:en`. */
      answering?: string | undefined;
    },
    input: {} as { language: string } | undefined,
    events: {} as
      | { type: 'refund.requested'; payload?: string }
      | { type: 'refund.confirmed'; value?: string }
      | { type: 'answer.requested'; value?: string }
      | { type: 'cancel.requested'; payload?: string }
      | { type: 'message.received'; kind: string; text?: string; isCut?: true },
  },
  delays: {
    answer_expiry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    namesCharge: ({ event }) =>
      ((event.type === 'refund.requested' || event.type === 'cancel.requested') &&
        (event.payload ?? '').trim() !== '') ||
      (event.type === 'refund.confirmed' && (event.value ?? '') !== ''),
    /** The button names the chat that asked, and its language: `77:en`. */
    namesPerson: ({ event }) => event.type === 'answer.requested' && /^\d+:/.test(event.value ?? ''),
    isText: ({ event }) => event.type === 'message.received' && event.kind === 'text',
    isTooLong: ({ event }) => event.type === 'message.received' && event.isCut === true,
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    /** Looks the payment up and puts it among the debts of its person; says what became of it. */
    requestRefund: () => {},
    /** Takes it off the debts. */
    dropRefund: () => {},
    /** Sends the event's text to the person who asked. */
    sendAnswer: (_, _params: { message: string }) => {},
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
  on: {
    'refund.requested': [
      { guard: 'namesCharge', description: '/refund <charge>', actions: 'requestRefund' },
      { actions: { type: 'send', params: { message: 'refund_usage' } } },
    ],
    'refund.confirmed': { guard: 'namesCharge', description: 'The button.', actions: 'requestRefund' },
    'cancel.requested': [
      { guard: 'namesCharge', description: '/cancel <charge>', actions: 'dropRefund' },
      { actions: { type: 'send', params: { message: 'cancel_usage' } } },
    ],
    'answer.requested': [
      { guard: 'namesPerson', target: '.answering', actions: 'rememberQuestion' },
      {
        description: 'The command alone names nobody.',
        actions: { type: 'send', params: { message: 'answer_usage' } },
      },
    ],
  },
  states: {
    ready: {
      description: 'Nothing to do. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
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
        'cancel.requested': [
          { guard: 'namesCharge', actions: 'dropRefund' },
          {
            target: 'ready',
            actions: ['forgetQuestion', { type: 'send', params: { message: 'answer_cancelled' } }],
          },
        ],
      },
    },
  },
});
