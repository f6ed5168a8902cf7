import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** The copies that this process has started. */
const born = new Set<string>();

/** A name for a copy of the bot. Names sort by the time of their making; they tell host and process. */
export function copyName(): string {
  const name = [Date.now().toString(36), hostId(), process.pid, randomBytes(4).toString('hex')].join('-');
  born.add(name);
  return name;
}

/**
 * Whether a copy is surely dead: it ran on this host, and its process is gone. After a crash the next start need not
 * wait for the end of the old lease.
 */
export function isDeadCopy(name: string): boolean {
  const [, host, pid] = name.split('-');
  if (host !== hostId() || born.has(name)) return false;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

let known: string | undefined;

/** The same for all processes that see each other's ids; elsewhere than on Linux, one of this process alone. */
function hostId(): string {
  known ??= createHash('sha256').update(processSpace()).digest('hex').slice(0, 12);
  return known;
}

function processSpace(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') + readlinkSync('/proc/self/ns/pid');
  } catch {
    return randomBytes(16).toString('hex');
  }
}
