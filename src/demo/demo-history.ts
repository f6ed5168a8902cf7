import { relative } from 'node:path';
import type { Sandbox, SandboxClub } from '#sandbox';

const day = 86_400_000;
const firstId = 2_001;

interface Earlier {
  readonly names: Readonly<Record<string, string>>;
  /** How many days ago they paid for a month. */
  readonly paid: readonly number[];
  /** They bought something else, of another program with the same token. */
  readonly isForeign?: boolean;
}

/** Who bought before: time that runs, time that is over, and what is none of this bot's. */
const people: readonly Earlier[] = [
  { names: { en: 'Vera', ru: 'Вера' }, paid: [55, 25] },
  { names: { en: 'Boris', ru: 'Борис' }, paid: [10] },
  { names: { en: 'Maria', ru: 'Мария' }, paid: [100, 70] },
  { names: { en: 'Ivan', ru: 'Иван' }, paid: [5], isForeign: true },
];

/** Puts payments of an earlier installation into Telegram's list, once. Whose month runs is in the club; no bot is told. */
export function bookHistory(
  sandbox: Sandbox,
  { club, language, product }: { club: SandboxClub; language: string; product: string },
): void {
  if (sandbox.users().some(({ id }) => id === firstId)) return;
  for (const [index, { names, paid, isForeign = false }] of people.entries()) {
    const firstName = names[language] ?? names['en'] ?? '';
    const user = sandbox.user({ id: firstId + index, firstName, languageCode: language });
    for (const days of paid) {
      const name = `${user.id}.${days}`;
      // Releases that did not sign their invoices wrote them so.
      const payload = isForeign ? `tip_jar:${name}` : `${product}:00000000:30:${name}`;
      const at = sandbox.clock.now() - days * day;
      sandbox.hasPayment({ user: user.id, payload, amount: isForeign ? 15 : 250, at });
    }
    if (!isForeign && Math.min(...paid) < 30) club.alreadyHas(user);
    // Whom the bot has forgotten asks what there is.
    if (index === 0) user.says('/status');
  }
}

const quoted = (folder: string) => `'${relative('.', folder) || '.'}'`;

/** What takes the history over, for a terminal in this folder. */
export function adoptionCommand({
  sandbox,
  dataDir,
  contentDir,
  clockOffset,
}: {
  sandbox: Sandbox;
  dataDir: string;
  contentDir: string;
  /** ms. */
  clockOffset: number;
}): string {
  const variables = {
    BOT_TOKEN: sandbox.token,
    TELEGRAM_API_ROOT: sandbox.url,
    DATA_DIR: quoted(dataDir),
    CONTENT_DIR: quoted(contentDir),
    // What a real installation has in .env must not be touched.
    REDIS_URL: '',
    ...(clockOffset !== 0 && { TURNSTILE_CLOCK_OFFSET: clockOffset }),
  };
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return [...set, 'npx turnstile payments adopt'].join(' \\\n');
}
