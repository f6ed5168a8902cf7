import { sales } from '#club';
import { buy, callOff, foreign, pay, payOlder, renew } from './buyer.ts';
import { anna, boris, of } from './cast.ts';
import { ban, blockBot, forget, friendJoins, isBrought, join, leaves, topic } from './member.ts';
import { admit, change, count, keep, owe, sell } from './operator.ts';
import { compareLists, deliver, refund, turn, wait } from './outside.ts';
import { isShut } from './truth.ts';
import type { World } from './world.ts';

/** Something that a person, an operator, Telegram or time does. */
export interface Action {
  /** As a file of a counterexample names it. */
  readonly id: string;
  readonly name: string;
  /** 1 for what happens every day; what is rarer weighs more, and fewer of them are tried together. */
  readonly weight: number;
  /** Does it, without waiting for what follows. @returns false when it cannot be done now */
  readonly act: (world: World) => Promise<boolean> | boolean;
}

export const actions: readonly Action[] = [
  { id: 'buy', name: 'Anna asks to buy', weight: 1, act: buy },
  { id: 'pay', name: 'Anna pays the newest invoice', weight: 1, act: (world) => pay(world, 1, 'now') },
  { id: 'wait', name: 'time goes on to the next deadline', weight: 1, act: wait },
  { id: 'renew', name: 'Telegram renews the subscription', weight: 1, act: (world) => renew(world, 'now') },
  { id: 'join', name: 'Anna asks for the link and joins', weight: 1, act: join },
  { id: 'topic', name: 'Anna chooses a topic', weight: 2, act: topic },
  { id: 'pay-older', name: 'Anna pays an older invoice', weight: 2, act: payOlder },
  {
    id: 'pay-twice',
    name: 'Anna pays the same invoice twice at once',
    weight: 2,
    act: (world) => pay(world, 2, 'now'),
  },
  {
    id: 'pay-lost',
    name: 'Anna pays, and the update is lost',
    weight: 2,
    act: (world) => pay(world, 1, 'lost'),
  },
  {
    id: 'pay-late',
    name: 'Anna pays, and the update is late',
    weight: 3,
    act: (world) => pay(world, 1, 'late'),
  },
  {
    id: 'refund-newest',
    name: 'Telegram refunds the newest payment',
    weight: 2,
    act: (world) => refund(world, -1),
  },
  {
    id: 'refund-oldest',
    name: 'Telegram refunds the oldest payment',
    weight: 2,
    act: (world) => refund(world, 0),
  },
  { id: 'owe', name: 'the operator refunds the newest payment', weight: 2, act: owe },
  { id: 'keep', name: 'the operator drops a refund', weight: 1, act: keep },
  { id: 'count', name: 'the operator counts a payment too many as time', weight: 1, act: count },
  {
    id: 'renew-lost',
    name: 'Telegram renews, and the update is lost',
    weight: 2,
    act: (world) => renew(world, 'lost'),
  },
  {
    id: 'renew-late',
    name: 'Telegram renews, and the update is late',
    weight: 3,
    act: (world) => renew(world, 'late'),
  },
  { id: 'renew-failed', name: 'the renewal fails', weight: 2, act: (world) => renew(world, 'failed') },
  {
    id: 'call-off',
    name: 'Anna calls the subscription off',
    weight: 2,
    act: (world) => callOff(world, true),
  },
  {
    id: 'take-up',
    name: 'Anna takes the subscription up again',
    weight: 1,
    act: (world) => callOff(world, false),
  },
  { id: 'compare', name: 'the lists are compared', weight: 1, act: compareLists },
  { id: 'deliver', name: 'late updates arrive', weight: 1, act: deliver },
  { id: 'block-bot', name: 'Anna blocks the bot, or takes it back', weight: 2, act: blockBot },
  { id: 'forget', name: 'Anna deletes everything by /forget', weight: 3, act: forget },
  { id: 'grant', name: 'the operator grants 30 days', weight: 2, act: (world) => change(world, 'grant', 30) },
  {
    id: 'take-days',
    name: 'the operator takes 10 days back',
    weight: 3,
    act: (world) => change(world, 'grant', -10),
  },
  {
    id: 'grant-forever',
    name: 'the operator grants access for ever',
    weight: 3,
    act: (world) => change(world, 'grant'),
  },
  { id: 'revoke', name: 'the operator revokes access', weight: 3, act: (world) => change(world, 'revoke') },
  {
    id: 'shut',
    name: 'the operator shuts the door, or opens it again',
    weight: 2,
    act: (world) => change(world, isShut(of(world)) ? 'unblock' : 'block'),
  },
  ...sales.map((sale) => ({
    id: `sell-${sale}`,
    name: `the operator sells ${sale}`,
    weight: 2,
    act: (world: World) => sell(world, sale),
  })),
  { id: 'leave', name: 'Anna leaves the club', weight: 2, act: (world) => leaves(world, anna) },
  { id: 'ban', name: 'an administrator bans Anna, or lifts the ban', weight: 2, act: ban },
  { id: 'pass-on', name: 'Boris uses the link that Anna passed on', weight: 2, act: friendJoins },
  { id: 'bring', name: 'Boris is brought into the club by another', weight: 3, act: isBrought },
  { id: 'admit', name: 'the operator lets Anna in, who was banned', weight: 1, act: admit },
  { id: 'friend-leaves', name: 'Boris leaves the club', weight: 2, act: (world) => leaves(world, boris) },
  {
    id: 'refuse',
    name: 'Telegram begins or stops to refuse',
    weight: 2,
    act: (world) => turn(world, 'refuses'),
  },
  {
    id: 'slow',
    name: 'Telegram answers late, or at once again',
    weight: 2,
    act: (world) => turn(world, 'slow'),
  },
  {
    id: 'die',
    name: 'the bot dies after each call, and repeats it',
    weight: 3,
    act: (world) => turn(world, 'twice'),
  },
  { id: 'foreign', name: 'Anna pays for something that another program sells', weight: 3, act: foreign },
];
