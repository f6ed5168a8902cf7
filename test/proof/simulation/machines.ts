import { assign, setup } from 'xstate';
import { accessMachine } from '../../../machines/access.machine.ts';
import { membershipMachine } from '../../../machines/membership.machine.ts';
import { refundsMachine } from '../../../machines/refunds.machine.ts';
import { supportMachine } from '../../../machines/support.machine.ts';
import type { Effect } from '../../../src/runtime/core/effects.ts';
import { type DurableMachine, prepareMachine } from '../../../src/runtime/core/machine.ts';
import { jobMachine } from '../../support/job.machine.ts';

/** A conversation is changed by a release: the old one and the new one run side by side for a while. */
export type Release = 'old' | 'new';

const fails = (what: string) => () => {
  throw new Error(`the ${what} throws`);
};

/**
 * Everything that a machine can do wrong, each by an event of its own. The new release takes the tag that ends a session off
 * one state and puts it on another, where it uses a delay that only one state had.
 */
const oddMachine = (release: Release) =>
  setup({
    types: { context: {} as { odd?: unknown }, events: {} as { type: string; at: number } },
    delays: {
      soon: 600_000,
      short_time: 3_600_000,
      long_time: 7_776_000_000,
      never: () => Number.NaN,
    },
    guards: { throwing: fails('guard') },
    actions: {
      throwing: assign(fails('assign')),
      hold_a_bigint: assign({ odd: 1n }),
      say: (_, _params: { message: string }) => {},
      say_to_nobody: () => {},
      say_a_bigint: () => {},
      fail: () => {},
      signal: (_, _params: { machine: string; event: string }) => {},
    },
  }).createMachine({
    id: 'odd',
    tags: ['ends after long_time while unreachable'],
    context: {},
    initial: 'resting',
    on: {
      'odd.rests': '.resting',
      'odd.stands': '.standing',
      'odd.arms': { target: '.armed', reenter: true },
      'odd.guard': { guard: 'throwing', target: '.armed' },
      'odd.assign': { target: '.armed', actions: 'throwing' },
      'odd.bigint': { target: '.armed', actions: 'hold_a_bigint' },
      'odd.delay': '.late',
      'odd.endless': '.there',
      'odd.address': { target: '.armed', actions: 'say_to_nobody' },
      'odd.encode': { target: '.armed', actions: 'say_a_bigint' },
      'odd.shape': '.armed',
      'odd.perform': { actions: 'fail' },
      'odd.kill': '.armed',
      'odd.circle': { actions: { type: 'signal', params: { machine: 'echo', event: 'echo.called' } } },
    },
    states: {
      resting: { tags: release === 'old' ? ['expires after short_time'] : [] },
      standing: {
        tags: release === 'new' ? ['expires after short_time'] : [],
        after: release === 'new' ? { soon: { actions: { type: 'say', params: { message: 'stood' } } } } : {},
      },
      armed: {
        after: { soon: { target: 'resting', actions: { type: 'say', params: { message: 'rang' } } } },
      },
      late: { after: { never: 'resting' } },
      there: { always: 'back' },
      back: { always: 'there' },
    },
  });

/** Answers each signal with the one that led to it. It has no states of its own. */
const echoMachine = setup({
  types: { context: {} as object, events: {} as { type: string; at: number } },
  actions: { signal: (_, _params: { machine: string; event: string }) => {} },
}).createMachine({
  id: 'echo',
  context: {},
  on: { 'echo.called': { actions: { type: 'signal', params: { machine: 'odd', event: 'odd.circle' } } } },
});

/** The events that no release can take; whatever brings one is given up. */
export const impossible = new Set(
  ['guard', 'assign', 'bigint', 'delay', 'endless', 'address', 'encode', 'shape', 'kill'].map(
    (name) => `odd.${name}`,
  ),
);

export const input = { language: 'en' };

const machinesOf = (release: Release): readonly DurableMachine[] =>
  [
    accessMachine,
    jobMachine,
    membershipMachine,
    refundsMachine,
    supportMachine,
    oddMachine(release),
    echoMachine,
  ].map((machine) => prepareMachine(machine, {}, input));

export const releases: Readonly<Record<Release, readonly DurableMachine[]>> = {
  old: machinesOf('old'),
  new: machinesOf('new'),
};

/** Turns an effect into those that go out, or fails at it. */
export function address(effect: Effect): readonly Effect[] {
  if (effect.type === 'say_to_nobody') throw new Error('Expected somebody to say it to');
  return [effect.type === 'say_a_bigint' ? { ...effect, params: { n: 1n } } : effect];
}
