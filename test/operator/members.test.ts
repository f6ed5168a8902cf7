import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readByHand, refusalOf } from '../../src/club/support/by-hand.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { edited } from '../support/content.ts';
import { run, variablesFor } from '../support/process.ts';
import { buys, clubId, days, isOffered, openShop, operatorId, product, type Shop } from '../support/shop.ts';

const actsOf = async ({ bot }: Shop, user: { id: number }) => (await bot.chat(user as never)).acts ?? [];
const accessOf = async ({ bot }: Shop, user: { id: number }) => (await bot.chat(user as never)).access;

test.each([
  ['grant', '7 30', { act: 'grant', person: 7, days: 30 }],
  ['grant', '7 30 won a  place', { act: 'grant', person: 7, days: 30, reason: 'won a  place' }],
  ['grant', '7 forever', { act: 'grant', person: 7 }],
  ['grant', '7 forever a friend', { act: 'grant', person: 7, reason: 'a friend' }],
  ['extend', ' 7 1 ', { act: 'extend', person: 7, days: 1 }],
  ['extend', '7 -3 too many', { act: 'extend', person: 7, days: -3, reason: 'too many' }],
  ['extend', '7 0', null],
  ['revoke', '7', { act: 'revoke', person: 7 }],
  ['block', '7 rude', { act: 'block', person: 7, reason: 'rude' }],
  ['unblock', '7', { act: 'unblock', person: 7 }],
  ['grant', '7', null],
  ['grant', '7 0', null],
  ['grant', '7 -1', null],
  ['grant', '7 1.5', null],
  ['grant', '7 36501', null],
  ['grant', 'anna 30', null],
  ['grant', '-100 30', null],
  ['extend', '7 forever', null],
  ['revoke', '', null],
  ['block', '0', null],
] as const)('/%s %s', (act, words, expected) => {
  expect(readByHand(act, words)).toEqual(expected);
});

test('what an operator asks for and what would come to nothing', () => {
  const nothing = { has: false, extras: [], owed: [], callOff: [] };
  const member = { ...nothing, has: true, until: 10, ends: 10 };
  const forEver = { ...nothing, has: true, forEver: true } as const;
  const blocked = { ...member, has: false, blocked: true } as const;
  const refusal = (access: Parameters<typeof refusalOf>[0], kind: string, act = kind, days = 7) =>
    refusalOf(access, access, { kind, id: '', chat: 1, at: 5, by: 900, charge: 'c', days } as never, act, 5);
  expect(refusal(nothing, 'grant')).toBeNull();
  expect(refusal(nothing, 'grant', 'extend')).toBe('no_access');
  expect(refusal(member, 'grant', 'extend')).toBeNull();
  expect(refusal(member, 'grant', 'extend', -7)).toBe('no_days');
  expect(refusal(forEver, 'grant', 'extend')).toBe('for_ever');
  expect(refusal(forEver, 'grant')).toBe('for_ever');
  expect(refusal(blocked, 'grant')).toBe('blocked');
  expect(refusal(nothing, 'revoke')).toBe('no_access');
  expect(refusal(blocked, 'revoke')).toBeNull();
  expect(refusal({ ...member, has: false, until: 4, ends: 4 }, 'revoke')).toBe('no_access');
  expect(refusal(blocked, 'block')).toBe('blocked');
  expect(refusal(member, 'unblock')).toBe('not_blocked');
  expect(refusal(member, 'count')).toBe('no_extra');
  expect(refusal({ ...member, extras: ['c'] }, 'count')).toBeNull();
  expect(refusal({ ...forEver, extras: ['c'] }, 'count')).toBe('for_ever');
});

test('/grant gives access to who has none, /extend adds, /revoke ends it; the book says who, when and why', async () => {
  const shop = await openShop(product.club);
  const { bot, operator, membership } = shop;
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');

  operator.says(`/extend ${anna.id} 7`);
  expect((await operator.sees('Nothing was changed')).text).toContain('This person has no access');
  operator.says(`/revoke ${anna.id}`);
  expect((await operator.sees('Nothing was changed')).text).toContain('This person has no access');
  await bot.settled();
  expect(await actsOf(shop, anna)).toEqual([]);

  operator.says(`/grant ${anna.id} 30 won a place`);
  expect((await operator.sees('Access given')).text).toMatch(
    new RegExp(`id ${anna.id}\\nAccess is open until .*\\nBy: ${operatorId}\\nReason: won a place`),
  );
  await anna.sees('You have been given access until');
  await anna.sees('Here is your way into the club');
  await bot.settled();
  expect(await bot.state(anna)).toBe('paid');
  expect(await membership(anna)).toBe('active.member');
  const { until = 0 } = (await accessOf(shop, anna)) ?? {};
  const [grant] = await actsOf(shop, anna);
  expect(grant).toMatchObject({ kind: 'grant', days: 30, by: operatorId, reason: 'won a place' });
  expect(Math.abs(until - 30 * days - bot.clock.now())).toBeLessThan(60_000);

  operator.says(`/extend ${anna.id} 7`);
  await operator.sees('More time given');
  await anna.sees('The organiser has given you more time');
  await bot.settled();
  expect(await accessOf(shop, anna)).toMatchObject({ until: until + 7 * days });

  operator.says(`/extend ${anna.id} -7`);
  await operator.sees('Time taken back');
  await anna.sees(/^Access is open until/);
  await bot.settled();
  expect(await accessOf(shop, anna)).toMatchObject({ until });
  operator.says(`/member ${anna.id}`);
  await operator.sees('7 days taken back');

  operator.says(`/revoke ${anna.id} asked for it`);
  await operator.sees('Access taken away');
  await anna.sees('Your access to the club has been ended');
  await bot.settled();
  expect(await bot.state(anna)).toBe('idle');
  expect(await membership(anna)).toBe('none');
  expect(await accessOf(shop, anna)).toMatchObject({ has: false });

  operator.says(`/grant ${anna.id} forever`);
  await anna.sees('You have been given access for good');
  operator.says(`/grant ${anna.id} 30`);
  expect((await operator.sees('Nothing was changed')).text).toContain('for good');
  await bot.settled();
  expect((await actsOf(shop, anna)).map(({ kind }) => kind)).toEqual([
    'grant',
    'grant',
    'grant',
    'revoke',
    'grant',
  ]);
  expect((await bot.status()).dead).toBe(0);
});

test('/grant reaches who has never written: they stand in the book, and the bot knows them when they come', async () => {
  const shop = await openShop(product.month);
  const { bot, operator } = shop;
  const stranger = bot.sandbox.user({ firstName: 'Boris' });
  operator.says(`/grant ${stranger.id} 30`);
  await operator.sees('Access given');
  await bot.settled();
  stranger.says('/start');
  await stranger.sees('Where shall we begin');
  expect(await bot.state(stranger)).toBe('paid');
  expect((await bot.status()).dead).toBe(0);
});

test('/block shuts door and till, also of an offer that is out; /unblock gives back what was left', async () => {
  const shop = await openShop(product.club, product.month);
  const { bot, operator, membership } = shop;
  const [anna, boris] = [bot.sandbox.user(), bot.sandbox.user({ firstName: 'Boris' })];
  await buys(bot, anna);
  operator.says(`/block ${anna.id} rude`);
  await operator.sees('Blocked');
  await anna.sees('has been ended by the organiser');
  await bot.settled();
  expect(await membership(anna)).toBe('none');
  anna.requestsToJoin(clubId);
  await anna.sees('This club is for members');
  expect(anna.isMember(clubId)).toBe(false);
  anna.presses('Get access');
  await anna.sees('Access cannot be bought from here');
  await expect(anna.pays()).rejects.toThrow('Nothing can be bought from here');
  operator.says(`/block ${anna.id}`);
  expect((await operator.sees('Nothing was changed')).text).toContain('is blocked');
  operator.says(`/grant ${anna.id} 5`);
  expect((await operator.sees('Nothing was changed')).text).toContain('/unblock first');
  operator.says(`/unblock ${anna.id}`);
  await operator.sees('Unblocked');
  await anna.sees('You have been given access until');
  await bot.settled();
  expect(await bot.state(anna)).toBe('paid');
  expect(await membership(anna)).toBe('active.member');

  await isOffered(bot, boris);
  operator.says(`/block ${boris.id}`);
  await operator.sees(new RegExp(`Blocked[\\s\\S]*${boris.id}`));
  await bot.settled();
  expect(await bot.state(boris)).toBe('idle');
  await expect(boris.pays()).rejects.toThrow('Nothing can be bought from here');
  const before = boris.messages.length;
  bot.clock.shift(4 * days);
  await bot.settled();
  expect(boris.messages.length).toBe(before);
});

test('/member shows access, the way into the club and the book; what names nobody is explained', async () => {
  const shop = await openShop(product.club);
  const { bot, operator } = shop;
  const anna = bot.sandbox.user();
  const { charge } = await buys(bot, anna);
  operator.says(`/grant ${anna.id} forever`);
  await operator.sees('Nothing was changed');
  operator.says(`/member ${anna.id}`);
  const shown = await operator.sees(/^Anna, id/);
  expect(shown.text).toContain('Access is open for good');
  expect(shown.text).toContain('The club: has a link');
  expect(shown.text).toMatch(new RegExp(`\\d{4}-\\d\\d-\\d\\d · paid 250 Stars · ${charge}`));
  operator.says('/member 4711');
  expect((await operator.sees(/^id 4711/)).text).toContain('There is no access');
  for (const wrong of ['/member', '/member anna', '/grant 5', '/grant', '/extend 5', '/revoke', '/block x']) {
    operator.says(wrong);
    await operator.sees('USER is the number');
  }
  await bot.settled();
  expect((await bot.status()).dead).toBe(0);
});

test('for anybody else these commands are words', async () => {
  const shop = await openShop();
  const { bot, operator } = shop;
  const mallory = bot.sandbox.user({ firstName: 'Mallory' });
  for (const words of [`/grant ${mallory.id} forever`, `/block ${operator.id}`, `/member ${operator.id}`]) {
    mallory.says(words);
  }
  await mallory.sees('I am a bot');
  await bot.settled();
  expect(await accessOf(shop, mallory)).toBeUndefined();
  expect(await actsOf(shop, operator)).toEqual([]);
});

test('an update of a command that comes twice, and the same file imported twice, do it once', async () => {
  const shop = await openShop(product.month);
  const { bot, operator } = shop;
  const anna = bot.sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  const update_id = 4_000_000;
  const chat = { id: operatorId, type: 'private', first_name: 'Olga' };
  const message = {
    message_id: 99,
    date: Math.floor(bot.clock.now() / 1_000),
    chat,
    from: { id: operatorId, is_bot: false, first_name: 'Olga' },
    text: `/grant ${anna.id} 10`,
  };
  for (let time = 0; time < 2; time++) bot.sandbox.push({ update_id, message });
  await operator.sees('Access given');
  await bot.settled();
  expect(await actsOf(shop, anna)).toHaveLength(1);
});

/** A bot as a process, and commands that meet it in the same Redis. */
async function installed() {
  const sandbox = await startSandbox({ strict: true });
  onTestFinished(() => sandbox.close());
  const folder = await edited(
    ['bot.yaml', 'default_language: ru', 'default_language: en'],
    product.month,
    product.club,
  );
  sandbox.club({ id: clubId, joinByRequest: true });
  const variables = variablesFor(sandbox, { CONTENT_DIR: folder, ADMIN_IDS: '900' });
  const members = async (...args: string[]) => {
    const program = run(['members', ...args], variables);
    return { code: await program.ended, output: program.output() };
  };
  const start = async () => {
    const bot = run(['start'], variables);
    await bot.logged('ready');
    return bot;
  };
  return { sandbox, folder, members, start };
}

test('turnstile members: by hand, shown, listed and exported', async () => {
  const { sandbox, folder, members, start } = await installed();
  await start();
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  expect(await members('extend', `${anna.id}`, '7')).toMatchObject({
    code: 66,
    output: expect.stringContaining(`${anna.id} has no access. Nothing was changed.`),
  });
  expect(await members('grant', `${anna.id}`, 'some')).toMatchObject({ code: 64 });
  expect(await members('grant', `${anna.id}`, '30', 'a', 'friend')).toMatchObject({ code: 0 });
  await anna.sees('You have been given access until');
  await anna.sees('Here is your way into the club');
  expect(await members('extend', `${anna.id}`, '-2', 'too', 'long')).toMatchObject({ code: 0 });
  await anna.sees(/^Access is open until/);
  const { output } = await members('list', '--json');
  expect(JSON.parse(output)).toMatchObject([{ chat: anna.id, access: 'open', renews: false, extras: [] }]);
  expect(JSON.parse((await members('show', `${anna.id}`, '--json')).output)).toMatchObject({
    access: 'open',
    book: [
      { kind: 'grant', days: 30, by: 'cli', reason: 'a friend' },
      { kind: 'grant', days: -2, by: 'cli', reason: 'too long' },
    ],
  });
  const file = join(folder, 'members.csv');
  expect(await members('export', '--csv', file)).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^id,access.*\\r\\n${anna.id},open,20.*Z,false,0,0`));
  expect(await members('revoke', `${anna.id}`)).toMatchObject({ code: 0 });
  await anna.sees('has been ended by the organiser');
  expect((await members('list')).output).toMatch(new RegExp(`${anna.id} +none`));
});

test('turnstile members import: a dry run first, silent for people, once', async () => {
  const { sandbox, folder, members, start } = await installed();
  await start();
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  const said = anna.messages.length;
  const file = join(folder, 'old.csv');
  writeFileSync(file, `id,until\n${anna.id},2031-02-30\n5,\n5,30\nx,30\n`);
  const wrong = await members('import', file);
  expect(wrong.code).toBe(66);
  for (const problem of [
    'line 2: expected days',
    'line 3: expected',
    'line 4: 5 stands',
    'line 5: expected a',
  ])
    expect(wrong.output).toContain(problem);

  writeFileSync(file, `\uFEFFid;until\r\n${anna.id};2099-12-25\r\n2001;forever\r\n2002;30\r\n`);
  const dry = await members('import', file);
  expect(dry).toMatchObject({ code: 0, output: expect.stringContaining('Nothing was done') });
  expect(dry.output).toContain('until 2099-12-26 00:00');
  expect(JSON.parse((await members('list', '--json')).output)).toEqual([]);

  for (let time = 0; time < 2; time++) {
    expect(await members('import', file, '--apply')).toMatchObject({ code: 0 });
    await expect
      .poll(async () => JSON.parse((await members('list', '--json')).output), { timeout: 10_000 })
      .toMatchObject([
        { chat: anna.id, access: 'open' },
        { chat: 2001, access: 'open', until: 'forever' },
        { chat: 2002, access: 'open' },
      ]);
  }
  expect((await members('import', file)).output).toContain('0 get access or more of it; 3 unchanged');
  expect(anna.messages.length).toBe(said);
  // They have access from now on.
  anna.says('/status');
  await anna.sees(/Access is open until December 25, 2099\./);
});
