import { badRequest } from './errors.ts';
import type { Json } from './parameters.ts';

// Clients send numbers and flags as such or as texts, and objects as such or as their JSON.

export const text = (values: Json, name: string): string | undefined =>
  values[name] === undefined || values[name] === null ? undefined : String(values[name]);

/** undefined for what is missing or no whole number, as Telegram takes it. */
export function integer(values: Json, name: string): number | undefined {
  const number = Number(text(values, name)?.trim() || undefined);
  return Number.isSafeInteger(number) ? number : undefined;
}

export const flag = (values: Json, name: string): boolean =>
  ['true', 'yes', '1'].includes(text(values, name)?.toLowerCase() ?? '');

/** An object or array. */
export function parsed(values: Json, name: string): unknown {
  const value = values[name];
  if (typeof value !== 'string') return value ?? undefined;
  if (value === '') return undefined;
  try {
    return JSON.parse(value);
  } catch {
    throw badRequest(`can't parse ${name.replaceAll('_', ' ')} JSON object`);
  }
}
