// The bot as a process that can be told, over the channel of a child process, where to crash. Beside the product's own
// conversation it runs the recorder, which shows from outside what was applied.
import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { startApp } from '../../src/app.ts';
import { machines } from '../../src/club/club.ts';
import { readEnvironment } from '../../src/environment.ts';
import { SystemClock } from '../../src/runtime/clock.ts';
import type { CrashPoint } from '../../src/runtime/points.ts';
import { recorderMachine } from '../proof/chaos/recorder.machine.ts';

/** What the parent may send. */
export interface Order {
  /** Moves the clock, ms. */
  readonly shift?: number;
  /** At the `pass`th pass of a point from now on, these processes are killed, in order; `self` is this one. */
  readonly crash?: {
    readonly point: CrashPoint;
    readonly pass: number;
    readonly victims: readonly (number | 'self')[];
  };
}
/** What the parent hears, beside the log on stdout. */
export interface Report {
  /** An order was heard: ms that this process' clock is now ahead of the machine's. */
  readonly offset?: number;
  /** The point was reached, and the victims are dead. */
  readonly crashed?: CrashPoint;
}

const environment = readEnvironment(process.env, { token: true });
let offset = Number(process.env['TURNSTILE_CLOCK_OFFSET'] ?? 0);
const clock = new SystemClock(offset);
// The parent's orders alone move it: a correction in between would count twice.
clock.shift(0);
let crash: { point: CrashPoint; pass: number; victims: readonly (number | 'self')[] } | undefined;

/** Written at once, so that a kill takes no line along. A full pipe is waited for. */
function write(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

const tell = (report: Report) => process.send?.(report);
process.on('message', (order: Order) => {
  if (order.crash !== undefined) crash = { ...order.crash };
  clock.shift(order.shift ?? 0);
  offset += order.shift ?? 0;
  tell({ offset });
});
process.once('disconnect', () => process.exit(0));

const app = await startApp({
  environment,
  log: pino({ level: environment.logLevel, base: null }, { write }),
  clock,
  machines: [recorderMachine, ...machines],
  actors: { echo: async ({ params }) => params?.['visit'] },
  at: (point) => {
    if (crash?.point !== point || --crash.pass > 0) return;
    const { victims } = crash;
    crash = undefined;
    for (const victim of victims) process.kill(victim === 'self' ? process.pid : victim, 'SIGKILL');
    tell({ crashed: point });
  },
});
process.on('SIGTERM', () => void app.stop());
await app.ended;
process.exit(0);
