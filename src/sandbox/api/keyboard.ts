import { badRequest } from './errors.ts';
import { isObject, type Json } from './json.ts';
import { pickDocumented } from './pick.ts';
import { flag, object } from './values.ts';

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

const markupOf = (values: Json) => object(values, 'reply_markup', 'reply keyboard markup');

/** The labels below the text field as a call sets them: rows, `[]` to take them away; undefined to leave them. */
export function replyKeyboard(values: Json): string[][] | undefined {
  const markup = markupOf(values) ?? {};
  if (flag(markup, 'remove_keyboard')) return [];
  const rows = markup['keyboard'];
  if (rows === undefined) return undefined;
  if (!Array.isArray(rows) || !rows.every(Array.isArray))
    throw badRequest('field "keyboard" must be an Array of Arrays');
  const labels = (rows as unknown[][]).map((row) => row.map(labelOf));
  if (labels.flat().includes('')) throw badRequest('keyboard button text must be non-empty');
  return labels;
}

function labelOf(button: unknown): string {
  if (typeof button === 'string') return button;
  const refuse = (reason: string) => badRequest(`can't parse keyboard button: ${reason}`);
  if (!isObject(button)) throw refuse('KeyboardButton must be a String or an Object');
  const known = pickDocumented('KeyboardButton', button) as { readonly text: string } | undefined;
  if (known === undefined) throw refuse('Can\'t find field "text"');
  return known.text;
}

/**
 * The inline keyboard of a call as a message carries it.
 * @param isInvoice its first button pays, and only an invoice's does
 */
export function keyboard(values: Json, isInvoice = false): Json {
  const rows = markupOf(values)?.['inline_keyboard'];
  if (rows === undefined) return {};
  if (!Array.isArray(rows) || !rows.every(Array.isArray))
    throw badRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays');
  const count = rows.flat().length;
  if (count > mostButtons) throw badRequest('reply markup is too long');
  let isFirst = true;
  const buttons = (rows as unknown[][]).map((row) =>
    row.map((button) => {
      const read = buttonOf(button, isInvoice && isFirst);
      isFirst = false;
      return read;
    }),
  );
  if (count === 0) return {};
  if (isInvoice && buttons.flat()[0]?.['pay'] !== true) throw badRequest('REPLY_MARKUP_BUY_EMPTY');
  return { reply_markup: { inline_keyboard: buttons } };
}

function buttonOf(button: unknown, mayPay: boolean): Json {
  const refuse = (reason: string) => badRequest(`can't parse inline keyboard button: ${reason}`);
  if (!isObject(button)) throw refuse('InlineKeyboardButton must be an Object');
  const known = pickDocumented('InlineKeyboardButton', button) as Json | undefined;
  if (known === undefined) throw refuse('Can\'t find field "text"');
  const { pay, ...fields } = known;
  if (String(fields['text']).trim() === '') throw badRequest('inline keyboard button text must be non-empty');
  if (pay === true) fields['pay'] = true;
  if (!actions.some((name) => name in fields))
    throw refuse('Text buttons are unallowed in the inline keyboard');
  if (pay === true && !mayPay) throw badRequest('BUTTON_POS_INVALID');
  const data = fields['callback_data'];
  if (data !== undefined) {
    const size = Buffer.byteLength(String(data));
    if (size < 1 || size > 64) throw badRequest('BUTTON_DATA_INVALID');
  }
  const url = fields['url'];
  if (url !== undefined && !isAddress(String(url)))
    throw badRequest(`inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`);
  return fields;
}

/** An address that Telegram opens: with a host that has a dot, or one of Telegram's own. */
const isAddress = (url: string) =>
  /^tg:\/\//i.test(url) || /^(https?:\/\/)?([^\s/?#@]+\.)+[^\s/?#.]{2,}(:\d+)?([/?#]\S*)?$/i.test(url);
