import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { InboxSource } from '../../src/runtime/loops/inbox.ts';
import { Shards } from '../../src/runtime/loops/shards.ts';
import { openRedisStore } from '../../src/runtime/redis/store.ts';
import type { Entry } from '../../src/runtime/stored.ts';
import { openTestRedis } from '../support/redis.ts';

/** Chats whose entries stand in one inbox, in order, and how many entries the hands that read them finish in between. */
const flood = fc.record({
  chats: fc.array(fc.constantFrom(1, 1, 1, 1, 2, 2, 3, 4), { minLength: 1, maxLength: 400, size: 'max' }),
  finished: fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 20 }),
  begunAnewAt: fc.option(fc.nat({ max: 60 }), { freq: 4 }),
});

test('whoever floods an inbox: each entry is given out once, a chat in order, few of it in hand, and nobody waits for it', async () => {
  const { redis, prefix } = await openTestRedis();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(flood, async ({ chats, finished, begunAnewAt }) => {
      const store = openRedisStore(redis, { prefix: `${prefix}-${run++}`, shards: 1 });
      await store.acquire(0, 'test', []);
      await store.appendUpdates(
        chats.map((chat, id) => ({ id, chat, lane: 'reply', kind: 'arrival', text: String(id) })),
      );
      const shards = new Shards();
      const source = new InboxSource(store, shards, 256, pino({ level: 'silent' }));
      shards.open(0);
      source.rewind(0);
      const given = source.generator();
      const inHand: Entry[] = [];
      const arrived: Entry[] = [];
      let reading: Promise<void> = Promise.resolve();
      const read = () => {
        reading = given.next().then(({ value, done: isOver }) => {
          arrived.push(...((value ?? []) as Entry[]));
          if (isOver !== true) read();
        });
      };
      read();
      const done: number[] = [];
      const most = new Map<number, number>();
      const finish = async () => {
        const entry = inHand.shift();
        if (entry === undefined) return;
        await redis.xdel(store.keys.inbox(0), entry.id);
        done.push(Number(entry.text));
        source.done(entry);
      };
      for (let round = 0; done.length < chats.length; round++) {
        // What is in hand when everything is read anew is left: it comes again.
        if (round === begunAnewAt) {
          for (const entry of [...inHand.splice(0), ...arrived.splice(0)]) source.done(entry);
          source.rewind(0);
        }
        // With nothing in hand something must come; else whatever has come by now.
        if (inHand.length === 0 && arrived.length === 0) await reading;
        inHand.push(...arrived.splice(0));
        for (const chat of new Set(chats))
          most.set(chat, Math.max(most.get(chat) ?? 0, inHand.filter((entry) => entry.chat === chat).length));
        for (let count = 0; count <= (finished[round % finished.length] ?? 0); count++) await finish();
      }
      source.close();
      expect([...done].sort((a, b) => a - b)).toEqual(chats.map((_, id) => id));
      for (const chat of new Set(chats)) {
        const mine = done.filter((id) => chats[id] === chat);
        expect(mine).toEqual([...mine].sort((a, b) => a - b));
        expect(most.get(chat)).toBeLessThanOrEqual(8);
      }
    }),
    { numRuns: 120, seed: 1 },
  );
});
