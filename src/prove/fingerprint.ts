import { encodeSession, type Session } from '#runtime';
import type { World } from './world.ts';

const hour = 3_600_000;
const minute = 60_000;

/** Times, and what is named by numbers of their own. */
const named =
  /"update_id":\d+|"[^"]*:[0-9a-f]{16}"|\b1[6-9]\d{11}\b|\b1[6-9]\d{8}\b|\b(?:ch|i|q)\d+\b|\+L\d+|\bt1\d{12}\b/g;

function span(ms: number): string {
  const hours = Math.round(ms / hour);
  if (Math.abs(hours) <= 30) return `${hours}h`;
  return hours < -1_000 ? 'past' : `${Math.round(hours / 24)}d`;
}

/**
 * Everything that money and door depend on, as text: without reminders, with times as hours or days from now, and with
 * charges, links and invoices named by the order in which they stand. Two worlds of one text have the same future, but for
 * what hangs on less than that.
 */
export function fingerprintOf(world: World): string {
  const { telegram, store } = world;
  const { now } = telegram;
  const sessions: string[] = [];
  for (const [place, { session, isAway }] of [...store.sessions].sort(byKey)) {
    // Numbers of earlier invocations are only ever compared with one that is awaited.
    const { generation, ...rest } = session;
    const kept = session.invocations === undefined ? rest : session;
    const context = agedContext(kept.context, now);
    sessions.push(place, isAway ? '~' : '', encodeSession({ ...kept, context } as Session));
  }
  const timers = [...store.timers]
    .filter(([id]) => !isIdle(id))
    .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  const links = telegram.people.map(({ link }) => telegram.links.find(({ name }) => name === link));
  const text = JSON.stringify([
    world.sale,
    world.keeps,
    telegram.mood,
    sessions,
    timers,
    [...store.books].map(([chat, book]) => [chat, [...book].sort((a, b) => a.at - b.at)]),
    telegram.people,
    links,
    store.outbox.map(({ type, params, chat }) => [type, params, chat]),
  ]);
  const names = new Map<string, string>();
  return text.replace(named, (found) => {
    if (found.startsWith('1'))
      return span((found.length === 10 ? Number(found) * 1_000 : Number(found)) - now);
    let name = names.get(found);
    if (name === undefined) {
      name = `n${names.size}`;
      names.set(found, name);
    }
    return name;
  });
}

const byKey = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : 1;

/** Moments of which only the last minute, or the last hour, makes a difference. */
const briefly: Readonly<Record<string, number>> = {
  helped: minute,
  invoiced: minute,
  asked: minute,
  shown: minute,
  asking: hour,
  leaving: hour,
};

/** Only reminders depend on it. */
const ofReminders = { since: undefined, reminded: undefined, topic: undefined };

/** Timers of reminders, and the ends of untouched sessions, which change nothing of money and door. */
export const isIdle = (id: string): boolean =>
  /reminder|follow_up|~expiry|answer_expiry|invite_slow|invite_very_slow/.test(id);

function agedContext(context: Readonly<Record<string, unknown>>, now: number): object {
  let aged: Readonly<Record<string, unknown>> = { ...context, ...ofReminders };
  for (const [field, span] of Object.entries(briefly)) {
    const at = aged[field];
    if (typeof at === 'number' && now - at >= span) aged = { ...aged, [field]: undefined };
  }
  return aged;
}
