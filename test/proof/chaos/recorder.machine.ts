import { assign, fromPromise, setup } from 'xstate';

interface Context {
  language: string;
  /** `note 7`, `arm 8`, `ring 8` (a timer of visit 8), `ask 9`, `answer 9` …, in the order of their commits. */
  record: string[];
  /** When each of them was applied, ms by the clock of the copy that did it. */
  times: number[];
  /** The number of the visit to the present state. */
  visit?: string;
  /** What JSON cannot hold. */
  spoiled?: bigint;
}

/** What a person can say that no machine can take: each must become one dead letter, and nothing else. */
export const doomed = ['guard', 'assign', 'bigint', 'nan', 'loop'] as const;

/** How long a session is left alone in `waning` before it ends, ms. */
export const waningTime = 600_000;
/** How long a person who has blocked the bot is remembered, ms: the product's own time, of bot.yaml. */
export const blockedTime = 90 * 86_400_000;

const added = ({ record, times }: Context, what: string, event: object) => ({
  record: [...record, what],
  times: [...times, (event as { at: number }).at],
});

/**
 * Writes down everything that reaches it, in the same commit that answers it: whoever reads the stored record and the
 * chat sees what was applied, how often and in which order. A person's events carry a number: `/note 7`.
 */
export const recorderMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string } | undefined,
    events: {} as {
      type: `${'note' | 'arm' | 'disarm' | 'ask' | 'wane' | 'die' | (typeof doomed)[number]}.requested`;
      payload?: string;
    },
  },
  actors: { echo: fromPromise<string, { visit: string }>(async ({ input }) => input.visit) },
  delays: {
    ring: 60_000,
    ring_again: 180_000,
    wane: waningTime,
    blocked_ttl: blockedTime,
    broken: () => Number.NaN,
  },
  guards: {
    /** As an endless loop that something ends, or a want of memory. */
    ends: () => {
      process.kill(process.pid, 'SIGKILL');
      return true;
    },
    throws: () => {
      throw new Error('the guard throws');
    },
  },
  actions: {
    recordEvent: assign(({ context, event }) =>
      added(context, `${event.type.split('.')[0]} ${event.payload ?? ''}`, event),
    ),
    recordVisit: assign(({ context, event }, params: { what: string }) =>
      added(context, `${params.what} ${context.visit}`, event),
    ),
    recordAnswer: assign(({ context, event }, params: { output: string }) =>
      added(context, `answer ${params.output}`, event),
    ),
    begin: assign(({ event }) => ({ visit: event.payload ?? '' })),
    throw: assign(() => {
      throw new Error('the assign throws');
    }),
    spoil: assign({ spoiled: 1n }),
    send: (_, _params: { message: string }) => {},
  },
}).createMachine({
  id: 'recorder',
  meta: {
    userEvents: ['note', 'arm', 'disarm', 'ask', 'wane', 'die', ...doomed].map((name) => `${name}.requested`),
  },
  tags: ['ends after blocked_ttl while unreachable'],
  context: ({ input }) => ({ language: input?.language ?? 'en', record: [], times: [] }),
  initial: 'resting',
  on: {
    'note.requested': { actions: ['recordEvent', { type: 'send', params: { message: 'noted' } }] },
    'arm.requested': { target: '.armed', actions: ['recordEvent', 'begin'] },
    'disarm.requested': {
      target: '.resting',
      actions: ['recordEvent', { type: 'send', params: { message: 'disarmed' } }],
    },
    'ask.requested': { target: '.asking', actions: ['recordEvent', 'begin'] },
    'wane.requested': {
      target: '.waning',
      actions: ['recordEvent', { type: 'send', params: { message: 'waning' } }],
    },
    'die.requested': { guard: 'ends', actions: 'recordEvent' },
    'guard.requested': { guard: 'throws', actions: 'recordEvent' },
    'assign.requested': { actions: ['recordEvent', 'throw'] },
    'bigint.requested': { actions: ['recordEvent', 'spoil'] },
    'nan.requested': { target: '.late', actions: 'recordEvent' },
    'loop.requested': { target: '.there', actions: 'recordEvent' },
  },
  states: {
    resting: {},
    armed: {
      entry: [
        { type: 'send', params: { message: 'armed' } },
        { type: 'send', params: { message: 'armed_too' } },
      ],
      after: {
        ring: {
          actions: [
            { type: 'recordVisit', params: { what: 'ring' } },
            { type: 'send', params: { message: 'rang' } },
          ],
        },
        ring_again: {
          target: 'resting',
          actions: [
            { type: 'recordVisit', params: { what: 'again' } },
            { type: 'send', params: { message: 'rang_again' } },
          ],
        },
      },
    },
    asking: {
      entry: { type: 'send', params: { message: 'asked' } },
      invoke: {
        id: 'asked',
        src: 'echo',
        input: ({ context }) => ({ visit: context.visit ?? '' }),
        onDone: {
          target: 'resting',
          actions: [
            { type: 'recordAnswer', params: ({ event }) => ({ output: event.output }) },
            { type: 'send', params: { message: 'answered' } },
          ],
        },
        onError: { target: 'resting', actions: { type: 'recordVisit', params: { what: 'failed' } } },
      },
    },
    /** Whoever is left alone here begins anew. */
    waning: { tags: ['expires after wane'] },
    late: { after: { broken: 'resting' } },
    there: { always: 'back' },
    back: { always: 'there' },
  },
});
