import type { MachineEvent } from '#runtime';
import type { Access, Act } from '../payments/book.ts';

/** What an operator can do to a person's access, in a chat with the bot or on the command line. */
export const actsByHand = ['grant', 'extend', 'revoke', 'block', 'unblock'] as const;

/** One of them, understood. */
export interface ByHand {
  readonly act: (typeof actsByHand)[number];
  readonly person: number;
  /** Of access that is given, or with `extend` below 0 taken back; absent: for ever. */
  readonly days?: number;
  readonly reason?: string;
}

/** Characters of a reason that are kept. */
const longestReason = 200;
/** A century: nobody means more. */
const mostDays = 36_500;

export const isActByHand = (name: string): name is ByHand['act'] =>
  (actsByHand as readonly string[]).includes(name);

/**
 * Reads `<user> 30 [reason]` or `<user> forever [reason]` for `grant`, `<user> 7 [reason]` or `<user> -7 [reason]` for `extend`,
 * `<user> [reason]` for the others. Pure.
 * @returns null when it says something else
 */
export function readByHand(act: ByHand['act'], words: string): ByHand | null {
  const [, user = '', others = ''] = /^(\d{1,15})(?:\s+([\s\S]+))?$/.exec(words.trim()) ?? [];
  const person = Number(user);
  if (person === 0) return null;
  if (act !== 'grant' && act !== 'extend') return { act, person, ...reasonOf(others) };
  const [, time = '', rest = ''] = /^(\S+)(?:\s+([\s\S]+))?$/.exec(others) ?? [];
  if (act === 'grant' && time === 'forever') return { act, person, ...reasonOf(rest) };
  const days = (act === 'extend' ? /^-?\d{1,5}$/ : /^\d{1,5}$/).test(time) ? Number(time) : 0;
  return days === 0 || Math.abs(days) > mostDays ? null : { act, person, days, ...reasonOf(rest) };
}

const reasonOf = (words: string): { reason?: string } =>
  words.trim() === '' ? {} : { reason: [...words.trim()].slice(0, longestReason).join('') };

/**
 * What it means to the person: an event of their conversation, and a line of their book. Pure.
 * @param source who did it, when (ms), and an id that makes a repetition void
 */
export function meaningOfByHand(
  { act, person: chat, days, reason }: ByHand,
  { by, id, at }: { readonly by: number | string; readonly id: string; readonly at: number },
): { readonly chat: number; readonly event: MachineEvent; readonly entry: Act } {
  const gives = act === 'grant' || act === 'unblock' || (act === 'extend' && (days ?? 0) > 0);
  const because = reason === undefined ? {} : { reason };
  return {
    chat,
    event: { type: gives ? 'access.granted' : 'access.revoked', act, by, ...because },
    entry: {
      kind: act === 'extend' ? 'grant' : act,
      id,
      chat,
      at,
      by,
      ...because,
      ...(days !== undefined && { days }),
    },
  };
}

/**
 * Why an act of an operator would come to nothing. Such a line is not written.
 * @param before what the book says without it
 * @param after what it says with it
 * @param act by which name it was asked for, where that differs from the line's kind
 * @returns null when it does something
 */
export function refusalOf(
  { has, blocked, forEver, until, ends, extras }: Access,
  after: Access,
  { kind, charge, by, days = 0 }: Act,
  act: unknown,
  now: number,
): 'no_access' | 'for_ever' | 'blocked' | 'not_blocked' | 'no_extra' | 'no_days' | null {
  if (by === undefined) return null;
  if (kind === 'count' && !extras.includes(charge ?? '')) return 'no_extra';
  if (kind === 'count') return forEver === true ? 'for_ever' : null;
  const isBlocked = blocked === true;
  if (kind === 'unblock') return isBlocked ? null : 'not_blocked';
  if (kind === 'block') return isBlocked ? 'blocked' : null;
  // Who is blocked may have time left.
  if (kind === 'revoke') return forEver === true || (ends ?? 0) > now ? null : 'no_access';
  if (kind !== 'grant') return null;
  if (isBlocked) return 'blocked';
  if (act === 'extend' && !has) return 'no_access';
  if (forEver === true) return 'for_ever';
  return days < 0 && after.until === until ? 'no_days' : null;
}
