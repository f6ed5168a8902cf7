/** ` Did you mean "…"?` when one of the names is at most two letters away; empty otherwise. */
export function didYouMean(found: string, names: Iterable<string>): string {
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(found.length / 2));
  for (const name of names) {
    const away = distance(found, name);
    if (away >= least) continue;
    least = away;
    best = name;
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

/** Levenshtein's: the insertions, removals and replacements that lead from one text to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
