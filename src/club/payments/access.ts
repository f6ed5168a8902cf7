import { type Access, type Entry, isAct, keyOf, nobody } from './book.ts';
import { Fold } from './fold.ts';
/**
 * What the entries of a book come to at `now`, whatever order they came in: they are folded by their own dates. Pure.
 * The rules stand as a table in docs/operator.md.
 */
export function accessOf(book: readonly Entry[], now: number): Access {
  if (book.length === 0) return nobody;
  const entries = [...new Map(book.map((entry) => [keyOf(entry), entry])).values()].sort(byDate);
  const fold = new Fold(entries);
  for (const entry of entries) fold.add(entry);
  return fold.access(now);
}

/** By date; of one moment, payments come before what is done about them. */
const byDate = (a: Entry, b: Entry): number =>
  a.at - b.at || rank(a) - rank(b) || (keyOf(a) < keyOf(b) ? -1 : 1);
const rank = (entry: Entry): number => (isAct(entry) ? 1 : entry.direction === 'in' ? 0 : 2);
