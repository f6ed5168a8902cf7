import { badRequest } from './errors.ts';
import type { Json } from './parameters.ts';
import { parsed } from './values.ts';

/** What a button may do; exactly one of them. */
const actions = [
  'callback_data',
  'url',
  'pay',
  'web_app',
  'login_url',
  'switch_inline_query',
  'switch_inline_query_current_chat',
  'switch_inline_query_chosen_chat',
  'copy_text',
  'callback_game',
];
const mostButtons = 100;

/** The labels below the text field as a call sets them: rows, `[]` to take them away; undefined to leave them. */
export function replyKeyboard(values: Json): string[][] | undefined {
  const markup = parsed(values, 'reply_markup') as Json | undefined;
  if (markup?.['remove_keyboard'] === true) return [];
  const rows = markup?.['keyboard'];
  if (rows === undefined) return undefined;
  if (!Array.isArray(rows) || !rows.every(Array.isArray))
    throw badRequest('field "keyboard" must be an Array of Arrays');
  const labels = (rows as (string | Json)[][]).map((row) =>
    row.map((button) => (typeof button === 'string' ? button : String(button['text'] ?? ''))),
  );
  if (labels.flat().includes('')) throw badRequest('keyboard button text must be non-empty');
  return labels;
}

/**
 * The inline keyboard of a call as a message carries it.
 * @param isInvoice its first button pays, and only an invoice's does
 */
export function keyboard(values: Json, isInvoice = false): Json {
  const markup = parsed(values, 'reply_markup') as Json | undefined;
  if (markup === undefined) return {};
  if (typeof markup !== 'object') throw badRequest('object expected as reply markup');
  const rows = markup['inline_keyboard'];
  if (rows === undefined) return {};
  if (!Array.isArray(rows) || !rows.every(Array.isArray))
    throw badRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays');
  const buttons = (rows as Json[][]).flat();
  if (buttons.length > mostButtons) throw badRequest('reply markup is too long');
  for (const [index, button] of buttons.entries()) checkButton(button, isInvoice && index === 0);
  if (isInvoice && buttons.length > 0 && buttons[0]?.['pay'] !== true)
    throw badRequest('REPLY_MARKUP_BUY_EMPTY');
  return buttons.length === 0 ? {} : { reply_markup: { inline_keyboard: rows } };
}

function checkButton(button: Json, mayPay: boolean): void {
  const refuse = (reason: string) => badRequest(`can't parse inline keyboard button: ${reason}`);
  if (typeof button['text'] !== 'string') throw refuse('Field "text" must be of type String');
  if (button['text'].trim() === '') throw badRequest('inline keyboard button text must be non-empty');
  const used = actions.filter((name) => button[name] !== undefined);
  if (used.length === 0) throw refuse('Text buttons are unallowed in the inline keyboard');
  if (button['pay'] === true && !mayPay) throw badRequest('BUTTON_POS_INVALID');
  const data = button['callback_data'];
  if (data !== undefined) {
    const size = Buffer.byteLength(String(data));
    if (size < 1 || size > 64) throw badRequest('BUTTON_DATA_INVALID');
  }
  const url = button['url'];
  if (url !== undefined && !isAddress(String(url)))
    throw badRequest(`inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`);
}

/** An address that Telegram opens: with a host that has a dot, or one of Telegram's own. */
const isAddress = (url: string) =>
  /^tg:\/\//i.test(url) || /^(https?:\/\/)?([^\s/?#@]+\.)+[^\s/?#.]{2,}(:\d+)?([/?#]\S*)?$/i.test(url);
