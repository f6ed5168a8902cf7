import type { Json } from './json.ts';

/** The parameters of one call, and which of them nobody has looked at. */
export interface Reads {
  readonly values: Json;
  /** Names of parameters that were sent and not read. */
  unread(): string[];
}

/** Watches which parameters a method reads, so that the sandbox can say which it passed over. */
export function watchReads(sent: Json): Reads {
  const unread = new Set(Object.keys(sent));
  const values = new Proxy(sent, {
    get: (target, name, receiver) => {
      if (typeof name === 'string') unread.delete(name);
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return { values, unread: () => [...unread] };
}
