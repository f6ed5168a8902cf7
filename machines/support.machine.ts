import { assign, fromPromise, setup } from 'xstate';

/** A message of the operator on its way to a person. */
interface Answer {
  /** The chat that asked, its language, and the message with the question: `77:en:15`. */
  to: string;
  /** The operator's message. */
  message: number;
  /** What it says, where that is all; absent: it is copied. */
  text?: string;
}

/** A message as its event tells of it. */
interface Said {
  kind: string;
  message?: number;
  text?: string;
  /** The text is longer than what the event carries. */
  isCut?: true;
  /** Several pictures sent as one. */
  album?: string;
}

interface Context {
  /** Locale of every answer, for example `ru`. */
  language: string;
  /** Whom the next message answers: see `Answer`. */
  answering?: string | undefined;
  /** Answers that are not delivered yet, in order. */
  outgoing?: Answer[] | undefined;
  /** An album whose first picture was an answer, and to whom: the others follow it. */
  album?: { id: string; to: string } | undefined;
}

const answerOf = ({ kind, message = 0, text, isCut }: Said, to: string): Answer => ({
  to,
  message,
  ...(kind === 'text' && isCut !== true && text !== undefined && { text }),
});

export const supportMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string } | undefined,
    events: {} as
      | { type: 'refund.requested'; payload?: string; value?: string }
      | { type: 'refund.confirmed'; value?: string }
      | { type: 'refund.declined' }
      | { type: 'extra.counted'; value?: string }
      | { type: 'answer.requested'; value?: string }
      | { type: 'cancel.requested'; payload?: string }
      | { type: 'member.requested'; payload?: string }
      | { type: 'grant.requested' }
      | { type: 'extend.requested' }
      | { type: 'revoke.requested' }
      | { type: 'block.requested' }
      | { type: 'unblock.requested' }
      | { type: 'club.rights'; missing: string }
      | { type: 'club.found'; club: number; title: string }
      | { type: 'club.moved'; club: number }
      | ({ type: 'message.received' } & Said),
  },
  actors: {
    deliverAnswer: fromPromise<void, Answer>(async () => {}),
  },
  delays: {
    answer_expiry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    /** The command names a charge. */
    namesCharge: ({ event }) =>
      (event.type === 'refund.requested' || event.type === 'cancel.requested') &&
      (event.payload ?? '').trim() !== '',
    /** The button names a payment. */
    namesPayment: ({ event }) => 'value' in event && (event.value ?? '') !== '',
    /** The button names the chat that asked, and its language: `77:en`. */
    namesPerson: ({ event }) => event.type === 'answer.requested' && /^\d+:/.test(event.value ?? ''),
    namesMember: ({ event }) =>
      event.type === 'member.requested' && /^\d{1,15}$/.test((event.payload ?? '').trim()),
    isAnswer: ({ context, event }) =>
      context.answering !== undefined && event.type === 'message.received' && event.kind !== 'command',
    isMoreOfAnswer: ({ context, event }) =>
      event.type === 'message.received' && event.album !== undefined && event.album === context.album?.id,
    hasOutgoing: ({ context }) => (context.outgoing ?? []).length > 0,
    isAnswering: ({ context }) => context.answering !== undefined,
    isUnreachable: ({ event }) =>
      /blocked by the user|user is deactivated|can't initiate|chat not found/.test(
        String((event as { error?: { message?: string } }).error?.message),
      ),
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    /** Looks the payment up, and asks whether it is to go back. */
    askRefund: () => {},
    /** Looks the payment up and puts it among the debts of its person; says what became of it. */
    requestRefund: () => {},
    /** Takes it off the debts. */
    dropRefund: () => {},
    /** Turns a payment too many into time. */
    countExtra: () => {},
    /** Says what there is about a person. */
    showMember: () => {},
    /** What the bot may not do in the club is told once, and once when it may again. */
    noteRights: () => {},
    /** The club is a supergroup from now on, under another id; the operators are told, once. */
    followClub: () => {},
    tellOperator: (_, _params: { message: string }) => {},
    rememberQuestion: assign(({ event }) =>
      event.type === 'answer.requested' ? { answering: event.value } : {},
    ),
    forgetQuestion: assign({ answering: undefined }),
    takeAnswer: assign(({ context: { answering = '', outgoing = [] }, event }) => {
      if (event.type !== 'message.received') return {};
      return {
        answering: undefined,
        outgoing: [...outgoing, answerOf(event, answering)],
        album: event.album === undefined ? undefined : { id: event.album, to: answering },
      };
    }),
    takeMore: assign(({ context: { album, outgoing = [] }, event }) =>
      event.type === 'message.received' && album !== undefined
        ? { outgoing: [...outgoing, answerOf(event, album.to)] }
        : {},
    ),
    dropOutgoing: assign(({ context }) => {
      const rest = (context.outgoing ?? []).slice(1);
      return { outgoing: rest.length === 0 ? undefined : rest };
    }),
  },
}).createMachine({
  id: 'support',
  description: 'Refunds, access by hand, and answers to questions about payment. Only operators talk to it.',
  tags: ['goes on while unreachable'],
  meta: {
    audience: 'operators',
    userEvents: [
      'refund.requested',
      'refund.confirmed',
      'refund.declined',
      'extra.counted',
      'answer.requested',
      'cancel.requested',
      'member.requested',
      'grant.requested',
      'extend.requested',
      'revoke.requested',
      'block.requested',
      'unblock.requested',
      'message.received',
    ],
  },
  context: ({ input }) => ({ language: input?.language ?? 'en' }),
  initial: 'ready',
  on: {
    'club.rights': { description: 'What the bot may do in the club has changed.', actions: 'noteRights' },
    'club.found': {
      description: 'The bot is an administrator of a group or channel now: here is its id.',
      actions: { type: 'tellOperator', params: { message: 'operator_club_found' } },
    },
    'club.moved': {
      description: 'The group has become a supergroup.',
      actions: 'followClub',
    },
    'refund.requested': [
      { guard: 'namesCharge', description: '/refund <charge>', actions: 'requestRefund' },
      { guard: 'namesPayment', description: 'The button: asks once more.', actions: 'askRefund' },
      { actions: { type: 'send', params: { message: 'refund_usage' } } },
    ],
    'refund.confirmed': { guard: 'namesPayment', description: 'Yes, refund.', actions: 'requestRefund' },
    'refund.declined': { actions: { type: 'send', params: { message: 'refund_declined' } } },
    'extra.counted': {
      guard: 'namesPayment',
      description: 'A payment too many becomes time.',
      actions: 'countExtra',
    },
    'cancel.requested': [
      { guard: 'namesCharge', description: '/cancel <charge>', actions: 'dropRefund' },
      { actions: { type: 'send', params: { message: 'cancel_usage' } } },
    ],
    'member.requested': [
      { guard: 'namesMember', description: '/member <user>', actions: 'showMember' },
      { actions: { type: 'send', params: { message: 'by_hand_usage' } } },
    ],
    // One that names a person is about that person's conversation; what comes here could not be understood.
    'grant.requested': { actions: { type: 'send', params: { message: 'by_hand_usage' } } },
    'extend.requested': { actions: { type: 'send', params: { message: 'by_hand_usage' } } },
    'revoke.requested': { actions: { type: 'send', params: { message: 'by_hand_usage' } } },
    'block.requested': { actions: { type: 'send', params: { message: 'by_hand_usage' } } },
    'unblock.requested': { actions: { type: 'send', params: { message: 'by_hand_usage' } } },
    'answer.requested': [
      {
        guard: 'namesPerson',
        target: '.answering',
        actions: ['rememberQuestion', { type: 'send', params: { message: 'answer_prompt' } }],
      },
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
      on: {
        'message.received': {
          guard: 'isMoreOfAnswer',
          target: 'delivering',
          description: 'Another picture of the album that was the answer.',
          actions: 'takeMore',
        },
      },
    },
    answering: {
      description: 'The next message of the operator goes to the person who asked.',
      after: { answer_expiry: { target: 'ready', actions: 'forgetQuestion' } },
      on: {
        'message.received': { guard: 'isAnswer', target: 'delivering', actions: 'takeAnswer' },
        'cancel.requested': [
          { guard: 'namesCharge', actions: 'dropRefund' },
          {
            target: 'ready',
            actions: ['forgetQuestion', { type: 'send', params: { message: 'answer_cancelled' } }],
          },
        ],
      },
    },
    delivering: {
      description: 'The oldest answer is on its way; only when it has arrived the operator hears so.',
      invoke: {
        id: 'answer',
        src: 'deliverAnswer',
        input: ({ context }) => context.outgoing?.[0] ?? { to: '', message: 0 },
        onDone: {
          target: 'delivered',
          actions: [{ type: 'send', params: { message: 'answer_sent' } }, 'dropOutgoing'],
        },
        onError: [
          {
            guard: 'isUnreachable',
            target: 'delivered',
            actions: [{ type: 'send', params: { message: 'answer_unreachable' } }, 'dropOutgoing'],
          },
          {
            target: 'delivered',
            actions: [{ type: 'send', params: { message: 'answer_failed' } }, 'dropOutgoing'],
          },
        ],
      },
      on: {
        'answer.requested': {
          guard: 'namesPerson',
          description: 'Another question, while the answer to the one before is on its way.',
          actions: ['rememberQuestion', { type: 'send', params: { message: 'answer_prompt' } }],
        },
        'message.received': [
          { guard: 'isAnswer', actions: 'takeAnswer' },
          { guard: 'isMoreOfAnswer', actions: 'takeMore' },
        ],
        'cancel.requested': [
          { guard: 'namesCharge', actions: 'dropRefund' },
          {
            guard: 'isAnswering',
            actions: ['forgetQuestion', { type: 'send', params: { message: 'answer_cancelled' } }],
          },
          { actions: { type: 'send', params: { message: 'cancel_usage' } } },
        ],
      },
    },
    delivered: {
      description: 'What is next: another answer, a question that is still to be answered, or nothing.',
      always: [
        { guard: 'hasOutgoing', target: 'delivering' },
        { guard: 'isAnswering', target: 'answering' },
        { target: 'ready' },
      ],
    },
  },
});
