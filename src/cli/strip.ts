import { readFile } from 'node:fs/promises';
import { createRequire, type LoadHook } from 'node:module';
import { fileURLToPath } from 'node:url';

// The package has no declarations of its own, and is large: read only when there is something to read with it.
const require = createRequire(import.meta.url);
const amaro = () => require('amaro') as { transformSync: (source: string) => { code: string } };

/** Lets a Node that cannot read TypeScript read it: types become spaces, so that lines and columns stay. */
export const load: LoadHook = async (url, context, next) =>
  /^file:.*\.m?ts$/.test(url)
    ? { format: 'module', source: await withoutTypes(fileURLToPath(url)), shortCircuit: true }
    : next(url, context);

/** @throws Error `<path>:<line>: <problem>` for what is no TypeScript, or some that is more than types */
export async function withoutTypes(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  try {
    return amaro().transformSync(text).code;
  } catch (error) {
    throw new Error(described(path, String(error)));
  }
}

/** A problem as its picture tells of it: the sentence first, then `,-[2:1]` or the number of the line. */
function described(path: string, picture: string): string {
  const sentence = /^\s*x (.+)$/m.exec(picture)?.[1] ?? picture;
  const line = /-\[(\d+):\d+\]/.exec(picture)?.[1] ?? /^\s*(\d+) \|/m.exec(picture)?.[1] ?? '1';
  return `${path}:${line}: ${sentence}`;
}
