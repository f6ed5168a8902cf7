import type { Clock } from '#runtime';
import { type Perform, verdict } from '#telegram';

/** A fault that passes is waited for so often in a row. */
const patience = 10;

/** Waits for what passes: Telegram asks for a pause, or is away. */
export const patient =
  (call: Perform, clock: Clock): Perform =>
  async (method, payload) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(method, payload);
      } catch (error) {
        const judged = verdict(error, attempt);
        if ((judged.kind !== 'retry' && judged.kind !== 'pause') || attempt === patience) throw error;
        process.stderr.write(`${judged.reason}; once more in ${Math.ceil(judged.afterMs / 1_000)} s\n`);
        await new Promise<void>((resolve) => clock.at(clock.now() + judged.afterMs, resolve));
      }
    }
  };
