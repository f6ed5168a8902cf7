import type { Telegram } from '../world/telegram.ts';
import api from './bot-api.json' with { type: 'json' };
import { TelegramError } from './errors.ts';

/** Fields by name, `?` behind one that may be missing; or the names of the types that it may be. */
type Shape = Readonly<Record<string, string>> | readonly string[];

const types = api.types as unknown as Readonly<Record<string, Shape>>;
const methods = api.methods as unknown as Readonly<Record<string, { readonly returns: string }>>;
const byName = new Map(Object.keys(methods).map((name) => [name.toLowerCase(), name]));

/** Names that methods had before, in small letters; Telegram still takes them. */
const earlierNames: Readonly<Record<string, string>> = {
  getchatmemberscount: 'getChatMemberCount',
  kickchatmember: 'banChatMember',
  setstickersetthumb: 'setStickerSetThumbnail',
};

/** The documented name of a method, in whatever case or by which earlier name it is called; undefined for no method. */
export function methodName(called: string): string | undefined {
  const name = called.toLowerCase();
  return Object.hasOwn(earlierNames, name) ? earlierNames[name] : byName.get(name);
}

/** The fields of a documented type, or the types that it may be. */
export const typeOf = (name: string): Shape | undefined =>
  Object.hasOwn(types, name) ? types[name] : undefined;

/** What a method answers, as the Bot API documents it: `Message|Boolean`. */
const returnsOf = (method: string): string => methods[methodName(method) ?? '']?.returns ?? 'Boolean';

/**
 * Compares a value with a documented type: missing fields, fields that do not exist, wrong types.
 * @returns what is wrong, each with its path; empty when the shape is right
 */
export function shapeProblems(type: string, value: unknown, path = type.split('|')[0] ?? ''): string[] {
  const alternatives = type.split('|').map((one) => problemsOf(one.trim(), value, path));
  return alternatives.reduce((best, next) => (next.length < best.length ? next : best));
}

function problemsOf(type: string, value: unknown, path: string): string[] {
  const wrong = [`${path}: expected ${type}, found ${JSON.stringify(value)?.slice(0, 80)}`];
  if (type.startsWith('Array of ')) {
    if (!Array.isArray(value)) return wrong;
    return value.flatMap((item, index) => shapeProblems(type.slice(9), item, `${path}[${index}]`));
  }
  if (type.startsWith("='")) return value === type.slice(2, -1) ? [] : wrong;
  if (type === 'String') return typeof value === 'string' ? [] : wrong;
  if (type === 'Integer') return Number.isSafeInteger(value) ? [] : wrong;
  if (type === 'Float') return typeof value === 'number' ? [] : wrong;
  if (type === 'Boolean') return typeof value === 'boolean' ? [] : wrong;
  const shape = typeOf(type);
  if (shape === undefined || typeof value !== 'object' || value === null) return wrong;
  if (Array.isArray(shape)) return shapeProblems(shape.join('|'), value, path);
  return fieldProblems(
    type,
    shape as Readonly<Record<string, string>>,
    value as Record<string, unknown>,
    path,
  );
}

function fieldProblems(
  type: string,
  shape: Readonly<Record<string, string>>,
  value: Record<string, unknown>,
  path: string,
): string[] {
  const problems: string[] = [];
  for (const [name, content] of Object.entries(value)) {
    if (content === undefined) continue;
    const documented = [name, `${name}?`].find((one) => Object.hasOwn(shape, one));
    if (documented === undefined) problems.push(`${path}.${name}: ${type} has no such field`);
    else problems.push(...shapeProblems(shape[documented] as string, content, `${path}.${name}`));
  }
  for (const name of Object.keys(shape))
    if (!name.endsWith('?') && value[name] === undefined)
      problems.push(`${path}.${name}: missing in ${type}`);
  return problems;
}

/** Looks at every shape: a wrong one is answered with an error, and reported in the end. */
export function shapeChecks(telegram: Telegram) {
  const problems: string[] = [];
  telegram.check = (type, value) => {
    const found = shapeProblems(type, value);
    problems.push(...found);
    if (found.length > 0) throw new Error(`Not a shape of the Bot API: ${found.join('; ')}`);
  };
  return {
    /** Updates were looked at when they came. */
    checkAnswer: (method: string, result: unknown) => {
      if (method === 'getUpdates') return;
      const found = shapeProblems(returnsOf(method), result);
      problems.push(...found.map((problem) => `${method}: ${problem}`));
      if (found.length > 0)
        throw new TelegramError(
          500,
          `Internal Server Error: not a shape of the Bot API: ${found.join('; ')}`,
        );
    },
    report: () => {
      if (problems.length > 0)
        throw new Error(`The sandbox broke the Bot API's shapes:\n${problems.join('\n')}`);
    },
  };
}
