import { badRequest } from './errors.ts';
import { isObject, type Json, parseJson } from './json.ts';

// Clients send numbers and flags as such or as texts, and objects as such or as their JSON.

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
export function jsonOf(values: Json, name: string, called = name.replaceAll('_', ' ')): unknown {
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
  const value = jsonOf(values, name, called);
  if (value === undefined || isObject(value)) return value;
  throw badRequest(`object expected as ${name.replaceAll('_', ' ')}`);
}
