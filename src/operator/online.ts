import { join } from 'node:path';
import { Api, GrammyError, InputFile } from 'grammy';
import { type ClubContent, clubProblem } from '#club';
import type { Environment } from '#environment';
import { type Effect, exitCodes, StartRefused, SystemClock } from '#runtime';
import { amountOf, type Call, createApis, isTokenRefusal, verdict } from '#telegram';
import { paint } from '#terminal';
import { patient } from './patient.ts';

/** One thing that Telegram was asked about. */
export interface OnlineCheck {
  readonly name: 'token' | 'price' | 'club' | 'media';
  /** `unproven`: nothing speaks against it, but only sending shows it. */
  readonly result: 'ok' | 'wrong' | 'unproven';
  /** One line: what was found, or what was expected and found. */
  readonly says: string;
}

/**
 * Tries token, provider, price and the rights in the club against Telegram. Nobody is sent anything: an invoice is tried by
 * making a link that nobody gets, and whose payment the bot would decline.
 * @param mediaTo a group or channel of the operator's own into which each file is sent, silently, and deleted again. Default: no file is
 * tried
 * @returns what was asked, in the order of asking; after a refused token nothing else
 * @throws StartRefused when Telegram cannot be reached (69), or has no time for it now (75)
 */
export async function checkOnline(
  { content, render }: { readonly content: ClubContent; readonly render: (effect: Effect) => Call },
  environment: Environment,
  mediaTo?: number,
): Promise<readonly OnlineCheck[]> {
  const api = new Api(environment.botToken, { apiRoot: environment.apiRoot, timeoutSeconds: 30 });
  try {
    const me = await api.getMe();
    return [
      { name: 'token', result: 'ok', says: `@${me.username} (${me.id})` },
      await priceOf(api, content, render),
      await clubOf(api, content, me.id),
      await mediaOf(environment, content, mediaTo),
    ];
  } catch (error) {
    if (isTokenRefusal(error)) {
      const { error_code, description } = error as GrammyError;
      const says = `BOT_TOKEN: expected the token as @BotFather shows it, found one that Telegram refuses (${error_code} ${description})`;
      return [{ name: 'token', result: 'wrong', says }];
    }
    const { kind, reason } = verdict(error, 1);
    const isBusy = kind === 'pause' || (error instanceof GrammyError && error.error_code >= 500);
    throw new StartRefused(
      isBusy ? exitCodes.temporary : exitCodes.unavailable,
      `${environment.apiRoot} did not answer: ${reason}. Try again later.`,
      { cause: error },
    );
  }
}

/** Whether Telegram answered that something is wrong with what was asked; what it asks to repeat later says nothing. */
const isRefusal = (error: unknown): error is GrammyError =>
  error instanceof GrammyError &&
  error.error_code < 500 &&
  error.error_code !== 429 &&
  !isTokenRefusal(error);

async function priceOf(
  api: Api,
  content: ClubContent,
  render: (effect: Effect) => Call,
): Promise<OnlineCheck> {
  const { price: amount, currency } = content.settings.product;
  for (const language of content.languages) {
    const { payload } = render({
      id: '1.0',
      type: 'sendInvoice',
      machine: 'check',
      chat: 0,
      lane: 'reply',
      queue: '0',
      context: { language },
    });
    const { chat_id: _, start_parameter: __, ...invoice } = payload;
    try {
      // Unsigned: if this link were ever paid, the bot would decline it as another program's.
      await api.raw.createInvoiceLink({ ...invoice, payload: 'check' } as never);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { name: 'price', result: 'wrong', says: refusedInvoice(content, language, error) };
    }
  }
  const says = `Telegram takes an invoice of ${amountOf({ amount, currency })} in ${content.languages.join(', ')}`;
  return { name: 'price', result: 'ok', says };
}

function refusedInvoice(
  { settings: { product } }: ClubContent,
  language: string,
  { error_code, description }: GrammyError,
) {
  const answer = `(${error_code} ${description})`;
  if (description.includes('PAYMENT_PROVIDER'))
    return `PROVIDER_TOKEN: expected the token of a payment provider of this bot (@BotFather, Payments), found one that Telegram refuses ${answer}`;
  if (description.includes('CURRENCY_INVALID'))
    return `product.currency in bot.yaml: expected a currency that Telegram and the provider offer, found ${product.currency} ${answer}`;
  if (description.includes('TOTAL_AMOUNT')) {
    const found = amountOf({ amount: product.price, currency: product.currency });
    const range = product.currency === 'XTR' ? '1 to 10000 Stars' : 'about 1 to 10000 US dollars';
    return `product.price in bot.yaml: expected a price that Telegram takes (${range}), found ${found} ${answer}`;
  }
  return `the invoice in ${language}: expected one that Telegram takes, found ${answer}`;
}

async function clubOf(api: Api, content: ClubContent, bot: number): Promise<OnlineCheck> {
  const { chatId } = content.settings.club;
  if (chatId === null) return { name: 'club', result: 'ok', says: 'bot.yaml names none' };
  const problem = await clubProblem(api, content, bot);
  if (problem !== null) return { name: 'club', result: 'wrong', says: problem };
  const { title = '' } = await api.getChat(chatId);
  return { name: 'club', result: 'ok', says: `“${title}”, where the bot may invite and ban` };
}

/** Each file was held against Telegram's documented limits when the content was loaded; only sending shows the rest. */
async function mediaOf(
  environment: Environment,
  content: ClubContent,
  to: number | undefined,
): Promise<OnlineCheck> {
  const files = new Map(
    [...content.messages.values()].flatMap(({ attachments }) =>
      attachments.flatMap((attachment) =>
        content.languages.map((language) => [content.fileOf(attachment, language), attachment.kind] as const),
      ),
    ),
  );
  if (files.size === 0) return { name: 'media', result: 'ok', says: 'no message has any' };
  const says =
    `${files.size === 1 ? '1 file keeps' : `${files.size} files keep`} to the limits that Telegram documents; ` +
    'only sending shows the rest: --media-to <id of a channel of your own>, or turnstile preview <message> --to <operator>';
  if (to !== undefined) return sendEach(environment, content, files, to);
  return { name: 'media', result: 'unproven', says };
}

const methods = { photo: 'sendPhoto', video: 'sendVideo', document: 'sendDocument' } as const;

/** Sends each file without a sound, and deletes it again. */
async function sendEach(
  environment: Environment,
  content: ClubContent,
  files: ReadonlyMap<string, keyof typeof methods>,
  to: number,
): Promise<OnlineCheck> {
  const { botToken: token, apiRoot: root, rateBulk: ratePerSecond } = environment;
  const call = patient(createApis({ token, root, ratePerSecond }).perform('reply'), new SystemClock());
  const refused: string[] = [];
  for (const [file, kind] of files) {
    const media = new InputFile(join(content.mediaDir, file));
    try {
      const sent = await call(methods[kind], { chat_id: to, [kind]: media, disable_notification: true });
      const { message_id } = sent as { message_id: number };
      await call('deleteMessage', { chat_id: to, message_id });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused.push(`${file} as a ${kind} (${error.error_code} ${error.description})`);
    }
  }
  return refused.length === 0
    ? {
        name: 'media',
        result: 'ok',
        says: `Telegram takes ${files.size === 1 ? '1 file' : `${files.size} files`}`,
      }
    : {
        name: 'media',
        result: 'wrong',
        says: `expected files that Telegram takes, found ${refused.join('; ')}`,
      };
}

/** Prints what Telegram said, one line a check. */
export function reportOnline(checks: readonly OnlineCheck[]): void {
  const colours = { ok: paint.green, wrong: paint.red, unproven: paint.yellow };
  for (const { name, result, says } of checks) console.log(`${colours[result](result)} ${name}: ${says}`);
}
