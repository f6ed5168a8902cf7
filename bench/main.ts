import { keepMemoryLow } from '../src/runtime/heap.ts';
import { benchCheckout } from './checkout.ts';
import { benchCopies } from './copies.ts';
import { benchFlood } from './flood.ts';
import { benchJourney } from './journey.ts';
import { benchMemory } from './memory.ts';
import { benchRecovery } from './recovery.ts';
import { benchRest } from './rest.ts';
import { benchTimers } from './timers.ts';
import { benchUpdates } from './updates.ts';

const benches: Record<string, () => Promise<void>> = {
  updates: benchUpdates,
  journey: benchJourney,
  memory: benchMemory,
  timers: benchTimers,
  recovery: benchRecovery,
  copies: benchCopies,
  checkout: benchCheckout,
  rest: benchRest,
  flood: benchFlood,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in benches));
if (names.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`Unknown: ${unknown.join(', ')}.`);
  console.error(`Usage: npm run bench -- <${Object.keys(benches).join(' | ')}> …`);
  process.exit(names.length === 0 ? 0 : 64);
}
keepMemoryLow();
for (const name of names) {
  console.log(`\n${name}`);
  await benches[name]?.();
}
