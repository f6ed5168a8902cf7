import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

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
