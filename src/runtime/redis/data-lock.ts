import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { DataDirInUse } from './server-errors.ts';
import { answerLimit, type Place, pause } from './server-place.ts';

const isLock = (name: string) => name.startsWith('bot.');

/**
 * Makes this process the only one that works with a DATA_DIR; returns the function that ends it.
 *
 * Each that wants to be it listens on a socket of its own, and asks all others. The kernel frees such a socket when its
 * process dies, however it dies, and a name is never used again, so what is dead can be removed by anyone at any time.
 * Of several that are starting, the one whose name sorts first waits for the others, which give way.
 */
export async function takeLock({ sockets, folder }: Place): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    const lock = await openLock(sockets);
    const holder = await otherHolder(sockets, lock.name);
    if (holder === null) {
      lock.hold();
      return lock.close;
    }
    await lock.close();
    // A report that is just ending holds the lock for a moment.
    if (holder !== 'starting' && attempt >= 10) {
      throw new DataDirInUse(
        `Another bot (process ${holder}) works with DATA_DIR ${folder}. Stop it (kill ${holder}), or give this one a DATA_DIR of its own.`,
      );
    }
    await pause(200);
  }
}

async function openLock(folder: string) {
  let isHeld = false;
  const server = createServer((connection) =>
    connection.on('error', () => {}).end(`${isHeld ? '' : 'starting '}${process.pid}`),
  );
  const id = `${process.pid.toString(36).padStart(5, '0')}${randomBytes(3).toString('base64url')}`;
  const name = `bot.${id}`;
  // Nobody may see it before it listens, and take it for dead.
  const hidden = join(folder, `new.${id}`);
  server.listen(hidden);
  await once(server, 'listening');
  renameSync(hidden, join(folder, name));
  // The lock alone must not keep the process alive.
  server.unref();
  return {
    name,
    hold: () => {
      isHeld = true;
    },
    close: async () => {
      rmSync(join(folder, name), { force: true });
      await new Promise((done) => server.close(done));
    },
  };
}

/** The process that holds the lock; `starting`: another one that starts goes first; null: nobody. */
async function otherHolder(folder: string, own: string): Promise<string | null> {
  for (;;) {
    const others = readdirSync(folder).filter((name) => isLock(name) && name !== own);
    const living: { name: string; answer: string }[] = [];
    for (const name of others) {
      const answer = await ask(join(folder, name));
      if (answer === null) rmSync(join(folder, name), { force: true });
      else living.push({ name, answer });
    }
    const holder = living.find(({ answer }) => !answer.startsWith('starting'));
    // One that hangs says nothing; its name tells the process.
    if (holder !== undefined) return holder.answer || String(Number.parseInt(holder.name.slice(4, 9), 36));
    if (living.length === 0) return null;
    if (living.some(({ name }) => name < own)) return 'starting';
    await pause(20);
  }
}

/** What the other side of a lock says, nothing when it hangs; null when nobody listens. */
function ask(path: string): Promise<string | null> {
  return new Promise((answer) => {
    let text = '';
    let isHung = false;
    const connection = createConnection(path);
    connection.setTimeout(answerLimit, () => {
      isHung = true;
      connection.destroy();
    });
    connection.on('data', (data) => {
      text += data.toString();
    });
    connection.on('error', ({ code }: NodeJS.ErrnoException) => answer(nobodyListens(code) ? null : text));
    // One that hangs up without a word gives way just now, as those that start do.
    connection.on('close', () => answer(text === '' && !isHung ? 'starting' : text));
  });
}

export const nobodyListens = (code: string | undefined) => code === 'ECONNREFUSED' || code === 'ENOENT';
