/** An object as JSON has it. */
export type Json = Record<string, unknown>;

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
