import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';

const demoDays = 30;
/** Stars, or the smallest units of another currency: 19.00 €, ¥1,900. */
const priceIn = (currency: string): number => (currency === 'XTR' ? 250 : 1_900);

/** What the demo has of its own in bot.yaml. */
export interface DemoSettings {
  /** Without it, as bot.yaml has it; but 30 days in place of for ever, so that there is an end to see. */
  readonly sells?: 'forever' | 'days' | 'subscription' | undefined;
  /** Without it, as bot.yaml has it; another one brings a price of its own. */
  readonly currency?: string | undefined;
  /** What operators are spoken to in; without it, as bot.yaml has it. */
  readonly language: string | undefined;
  /** The id of the sandbox's club. */
  readonly club: number;
}

/** The id of what is sold; `club` when bot.yaml does not tell. */
export function productOf(folder: string): string {
  const file = join(folder, 'bot.yaml');
  const id = existsSync(file)
    ? parseDocument(readFileSync(file, 'utf8')).getIn(['product', 'id'])
    : undefined;
  return typeof id === 'string' ? id : 'club';
}

/**
 * Copies the content folder, and changes in the copy's bot.yaml what the demo needs.
 * What is missing or cannot be read is left so: the bot says what is wrong with it.
 */
export function copyContent(
  from: string,
  to: string,
  { sells, currency, language, club }: DemoSettings,
): void {
  rmSync(to, { recursive: true, force: true });
  if (existsSync(from)) cpSync(from, to, { recursive: true });
  const file = join(to, 'bot.yaml');
  if (!existsSync(file)) return;
  const settings = parseDocument(readFileSync(file, 'utf8'));
  if (settings.errors.length > 0 || !isMap(settings.get('product'))) return;
  if (language !== undefined) settings.set('default_language', language);
  if (!isMap(settings.get('club'))) settings.set('club', settings.createNode({}));
  settings.setIn(['club', 'chat_id'], club);
  const days = Number(settings.getIn(['product', 'access_days']) ?? 0);
  const isSubscription = settings.getIn(['product', 'subscription']) === 'monthly';
  const sold = sells ?? (isSubscription ? 'subscription' : 'days');
  settings.setIn(['product', 'access_days'], sold === 'days' ? days || demoDays : 0);
  settings.setIn(['product', 'subscription'], sold === 'subscription' ? 'monthly' : null);
  if (currency !== undefined && currency !== settings.getIn(['product', 'currency'])) {
    settings.setIn(['product', 'currency'], currency);
    settings.setIn(['product', 'price'], priceIn(currency));
  }
  writeFileSync(file, settings.toString({ lineWidth: 0 }));
}
