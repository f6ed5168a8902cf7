import { once } from 'node:events';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { machines } from '../../src/club/club.ts';
import { reportOf } from '../../src/club/conversation.ts';
import { readChat, readStatus } from '../../src/club/reports.ts';
import { prepareMachine } from '../../src/runtime/core/machine.ts';
import type { CrashPoint } from '../../src/runtime/points.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { edited } from '../support/content.ts';
import { type Program, run, variablesFor } from '../support/process.ts';
import { clubId, days, inviteOf, product } from '../support/shop.ts';

/** How often each point is passed between a payment and the link to the club. */
const passes: Partial<Record<CrashPoint, number>> = {
  'updates fetched': 1,
  'updates appended': 1,
  'cause read': 3,
  'step committed': 3,
  'effect taken': 4,
  'effect performed': 4,
  'effect settled': 4,
};

test.each(Object.entries(passes))(
  'killed between payment and access at "%s": who paid gets in once, and has paid for one month',
  async (point, most) => {
    const sandbox = await startSandbox();
    onTestFinished(() => sandbox.close());
    const club = sandbox.club({ id: clubId });
    const folder = await edited(product.club, product.month);
    const variables = variablesFor(sandbox, { CONTENT_DIR: folder, SHARDS: '2' });
    const redis = new Redis(inject('redis'));
    onTestFinished(() => redis.disconnect());
    const store = openRedisStore(redis, { prefix: variables['REDIS_PREFIX'] ?? '', shards: 2 });
    const where = {
      machines: machines.map((source) => reportOf(prepareMachine(source))),
    };
    const start = async (): Promise<Program> => {
      const bot = run([], variables, 'test/support/crash.mjs');
      await bot.logged('ready');
      return bot;
    };
    const quiet = () =>
      expect
        .poll(
          async () => {
            const looks = [0, 1].map(() => readStatus(store, where));
            const left = (await Promise.all(looks)).map(({ inbox, outbox }) => inbox + outbox);
            return left.reduce((sum, count) => sum + count, sandbox.pendingUpdates);
          },
          { timeout: 10_000 },
        )
        .toBe(0);

    for (let pass = 1; pass <= most; pass++) {
      let bot = await start();
      const anna = sandbox.user();
      anna.says('/start');
      await anna.sees('Get access');
      anna.presses('Get access');
      await sandbox.waitFor(() => anna.messages.at(-1)?.kind === 'invoice', 'the invoice');
      await quiet();
      bot.child.send({ point, pass });
      await once(bot.child, 'message');
      const { charge } = await anna.paysAgain();
      expect(await bot.ended, `pass ${pass}`).toBe('SIGKILL');
      bot = await start();
      await anna.sees('your way into the club');
      await quiet();

      const chat = await readChat(store, anna.id, where);
      expect(chat.payments).toMatchObject([{ charge }]);
      expect(chat.sessions).toMatchObject([
        { state: 'paid' },
        { machine: 'membership', state: 'active.member' },
      ]);
      const membership = chat.sessions[1] as (typeof chat.sessions)[number];
      const { until } = membership.context as { until: number };
      expect(until - (chat.payments[0]?.at ?? 0)).toBe(30 * days);
      const stranger = sandbox.user();
      stranger.joins(inviteOf(anna));
      anna.joins(inviteOf(anna));
      await expect.poll(() => anna.isMember(club), { timeout: 10_000 }).toBe(true);
      await quiet();
      expect(stranger.isMember(club)).toBe(false);
      await bot.kill('SIGKILL');
    }
    const { dead } = await readStatus(store, where);
    expect(dead).toBe(0);
  },
);
