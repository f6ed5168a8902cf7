import type { Entry, EntryKind } from '../stored.ts';

/** The letters that begin the field under which an entry's text stands; the chat follows. */
const entryKinds: Readonly<Record<string, EntryKind>> = {
  a: 'arrival',
  u: 'update',
  r: 'result',
  s: 'signal',
  f: 'forget',
  b: 'unreachable',
};

/** The field of an entry: its kind's letter, and the chat that it is about (null: not known). */
export const entryField = (kind: EntryKind, chat: number | null): string =>
  `${Object.entries(entryKinds).find(([, name]) => name === kind)?.[0] ?? 'u'}${chat ?? ''}`;

/** An entry as it is read from its stream. */
export function entryOf(
  shard: number,
  source: Entry['source'],
  [id, [field = '', text = '']]: readonly [string, readonly string[]],
): Entry {
  const chat = Number(field.slice(1));
  const isNamed = field.length > 1 && Number.isSafeInteger(chat);
  const kind = entryKinds[field.charAt(0)] ?? null;
  return { shard, source, id, due: 0, kind, chat: isNamed ? chat : null, field, text };
}
