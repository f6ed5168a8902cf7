import { assign, setup } from 'xstate';

/** What the person's book says: see src/club/payments/book.ts. */
interface Access {
  has: boolean;
  forEver?: true;
  /** End of the time, ms. */
  until?: number;
  /** A subscription goes on by itself. */
  renews?: true;
  /** It was called off by its person, who can take it up again in Telegram. */
  resumable?: true;
  /** An operator has shut the door. */
  blocked?: true;
}

/** What every event carries: the time, today's offer as bot.yaml has it, and what the person's book says. */
interface Facts {
  at?: number;
  /** Of a timer that fires late: another one that was to fire after it is due as well. */
  newer?: true;
  /** The club to enter. */
  club?: number;
  /** Days of access that the offer sells; absent: for ever. */
  days?: number;
  /** The offer is a monthly subscription. */
  subscription?: true;
  /** Payments that came twice are not refunded by the bot. */
  keepsDuplicates?: true;
  /** Absent: they have no book, and so no access. */
  access?: Access;
}

/** A line of the book: a payment, a refund, or what an operator did. */
interface Booked extends Facts {
  /** What it does to access. */
  change?: 'gained' | 'extended' | 'shortened' | 'lost' | 'same';
  charge?: string;
  /** A payment that gives nothing, since what it buys was there already. */
  extra?: true;
  /** It goes back. */
  owed?: true;
  /** Something else was sold with this bot's token. */
  foreign?: true;
  /** Telegram's list told of it, not an update. */
  found?: true;
  /** What an operator asked for would come to nothing: why. */
  refused?: string;
}

/** What a person writes or sends. */
interface Said extends Facts {
  kind: string;
  /** Several pictures sent as one. */
  album?: string;
}

/** Something can be bought: time by who has no end, anything by who has nothing. */
const canBuy = ({ access }: Facts) =>
  access === undefined || (access.forEver !== true && access.renews !== true && access.blocked !== true);

/** Answers that nobody asked for come no more often than this, ms. */
const minute = 60_000;
const hour = 3_600_000;

/** The question that /paysupport alone has asked for, and the other pictures of an album that was a question. */
const isAnswerTo = (
  { asking, album }: { asking?: number | undefined; album?: string | undefined },
  event: { type: string } & Partial<Said>,
) =>
  event.type === 'message.received' &&
  (event.album !== undefined && event.album === album
    ? 'more'
    : asking !== undefined && (event.at ?? 0) - asking < hour && event.kind !== 'command' && 'question');

/** The payload of a link t.me/<bot>?start=<payload>, in the signs that Telegram allows there. */
const sourceOf = (payload: string | undefined) =>
  payload !== undefined && /^[\w-]{1,64}$/.test(payload) ? payload : undefined;

export const accessMachine = setup({
  types: {
    context: {} as {
      /** Locale of every answer, for example `ru`. */
      language: string;
      /** They chose that language themselves. */
      chosen?: true;
      /** Where the person came from: the payload of the first /start link. */
      source?: string;
      /** Id of the topic chosen last. */
      topic?: string;
      /** When help was last given that nobody asked for, ms. */
      helped?: number;
      /** When the last invoice was sent, ms. */
      invoiced?: number;
      /** When they began to ask something by /paysupport, ms. */
      asking?: number | undefined;
      /** The album whose first picture was a question: the others follow it. */
      album?: string | undefined;
      /** When they were asked whether to delete everything, ms. */
      leaving?: number | undefined;
      /** Access came without their doing: nothing is said before they say something. */
      quiet?: true | undefined;
    },
    /** XState makes a trial context without input at each transition; throwing there costs a quarter of the step. */
    input: {} as { language: string } | undefined,
    events: {} as
      | ({ type: 'start.requested'; payload?: string } & Facts)
      | ({ type: 'help.requested' } & Facts)
      | ({ type: 'status.requested' } & Facts)
      | ({ type: 'terms.requested' } & Facts)
      | ({ type: 'paysupport.requested'; payload?: string } & Said)
      | ({ type: 'language.requested' } & Facts)
      | ({ type: 'language.selected'; value: string } & Facts)
      | ({ type: 'access.requested' } & Facts)
      | ({ type: 'invoice.requested' } & Facts)
      | ({ type: 'club.requested' } & Facts)
      | ({ type: 'mydata.requested' } & Facts)
      | ({ type: 'forget.requested' } & Facts)
      | ({ type: 'forget.confirmed' } & Facts)
      | ({ type: 'topic.selected'; value: string } & Facts)
      | ({ type: 'message.received' } & Said)
      | ({ type: 'checkout.requested'; query: string; problem?: string; isPaid?: true } & Facts)
      | ({ type: 'payment.received' } & Booked)
      | ({ type: 'payment.refunded' } & Booked)
      | ({ type: 'access.granted' } & Booked)
      | ({ type: 'access.revoked' } & Booked)
      | ({ type: 'access.adopted' } & Booked)
      | ({ type: 'access.ended' } & Facts),
  },
  delays: {
    payment_reminder: 300_000,
    second_reminder: 86_400_000,
    offer_expiry: 259_200_000,
    topic_reminder: 3_600_000,
    second_topic_reminder: 90_000_000,
    follow_up: 86_400_000,
    idle_ttl: 3_600_000,
    memory_ttl: 7_776_000_000,
    blocked_ttl: 7_776_000_000,
  },
  guards: {
    isForeign: ({ event }) => 'foreign' in event && event.foreign === true,
    /** What is found in Telegram's list is no news. */
    isForeignNews: ({ event }) =>
      'foreign' in event && event.foreign === true && !('found' in event && event.found === true),
    isFound: ({ event }) => 'found' in event && event.found === true,
    isExtra: ({ event }) => 'extra' in event && event.extra === true,
    isOwed: ({ event }) => 'owed' in event && event.owed === true,
    isGained: ({ event }) => 'change' in event && event.change === 'gained',
    isExtended: ({ event }) => 'change' in event && event.change === 'extended',
    isShortened: ({ event }) => 'change' in event && event.change === 'shortened',
    isLost: ({ event }) => 'change' in event && event.change === 'lost',
    /** What the book says; a person without a book never stands where this is asked. */
    isOver: ({ event }) => 'access' in event && event.access?.has === false,
    hasAccess: ({ event }) =>
      'access' in event && event.access?.has === true && event.type !== 'forget.confirmed',
    isBlocked: ({ event }) => 'access' in event && event.access?.blocked === true,
    mayBuy: ({ event }) => canBuy(event as Facts),
    /** A subscription goes on by itself, or can be taken up again where one is sold. */
    renews: ({ event }) =>
      'access' in event &&
      (event.access?.renews === true || (event.access?.resumable === true && event.subscription === true)),
    /** The invoice is of today's offer, it was not paid before, and there is something to buy. */
    mayPay: ({ event }) =>
      event.type === 'checkout.requested' &&
      event.problem === undefined &&
      event.isPaid !== true &&
      canBuy(event),
    isOutdated: ({ event }) =>
      event.type === 'checkout.requested' && event.problem !== undefined && canBuy(event),
    /** After a while without a bot, reminders that have become due one after another are not sent all at once. */
    isNewest: ({ event }) => (event as Facts).newer !== true,
    hasClub: ({ event }) => 'club' in event && event.club !== undefined,
    isFirstSource: ({ context, event }) =>
      event.type === 'start.requested' &&
      context.source === undefined &&
      sourceOf(event.payload) !== undefined,
    /** They have not been helped within the last minute, and it is no question that an operator waits for. */
    mayHelp: ({ context, event }) =>
      (event.at ?? 0) - (context.helped ?? 0) >= minute && !isAnswerTo(context, event),
    mayInvoice: ({ context, event }) => (event.at ?? 0) - (context.invoiced ?? 0) >= minute,
    isAsking: ({ context, event }) => isAnswerTo(context, event) === 'question',
    isMoreOfQuestion: ({ context, event }) => isAnswerTo(context, event) === 'more',
    /** In words, or by what is sent with the command. */
    hasQuestion: ({ event }) =>
      event.type === 'paysupport.requested' && ((event.payload ?? '') !== '' || event.kind === 'other'),
    isRefused: ({ event }) => 'refused' in event && event.refused !== undefined,
    isLeaving: ({ context, event }) =>
      context.leaving !== undefined && (event.at ?? 0) - context.leaving < hour,
    isQuiet: ({ context }) => context.quiet === true,
    mayRemind: ({ context, event }) => context.quiet !== true && (event as Facts).newer !== true,
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
    /** Shows the operator what belongs to the question before. */
    forwardMore: () => {},
    sendData: () => {},
    signal: (_, _params: { machine: string; event: string; with?: string[] }) => {},
    count: (_, _params: { counter: string; by: string }) => {},
    /** Writes a line of the book. */
    record: (_, _params: { kind: string; by?: string; with?: string[] }) => {},
    forget: () => {},
    rememberSource: assign(({ event }) =>
      event.type === 'start.requested' ? { source: sourceOf(event.payload) ?? '' } : {},
    ),
    rememberLanguage: assign(({ event }) =>
      event.type === 'language.selected' ? { language: event.value, chosen: true as const } : {},
    ),
    rememberTopic: assign(({ event }) => (event.type === 'topic.selected' ? { topic: event.value } : {})),
    rememberHelp: assign(({ event }) => ({ helped: event.at ?? 0 })),
    rememberInvoice: assign(({ event }) => ({ invoiced: event.at ?? 0 })),
    rememberAsking: assign(({ event }) => ({ asking: event.at ?? 0 })),
    rememberQuestion: assign(({ event }) => ({
      asking: undefined,
      album: 'album' in event ? event.album : undefined,
    })),
    rememberLeaving: assign(({ event }) => ({ leaving: event.at ?? 0 })),
    keepQuiet: assign({ quiet: true as const }),
    wake: assign({ quiet: undefined }),
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
    'paysupport.requested': [
      {
        guard: 'hasQuestion',
        description: 'The person hears that the operator was told; the operator hears who asks.',
        actions: [
          'rememberQuestion',
          { type: 'send', params: { message: 'paysupport' } },
          { type: 'forwardQuestion', params: { message: 'operator_paysupport' } },
        ],
      },
      {
        description: 'The command alone: the next message is the question.',
        actions: ['rememberAsking', { type: 'send', params: { message: 'paysupport_prompt' } }],
      },
    ],
    'message.received': [
      {
        guard: 'isAsking',
        description: 'The question of /paysupport.',
        actions: [
          'rememberQuestion',
          { type: 'send', params: { message: 'paysupport' } },
          { type: 'forwardQuestion', params: { message: 'operator_paysupport' } },
        ],
      },
      {
        guard: 'isMoreOfQuestion',
        description: 'Another picture of the album that was the question.',
        actions: 'forwardMore',
      },
    ],
    'mydata.requested': {
      description: 'Everything stored about the person, as a file.',
      actions: 'sendData',
    },
    'forget.requested': {
      description: 'What is lost, and a button that works for an hour.',
      actions: ['rememberLeaving', { type: 'send', params: { message: 'forget_confirm' } }],
    },
    'forget.confirmed': {
      guard: 'isLeaving',
      target: '.idle',
      description:
        'Sessions, timers and the chat are removed; the book stays without a name, and debts are paid all the same.',
      actions: [
        { type: 'record', params: { kind: 'revoke', by: 'person' } },
        { type: 'send', params: { message: 'forgotten' } },
        { type: 'signal', params: { machine: 'membership', event: 'access.changed' } },
        { type: 'signal', params: { machine: 'refunds', event: 'debts.changed' } },
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
    'payment.received': [
      {
        guard: 'isForeignNews',
        description: 'Another program sold it with this token: noted, and left alone.',
        actions: { type: 'tellOperator', params: { message: 'operator_foreign_payment' } },
      },
      {
        guard: 'isOwed',
        description: 'Paid twice: it goes back, and the operator is told.',
        actions: [
          { type: 'send', params: { message: 'paid_again_refunded' } },
          { type: 'tellOperator', params: { message: 'operator_paid_again_refunded' } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        guard: 'isExtra',
        description: 'Paid twice: the operator decides whether it goes back or counts as time.',
        actions: [
          { type: 'send', params: { message: 'paid_again' } },
          { type: 'tellOperator', params: { message: 'operator_paid_again' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        guard: 'isExtended',
        description: 'More time for who has access.',
        actions: [
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
          { type: 'tellFound', params: { message: 'operator_found_payment' } },
        ],
      },
      {
        guard: 'isGained',
        target: '.paid',
        description: 'Money was taken: access is granted whatever the state.',
        actions: [
          'wake',
          { type: 'count', params: { counter: 'paid', by: 'source' } },
          { type: 'send', params: { message: 'payment_thanks' } },
          { type: 'send', params: { message: 'choose_topic' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'tellFound', params: { message: 'operator_found_payment' } },
        ],
      },
      {
        description:
          'It gives nothing today, since it went back or its time is over; it may have begun something.',
        actions: [
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
    ],
    'payment.refunded': [
      {
        guard: 'isForeign',
        description: 'Another program gave money back that it had taken with this token.',
      },
      {
        guard: 'isExtra',
        description: 'One of two payments for the same went back; access stays as it is.',
        actions: [
          { type: 'send', params: { message: 'refunded_extra' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        guard: 'isShortened',
        description: 'What was left of the time that it paid for goes.',
        actions: [
          { type: 'send', params: { message: 'refunded_part' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        guard: 'isLost',
        target: '.idle',
        description: 'The money went back, and access with it.',
        actions: [
          { type: 'send', params: { message: 'refunded' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        description: 'It paid for a time that is over, or gave nothing: access stays as it is.',
        actions: [
          { type: 'send', params: { message: 'refunded_past' } },
          { type: 'tellOperator', params: { message: 'operator_refunded' } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
    ],
    'access.granted': [
      {
        guard: 'isRefused',
        description: 'It would come to nothing: the operator hears why.',
        actions: { type: 'tellOperator', params: { message: 'operator_act_refused' } },
      },
      {
        guard: 'isGained',
        target: '.paid',
        description: 'By an operator.',
        actions: [
          'wake',
          { type: 'send', params: { message: 'access_given' } },
          { type: 'send', params: { message: 'choose_topic' } },
          { type: 'tellOperator', params: { message: 'operator_granted' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        description: 'More time, or a payment too many that counts as time.',
        actions: [
          { type: 'tellOperator', params: { message: 'operator_granted' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
    ],
    'access.revoked': [
      {
        guard: 'isRefused',
        description: 'It would come to nothing: the operator hears why.',
        actions: { type: 'tellOperator', params: { message: 'operator_act_refused' } },
      },
      {
        guard: 'isLost',
        target: '.idle',
        description: 'By an operator.',
        actions: [
          { type: 'send', params: { message: 'access_taken' } },
          { type: 'tellOperator', params: { message: 'operator_revoked' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        guard: 'isBlocked',
        target: '.idle',
        description: 'They had no access: an offer that is out ends.',
        actions: [
          { type: 'tellOperator', params: { message: 'operator_revoked' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
      {
        actions: [
          { type: 'tellOperator', params: { message: 'operator_revoked' } },
          { type: 'signal', params: { machine: 'membership', event: 'access.changed', with: ['language'] } },
          { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
        ],
      },
    ],
    'access.adopted': [
      {
        guard: 'isGained',
        target: '.paid',
        description: "Found in Telegram's history, or imported: nobody hears of it.",
        actions: [
          'keepQuiet',
          { type: 'signal', params: { machine: 'membership', event: 'access.adopted', with: ['language'] } },
        ],
      },
      {
        guard: 'isLost',
        target: '.idle',
        actions: {
          type: 'signal',
          params: { machine: 'membership', event: 'access.adopted', with: ['language'] },
        },
      },
      {
        actions: {
          type: 'signal',
          params: { machine: 'membership', event: 'access.adopted', with: ['language'] },
        },
      },
    ],
  },
  states: {
    idle: {
      description: 'Nobody has asked for access yet. An untouched session here expires after idle_ttl.',
      tags: [
        'expires after idle_ttl',
        'expires after memory_ttl with source',
        'expires after memory_ttl with chosen',
      ],
      always: { guard: 'hasAccess', target: 'paid', description: 'The book says so, whatever was missed.' },
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
        'message.received': {
          guard: 'mayHelp',
          actions: ['rememberHelp', { type: 'send', params: { message: 'idle_help' } }],
        },
        'access.requested': [
          { guard: 'isBlocked', actions: { type: 'send', params: { message: 'access_refused' } } },
          { target: 'awaiting_payment' },
        ],
        'invoice.requested': [
          { guard: 'isBlocked', actions: { type: 'send', params: { message: 'access_refused' } } },
          { target: 'awaiting_payment', description: 'The button of an offer that has ended.' },
        ],
        'checkout.requested': [
          {
            guard: 'isBlocked',
            actions: { type: 'rejectCheckout', params: { reason: 'checkout_refused' } },
          },
          {
            guard: 'mayPay',
            description: 'The offer has ended, and its product and price are still those of today.',
            actions: 'approveCheckout',
          },
          {
            description: 'An invoice of an offer that has ended.',
            actions: { type: 'rejectCheckout', params: { reason: 'offer_ended' } },
          },
        ],
      },
    },
    awaiting_payment: {
      description: 'The offer and its invoice are out; reminders follow until the offer expires.',
      entry: [{ type: 'send', params: { message: 'offer' } }, 'sendInvoice', 'rememberInvoice'],
      always: { guard: 'hasAccess', target: 'paid', description: 'The book says so, whatever was missed.' },
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
              'rememberInvoice',
              { type: 'count', params: { counter: 'started', by: 'source' } },
              { type: 'send', params: { message: 'offer_again' } },
              'sendInvoice',
            ],
          },
          {
            guard: 'mayInvoice',
            actions: ['rememberInvoice', { type: 'send', params: { message: 'offer_again' } }, 'sendInvoice'],
          },
          {
            description: 'The invoice stands right above.',
            actions: { type: 'send', params: { message: 'status_awaiting_payment' } },
          },
        ],
        'status.requested': { actions: { type: 'send', params: { message: 'status_awaiting_payment' } } },
        'club.requested': { actions: { type: 'send', params: { message: 'status_awaiting_payment' } } },
        'access.requested': [
          {
            guard: 'mayInvoice',
            description: 'The offer once more.',
            actions: ['rememberInvoice', { type: 'send', params: { message: 'offer_again' } }, 'sendInvoice'],
          },
          {
            guard: 'mayHelp',
            actions: ['rememberHelp', { type: 'send', params: { message: 'status_awaiting_payment' } }],
          },
        ],
        'invoice.requested': [
          {
            guard: 'mayInvoice',
            description: 'The pay button under a reminder.',
            actions: ['rememberInvoice', 'sendInvoice'],
          },
          {
            guard: 'mayHelp',
            actions: ['rememberHelp', { type: 'send', params: { message: 'status_awaiting_payment' } }],
          },
        ],
        'message.received': {
          guard: 'mayHelp',
          actions: ['rememberHelp', { type: 'send', params: { message: 'awaiting_payment_help' } }],
        },
        'checkout.requested': [
          { guard: 'mayPay', actions: 'approveCheckout' },
          {
            guard: 'isOutdated',
            description: 'Another product or an old price: said in words, and a fresh invoice is sent.',
            actions: [
              { type: 'rejectCheckout', params: { reason: 'offer_changed' } },
              'rememberInvoice',
              'sendInvoice',
            ],
          },
          { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
        ],
      },
    },
    paid: {
      description: 'Access is theirs; the person is asked which topic to begin with.',
      tags: ['stays while unreachable'],
      always: { guard: 'isOver', target: 'idle', description: 'The book says so, whatever was missed.' },
      after: {
        topic_reminder: {
          guard: 'mayRemind',
          actions: { type: 'send', params: { message: 'topic_reminder' } },
        },
        second_topic_reminder: {
          guard: 'mayRemind',
          description: 'A day after the first reminder.',
          actions: { type: 'send', params: { message: 'second_topic_reminder' } },
        },
      },
      on: {
        'start.requested': { actions: ['wake', { type: 'send', params: { message: 'choose_topic' } }] },
        'status.requested': { actions: ['wake', { type: 'send', params: { message: 'status_paid' } }] },
        'club.requested': [
          {
            guard: 'hasClub',
            description: 'A link to the club.',
            actions: {
              type: 'signal',
              params: { machine: 'membership', event: 'invite.requested', with: ['language'] },
            },
          },
          { actions: { type: 'send', params: { message: 'status_paid' } } },
        ],
        'access.requested': [
          { guard: 'isQuiet', actions: ['wake', { type: 'send', params: { message: 'choose_topic' } }] },
          {
            description: 'They have access already.',
            actions: { type: 'send', params: { message: 'status_paid' } },
          },
        ],
        'invoice.requested': [
          {
            guard: 'renews',
            description: 'A subscription goes on by itself, or is taken up again in Telegram.',
            actions: { type: 'send', params: { message: 'subscription_resume' } },
          },
          {
            guard: 'mayBuy',
            description: 'Renewal: more time.',
            actions: ['rememberInvoice', 'sendInvoice'],
          },
          { actions: { type: 'send', params: { message: 'status_paid' } } },
        ],
        'access.ended': { guard: 'isOver', target: 'idle', description: 'The time is over.' },
        'message.received': {
          guard: 'mayHelp',
          actions: ['rememberHelp', { type: 'send', params: { message: 'paid_help' } }],
        },
        'topic.selected': { target: 'topic_selected', actions: 'rememberTopic' },
        'checkout.requested': [
          { guard: 'mayPay', description: 'Renewal: more time.', actions: 'approveCheckout' },
          {
            guard: 'isOutdated',
            actions: [{ type: 'rejectCheckout', params: { reason: 'offer_changed' } }, 'sendInvoice'],
          },
          { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
        ],
      },
    },
    topic_selected: {
      description: 'The material of the topic is delivered; another topic can be chosen.',
      tags: ['stays while unreachable'],
      entry: ['wake', 'sendMaterial', { type: 'send', params: { message: 'another_topic' } }],
      always: { guard: 'isOver', target: 'idle', description: 'The book says so, whatever was missed.' },
      after: {
        follow_up: { actions: { type: 'send', params: { message: 'follow_up' } } },
      },
      on: {
        'start.requested': { actions: { type: 'send', params: { message: 'choose_another_topic' } } },
        'status.requested': { actions: { type: 'send', params: { message: 'status_topic_selected' } } },
        'club.requested': [
          {
            guard: 'hasClub',
            description: 'A link to the club.',
            actions: {
              type: 'signal',
              params: { machine: 'membership', event: 'invite.requested', with: ['language'] },
            },
          },
          { actions: { type: 'send', params: { message: 'status_topic_selected' } } },
        ],
        'access.requested': {
          description: 'They have access already.',
          actions: { type: 'send', params: { message: 'status_topic_selected' } },
        },
        'invoice.requested': [
          {
            guard: 'renews',
            description: 'A subscription goes on by itself, or is taken up again in Telegram.',
            actions: { type: 'send', params: { message: 'subscription_resume' } },
          },
          {
            guard: 'mayBuy',
            description: 'Renewal: more time.',
            actions: ['rememberInvoice', 'sendInvoice'],
          },
          { actions: { type: 'send', params: { message: 'status_topic_selected' } } },
        ],
        'access.ended': { guard: 'isOver', target: 'idle', description: 'The time is over.' },
        'message.received': {
          guard: 'mayHelp',
          actions: ['rememberHelp', { type: 'send', params: { message: 'topic_selected_help' } }],
        },
        'topic.selected': {
          target: 'topic_selected',
          reenter: true,
          description: 'Another topic: its material, and the follow-up counts from now.',
          actions: 'rememberTopic',
        },
        'checkout.requested': [
          { guard: 'mayPay', description: 'Renewal: more time.', actions: 'approveCheckout' },
          {
            guard: 'isOutdated',
            actions: [{ type: 'rejectCheckout', params: { reason: 'offer_changed' } }, 'sendInvoice'],
          },
          { actions: { type: 'rejectCheckout', params: { reason: 'already_paid' } } },
        ],
      },
    },
  },
});
