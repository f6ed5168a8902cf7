import { expect, inject, onTestFinished, test } from 'vitest';
import { type Sandbox, type SandboxUser, startSandbox } from '../src/sandbox/sandbox.ts';
import { connect } from '../src/store/redis.ts';
import { readStatus } from '../src/store/status.ts';
import { type Program, run, variablesFor } from './support/process.ts';

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
  const status = () => readStatus(redis, { prefix, shards: 4, machines: [] });
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
