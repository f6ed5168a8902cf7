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

/** The insertions, removals, replacements and swaps of neighbours that lead from one text to the other. */
function distance(a: string, b: string): number {
  let [before, row]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row?.[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? (before?.[j - 2] ?? 0) + 1 : replaced;
      next.push(Math.min(replaced, swapped, (row?.[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row?.[b.length] ?? 0;
}
