import { describe, expect, test } from 'vitest';
import { assign, fromPromise, raise, sendTo, setup } from 'xstate';
import { accessMachine } from '../../machines/access.machine.ts';
import { route } from '../../src/club/arrivals.ts';
import type { ClubRules } from '../../src/club/rules.ts';
import type { Commit, MachineEvent } from '../../src/runtime/core/commit.ts';
import { lostInJson } from '../../src/runtime/core/json.ts';
import {
  checkPrivileges,
  checkSignals,
  hasState,
  MachineRefused,
  prepareMachine,
} from '../../src/runtime/core/machine.ts';
import { decodeSession, encodeSession, type Session } from '../../src/runtime/core/session.ts';
import { shardOf } from '../../src/runtime/core/shard.ts';
import { expire, resultEvent, step } from '../../src/runtime/core/step.ts';
import { timerEvent, waitsForNews } from '../../src/runtime/core/timers.ts';
import { jobMachine } from '../support/job.machine.ts';

const access = prepareMachine(accessMachine, {}, { language: 'en' });
const now = 1_700_000_000_000;
/** A payment that gives access, as the book says. */
const bought = { type: 'payment.received', charge: 'a', change: 'gained' };

/** Steps through events; the session goes through its stored form each time, as in the bot. */
function play(machine: typeof access, ...events: MachineEvent[]): Commit {
  let session: Session | null = null;
  let commit: Commit | null = null;
  for (const event of events) {
    commit = step({
      machine,
      chat: 7,
      session,
      cause: 'c',
      event,
      input: { language: 'en' },
      now,
      rules: {},
    });
    if (commit !== null) session = decodeSession(encodeSession(commit.session));
  }
  if (commit === null) throw new Error('Expected the last event to be taken');
  return commit;
}
/** Changes of timers under the names that are shown; those under names of an earlier release left out. */
const named = ({ timers }: Commit, machine = access) =>
  timers.flatMap(({ name, due }) => {
    const shown = name === '~expiry' ? name : machine.timers.find((spec) => spec.name === name)?.shownName;
    return shown === undefined ? [] : [{ name: shown, due }];
  });
const sent = (commit: Commit) =>
  commit.effects.map(({ type, params }) => [type, ...Object.values(params ?? {})].join(' '));
const fire = (name: string) => timerEvent(access, name) as MachineEvent;

describe('the access machine, step by step', () => {
  test('/start greets and the untouched session expires', () => {
    const commit = play(access, { type: 'start.requested' });
    expect(sent(commit)).toEqual(['send welcome']);
    expect(commit).toMatchObject({
      from: null,
      to: 'idle',
      timers: [{ name: '~expiry', due: now + 3_600_000 }],
    });
  });

  test('asking for access sends offer and invoice and arms three reminders; the session no longer expires', () => {
    const commit = play(access, { type: 'start.requested' }, { type: 'access.requested' });
    expect(sent(commit)).toEqual(['send offer', 'sendInvoice']);
    expect(named(commit)).toEqual([
      { name: 'payment_reminder', due: now + 300_000 },
      { name: 'second_reminder', due: now + 86_400_000 },
      { name: 'offer_expiry', due: now + 259_200_000 },
      { name: '~expiry', due: null },
    ]);
    expect(commit).toMatchObject({ from: 'idle', to: 'awaiting_payment' });
  });

  test('a reminder leaves state and the other timers alone, and waits in its own lane', () => {
    const commit = play(access, { type: 'access.requested' }, fire('payment_reminder'));
    expect(sent(commit)).toEqual(['send payment_reminder']);
    expect(commit).toMatchObject({ to: 'awaiting_payment', timers: [], effects: [{ lane: 'reminder' }] });
  });

  test('the timers that take something away wait for the news, under their former names as well', () => {
    const waiting = access.timers.filter(({ waits }) => waits);
    expect(waiting.map(({ delay }) => delay)).toEqual(['second_reminder', 'offer_expiry']);
    expect(waitsForNews(access, waiting[0]?.name ?? '')).toBe(true);
    for (const [name, waits] of Object.entries({
      offer_expiry: true,
      payment_reminder: false,
      '~expiry': false,
    }))
      expect(waitsForNews(access, name)).toBe(waits);
  });

  test('of reminders that have become due one after another, all but the newest are left out', () => {
    const { session } = play(access, { type: 'access.requested' });
    const given = {
      machine: access,
      chat: 7,
      session,
      cause: 'c',
      input: { language: 'en' },
      now,
      rules: {},
    };
    const late = (facts: object) => step({ ...given, event: fire('payment_reminder'), facts: { ...facts } });
    expect(late({ late: 90_000, newer: true })).toBeNull();
    expect(sent(late({ late: 90_000 }) as Commit)).toEqual(['send payment_reminder']);
  });

  test('an expired offer goes back to idle and says so', () => {
    const commit = play(access, { type: 'access.requested' }, fire('offer_expiry'));
    expect(sent(commit)).toEqual(['send offer_expired']);
    expect(commit.to).toBe('idle');
    expect(named(commit).filter(({ due }) => due !== null)).toEqual([
      { name: '~expiry', due: now + 3_600_000 },
    ]);
  });

  test.each(['idle', 'awaiting_payment', 'paid', 'topic_selected'])(
    'a payment in %s leads to paid',
    (state) => {
      const ways: Record<string, MachineEvent[]> = {
        idle: [{ type: 'start.requested' }],
        awaiting_payment: [{ type: 'access.requested' }],
        paid: [bought],
        topic_selected: [bought, { type: 'topic.selected', value: 'x' }],
      };
      const way = ways[state] as MachineEvent[];
      expect(play(access, ...way).to).toBe(state);
      expect(play(access, ...way, bought).to).toBe('paid');
    },
  );

  test('a payment too many is told to the operator; its refund keeps access, the one that takes access ends it', () => {
    const extra = { type: 'payment.received', change: 'same', extra: true };
    expect(sent(play(access, bought, extra))).toContain('tellOperator operator_paid_again');
    expect(play(access, bought, { type: 'payment.refunded', change: 'same', extra: true }).to).toBe('paid');
    expect(play(access, bought, { type: 'payment.refunded', change: 'lost' }).to).toBe('idle');
  });

  test('the end of access counts only when the book says so', () => {
    const { session } = play(access, bought);
    const given = { machine: access, chat: 7, session, cause: 'c', input: {}, now, rules: {} };
    const ended = { type: 'access.ended' };
    expect(step({ ...given, event: ended, facts: { access: { has: true } } })).toBeNull();
    expect(step({ ...given, event: ended, facts: { access: { has: false } } })?.to).toBe('idle');
  });

  test('a checkout is approved when its invoice is of today’s offer and there is something to buy', () => {
    const checkout = (problem?: string) => ({
      type: 'checkout.requested',
      query: 'q',
      ...(problem && { problem }),
    });
    const open = { type: 'access.requested' };
    expect(sent(play(access, open, checkout()))).toEqual(['approveCheckout']);
    expect(sent(play(access, open, checkout('price')))).toEqual([
      'rejectCheckout offer_changed',
      'sendInvoice',
    ]);
    expect(sent(play(access, { type: 'start.requested' }, checkout()))).toEqual(['approveCheckout']);
    expect(sent(play(access, { type: 'start.requested' }, checkout('price')))).toEqual([
      'rejectCheckout offer_ended',
    ]);
    const forEver = { access: { has: true, forEver: true } };
    expect(sent(play(access, bought, { ...checkout(), ...forEver }))).toEqual([
      'rejectCheckout already_paid',
    ]);
    const month = { access: { has: true, until: now + 1 } };
    expect(sent(play(access, bought, { ...checkout(), ...month }))).toEqual(['approveCheckout']);
    expect(sent(play(access, bought, { ...checkout(), ...month, isPaid: true }))).toEqual([
      'rejectCheckout already_paid',
    ]);
  });

  test('the first link is kept as the source', () => {
    const commit = play(
      access,
      { type: 'start.requested', payload: 'ad1' },
      { type: 'start.requested', payload: 'ad2' },
    );
    expect(commit.session.context).toEqual({ language: 'en', source: 'ad1' });
  });

  test('an event that no state handles changes nothing', () => {
    const given = { machine: access, chat: 7, input: { language: 'en' }, now, rules: {} };
    expect(
      step({ ...given, session: null, cause: 'c', event: { type: 'topic.selected', value: 'x' } }),
    ).toBeNull();
  });

  test('another topic starts the follow-up anew', () => {
    const topic = (value: string) => ({ type: 'topic.selected', value });
    const commit = play(access, bought, topic('x'), topic('y'));
    expect(named(commit)).toEqual([
      { name: 'follow_up', due: null },
      { name: 'follow_up', due: now + 86_400_000 },
    ]);
  });
});

describe('invoked actors', () => {
  const machine = prepareMachine(jobMachine, {}, {});
  const run = (...events: MachineEvent[]) => play(machine, ...events);
  test('the invoke is an effect with a generation, in a queue of its own', () => {
    const [effect] = run({ type: 'job.requested', n: 2 }).effects;
    expect(effect).toMatchObject({
      type: 'double',
      params: { n: 2 },
      invocation: { id: 'doubling', generation: 1 },
      queue: '7!doubling',
    });
  });
  test('its result comes back as an event', () => {
    const commit = run(
      { type: 'job.requested', n: 2 },
      resultEvent({ id: 'doubling', generation: 1 }, { output: 4 }),
    );
    expect(commit.to).toBe('done');
    expect(commit.session.context).toEqual({ n: 2, result: 4 });
    expect(commit.session.invocations).toBeUndefined();
  });
  test('its error takes onError', () => {
    const commit = run(
      { type: 'job.requested', n: 2 },
      resultEvent({ id: 'doubling', generation: 1 }, { error: { message: 'no' } }),
    );
    expect(commit.to).toBe('failed');
  });
  test('a result of an earlier visit to the state is dropped', () => {
    const again = [
      { type: 'job.requested', n: 2 },
      { type: 'job.cancelled' },
      { type: 'job.requested', n: 3 },
    ];
    const current = run(...again).session;
    expect(current.invocations).toEqual({ doubling: 2 });
    const given = { machine, chat: 7, session: current, cause: 'c', input: {}, now, rules: {} };
    expect(
      step({ ...given, event: resultEvent({ id: 'doubling', generation: 1 }, { output: 4 }) }),
    ).toBeNull();
    expect(step({ ...given, event: resultEvent({ id: 'doubling', generation: 2 }, { output: 6 }) })?.to).toBe(
      'done',
    );
  });
  test('a result of an actor that the machine does not have any more is dropped', () => {
    const session = run({ type: 'job.requested', n: 2 }).session;
    const given = { machine, chat: 7, session, cause: 'c', input: {}, now, rules: {} };
    const error = resultEvent({ id: 'gone', generation: 1 }, { error: { message: 'no' } });
    expect(step({ ...given, event: error })).toBeNull();
  });
});

describe('the lane of an effect', () => {
  const speaking = (params: object) =>
    prepareMachine(
      setup({
        delays: { soon: 1 },
        actions: { send: (_, _params: object) => {} },
      }).createMachine({
        id: 'm',
        initial: 'a',
        states: {
          a: {
            on: { go: { actions: { type: 'send', params } } },
            after: { soon: { actions: { type: 'send', params } } },
          },
        },
      }),
    );
  const laneOf = (params: object, event: MachineEvent, rules: Parameters<typeof step>[0]['rules'] = {}) => {
    const machine = speaking(params);
    const given = { machine, chat: 1, session: null, cause: 'c', input: {}, now, rules };
    return step({ ...given, event })?.effects[0]?.lane;
  };
  const tick = { type: 'xstate.after.soon.m.a' };

  test('is that of what caused it where the action names none', () => {
    expect(laneOf({}, { type: 'go' })).toBe('reply');
    expect(laneOf({}, tick)).toBe('reminder');
  });
  test('is the one that the action names, whatever caused it', () => {
    expect(laneOf({ lane: 'reply' }, tick)).toBe('reply');
    expect(laneOf({ lane: 'broadcast' }, { type: 'go' })).toBe('broadcast');
  });
  test('stays that of the kind of effect where this has one', () => {
    expect(laneOf({ lane: 'broadcast' }, tick, { send: { lane: 'checkout' } })).toBe('checkout');
  });
  test.each([
    ['replay', /state "a", on "go": the lane "replay" of "send" is none\. Did you mean "reply"\?/],
    ['checkout', /the lane "checkout" of "send" is none.*reply, reminder or broadcast/],
    [7, /the lane 7 of "send" is none/],
  ])('is refused at the start when it is %j', (lane, message) => {
    expect(() => speaking({ lane })).toThrow(message);
  });
  test('is refused by the step when a function has made it', () => {
    expect(() => laneOf(() => ({ lane: 'fast' }), { type: 'go' })).toThrow(
      /the lane "fast" of "send" is none/,
    );
  });
});

describe('what cannot be made durable is refused at the start', () => {
  const refusal = (machine: Parameters<typeof prepareMachine>[0]): string => {
    try {
      prepareMachine(machine);
    } catch (error) {
      if (error instanceof MachineRefused) return error.message;
      throw error;
    }
    return 'accepted';
  };
  test.each([
    ['an inline action', setup({}).createMachine({ id: 'm', entry: () => {} }), /inline action/],
    [
      'raw milliseconds',
      setup({}).createMachine({ id: 'm', initial: 'a', states: { a: { after: { 1000: 'b' } }, b: {} } }),
      /state "a".*raw milliseconds/,
    ],
    [
      'a delayed raise',
      setup({
        delays: { d: 1 },
        actions: { r: raise({ type: 'x' }, { delay: 'd' as never }) as never },
      }).createMachine({ id: 'm', entry: 'r' as never }),
      /delayed raise/,
    ],
    [
      'sendTo',
      setup({ actions: { s: sendTo('x', { type: 'y' }) as never } }).createMachine({
        id: 'm',
        entry: 's' as never,
      }),
      /sendTo/,
    ],
    [
      'a child machine',
      setup({ actors: { c: accessMachine } }).createMachine({
        id: 'm',
        invoke: { id: 'c', src: 'c' } as never,
      }),
      /is a machine/,
    ],
    [
      'an invoke without id',
      setup({ actors: { p: fromPromise(async () => 1) } }).createMachine({ id: 'm', invoke: { src: 'p' } }),
      /explicit id/,
    ],
    [
      'context that is not JSON',
      setup({}).createMachine({ id: 'm', context: { at: new Map() } }),
      /context\.at/,
    ],
  ])('%s', (_, machine, message) => {
    expect(refusal(machine as never)).toMatch(message);
  });
  test('spawn in an assign shows at the first step', () => {
    const machine = setup({
      actors: { p: fromPromise(async () => 1) },
      actions: { s: assign(({ spawn }) => ({ ref: spawn('p') as unknown as string })) as never },
    }).createMachine({ id: 'm', on: { go: { actions: 's' as never } } });
    const prepared = prepareMachine(machine as never);
    const given = { machine: prepared, chat: 1, session: null, cause: 'c', input: {}, now, rules: {} };
    expect(() => step({ ...given, event: { type: 'go' } })).toThrow(/spawned/);
  });
  test('a delay that comes to no number shows at the step that counts it', () => {
    const machine = setup({ delays: { odd: () => Number.NaN } }).createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { on: { go: 'b' } }, b: { after: { odd: 'a' } } },
    });
    const prepared = prepareMachine(machine);
    const given = { machine: prepared, chat: 1, session: null, cause: 'c', input: {}, now, rules: {} };
    expect(() => step({ ...given, event: { type: 'go' } })).toThrow(/the delay of odd@\w+ is NaN/);
  });
});

describe('route', () => {
  const rules: ClubRules = {
    userEvents: access.userEvents,
    buttonData: new Set(['access.requested', 'topic.selected:x']),
    checkoutProblem: () => undefined,
  };
  const from = { id: 5, is_bot: false, first_name: 'Anna', language_code: 'ru' };
  const message = { message_id: 1, date: 1, chat: { id: 5, type: 'private', first_name: 'Anna' }, from };
  const event = (update: object) => route({ update_id: 1, ...update } as never, rules)?.event;
  const button = (data: string) => ({ callback_query: { id: 'q', from, chat_instance: '', data, message } });
  test.each([
    ['/start promo', { type: 'start.requested', payload: 'promo' }],
    ['/START@my_bot', { type: 'start.requested' }],
    ['/payment.received', { type: 'message.received', kind: 'text' }],
    ['/nonsense', { type: 'message.received', kind: 'command' }],
    ['hello', { type: 'message.received', kind: 'text' }],
  ])('%s', (text, expected) => {
    expect(event({ message: { ...message, text } })).toMatchObject(expected);
  });
  test('a payment cannot be forged by a button, and neither can data that no button carries', () => {
    for (const data of [
      'payment.received',
      'payment.received:x',
      'topic.selected:other',
      'xstate.after.payment_reminder',
      '',
      ' ',
    ]) {
      expect(event(button(data))).toEqual({ type: 'button.unknown' });
    }
    expect(event(button('topic.selected:x'))).toMatchObject({ type: 'topic.selected', value: 'x' });
  });
  test('what no conversation is about', () => {
    const group = { ...message, chat: { id: -5, type: 'group', title: 'g' }, text: '/start' };
    for (const update of [
      {},
      { message: group },
      { channel_post: group },
      { message: { ...message, from: undefined } },
      { poll: {} },
    ]) {
      expect(route({ update_id: 1, ...update } as never, rules)).toBeNull();
    }
  });
  test('a text of 5,000 characters is cut, and says so', () => {
    const found = event({ message: { ...message, text: '😀'.repeat(5_000) } });
    expect([...String(found?.['text'])].length).toBe(500);
    expect(found).toMatchObject({ isCut: true, message: 1 });
  });
  test('what is sent with words: the words count, a command in them too; the pictures of an album name it', () => {
    const photo = [{ file_id: 'f', file_unique_id: 'u', width: 1, height: 1 }];
    expect(event({ message: { ...message, photo, caption: 'look', media_group_id: '7' } })).toMatchObject({
      type: 'message.received',
      kind: 'other',
      text: 'look',
      message: 1,
      album: '7',
    });
    expect(event({ message: { ...message, photo, caption: '/paysupport is this right?' } })).toMatchObject({
      type: 'paysupport.requested',
      kind: 'other',
      payload: 'is this right?',
      message: 1,
    });
  });
  test('edits and service messages mean nothing', () => {
    const location = { latitude: 1, longitude: 1, live_period: 60 };
    for (const update of [
      { edited_message: { ...message, text: '/start' } },
      { edited_message: { ...message, location } },
      { message: { ...message, pinned_message: message } },
      { message: { ...message, users_shared: { request_id: 1, users: [] } } },
    ])
      expect(route({ update_id: 1, ...update } as never, rules)).toBeNull();
  });
  describe('a command of an operator that names a person', () => {
    const ruled: ClubRules = {
      ...rules,
      operators: new Set([5]),
      operatorEvents: new Set(['grant.requested', 'extend.requested', 'revoke.requested', 'block.requested']),
      facts: { club: true },
    };
    const routed = (text: string, given = ruled) =>
      route({ update_id: 7, message: { ...message, date: 60, text } } as never, given);

    test('is about that person, and a line of their book', () => {
      expect(routed('/extend 77 30 by mistake')).toEqual({
        update: 7,
        chat: 77,
        lane: 'reply',
        event: { type: 'access.granted', act: 'extend', by: 5, reason: 'by mistake', club: true },
        entry: { kind: 'grant', id: '7', chat: 77, at: 60_000, by: 5, reason: 'by mistake', days: 30 },
        fromOperator: true,
        elsewhere: true,
      });
      expect(routed('/block 77')).toMatchObject({
        chat: 77,
        event: { type: 'access.revoked', act: 'block' },
        entry: { kind: 'block' },
      });
    });
    test('stays in the operator’s chat when it cannot be understood', () => {
      expect(routed('/grant 77')).toMatchObject({
        chat: 5,
        event: { type: 'grant.requested', payload: '77' },
      });
      expect(routed('/grant 77')?.entry).toBeUndefined();
    });
    test('is a word of anybody else', () => {
      const found = routed('/grant 77 30', { ...ruled, operators: new Set([6]) });
      expect(found).toMatchObject({ chat: 5, event: { type: 'message.received', kind: 'command' } });
      expect(found?.entry).toBeUndefined();
    });
  });
  test('a payment carries its ledger entry, also from a group', () => {
    const successful_payment = {
      currency: 'XTR',
      total_amount: 5,
      invoice_payload: 'p',
      telegram_payment_charge_id: 'c',
      provider_payment_charge_id: '',
    };
    const routed = route(
      {
        update_id: 1,
        message: { ...message, chat: { id: -1, type: 'group', title: 'g' }, successful_payment },
      } as never,
      rules,
    );
    expect(routed?.entry).toEqual({
      charge: 'c',
      direction: 'in',
      chat: 5,
      payload: 'p',
      currency: 'XTR',
      amount: 5,
      at: 1_000,
      bought: { forEver: true },
    });
  });
});

test('chats spread evenly over shards, and each stays where it is', () => {
  const counts = new Array<number>(16).fill(0);
  for (let chat = 1; chat <= 16_000; chat++) {
    const shard = shardOf(1_000_000_000 + chat, 16);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect([
    shardOf(1, 16),
    shardOf(6_123_456_789, 16),
    shardOf(-1_001_234_567_890, 16),
  ]).toMatchInlineSnapshot(`
    [
      7,
      7,
      0,
    ]
  `);
});

describe('signals, counts and forgetting', () => {
  const sender = prepareMachine(
    setup({
      types: { context: {} as { word: string } },
      actions: {
        signal: (_, _params: { machine: string; event: string; with?: string[] }) => {},
        count: (_, _params: { counter: string; by: string }) => {},
        forget: () => {},
        keep: assign({ word: 'kept' }),
      },
    }).createMachine({
      id: 'sender',
      context: { word: 'first' },
      on: {
        go: {
          actions: [
            'keep',
            { type: 'signal', params: { machine: 'hearer', event: 'heard', with: ['word'] } },
            { type: 'count', params: { counter: 'seen', by: 'word' } },
            'forget',
          ],
        },
      },
    }),
  );
  const hearer = prepareMachine(setup({}).createMachine({ id: 'hearer', on: { heard: { reenter: true } } }));

  test('are parts of the commit, not effects; a signal carries the cause and what it names of the context', () => {
    const commit = play(sender, { type: 'go', charge: 'c' });
    expect(commit.effects).toEqual([]);
    expect(commit.signals).toEqual([
      { machine: 'hearer', chat: 7, event: { type: 'heard', charge: 'c', word: 'kept' }, hops: 1 },
    ]);
    expect(commit.counts).toEqual(['seen:kept']);
    expect(commit.forgets).toBe(true);
  });

  test('a signal to a machine or an event that is not there is refused at the start', () => {
    expect(() => checkSignals([sender, hearer])).not.toThrow();
    expect(() => checkSignals([sender])).toThrow(/no machine "hearer"/);
    const deaf = prepareMachine(setup({}).createMachine({ id: 'hearer' }));
    expect(() => checkSignals([sender, deaf])).toThrow(/no state of "hearer" handles it/);
  });

  test('a signal without literal params is refused', () => {
    const machine = setup({ actions: { signal: () => {} } }).createMachine({ id: 'm', entry: 'signal' });
    expect(() => prepareMachine(machine)).toThrow(/literal params/);
  });
});

describe('time', () => {
  const day = 86_400_000;
  const timed = prepareMachine(
    setup({
      types: {
        context: {} as { until?: number },
        events: {} as { type: 'bought'; at: number; days: number } | { type: 'for_ever'; at: number },
      },
      delays: {
        end: ({ context, event }) => (context.until ?? Number.POSITIVE_INFINITY) - event.at,
        fixed: 5,
      },
      actions: {
        extend: assign(({ event }) =>
          event.type === 'bought' ? { until: event.at + event.days * day } : {},
        ),
      },
    }).createMachine({
      id: 'timed',
      context: {},
      initial: 'none',
      states: {
        none: { on: { bought: { target: 'on', actions: 'extend' }, for_ever: 'on' } },
        on: { after: { end: { target: 'none' } } },
      },
    }),
    { end: 1, fixed: 1 },
  );
  const timersAfter = (event: MachineEvent) => named(play(timed, event), timed);

  test('each event carries it, and a delay computed of it is exact, 100 days ahead too', () => {
    expect(timersAfter({ type: 'bought', days: 100 })).toEqual([{ name: 'end', due: now + 100 * day }]);
  });
  test('what has passed is due at once, and what never comes has no timer', () => {
    expect(timersAfter({ type: 'bought', days: -3 })).toEqual([{ name: 'end', due: now }]);
    expect(timersAfter({ type: 'for_ever' })).toEqual([]);
  });
});

test('an actor with a name of its own in the system is asked for again and again', () => {
  const named = prepareMachine(
    setup({ actors: { job: fromPromise(async () => 1) } }).createMachine({
      id: 'named',
      initial: 'rest',
      states: {
        rest: { on: { go: 'busy' } },
        busy: { invoke: { src: 'job', id: 'job', systemId: 'worker' }, on: { stop: 'rest' } },
      },
    }),
  );
  const events = ['go', 'stop', 'go'].map((type) => ({ type }));
  expect(play(named, ...events).effects.map(({ type }) => type)).toEqual(['job']);
});

describe('what a release changes', () => {
  const machineOf = (config: object, delays: object = { pause: 60_000, idle: 1_000, away: 2_000 }) =>
    prepareMachine(
      setup({ delays } as never).createMachine({ id: 'm', context: {}, ...config } as never) as never,
    );
  const waiting = { after: { pause: 'rest' } };
  const before = machineOf({ initial: 'first', states: { first: waiting, rest: {} } });
  const after = machineOf({
    initial: 'first',
    states: { first: { ...waiting, on: { go: 'second' } }, second: waiting, rest: {} },
  });
  const stepOf = (machine: typeof before, value: string, event: MachineEvent) =>
    step({
      machine,
      chat: 7,
      session: { value, context: {}, status: 'active' },
      event,
      cause: 'c',
      input: {},
      now,
      rules: {},
    });

  test('a stored timer keeps its meaning when another state begins to use the same delay', () => {
    const [spec] = before.timers;
    expect(spec).toMatchObject({ shownName: 'pause', formerNames: ['pause', 'pause@first'] });
    expect(after.timers.map(({ name }) => name)).toContain(spec?.name);
    expect(after.timers.map(({ shownName }) => shownName)).toEqual(['pause@first', 'pause@second']);
    expect(timerEvent(after, spec?.name ?? '')).toEqual({ type: 'xstate.after.pause.m.first' });
  });

  test('a name that an earlier release stored means the state that is active', () => {
    for (const name of ['pause', 'pause@second'])
      expect(timerEvent(after, name, 'second')).toEqual({ type: 'xstate.after.pause.m.second' });
    expect(timerEvent(after, 'pause', 'first')).toEqual({ type: 'xstate.after.pause.m.first' });
    expect(timerEvent(after, 'paws', 'first')).toBeNull();
  });

  test('leaving a state takes its timer under every name', () => {
    const gone = stepOf(after, 'first', { type: 'go' })?.timers.filter(({ due }) => due === null);
    expect(gone?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['pause', 'pause@first', after.timers[0]?.name]),
    );
  });

  test('a bare name stays where a state beside the one that is left may have set it', () => {
    const parallel = machineOf({
      type: 'parallel',
      states: {
        one: { initial: 'a', states: { a: { ...waiting, on: { go: 'rest' } }, rest: {} } },
        two: { initial: 'b', states: { b: waiting, rest: {} } },
      },
    });
    const value = { one: 'a', two: 'b' } as never;
    const gone = stepOf(parallel, value, { type: 'go' })?.timers.flatMap(({ name, due }) => due ?? name);
    expect(gone).toContain('pause@one.a');
    expect(gone).not.toContain('pause');
  });

  test('the end of an untouched session is decided by the tags of today', () => {
    const states = (tags: string[]) => ({ initial: 'a', states: { a: { tags, on: { go: {} } }, b: {} } });
    const [tagged, bare] = [machineOf(states(['expires after idle'])), machineOf(states([]))];
    const session: Session = { value: 'a', context: {}, status: 'active' };
    expect(expire(tagged, session, false)).toMatchObject({ ends: true, from: 'a' });
    expect(expire(bare, session, false)).toBeNull();
    expect(expire(tagged, null, false)).toBeNull();
  });

  test('a tag on the machine, on a state with children or in a region works as on any other', () => {
    const idle = { tags: ['expires after idle'] };
    const at = (machine: typeof before, value: unknown) =>
      expire(machine, { value: value as never, context: {}, status: 'active' }, false)?.ends;
    expect(at(machineOf({ ...idle, initial: 'a', states: { a: {} } }), 'a')).toBe(true);
    const nested = { initial: 'a', states: { a: { ...idle, initial: 'b', states: { b: {} } }, c: {} } };
    expect(at(machineOf(nested), { a: 'b' })).toBe(true);
    expect(at(machineOf(nested), 'c')).toBeUndefined();
    const regions = {
      x: { initial: 'a', states: { a: idle, b: {} } },
      y: { initial: 'c', states: { c: {} } },
    };
    expect(at(machineOf({ type: 'parallel', states: regions }), { x: 'a', y: 'c' })).toBe(true);
    expect(at(machineOf({ type: 'parallel', states: regions }), { x: 'b', y: 'c' })).toBeUndefined();
  });

  test('while its person cannot be reached a session ends where the machine says so, but not in a state that stays', () => {
    const machine = machineOf({
      tags: ['ends after away while unreachable'],
      initial: 'a',
      states: { a: {}, kept: { tags: ['stays while unreachable'] } },
    });
    const at = (value: string, isAway: boolean) =>
      expire(machine, { value, context: {}, status: 'active' }, isAway) !== null;
    expect(machine.whileUnreachable.endsAfter).toBe(2_000);
    expect([at('a', true), at('a', false), at('kept', true)]).toEqual([true, false, false]);
  });

  test('states in which people stand are known by name, those of parallel regions too', () => {
    const regions = { x: { initial: 'a', states: { a: {} } }, y: { initial: 'c', states: { c: {} } } };
    const machine = machineOf({ initial: 'p', states: { p: { type: 'parallel', states: regions }, q: {} } });
    for (const name of ['q', 'p.x.a+y.c']) expect(hasState(machine, name)).toBe(true);
    for (const name of ['r', 'p', 'p.x.z+y.c']) expect(hasState(machine, name)).toBe(false);
  });

  test.each([
    ['an id with a colon', { id: 'a:b' }, /its id has a ":", "\|" or space/],
    [
      'a tag of the machine on a state',
      { initial: 'a', states: { a: { tags: ['goes on while unreachable'] } } },
      /of the machine/,
    ],
    ['a tag that names no delay', { tags: ['ends after x while unreachable'] }, /names no delay/],
    ['a deadline that is no delay', { tags: ['x waits for the news'] }, /names no delay of setup/],
    [
      'a deadline that a state declares',
      { initial: 'a', states: { a: { tags: ['away waits for the news'] } } },
      /of the machine/,
    ],
    [
      'a beginning without end',
      { initial: 'a', states: { a: { always: 'b' }, b: { always: 'a' } } },
      /Infinite loop/,
    ],
  ])('%s is refused', (_, config, message) => {
    expect(() => machineOf(config)).toThrow(message);
  });

  test('history is no state to stand in', () => {
    const machine = machineOf({ initial: 'a', states: { a: {}, h: { type: 'history' } } });
    expect(machine.states).toEqual(['a']);
  });
});

describe('what a step refuses', () => {
  const machine = prepareMachine(
    setup({
      actions: {
        signal: (_, _params: { machine: string; event: string }) => {},
        pay: () => {},
      },
    }).createMachine({
      id: 'm',
      context: {},
      on: {
        go: { actions: { type: 'signal', params: { machine: 'm', event: 'go' } } },
        pay: { actions: 'pay' },
      },
    }),
  );
  const given = { machine, chat: 7, session: null, cause: 'c', input: {}, now, rules: {} };

  test('signals that lead to each other end after 50', () => {
    expect(step({ ...given, event: { type: 'go' } })?.signals[0]?.hops).toBe(1);
    expect(step({ ...given, event: { type: 'go' }, hops: 49 })?.signals[0]?.hops).toBe(50);
    expect(() => step({ ...given, event: { type: 'go' }, hops: 50 })).toThrow(/in a circle/);
  });

  test('what only operators may cause, when somebody else does', () => {
    const rules = { pay: { privileged: true } } as const;
    const event = { type: 'pay' };
    expect(() => step({ ...given, rules, event, isFromOutside: true })).toThrow(/for operators alone/);
    expect(step({ ...given, rules, event })?.effects).toHaveLength(1);
    expect(() => checkPrivileges([machine], new Set(['pay']))).toThrow(/meta\.audience/);
    expect(() => checkPrivileges([machine], new Set(['refund']))).not.toThrow();
  });
});

describe('what JSON would lose', () => {
  class Thing {}
  test.each([
    [{ a: { b: [1, 'x', null, true, { c: undefined }] } }, null],
    [{ a: 1n }, '.a is a bigint'],
    [{ a: [0, Number.NaN] }, '.a[1] is NaN'],
    [{ a: Number.POSITIVE_INFINITY }, '.a is Infinity'],
    [{ a: [undefined] }, '.a[0] is undefined'],
    [{ a: new Date(0) }, '.a is a Date'],
    [{ a: new Map() }, '.a is a Map'],
    [{ a: () => 1 }, '.a is a function'],
    [{ a: Symbol('x') }, '.a is a symbol'],
    [{ a: new Thing() }, '.a is a Thing'],
  ])('%o', (value, lost) => {
    expect(lostInJson(value)).toBe(lost);
    if (lost === null) expect(JSON.parse(JSON.stringify(value))).toEqual(value);
  });
  test('what holds itself', () => {
    const value: { self?: unknown } = {};
    value.self = value;
    expect(lostInJson(value)).toMatch(/holds itself/);
  });
});
