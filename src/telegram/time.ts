import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import type { Logger } from 'pino';
import type { SystemClock } from '#runtime';

/** How long Telegram may take for an answer whose time is read, ms. */
const answerLimit = 10_000;

/**
 * How far Telegram's clock is ahead of one here, ms, to a second or so: by the Date of its answer to getMe.
 * @param now the clock here, ms since 1970
 * @returns null when Telegram does not answer, or tells no time
 */
export async function aheadBy(root: string, token: string, now: () => number): Promise<number | null> {
  const asked = now();
  const date = await dateOf(`${root}/bot${token}/getMe`).catch(() => undefined);
  const answered = now();
  // It tells whole seconds: on the average half a second has passed since.
  const time = Date.parse(date ?? '') + 500;
  return Number.isNaN(time) ? null : time - (asked + answered) / 2;
}

/** The Date of a good answer. To load the global `fetch` would take a tenth of a start. */
const dateOf = (url: string): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const get = url.startsWith('https:') ? getSecure : getPlain;
    const options = { agent: false, signal: AbortSignal.timeout(answerLimit) };
    get(url, options, (response) => {
      response.destroy();
      resolve(response.statusCode === 200 ? response.headers.date : undefined);
    }).on('error', reject);
  });

/** How far the clock may be off Telegram's, and how often they are compared, ms. */
const clockTolerance = 60_000;
const clockComparing = 600_000;

/**
 * Sets the clock by Telegram's when it is off by more than a minute: now, and every 10 minutes. By a wrong clock members
 * would be removed too early, or never.
 * @param compare how far Telegram's clock is ahead, ms; null when that is not known
 * @returns the function that ends it
 */
export async function followTelegram(
  compare: () => Promise<number | null>,
  clock: SystemClock,
  log: Logger,
): Promise<() => void> {
  let callOff: () => void = () => {};
  let isOver = false;
  const look = async () => {
    // One answer may be lost on the way.
    const ahead = (await compare()) ?? (await compare());
    if (ahead !== null && Math.abs(ahead) > clockTolerance && clock.correct(ahead)) {
      log.error(
        { offBy: `${Math.round(Math.abs(ahead) / 1_000)} s`, telegram: new Date(clock.now()).toISOString() },
        `The clock of this machine is ${ahead > 0 ? 'behind' : 'ahead of'} Telegram's; the bot counts by Telegram's time. ` +
          'Set the clock right (timedatectl set-ntp true), and restart the bot.',
      );
    }
    if (!isOver) callOff = clock.at(clock.now() + clockComparing, () => void look());
  };
  await look();
  return () => {
    isOver = true;
    callOff();
  };
}
