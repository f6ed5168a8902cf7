import { assign, setup } from 'xstate';

export const accessMachine = setup({
  types: {
    context: {} as {
      /** Locale of every answer, for example `ru`. */
      language: string;
      /** Where the person came from: the payload of the first /start link. */
      source?: string;
      /** Id of the topic chosen last. */
      topic?: string;
      /** Payments received less payments refunded; access is theirs while it is above zero. */
      payments?: number;
    },
    /** XState makes a trial context without input at each transition; throwing there costs a quarter of the step. */
    input: {} as { language: string } | undefined,
    events: {} as
      | { type: 'start.requested'; payload?: string }
      | { type: 'help.requested' }
      | { type: 'status.requested' }
      | { type: 'terms.requested' }
      | { type: 'paysupport.requested' }
      | { type: 'language.requested' }
      | { type: 'language.selected'; value: string }
      | { type: 'access.requested' }
      | { type: 'invoice.requested' }
      | { type: 'topic.selected'; value: string }
      | { type: 'message.received'; kind: string }
      | { type: 'checkout.requested'; query: string; problem?: string }
      | { type: 'payment.received'; charge: string }
      | { type: 'payment.refunded'; charge: string },
  },
  delays: {
    payment_reminder: 300_000,
    second_reminder: 86_400_000,
    offer_expiry: 259_200_000,
    topic_reminder: 3_600_000,
    second_topic_reminder: 90_000_000,
    follow_up: 86_400_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    offerIsCurrent: ({ event }) => event.type === 'checkout.requested' && event.problem === undefined,
    hasPaid: ({ context }) => (context.payments ?? 0) > 0,
    otherPaymentRemains: ({ context }) => (context.payments ?? 0) > 1,
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    sendInvoice: () => {},
    sendMaterial: () => {},
    approveCheckout: () => {},
    rejectCheckout: (_, _params: { reason: string }) => {},
    tellOperator: (_, _params: { message: string }) => {},
    rememberSource: assign(({ context, event }) =>
      event.type === 'start.requested' && event.payload && context.source === undefined
        ? { source: event.payload.slice(0, 64) }
        : {},
    ),
    rememberLanguage: assign(({ event }) =>
      event.type === 'language.selected' ? { language: event.value } : {},
    ),
    rememberTopic: assign(({ event }) => (event.type === 'topic.selected' ? { topic: event.value } : {})),
    countPayment: assign(({ context }) => ({ payments: (context.payments ?? 0) + 1 })),
    countRefund: assign(({ context }) => ({ payments: Math.max(0, (context.payments ?? 0) - 1) })),
  },
}).createMachine({
  id: 'access',
  description: 'Sells access to the club: welcome, offer, payment, topic.',
  meta: {
    userEvents: [
      'start.requested',
      'help.requested',
      'status.requested',
      'terms.requested',
      'paysupport.requested',
      'language.requested',
      'language.selected',
      'access.requested',
      'invoice.requested',
      'topic.selected',
      'message.received',
    ],
  },
  context: ({ input }) => ({ language: input?.language ?? 'en' }),
  initial: 'idle',
  on: {
    'help.requested': { actions: { type: 'send', params: { message: 'help' } } },
    'terms.requested': { actions: { type: 'send', params: { message: 'terms' } } },
    'paysupport.requested': {
      description: 'The person hears that the operator was told; the operator hears who asks.',
      actions: [
        { type: 'send', params: { message: 'paysupport' } },
        { type: 'tellOperator', params: { message: 'operator_paysupport' } },
      ],
    },
    'language.requested': { actions: { type: 'send', params: { message: 'language' } } },
    'language.selected': {
      actions: ['rememberLanguage', { type: 'send', params: { message: 'language_changed' } }],
    },
    'payment.received': [
      {
        guard: 'hasPaid',
        target: '.paid',
        description: 'Paid twice: money was taken, so it is recorded and the operator is told.',
        actions: [
          'countPayment',
          { type: 'send', params: { message: 'paid_again' } },
          { type: 'tellOperator', params: { message: 'operator_paid_again' } },
        ],
      },
      {
        target: '.paid',
        description: 'Money was taken: access is granted whatever the state.',
        actions: ['countPayment', { type: 'send', params: { message: 'payment_thanks' } }],
      },
    ],
    'payment.refunded': [
      {
        guard: 'otherPaymentRemains',
        description: 'One of several payments went back; access stays.',
        actions: [
          'countRefund',
          { type: 'send', params: { message: 'refunded_extra' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
        ],
      },
      {
        target: '.idle',
        description: 'The money went back, and access with it.',
        actions: [
          'countRefund',
          { type: 'send', params: { message: 'refunded' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
        ],
      },
    ],
  },
  states: {
    idle: {
      description: 'Nobody has asked for access yet. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
      on: {
        'start.requested': { actions: ['rememberSource', { type: 'send', params: { message: 'welcome' } }] },
        'status.requested': { actions: { type: 'send', params: { message: 'status_idle' } } },
        'message.received': { actions: { type: 'send', params: { message: 'idle_help' } } },
        'access.requested': { target: 'awaiting_payment' },
        'checkout.requested': {
          description: 'An invoice of an offer that has ended.',
          actions: { type: 'rejectCheckout', params: { reason: 'offer_ended' } },
        },
      },
    },
    awaiting_payment: {
      description: 'The offer and its invoice are out; reminders follow until the offer expires.',
      entry: [{ type: 'send', params: { message: 'offer' } }, 'sendInvoice'],
      after: {
        payment_reminder: {
          description: 'The video "3 traps".',
          actions: { type: 'send', params: { message: 'payment_reminder' } },
        },
        second_reminder: { actions: { type: 'send', params: { message: 'second_reminder' } } },
        offer_expiry: { target: 'idle', actions: { type: 'send', params: { message: 'offer_expired' } } },
      },
      on: {
        'start.requested': {
          actions: ['rememberSource', { type: 'send', params: { message: 'offer_again' } }, 'sendInvoice'],
        },
        'status.requested': { actions: { type: 'send', params: { message: 'status_awaiting_payment' } } },
        'invoice.requested': { description: 'The pay button under a reminder.', actions: 'sendInvoice' },
        'message.received': {
          actions: [{ type: 'send', params: { message: 'awaiting_payment_help' } }, 'sendInvoice'],
        },
        'checkout.requested': [
          { guard: 'offerIsCurrent', actions: 'approveCheckout' },
          {
            description: 'Another product or an old price: said in words, and a fresh invoice is sent.',
            actions: [{ type: 'rejectCheckout', params: { reason: 'offer_changed' } }, 'sendInvoice'],
          },
        ],
      },
    },
    paid: {
      description: 'Access is theirs; the person is asked which topic to begin with.',
      entry: { type: 'send', params: { message: 'choose_topic' } },
      after: {
        topic_reminder: { actions: { type: 'send', params: { message: 'topic_reminder' } } },
        second_topic_reminder: {
          description: 'A day after the first reminder.',
          actions: { type: 'send', params: { message: 'second_topic_reminder' } },
        },
      },
      on: {
        'start.requested': { actions: { type: 'send', params: { message: 'choose_topic' } } },
        'status.requested': { actions: { type: 'send', params: { message: 'status_paid' } } },
        'message.received': { actions: { type: 'send', params: { message: 'paid_help' } } },
        'topic.selected': { target: 'topic_selected', actions: 'rememberTopic' },
        'checkout.requested': { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
      },
    },
    topic_selected: {
      description: 'The material of the topic is delivered; another topic can be chosen.',
      entry: ['sendMaterial', { type: 'send', params: { message: 'another_topic' } }],
      after: {
        follow_up: { actions: { type: 'send', params: { message: 'follow_up' } } },
      },
      on: {
        'start.requested': { actions: { type: 'send', params: { message: 'choose_another_topic' } } },
        'status.requested': { actions: { type: 'send', params: { message: 'status_topic_selected' } } },
        'message.received': { actions: { type: 'send', params: { message: 'topic_selected_help' } } },
        'topic.selected': {
          target: 'topic_selected',
          reenter: true,
          description: 'Another topic: its material, and the follow-up counts from now.',
          actions: 'rememberTopic',
        },
        'checkout.requested': { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
      },
    },
  },
});
