import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { run } from '../support/process.ts';

// Each line of these tests starts the program anew.
vi.setConfig({ testTimeout: 60_000 });

const root = resolve(import.meta.dirname, '../..');

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'turnstile-charts-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function called(args: readonly string[], program?: string): Promise<{ code: unknown; output: string }> {
  const command = run(args, {}, program);
  const code = await command.ended;
  return { code, output: command.output() };
}

test('machines: one as text, several as Markdown, pictures one at a time or into a folder', async () => {
  const one = await called(['machines', 'access']);
  expect(one).toMatchObject({ code: 0, output: expect.stringMatching(/^stateDiagram-v2\n/) });
  const all = await called(['machines']);
  expect(all.output).toMatch(/^## access\n\nSells access[^\n]+\n\n```mermaid\nstateDiagram-v2\n/);
  expect(all.output.match(/^## \w+$/gm)).toHaveLength(4);

  const picture = await called(['machines', 'refunds', '--svg']);
  expect(picture.output).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  expect(await called(['machines', '--svg'])).toEqual({
    code: 64,
    output:
      'turnstile: Expected one machine to draw, found 4: name one of access, membership, support, refunds, or write them into a folder with --out <dir>\n',
  });
  const out = join(folder(), 'pictures');
  expect((await called(['machines', '--svg', '--out', out])).code).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['access.svg', 'membership.svg', 'refunds.svg', 'support.svg']);
  expect(readFileSync(join(out, 'refunds.svg'), 'utf8')).toBe(picture.output);
  expect(await called(['machines', 'acces'])).toMatchObject({
    code: 64,
    output: expect.stringContaining('did you mean "access"?'),
  });
});

test('a machine that XState refuses is named with its file, its state and the state that was meant, by every command', async () => {
  const copy = folder();
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  for (const name of ['package.json', 'node_modules', 'machines'])
    symlinkSync(join(root, name), join(copy, name));
  const file = join(copy, 'dist/machines/access.machine.js');
  const whole = readFileSync(file, 'utf8');
  const told = async (found: string, wrong: string, ...args: string[]) => {
    expect(whole).toContain(found);
    writeFileSync(file, whole.replace(found, wrong));
    const { code, output } = await called(args, relative(root, join(copy, 'dist/src/main.js')));
    expect(code).toBe(78);
    expect(output).not.toContain('    at ');
    return output.replace(`${copy}/`, '').trim();
  };
  const line = 'turnstile: machines/access.machine.ts: machine "access"';
  expect(await told("target: 'topic_selected'", "target: 'topic_slected'", 'check')).toBe(
    `${line}, state "paid": a transition leads to "topic_slected", which is no state of "access". Did you mean "topic_selected"?`,
  );
  expect(await told("target: '.idle'", "target: '.idel'", '--help')).toBe(
    `${line}: a transition leads to "idel", which is no state of "access". Did you mean "idle"?`,
  );
  expect(await told("target: '.idle'", "target: 'idle'", 'machines')).toBe(
    `${line}: a transition of the machine itself leads to "idle"; write ".idle".`,
  );
  expect(await told("target: '.idle'", "target: '#paidd'", 'check')).toBe(
    `${line}: a transition leads to "#paidd", which is the id of no state. Did you mean "paid"?`,
  );
  expect(await told("initial: 'idle'", "initial: 'idel'", 'check')).toMatch(
    'Machine "access" cannot run durably:\n  - state "access": initial "idel" is none of its states. Did you mean "idle"?',
  );
});
