import { defineBot } from 'turnstile/telegram';
import { quizMachine } from './quiz.machine.ts';

export default defineBot({
  machines: [quizMachine],
  variables: { name: 64, question: 2, score: 2 },
  commands: ['start', 'pause', 'score'],
});
