import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Store } from '../src/store/store.ts';
import { type Guard, guards, Memory, ModelStore } from './simulation/model.ts';
import { World } from './simulation/world.ts';
import { openTestRedis } from './support/redis.ts';

const both = (names: readonly string[], words: readonly string[]) =>
  names.flatMap((name) => words.map((word) => `${name}${word}`));
const said = both(
  ['anna: ', 'boris: '],
  [
    '/start',
    'wants access',
    'picks a topic',
    'pays',
    'pays, told once more',
    'gets money back',
    'wants a job',
    'cancels the job',
  ],
);
const loops = ['poll', 'work', 'fire', 'send'];

/** What happens, one line each; a case that fails is printed, and shrinks, as such lines. */
const line = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...said) },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...both(
        ['A ', 'B '],
        loops.map((loop) => `${loop}s`),
      ),
    ),
  },
  { weight: 5, arbitrary: fc.constantFrom(...both(['A begins to ', 'B begins to '], loops)) },
  { weight: 5, arbitrary: fc.constantFrom('A goes on', 'B goes on') },
  { weight: 2, arbitrary: fc.constantFrom('A takes over', 'B takes over', 'A crashes', 'B crashes') },
  { weight: 2, arbitrary: fc.constantFrom('clock +1s', 'clock +5m', 'clock +1d') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'the next send fails',
      "the next send's answer is lost",
      'the next write is repeated',
      'Telegram delivers again',
    ),
  },
);
const transcript = fc.array(line, { minLength: 1, maxLength: 80, size: 'max' });

const split = (lines: string): string[] => lines.split(/, (?=[AB] |anna: |boris: |clock|the next|Telegram)/);

const onModel = (lines: readonly string[], without?: Guard) => {
  const memory = new Memory();
  return World.play(lines, () => new ModelStore(memory, without), without);
};

/** Cases that only one guard stands against, as they were found and shrunk. */
const kept: [string[]][] = [
  // A reminder is claimed by one copy, and fired by another that takes over.
  [
    split(
      'anna: wants access, A polls, A works, clock +5m, A begins to fire, B takes over, B fires, A goes on',
    ),
  ],
  // The same, and the first one is the owner again when it goes on.
  [
    split(
      'anna: wants access, A polls, A works, clock +5m, A begins to fire, A goes on, B begins to fire, B goes on, ' +
        'B takes over, B goes on, B goes on, A takes over, A goes on',
    ),
  ],
  // A copy that is not the owner any more has read a session that has changed since.
  [
    split(
      'boris: wants access, A polls, boris: /start, B begins to work, A works, A works, clock +5m, A fires, B goes on',
    ),
  ],
  [
    split(
      'boris: wants access, A polls, boris: /start, B begins to work, B goes on, A polls, B goes on, B begins to work, ' +
        'clock +1d, A fires, A polls',
    ),
  ],
  // A note of a sent message is written twice.
  [split('anna: pays, A polls, A works, the next write is repeated, A sends, A begins to poll')],
  // A timer is in hand while its state is left and entered anew.
  [
    split(
      'anna: wants a job, A polls, A works, clock +5m, A begins to fire, anna: cancels the job, anna: wants a job, ' +
        'A polls, A works, A works, A goes on, A goes on, A goes on',
    ),
  ],
];

test('whatever crashes, is paused, repeated or lost: the guarantees hold', async () => {
  await fc.assert(
    fc.asyncProperty(transcript, (lines) => onModel(lines)),
    { numRuns: 1_500, examples: kept, seed: 1 },
  );
});

test.each(guards)('without "%s" they do not', async (guard) => {
  const found = await fc.check(
    fc.asyncProperty(transcript, (lines) => onModel(lines, guard)),
    { numRuns: 3_000, examples: kept, seed: 1, endOnFailure: true },
  );
  expect(found.failed, 'a case that breaks a guarantee').toBe(true);
});

test('the store over Redis keeps them as the model does', async () => {
  const { redis, prefix } = await openTestRedis();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(transcript, async (lines) => {
      const options = { prefix: `${prefix}-${run++}`, shards: 1 };
      await World.play(lines, () => new Store(redis, options));
    }),
    { numRuns: 100, examples: kept, seed: 2 },
  );
});
