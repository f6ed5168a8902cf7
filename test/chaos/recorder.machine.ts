import { assign, fromPromise, setup } from 'xstate';

/**
 * Writes down everything that reaches it, in the same commit that answers it: whoever reads the stored record and the
 * chat sees what was applied, how often and in which order. A person's events carry a number: `/note 7`.
 */
export const recorderMachine = setup({
  types: {
    context: {} as {
      language: string;
      /** `note 7`, `arm 8`, `ring 8` (a timer of visit 8), `ask 9`, `answer 9` …, in the order of their commits. */
      record: string[];
      /** The number of the visit to the present state. */
      visit?: string;
    },
    input: {} as { language: string } | undefined,
    events: {} as
      | { type: 'note.requested'; payload?: string }
      | { type: 'arm.requested'; payload?: string }
      | { type: 'disarm.requested'; payload?: string }
      | { type: 'ask.requested'; payload?: string }
      | { type: 'die.requested' },
  },
  actors: { echo: fromPromise<string, { visit: string }>(async ({ input }) => input.visit) },
  delays: { ring: 60_000, ring_again: 180_000 },
  guards: {
    /** As an endless loop that something ends, or a want of memory. */
    ends: () => {
      process.kill(process.pid, 'SIGKILL');
      return true;
    },
  },
  actions: {
    recordEvent: assign(({ context, event }) => {
      const { type, payload = '' } = event as { type: string; payload?: string };
      return { record: [...context.record, `${type.split('.')[0]} ${payload}`] };
    }),
    recordVisit: assign(({ context }, params: { what: string }) => ({
      record: [...context.record, `${params.what} ${context.visit}`],
    })),
    recordAnswer: assign(({ context }, params: { output: string }) => ({
      record: [...context.record, `answer ${params.output}`],
    })),
    begin: assign(({ event }) => ({ visit: (event as { payload?: string }).payload ?? '' })),
    send: (_, _params: { message: string }) => {},
  },
}).createMachine({
  id: 'recorder',
  meta: {
    userEvents: ['note.requested', 'arm.requested', 'disarm.requested', 'ask.requested', 'die.requested'],
  },
  context: ({ input }) => ({ language: input?.language ?? 'en', record: [] }),
  initial: 'resting',
  on: {
    'note.requested': { actions: ['recordEvent', { type: 'send', params: { message: 'noted' } }] },
    'arm.requested': { target: '.armed', actions: ['recordEvent', 'begin'] },
    'disarm.requested': {
      target: '.resting',
      actions: ['recordEvent', { type: 'send', params: { message: 'disarmed' } }],
    },
    'ask.requested': { target: '.asking', actions: ['recordEvent', 'begin'] },
    'die.requested': { guard: 'ends', actions: 'recordEvent' },
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
  },
});
