import { assign, fromPromise, setup } from 'xstate';

/** What the person's book says: see src/core/book.ts. */
interface Access {
  has: boolean;
  /** End of the time, ms; absent: for ever. */
  until?: number;
  /** When access is over: a subscription that goes on by itself is waited for. */
  ends?: number;
  /** A subscription goes on by itself. */
  renews?: true;
}

/** What every event carries: the time, and what the person's book says; absent: they have no book. */
interface Facts {
  at: number;
  access?: Access;
  /** There is a club to enter. */
  club?: true;
  /** The person's language, where another machine tells it. */
  language?: string;
}

interface Context {
  /** Locale of every answer, for example `ru`. */
  language: string;
  /** End of the time, ms since 1970, from which the reminders count; absent: for ever. */
  until?: number | undefined;
  /** When it is over, ms. */
  ends?: number | undefined;
  /** A subscription goes on by itself: nothing to remind of. */
  renews?: true | undefined;
  /** When the time was last changed, ms. */
  since?: number | undefined;
  /** There is a club to enter. */
  club?: true | undefined;
  /** The invite link that was sent last. */
  link?: string | undefined;
  joined?: true | undefined;
  /** Reminders sent of the end of this time: 1 the early one, 2 the last one. */
  reminded?: number | undefined;
  /** How often in a row Telegram has refused to invite, or to remove. */
  failures?: number | undefined;
}

const day = 86_400_000;

const accessIn = (event: object): Access | undefined => (event as { access?: Access }).access;

export const membershipMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string } | undefined,
    events: {} as
      | ({ type: 'access.changed' } & Facts)
      | ({ type: 'access.adopted' } & Facts)
      | ({ type: 'invite.requested' } & Facts)
      | ({ type: 'language.selected'; value: string } & Facts)
      | ({ type: 'join.requested' } & Facts)
      | ({ type: 'club.joined' } & Facts)
      | ({ type: 'club.left' } & Facts)
      | ({ type: 'subscription.changed'; state: 'active' | 'canceled' | 'failed' } & Facts),
  },
  actors: {
    createInvite: fromPromise<{ link: string }, { revoke: string | null }>(async () => ({ link: '' })),
    removeMember: fromPromise<void, { club: boolean; link: string | null }>(async () => {}),
  },
  delays: {
    early_reminder: ({ context, event }) => (context.until ?? Infinity) - 3 * day - event.at,
    last_reminder: ({ context, event }) => (context.until ?? Infinity) - day - event.at,
    access_end: ({ context, event }) => (context.ends ?? Infinity) - event.at,
    invite_retry: 900_000,
    removal_retry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    hasAccess: ({ event }) => accessIn(event)?.has === true,
    hasNoAccess: ({ event }) => accessIn(event)?.has !== true,
    mayEnter: ({ context, event }) =>
      accessIn(event)?.has === true && (context.club === true || ('club' in event && event.club === true)),
    hasPeriod: ({ event }) => accessIn(event)?.has === true && accessIn(event)?.until !== undefined,
    mustInvite: ({ context, event }) =>
      context.link === undefined && context.club === true && event.type !== 'access.adopted',
    earlyReminderIsDue: ({ context: { until = 0, since = 0, reminded = 0, renews }, event }) =>
      !renews && reminded < 1 && until - since > 3 * day && until - event.at > day,
    lastReminderIsDue: ({ context: { until = 0, since = 0, reminded = 0, renews }, event }) =>
      !renews && reminded < 2 && until - since > day && until > event.at,
    isLonger: ({ context, event }) =>
      accessIn(event)?.has === true && (accessIn(event)?.until ?? Infinity) > (context.until ?? Infinity),
    isShorter: ({ context, event }) =>
      accessIn(event)?.has === true && (accessIn(event)?.until ?? Infinity) < (context.until ?? Infinity),
    isFirstFailure: ({ context }) => (context.failures ?? 0) === 0,
    paymentFailed: ({ event }) => event.type === 'subscription.changed' && event.state === 'failed',
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    tellOperator: (_, _params: { message: string }) => {},
    signal: (_, _params: { machine: string; event: string; with?: string[] }) => {},
    approveJoin: () => {},
    declineJoin: (_, _params: { message: string }) => {},
    /** The time as the book says it, from which the timers count. */
    rememberTime: assign(({ context, event }) => {
      const { until, ends, renews } = accessIn(event) ?? {};
      const isSame = context.until === until && context.since !== undefined;
      return {
        until,
        ends,
        renews,
        ...(!isSame && { since: event.at, reminded: 0 }),
        ...('club' in event && event.club === true && { club: true as const }),
        ...('language' in event && event.language !== undefined && { language: event.language }),
      };
    }),
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
    rememberJoined: assign({ joined: true }),
    forgetJoined: assign({ joined: undefined }),
    forgetTime: assign({
      until: undefined,
      ends: undefined,
      renews: undefined,
      since: undefined,
      reminded: undefined,
    }),
    forgetDoor: assign({ link: undefined, joined: undefined, failures: undefined }),
    forgetClub: assign({ club: undefined }),
  },
}).createMachine({
  id: 'membership',
  description:
    'Membership of the club: invites who has access, reminds before it ends, removes after it. Until when, the book says.',
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
        'access.changed': [
          { guard: 'mayEnter', target: 'active', actions: 'rememberTime' },
          {
            guard: 'hasPeriod',
            target: 'active',
            description: 'No club to enter: the time alone counts.',
            actions: 'rememberTime',
          },
        ],
        'access.adopted': [
          {
            guard: 'mayEnter',
            target: 'active',
            description: 'They are members for long: no link, and no word.',
            actions: 'rememberTime',
          },
          { guard: 'hasPeriod', target: 'active', actions: 'rememberTime' },
        ],
        'invite.requested': {
          guard: 'mayEnter',
          target: 'active.inviting',
          description: 'Paid before there was a club.',
          actions: 'rememberTime',
        },
        'join.requested': {
          guard: 'mayEnter',
          target: 'active.member',
          actions: ['rememberTime', 'rememberJoined', 'approveJoin'],
        },
      },
    },
    active: {
      description:
        'Access. Each entry counts its timers from the end that the book tells; for ever means none of them.',
      initial: 'entering',
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
        access_end: [
          {
            guard: 'hasNoAccess',
            target: 'removing',
            description: 'The time is over, or a subscription has lapsed.',
            actions: [
              { type: 'signal', params: { machine: 'access', event: 'access.ended' } },
              { type: 'send', params: { message: 'access_over' } },
              'forgetTime',
            ],
          },
          {
            target: 'active',
            reenter: true,
            description: 'The book knows of more time: the timers count from there.',
            actions: 'rememberTime',
          },
        ],
      },
      on: {
        'access.changed': [
          {
            guard: 'hasNoAccess',
            target: 'removing',
            description: 'Money went back, or an operator took access away.',
            actions: 'forgetTime',
          },
          {
            guard: 'isLonger',
            target: 'active',
            reenter: true,
            description: 'More time.',
            actions: ['rememberTime', { type: 'send', params: { message: 'access_extended' } }],
          },
          {
            guard: 'isShorter',
            target: 'active',
            reenter: true,
            description: 'A refund took some of the time.',
            actions: ['rememberTime', { type: 'send', params: { message: 'access_shortened' } }],
          },
          {
            target: 'active',
            reenter: true,
            description: 'Whether it goes on by itself may have changed.',
            actions: 'rememberTime',
          },
        ],
        'access.adopted': [
          { guard: 'hasNoAccess', target: 'removing', actions: 'forgetTime' },
          { target: 'active', reenter: true, actions: 'rememberTime' },
        ],
        'invite.requested': {
          guard: 'mayEnter',
          target: 'active.inviting',
          description: 'The link was lost: a new one, and the old one is revoked.',
          actions: 'rememberTime',
        },
        'join.requested': { guard: 'hasAccess', actions: ['rememberJoined', 'approveJoin'] },
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
            actions: 'rememberTime',
          },
        ],
      },
      states: {
        entering: {
          description: 'Decides whether there is a door to open.',
          always: [{ guard: 'mustInvite', target: 'inviting' }, { target: 'member' }],
        },
        inviting: {
          description: 'A link to the club is being made.',
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
      description: 'The member is taken out of the club, and the link is revoked.',
      tags: ['outlives forgetting'],
      invoke: {
        id: 'removal',
        src: 'removeMember',
        input: ({ context }) => ({ club: context.club === true, link: context.link ?? null }),
        onDone: [
          {
            guard: 'mayEnter',
            target: 'active',
            description: 'Paid meanwhile: welcome back.',
            actions: ['forgetDoor', 'rememberTime'],
          },
          { guard: 'hasPeriod', target: 'active', actions: ['forgetDoor', 'rememberTime'] },
          { target: 'none', actions: ['forgetDoor', 'forgetClub'] },
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
    },
    removal_trouble: {
      description: 'Telegram refuses to remove the member: the operator knows, and it is tried again.',
      tags: ['outlives forgetting'],
      after: { removal_retry: { target: 'removing' } },
      on: {
        'access.changed': [
          { guard: 'hasAccess', target: 'active', actions: ['forgetDoor', 'rememberTime'] },
          { target: 'removing' },
        ],
      },
    },
  },
});
