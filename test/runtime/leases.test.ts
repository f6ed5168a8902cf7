import { expect, inject, onTestFinished, test } from 'vitest';
import { readStatus } from '../../src/club/reports.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { Keys } from '../../src/runtime/redis/keys.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { type Sandbox, type SandboxUser, startSandbox } from '../../src/sandbox/index.ts';
import { type Program, run, variablesFor } from '../support/process.ts';

const answers = (user: SandboxUser) => user.messages.filter(({ from }) => from === 'bot').length;

/** The chats whose steps a copy has logged. */
const chatsOf = (copy: Program) =>
  new Set(copy.log().flatMap(({ update, chat }) => (update === undefined ? [] : chat)));

/** Each person writes once, and waits for the answer. */
async function everyone(sandbox: Sandbox, users: readonly SandboxUser[], text: string): Promise<void> {
  const before = users.map(answers);
  for (const user of users) user.says(text);
  await sandbox.waitFor(
    () => users.every((user, index) => answers(user) === (before[index] ?? 0) + 1),
    `one answer to ${text} for each`,
    10_000,
  );
}

/** Two copies on one Redis that share the shards, and eight people, who have said /start. */
async function twoCopies() {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const first = run(['start'], variables);
  await first.logged('ready');
  const users = Array.from({ length: 8 }, (_, index) => sandbox.user({ id: 2_001 + index }));
  await everyone(sandbox, users, '/start');
  const second = run(['start'], variables);
  await second.logged('ready');
  await expect.poll(() => sharing(first)).toBe(2);
  await everyone(sandbox, users, '/help');
  return { sandbox, variables, first, second, users };
}

/** Resolves when every answer is noted as sent: a kill before that may repeat one. */
async function noted(prefix: string): Promise<void> {
  const redis = connect(inject('redis'));
  const status = () => readStatus(openRedisStore(redis, { prefix, shards: 4 }), { machines: [] });
  await expect.poll(async () => (await status()).outbox).toBe(0);
  redis.disconnect();
}

const sharing = (copy: Program) =>
  copy
    .log()
    .filter(({ msg }) => msg === 'the copies of the bot share the work')
    .at(-1)?.['copies'];
const conflicts = (copy: Program) =>
  copy.log().filter(({ msg }) => msg === 'another program polls with this token; trying again').length;

test('two copies share the chats, and only one polls; when that one is killed the other goes on with all', async () => {
  const { sandbox, variables, first, second, users } = await twoCopies();
  // Shards change hands between two updates of a chat: until then, both may have had it.
  await expect
    .poll(async () => {
      await everyone(sandbox, users, '/status');
      return chatsOf(second).size;
    })
    .toBeGreaterThan(0);
  expect(conflicts(first) + conflicts(second)).toBe(0);
  expect(second.log().find(({ msg }) => msg === 'ready')).toMatchObject({ polling: false });
  await noted(`${variables['REDIS_PREFIX']}`);
  await first.kill('SIGKILL');
  await everyone(sandbox, users, '/help');
  await expect.poll(() => chatsOf(second).size).toBe(users.length);
});

test('a copy that stops in order hands everything over', async () => {
  const { sandbox, first, second, users } = await twoCopies();
  expect(await first.kill('SIGTERM')).toBe(0);
  await everyone(sandbox, users, '/help');
  await expect.poll(() => chatsOf(second).size).toBe(users.length);
});

test('a copy that was paused and taken for dead writes and sends nothing when it wakes, and joins again', async () => {
  const { sandbox, variables, first, second, users } = await twoCopies();
  await noted(`${variables['REDIS_PREFIX']}`);
  process.kill(first.pid, 'SIGSTOP');
  await everyone(sandbox, users, '/help');
  await expect.poll(() => sharing(second)).toBe(1);
  for (const user of users) user.says('/status');
  process.kill(first.pid, 'SIGCONT');
  await expect.poll(() => sharing(second)).toBe(2);
  await everyone(sandbox, users, '/terms');
  const status = users.map(
    (user) => user.messages.filter(({ text }) => text.includes('access to the club yet')).length,
  );
  expect(status).toEqual(users.map(() => 1));
  expect(first.child.exitCode).toBeNull();
});

test('a new start on the same host does not wait for the lease of one that was killed', async () => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const first = run(['start'], variables);
  await first.logged('ready');
  await first.kill('SIGKILL');
  const second = run(['start'], variables);
  await second.logged('ready');
  expect(second.log().find(({ msg }) => msg === 'ready')).toMatchObject({ polling: true });
});

/** Four people whose next message hangs, one in each shard, and eight others. */
async function slowSends(sandbox: Sandbox, users: readonly SandboxUser[]) {
  const slow = [0, 1, 2, 3].map((shard) => {
    let id = 5_000;
    while (shardOf(id, 4) !== shard) id++;
    return sandbox.user({ id });
  });
  await everyone(sandbox, slow, '/start');
  const sends = () => sandbox.calls.filter(({ method }) => method === 'sendMessage').length;
  const before = sends();
  for (const { id } of slow) sandbox.fail('sendMessage', { delay: 20_000 }, { chat: id });
  for (const user of slow) {
    user.says('/help');
    user.says('/terms');
  }
  await expect.poll(sends).toBe(before + slow.length);
  const heard = slow.map(answers);
  return {
    slow,
    /** Each of the others writes and is answered within a second, while nothing comes for the slow ones. */
    serves: async () => {
      const times = users.map(answers);
      for (const user of users) user.says('/status');
      await sandbox.waitFor(
        () => users.every((user, index) => answers(user) === (times[index] ?? 0) + 1),
        'an answer for each within a second',
        1_000,
      );
      expect(slow.map(answers)).toEqual(heard);
    },
    /** The slow messages have come once, and what was said behind them in order. */
    arrived: async () => {
      await sandbox.waitFor(() => slow.every((user) => /^Terms/.test(lastText(user))), 'the terms for each');
      for (const [index, user] of slow.entries()) {
        const texts = user.messages.filter(({ from }) => from === 'bot').slice(heard[index]);
        expect(texts.map(({ text }) => text.slice(0, 4))).toEqual(['What', 'Term']);
      }
    },
  };
}

const lastText = (user: SandboxUser) => user.messages.at(-1)?.text ?? '';

test('a send that hangs holds up nobody else while a copy joins; it comes once, and what follows in order', async () => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const first = run(['start'], variables);
  await first.logged('ready');
  const users = Array.from({ length: 12 }, (_, index) => sandbox.user({ id: 2_001 + index }));
  await everyone(sandbox, users, '/start');
  for (const user of users) user.presses('Get access');
  const isOffered = (user: SandboxUser) => user.messages.at(-1)?.kind === 'invoice';
  await sandbox.waitFor(() => users.every(isOffered), 'the invoice for each');
  const { serves, arrived } = await slowSends(sandbox, users);
  const second = run(['start'], variables);
  for (let round = 0; chatsOf(second).size === 0; round++) {
    expect(round).toBeLessThan(200);
    await serves();
    const checkouts = await Promise.all(users.map((user) => user.checkout()));
    expect(checkouts.every(({ ok }) => ok)).toBe(true);
  }
  sandbox.clock.advance(20_000);
  await arrived();
});

test('a copy that stops hands over at once, and goes on with the sends that hang until they are done', async () => {
  const { sandbox, first, users } = await twoCopies();
  const { serves, arrived } = await slowSends(sandbox, users);
  const ended = first.kill('SIGTERM');
  await first.logged('stopping');
  await serves();
  expect(first.child.exitCode).toBeNull();
  sandbox.clock.advance(20_000);
  await arrived();
  expect(await ended).toBe(0);
});

test('a send that hangs longer than a stop has time is made again by the next start, at once', async () => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const first = run(['start'], variables);
  await first.logged('ready');
  const anna = sandbox.user();
  sandbox.fail('sendMessage', 'hang', { chat: anna.id });
  anna.says('/start');
  anna.says('/help');
  await sandbox.waitFor(() => sandbox.calls.some(({ method }) => method === 'sendMessage'), 'the send');
  const redis = connect(inject('redis'));
  onTestFinished(() => redis.disconnect());
  const notes = new Keys(`${variables['REDIS_PREFIX']}`).held(shardOf(anna.id, 4));
  const seen = new Set<string>();
  const before = Date.now();
  const ended = first.kill('SIGTERM');
  const isOver = () => first.child.exitCode !== null;
  for (; !isOver(); await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100))]))
    for (const note of await redis.hvals(notes)) seen.add(note);
  expect(await ended).toBe(0);
  expect(Date.now() - before).toBeLessThan(10_000);
  // It was noted that the queue is in hand, anew after a while, and not any more in the end.
  expect(seen.size).toBeGreaterThan(1);
  expect(await redis.exists(notes)).toBe(0);
  run(['start'], variables);
  await anna.sees('What I can do');
  expect(anna.messages.filter(({ from }) => from === 'bot')).toHaveLength(2);
});
