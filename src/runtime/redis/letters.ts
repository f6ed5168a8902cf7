import { lanes } from '../core/effects.ts';
import { type Letters, lettersAbout, placeOf, type Revived, type StoredLetter } from '../letters.ts';
import type { DeadLetter } from '../stored.ts';
import { run } from './connect.ts';
import { entryField } from './entries.ts';
import { type Ground, sum } from './ground.ts';

/** Dead letters in one reading. */
const letterPage = 200;

/** What was given up: one stream a shard. */
export class RedisLetters implements Letters {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  deadLetters = (shard: number): AsyncGenerator<StoredLetter> => this.#walk(shard);

  async *#walk(shard: number): AsyncGenerator<StoredLetter> {
    const { redis, keys } = this.#ground;
    const key = keys.dead(shard);
    const [newest] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
    if (newest === undefined) return;
    let rows = await redis.xrange(key, '-', newest[0], 'COUNT', 1);
    while (rows.length > 0) {
      for (const row of rows) yield letterOf(shard, row);
      rows = await redis.xrange(key, `(${rows.at(-1)?.[0]}`, newest[0], 'COUNT', letterPage);
    }
  }

  newestLetters = async (shard: number, limit: number): Promise<StoredLetter[]> => {
    const { redis, keys } = this.#ground;
    const rows = await redis.xrevrange(keys.dead(shard), '+', '-', 'COUNT', limit);
    return rows.map((row) => letterOf(shard, row));
  };

  findLetter = async (id: string): Promise<StoredLetter | null> => {
    const { redis, keys } = this.#ground;
    const { shard, entry } = placeOf(id);
    const [row] = await redis.xrange(keys.dead(shard), entry, entry);
    return row === undefined ? null : letterOf(shard, row);
  };

  reviveLetter = async (id: string, revived: Revived): Promise<'ok' | 'gone'> => {
    const { redis, keys } = this.#ground;
    const { shard, entry } = placeOf(id);
    const code = await run(redis, 'revive', [keys.shard(shard)], [entry, ...argsOf(revived)]);
    await Promise.all([this.#ground.announce([shard]), this.#ground.announceEffects([shard])]);
    return code as 'ok' | 'gone';
  };

  removeLetters = async (letters: readonly Pick<StoredLetter, 'id'>[]): Promise<number> => {
    const { redis, keys } = this.#ground;
    const byShard = new Map<number, string[]>();
    for (const { id } of letters) {
      const { shard, entry } = placeOf(id);
      byShard.set(shard, [...(byShard.get(shard) ?? []), entry]);
    }
    return sum(
      await Promise.all([...byShard].map(([shard, entries]) => redis.xdel(keys.dead(shard), ...entries))),
    );
  };

  /** In pages, so that Redis serves others meanwhile. */
  forgetLetters = async (shard: number, chat: number): Promise<void> => {
    const isAbout = lettersAbout(chat);
    // What could not be routed lies in the first shard, whosever it is.
    for (const place of new Set([shard, 0])) {
      let found: StoredLetter[] = [];
      for await (const stored of this.#walk(place)) {
        if (isAbout(stored)) found.push(stored);
        if (found.length < letterPage) continue;
        await this.removeLetters(found);
        found = [];
      }
      await this.removeLetters(found);
    }
  };

  countLetters = async (): Promise<number> => {
    const { redis, keys } = this.#ground;
    return sum(await this.#ground.everyShard((shard) => redis.xlen(keys.dead(shard))));
  };

  lettersAdded = async (): Promise<number> => {
    const { redis, keys } = this.#ground;
    const counts = await this.#ground.everyShard(async (shard) => {
      try {
        const info = (await redis.xinfo('STREAM', keys.dead(shard))) as unknown[];
        return Number(info[info.indexOf('entries-added') + 1]);
      } catch (error) {
        if (error instanceof Error && error.message.includes('no such key')) return 0;
        throw error;
      }
    });
    return sum(counts);
  };
}

/** A row of a shard's dead letters as it is read. */
const letterOf = (shard: number, [entry, [, text]]: readonly [string, readonly string[]]): StoredLetter => ({
  id: `${shard}-${entry}`,
  letter: JSON.parse(text ?? '') as DeadLetter,
});

function argsOf(revived: Revived): (string | number)[] {
  switch (revived.to) {
    case 'timers':
      return ['timer', revived.timer, revived.due];
    case 'outbox': {
      const { effect, due } = revived;
      return ['effect', effect.queue, lanes.indexOf(effect.lane), JSON.stringify(effect), due];
    }
    case 'unknown':
      return ['inbox', revived.field, revived.text];
    case 'inbox':
      return ['inbox', entryField(revived.kind, revived.chat), revived.text];
  }
}
