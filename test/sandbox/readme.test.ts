import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** A project of somebody else with these packages and files. Returns how a command of a package ended there. */
function project(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'turnstile-readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  for (const name of ['grammy', 'vitest', 'typescript', '@types/node'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(root, join(folder, 'node_modules', 'turnstile'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (...command: string[]) => {
    const [program = '', ...args] = command;
    const env = { PATH: process.env['PATH'], NO_COLOR: '1' };
    const done = spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd: folder,
      encoding: 'utf8',
      env,
    });
    return { status: done.status, output: `${done.stdout}${done.stderr}` };
  };
}

test('the examples of the README, pasted into a project of its own, compile and pass', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts\n(import [\s\S]*?)```/g)].map(([, example = '']) => example);
  expect(examples).toHaveLength(2);
  const options = { strict: true, module: 'nodenext', target: 'es2023', types: ['node'], noEmit: true };
  const run = project({
    ...Object.fromEntries(examples.map((example, index) => [`${index}.test.ts`, example])),
    'package.json': '{"type":"module"}',
    'tsconfig.json': JSON.stringify({ compilerOptions: { ...options, skipLibCheck: true } }),
  });
  const compiled = run('typescript/bin/tsc');
  expect(compiled, compiled.output).toMatchObject({ status: 0 });
  const ran = run('vitest/vitest.mjs', 'run', '--testTimeout=20000');
  expect(ran, ran.output).toMatchObject({ status: 0, output: expect.stringContaining('2 passed') });
});
