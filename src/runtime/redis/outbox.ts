import { randomUUID } from 'node:crypto';
import { type Effect, isEffect, lanes } from '../core/effects.ts';
import type { Outbox } from '../store.ts';
import { type Head, Refused, type Taken } from '../stored.ts';
import { Batch } from './batch.ts';
import { run } from './connect.ts';
import { entryField } from './entries.ts';
import { type Ground, groups } from './ground.ts';

/** What waits to be sent: a list for each queue, and the queues of each lane by the time of their next attempt. */
export class RedisOutbox implements Outbox {
  readonly #ground: Ground;
  /** What the holds of this copy are signed with. */
  readonly #holdToken = randomUUID();
  /** By shard, the queues whose heads this copy still sends after it gave the shard away. */
  readonly #holds = new Map<number, Set<string>>();
  readonly #settles = new Batch<{ now: number; args: readonly string[] }, readonly string[]>(
    async (shard, ends) => {
      const { redis, keys } = this.#ground;
      const now = Math.max(...ends.map((end) => end.now));
      const args = [this.#ground.token(shard), now, ...ends.flatMap((end) => end.args)];
      return groups(3, (await run(redis, 'settle', [keys.shard(shard)], args)) as string[]);
    },
  );

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  post = async (effect: Effect, now: number): Promise<void> => {
    const { redis, keys } = this.#ground;
    const args = [now, effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect)];
    await run(redis, 'post', [keys.shard(this.#ground.shardOf(effect.chat))], args);
  };

  takeEffects: Outbox['takeEffects'] = async (shard, lane, now, limit, held) => {
    const { redis, keys } = this.#ground;
    const args = [this.#ground.token(shard), lanes.indexOf(lane), now, limit + held.length, ...held];
    const found = (await run(redis, 'take', [keys.shard(shard)], args)) as string[] | 'fenced';
    if (found === 'fenced') return { taken: [], spoiled: [], next: null, fenced: true };
    const [later, ...rows] = found;
    const heads = groups(2, rows)
      .slice(0, limit)
      .map(([queue = '', text = '']) => ({ shard, queue, lane, text }));
    const all = heads.map((head) => takenOf(head) ?? head);
    return {
      taken: all.filter((head): head is Taken => 'effect' in head),
      spoiled: all.filter((head) => !('effect' in head)),
      next: later === '' || later === undefined ? null : Number(later),
      fenced: false,
    };
  };

  settle: Outbox['settle'] = async (head, now, end = {}) => {
    const { shard, queue, lane, text } = head;
    const isHeld = this.#isHeld(head);
    const word =
      end.result !== undefined
        ? `${entryField('result', end.result.chat)} ${JSON.stringify(end.result)}`
        : end.unreachable !== undefined
          ? `${entryField('unreachable', end.unreachable)} ${end.unreachable}`
          : '';
    const args = [
      queue,
      String(lanes.indexOf(lane)),
      tokenOf(text),
      isHeld ? this.#holdToken : '',
      word,
      end.dead === undefined ? '' : JSON.stringify(end.dead),
      end.dropQueue === true ? '1' : '',
    ];
    const [code = '', next = '', stands = ''] = await this.#settles.add(shard, { now, args });
    if (code.startsWith('error ')) throw new Refused(code.slice('error '.length));
    if (isHeld) await this.#ended(head, word !== '');
    if (code === 'fenced') return 'fenced';
    const after = lanes[Number(stands)];
    return next === '' || after === undefined ? null : takenOf({ shard, queue, lane: after, text: next });
  };

  postpone: Outbox['postpone'] = async (taken, effect, due) => {
    const { redis, keys } = this.#ground;
    const text = effect === taken.effect ? taken.text : `${taken.text[0]}${JSON.stringify(effect)}`;
    const isHeld = this.#isHeld(taken);
    const hold = isHeld ? this.#holdToken : '';
    const args = [this.#ground.token(taken.shard), taken.queue, taken.text, text, due, hold];
    const code = await run(redis, 'postpone', [keys.shard(taken.shard)], args);
    if (isHeld) await this.#ended(taken, false);
    return code as 'ok' | 'fenced' | 'gone';
  };

  hold = async (shard: number, heads: readonly Head[], length: number): Promise<void> => {
    const { redis, keys } = this.#ground;
    const queues = this.#holds.get(shard) ?? new Set();
    this.#holds.set(shard, queues);
    // From here on a write of this copy is signed by the hold; the shard is not given away before the answer.
    for (const { queue } of heads) queues.add(queue);
    const pairs = heads.flatMap(({ queue, text }) => [queue, text]);
    const args = [this.#ground.token(shard), this.#holdToken, length, ...pairs];
    const held = (await run(redis, 'hold', [keys.shard(shard)], args)) as string[];
    for (const { queue } of heads) if (!held.includes(queue)) queues.delete(queue);
    if (length === 0) await this.#ground.announceEffects([shard]);
  };

  #isHeld({ shard, queue }: Head): boolean {
    return this.#holds.get(shard)?.has(queue) === true;
  }

  /** The shard's owner may go on with a queue that was held. */
  async #ended({ shard, queue }: Head, tellsInbox: boolean): Promise<void> {
    this.#holds.get(shard)?.delete(queue);
    await this.#ground.announceEffects([shard]);
    if (tellsInbox) await this.#ground.announce([shard]);
  }
}

/**
 * What tells an effect from all others of its queue: the beginning of its text, with its id. The whole of it would go to
 * Redis once more with each settling.
 */
function tokenOf(text: string): string {
  if (!text.startsWith('{"id":"', 1)) return text;
  return text.slice(0, text.indexOf('"', 8) + 1);
}

/** null when the text is no effect. */
function takenOf(head: Head): Taken | null {
  try {
    const effect: unknown = JSON.parse(head.text.slice(1));
    return isEffect(effect) ? { ...head, effect } : null;
  } catch {
    return null;
  }
}
