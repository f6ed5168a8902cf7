import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { accessMachine } from '../../machines/access.machine.ts';
import { mermaidOf } from '../../src/charts/mermaid.ts';

const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');

test('the picture of the machine is the one that the machine has', () => {
  const picture = /```mermaid\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(picture?.trim()).toBe(mermaidOf(accessMachine).trim());
});

test('each test that the table of guarantees names is there', () => {
  const table = /\| guarantee \| tests \|\n([\s\S]*?)\n\n/.exec(readme)?.[1] ?? '';
  const named = [...table.matchAll(/\[[\w-]+\]\((test\/[\w./-]+)\): ([^·|]+)/g)].map(
    ([, file = '', names = '']) => ({
      file,
      names: names.includes('`')
        ? [...names.matchAll(/`([^`]+)`/g)].map(([, point = '']) => point)
        : [names.trim()],
    }),
  );
  expect(named.length).toBeGreaterThan(15);
  for (const { file, names } of named) {
    const source = readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');
    for (const name of names) expect(source, `${file}: ${name}`).toContain(name);
  }
});
