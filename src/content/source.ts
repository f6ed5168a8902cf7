import { readFile } from 'node:fs/promises';
import { type Problem, reason } from './problem.ts';

const saving = 'a file saved as UTF-8 (in an editor: Save as, Encoding: UTF-8)';

/**
 * Reads a text that a person has edited: UTF-8, with or without a byte order mark.
 * @param shown the file's name in problems
 * @returns null when it cannot be read, with the reason among the problems
 */
export async function readSource(path: string, shown: string, problems: Problem[]): Promise<string | null> {
  const problem = (expected: string, found: string, line?: number): null => {
    problems.push({ file: shown, ...(line !== undefined && { line }), path: '', expected, found });
    return null;
  };
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return problem('a file that can be read', reason(error));
  }
  // UTF-16 has a mark, or a zero byte in each character of an alphabet like Latin.
  const start = bytes.toString('latin1', 0, 2);
  if (start === '\xff\xfe' || start === '\xfe\xff' || bytes.includes(0)) return problem(saving, 'UTF-16');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return problem(saving, 'letters of another encoding, such as Windows-1251', firstBadLine(bytes));
  }
}

/** Decodes line by line: no character of UTF-8 but the end of a line has its byte. */
function firstBadLine(bytes: Buffer): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    const stop = end === -1 ? bytes.length : end;
    try {
      decoder.decode(bytes.subarray(start, stop));
    } catch {
      return line;
    }
    start = stop + 1;
  }
  return line;
}
