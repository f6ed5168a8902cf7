/** How long Telegram may take for an answer whose time is read, ms. */
const answerLimit = 10_000;

/**
 * How far Telegram's clock is ahead of one here, ms, to a second or so: by the Date of its answer to getMe.
 * @param now the clock here, ms since 1970
 * @returns null when Telegram does not answer, or tells no time
 */
export async function aheadBy(root: string, token: string, now: () => number): Promise<number | null> {
  const asked = now();
  const response = await fetch(`${root}/bot${token}/getMe`, {
    signal: AbortSignal.timeout(answerLimit),
  }).catch(() => null);
  const answered = now();
  await response?.body?.cancel().catch(() => {});
  if (response?.ok !== true) return null;
  // It tells whole seconds: on the average half a second has passed since.
  const time = Date.parse(response.headers.get('date') ?? '') + 500;
  return Number.isNaN(time) ? null : time - (asked + answered) / 2;
}
