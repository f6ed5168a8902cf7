import { assign, fromPromise, setup } from 'xstate';

/** What the access machine says of a payment: see core/step.ts, `Signal`. */
interface Grant {
  at: number;
  language?: string;
  payments?: number;
  charge?: string;
  /** Days that were bought; absent or 0: for ever. */
  days?: number;
  /** End of the paid time as Telegram tells it, ms: a subscription. */
  until?: number;
  /** It goes on by itself each month. */
  renews?: true;
  /** There is a club to enter. */
  club?: true;
}

interface Context {
  /** Locale of every answer, for example `ru`. */
  language: string;
  /** End of the paid time, ms since 1970; absent: for ever. */
  until?: number | undefined;
  /** When the time was last extended, ms. */
  since?: number | undefined;
  /** Payments that the access machine had counted when it last spoke. */
  payments?: number | undefined;
  /** The last charge of a subscription. */
  subscription?: string | undefined;
  /** The subscription goes on by itself. */
  renews?: true | undefined;
  /** There is a club to enter. */
  club?: true | undefined;
  /** The one-person invite link that was sent last. */
  link?: string | undefined;
  joined?: true | undefined;
  /** Reminders sent of the end of this time: 1 the early one, 2 the last one. */
  reminded?: number | undefined;
  /** How often in a row Telegram has refused to invite, or to remove. */
  failures?: number | undefined;
  /** A payment came while the member was being removed. */
  paidAgain?: true | undefined;
}

const day = 86_400_000;

/** What was heard of the access machine, for the context. */
const heardOf = ({ language, payments, club }: Grant) => ({
  ...(language !== undefined && { language }),
  ...(payments !== undefined && { payments }),
  ...(club === true && { club }),
});

/** End of the paid time after a refund took its days away again, ms. */
const shortenedEnd = ({ until }: Context, { days = 0 }: { days?: number }) =>
  until === undefined ? Number.POSITIVE_INFINITY : until - days * day;

export const membershipMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string } | undefined,
    events: {} as
      | ({ type: 'access.granted' } & Grant)
      | ({ type: 'access.shortened' } & Grant)
      | { type: 'access.revoked'; at: number }
      | ({ type: 'invite.requested' } & Grant)
      | { type: 'language.selected'; at: number; value: string }
      | { type: 'join.requested'; at: number }
      | { type: 'club.joined'; at: number }
      | { type: 'club.left'; at: number }
      | { type: 'subscription.changed'; at: number; state: 'active' | 'canceled' | 'failed' },
  },
  actors: {
    createInvite: fromPromise<{ link: string }, { revoke: string | null }>(async () => ({ link: '' })),
    removeMember: fromPromise<void, { club: boolean; link: string | null; subscription: string | null }>(
      async () => {},
    ),
  },
  delays: {
    early_reminder: ({ context, event }) => (context.until ?? Infinity) - 3 * day - event.at,
    last_reminder: ({ context, event }) => (context.until ?? Infinity) - day - event.at,
    // A subscription is renewed around its end: Telegram gets six hours to say so.
    access_end: ({ context, event }) =>
      (context.until ?? Infinity) + (context.renews ? day / 4 : 0) - event.at,
    invite_retry: 900_000,
    removal_retry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    hasClub: ({ context, event }) => context.club === true || ('club' in event && event.club === true),
    hasPeriod: ({ event }) =>
      event.type === 'access.granted' && (event.until !== undefined || (event.days ?? 0) > 0),
    mustInvite: ({ context, event }) =>
      context.link === undefined && (context.club === true || ('club' in event && event.club === true)),
    earlyReminderIsDue: ({ context: { until = 0, since = 0, reminded = 0, renews }, event }) =>
      !renews && reminded < 1 && until - since > 3 * day && until - event.at > day,
    lastReminderIsDue: ({ context: { until = 0, since = 0, reminded = 0, renews }, event }) =>
      !renews && reminded < 2 && until - since > day && until > event.at,
    isOver: ({ context, event }) => shortenedEnd(context, event as { days?: number }) <= event.at,
    hasPaidAgain: ({ context }) => context.paidAgain === true,
    isFirstFailure: ({ context }) => (context.failures ?? 0) === 0,
    paymentFailed: ({ event }) => event.type === 'subscription.changed' && event.state === 'failed',
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    tellOperator: (_, _params: { message: string }) => {},
    signal: (_, _params: { machine: string; event: string; with?: string[] }) => {},
    approveJoin: () => {},
    declineJoin: (_, _params: { message: string }) => {},
    extend: assign(({ context, event }) => {
      if (event.type !== 'access.granted') return {};
      const heard = { ...heardOf(event), since: event.at, reminded: 0 };
      const { until, days = 0, renews, charge } = event;
      const isForEver = context.since !== undefined && context.until === undefined;
      if (until !== undefined) {
        return { ...heard, until: Math.max(context.until ?? 0, until), subscription: charge, renews };
      }
      return days === 0 || isForEver
        ? { ...heard, until: undefined }
        : { ...heard, until: Math.max(context.until ?? 0, event.at) + days * day };
    }),
    shorten: assign(({ context, event }) =>
      event.type === 'access.shortened'
        ? { ...heardOf(event), until: shortenedEnd(context, event), reminded: 0 }
        : {},
    ),
    hear: assign(({ event }) => (event.type === 'invite.requested' ? heardOf(event) : {})),
    rememberSince: assign(({ event }) => ({ since: event.at })),
    rememberLanguage: assign(({ event }) =>
      event.type === 'language.selected' ? { language: event.value } : {},
    ),
    rememberLink: assign(({ context, event }) => ({
      // The result of the invite; its type is XState's own.
      link: (event as unknown as { output?: { link?: string } }).output?.link ?? context.link,
      failures: 0,
    })),
    rememberFailure: assign(({ context }) => ({ failures: (context.failures ?? 0) + 1 })),
    rememberEarlyReminder: assign({ reminded: 1 }),
    rememberLastReminder: assign({ reminded: 2 }),
    rememberPaidAgain: assign({ paidAgain: true }),
    forgetPaidAgain: assign({ paidAgain: undefined }),
    rememberJoined: assign({ joined: true }),
    forgetJoined: assign({ joined: undefined }),
    rememberRenewal: assign(({ event }) => ({
      renews: event.type === 'subscription.changed' && event.state === 'active' ? (true as const) : undefined,
    })),
    forgetTime: assign({ until: undefined, since: undefined, reminded: undefined }),
    forgetDoor: assign({ link: undefined, joined: undefined, failures: undefined, paidAgain: undefined }),
    forgetMember: assign({
      club: undefined,
      subscription: undefined,
      renews: undefined,
      payments: undefined,
    }),
  },
}).createMachine({
  id: 'membership',
  description:
    'Membership of the club: invites who has paid, reminds before the paid time ends, removes after it.',
  tags: ['goes on while unreachable', 'access_end waits for the news'],
  context: ({ input }) => ({ language: input?.language ?? 'en' }),
  initial: 'none',
  on: {
    'language.selected': { actions: 'rememberLanguage' },
    'join.requested': {
      description: 'A stranger at the door, who hears how to get access.',
      actions: { type: 'declineJoin', params: { message: 'join_declined' } },
    },
  },
  states: {
    none: {
      description: 'No member. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
      on: {
        'access.granted': [
          { guard: 'hasClub', target: 'active', actions: 'extend' },
          {
            guard: 'hasPeriod',
            target: 'active',
            description: 'No club to enter: the paid time alone counts.',
            actions: 'extend',
          },
        ],
        'invite.requested': {
          guard: 'hasClub',
          target: 'active.inviting',
          description: 'Paid for ever before there was a club.',
          actions: ['hear', 'rememberSince'],
        },
      },
    },
    active: {
      description:
        'Paid. Each entry counts its timers from the end of the paid time; for ever means none of them.',
      initial: 'entering',
      entry: { type: 'signal', params: { machine: 'access', event: 'access.dated', with: ['until'] } },
      after: {
        early_reminder: {
          guard: 'earlyReminderIsDue',
          description: 'Three days before the end.',
          actions: ['rememberEarlyReminder', { type: 'send', params: { message: 'access_ends_soon' } }],
        },
        last_reminder: {
          guard: 'lastReminderIsDue',
          description: 'One day before the end.',
          actions: ['rememberLastReminder', { type: 'send', params: { message: 'access_ends_tomorrow' } }],
        },
        access_end: {
          target: 'removing',
          description: 'The paid time is over, or a subscription has lapsed.',
          actions: [
            { type: 'signal', params: { machine: 'access', event: 'access.ended', with: ['payments'] } },
            { type: 'send', params: { message: 'access_over' } },
            'forgetTime',
          ],
        },
      },
      on: {
        'access.granted': {
          target: 'active',
          reenter: true,
          description: 'More time: renewed.',
          actions: ['extend', { type: 'send', params: { message: 'access_extended' } }],
        },
        'access.shortened': [
          {
            guard: 'isOver',
            target: 'removing',
            description: 'The refund took the rest of the time.',
            actions: [
              { type: 'signal', params: { machine: 'access', event: 'access.ended', with: ['payments'] } },
              { type: 'send', params: { message: 'access_over' } },
              'forgetTime',
            ],
          },
          {
            target: 'active',
            reenter: true,
            actions: ['shorten', { type: 'send', params: { message: 'access_shortened' } }],
          },
        ],
        'access.revoked': { target: 'removing', description: 'The money went back.', actions: 'forgetTime' },
        'invite.requested': {
          target: 'active.inviting',
          description: 'The link was lost, or used up: a new one, and the old one is revoked.',
          guard: 'hasClub',
          actions: 'hear',
        },
        'join.requested': { actions: ['rememberJoined', 'approveJoin'] },
        'club.joined': { actions: 'rememberJoined' },
        'club.left': { actions: 'forgetJoined' },
        'subscription.changed': [
          {
            guard: 'paymentFailed',
            actions: { type: 'send', params: { message: 'subscription_failed' } },
          },
          {
            target: 'active',
            reenter: true,
            description: 'Called off or taken up again: reminders depend on it.',
            actions: 'rememberRenewal',
          },
        ],
      },
      states: {
        entering: {
          description: 'Decides whether there is a door to open.',
          always: [{ guard: 'mustInvite', target: 'inviting' }, { target: 'member' }],
        },
        inviting: {
          description: 'A link for one person is being made.',
          invoke: {
            id: 'invite',
            src: 'createInvite',
            input: ({ context }) => ({ revoke: context.link ?? null }),
            onDone: {
              target: 'member',
              actions: ['rememberLink', { type: 'send', params: { message: 'club_invite' } }],
            },
            onError: [
              {
                guard: 'isFirstFailure',
                target: 'trouble',
                description: 'Telegram refuses, for example since the bot may not invite.',
                actions: [
                  'rememberFailure',
                  { type: 'send', params: { message: 'invite_delayed' } },
                  { type: 'tellOperator', params: { message: 'operator_invite_failed' } },
                ],
              },
              { target: 'trouble', actions: 'rememberFailure' },
            ],
          },
        },
        member: { description: 'The link is out, or there is no club to enter.' },
        trouble: {
          description: 'No link could be made: the operator knows, and it is tried again.',
          after: { invite_retry: { target: 'inviting' } },
        },
      },
    },
    removing: {
      description:
        'The member is taken out of the club, and the link is revoked. A subscription is called off.',
      invoke: {
        id: 'removal',
        src: 'removeMember',
        input: ({ context }) => ({
          club: context.club === true,
          link: context.link ?? null,
          subscription: context.renews === true ? (context.subscription ?? null) : null,
        }),
        onDone: [
          {
            guard: 'hasPaidAgain',
            target: 'active',
            description: 'Paid meanwhile: welcome back.',
            actions: 'forgetDoor',
          },
          { target: 'none', actions: ['forgetDoor', 'forgetMember'] },
        ],
        onError: [
          {
            guard: 'isFirstFailure',
            target: 'removal_trouble',
            actions: [
              'rememberFailure',
              { type: 'tellOperator', params: { message: 'operator_removal_failed' } },
            ],
          },
          { target: 'removal_trouble', actions: 'rememberFailure' },
        ],
      },
      on: {
        'access.granted': { actions: ['extend', 'rememberPaidAgain'] },
        'access.revoked': { actions: ['forgetTime', 'forgetPaidAgain'] },
      },
    },
    removal_trouble: {
      description: 'Telegram refuses to remove the member: the operator knows, and it is tried again.',
      after: { removal_retry: { target: 'removing' } },
      on: {
        'access.granted': { target: 'active', actions: ['forgetDoor', 'extend'] },
        'access.revoked': { target: 'removing' },
      },
    },
  },
});
