/**
 * Resolves once the predicate holds; looked at whenever something happens.
 * @param what what is waited for, or a function that tells it when it did not come
 * @param timeoutMs default 4,500
 * @throws Error that names what did not come, with the newest chats
 */
export type WaitFor = (
  predicate: () => boolean,
  what: string | (() => string),
  timeoutMs?: number,
) => Promise<void>;

/** ms; below the 5 s after which Vitest would end the test with a poorer word. */
const defaultWait = 4_500;

/**
 * Those who wait for something to happen. `look` lets all of them look, once per turn.
 * @param transcripts what the error shows besides
 */
export function waitingRoom(transcripts: () => string[]): { waitFor: WaitFor; look: () => void } {
  const waiting = new Set<() => void>();
  let isNotified = false;
  const waitFor: WaitFor = (predicate, what, timeoutMs = defaultWait) =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(late);
        waiting.delete(look);
      };
      const look = () => {
        try {
          if (!predicate()) return;
          end();
          resolve();
        } catch (error) {
          end();
          reject(error);
        }
      };
      const late = setTimeout(() => {
        end();
        const shown = transcripts().join('\n');
        const named = typeof what === 'string' ? what : what();
        reject(new Error(`Waited ${timeoutMs} ms for ${named}; it did not come.\n${shown}`));
      }, timeoutMs);
      waiting.add(look);
      look();
    });
  const look = () => {
    if (isNotified || waiting.size === 0) return;
    isNotified = true;
    setImmediate(() => {
      isNotified = false;
      for (const one of [...waiting]) one();
    });
  };
  return { waitFor, look };
}
