import type { Hints } from '../store.ts';
import type { Ground } from './ground.ts';

/** How often a connection that only listens is asked whether it lives, ms. */
const watching = 5_000;

/** Words between copies, over channels that keep nothing. */
export class RedisHints implements Hints {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  announce = (shards: readonly number[]): Promise<void> => this.#ground.announce(shards);
  announceEffects = (shards: readonly number[]): Promise<void> => this.#ground.announceEffects(shards);

  announceContent = (): Promise<number> => {
    const { redis, keys } = this.#ground;
    return redis.publish(keys.reload(), '');
  };

  /** On a connection of its own. `missed` is called whenever that is there again. */
  listen: Hints['listen'] = (
    hinted,
    asked = () => {},
    effects = () => {},
    missed = () => {},
    wanted = () => {},
  ) => {
    const { redis, keys } = this.#ground;
    const subscriber = redis.duplicate({ enableAutoPipelining: false });
    subscriber.on('error', () => {});
    subscriber.on('message', (channel, shards: string) => {
      if (channel === keys.reload()) return asked();
      if (channel === keys.newsWanted()) return wanted();
      const hear = channel === keys.hints() ? hinted : effects;
      for (const shard of shards.split(',')) hear(Number(shard));
    });
    // Answered only after the subscriptions, which are renewed first.
    subscriber.on('ready', () => void subscriber.ping().then(missed, () => {}));
    // A connection on which nothing is asked is never found dead.
    const watch = setInterval(() => {
      if (subscriber.status === 'ready') subscriber.ping().catch(() => {});
    }, watching).unref();
    const { hints, outboxHints, reload, newsWanted } = keys;
    subscriber.subscribe(hints(), outboxHints(), reload(), newsWanted()).catch(() => {});
    return () => {
      clearInterval(watch);
      subscriber.disconnect();
    };
  };
}
