/** An object as JSON has it. */
export type Json = Record<string, unknown>;

/** Telegram reads no JSON that nests deeper than this. */
const deepest = 100;
const [quote, backslash, array, arrayEnd, object, objectEnd] = Buffer.from('"\\[]{}');
const signs = { quote, backslash, array, arrayEnd, object, objectEnd };

/**
 * The value of a JSON text.
 * @throws SyntaxError for what is no JSON, and for what nests deeper than Telegram reads
 */
export function parseJson(source: string): unknown {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < source.length; at++) {
    const sign = source.charCodeAt(at);
    if (isText) {
      if (sign === signs.backslash) at++;
      else if (sign === signs.quote) isText = false;
    } else if (sign === signs.quote) isText = true;
    else if (sign === signs.array || sign === signs.object) {
      if (++depth > deepest) throw new SyntaxError(`Expected at most ${deepest} levels of JSON.`);
    } else if (sign === signs.arrayEnd || sign === signs.objectEnd) depth--;
  }
  return JSON.parse(source);
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
