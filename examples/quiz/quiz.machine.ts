import { assign, setup } from 'xstate';

interface Context {
  /** Locale of every answer, for example `ru`. */
  language: string;
  /** The question that is on the table, from 1; 0 before the first. */
  question: number;
  /** Right answers so far. */
  score: number;
}

export const quizMachine = setup({
  types: {
    context: {} as Context,
    input: {} as { language: string },
    events: {} as
      | { type: 'start.requested' }
      | { type: 'quiz.started' }
      | { type: 'pause.requested' }
      | { type: 'quiz.resumed' }
      | { type: 'score.requested' }
      | { type: 'answer.given'; value?: string },
  },
  delays: {
    /** How long a question may be answered. */
    question_time: 30_000,
    /** When who paused is asked to come back. */
    come_back: 72_000_000,
    /** When an untouched session goes. */
    idle_ttl: 604_800_000,
  },
  guards: {
    isAt: ({ context }, { question }: { question: number }) => context.question === question,
    /** The buttons of question 3 carry `3.right` or `3.wrong`, so that those of an earlier question count for nothing. */
    isRight: ({ context, event }) =>
      event.type === 'answer.given' && event.value === `${context.question}.right`,
    isWrong: ({ context, event }) =>
      event.type === 'answer.given' && event.value?.startsWith(`${context.question}.wrong`) === true,
  },
  actions: {
    send: (_, _params: { message: string; lane?: 'reply' }) => {},
    begin: assign({ question: 0, score: 0 }),
    turnPage: assign({ question: ({ context }) => context.question + 1 }),
    addPoint: assign({ score: ({ context }) => context.score + 1 }),
  },
}).createMachine({
  id: 'quiz',
  description: 'Ten questions, half a minute for each. A round can be paused, and goes on the next day.',
  meta: {
    userEvents: [
      'start.requested',
      'quiz.started',
      'pause.requested',
      'quiz.resumed',
      'score.requested',
      'answer.given',
    ],
  },
  context: ({ input }) => ({ language: input.language, question: 0, score: 0 }),
  initial: 'idle',
  on: {
    'score.requested': { actions: { type: 'send', params: { message: 'score' } } },
  },
  states: {
    idle: {
      description: 'No round is being played. An untouched session here expires after idle_ttl.',
      tags: ['expires after idle_ttl'],
      on: {
        'start.requested': { actions: { type: 'send', params: { message: 'welcome' } } },
        'quiz.started': { target: 'turning', actions: 'begin' },
      },
    },
    turning: {
      description: 'Turns to the next question; after the tenth the round is over.',
      entry: 'turnPage',
      always: { target: 'choosing' },
    },
    choosing: {
      description: 'Asks the question whose turn it is.',
      always: [
        {
          guard: { type: 'isAt', params: { question: 1 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_1', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 2 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_2', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 3 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_3', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 4 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_4', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 5 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_5', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 6 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_6', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 7 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_7', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 8 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_8', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 9 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_9', lane: 'reply' } },
        },
        {
          guard: { type: 'isAt', params: { question: 10 } },
          target: 'asking',
          actions: { type: 'send', params: { message: 'question_10', lane: 'reply' } },
        },
        { target: 'idle', actions: { type: 'send', params: { message: 'finished', lane: 'reply' } } },
      ],
    },
    asking: {
      description: 'A question is on the table. A press of an earlier one is out of date, and is told so.',
      after: {
        question_time: {
          target: 'turning',
          actions: { type: 'send', params: { message: 'time_is_up', lane: 'reply' } },
        },
      },
      on: {
        'answer.given': [
          {
            guard: 'isRight',
            target: 'turning',
            actions: ['addPoint', { type: 'send', params: { message: 'right' } }],
          },
          {
            guard: 'isWrong',
            target: 'turning',
            actions: { type: 'send', params: { message: 'wrong' } },
          },
        ],
        'pause.requested': { target: 'paused', actions: { type: 'send', params: { message: 'paused' } } },
      },
    },
    paused: {
      description: 'The clock stands still. Once, after come_back, the player is asked to come back.',
      tags: ['expires after idle_ttl'],
      after: {
        come_back: { actions: { type: 'send', params: { message: 'come_back' } } },
      },
      on: {
        'quiz.resumed': {
          target: 'choosing',
          description: 'The question is asked again, with all its time.',
        },
        'quiz.started': { target: 'turning', description: 'From the beginning.', actions: 'begin' },
        'start.requested': { actions: { type: 'send', params: { message: 'paused' } } },
      },
    },
  },
});
