import { expect, test } from 'vitest';
import { setup } from 'xstate';
import { accessMachine } from '../../machines/access.machine.ts';
import { chartOf } from '../../src/charts/chart.ts';
import { diagramOf } from '../../src/charts/diagram.ts';

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
    check(state, node.after ?? {}, (delay) => `after ${delay}`);
  }
});

test('nested, parallel, final and history states are drawn, and foreign text is escaped', async () => {
  const svg = await diagramOf(bookingMachine);
  const texts = textsOf(svg);
  expect(svg).toContain('<title>Books &lt;a table&gt;.</title>');
  for (const state of ['collecting.date', 'active.payment.paid', 'cancelled', 'collecting.memory'])
    expect(has(svg, { state }), state).toBe(true);
  for (const text of ['H*', 'always', '[isNear 8]', 'entry / ask', 'exit / thank', 'after patience'])
    expect(texts).toContain(text);
  expect(has(svg, { event: 'booking.cancelled', from: '', to: 'cancelled' })).toBe(true);
  expect(svg.match(/class="state \w+ region"/g)).toHaveLength(2);
});

test('a chart holds each transition once', () => {
  const { root, edges } = chartOf(accessMachine);
  const count = (state: typeof root): number =>
    state.inner.length + state.children.reduce((sum, child) => sum + count(child), 0);
  const written = [accessMachine.config, ...Object.values(accessMachine.config.states ?? {})]
    .flatMap((node) => [
      ...Object.values(node.on ?? {}),
      ...Object.values('after' in node ? (node.after ?? {}) : {}),
      ...('always' in node && node.always !== undefined ? [node.always] : []),
    ])
    .flat().length;
  expect(count(root) + edges.reduce((sum, { branches }) => sum + branches.length, 0)).toBe(written);
});
