import { isPassing } from './connect.ts';

interface Group<Item, Result> {
  readonly items: Item[];
  readonly ends: End<Result>[];
}

interface End<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

function finish<Result>({ resolve, reject }: End<Result>, result: Result | Error): void {
  if (result instanceof Error) reject(result);
  else resolve(result);
}

/**
 * Gathers calls of one kind that are made within one turn of the event loop, shard by shard, so that they share one
 * command: a command costs some 30 µs on both sides, whatever it carries.
 */
export class Batch<Item, Result> {
  readonly #perform: (shard: number, items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
  readonly #limit: number;
  #waiting = new Map<number, Group<Item, Result>>();
  #scheduled = false;

  /**
   * @param perform answers each item, in order, an Error for one that fails alone; when it fails for a reason that does not pass, the items are repeated one by
   * one, so that only what fails alone is refused
   * @param limit items in one command: the server serves nobody else meanwhile
   */
  constructor(
    perform: (shard: number, items: readonly Item[]) => Promise<readonly (Result | Error)[]>,
    limit = 32,
  ) {
    this.#perform = perform;
    this.#limit = limit;
  }

  add(shard: number, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      let group = this.#waiting.get(shard);
      if (group !== undefined && group.items.length >= this.#limit) {
        this.#send(shard);
        group = undefined;
      }
      if (group === undefined) {
        group = { items: [], ends: [] };
        this.#waiting.set(shard, group);
      }
      group.items.push(item);
      group.ends.push({ resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const waiting of [...this.#waiting.keys()]) this.#send(waiting);
      });
    });
  }

  #send(shard: number): void {
    const group = this.#waiting.get(shard);
    if (group === undefined) return;
    this.#waiting.delete(shard);
    this.#perform(shard, group.items).then(
      (results) => {
        group.ends.forEach((end, index) => {
          finish(end, results[index] as Result | Error);
        });
      },
      (error: unknown) => {
        if (group.items.length > 1 && !isPassing(error)) void this.#oneByOne(shard, group);
        else for (const { reject } of group.ends) reject(error);
      },
    );
  }

  async #oneByOne(shard: number, { items, ends }: Group<Item, Result>): Promise<void> {
    for (const [index, item] of items.entries()) {
      await this.#perform(shard, [item]).then(
        ([result]) => finish(ends[index] as End<Result>, result as Result | Error),
        (error: unknown) => ends[index]?.reject(error),
      );
    }
  }
}
