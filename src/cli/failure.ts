import { existsSync, readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrokenMachine, brokenMachine, didYouMean, ExitError, exitCodes, Misconfigured } from '#runtime';

/** The exit code for an error that stops a command, after sysexits.h. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.exitCode;
  return error instanceof Error && inMachineFile(error) !== null ? exitCodes.configuration : 1;
}

/** What a person is told of it: a fault of the program with its stack. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ExitError) return error.message;
  return inMachineFile(error) ?? error.stack ?? error.message;
}

/** The frames above an error of XState's may be many; with all of them the machine's file can be named. */
export async function withDeepStacks<T>(read: () => Promise<T>): Promise<T> {
  const usual = Error.stackTraceLimit;
  Error.stackTraceLimit = 200;
  try {
    return await read();
  } finally {
    Error.stackTraceLimit = usual;
  }
}

/** What keeps a file of somebody's own from being read, with the file and the line where that is known. */
export function placeInFile(error: unknown, file: string): Error {
  if (!(error instanceof Error)) return new Misconfigured(`${file}: ${String(error)}`);
  if (error instanceof ExitError || inMachineFile(error) !== null) return error;
  const { message } = error;
  if (/^\/\S+:\d+: /.test(message)) return new Misconfigured(below(message), { cause: error });
  const [, missing, from] =
    /^Cannot find (?:package|module) '([^']+)' imported from (\S+)$/m.exec(message) ?? [];
  const place = from !== undefined && missing !== undefined ? lineThatNames(missing, from) : placeOn(error);
  const what = message.split('\n')[0];
  return new Misconfigured(`${below(place ?? file)}: ${what}`, { cause: error });
}

/** Where the files of this program are. */
const program = fileURLToPath(new URL('..', import.meta.url));

/** Where an error happened: the first place of its stack that belongs to neither a package nor this program. */
function placeOn({ stack = '' }: Error): string | undefined {
  const places = stack.matchAll(/(?:file:\/\/)?(\/[^\s()]+\.m?[jt]s):(\d+)/g);
  for (const [, path = '', line] of places)
    if (!path.includes('/node_modules/') && !decodeURI(path).startsWith(program))
      return `${decodeURI(path)}:${line}`;
  return undefined;
}

function lineThatNames(specifier: string, file: string): string {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  // A module is named by its path, of which the file tells the end.
  const name = specifier.split('/').at(-1) ?? specifier;
  const line = lines.findIndex((text) => /\b(import|from)\b/.test(text) && text.includes(name));
  return line === -1 ? file : `${file}:${line + 1}`;
}

/** A path at the beginning of a text, as from the current folder where it is below it. */
const below = (text: string): string =>
  text.startsWith(`${process.cwd()}${sep}`) ? text.slice(process.cwd().length + 1) : text;

/** A machine that XState refuses while its file is read: the file, the state, and the name that was meant. */
function inMachineFile(error: Error): string | null {
  const broken = brokenMachine(error);
  const [, place] =
    /\(?((?:file:\/\/)?\/[^\s()]+\.machine\.m?[jt]s):\d+:\d+\)?$/m.exec(error.stack ?? '') ?? [];
  if (broken === null || place === undefined) return null;
  const path = place.startsWith('file:') ? fileURLToPath(place) : place;
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return `${sourceOf(path)}: ${placeOf(broken, text)}: ${broken.problem}.${nearest(broken, text)}`;
}

function placeOf({ state }: BrokenMachine, text: string): string {
  const id = state?.split('.')[0] ?? /\bid: '([^']+)'/.exec(text)?.[1] ?? '';
  const path = state?.slice(id.length + 1) ?? '';
  return `machine "${id}"${path === '' ? '' : `, state "${path}"`}`;
}

/** Names of states, as they open in the file's text: there is no machine to ask. */
function nearest({ missing }: BrokenMachine, text: string): string {
  if (missing === null) return '';
  const keys = [...text.matchAll(/^\s*['"]?([\w-]+)['"]?: \{/gm)].map(([, key = '']) => key);
  return didYouMean(missing, keys);
}

/** What was compiled is named by what it was compiled from. */
function sourceOf(path: string): string {
  const source = path.replace(`${sep}dist${sep}`, sep).replace(/\.js$/, '.ts');
  const shown = existsSync(source) ? source : path;
  const below = relative(process.cwd(), shown);
  return below.startsWith('..') ? shown : below;
}
