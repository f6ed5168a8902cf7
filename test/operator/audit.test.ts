import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { type Audit, type AuditFlags, auditDoor, DoorRefused } from '../../src/operator/door.ts';
import { connect } from '../../src/runtime/redis/connect.ts';
import { createApis } from '../../src/telegram/client.ts';
import { buys, clubId, days, inviteOf, openShop, operatorId, product, type Shop } from '../support/shop.ts';

const club = { id: clubId };

/** What `turnstile door audit --json` does and prints. */
async function audits(
  { bot }: Shop,
  flags: AuditFlags = {},
  { signal, asked = () => {} }: { signal?: AbortSignal; asked?: () => void } = {},
): Promise<Audit> {
  const lines: string[] = [];
  const { log } = console;
  const redis = connect(inject('redis'));
  const call = createApis({ token: bot.sandbox.token, root: bot.sandbox.url, ratePerSecond: 30 }).perform(
    'reply',
  );
  console.log = (line: string) => void lines.push(line);
  try {
    const options = {
      redis,
      where: { prefix: bot.prefix, shards: 4 },
      call: (method: string, payload: Record<string, unknown>) => {
        asked();
        return call(method, payload);
      },
      clock: bot.clock,
      club: clubId,
      trusted: new Set([operatorId, 4711]),
      facts: { club: clubId },
      ...(signal !== undefined && { signal }),
    };
    await auditDoor(options, { json: true, ...flags });
  } finally {
    console.log = log;
    redis.disconnect();
  }
  return JSON.parse(lines.join('\n')) as Audit;
}

/** Anna is a member, Boris was let in by nobody, Clara has paid and is outside, Dora's time is over and she stayed. */
async function played() {
  const shop = await openShop(product.club, product.month);
  const { bot } = shop;
  const place = bot.sandbox.club({ id: clubId });
  const person = (firstName: string) => bot.sandbox.user({ firstName });
  const [anna, boris, clara, dora] = [person('Anna'), person('Boris'), person('Clara'), person('Dora')];
  await buys(bot, dora);
  await bot.settled();
  bot.clock.shift(30 * days);
  await expect.poll(() => shop.membership(dora)).toBe('none');
  place.alreadyHas(dora);
  await buys(bot, anna);
  anna.joins(inviteOf(anna));
  await expect.poll(() => anna.isMember(club)).toBe(true);
  await buys(bot, clara);
  place.adds(boris);
  await bot.settled();
  bot.clock.shift(60_000);
  await shop.operator.sees('Came into the club without access: 1');
  return { shop, place, people: { anna, boris, clara, dora } };
}

test('the audit names who is inside without access and who has access outside, and changes nothing', async () => {
  const { shop, place, people } = await played();
  const { anna, boris, clara, dora } = people;
  // A session at the door without access is forgotten after a while; the stranger is known all the same.
  shop.bot.clock.shift(2 * 3_600_000);
  await expect.poll(async () => (await shop.bot.chat(boris)).sessions).toEqual([]);
  const before = shop.bot.sandbox.calls.length;
  const audit = await audits(shop);
  expect(audit).toMatchObject({ club: clubId, checked: audit.known, removed: 0, invited: 0 });
  const byId = (a: { id: number }, b: { id: number }) => a.id - b.id;
  expect([...audit.insideUnpaid].sort(byId)).toEqual([
    { id: boris.id, name: 'Boris', reason: 'no payment, and nothing given' },
    { id: dora.id, name: 'Dora', reason: expect.stringMatching(/^access ended on \d{4}-\d\d-\d\d$/) },
  ]);
  expect(audit.outsidePaid).toEqual([{ id: clara.id, name: 'Clara', reason: 'has a link' }]);
  const asked = shop.bot.sandbox.calls.slice(before).filter(({ method }) => method !== 'getUpdates');
  expect(new Set(asked.map(({ method }) => method))).toEqual(new Set(['getChatMember']));
  expect(place.members).toContain(anna.id);
});

test('with --remove who is inside without access is taken out, and with --invite who is outside gets a link', async () => {
  const { shop, people } = await played();
  const { anna, boris, clara, dora } = people;
  const first = inviteOf(clara);
  shop.bot.clock.shift(60_000);
  expect(await audits(shop, { remove: true, invite: true })).toMatchObject({ removed: 2, invited: 1 });
  await expect.poll(() => [boris.isMember(club), dora.isMember(club)]).toEqual([false, false]);
  await expect.poll(() => inviteOf(clara)).not.toBe(first);
  clara.joins(inviteOf(clara));
  await expect.poll(() => clara.isMember(club)).toBe(true);
  expect(anna.isMember(club)).toBe(true);
  expect(await audits(shop)).toMatchObject({ insideUnpaid: [], outsidePaid: [] });
  // A stranger who is outside is remembered no longer than the session at the door.
  shop.bot.clock.shift(2 * 3_600_000);
  await expect.poll(async () => (await shop.bot.chat(boris)).sessions).toEqual([]);
  expect((await audits(shop)).known).toBe(3);
});

test('people of whom the bot knows nothing are named by a file; trusted ones, administrators and bots are left out', async () => {
  const shop = await openShop(product.club);
  const { bot, folder, operator } = shop;
  const place = bot.sandbox.club({ id: clubId });
  const [old, friend, admin] = [bot.sandbox.user(), bot.sandbox.user({ id: 4711 }), bot.sandbox.user()];
  for (const person of [old, friend, operator]) place.alreadyHas(person);
  place.promotes(admin);
  const file = join(folder, 'ids.csv');
  const ids = [old, friend, admin, operator].map(({ id }) => `${id},somebody`);
  await writeFile(file, ['id,name', ...ids, '999999'].join('\n'));
  const { insideUnpaid, known } = await audits(shop, { ids: file });
  expect(insideUnpaid.map(({ id }) => id)).toEqual([old.id]);
  expect(known).toBe(3);
});

test('an audit that is interrupted shows what it found, and does nothing', async () => {
  const { shop, people } = await played();
  const stopping = new AbortController();
  let count = 0;
  const asked = () => {
    if (++count === 3) stopping.abort();
  };
  const audit = await audits(shop, { remove: true }, { signal: stopping.signal, asked });
  expect(audit).toMatchObject({ known: 4, checked: 3, removed: 0 });
  expect(audit.insideUnpaid.length).toBeGreaterThan(0);
  await shop.bot.settled();
  expect([people.boris.isMember(club), people.dora.isMember(club)]).toEqual([true, true]);
});

test('a pause that Telegram asks for is waited for, and a club that cannot be looked at is named', async () => {
  const { shop } = await played();
  const { sandbox, clock } = shop.bot;
  const calls = () => sandbox.calls.filter(({ method }) => method === 'getChatMember').length;
  const before = calls();
  const flood = { status: 429, description: 'Too Many Requests: retry after 60', retryAfter: 60 };
  sandbox.fail('getChatMember', flood);
  const audit = audits(shop);
  await expect.poll(calls).toBe(before + 1);
  // The refusal may still be on its way.
  const moving = setInterval(() => clock.shift(60_000), 100);
  expect((await audit.finally(() => clearInterval(moving))).insideUnpaid).toHaveLength(2);
  sandbox.fail('getChatMember', { status: 400, description: 'Bad Request: chat not found' });
  await expect(audits(shop)).rejects.toThrow(DoorRefused);
});
