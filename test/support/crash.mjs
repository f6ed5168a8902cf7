// The bot as a process that kills itself at the nth pass of a point, once it is told which.
import { pino } from 'pino';
import { startApp } from '../../dist/src/app.js';
import { readEnvironment } from '../../dist/src/environment.js';
import { SystemClock } from '../../dist/src/runtime/clock.js';

let crash;
process.on('message', (order) => {
  crash = order;
  process.send('armed');
});
process.once('disconnect', () => process.exit(0));
const app = await startApp({
  environment: readEnvironment(process.env, { token: true }),
  log: pino({ level: 'info', base: null }, pino.destination({ dest: 1, sync: true })),
  clock: new SystemClock(),
  at: (point) => {
    if (crash?.point === point && --crash.pass === 0) process.kill(process.pid, 'SIGKILL');
  },
});
await app.ended;
