import { expect, test } from 'vitest';
import { setup } from 'xstate';
import { mermaidOf } from '../../src/charts/mermaid.ts';

const parts = setup({
  delays: { soon: 60_000 },
  guards: { isReady: () => true },
  actions: { note: () => {} },
});
const textOf = (config: object) => mermaidOf(parts.createMachine({ id: 'm', ...config } as never) as never);

test('states, what leads on without an event, delays with their times, and where it ends', () => {
  const text = textOf({
    initial: 'a',
    states: {
      a: {
        on: { go: 'b', ping: { actions: 'note' } },
        always: { guard: 'isReady', target: 'b' },
        after: { soon: { actions: 'note' } },
      },
      b: { on: { go: 'end', stop: 'end' } },
      end: { type: 'final' },
    },
  });
  expect(text).toBe(
    [
      'stateDiagram-v2',
      '  [*] --> a',
      '  state "end" as in_end',
      '  in_end --> [*]',
      '  a --> b : go<br/>always [isReady]',
      '  a --> a : after soon (1 min)',
      '  b --> in_end : go<br/>stop',
    ].join('\n'),
  );
});

test('"any state" is there when something leads on from any state, and only then', () => {
  const states = { a: { on: { go: 'b' } }, b: {} };
  expect(textOf({ initial: 'a', states })).not.toContain('any state');
  expect(textOf({ initial: 'a', states, on: { home: '.a' } })).toContain(
    '  state "any state" as any\n  [*] --> a\n  any --> a : home',
  );
});

test('what a state with children does leads on from any of them, and what leads back to it goes where it begins', () => {
  const inner = { c: { on: { up: '#m.b' } }, d: {} };
  const b = { initial: 'c', states: inner, on: { down: '.d', out: 'a' } };
  expect(textOf({ initial: 'a', states: { a: { on: { go: 'b' } }, b } })).toBe(
    [
      'stateDiagram-v2',
      '  [*] --> a',
      '  state b {',
      '    state "any state of b" as in_b_any',
      '    [*] --> c',
      '    c',
      '    d',
      '    in_b_any --> d : down',
      '    c --> c : up',
      '  }',
      '  a --> b : go',
      '  b --> a : out',
    ].join('\n'),
  );
});

test('regions, history, and states of one name in two places', () => {
  const regions = {
    x: {
      initial: 'off',
      states: { off: { on: { turn: 'on' } }, on: {}, h: { type: 'history', history: 'deep' } },
    },
    y: { initial: 'off', states: { off: {} } },
  };
  expect(textOf({ initial: 'p', states: { p: { type: 'parallel', states: regions } } })).toBe(
    [
      'stateDiagram-v2',
      '  [*] --> p',
      '  state p {',
      '    state x {',
      '      [*] --> in_p_x_off',
      '      state "off" as in_p_x_off',
      '      on',
      '      state "H*" as h',
      '      in_p_x_off --> on : turn',
      '    }',
      '    --',
      '    state y {',
      '      [*] --> in_p_y_off',
      '      state "off" as in_p_y_off',
      '    }',
      '  }',
    ].join('\n'),
  );
});
