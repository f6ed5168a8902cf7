import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Sandbox, type SandboxUser, startSandbox } from '../../src/sandbox/index.ts';
import { editContent, edited } from '../support/content.ts';
import { type Program, run, variablesFor } from '../support/process.ts';

/** A bot as a process, and commands that meet it in the same Redis. */
async function installed() {
  const sandbox = await startSandbox({ strict: true });
  onTestFinished(() => sandbox.close());
  const folder = await edited(['bot.yaml', 'default_language: ru', 'default_language: en']);
  const variables = variablesFor(sandbox, { CONTENT_DIR: folder, ADMIN_IDS: '900' });
  const command = async (...args: string[]) => {
    // Later than what the sandbox has just sold: a payment's update gets a minute to come.
    const program = run(args, { ...variables, TURNSTILE_CLOCK_OFFSET: '120000' });
    const code = await program.ended;
    return { code, output: program.output() };
  };
  const start = async (more: Record<string, string> = {}): Promise<Program> => {
    const bot = run(['start'], { ...variables, ...more });
    await bot.logged('ready');
    return bot;
  };
  return { sandbox, folder, variables, command, start };
}

async function buys(sandbox: Sandbox, user: SandboxUser): Promise<string> {
  user.says('/start');
  await user.sees('Get access');
  user.presses('Get access');
  await sandbox.waitFor(() => user.messages.at(-1)?.kind === 'invoice', 'the invoice');
  const { charge } = await user.pays();
  await user.sees('Where shall we begin');
  return charge;
}

test('payments: listed, shown, exported and refunded from the command line', async () => {
  const { sandbox, folder, command, start } = await installed();
  await start();
  const anna = sandbox.user();
  const charge = await buys(sandbox, anna);
  const list = await command('payments', 'list', '--json');
  expect(JSON.parse(list.output)).toMatchObject([{ charge, chat: anna.id, amount: 250, refunded: null }]);
  expect((await command('payments')).output).toContain('250 XTR');
  // Who comes without a link is not counted before they pay.
  expect((await command('status')).output).toMatch(/none +– came +1 paid/);
  expect((await command('payments', 'show', charge)).output).toContain(charge);
  expect(await command('payments', 'show', 'stxNone')).toMatchObject({
    code: 66,
    output: expect.stringContaining('The ledger has no payment stxNone'),
  });

  expect(await command('payments', 'refund', '--noted', charge)).toMatchObject({
    code: 66,
    output: expect.stringContaining('was paid in Stars, which go back through Telegram alone'),
  });
  expect((await command('payments', 'refund', charge)).output).toContain(
    `250 XTR went back to chat ${anna.id}`,
  );
  await anna.sees('Access is closed');
  expect(await command('payments', 'refund', charge)).toMatchObject({
    code: 66,
    output: expect.stringContaining(`250 XTR went back to chat ${anna.id} already, on 20`),
  });
  const file = join(folder, 'payments.csv');
  expect((await command('payments', 'export', '--csv', file)).code).toBe(0);
  const [head, row, end] = readFileSync(file, 'utf8').split('\r\n');
  expect(head).toBe('paid,refunded,chat,amount,decimals,currency,payload,charge,providerCharge,commission');
  expect(row).toMatch(new RegExp(`^20.*Z,20.*Z,${anna.id},250,0,XTR,club:.*,${charge},,$`));
  expect(end).toBe('');
});

test('payments reconcile: what is missing is taken up, and the second time the lists agree', async () => {
  const { sandbox, variables, command, start } = await installed();
  const bot = await start();
  const anna = sandbox.user();
  anna.says('/start');
  await anna.sees('Get access');
  anna.presses('Get access');
  await sandbox.waitFor(() => anna.messages.at(-1)?.kind === 'invoice', 'the invoice');
  const { charge } = await anna.pays({ loseUpdate: true });
  // Its update may be on its way.
  const early = run(['payments', 'reconcile'], variables);
  expect(await early.ended).toBe(0);
  expect(early.output()).toContain('0 payments and refunds in Stars');
  expect(early.output()).toContain('Left for later, since they are less than a minute old: 1.');
  const first = await command('payments', 'reconcile', '--json');
  expect(JSON.parse(first.output)).toEqual({
    compared: 1,
    recent: 0,
    missing: [{ charge, direction: 'in', chat: anna.id, amount: 250 }],
    unlisted: [],
  });
  await anna.sees('Your payment has arrived');
  expect((await command('payments', 'reconcile')).output).toContain('They agree.');
  expect(bot.child.exitCode).toBeNull();
});

test('payments adopt: beside a running bot that waits for it; status says so until then', async () => {
  const { sandbox, variables, command, start } = await installed();
  // What the bot has sold before: an invoice of the form of an earlier release.
  const anna = sandbox.user();
  anna.says('/start');
  const answer = await fetch(`${sandbox.url}/bot${sandbox.token}/sendInvoice`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      chat_id: anna.id,
      title: 't',
      description: 'd',
      payload: 'club:0123abcd:0:1-0.1',
      currency: 'XTR',
      prices: [{ label: 'l', amount: 5 }],
    }),
  });
  expect(answer.ok).toBe(true);
  await anna.paysAgain({ loseUpdate: true });
  const bot = await start({ TURNSTILE_CLOCK_OFFSET: '120000' });
  await bot.logged(/payments adopt/);
  await expect.poll(async () => (await command('status')).output).toContain('payments adopt');
  expect((await command('check')).output).toContain('payments adopt');
  expect((await command('payments', 'reconcile')).code).toBe(66);
  const other = run(['payments', 'adopt'], { ...variables, BOT_TOKEN: sandbox.token.replace(/^\d+/, '43') });
  expect(await other.ended).toBe(78);
  expect(other.output()).toContain('a DATA_DIR of its own');
  expect(JSON.parse((await command('payments', 'adopt', '--dry-run', '--json')).output)).toMatchObject({
    people: 1,
    payments: 1,
  });
  const done = await command('payments', 'adopt');
  expect(done.code).toBe(0);
  expect(done.output).toContain('Nobody gets a message');
  await expect.poll(async () => (await command('status')).output).not.toContain('payments adopt');
  expect((await command('check')).output).not.toContain('payments adopt');
  expect((await command('payments', 'reconcile')).output).toContain('They agree.');
});

test.each(['SIGHUP', 'turnstile reload'])(
  '%s: the running bot takes new content, and keeps its own when the new is broken',
  async (how) => {
    const { sandbox, folder, command, start } = await installed();
    const bot = await start();
    const ask = async () => {
      if (how === 'SIGHUP') bot.child.kill('SIGHUP');
      else return command('reload');
      return null;
    };
    await editContent(folder, ['locales/en.ftl', 'button-access = Get access', 'button-access = Come in']);
    const answer = await ask();
    if (answer !== null) expect(answer.output).toContain('the bot takes it now');
    await bot.logged('content reloaded');
    const anna = sandbox.user();
    anna.says('/start');
    await anna.sees('Come in');

    await editContent(folder, ['bot.yaml', 'price: 250', 'price: cheap']);
    const refusal = await ask();
    if (refusal === null) {
      await bot.logged('the content of before stays');
      expect(bot.output()).toContain('product.price: expected a whole number');
    } else {
      expect(refusal.code).toBe(78);
      expect(refusal.output).toContain('product.price: expected a whole number');
    }
    anna.says('/start');
    await anna.sees('Come in');
  },
);

test('preview: in the terminal with media and buttons, or to an operator alone', async () => {
  const { sandbox, command } = await installed();
  const shown = await command('preview', 'payment_reminder', '--language', 'ru');
  expect(shown.output).toMatch(/\[video: traps\.mp4, \d+ KB\]\n3 ловушки[\s\S]*\[ Оплатить \]/);
  expect((await command('preview', 'club_invite')).output).toContain('[ Enter the club ]');
  expect(await command('preview', 'welcom')).toMatchObject({
    code: 78,
    output: expect.stringContaining('did you mean "welcome"?'),
  });
  expect((await command('preview', 'welcome', '--to', '901')).output).toContain('people get no previews');
  const operator = sandbox.user({ id: 900, firstName: 'Olga' });
  operator.says('hi');
  expect((await command('preview', 'welcome', '--to', '900')).output).toContain('was sent to 900');
  await operator.sees('Hello, Anna');
});

test('check names what a currency needs, and warns of what another language lends', async () => {
  const { folder, command } = await installed();
  await editContent(folder, ['locales/ru.ftl', 'button-pay = Оплатить\n', '']);
  const checked = await command('check');
  expect(checked).toMatchObject({ code: 0 });
  expect(checked.output).toMatch(/warning .*ru\.ftl button-pay: expected a label/);
  await editContent(folder, ['bot.yaml', 'currency: XTR', 'currency: EUR']);
  expect(await command('check')).toMatchObject({
    code: 78,
    output: expect.stringContaining('PROVIDER_TOKEN: expected the token of a payment provider'),
  });
});

test('door audit: who is inside without access, shown first and then taken out by the running bot', async () => {
  const { sandbox, folder, command, start } = await installed();
  expect(await command('door', 'audit')).toMatchObject({
    code: 66,
    output: expect.stringContaining('club.chat_id in bot.yaml names no club'),
  });
  const club = sandbox.club();
  await editContent(folder, ['bot.yaml', 'chat_id:', `chat_id: ${club.id}`]);
  await start();
  const boris = sandbox.user({ firstName: 'Boris' });
  club.alreadyHas(boris);
  const ids = join(folder, 'ids.txt');
  writeFileSync(ids, `${boris.id}\n`);
  const shown = await command('door', 'audit', '--ids', ids);
  expect(shown.output).toMatch(/Inside without access: 1\n +\d+ +Boris +no payment, and nothing given/);
  expect(shown.output).toContain('To take them out: turnstile door audit --remove');
  expect(boris.isMember(club)).toBe(true);
  const { output } = await command('door', 'audit', '--ids', ids, '--remove', '--json');
  expect(JSON.parse(output)).toMatchObject({ checked: 1, removed: 1, insideUnpaid: [{ id: boris.id }] });
  await expect.poll(() => boris.isMember(club)).toBe(false);
});
