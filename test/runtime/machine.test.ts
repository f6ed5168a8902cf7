import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, enqueueActions, fromPromise, setup } from 'xstate';
import { step } from '../../src/runtime/core/step.ts';
import { checkKnown, MachineRefused, prepareMachine, readChart } from '../../src/runtime/index.ts';

const parts = setup({
  delays: { soon: 1_000, later: ({ context }) => (context as { ms?: number }).ms ?? 5 },
  guards: { isReady: () => true },
  actors: { fetch: fromPromise(async () => 1) },
  actions: {
    send: (_, _params: { message: string }) => {},
    note: () => {},
    choose: enqueueActions(({ enqueue }) => enqueue('note' as never)) as never,
    signal: (_, _params: { machine: string; event: string }) => {},
  },
});
const machineOf = (config: object): AnyStateMachine =>
  parts.createMachine({ id: 'm', context: {}, ...config } as never) as never;

function problemsOf(config: object): readonly string[] {
  try {
    prepareMachine(machineOf(config));
  } catch (error) {
    if (error instanceof MachineRefused) return error.problems;
    throw error;
  }
  return [];
}
const warningsOf = (config: object): readonly string[] => prepareMachine(machineOf(config)).warnings;

describe('a machine is read', () => {
  const config = {
    description: 'Everything.',
    meta: { audience: 'operators' },
    initial: 'a',
    states: {
      a: {
        tags: ['x'],
        entry: { type: 'send', params: { message: 'hello' } },
        on: { go: [{ guard: 'isReady', target: 'b.d', actions: 'note', description: 'On.' }, {}] },
        after: { soon: { target: 'a', reenter: true } },
        always: { target: 'b' },
      },
      b: {
        initial: 'c',
        invoke: { id: 'job', src: 'fetch', onDone: 'z', onError: '.h' },
        onDone: 'z',
        states: { c: {}, d: { type: 'final' }, h: { type: 'history', history: 'deep', target: 'c' } },
      },
      z: { type: 'final' },
    },
  };
  const chart = readChart(machineOf(config));

  test('its states, each before its children', () => {
    expect(chart.states.map(({ path, type }) => [path, type])).toEqual([
      ['', 'compound'],
      ['a', 'atomic'],
      ['b', 'compound'],
      ['b.c', 'atomic'],
      ['b.d', 'final'],
      ['b.h', 'history'],
      ['z', 'final'],
    ]);
    const [root, a, b, , , h] = chart.states;
    expect(root).toMatchObject({ name: 'm', parent: null, initial: 'a', description: 'Everything.' });
    expect(a).toMatchObject({
      parent: '',
      tags: ['x'],
      entry: [{ type: 'send', params: { message: 'hello' }, isComputed: false }],
      exit: [],
    });
    expect(b?.invokes).toEqual([{ src: 'fetch', id: 'job', hasSystemId: false }]);
    expect(h).toMatchObject({ isDeep: true, fallback: 'b.c' });
    expect(chart.meta).toEqual({ audience: 'operators' });
  });

  test('its transitions, with what each waits for', () => {
    expect(
      chart.transitions.map(({ source, trigger, targets }) => [
        source,
        trigger.kind,
        trigger.name,
        targets.join(),
      ]),
    ).toEqual([
      ['a', 'event', 'go', 'b.d'],
      ['a', 'event', 'go', ''],
      ['a', 'after', 'soon', 'a'],
      ['a', 'always', '', 'b'],
      ['b', 'done', 'm.b', 'z'],
      ['b', 'actor done', 'job', 'z'],
      ['b', 'actor error', 'job', 'b.h'],
    ]);
    expect(chart.transitions[0]).toMatchObject({
      guard: { type: 'isReady' },
      actions: [{ type: 'note' }],
      reenter: false,
      description: 'On.',
    });
    expect(chart.transitions[2]).toMatchObject({ reenter: true, eventType: 'xstate.after.soon.m.a' });
  });

  test('its delays, with their times', () => {
    expect([...chart.delays]).toEqual([
      ['soon', 1_000],
      ['later', null],
    ]);
  });
});

describe('refused at the start, by name', () => {
  test('all problems at once, with the name that was meant', () => {
    const found = problemsOf({
      entry: 'noet',
      initial: 'askin',
      states: {
        asking: {
          on: { go: { guard: 'isRedy', target: 'asking' } },
          after: { soom: 'asking' },
          invoke: { id: 'x', src: 'fetsh' },
        },
      },
    });
    expect(found).toEqual([
      'state "m": initial "askin" is none of its states. Did you mean "asking"?',
      'state "m", entry: action "noet" is not declared in setup({actions}). Did you mean "note"?',
      'state "asking", on "go": guard "isRedy" is not declared in setup({guards}). Did you mean "isReady"?',
      'state "asking", after "soom": not a delay named in setup({delays}); raw milliseconds are refused. Did you mean "soon"?',
      'state "asking": actor "fetsh" is not declared in setup({actors}). Did you mean "fetch"?',
    ]);
  });

  test.each([
    ['a machine without an id', { id: undefined }, /^it has no id; write id: '…' at its root/],
    ['an id with a space', { id: 'a b' }, /^its id has a ":", "\|" or space/],
    [
      'an event with a colon',
      { on: { 'topic:selected': {} } },
      /^state "m": the event "topic:selected" has a ":"/,
    ],
    [
      'an event with a space',
      { on: { 'topic selected': {} } },
      /the event "topic selected" has a ":" or space/,
    ],
    [
      'a state whose name has a plus',
      { initial: 'a+b', states: { 'a+b': {} } },
      /^state "a\+b": the key "a\+b" has a ".", "\+"/,
    ],
    [
      'a state whose name has a dot',
      { initial: 'a.b', states: { 'a.b': {} } },
      /states are stored under their names, which these part/,
    ],
    [
      'an invoke id used twice',
      {
        initial: 'a',
        states: { a: { invoke: { id: 'x', src: 'fetch' } }, b: { invoke: { id: 'x', src: 'fetch' } } },
      },
      /^state "b": the invoke id "x" is used twice, in state "a" as well/,
    ],
    [
      'the end of an untouched session in a history state',
      { initial: 'a', states: { a: {}, h: { type: 'history', tags: ['expires after soon'] } } },
      /^state "h": tag "expires after soon": no session rests in a history state/,
    ],
    [
      'a longer life for sessions that end nowhere',
      { initial: 'a', states: { a: { tags: ['expires after soon with x'] } } },
      /^state "a": tag "expires after … with x" alone ends no session; write the tag "expires after <delay>" beside it/,
    ],
    [
      'an action that sends signals by computed params',
      { on: { go: { actions: { type: 'signal', params: () => ({ machine: 'm', event: 'go' }) } } } },
      /needs the literal params \{machine, event\}/,
    ],
  ])('%s', (_, config, message) => {
    expect(problemsOf(config)).toHaveLength(1);
    expect(problemsOf(config)[0]).toMatch(message);
  });

  test('an untouched session ends in a state with children, in a region and at the root: its time is set by each step', () => {
    const leaf = { on: { go: {}, ping: { actions: 'note' } } };
    const tags = ['expires after soon'];
    const regions = { x: { initial: 'a', states: { a: { ...leaf, tags } } }, y: {} };
    for (const config of [
      { tags, initial: 'a', states: { a: leaf } },
      { initial: 'a', states: { a: { tags, initial: 'b', states: { b: leaf } } } },
      { type: 'parallel', states: regions },
    ]) {
      const machine = prepareMachine(machineOf(config));
      const given = { machine, chat: 1, session: null, cause: 'c', input: {}, now: 5_000, rules: {} };
      expect(step({ ...given, event: { type: 'ping' } })?.timers).toEqual([{ name: '~expiry', due: 6_000 }]);
    }
  });
});

describe('warned of at the start', () => {
  test('a machine as it should be is not', () => {
    expect(
      warningsOf({
        initial: 'a',
        states: {
          a: { on: { go: 'b' } },
          b: { entry: 'note', after: { soon: { target: 'b', reenter: true } }, on: { back: 'm.h' } },
          m: {
            initial: 'x',
            states: { x: { on: { on: 'y' } }, y: { type: 'final' }, h: { type: 'history' } },
            onDone: 'z',
          },
          z: { type: 'final' },
        },
      }).filter((line) => !line.includes('"m.')),
    ).toEqual([]);
    expect(warningsOf({ on: { go: { actions: 'note' } } })).toEqual([]);
  });

  test('a state that nothing leads to, without its children', () => {
    expect(
      warningsOf({
        initial: 'a',
        states: {
          a: { on: { go: 'b' } },
          b: { type: 'final' },
          c: { initial: 'd', states: { d: { on: { x: '#m.a' } } } },
        },
      }),
    ).toEqual([
      'machine "m", state "c": no transition leads to it; write one, make it the initial state, or remove it',
    ]);
  });

  test('regions and what history recalls are within reach', () => {
    const regions = {
      x: { initial: 'a', states: { a: { on: { go: 'b' } }, b: { on: { out: '#m.q' } } } },
      y: { initial: 'c', states: { c: {}, h: { type: 'history' } } },
    };
    const config = {
      initial: 'p',
      states: { p: { type: 'parallel', states: regions }, q: { on: { back: '#m.p.y.h' } } },
    };
    expect(warningsOf(config)).toEqual([]);
    const into = { ...config, initial: 'q', states: { ...config.states, q: { on: { back: '#m.p.y.c' } } } };
    expect(warningsOf(into)).toEqual([
      'machine "m", state "p.y.h": no transition leads to it; write one, make it the initial state, or remove it',
    ]);
  });

  test('a state that nothing leads on from', () => {
    const states = {
      a: { on: { go: 'b', end: 'c', wait: 'd', rest: 'e', inner: 'f' } },
      b: { on: { ping: { actions: 'note' } } },
      c: { type: 'final' },
      d: { after: { soon: { actions: 'note' } } },
      e: { tags: ['expires after soon'] },
      f: { initial: 'g', states: { g: { type: 'final' } } },
    };
    const line = (path: string, write: string) =>
      `machine "m", state "${path}": nothing leads on from it, so whoever comes here stays for ever; write a transition, ${write}, or the tag "expires after <delay>"`;
    expect(warningsOf({ initial: 'a', states })).toEqual([
      line('b', "type: 'final'"),
      line('f.g', 'such as onDone of the state around it'),
    ]);
    // What the machine does in any state leads on from there as well, unless it leads back to where one is.
    expect(warningsOf({ initial: 'a', states, on: { home: '.a' } })).toEqual([]);
    expect(
      warningsOf({ initial: 'a', states: { a: { on: { go: 'b' } }, b: {} }, on: { home: '.b' } }),
    ).toHaveLength(1);
  });

  test('a transition to its own state without reenter, where something would begin anew', () => {
    const again = { on: { again: 'a', out: 'b' } };
    const other = { b: { on: { back: 'a' } } };
    expect(warningsOf({ initial: 'a', states: { a: { ...again, after: { soon: 'b' } }, ...other } })).toEqual(
      [
        'machine "m", state "a", on "again": leads to the state itself without reenter: true, so neither its entry and exit actions nor its timers begin anew; write reenter: true, or leave the target out',
      ],
    );
    expect(warningsOf({ initial: 'a', states: { a: again, ...other } })).toEqual([]);
    const inner = { initial: 'c', states: { c: { on: { up: '#m.a', top: '#m' } } } };
    expect(
      warningsOf({
        initial: 'a',
        entry: 'note',
        states: { a: { entry: 'note', on: { out: 'b' }, ...inner }, ...other },
      }),
    ).toEqual([]);
    expect(warningsOf({ on: { go: { reenter: true } } })).toEqual([
      'machine "m", state "m", on "go": reenter without a target does nothing; write the state as the target, or leave it out',
    ]);
  });

  test('what XState does agrees: the states around are entered anew, the own state is not', () => {
    const c = {
      entry: 'note',
      on: { self: 'c', again: { target: 'c', reenter: true }, up: '#m.a', top: '#m' },
    };
    const machine = prepareMachine(
      machineOf({
        entry: { type: 'send', params: { message: 'root' } },
        initial: 'a',
        states: { a: { entry: { type: 'send', params: { message: 'a' } }, initial: 'c', states: { c } } },
      }),
    );
    const given = { machine, chat: 1, cause: 'c', input: {}, now: 0, rules: {} };
    const session = { value: { a: 'c' }, context: {}, status: 'active' } as const;
    const entered = (type: string) =>
      step({ ...given, session, event: { type } })?.effects.map(
        ({ type: name, params }) => params?.['message'] ?? name,
      );
    expect(entered('self')).toBeUndefined();
    expect(entered('again')).toEqual(['note']);
    expect(entered('up')).toEqual(['a', 'note']);
    expect(entered('top')).toEqual(['root', 'a', 'note']);
  });

  test('params that are a function run, and only what they name cannot be checked', () => {
    const params = ({ event }: { event: { name: string } }) => ({ message: `hello_${event.name}` });
    const machine = prepareMachine(machineOf({ on: { go: { actions: { type: 'send', params } } } }));
    expect(machine.warnings).toEqual([
      'machine "m", state "m", on "go": the params of "send" are a function; whether what they name (a message, a reason) is there shows only when it is sent. Write literal params where you can',
    ]);
    expect(machine.actions).toEqual([
      { type: 'send', params: {}, isComputed: true, where: 'state "m", on "go"' },
    ]);
    const given = { machine, chat: 1, session: null, cause: 'c', input: {}, now: 0, rules: {} };
    expect(step({ ...given, event: { type: 'go', name: 'anna' } })?.effects[0]?.params).toEqual({
      message: 'hello_anna',
    });
  });

  test('actions that a function enqueues run, and only which they are cannot be checked', () => {
    const machine = prepareMachine(machineOf({ on: { go: { actions: 'choose' } } }));
    expect(machine.warnings).toEqual([
      'machine "m", state "m", on "go": "choose" enqueues actions by a function; whether somebody performs them, and what they name is there, shows only at the step. Write transitions with guards and lists of actions where you can',
    ]);
    const given = { machine, chat: 1, session: null, cause: 'c', input: {}, now: 0, rules: {} };
    expect(step({ ...given, event: { type: 'go' } })?.effects.map(({ type }) => type)).toEqual(['note']);
  });

  test('a tag that sounds like one of the runtime and is none', () => {
    const [line] = warningsOf({ tags: ['expire after soon', 'red'], on: { go: {} } });
    expect(line).toMatch(
      /^machine "m", state "m": tag "expire after soon" is none that the runtime knows: expires after/,
    );
    expect(warningsOf({ tags: ['red'] })).toEqual([]);
  });
});

describe('what nobody performs', () => {
  const machine = prepareMachine(
    machineOf({
      initial: 'a',
      states: {
        a: {
          entry: ['note', { type: 'send', params: { message: 'x' } }],
          on: { go: { actions: { type: 'signal', params: { machine: 'm', event: 'go' } } } },
          invoke: { id: 'job', src: 'fetch' },
        },
      },
    }),
  );
  test('is refused, all of it at once, by what was meant', () => {
    expect(() => checkKnown([machine], { effects: ['sent', 'rate'], actors: ['fetsh'] })).toThrow(
      [
        'Machine "m" cannot run durably:',
        '  - state "a", entry: nobody performs the action "note". Correct the name, or register what performs it',
        '  - state "a", entry: nobody performs the action "send". Did you mean "sent"? Correct the name, or register what performs it',
        '  - state "a": nobody performs the actor "fetch". Did you mean "fetsh"? Correct the name, or register what performs it',
      ].join('\n'),
    );
  });
  test('what the commit itself performs needs nobody, and a list that is absent is not checked', () => {
    expect(() => checkKnown([machine], { effects: ['note', 'send'], actors: ['fetch'] })).not.toThrow();
    expect(() => checkKnown([machine], {})).not.toThrow();
  });
  test('two machines under one id are refused, and the problems of all machines come at once', () => {
    const other = prepareMachine(machineOf({ id: 'o', entry: 'note' }));
    const twin = prepareMachine(machineOf({ entry: 'note' }));
    expect(() => checkKnown([machine, other, twin], { effects: ['send'], actors: ['fetch'] })).toThrow(
      /Machine "m"[\s\S]*"note"[\s\S]*Machine "o"[\s\S]*"note"[\s\S]*Machine "m"[\s\S]*another machine has the id "m" already/,
    );
  });
});
