import { chromium } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { type AnyStateMachine, setup } from 'xstate';
import { accessMachine } from '../../machines/access.machine.ts';
import { diagramOf } from '../../src/charts/diagram.ts';
import { contentOf } from '../../src/charts/lines.ts';
import { outlineOf } from '../../src/charts/outline.ts';
import { durationOf } from '../../src/charts/words.ts';
import { machines } from '../../src/club/index.ts';
import { readChart } from '../../src/runtime/index.ts';
import { browserPath } from '../support/browser.ts';

/** Everything that the product's own conversation does not use. */
const bookingMachine = setup({
  delays: { patience: 1_000 },
  guards: { isFree: () => true, isNear: (_, _params: { days: number }) => true },
  actions: { ask: () => {}, thank: () => {}, forget: () => {} },
}).createMachine({
  id: 'booking',
  description: 'Books <a table>.',
  initial: 'collecting',
  on: { 'booking.cancelled': { target: '.cancelled', actions: 'forget' } },
  states: {
    collecting: {
      initial: 'date',
      on: { 'booking.confirmed': 'confirming', 'help.requested': { actions: 'ask' } },
      states: {
        date: {
          entry: 'ask',
          exit: 'thank',
          after: { patience: { target: 'date', reenter: true } },
          on: { 'date.chosen': { target: 'party', guard: { type: 'isNear', params: { days: 8 } } } },
        },
        party: { always: { guard: 'isFree', target: 'date' } },
        memory: { type: 'history', history: 'deep' },
      },
    },
    confirming: {
      on: { 'booking.back': '#booking.collecting.memory' },
      initial: 'open',
      states: { open: {} },
    },
    active: {
      type: 'parallel',
      states: {
        reminder: { initial: 'off', states: { off: { on: { 'reminder.enabled': 'on' } }, on: {} } },
        payment: { initial: 'unpaid', states: { unpaid: { on: { 'payment.received': 'paid' } }, paid: {} } },
      },
    },
    cancelled: { type: 'final' },
  },
});

/** Texts of the picture, markup taken out. */
const textsOf = (svg: string) =>
  [...svg.matchAll(/<text[^>]*>(?:<title>[^<]*<\/title>)?([^<]*)<\/text>/g)].map(([, text]) => text);
const has = (svg: string, attributes: Record<string, string>) =>
  svg.includes(
    Object.entries(attributes)
      .map(([name, value]) => ` data-${name}="${value}"`)
      .join(''),
  );

test('the picture of a machine is the same on each run', async () => {
  expect(await diagramOf(accessMachine)).toBe(await diagramOf(accessMachine));
});

test('every state and every transition of the access machine is in its picture', async () => {
  const svg = await diagramOf(accessMachine);
  const { states = {}, on = {} } = accessMachine.config;
  const texts = textsOf(svg);
  const check = (from: string, events: Record<string, unknown>, name: (event: string) => string) => {
    for (const [event, value] of Object.entries(events)) {
      expect(texts).toContain(name(event));
      for (const { target, guard, actions } of [value].flat() as Record<string, unknown>[]) {
        const type = name(event) === event ? event : `xstate.after.${event}.access.${from}`;
        const to = typeof target === 'string' ? { to: target.replace(/^\./, '') } : {};
        expect(has(svg, { event: type, from, ...to }), `${from} ${event} ${target ?? ''}`).toBe(true);
        if (typeof guard === 'string') expect(texts).toContain(`[${guard}]`);
        for (const action of [actions].flat()) {
          const word =
            typeof action === 'string'
              ? action
              : Object.values((action as { params?: object })?.params ?? {})[0];
          if (word !== undefined) expect(texts.join(' ')).toContain(word);
        }
      }
    }
  };
  check('', on, (event) => event);
  for (const [state, node] of Object.entries(states)) {
    expect(has(svg, { state })).toBe(true);
    expect(texts).toContain(state);
    check(state, node.on ?? {}, (event) => event);
    const { delays } = readChart(accessMachine);
    check(state, node.after ?? {}, (delay) => `after ${delay} (${durationOf(delays.get(delay) ?? 0)})`);
  }
});

test('nested, parallel, final and history states are drawn, and foreign text is escaped', async () => {
  const svg = await diagramOf(bookingMachine);
  const texts = textsOf(svg);
  expect(svg).toContain('<title>Books &lt;a table&gt;.</title>');
  for (const state of ['collecting.date', 'active.payment.paid', 'cancelled', 'collecting.memory'])
    expect(has(svg, { state }), state).toBe(true);
  for (const text of ['H*', 'always', '[isNear 8]', 'entry / ask', 'exit / thank', 'after patience (1 s)'])
    expect(texts).toContain(text);
  expect(has(svg, { event: 'booking.cancelled', from: '', to: 'cancelled' })).toBe(true);
  expect(svg.match(/class="state \w+ region"/g)).toHaveLength(2);
});

test('an outline holds each transition of a machine once', () => {
  for (const machine of machines) {
    const chart = readChart(machine);
    const { root, edges } = outlineOf(chart);
    const ways = ({ events, branches }: (typeof edges)[number] | (typeof root.inner)[number]) =>
      events.length * branches.length;
    const inner = (state: typeof root): number =>
      [...state.inner.map(ways), ...state.children.map(inner)].reduce((sum, count) => sum + count, 0);
    const drawn = inner(root) + edges.reduce((sum, edge) => sum + ways(edge), 0);
    expect(drawn, machine.id).toBe(chart.transitions.length);
  }
});

const shopMachine = setup({
  delays: { short: 90_000, long: 172_800_000, own: () => 1 },
  guards: { isOpen: () => true },
  actions: {
    ask: () => {},
    say: (_, _params: { message: string }) => {},
    signal: (_, _params: { machine: string; event: string; with: string[] }) => {},
  },
}).createMachine({
  id: 'shop',
  initial: 'a',
  states: {
    a: {
      on: {
        one: { target: 'b', guard: 'isOpen', actions: 'ask', description: 'First.' },
        two: { target: 'b', guard: 'isOpen', actions: 'ask', description: 'Second.' },
        three: { target: 'b', actions: 'ask' },
        four: { actions: { type: 'say', params: ({ event }) => ({ message: event.type }) } },
        five: {
          actions: [
            'ask',
            {
              type: 'signal',
              params: {
                machine: 'a_machine_of_a_long_name',
                event: 'something.long.happened',
                with: ['x', 'y'],
              },
            },
          ],
        },
      },
      after: { short: 'b', long: 'b', own: 'b' },
    },
    b: { type: 'final' },
  },
});

test('events that do the same are one edge, which each of them lights', async () => {
  const { edges } = outlineOf(readChart(shopMachine));
  expect(edges.map(({ events }) => events.map(({ label }) => label))).toEqual([
    ['one', 'two'],
    ['three'],
    ['after short (90 s)', 'after long (2 days)', 'after own (computed)'],
  ]);
  const svg = await diagramOf(shopMachine);
  for (const event of ['one', 'two', 'three']) expect(has(svg, { event, from: 'a', to: 'b' })).toBe(true);
  expect(textsOf(svg).filter((text) => text === '[isOpen]')).toHaveLength(1);
  expect(svg).toContain('<title>First.</title>one<');
  expect(svg).toContain('<title>Second.</title>two<');
});

test('a line that is too long is broken, and what an action is given is shown as words', () => {
  const lines = outlineOf(readChart(shopMachine))
    .root.children.flatMap(contentOf)
    .flatMap((block) => block.lines.map(({ text }) => text));
  expect(lines).toEqual([
    'four',
    '/ say …',
    'five',
    '/ ask,',
    '   signal a_machine_of_a_long_name',
    '   something.long.happened x y',
  ]);
});

test('a picture reads from the initial state on, to the right', async () => {
  for (const machine of machines) {
    const svg = await diagramOf(machine);
    const left = (state: string) =>
      Number(
        new RegExp(`data-state="${state}">(?:<title>[^<]*</title>)?<rect class="box" x="([\\d.]+)"`).exec(
          svg,
        )?.[1],
      );
    const { states = {}, initial } = machine.config;
    const others = Object.keys(states).filter((state) => state !== initial);
    expect(left(String(initial)), machine.id).toBeLessThan(Math.min(...others.map(left)));
  }
});

/** Texts that leave the box which they stand in; run in a browser, with the fonts that are there. */
const overflowing = `[...document.querySelectorAll('[data-state], .label')].flatMap((group) => {
  const box = group.querySelector(':scope > rect')?.getBoundingClientRect();
  if (box === undefined) return [];
  return [...group.querySelectorAll('text')].filter((text) => {
    const { left, right, bottom } = text.getBoundingClientRect();
    return left < box.left - 1 || right > box.right + 1 || bottom > box.bottom + 1;
  }).map((text) => (group.getAttribute('data-state') ?? 'edge') + ': ' + text.textContent);
})`;

test.skipIf(browserPath === undefined)('no text of a picture leaves its box', async () => {
  const browser = await chromium.launch({ executablePath: browserPath as string, args: ['--no-sandbox'] });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  for (const machine of [...machines, bookingMachine, shopMachine]) {
    await page.setContent(await diagramOf(machine as AnyStateMachine));
    expect(await page.locator('[data-state]').count()).toBeGreaterThan(2);
    expect(await page.evaluate(overflowing), machine.id).toEqual([]);
  }
});
