import type { Timers } from '../store.ts';
import type { DueTimer } from '../stored.ts';
import type { Ground } from './ground.ts';
import { parseTimerMember, timerMember } from './keys.ts';

/** What is due when: one sorted set a shard. */
export class RedisTimers implements Timers {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  dueTimers: Timers['dueTimers'] = async (shard, now, limit) => {
    const { redis, keys } = this.#ground;
    const [rows, reminders] = await Promise.all([
      redis.zrange(keys.timers(shard), 0, String(limit), 'WITHSCORES'),
      redis.zcard(keys.lane(shard, 'reminder')),
    ]);
    const due: DueTimer[] = [];
    let next: number | null = null;
    for (let index = 0; index < rows.length; index += 2) {
      const at = Number(rows[index + 1]);
      if (at > now || due.length === limit) {
        next = at;
        break;
      }
      const id = rows[index] as string;
      // What is no timer's name belongs to no machine, and is given up as such.
      const named = parseTimerMember(id) ?? { machine: '', chat: 0, timer: id };
      due.push({ shard, source: 'timers', id, due: at, ...named });
    }
    return { due, next, reminders };
  };

  isNewerDue: Timers['isNewerDue'] = async (machine, chat, timers, than, now) => {
    const dues = await this.timersOf(machine, chat, timers);
    return dues.some((due) => due !== null && due > than && due <= now);
  };

  timersOf: Timers['timersOf'] = async (machine, chat, timers) => {
    if (timers.length === 0) return [];
    const { redis, keys } = this.#ground;
    const members = timers.map((timer) => timerMember(machine, chat, timer));
    const scores = await redis.zmscore(keys.timers(this.#ground.shardOf(chat)), ...members);
    return scores.map((score) => (score === null ? null : Number(score)));
  };
}
