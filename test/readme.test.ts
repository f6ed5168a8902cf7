import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { accessMachine } from '../machines/access.machine.ts';
import { mermaidOf } from '../src/ops/mermaid.ts';

const readme = readFileSync(resolve(import.meta.dirname, '../README.md'), 'utf8');

test('the picture of the machine is the one that the machine has', () => {
  const picture = /```mermaid\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(picture?.trim()).toBe(mermaidOf(accessMachine).trim());
});
