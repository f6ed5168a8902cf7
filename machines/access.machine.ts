import { assign, setup } from 'xstate';

/** What every event carries: the time, and today's offer as bot.yaml has it. */
interface Facts {
  at?: number;
  /** Of a timer that fires late: another one that was to fire after it is due as well. */
  newer?: true;
  /** There is a club to enter. */
  club?: true;
  /** Days of access that the offer sells; absent: for ever. */
  days?: number;
  /** The offer is a monthly subscription. */
  subscription?: true;
  /** Payments that came twice are not refunded by the bot. */
  keepsDuplicates?: true;
}

/** A payment or a refund. */
interface Paid extends Facts {
  charge: string;
  currency?: string;
  /** The payload of the invoice that was paid. */
  invoice?: string;
  /** End of the paid time as Telegram tells it, ms. */
  until?: number;
  /** Telegram has renewed a subscription. */
  renewal?: true;
}

/** Whether the offer is for a number of days, so that more of them can be bought. */
const sellsTime = (event: object) => {
  const { days = 0, subscription } = event as Facts;
  return days > 0 && subscription !== true;
};

/** Access for ever cannot be extended, and one invoice buys once. */
const canExtend = (
  { until, invoices = [] }: { until?: number | undefined; invoices?: string[] },
  event: Facts & { invoice?: string },
) => until !== undefined && sellsTime(event) && !invoices.includes(event.invoice ?? '');

/** A list without the first of these. */
const without = (list: readonly string[], one: string) => {
  const at = list.indexOf(one);
  return list.filter((_, index) => index !== at);
};

/** The payload of a link t.me/<bot>?start=<payload>, in the signs that Telegram allows there. */
const sourceOf = (payload: string | undefined) =>
  payload !== undefined && /^[\w-]{1,64}$/.test(payload) ? payload : undefined;

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
      /** Charges of the last of these payments. */
      charges?: string[];
      /** Payloads of the last invoices that were paid. */
      invoices?: string[];
      /** Charges that were paid twice, and not yet refunded. */
      extras?: string[];
      /** End of the paid time, ms since 1970, as the membership machine tells it; absent: for ever. */
      until?: number | undefined;
    },
    /** XState makes a trial context without input at each transition; throwing there costs a quarter of the step. */
    input: {} as { language: string } | undefined,
    events: {} as
      | ({ type: 'start.requested'; payload?: string } & Facts)
      | { type: 'help.requested' }
      | { type: 'status.requested' }
      | { type: 'terms.requested' }
      | { type: 'paysupport.requested' }
      | { type: 'language.requested' }
      | { type: 'language.selected'; value: string }
      | { type: 'access.requested' }
      | ({ type: 'invoice.requested' } & Facts)
      | ({ type: 'club.requested' } & Facts)
      | { type: 'mydata.requested' }
      | { type: 'forget.requested' }
      | { type: 'forget.confirmed' }
      | { type: 'topic.selected'; value: string }
      | { type: 'message.received'; kind: string }
      | ({ type: 'checkout.requested'; query: string; problem?: string; invoice?: string } & Facts)
      | ({ type: 'payment.received' } & Paid)
      | ({ type: 'payment.refunded' } & Paid)
      | { type: 'access.dated'; until?: number }
      | { type: 'access.ended'; payments?: number },
  },
  delays: {
    payment_reminder: 300_000,
    second_reminder: 86_400_000,
    offer_expiry: 259_200_000,
    topic_reminder: 3_600_000,
    second_topic_reminder: 90_000_000,
    follow_up: 86_400_000,
    idle_ttl: 3_600_000,
    blocked_ttl: 7_776_000_000,
  },
  guards: {
    offerIsCurrent: ({ event }) => event.type === 'checkout.requested' && event.problem === undefined,
    /** After a while without a bot, reminders that have become due one after another are not sent all at once. */
    isNewest: ({ event }) => (event as Facts).newer !== true,
    hasPaid: ({ context }) => (context.payments ?? 0) > 0,
    otherPaymentRemains: ({ context }) => (context.payments ?? 0) > 1,
    extraPaymentRemains: ({ context }) => (context.extras ?? []).length > 0,
    /** It paid for a time that is over. */
    isPastPayment: ({ context, event }) =>
      event.type === 'payment.refunded' &&
      (context.payments ?? 0) > 0 &&
      context.charges !== undefined &&
      !context.charges.includes(event.charge),
    /** More time for who has access: a subscription's next month, or days by an invoice that was not paid before. */
    isExtension: ({ context, event }) =>
      event.type === 'payment.received' &&
      (context.payments ?? 0) > 0 &&
      (event.renewal === true || canExtend(context, event)),
    isRefundable: ({ context, event }) =>
      event.type === 'payment.received' &&
      (context.payments ?? 0) > 0 &&
      event.currency === 'XTR' &&
      event.keepsDuplicates !== true,
    canExtend: ({ context, event }) =>
      event.type === 'checkout.requested' && event.problem === undefined && canExtend(context, event),
    isOutdatedRenewal: ({ event }) =>
      event.type === 'checkout.requested' && event.problem !== undefined && sellsTime(event),
    sellsTime: ({ event }) => sellsTime(event),
    sellsSubscription: ({ event }) => 'subscription' in event && event.subscription === true,
    hasClub: ({ event }) => 'club' in event && event.club === true,
    isFirstSource: ({ context, event }) =>
      event.type === 'start.requested' &&
      context.source === undefined &&
      sourceOf(event.payload) !== undefined,
    /** The end that was signalled is the end of all that was paid: no payment has come since. */
    nothingPaidSince: ({ context, event }) =>
      event.type === 'access.ended' && event.payments === context.payments,
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    sendInvoice: () => {},
    sendMaterial: () => {},
    approveCheckout: () => {},
    rejectCheckout: (_, _params: { reason: string }) => {},
    tellOperator: (_, _params: { message: string }) => {},
    /** Tells the operator of a payment or refund whose update never came. */
    tellFound: (_, _params: { message: string }) => {},
    /** Tells the operator who asks, with the person's payments and buttons to refund and to answer. */
    forwardQuestion: (_, _params: { message: string }) => {},
    sendData: () => {},
    signal: (_, _params: { machine: string; event: string; with?: string[] }) => {},
    count: (_, _params: { counter: string; by: string }) => {},
    forget: () => {},
    rememberSource: assign(({ event }) =>
      event.type === 'start.requested' ? { source: sourceOf(event.payload) ?? '' } : {},
    ),
    rememberLanguage: assign(({ event }) =>
      event.type === 'language.selected' ? { language: event.value } : {},
    ),
    rememberTopic: assign(({ event }) => (event.type === 'topic.selected' ? { topic: event.value } : {})),
    countPayment: assign(({ context, event }) =>
      event.type === 'payment.received'
        ? {
            payments: (context.payments ?? 0) + 1,
            charges: [...(context.charges ?? []), event.charge].slice(-24),
          }
        : {},
    ),
    countRefund: assign(({ context, event }) => ({
      payments: Math.max(0, (context.payments ?? 0) - 1),
      ...(event.type === 'payment.refunded' &&
        context.charges !== undefined && { charges: without(context.charges, event.charge) }),
    })),
    rememberInvoice: assign(({ context, event }) =>
      event.type === 'payment.received' && event.invoice !== undefined
        ? { invoices: [...(context.invoices ?? []), event.invoice].slice(-8) }
        : {},
    ),
    rememberExtra: assign(({ context, event }) =>
      event.type === 'payment.received' ? { extras: [...(context.extras ?? []), event.charge] } : {},
    ),
    // While there are payments too many, a refund takes one of them: this one, or the one that now counts in its place.
    forgetExtra: assign(({ context: { extras = [] }, event }) => ({
      extras:
        event.type === 'payment.refunded' && extras.includes(event.charge)
          ? without(extras, event.charge)
          : extras.slice(1),
    })),
    forgetPayments: assign(({ context }) => ({
      payments: 0,
      charges: [],
      until: undefined,
      invoices: context.invoices ?? [],
      extras: [],
    })),
    rememberEnd: assign(({ event }) => (event.type === 'access.dated' ? { until: event.until } : {})),
  },
}).createMachine({
  id: 'access',
  description: 'Sells access to the club: welcome, offer, payment, topic.',
  tags: [
    'ends after blocked_ttl while unreachable',
    'second_reminder waits for the news',
    'offer_expiry waits for the news',
  ],
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
      'club.requested',
      'mydata.requested',
      'forget.requested',
      'forget.confirmed',
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
        { type: 'forwardQuestion', params: { message: 'operator_paysupport' } },
      ],
    },
    'mydata.requested': {
      description: 'Everything stored about the person, as a file.',
      actions: 'sendData',
    },
    'forget.requested': { actions: { type: 'send', params: { message: 'forget_confirm' } } },
    'forget.confirmed': {
      target: '.idle',
      description: 'Sessions, timers and the chat are removed; the ledger keeps payments without a name.',
      actions: [
        { type: 'send', params: { message: 'forgotten' } },
        { type: 'signal', params: { machine: 'membership', event: 'access.revoked' } },
        'forget',
      ],
    },
    'language.requested': { actions: { type: 'send', params: { message: 'language' } } },
    'language.selected': {
      actions: [
        'rememberLanguage',
        { type: 'send', params: { message: 'language_changed' } },
        { type: 'signal', params: { machine: 'membership', event: 'language.selected' } },
      ],
    },
    'access.dated': {
      description: 'The membership machine tells the end of the paid time.',
      actions: 'rememberEnd',
    },
    'payment.received': [
      {
        guard: 'isExtension',
        description: 'More time for who has access.',
        actions: [
          'countPayment',
          'rememberInvoice',
          {
            type: 'signal',
            params: { machine: 'membership', event: 'access.granted', with: ['language', 'payments'] },
          },
          { type: 'tellFound', params: { message: 'operator_found_payment' } },
        ],
      },
      {
        guard: 'isRefundable',
        target: '.paid',
        description: 'Paid twice: recorded, refunded, and the operator is told.',
        actions: [
          'countPayment',
          'rememberExtra',
          { type: 'send', params: { message: 'paid_again_refunded' } },
          { type: 'tellOperator', params: { message: 'operator_paid_again_refunded' } },
          { type: 'signal', params: { machine: 'support', event: 'refund.owed' } },
        ],
      },
      {
        guard: 'hasPaid',
        target: '.paid',
        description: 'Paid twice: money was taken, so it is recorded and the operator is told.',
        actions: [
          'countPayment',
          'rememberExtra',
          { type: 'send', params: { message: 'paid_again' } },
          { type: 'tellOperator', params: { message: 'operator_paid_again' } },
        ],
      },
      {
        target: '.paid',
        description: 'Money was taken: access is granted whatever the state.',
        actions: [
          'countPayment',
          'rememberInvoice',
          { type: 'count', params: { counter: 'paid', by: 'source' } },
          { type: 'send', params: { message: 'payment_thanks' } },
          {
            type: 'signal',
            params: { machine: 'membership', event: 'access.granted', with: ['language', 'payments'] },
          },
          { type: 'tellFound', params: { message: 'operator_found_payment' } },
        ],
      },
    ],
    'payment.refunded': [
      {
        guard: 'isPastPayment',
        description: 'It paid for a time that is over: access of today stays.',
        actions: [
          { type: 'send', params: { message: 'refunded_past' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
        ],
      },
      {
        guard: 'extraPaymentRemains',
        description: 'One of two payments for the same went back; access stays as it is.',
        actions: [
          'countRefund',
          'forgetExtra',
          { type: 'send', params: { message: 'refunded_extra' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
        ],
      },
      {
        guard: 'otherPaymentRemains',
        description: 'One of several payments went back, and its days with it.',
        actions: [
          'countRefund',
          { type: 'send', params: { message: 'refunded_part' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
          {
            type: 'signal',
            params: { machine: 'membership', event: 'access.shortened', with: ['language', 'payments'] },
          },
        ],
      },
      {
        target: '.idle',
        description: 'The money went back, and access with it.',
        actions: [
          'countRefund',
          'forgetPayments',
          { type: 'send', params: { message: 'refunded' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.revoked' } },
        ],
      },
    ],
  },
  states: {
    idle: {
      description: 'Nobody has asked for access yet. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
      on: {
        'start.requested': [
          {
            guard: 'isFirstSource',
            description: 'The first link that brought the person is kept, and counted.',
            actions: [
              'rememberSource',
              { type: 'count', params: { counter: 'started', by: 'source' } },
              { type: 'send', params: { message: 'welcome' } },
            ],
          },
          { actions: { type: 'send', params: { message: 'welcome' } } },
        ],
        'status.requested': { actions: { type: 'send', params: { message: 'status_idle' } } },
        'club.requested': { actions: { type: 'send', params: { message: 'status_idle' } } },
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
          guard: 'isNewest',
          description: 'The video "3 traps".',
          actions: { type: 'send', params: { message: 'payment_reminder' } },
        },
        second_reminder: {
          guard: 'isNewest',
          actions: { type: 'send', params: { message: 'second_reminder' } },
        },
        offer_expiry: { target: 'idle', actions: { type: 'send', params: { message: 'offer_expired' } } },
      },
      on: {
        'start.requested': [
          {
            guard: 'isFirstSource',
            actions: [
              'rememberSource',
              { type: 'count', params: { counter: 'started', by: 'source' } },
              { type: 'send', params: { message: 'offer_again' } },
              'sendInvoice',
            ],
          },
          { actions: [{ type: 'send', params: { message: 'offer_again' } }, 'sendInvoice'] },
        ],
        'status.requested': { actions: { type: 'send', params: { message: 'status_awaiting_payment' } } },
        'club.requested': { actions: { type: 'send', params: { message: 'status_awaiting_payment' } } },
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
      tags: ['stays while unreachable'],
      entry: { type: 'send', params: { message: 'choose_topic' } },
      after: {
        topic_reminder: {
          guard: 'isNewest',
          actions: { type: 'send', params: { message: 'topic_reminder' } },
        },
        second_topic_reminder: {
          guard: 'isNewest',
          description: 'A day after the first reminder.',
          actions: { type: 'send', params: { message: 'second_topic_reminder' } },
        },
      },
      on: {
        'start.requested': { actions: { type: 'send', params: { message: 'choose_topic' } } },
        'status.requested': { actions: { type: 'send', params: { message: 'status_paid' } } },
        'club.requested': [
          {
            guard: 'hasClub',
            description: 'A new link to the club.',
            actions: {
              type: 'signal',
              params: { machine: 'membership', event: 'invite.requested', with: ['language', 'payments'] },
            },
          },
          { actions: { type: 'send', params: { message: 'status_paid' } } },
        ],
        'invoice.requested': [
          { guard: 'sellsTime', description: 'Renewal: more days.', actions: 'sendInvoice' },
          {
            guard: 'sellsSubscription',
            description: 'A subscription that was called off is taken up again in Telegram itself.',
            actions: { type: 'send', params: { message: 'subscription_resume' } },
          },
        ],
        'access.ended': {
          guard: 'nothingPaidSince',
          target: 'idle',
          description: 'The paid time is over.',
          actions: 'forgetPayments',
        },
        'message.received': { actions: { type: 'send', params: { message: 'paid_help' } } },
        'topic.selected': { target: 'topic_selected', actions: 'rememberTopic' },
        'checkout.requested': [
          { guard: 'canExtend', description: 'Renewal: more days.', actions: 'approveCheckout' },
          {
            guard: 'isOutdatedRenewal',
            actions: [{ type: 'rejectCheckout', params: { reason: 'offer_changed' } }, 'sendInvoice'],
          },
          { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
        ],
      },
    },
    topic_selected: {
      description: 'The material of the topic is delivered; another topic can be chosen.',
      tags: ['stays while unreachable'],
      entry: ['sendMaterial', { type: 'send', params: { message: 'another_topic' } }],
      after: {
        follow_up: { actions: { type: 'send', params: { message: 'follow_up' } } },
      },
      on: {
        'start.requested': { actions: { type: 'send', params: { message: 'choose_another_topic' } } },
        'status.requested': { actions: { type: 'send', params: { message: 'status_topic_selected' } } },
        'club.requested': [
          {
            guard: 'hasClub',
            description: 'A new link to the club.',
            actions: {
              type: 'signal',
              params: { machine: 'membership', event: 'invite.requested', with: ['language', 'payments'] },
            },
          },
          { actions: { type: 'send', params: { message: 'status_topic_selected' } } },
        ],
        'invoice.requested': [
          { guard: 'sellsTime', description: 'Renewal: more days.', actions: 'sendInvoice' },
          {
            guard: 'sellsSubscription',
            description: 'A subscription that was called off is taken up again in Telegram itself.',
            actions: { type: 'send', params: { message: 'subscription_resume' } },
          },
        ],
        'access.ended': {
          guard: 'nothingPaidSince',
          target: 'idle',
          description: 'The paid time is over.',
          actions: 'forgetPayments',
        },
        'message.received': { actions: { type: 'send', params: { message: 'topic_selected_help' } } },
        'topic.selected': {
          target: 'topic_selected',
          reenter: true,
          description: 'Another topic: its material, and the follow-up counts from now.',
          actions: 'rememberTopic',
        },
        'checkout.requested': [
          { guard: 'canExtend', description: 'Renewal: more days.', actions: 'approveCheckout' },
          {
            guard: 'isOutdatedRenewal',
            actions: [{ type: 'rejectCheckout', params: { reason: 'offer_changed' } }, 'sendInvoice'],
          },
          { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
        ],
      },
    },
  },
});
