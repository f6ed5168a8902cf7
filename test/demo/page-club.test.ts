import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { browserPath, closeBrowser, documentPicture, keepPicture, visit } from '../support/browser.ts';
import {
  chooses,
  isLit,
  isOutside,
  joins,
  knocks,
  look,
  pays,
  press,
  says,
  sees,
  startDemo,
  steps,
  wants,
  wide,
} from '../support/demo.ts';

/** As tall as the operator's guide shows a chat. */
const phoneSize = { width: 390, height: 700 };

afterAll(closeBrowser);

/** One demo looked at from a desk and from a phone. */
async function openBoth(...flags: string[]): Promise<{ desk: Page; phone: Page }> {
  const { address } = await startDemo(...flags);
  const look = { colorScheme: 'light', reducedMotion: 'reduce' } as const;
  const desk = await visit(address, { ...look, viewport: wide });
  const phone = await visit(address, { ...look, viewport: phoneSize, hasTouch: true });
  return { desk, phone };
}

const skip = (page: Page) => press(page, 'Skip to next reminder');

describe.skipIf(browserPath === undefined)('in a browser', () => {
  test('30 days are bought, the club is joined by the link; reminders, a renewal, the end and the removal follow', {
    timeout: 120_000,
  }, async () => {
    const { desk, phone } = await openBoth();
    await wants(phone);
    await documentPicture(phone, 'offer');
    await pays(phone);
    await knocks(phone);
    await documentPicture(phone, 'invite');
    await joins(phone);
    await isLit(desk, 'paid');
    await desk.getByTitle('In The First Step Club').waitFor();
    await documentPicture(desk, 'demo');
    await press(phone, 'Choose one thing');
    await isLit(desk, 'topic_selected');
    await desk.getByRole('tab', { name: 'membership' }).click();
    await isLit(desk, 'active');
    await isLit(desk, 'active.member');
    await steps(desk).getByText('club.joined').waitFor();
    await desk.getByRole('listitem').filter({ hasText: 'early_reminder' }).getByText('membership').waitFor();
    await documentPicture(desk, 'panel', '.panel');

    await skip(desk);
    await sees(phone, /coming along/);
    await skip(desk);
    await sees(phone, /ends in 3 days/);
    await documentPicture(phone, 'reminder');
    await press(phone, 'Renew access');
    await phone
      .getByRole('button', { name: /^Pay 250/ })
      .nth(1)
      .click();
    await pays(phone);
    await sees(phone, /Your payment has arrived\. Access is open until/);

    await press(desk, '+30 days');
    await skip(desk);
    await sees(phone, /access to the club ends in 24 hours/);
    expect(await phone.getByRole('log').getByText('ends in 3 days').count()).toBe(2);
    await skip(desk);
    await sees(phone, /Your access to the club has ended/);
    await isOutside(phone);
    await isLit(desk, 'none');
    await keepPicture(desk, 'page-1280-light-removed');
    // Its link is of no use any more.
    await press(phone, 'Enter the club');
    await phone.getByText(/has been revoked/).waitFor();
  });

  test('a question about payment reaches the operator, who answers it and refunds; access is gone', {
    timeout: 120_000,
  }, async () => {
    const { desk, phone } = await openBoth();
    await wants(desk);
    await pays(desk);
    await knocks(desk);
    await joins(desk);
    await says(desk, '/mydata');
    const download = desk.waitForEvent('download');
    await desk.getByRole('link', { name: /^Download: .*\.json$/ }).click();
    expect(JSON.parse(readFileSync(await (await download).path(), 'utf8'))).toBeInstanceOf(Object);

    await says(desk, '/paysupport I bought it by mistake, sorry.');
    await sees(desk, /I have passed this on/);
    await phone.getByRole('img', { name: 'new messages' }).waitFor();
    await look(phone, 'Olga');
    await phone.getByRole('img', { name: 'new messages' }).waitFor({ state: 'detached' });
    await sees(phone, /I bought it by mistake, sorry\./);
    await documentPicture(phone, 'question');
    await press(phone, 'Answer');
    await sees(phone, /Write your answer in one message/);
    await says(phone, 'No harm done, the Stars are on their way back.');
    await sees(desk, /No harm done/);
    await press(phone, /^Refund 250/);
    await sees(phone, 'Refund 250 Stars to Anna?');
    await press(phone, 'Yes, refund');
    await sees(
      desk,
      'Your money was returned: 250 Stars. Access is closed. We would be glad to see you again.',
    );
    await sees(phone, /^Refund/);
    await isOutside(desk);
    await isLit(desk, 'idle');
    await documentPicture(phone, 'refund-operator');
    await look(phone, 'Anna');
    await documentPicture(phone, 'refund');

    await look(desk, 'Olga');
    await desk.getByRole('tab', { name: 'support' }).click();
    await isLit(desk, 'ready');
    await steps(desk).getByText('done answer').waitFor();
    await keepPicture(desk, 'page-1280-light-operator');
  });

  test('a payment that the bot was not told of is found; refused invites are made up for; a second payment goes back', {
    timeout: 60_000,
  }, async () => {
    const { desk } = await openBoth();
    const choose = (option: string) => chooses(desk, option);
    await press(desk, 'Start');
    await press(desk, 'Get access');
    await desk.getByRole('button', { name: /^Pay 250/ }).waitFor();
    await choose('Telegram refuses two invites');
    await choose('Pay, and the bot is not told');
    await isLit(desk, 'awaiting_payment');
    await press(desk, '+5 min');
    // Compared when the bot has heard everything that waits for it.
    await says(desk, '/status');
    await sees(desk, /Your payment has arrived/);
    await sees(desk, /could not be made just now/);
    await skip(desk);
    await desk.getByRole('tab', { name: 'membership' }).click();
    await isLit(desk, 'active.trouble');
    await skip(desk);
    await desk
      .getByRole('link', { name: 'Enter the club' })
      .or(desk.getByRole('button', { name: 'Enter the club' }))
      .waitFor();
    await choose('Pay the invoice a second time');
    await sees(desk, /It goes back to you right away/);
    await keepPicture(desk, 'page-1280-light-made-good');
  });

  test.each([
    ['EUR', '€19.00'],
    ['JPY', '¥1,900'],
  ])('access is paid in money, %s', { timeout: 60_000 }, async (currency, price) => {
    const { desk } = await openBoth('--currency', currency);
    await press(desk, 'Start');
    await press(desk, 'Get access');
    await press(desk, `Pay ${price}`);
    await desk.getByRole('dialog').getByText(price).first().waitFor();
    await press(desk, new RegExp(`^Confirm and pay ${price}`));
    await press(desk, 'Done');
    await sees(desk, /Your payment has arrived/);
    await isLit(desk, 'paid');
    await keepPicture(desk, `page-1280-light-${currency}`);
  });

  test('a subscription is paid by its link, called off and taken up again', { timeout: 60_000 }, async () => {
    const { desk } = await openBoth('--sells', 'subscription');
    await press(desk, 'Start');
    await press(desk, 'Get access');
    await press(desk, 'Subscribe');
    await desk.getByRole('dialog').getByText('250 Stars each month').waitFor();
    await keepPicture(desk, 'page-1280-light-subscribe');
    await press(desk, /^Subscribe for 250/);
    await press(desk, 'Done');
    await knocks(desk);
    await joins(desk);
    const renews = (value: string) =>
      desk.locator('.context div').filter({ hasText: 'renews' }).getByText(value).waitFor();
    await desk.getByRole('tab', { name: 'membership' }).click();
    await renews('true');
    await chooses(desk, 'Call the subscription off');
    await desk.locator('.context').getByText('renews').waitFor({ state: 'detached' });
    await chooses(desk, 'Take the subscription up again');
    await renews('true');
  });

  test('who has not paid asks to join and is declined; who has left asks again and is let in', {
    timeout: 60_000,
  }, async () => {
    const { desk } = await openBoth();
    const ask = () => chooses(desk, 'Ask to join the club');
    await press(desk, 'Start');
    await sees(desk, /Hello, /);
    await ask();
    await sees(desk, /This club is for members/);
    await press(desk, 'Get access');
    await press(desk, /^Pay 250/);
    await pays(desk);
    await knocks(desk);
    await joins(desk);
    await chooses(desk, 'Leave the club');
    await isOutside(desk);
    await ask();
    await desk.getByTitle('In The First Step Club').waitFor();
  });
});
