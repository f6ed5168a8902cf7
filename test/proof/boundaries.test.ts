import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { accessMachine } from '../../machines/access.machine.ts';

const root = resolve(import.meta.dirname, '../..');

/** The rooms, and which others each may import by name. A file beside the rooms is a room of its own. */
const directions: Record<string, readonly string[]> = {
  machines: [],
  runtime: [],
  content: [],
  sandbox: [],
  charts: ['runtime'],
  terminal: [],
  environment: ['runtime'],
  telegram: ['runtime', 'content'],
  club: ['telegram', 'content', 'runtime', 'machines'],
  operator: ['club', 'telegram', 'content', 'runtime', 'environment', 'terminal'],
  prove: ['club', 'telegram', 'content', 'runtime', 'machines', 'environment', 'terminal'],
  demo: ['sandbox', 'environment', 'terminal'],
  app: ['club', 'telegram', 'runtime', 'environment'],
  cli: [
    ...['app', 'operator', 'demo', 'prove', 'charts', 'club', 'telegram', 'content', 'runtime', 'sandbox'],
    ...['environment', 'terminal'],
  ],
  main: ['cli', 'runtime', 'terminal'],
};
/** Packages that a room may import. */
const packages: Record<string, RegExp> = {
  machines: /^xstate$/,
  runtime: /^(xstate|ioredis|pino|@grammyjs\/runner|node:.*)$/,
  content: /^(valibot|yaml|image-size|@fluent\/bundle|node:.*)$/,
  sandbox: /^(node:.*|preact.*|@preact\/signals)$/,
  charts: /^(xstate|elkjs.*|node:.*)$/,
  telegram: /^(xstate|grammy.*|@grammyjs\/.*|pino|node:.*)$/,
};
interface Source {
  readonly file: string;
  readonly text: string;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

const sources: Source[] = ['machines', 'src']
  .flatMap((folder) => filesBelow(join(root, folder)))
  .map((file) => ({ file: relative(root, file), text: readFileSync(file, 'utf8') }));

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

function importsOf({ text }: Source): string[] {
  const found = withoutComments(text).matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)['"]([^'"\n]+)['"]/g);
  return [...found].map((match) => match[1] as string);
}

const roomOf = (file: string) =>
  file.startsWith('machines/') ? 'machines' : (/^src\/([^/.]+)/.exec(file)?.[1] ?? file);
const targetOf = (file: string, specifier: string) =>
  specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : null;

/** What an import crosses that it may not; null when it is in order. */
function problemOf(file: string, specifier: string): string | null {
  const room = roomOf(file);
  const allowed = directions[room];
  if (allowed === undefined) return `${file} is in no room`;
  const target = targetOf(file, specifier);
  if (target !== null) {
    const crossing = `${file} → ${target}`;
    if (roomOf(target) === room) return null;
    return `${crossing} leaves its room: import '#${roomOf(target)}'`;
  }
  if (specifier.startsWith('#')) {
    const other = specifier.slice(1).split('/')[0] ?? '';
    if (allowed.includes(other)) return null;
    return `${file} imports ${specifier}: ${room} may import ${allowed.join(', ') || 'no other room'}`;
  }
  if (packages[room]?.test(specifier) === false) return `${file} must not import the package ${specifier}`;
  return null;
}

const crossings = (all: readonly Source[]): string[] =>
  all.flatMap((source) => importsOf(source).flatMap((name) => problemOf(source.file, name) ?? []));

function cycles(all: readonly Source[]): string[] {
  const edges = new Map(
    all.map((source) => [source.file, importsOf(source).map((name) => targetOf(source.file, name))]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const target of edges.get(file) ?? [])
      if (target !== null && edges.has(target)) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) walk(file, []);
  return found;
}

const impure =
  /\b(Date\.now|new Date\(\)|performance\.|Math\.random|setTimeout|setInterval|setImmediate|process\.|crypto|randomUUID)\b|['"]node:/;

/** What is folded, stepped or routed may be repeated, and comes out the same. */
const pure =
  /^src\/(runtime\/core\/|club\/(arrivals|(payments|membership|support)\/updates|payments\/(book|access|fold|subscriptions|months|account)|support\/by-hand)\.ts|telegram\/arrivals\.ts)/;

/** XState's types say less than it does: one file of the core knows where, and a next version of it is work on that one. */
const border = 'src/runtime/core/xstate.ts';
const cast = /\bas (never|any|unknown|Any\w+|StateValue)\b/;

function castsAtBorder(all: readonly Source[]): string[] {
  return all
    .filter(({ file }) => file.startsWith('src/runtime/core/') && file !== border)
    .flatMap(({ file, text }) => {
      const code = withoutComments(text);
      const match = cast.exec(code)?.[0] ?? /^import \{.*\} from 'xstate';/m.exec(code)?.[0];
      return match === undefined ? [] : [`${file}: ${match}`];
    });
}

function impurities(all: readonly Source[]): string[] {
  return all
    .filter(({ file }) => pure.test(file))
    .flatMap(({ file, text }) => {
      const match = impure.exec(withoutComments(text));
      return match === null ? [] : [`${file}: ${match[0]}`];
    });
}

/** Words that only one conversation has; the runtime must work with any. */
const concrete = [
  ...Object.keys(accessMachine.config.states ?? {}).filter((state) => state.includes('_')),
  ...[...JSON.stringify(accessMachine.config).matchAll(/"(?:message|reason)":"(\w+_\w+)"/g)].map(
    (match) => match[1] as string,
  ),
];

function concreteNames(all: readonly Source[]): string[] {
  return all
    .filter(({ file }) => /^src\/(runtime|telegram|content)\//.test(file))
    .flatMap(({ file, text }) =>
      concrete
        .filter((name) => new RegExp(`['"\`]${name}['"\`]`).test(withoutComments(text)))
        .map((name) => `${file}: ${name}`),
    );
}

/** What the content of any bot may set; all else in bot.yaml is the club's own. */
const anyBots = ['default_language', 'delays', 'id'];

/** The words of the club's sections of bot.yaml and of its delays. */
const clubWords = wordsOf(parse(readFileSync(join(root, 'content/bot.yaml'), 'utf8')));

function wordsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(wordsOf);
  if (typeof value !== 'object' || value === null) return [];
  const words = Object.entries(value).flatMap(([key, below]) => [key, ...wordsOf(below)]);
  return [...new Set(words)].filter((word) => !anyBots.includes(word));
}

/** A name of several words counts by each: `topicId`. */
const splitNames = (text: string) => text.replace(/([a-z])(?=[A-Z])/g, '$1 ');

function clubNames(all: readonly Source[]): string[] {
  return all
    .filter(({ file }) => file.startsWith('src/content/'))
    .flatMap(({ file, text }) =>
      clubWords
        .filter((word) =>
          new RegExp(`\\b${word.replace(/s$/, '')}s?\\b`, 'i').test(splitNames(withoutComments(text))),
        )
        .map((word) => `${file}: ${word}`),
    );
}

test('an import stays inside its room, or names another room in the right direction', () => {
  expect(crossings(sources)).toEqual([]);
});
test('a machine of an example needs XState alone, so that it opens in an editor', () => {
  const files = filesBelow(join(root, 'examples')).filter((file) => file.endsWith('.machine.ts'));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files)
    expect(importsOf({ file, text: readFileSync(file, 'utf8') }), file).toEqual(['xstate']);
});
test('no imports in a circle', () => {
  expect(cycles(sources)).toEqual([]);
});
test('no clock, no randomness and no system in what is pure', () => {
  expect(impurities(sources)).toEqual([]);
});
test('one file of the core casts what XState gives, and calls it', () => {
  expect(castsAtBorder(sources)).toEqual([]);
  expect(sources.some(({ file, text }) => file === border && cast.test(text))).toBe(true);
});
test('the libraries name no state or message of the club', () => {
  expect(concreteNames(sources)).toEqual([]);
});

/** The runtime serves any outside. */
const ofTelegram = ({ file, text }: Source): string[] =>
  file.startsWith('src/runtime/') && /telegram|bot[_ ]?token|getUpdates|callback_query/i.test(text)
    ? [file]
    : [];

/** Loops take all their time from the clock that they are handed. */
const ownTime = ({ file, text }: Source): string[] =>
  /^src\/runtime\/(loops\/|runtime\.ts)/.test(file) &&
  /\b(setTimeout|setInterval|performance\.now|Date\.now)\b/.test(withoutComments(text))
    ? [file]
    : [];

test('the loops have no time of their own', () => {
  expect(sources.flatMap(ownTime)).toEqual([]);
  expect(ownTime({ file: 'src/runtime/loops/a.ts', text: 'setTimeout(look, 5);' })).toHaveLength(1);
});
test('the runtime has no word of Telegram', () => {
  expect(sources.flatMap(ofTelegram)).toEqual([]);
  expect(ofTelegram({ file: 'src/runtime/a.ts', text: '// Telegram waits.' })).toHaveLength(1);
});
test('the content room has no word of the club', () => {
  expect(clubWords).toEqual(
    expect.arrayContaining(['product', 'price', 'club', 'topics', 'payment_reminder']),
  );
  expect(clubNames(sources)).toEqual([]);
});

test('each guard sees what it guards against', () => {
  const core = { file: 'src/runtime/core/a.ts', text: "import { b } from '../loops/b.ts';" };
  const loop = { file: 'src/runtime/loops/b.ts', text: "export { a } from '../core/a.ts';" };
  const problemsOf = (file: string, text: string) => crossings([{ file, text }]);
  expect(problemsOf('src/runtime/a.ts', "import { b } from '../club/b.ts';")).toEqual([
    "src/runtime/a.ts → src/club/b.ts leaves its room: import '#club'",
  ]);
  expect(problemsOf('src/telegram/a.ts', "import { b } from '#club';")).toEqual([
    'src/telegram/a.ts imports #club: telegram may import runtime, content',
  ]);
  expect(problemsOf('machines/x.machine.ts', "import fs from 'node:fs';")).toHaveLength(1);
  expect(problemsOf('src/runtime/x.ts', "const api = await import('grammy');")).toHaveLength(1);
  expect(problemsOf('src/elsewhere/x.ts', "import fs from 'node:fs';")).toHaveLength(1);
  expect(problemsOf('src/club/x.ts', "import { step } from '#runtime';")).toEqual([]);
  expect(cycles([core, loop])).toEqual([
    'src/runtime/core/a.ts → src/runtime/loops/b.ts → src/runtime/core/a.ts',
  ]);
  const impure = { file: 'src/runtime/core/c.ts', text: 'export const now = () => Date.now();' };
  expect(impurities([impure])).toHaveLength(1);
  expect(impurities([{ ...impure, text: '// Date.now is the caller’s' }])).toEqual([]);
  const casting = { file: 'src/runtime/core/e.ts', text: 'const root = machine.root as unknown as Node;' };
  expect(castsAtBorder([casting])).toEqual(['src/runtime/core/e.ts: as unknown']);
  expect(castsAtBorder([{ ...casting, text: "import { createActor } from 'xstate';" }])).toHaveLength(1);
  expect(castsAtBorder([{ ...casting, text: "import type { StateValue } from 'xstate';" }])).toEqual([]);
  expect(castsAtBorder([{ ...casting, file: border }])).toEqual([]);
  const concreteOne = { file: 'src/runtime/d.ts', text: "if (state === 'awaiting_payment') {}" };
  expect(concreteNames([concreteOne])).toHaveLength(1);
  const clubsOwn = { file: 'src/content/e.ts', text: 'const topicId = 1;' };
  expect(clubNames([clubsOwn])).toEqual(['src/content/e.ts: topics']);
  expect(clubNames([{ ...clubsOwn, text: '/** Such as a topic. */' }])).toEqual([]);
});
