import { assign, fromPromise, setup } from 'xstate';

/** What the person's book says: see src/club/payments/book.ts. */
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
  /** The club to enter. */
  club?: number;
  /** The person's language, where another machine tells it. */
  language?: string;
}

interface Place {
  club: number;
  link?: string;
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
  /** The club that they may enter; an earlier release did not note which. */
  club?: number | true | undefined;
  /** Clubs that they were let into before that one: they are taken out there too. */
  former?: Place[] | undefined;
  /** The invite link that was sent last. */
  link?: string | undefined;
  /** When Telegram was last asked for one, ms. */
  asked?: number | undefined;
  /** When they last heard the same once more, ms. */
  shown?: number | undefined;
  joined?: true | undefined;
  /** Who has banned them from the club, the bot aside. */
  bannedBy?: number | undefined;
  /** They are banned, and the operators know. */
  barred?: true | undefined;
  /** Reminders sent of the end of this time: 1 the early one, 2 the last one. */
  reminded?: number | undefined;
  /** How often in a row Telegram has refused to invite, or to remove. */
  failures?: number | undefined;
}

const minute = 60_000;
const day = 86_400_000;

const accessIn = (event: object): Access | undefined => (event as { access?: Access }).access;

/** The result that an invoked actor brought; its event's type is XState's own. */
const outputOf = (
  event: object,
): { link?: string; isBarred?: true; isInside?: true; isAdministrator?: true } | undefined =>
  (event as { output?: object }).output;

/** Whether an actor failed since the bot lacks a right in the club. */
const isAboutRights = (event: object): boolean =>
  /not enough rights|administrator rights|CHAT_ADMIN_REQUIRED|bot was kicked|bot is not a member|CHANNEL_PRIVATE/i.test(
    (event as { error?: { message?: string } }).error?.message ?? '',
  );

const hasAccess = (event: object): boolean => accessIn(event)?.has === true;

/** There is, or was, a club that they may enter. */
const hasClub = (context: Context, event: object): boolean =>
  context.club !== undefined || (event as { club?: number }).club !== undefined;

/** What costs calls has a budget for each person: Telegram is asked for a link once a minute. */
const isAffordable = ({ asked }: Context, at: number): boolean => asked === undefined || at - asked >= minute;

/** They are let into a club from now on; the one of before is remembered. */
const letInto = ({ club, link, former = [] }: Context, into: number | undefined): Partial<Context> => {
  if (into === undefined || into === club) return {};
  // What an earlier release noted as `true` is the club of today.
  if (typeof club !== 'number') return { club: into };
  return {
    club: into,
    former: [
      ...former.filter((place) => place.club !== into && place.club !== club),
      { club, ...(link !== undefined && { link }) },
    ],
    link: undefined,
    asked: undefined,
    joined: undefined,
  };
};

export const membershipMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string } | undefined,
    events: {} as
      | ({ type: 'access.changed' } & Facts)
      | ({ type: 'access.adopted' } & Facts)
      | ({ type: 'invite.requested' } & Facts)
      | ({ type: 'language.selected'; value: string } & Facts)
      | ({ type: 'join.requested'; query?: string } & Facts)
      | ({ type: 'club.joined'; strangers?: 'remove' | 'tell' | 'leave' } & Facts)
      | ({ type: 'club.left' } & Facts)
      | ({ type: 'club.banned'; by?: number } & Facts)
      | ({ type: 'club.unbanned' } & Facts)
      | ({ type: 'member.admitted' } & Facts)
      | ({ type: 'subscription.changed'; state: 'active' | 'canceled' | 'failed' } & Facts),
  },
  actors: {
    createInvite: fromPromise<
      { link?: string; isBarred?: true; isInside?: true },
      { revoke: string | null; admits: boolean }
    >(async () => ({})),
    removeMember: fromPromise<
      { isAdministrator?: true },
      { club: number | true | null; link: string | null; former: Place[] }
    >(async () => ({})),
  },
  delays: {
    early_reminder: ({ context, event }) => (context.until ?? Infinity) - 3 * day - event.at,
    last_reminder: ({ context, event }) => (context.until ?? Infinity) - day - event.at,
    access_end: ({ context, event }) => (context.ends ?? Infinity) - event.at,
    invite_slow: 30_000,
    invite_very_slow: 300_000,
    invite_retry: 900_000,
    removal_retry: 3_600_000,
    idle_ttl: 3_600_000,
  },
  guards: {
    hasAccess: ({ event }) => hasAccess(event),
    hasNoAccess: ({ event }) => !hasAccess(event),
    mayEnter: ({ context, event }) => hasAccess(event) && hasClub(context, event),
    hasPeriod: ({ event }) => accessIn(event)?.has === true && accessIn(event)?.until !== undefined,
    mustInvite: ({ context, event }) =>
      context.link === undefined &&
      context.joined !== true &&
      context.club !== undefined &&
      event.type !== 'access.adopted',
    mayAsk: ({ context, event }) =>
      hasAccess(event) && hasClub(context, event) && isAffordable(context, event.at),
    /** Whoever presses a button a hundred times hears the same once in ten seconds. */
    mayHear: ({ context, event }) => event.at - (context.shown ?? 0) >= 10_000,
    mayShowLink: ({ context, event }) =>
      context.link !== undefined && event.at - (context.shown ?? 0) >= 10_000,
    /** An administrator of the club has banned them. */
    isBarred: ({ event }) => outputOf(event)?.isBarred === true,
    isFirstBarred: ({ context, event }) => outputOf(event)?.isBarred === true && context.barred !== true,
    isInside: ({ event }) => outputOf(event)?.isInside === true,
    isAdministrator: ({ event }) => outputOf(event)?.isAdministrator === true,
    mustGo: ({ event }) => event.type === 'club.joined' && event.strangers === 'remove',
    isStranger: ({ event }) => event.type === 'club.joined' && event.strangers === 'tell',
    earlyReminderIsDue: ({ context: { until = 0, since = 0, reminded = 0, renews }, event }) =>
      !renews && reminded < 1 && until - since > 3 * day && until - event.at > day,
    lastReminderIsDue: ({ context: { until = 0, since = 0, reminded = 0, renews }, event }) =>
      !renews && reminded < 2 && until - since > day && until > event.at,
    isLonger: ({ context, event }) =>
      accessIn(event)?.has === true && (accessIn(event)?.until ?? Infinity) > (context.until ?? Infinity),
    isShorter: ({ context, event }) =>
      accessIn(event)?.has === true && (accessIn(event)?.until ?? Infinity) < (context.until ?? Infinity),
    /** What the bot may not do in the club concerns all members: of that the operators hear once, apart. */
    isFirstFailure: ({ context, event }) => (context.failures ?? 0) === 0 && !isAboutRights(event),
    isFirstSilence: ({ context }) => (context.failures ?? 0) === 0,
    paymentFailed: ({ event }) => event.type === 'subscription.changed' && event.state === 'failed',
  },
  actions: {
    send: (_, _params: { message: string }) => {},
    tellOperator: (_, _params: { message: string }) => {},
    signal: (_, _params: { machine: string; event: string; with?: string[] }) => {},
    approveJoin: () => {},
    declineJoin: (_, _params: { message: string }) => {},
    /** A word to somebody to whom the bot may not be allowed to write. */
    tellStranger: (_, _params: { message: string }) => {},
    /** Tells the operators that somebody is in the club without access: one message for many. */
    noteStranger: () => {},
    /** Tells the operators that links are slow: one message for many. */
    noteSlowInvite: () => {},
    /** The time as the book says it, from which the timers count. */
    rememberTime: assign(({ context, event }) => {
      const { until, ends, renews } = accessIn(event) ?? {};
      const isSame = context.until === until && context.since !== undefined;
      return {
        until,
        ends,
        renews,
        ...(!isSame && { since: event.at, reminded: 0 }),
        ...letInto(context, 'club' in event ? event.club : undefined),
        ...('language' in event && event.language !== undefined && { language: event.language }),
      };
    }),
    rememberLanguage: assign(({ event }) =>
      event.type === 'language.selected' ? { language: event.value } : {},
    ),
    rememberLink: assign(({ context, event }) => ({
      link: outputOf(event)?.link ?? context.link,
      failures: 0,
      bannedBy: undefined,
      barred: undefined,
    })),
    rememberAsked: assign(({ event }) => ({ asked: event.at })),
    rememberShown: assign(({ event }) => ({ shown: event.at })),
    rememberClub: assign(({ context, event }) => letInto(context, 'club' in event ? event.club : undefined)),
    rememberBan: assign(({ event }) => ({
      joined: undefined,
      bannedBy: event.type === 'club.banned' ? event.by : undefined,
    })),
    rememberBarred: assign({ barred: true, failures: 0 }),
    rememberFailure: assign(({ context }) => ({ failures: (context.failures ?? 0) + 1 })),
    rememberEarlyReminder: assign({ reminded: 1 }),
    rememberLastReminder: assign({ reminded: 2 }),
    rememberJoined: assign({ joined: true, failures: 0, bannedBy: undefined, barred: undefined }),
    forgetJoined: assign({ joined: undefined }),
    forgetBan: assign({ bannedBy: undefined, barred: undefined }),
    forgetTime: assign({
      until: undefined,
      ends: undefined,
      renews: undefined,
      since: undefined,
      reminded: undefined,
    }),
    forgetDoor: assign({
      former: undefined,
      link: undefined,
      asked: undefined,
      shown: undefined,
      joined: undefined,
      failures: undefined,
      barred: undefined,
    }),
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
    'subscription.changed': {
      description: 'One that was to end may have been taken up again.',
      actions: { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
    },
    'language.selected': { actions: 'rememberLanguage' },
    'join.requested': [
      {
        guard: 'hasAccess',
        description: 'Lets in who has access, whoever gave them the link.',
        actions: 'approveJoin',
      },
      {
        description: 'A stranger at the door, who hears how to get access.',
        actions: { type: 'declineJoin', params: { message: 'join_declined' } },
      },
    ],
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
        'club.joined': [
          {
            guard: 'hasAccess',
            target: 'active.member',
            description: 'Came in by another way, and has access.',
            actions: ['rememberTime', 'rememberJoined'],
          },
          {
            guard: 'mustGo',
            target: 'removing',
            description: 'In the club without access: out again, with a word.',
            actions: [
              'rememberClub',
              'noteStranger',
              { type: 'tellStranger', params: { message: 'stranger_removed' } },
            ],
          },
          { guard: 'isStranger', actions: ['rememberClub', 'rememberJoined', 'noteStranger'] },
        ],
        'club.left': { actions: 'forgetJoined' },
        'club.banned': { actions: 'rememberBan' },
        'club.unbanned': { actions: 'forgetBan' },
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
        'invite.requested': [
          {
            guard: 'mayAsk',
            target: 'active.inviting',
            description: 'The link was lost: a new one, and the old one is revoked.',
            actions: 'rememberTime',
          },
          {
            guard: 'mayShowLink',
            description: 'The link that there is, once more.',
            actions: ['rememberShown', { type: 'send', params: { message: 'club_invite' } }],
          },
        ],
        'join.requested': { guard: 'hasAccess', actions: 'approveJoin' },
        'club.joined': [
          {
            guard: 'hasAccess',
            target: 'active.member',
            description: 'They are in, whatever way they came: no link is needed any more.',
            actions: ['rememberClub', 'rememberJoined'],
          },
          { actions: ['rememberClub', 'rememberJoined'] },
        ],
        'club.left': { actions: 'forgetJoined' },
        'club.banned': { actions: 'rememberBan' },
        'club.unbanned': { actions: 'forgetBan' },
        'member.admitted': {
          guard: 'mayEnter',
          target: 'active.admitting',
          description: 'An operator lets in who was banned.',
          actions: 'rememberTime',
        },
        'subscription.changed': [
          {
            guard: 'paymentFailed',
            actions: { type: 'send', params: { message: 'subscription_failed' } },
          },
          {
            target: 'active',
            reenter: true,
            description: 'Called off or taken up again: reminders depend on it.',
            actions: [
              'rememberTime',
              { type: 'signal', params: { machine: 'refunds', event: 'debts.changed', with: ['language'] } },
            ],
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
          entry: 'rememberAsked',
          on: { 'invite.requested': { description: 'It is on its way already.' } },
          invoke: {
            id: 'invite',
            src: 'createInvite',
            input: ({ context }) => ({ revoke: context.link ?? null, admits: false }),
            onDone: [
              {
                guard: 'isFirstBarred',
                target: 'barred',
                actions: [
                  'rememberBarred',
                  { type: 'send', params: { message: 'club_barred' } },
                  { type: 'tellOperator', params: { message: 'operator_barred' } },
                ],
              },
              {
                guard: 'isBarred',
                target: 'barred',
                description: 'Still so: the operators know already.',
                actions: { type: 'send', params: { message: 'club_barred' } },
              },
              {
                guard: 'isInside',
                target: 'member',
                description: 'They are in the club already: no link is needed.',
                actions: ['rememberJoined', { type: 'send', params: { message: 'club_inside' } }],
              },
              {
                target: 'member',
                actions: ['rememberLink', { type: 'send', params: { message: 'club_invite' } }],
              },
            ],
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
              {
                guard: 'isFirstSilence',
                target: 'trouble',
                actions: ['rememberFailure', { type: 'send', params: { message: 'invite_delayed' } }],
              },
              { target: 'trouble', actions: 'rememberFailure' },
            ],
          },
          after: {
            invite_slow: {
              guard: 'isFirstSilence',
              description: 'Telegram asks for patience.',
              actions: { type: 'send', params: { message: 'invite_slow' } },
            },
            invite_very_slow: {
              guard: 'isFirstSilence',
              description: 'The operators hear of it once for everybody who waits.',
              actions: 'noteSlowInvite',
            },
          },
        },
        admitting: {
          description: 'The ban is lifted, and a link is made.',
          entry: 'rememberAsked',
          on: { 'invite.requested': { description: 'It is on its way already.' } },
          invoke: {
            id: 'admission',
            src: 'createInvite',
            input: ({ context }) => ({ revoke: context.link ?? null, admits: true }),
            onDone: [
              {
                guard: 'isInside',
                target: 'member',
                description: 'Somebody has let them in meanwhile.',
                actions: 'rememberJoined',
              },
              {
                target: 'member',
                actions: ['rememberLink', { type: 'send', params: { message: 'club_invite' } }],
              },
            ],
            onError: {
              target: 'barred',
              actions: { type: 'tellOperator', params: { message: 'operator_invite_failed' } },
            },
          },
        },
        barred: {
          description: 'Banned from the club by somebody else: an operator decides whether they come in.',
          on: {
            'invite.requested': [
              {
                guard: 'mayAsk',
                target: 'inviting',
                description: 'Looks whether it is still so.',
                actions: 'rememberTime',
              },
              {
                guard: 'mayHear',
                actions: ['rememberShown', { type: 'send', params: { message: 'club_barred' } }],
              },
            ],
            'club.unbanned': {
              guard: 'mayAsk',
              target: 'inviting',
              description: 'The ban was lifted in the club itself.',
              actions: 'forgetBan',
            },
          },
        },
        member: { description: 'The link is out, or there is no club to enter.' },
        trouble: {
          description: 'No link could be made: the operator knows, and it is tried again.',
          after: { invite_retry: { target: 'inviting' } },
          on: {
            'invite.requested': [
              { guard: 'mayAsk', target: 'inviting', actions: 'rememberTime' },
              {
                guard: 'mayHear',
                actions: ['rememberShown', { type: 'send', params: { message: 'invite_delayed' } }],
              },
            ],
          },
        },
      },
    },
    removing: {
      description: 'The member is taken out of the club, and the link is revoked.',
      tags: ['outlives forgetting'],
      invoke: {
        id: 'removal',
        src: 'removeMember',
        input: ({ context: { club, link, former } }) => ({
          club: club ?? null,
          link: link ?? null,
          former: former ?? [],
        }),
        onDone: [
          {
            guard: 'isAdministrator',
            target: 'none',
            description: 'Owners and administrators stay: nobody can remove them but the owner.',
            actions: [
              { type: 'tellOperator', params: { message: 'operator_member_is_admin' } },
              'forgetDoor',
              'forgetClub',
            ],
          },
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
        'club.left': { target: 'removing', description: 'Gone by themselves, or by another hand.' },
        'club.banned': { target: 'removing' },
      },
    },
  },
});
