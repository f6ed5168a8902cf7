import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plays, replay } from '../../src/demo/replay.ts';
import { actions } from '../../src/prove/actions.ts';
import { readCounterexample } from '../../src/prove/counterexample.ts';
import { clubId, days, openShop, product } from '../support/shop.ts';

test('a counterexample is played by the people of the demo: what they do, and the time that passes', async () => {
  const { bot, folder, operator, membership } = await openShop(product.month, product.club);
  const anna = bot.sandbox.user({ id: 1_001, firstName: 'Anna' });
  const club = bot.sandbox.club({ id: clubId });
  const file = join(folder, 'example.json');
  const script = {
    start: { sale: 'days' },
    actions: ['buy', 'pay', 'join', 'slow', 'pass-on', 'grant', 'wait'],
    passes: [0, 0, 0, 0, 0, 0, 31 * days],
  };
  writeFileSync(file, JSON.stringify(script));
  const stage = {
    sandbox: bot.sandbox,
    dataDir: folder,
    anna,
    operator,
    club,
    advance: (ms: number) => void bot.clock.shift(ms),
    chat: () => bot.chat(anna),
    settled: () => bot.settled(),
    stop: async () => {},
  };
  await replay(stage as never, readCounterexample(file));
  expect(anna.isMember(club)).toBe(true);
  expect(club.members).not.toContain(1_002);
  // Thirty days were paid, and thirty given: one is over, and the other goes on.
  expect(await membership(anna)).toBe('active.member');
});

test('every action that is played is one of the checker’s', () => {
  const known = new Set(actions.map(({ id }) => id));
  expect(Object.keys(plays).filter((id) => !known.has(id))).toEqual([]);
});
