/** The shards that a loop works on, and how much of each it has in hand. */
export class Shards {
  readonly #open = new Map<number, number>();
  #turns = 0;
  readonly #inHand = new Map<number, number>();
  readonly #emptied = new Map<number, (() => void)[]>();

  /** Something of this shard may be taken from now on. */
  open(shard: number): void {
    this.#open.set(shard, ++this.#turns);
  }

  isOpen(shard: number): boolean {
    return this.#open.has(shard);
  }

  /**
   * Which time it is that the shard is open; undefined while it is closed. What was taken another time may have been done
   * by another copy since.
   */
  turn(shard: number): number | undefined {
    return this.#open.get(shard);
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#open.keys();
  }

  inHand(shard: number): number {
    return this.#inHand.get(shard) ?? 0;
  }

  begin(shard: number): void {
    this.#inHand.set(shard, (this.#inHand.get(shard) ?? 0) + 1);
  }

  end(shard: number): void {
    const left = (this.#inHand.get(shard) ?? 0) - 1;
    if (left > 0) this.#inHand.set(shard, left);
    else {
      this.#inHand.delete(shard);
      for (const resolve of this.#emptied.get(shard) ?? []) resolve();
      this.#emptied.delete(shard);
    }
  }

  /** Closes a shard, and resolves when nothing of it is in hand. */
  async drain(shard: number): Promise<void> {
    this.#open.delete(shard);
    if (!this.#inHand.has(shard)) return;
    await new Promise<void>((resolve) => {
      this.#emptied.set(shard, [...(this.#emptied.get(shard) ?? []), resolve]);
    });
  }

  /** Closes all, and resolves when nothing is in hand. */
  async drainAll(): Promise<void> {
    await Promise.all(
      [...new Set([...this.#open.keys(), ...this.#inHand.keys()])].map((shard) => this.drain(shard)),
    );
  }
}
