import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findEmbeddedRedis, startEmbeddedRedis } from '../../src/runtime/redis/server.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { run } from '../support/process.ts';

const root = resolve(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/your-first-conversation.md'), 'utf8');

/** Where everything is made. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'turnstile-package-')));
const project = join(folder, 'first-bot');
const archive = () => join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none');

/** A person's own shell: nothing of the test's environment, and npm asks its cache first. */
const env = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NO_COLOR: '1',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_prefer_offline: 'true',
  npm_config_update_notifier: 'false',
};

function shell(command: string, cwd: string): string {
  const done = spawnSync('sh', ['-ec', command], { cwd, encoding: 'utf8', env });
  const output = `${done.stdout}${done.stderr}`;
  expect(done, `${command}\n${output}`).toMatchObject({ status: 0 });
  return output;
}

type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'commands'; readonly text: string; readonly shows: readonly string[] };

/** The guide as its reader follows it: a block under a file's name is that file; another one of `sh` is typed. */
function stepsOf(text: string): Step[] {
  const blocks = text.matchAll(/(?:^`([\w./-]+)`\n\n)?^```(\w+)\n([\s\S]*?)^```$/gm);
  const steps: Step[] = [];
  for (const [, name, kind, body = ''] of blocks) {
    const last = steps.at(-1);
    if (name !== undefined) steps.push({ kind: 'file', name, text: body });
    else if (kind === 'sh') steps.push({ kind: 'commands', text: body, shows: [] });
    else if (kind === 'text' && last?.kind === 'commands')
      steps[steps.length - 1] = { ...last, shows: body.trim().split('\n') };
    else throw new Error(`Expected a file's name above this block, or what a command shows:\n${body}`);
  }
  return steps;
}

const steps = stepsOf(guide);
const isStart = (step: Step) => step.kind === 'commands' && step.text === 'npx turnstile start\n';

function follow(step: Step): void {
  if (step.kind === 'file') {
    mkdirSync(dirname(join(project, step.name)), { recursive: true });
    writeFileSync(join(project, step.name), step.text);
    return;
  }
  const output = shell(step.text.replace('/path/to/turnstile-0.1.0.tgz', archive()), project);
  for (const line of step.shows) expect(output, step.text).toContain(line);
}

beforeAll(() => {
  mkdirSync(project);
  shell(`npm pack --silent --pack-destination ${folder}`, root);
  follow(steps[0] as Step);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the archive holds what runs, and nothing is built or installed where it is used', () => {
  const installed = join(project, 'node_modules/turnstile');
  expect(readdirSync(installed).sort()).toEqual(
    ['README.md', 'bin', 'content', 'dist', 'docs', 'machines', 'package.json', 'src'].sort(),
  );
  expect(
    readdirSync(join(installed, 'src'), { recursive: true }).filter((name) => /\.ts$/.test(String(name))),
  ).toEqual([]);
  expect(readdirSync(join(installed, 'dist')).sort()).toEqual(['machines', 'page', 'src']);
  shell('npx turnstile check', project);
  expect(existsSync(join(installed, 'node_modules'))).toBe(false);
});

test('the guide to a first conversation, followed word by word', async () => {
  const start = steps.findIndex(isStart);
  expect(start).toBeGreaterThan(8);
  for (const step of steps.slice(1, start)) follow(step);
  expect(readdirSync(join(project, 'pictures'))).toEqual(['quiz.svg']);

  const sandbox = await startSandbox();
  try {
    const variables = { BOT_TOKEN: sandbox.token, TELEGRAM_API_ROOT: sandbox.url };
    const main = 'node_modules/turnstile/bin/turnstile.mjs';
    const bot = run(['start'], variables, join(project, main), project);
    await bot.logged('ready');
    const anna = sandbox.user({ firstName: 'Anna' });
    anna.says('/start');
    await anna.sees('Hello, Anna!');
    anna.presses('Play');
    await anna.sees('Which planet');
    await bot.kill('SIGKILL');
    const again = run(['start'], variables, join(project, main), project);
    await again.logged('ready');
    anna.presses('Jupiter');
    await anna.sees('Right!', 20_000);
    for (const step of steps.slice(start + 1)) follow(step);
    expect(await again.kill('SIGTERM')).toBe(0);
  } finally {
    await sandbox.close();
    const data = join(project, 'data');
    if ((await findEmbeddedRedis(data)) !== null) await (await startEmbeddedRedis(data)).stop();
  }
}, 60_000);

test('the example in TypeScript compiles against the package, and is read by it as it is', () => {
  const example = join(folder, 'quiz');
  cpSync(join(root, 'examples/quiz'), example, { recursive: true });
  rmSync(join(example, 'quiz.test.ts'));
  symlinkSync(join(project, 'node_modules'), join(example, 'node_modules'));
  symlinkSync(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'));
  const compilerOptions = {
    ...{ strict: true, module: 'nodenext', target: 'es2023', types: ['node'], noEmit: true },
    ...{ allowImportingTsExtensions: true, skipLibCheck: true },
  };
  writeFileSync(join(example, 'package.json'), '{"type":"module"}');
  writeFileSync(join(example, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(
    join(example, 'faces.ts'),
    `import { loadContent } from 'turnstile/content';
import { prepareMachine, SystemClock } from 'turnstile/runtime';
import { startSandbox } from 'turnstile/sandbox';
import { edits, polls, startBot } from 'turnstile/telegram';
import quiz from './bot.ts';
const { id }: { id: string } = prepareMachine(quiz.machines[0]!, {}, { language: 'en' });
export const all: unknown[] = [id, loadContent, new SystemClock(), startSandbox, startBot, edits, polls];
// @ts-expect-error The types are there: a number is no definition.
startBot(7);
`,
  );
  shell(`${process.execPath} ${join(root, 'node_modules/typescript/bin/tsc')} -p .`, example);
  expect(shell('npx turnstile check', example)).toContain('ok machines: quiz');
}, 60_000);

test('the sandbox needs no other package', () => {
  const alone = join(folder, 'alone');
  cpSync(join(project, 'node_modules/turnstile'), join(alone, 'node_modules/turnstile'), { recursive: true });
  const play = `
    const { startSandbox } = await import('turnstile/sandbox');
    const sandbox = await startSandbox();
    const answer = await fetch(sandbox.url + '/bot' + sandbox.token + '/getMe');
    console.log(await answer.text());
    await sandbox.close();`;
  writeFileSync(join(alone, 'play.mjs'), play);
  expect(shell(`${process.execPath} play.mjs`, alone)).toContain('"ok":true');
});
