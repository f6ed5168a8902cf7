import { type Effect, isEffect } from '../core/effects.ts';
import type { Outbox } from '../store.ts';
import type { EffectEnd, Head, Taken } from '../stored.ts';
import type { Copy } from './copy.ts';
import { expectNumber, laneOf } from './memory.ts';
import { textOf } from './sessions.ts';

/** What waits to be sent. */
export class MemoryOutbox implements Outbox {
  readonly #copy: Copy;

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  post = async (effect: Effect, now: number): Promise<void> => {
    const { memory } = this.#copy;
    memory.push(memory.shard(memory.shardOf(effect.chat)), effect.queue, textOf(effect), now);
  };

  takeEffects: Outbox['takeEffects'] = async (number, lane, now, limit, held) => {
    const { memory } = this.#copy;
    const shard = memory.shard(number);
    if (!this.#copy.owns(number)) return { taken: [], spoiled: [], next: null, fenced: true };
    const queues = [...shard.queues]
      .filter(([, queue]) => laneOf(queue) === lane)
      .sort(([, one], [, other]) => one.due - other.due);
    const heads = queues
      .filter(([name, { due }]) => due <= now && !held.includes(name) && !memory.isLeftAlone(shard, name))
      .slice(0, limit)
      .map(([queue, { texts }]) => ({ shard: number, queue, lane, text: texts[0] ?? '' }));
    const all = heads.map((head) => takenOf(head) ?? head);
    return {
      taken: all.filter((head): head is Taken => 'effect' in head),
      spoiled: all.filter((head) => !('effect' in head)),
      next: queues.find(([, { due }]) => due > now)?.[1].due ?? null,
      fenced: false,
    };
  };

  settle = async (head: Head, now: number, end: EffectEnd = {}): Promise<Taken | null | 'fenced'> => {
    const { memory } = this.#copy;
    const shard = memory.shard(head.shard);
    const mayEnd = this.#mayEnd(head);
    if (mayEnd !== 'ok') return mayEnd === 'fenced' ? 'fenced' : null;
    const queue = shard.queues.get(head.queue);
    if (queue === undefined || !memory.isHead(head)) return null;
    expectNumber(now, 'now');
    const { result, unreachable, dead, dropQueue } = end;
    if (result !== undefined) memory.append(shard, 'result', result.chat, JSON.stringify(result));
    else if (unreachable !== undefined) memory.append(shard, 'unreachable', unreachable, `${unreachable}`);
    if (dead !== undefined) memory.bury(head.shard, dead);
    if (dropQueue === true) queue.texts.length = 0;
    else queue.texts.shift();
    queue.due = now;
    this.#ended(head, result !== undefined || unreachable !== undefined);
    const [next] = queue.texts;
    if (next !== undefined) return takenOf({ ...head, lane: laneOf(queue), text: next });
    shard.queues.delete(head.queue);
    return null;
  };

  postpone = async (taken: Taken, effect: Effect, due: number): Promise<'ok' | 'fenced' | 'gone'> => {
    const { memory } = this.#copy;
    const mayEnd = this.#mayEnd(taken);
    if (mayEnd !== 'ok') return mayEnd;
    const queue = memory.shard(taken.shard).queues.get(taken.queue);
    if (queue === undefined || queue.texts[0] !== taken.text) return 'gone';
    expectNumber(due, 'due');
    queue.texts[0] = `${taken.text[0]}${JSON.stringify(effect)}`;
    queue.due = due;
    this.#ended(taken, false);
    return 'ok';
  };

  hold = async (number: number, heads: readonly Head[], length: number): Promise<void> => {
    const { memory } = this.#copy;
    const { holds } = memory.shard(number);
    for (const head of heads) {
      const isMine = memory.isHeldBy(memory.shard(number), head.queue, this.#copy);
      if (length === 0) {
        if (isMine) holds.delete(head.queue);
      } else if ((isMine || this.#copy.owns(number)) && memory.isHead(head))
        holds.set(head.queue, { till: memory.now() + length, holder: this.#copy });
    }
    if (length === 0) memory.announceEffects([number]);
  };

  /** Whether this copy may end the head of a queue: as the owner, or since it holds the queue. */
  #mayEnd({ shard: number, queue }: Head): 'ok' | 'fenced' | 'gone' {
    if (this.#copy.owns(number)) return 'ok';
    const shard = this.#copy.memory.shard(number);
    if (this.#copy.memory.isHeldBy(shard, queue, this.#copy)) return 'ok';
    // Somebody who held it hears that it is over; anybody else that the shard is not theirs.
    return shard.holds.get(queue)?.holder === this.#copy ? 'gone' : 'fenced';
  }

  /** The shard's owner may go on with a queue that was held. */
  #ended({ shard: number, queue }: Head, tellsInbox: boolean): void {
    const { memory } = this.#copy;
    if (!memory.shard(number).holds.delete(queue)) return;
    memory.announceEffects([number]);
    if (tellsInbox) memory.announce([number]);
  }
}

/** null when the text is no effect. */
function takenOf(head: Head): Taken | null {
  const effect: unknown = JSON.parse(head.text.slice(1));
  return isEffect(effect) ? { ...head, effect } : null;
}
