import { badRequest } from './errors.ts';
import type { Json } from './parameters.ts';

// Clients send numbers and flags as such or as texts, and objects as such or as their JSON.

/** Telegram reads no JSON that nests deeper than this. */
const deepest = 100;

/**
 * The value of a JSON text.
 * @throws SyntaxError for what is no JSON, and for what nests deeper than Telegram reads
 */
export function parseJson(source: string): unknown {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < source.length; at++) {
    const sign = source[at];
    if (isText && sign === '\\') at++;
    else if (sign === '"') isText = !isText;
    else if (isText) continue;
    else if (sign === '[' || sign === '{') depth++;
    else if (sign === ']' || sign === '}') depth--;
    if (depth > deepest) throw new SyntaxError(`Expected at most ${deepest} levels of JSON.`);
  }
  return JSON.parse(source);
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object in place of a text is taken as its JSON. */
export function text(values: Json, name: string): string | undefined {
  const value = values[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** undefined for what is missing or no whole number, as Telegram takes it. */
export function integer(values: Json, name: string): number | undefined {
  const number = Number(text(values, name)?.trim() || undefined);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** true, yes or 1, in any case and in any form; everything else is false. */
export const flag = (values: Json, name: string): boolean =>
  ['true', 'yes', '1'].includes(text(values, name)?.trim().toLowerCase() ?? '');

/** The chat that a call names by its id; NaN for any other name. */
export const chatId = (values: Json, name = 'chat_id'): number => Number(text(values, name));

/**
 * What a parameter holds that may be sent as JSON; undefined when it is not there.
 * @param called its name in Telegram's refusal
 */
export function parsed(values: Json, name: string, called = name.replaceAll('_', ' ')): unknown {
  const value = values[name];
  if (typeof value !== 'string') return value;
  if (value === '') return undefined;
  try {
    return parseJson(value);
  } catch {
    throw badRequest(`can't parse ${called} JSON object`);
  }
}

/** An object; undefined when it is not there. @throws TelegramError for anything else, also for null */
export function object(values: Json, name: string, called?: string): Json | undefined {
  const value = parsed(values, name, called);
  if (value === undefined || isObject(value)) return value;
  throw badRequest(`object expected as ${name.replaceAll('_', ' ')}`);
}
