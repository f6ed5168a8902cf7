import type { Redis } from 'ioredis';
import type { JsonObject } from '../core/effects.ts';
import { decodeSession, stateName } from '../core/session.ts';
import { Keys, sessionSuffix } from './keys.ts';

/** Keys in one reading. */
const page = 1_000;

/** Every session of one machine, in no order; one that begins or ends meanwhile may be missed. */
export async function* readSessions(
  redis: Redis,
  { prefix }: { readonly prefix: string },
  machine: string,
): AsyncGenerator<{ readonly chat: number; readonly state: string; readonly context: JsonObject }> {
  const pattern = `{${prefix}:*}:${sessionSuffix(machine, 0).replace(/0$/, '*')}`;
  const seen = new Set<number>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', page);
    const texts = await Promise.all(keys.map((key) => redis.hget(key, 's')));
    for (const [index, key] of keys.entries()) {
      const chat = Number(key.slice(key.lastIndexOf(':') + 1));
      const text = texts[index];
      // A scan may bring a key twice.
      if (typeof text !== 'string' || seen.has(chat)) continue;
      seen.add(chat);
      const { value, context } = decodeSession(text);
      yield { chat, state: stateName(value), context };
    }
    cursor = next;
  } while (cursor !== '0');
}

/** How many sessions stand in each state, by machine. Its cost does not grow with what is stored. */
export async function readStates(
  redis: Redis,
  options: { prefix: string; shards: number },
): Promise<Record<string, Record<string, number>>> {
  const keys = new Keys(options.prefix);
  const rows = await Promise.all(
    Array.from({ length: options.shards }, (_, shard) => redis.hgetall(keys.states(shard))),
  );
  const states: Record<string, Record<string, number>> = {};
  for (const [field, count] of rows.flatMap((row) => Object.entries(row))) {
    const split = field.indexOf(':');
    const [machine, state] = [field.slice(0, split), field.slice(split + 1)];
    states[machine] = { ...states[machine], [state]: (states[machine]?.[state] ?? 0) + Number(count) };
  }
  return states;
}
