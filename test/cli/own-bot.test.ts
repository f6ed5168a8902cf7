import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startSandbox } from '../../src/sandbox/index.ts';
import { dataDir, run, variablesFor } from '../support/process.ts';

// Each line of these tests starts the program anew.
vi.setConfig({ testTimeout: 60_000 });

const root = resolve(import.meta.dirname, '../..');

/** The quiz in a folder of its own, with the package and XState installed beside it. */
function project(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'turnstile-quiz-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'examples/quiz'), folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/turnstile'));
  symlinkSync(join(root, 'node_modules/xstate'), join(folder, 'node_modules/xstate'));
  return folder;
}

async function call(folder: string, args: readonly string[], variables: Record<string, string> = {}) {
  const program = run(args, variables, 'dist/src/main.js', folder);
  return { code: await program.ended, output: program.output() };
}

function edit(folder: string, name: string, from: string, to: string): void {
  const text = readFileSync(join(folder, name), 'utf8');
  expect(text).toContain(from);
  writeFileSync(join(folder, name), text.replace(from, to));
}

test('the bot of the current folder is checked, drawn and previewed; the club’s commands say that they are the club’s', async () => {
  const folder = project();
  expect(await call(folder, ['check'])).toEqual({
    code: 0,
    output:
      'ok machines: quiz\nok content in en, ru: 18 messages\nBOT_TOKEN is not set yet; `start` will need it.\n',
  });
  expect(JSON.parse((await call(folder, ['check', '--json'])).output)).toMatchObject({
    machines: [{ id: 'quiz' }],
    languages: ['en', 'ru'],
    warnings: [],
  });
  expect((await call(folder, ['machines'])).output).toMatch(/^stateDiagram-v2\n[\s\S]*question_time/);
  const preview = await call(folder, ['preview', 'question_2', '--language', 'ru']);
  expect(preview.output).toBe('2. Сколько струн у скрипки?\n[ Четыре ]\n[ Пять ]\n[ Шесть ]\n');
  for (const command of ['payments', 'members', 'door', 'prove'])
    expect(await call(folder, [command])).toMatchObject({
      code: 66,
      output: expect.stringContaining(`“turnstile ${command}” is about the club alone, and the bot here is`),
    });
});

test('the demo plays the bot of the current folder; what it would sell is the club’s', async () => {
  const folder = project();
  expect(await call(folder, ['demo', '--script'])).toMatchObject({
    code: 66,
    output: expect.stringContaining('play the club alone'),
  });
  const demo = run(['demo'], { DATA_DIR: dataDir() }, 'dist/src/main.js', folder);
  await expect.poll(demo.output, { timeout: 20_000 }).toContain('Turnstile, played locally');
  const [, address = ''] = /The chat page: (\S+)/.exec(demo.output()) ?? [];
  expect((await fetch(`${address}/page/machines/quiz.svg`)).status).toBe(200);
  await demo.kill('SIGINT');
});

test('TURNSTILE_BOT names the bot from any folder; without one, the bot is the club', async () => {
  const folder = project();
  const content = { CONTENT_DIR: join(folder, 'content') };
  const named = await call(root, ['check'], { TURNSTILE_BOT: join(folder, 'bot.ts'), ...content });
  expect(named.output).toContain('ok machines: quiz');
  cpSync(join(folder, 'bot.ts'), join(folder, 'plain.mjs'));
  const plain = await call(root, ['check'], { TURNSTILE_BOT: join(folder, 'plain.mjs'), ...content });
  expect(plain.output).toContain('ok machines: quiz');
  expect((await call(root, ['check'])).output).toContain('ok machines: access, membership');
  expect(await call(root, ['check'], { TURNSTILE_BOT: 'nowhere/bot.ts' })).toEqual({
    code: 78,
    output: `turnstile: TURNSTILE_BOT: expected the file of a bot, found nothing at ${root}/nowhere/bot.ts\n`,
  });
});

test('what is wrong with a bot is told with its file and line', async () => {
  const whole = readFileSync(join(root, 'examples/quiz/bot.ts'), 'utf8');
  const folder = project();
  const told = async (text: string, name = 'bot.ts') => {
    writeFileSync(join(folder, name), text);
    const { code, output } = await call(folder, ['check']);
    expect({ code, output }).toMatchObject({ code: 78 });
    expect(output).not.toContain('    at ');
    return output.trim().replace(/^turnstile: /, '');
  };
  expect(await told(`${whole}let odd = ;\n`)).toBe('bot.ts:9: Expression expected');
  expect(await told(`enum Level { Easy }\n${whole}`)).toBe(
    'bot.ts:1: TypeScript enum is not supported in strip-only mode',
  );
  expect(await told(whole.replace("'./quiz.machine.ts'", "'./quizz.machine.ts'"))).toMatch(
    /^bot\.ts:2: Cannot find module/,
  );
  expect(await told(whole.replace("'turnstile/telegram'", "'turnstyle/telegram'"))).toMatch(
    /^bot\.ts:1: Cannot find package 'turnstyle'/,
  );
  expect(await told(whole.replace('{ quizMachine }', '{ quizMashine }'))).toMatch(
    /^bot\.ts:2: The requested module '\.\/quiz\.machine\.ts' does not provide an export named 'quizMashine'/,
  );
  expect(await told(whole.replace('export default', 'undefined.x;\nexport default'))).toMatch(
    /^bot\.ts:4: Cannot read properties of undefined/,
  );
  expect(await told(whole.replace('export default', 'export const bot ='))).toMatch(
    /bot\.ts: expected “export default defineBot.*found no default export$/,
  );
  rmSync(join(folder, 'bot.ts'));
  expect(await told('\nexport default {;', 'bot.js')).toMatch(/^bot\.js:2: /);
  expect(await told('export default 5;', 'bot.js')).toMatch(/found something else$/);
});

test('a machine, its actions and its content are checked by name', async () => {
  const folder = project();
  edit(folder, 'quiz.machine.ts', "target: 'choosing' },", "target: 'chosing' },");
  expect((await call(folder, ['check'])).output).toBe(
    'turnstile: quiz.machine.ts: machine "quiz", state "turning": a transition leads to "chosing", which is no state of "quiz". Did you mean "choosing"?\n',
  );
  edit(folder, 'quiz.machine.ts', "target: 'chosing' },", "target: 'choosing' },");
  edit(folder, 'quiz.machine.ts', 'begin: assign({ question: 0, score: 0 }),', 'begin: () => {},');
  expect((await call(folder, ['check'])).output).toContain('nobody performs the action "begin"');
  edit(folder, 'quiz.machine.ts', 'begin: () => {},', 'begin: assign({ question: 0, score: 0 }),');
  edit(folder, 'content/messages.yaml', 'question_7:', 'question_77:');
  expect((await call(folder, ['check'])).output).toContain('question_7');
});

test('a quiz is started, killed in the middle of a question, started again, looked at, and told of new words', async () => {
  const folder = project();
  const sandbox = await startSandbox({ strict: true });
  onTestFinished(() => sandbox.close());
  const variables = variablesFor(sandbox);
  const start = async (offset = 0) => {
    const bot = run(
      ['start'],
      { ...variables, TURNSTILE_CLOCK_OFFSET: String(offset) },
      'dist/src/main.js',
      folder,
    );
    await bot.logged('ready');
    return bot;
  };
  const first = await start();
  const anna = sandbox.user({ firstName: 'Anna' });
  anna.says('/start');
  await anna.sees('Hello, Anna!');
  anna.presses('Play');
  await anna.sees(/^1\. /);
  expect(await first.kill('SIGKILL')).toBe('SIGKILL');
  anna.presses('Jupiter');
  await start();
  await anna.sees('Right!', 20_000);
  await anna.sees(/^2\. /);

  expect((await call(folder, ['status'], variables)).output).toMatch(/quiz\n[\s\S]*asking +1\n/);
  const { output } = await call(folder, ['chat', String(anna.id), '--json'], variables);
  expect(JSON.parse(output)).toMatchObject({
    sessions: [{ state: 'asking', context: { question: 2, score: 1 }, timers: [{ name: 'question_time' }] }],
  });
  edit(folder, 'content/locales/en.ftl', 'You have { points }.', 'So far: { points }.');
  expect((await call(folder, ['reload'], variables)).output).toContain('the bot takes it now');
  await expect
    .poll(async () => {
      anna.says('/score');
      return (await anna.sees(/You have|So far/)).text;
    })
    .toBe('So far: 1 point.');
});
