import { createHash } from 'node:crypto';

/**
 * Which copy of the bot has which shard. Every copy computes the same from the same names; loads differ by one at most.
 *
 * The copies come in by age, and each takes its part from those that have most: the shards that suit it better than
 * their owner, by a hash. So the youngest moves nothing between the others when it joins (7 of 64 shards when it is the
 * ninth), and one that leaves moves, beside its own, about as many again.
 * @param copies names that sort by age
 * @returns the copy of each shard; nothing when there is no copy
 */
export function sharesOf(copies: readonly string[], shards: number): string[] {
  const sorted = [...copies].sort();
  const suits = sorted.map((copy) => suitsOf(copy, shards));
  const gain = (shard: number, from: number, to: number) =>
    (suits[to]?.[shard] ?? 0) - (suits[from]?.[shard] ?? 0);
  const owners: number[] = Array(sorted.length === 0 ? 0 : shards).fill(0);
  const loads = [shards];
  for (let copy = 1; copy < sorted.length; copy++) {
    let load = 0;
    for (let most = Math.max(...loads); most - load > 1; most = Math.max(...loads)) {
      const offered = [...owners.keys()].filter((shard) => loads[owners[shard] ?? 0] === most);
      const taken = offered.reduce((best, shard) =>
        gain(shard, owners[shard] ?? 0, copy) > gain(best, owners[best] ?? 0, copy) ? shard : best,
      );
      loads[owners[taken] ?? 0] = most - 1;
      owners[taken] = copy;
      load++;
    }
    loads.push(load);
  }
  return owners.map((owner) => sorted[owner] ?? '');
}

/** How well each shard suits a copy: numbers that are spread evenly. */
const suitsOf = (copy: string, shards: number): number[] =>
  Array.from({ length: shards }, (_, shard) =>
    createHash('sha1').update(`${copy} ${shard}`).digest().readUInt32BE(0),
  );
