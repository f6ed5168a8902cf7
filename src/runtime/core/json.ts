const deepest = 100;

/**
 * What of a value JSON would lose or change: a BigInt, a number that is none, a Date, a Map, `undefined` in a list and the
 * like. A field of an object that is `undefined` is only left out, and reads the same when it comes back.
 * @returns the place and what stands there, such as `.cart[0] is a Date`; null when the value comes back as it is
 */
export function lostInJson(value: unknown, depth = 0): string | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : ` is ${value}`;
    case 'object':
      if (value === null) return null;
      break;
    default:
      return ` is ${value === undefined ? 'undefined' : `a ${typeof value}`}`;
  }
  if (depth > deepest) return ' is nested too deeply, or holds itself';
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const lost = lostInJson(value[index], depth + 1);
      if (lost !== null) return `[${index}]${lost}`;
    }
    return null;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const { name } = (value as object).constructor;
    return ` is ${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
  }
  for (const key in value) {
    const field = (value as Record<string, unknown>)[key];
    if (field === undefined) continue;
    const lost = lostInJson(field, depth + 1);
    if (lost !== null) return `.${key}${lost}`;
  }
  return null;
}
