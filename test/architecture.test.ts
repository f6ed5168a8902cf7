import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { accessMachine } from '../machines/access.machine.ts';

const root = resolve(import.meta.dirname, '..');

/** Each layer may import from itself and from those above it. */
const layers = [
  'machines',
  'src/core',
  'src/store',
  'src/telegram',
  'src/engine',
  'src/features',
  'src/ops',
  'src/sandbox',
  'src/conversation.ts',
  'src/prove',
  'src/app.ts',
  'src/preview.ts',
  'src/main.ts',
];
/** Imports that the order would allow, but that a layer must not have. */
const forbidden: Record<string, RegExp> = {
  machines: /^(?!xstate$)/,
  'src/core': /^(?!xstate$|grammy\/types$|\.)/,
  'src/store': /^grammy$|telegram/,
  'src/telegram': /^ioredis|\/(store|engine)\//,
  'src/sandbox': /^ioredis|\/(store|core|telegram)\/|\/engine\/(?!clock\.ts$)/,
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
  const found = withoutComments(text).matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g);
  return [...found].map((match) => match[1] as string);
}

const layerOf = (file: string) => layers.findIndex((layer) => file === layer || file.startsWith(`${layer}/`));
const targetOf = (file: string, specifier: string) =>
  specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : null;

function layerProblems(all: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of all) {
    const from = layerOf(source.file);
    if (from === -1) problems.push(`${source.file} is in no layer`);
    for (const specifier of importsOf(source)) {
      const target = targetOf(source.file, specifier);
      if (target !== null && layerOf(target) > from)
        problems.push(`${source.file} imports ${target}, which is below it`);
      if (forbidden[layers[from] ?? '']?.test(specifier))
        problems.push(`${source.file} must not import ${specifier}`);
    }
  }
  return problems;
}

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

function impurities(all: readonly Source[]): string[] {
  return all
    .filter(({ file }) => file.startsWith('src/core/'))
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
    .filter(({ file }) => /^src\/(core|store|engine)\//.test(file))
    .flatMap(({ file, text }) =>
      concrete
        .filter((name) => new RegExp(`['"\`]${name}['"\`]`).test(withoutComments(text)))
        .map((name) => `${file}: ${name}`),
    );
}

test('imports run in one direction', () => {
  expect(layerProblems(sources)).toEqual([]);
});
test('no imports in a circle', () => {
  expect(cycles(sources)).toEqual([]);
});
test('no clock and no randomness in the core', () => {
  expect(impurities(sources)).toEqual([]);
});
test('the runtime names no concrete state or message', () => {
  expect(concreteNames(sources)).toEqual([]);
});

test('each guard sees what it guards against', () => {
  const core = { file: 'src/core/a.ts', text: "import { b } from '../engine/b.ts';" };
  const engine = { file: 'src/engine/b.ts', text: "export { a } from '../core/a.ts';" };
  expect(layerProblems([core])).toEqual(['src/core/a.ts imports src/engine/b.ts, which is below it']);
  expect(layerProblems([{ file: 'machines/x.machine.ts', text: "import fs from 'node:fs';" }])).toHaveLength(
    1,
  );
  expect(
    layerProblems([{ file: 'src/store/x.ts', text: "const api = await import('grammy');" }]),
  ).toHaveLength(1);
  expect(cycles([core, engine])).toEqual(['src/core/a.ts → src/engine/b.ts → src/core/a.ts']);
  expect(impurities([{ file: 'src/core/c.ts', text: 'export const now = () => Date.now();' }])).toHaveLength(
    1,
  );
  expect(impurities([{ file: 'src/core/c.ts', text: '// Date.now is the caller’s' }])).toEqual([]);
  expect(
    concreteNames([{ file: 'src/engine/d.ts', text: "if (state === 'awaiting_payment') {}" }]),
  ).toHaveLength(1);
});
