import { assign, fromPromise, setup } from 'xstate';

/** Invokes a promise actor: what `invoke` means in this runtime, shown by the smallest machine. */
export const jobMachine = setup({
  types: {
    context: {} as { n?: number; result?: number },
    events: {} as
      | { type: 'job.requested'; n: number }
      | { type: 'job.cancelled' }
      | { type: 'message.received' },
  },
  actors: { double: fromPromise<number, { n: number }>(async () => 0) },
  delays: { too_long: 60_000 },
  actions: {
    remember: assign(({ event }) => (event.type === 'job.requested' ? { n: event.n } : {})),
    keepResult: assign((_, params: { result: number }) => ({ result: params.result })),
    send: (_, _params: { message: string }) => {},
  },
}).createMachine({
  id: 'job',
  meta: { userEvents: ['message.received'] },
  context: {},
  initial: 'waiting',
  states: {
    waiting: {
      on: {
        'job.requested': { target: 'working', actions: 'remember' },
        'message.received': { target: 'working' },
      },
    },
    working: {
      invoke: {
        id: 'doubling',
        src: 'double',
        input: ({ context }) => ({ n: context.n ?? 21 }),
        onDone: {
          target: 'done',
          actions: { type: 'keepResult', params: ({ event }) => ({ result: event.output }) },
        },
        onError: { target: 'failed' },
      },
      after: { too_long: { target: 'failed' } },
      on: { 'job.cancelled': { target: 'waiting' } },
    },
    done: { entry: { type: 'send', params: { message: 'help' } } },
    failed: { entry: { type: 'send', params: { message: 'terms' } } },
  },
});
