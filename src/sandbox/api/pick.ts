import { isObject } from './json.ts';
import { typeOf } from './shape.ts';
import { flag, integer, text } from './values.ts';

const readers: Readonly<Record<string, (value: unknown) => unknown>> = {
  String: (value) => text({ value }, 'value'),
  Integer: (value) => integer({ value }, 'value'),
  Float: (value) => {
    const number = Number(text({ value }, 'value'));
    return Number.isFinite(number) ? number : undefined;
  },
  Boolean: (value) => flag({ value }, 'value'),
};

/**
 * What the Bot API documents of a value, in the documented types: fields that a type does not have are gone, a number in
 * quotes is a number. Telegram passes over the rest in silence, and so does its answer.
 * @param type a name of the documentation such as `MessageEntity` or `Array of String`
 * @returns undefined for what cannot be of this type
 */
export function pickDocumented(type: string, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  if (type.includes('|')) return first(type.split('|'), value);
  if (type.startsWith('Array of ')) {
    if (!Array.isArray(value)) return undefined;
    return value.map((item) => pickDocumented(type.slice(9), item)).filter((item) => item !== undefined);
  }
  if (type.startsWith("='")) return value === type.slice(2, -1) ? value : undefined;
  const read = readers[type];
  if (read !== undefined) return read(value);
  const shape = typeOf(type);
  if (shape === undefined || !isObject(value)) return undefined;
  if (Array.isArray(shape)) return first(shape as readonly string[], value);
  const { types, required } = fieldsOf(type, shape as Readonly<Record<string, string>>);
  const fields: [string, unknown][] = [];
  for (const [name, content] of Object.entries(value)) {
    const fieldType = types.get(name);
    const field = fieldType === undefined ? undefined : pickDocumented(fieldType, content);
    if (field !== undefined) fields.push([name, field]);
  }
  const picked = Object.fromEntries(fields);
  return required.every((name) => Object.hasOwn(picked, name)) ? picked : undefined;
}

interface Fields {
  /** By name. */
  readonly types: ReadonlyMap<string, string>;
  readonly required: readonly string[];
}

/** Each message has some; they are worked out once. */
const fieldsByType = new Map<string, Fields>();

function fieldsOf(type: string, shape: Readonly<Record<string, string>>): Fields {
  const known = fieldsByType.get(type);
  if (known !== undefined) return known;
  const entries = Object.entries(shape);
  const fields = {
    types: new Map(entries.map(([name, fieldType]) => [name.replace(/\?$/, ''), fieldType])),
    required: entries.map(([name]) => name).filter((name) => !name.endsWith('?')),
  };
  fieldsByType.set(type, fields);
  return fields;
}

const first = (types: readonly string[], value: unknown): unknown =>
  types.map((type) => pickDocumented(type.trim(), value)).find((found) => found !== undefined);
