import type { Redis } from 'ioredis';
import type { JsonObject } from '../core/effects.ts';
import { decodeSession, stateName } from '../core/session.ts';
import { sessionSuffix } from './keys.ts';

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
