import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { actions } from '../../src/prove/actions.ts';
import { readCounterexample, type Start } from '../../src/prove/counterexample.ts';
import { mutants } from '../../src/prove/mutations.ts';
import { programOf } from '../../src/prove/program.ts';
import { follow, search, shorten } from '../../src/prove/search.ts';
import { sentences } from '../../src/prove/sentences.ts';
import { story } from '../../src/prove/story.ts';
import type { Program } from '../../src/prove/world.ts';
import { dataDir } from '../support/process.ts';

const root = join(import.meta.dirname, '../..');
const minute = 60_000;
const starts: readonly Start[] = [
  { sale: 'subscription', keeps: false },
  { sale: 'days', keeps: false },
  { sale: 'forever', keeps: false },
  { sale: 'days', keeps: true },
];
const bounds = { depth: 12, tries: 15_000, time: 5 * minute };

let program: Program;
beforeAll(async () => {
  program = await programOf(join(root, 'content'));
});

/** The program with one planted fault. */
function mutantOf(name: string): Program {
  const mutant = mutants().find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`There is no mutant "${name}"`);
  return mutant.change(program);
}

test('every way of three actions holds every sentence, for whatever is sold', {
  timeout: minute,
}, async () => {
  const result = await search(program, starts, { ...bounds, depth: 3, tries: 100_000 });
  expect(result.counterexample).toBeNull();
  expect(result.complete).toBe(true);
  expect(result.deepest).toBe(3);
});

test('the lightest of the longer ways do, too', { timeout: minute }, async () => {
  const result = await search(program, starts, bounds);
  expect(result.counterexample).toBeNull();
  expect(result.tries).toBe(bounds.tries);
  expect(result.deepest).toBeGreaterThan(4);
});

test.each([
  ['a refund takes all that was paid', 'access'],
  ['what was found counts from today', 'off'],
  ['every second payment goes back', 'refund'],
  ['a subscription is called off by its last charge', 'off'],
  ['a link lets in whoever has it', 'link'],
  ['/forget drops what is owed', 'off'],
  ['an invoice is payable again and again', 'nothing'],
  ['membership: the guard hasNoAccess is never true', 'quiet'],
])('a planted fault is found: %s', { timeout: minute }, async (name, sentence) => {
  const { counterexample } = await search(mutantOf(name), starts, { ...bounds, tries: 100_000 });
  expect(counterexample?.sentence, JSON.stringify(counterexample)).toBe(sentence);
});

/** Each of these broke a sentence before the program was mended. */
const mended: readonly [Start['sale'], string][] = [
  ['days', 'buy, pay-lost, pay, compare'],
  ['subscription', 'buy, pay-late, pay, deliver'],
  ['subscription', 'buy, pay-lost, refund-newest, compare'],
  ['subscription', 'buy, foreign, pay-twice, renew'],
  ['subscription', 'buy, pay, call-off, owe, take-up'],
  ['subscription', 'buy, pay, call-off, refund-newest, pay, take-up'],
  ['subscription', 'buy, pay-lost, buy, pay, renew, compare'],
  ['subscription', 'buy, pay, renew-lost, call-off, take-up, compare'],
  ['subscription', 'buy, pay, renew-lost, call-off, take-up, grant'],
  ['subscription', 'buy, pay-lost, pay, call-off, compare, refund-oldest'],
  ['subscription', 'buy, pay-lost, pay, forget, compare, refund-oldest'],
  ['forever', 'buy, refuse, pay-twice, owe, refund-oldest'],
  ['forever', 'buy, pay-lost, sell-subscription, buy, pay, compare'],
];
test.each(mended)('a story that went wrong once: %s, %s', async (sale, ids) => {
  await follow(program, { sale, keeps: false }, ids.split(', '));
});

test('a counterexample is cut to what it needs, and told', { timeout: minute }, async () => {
  const faulty = mutantOf('a link lets in whoever has it');
  const shortest = await shorten(faulty, {
    start: { sale: 'days', keeps: false },
    actions: ['buy', 'pay', 'topic', 'block-bot', 'pass-on'],
    passes: [],
    sentence: 'link',
    what: '',
  });
  expect(shortest.actions).toEqual(['buy', 'pay', 'pass-on']);
  expect(shortest.passes).toHaveLength(3);
  expect((await story(faulty, shortest)).join('\n')).toMatchInlineSnapshot(`
    "The bot sells days.
    - Anna asks to buy
      the bot writes to Anna: offer
      the bot writes to Anna: sendInvoice
    - Anna pays the newest invoice
      the bot answers: approveCheckout
      the bot writes to Anna: payment_thanks
      the bot writes to Anna: choose_topic
      (createInvite {"revoke":null,"admits":false})
      the bot writes to Anna: club_invite
    - Boris uses the link that Anna passed on
      ✗ A link lets in nobody but who has access: Boris came in by a link that was given to Anna"
  `);
});

test('an action that a file names and that there is not is said to be missing', async () => {
  await expect(follow(program, { sale: 'days', keeps: false }, ['fly'])).rejects.toThrow('found "fly"');
});

test('a file that holds no counterexample is refused, and one that does is read as it is', () => {
  const file = join(dataDir(), 'example.json');
  const example = { start: { sale: 'days', keeps: false }, actions: ['buy'], passes: [0] };
  const read = (content: unknown) => {
    writeFileSync(file, JSON.stringify(content));
    return readCounterexample(file);
  };
  expect(read(example)).toEqual(example);
  const others = [null, {}, { ...example, start: { sale: 'apples' } }, { ...example, passes: undefined }];
  for (const other of others) expect(() => read(other)).toThrow(`Expected ${file} to hold a counterexample`);
  expect(() => read({ ...example, actions: ['fly'] })).toThrow('found "fly"');
});

test('actions and mutants have names of their own, and the operator’s guide has every sentence', () => {
  const guide = readFileSync(join(root, 'docs/operator.md'), 'utf8');
  for (const sentence of Object.values(sentences)) expect(guide).toContain(`| ${sentence} |`);
  expect(new Set(actions.map(({ id }) => id)).size).toBe(actions.length);
  const all = mutants();
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(all.filter(({ equivalent }) => equivalent === undefined).length).toBeGreaterThan(30);
});
