import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { onTestFinished } from 'vitest';
import { type Content, loadContent } from '../../src/content/content.ts';
import { type Examination, type Needs, sections } from '../../src/content/needs.ts';
import { describeProblem } from '../../src/content/problem.ts';
import { fields, whole } from '../../src/content/shape.ts';
import { type Edit, editContent } from './content.ts';

/** The content of a bot that has nothing to do with a club. */
const files: Readonly<Record<string, string>> = {
  'bot.yaml': `# The quiz.
default_language: en
# How it is played.
round:
  length: 3
  name: quick
  host:
delays:
  hurry: 5m
  next_round: 24h
levels:
  - id: easy
    intro: intro_easy
  - id: hard
    intro: intro_hard
`,
  'messages.yaml': `# What the quiz says.
welcome:
  buttons:
    - {label: button-play, event: round.started}
    - levels: true
question:
  buttons:
    - [{label: button-yes, event: answer.given, value: "yes"}, {label: button-no, event: answer.given, value: "no"}]
    - {label: button-rules, url: https://example.com/$language/rules}
    - {label: button-again, event: round.started, when: finished}
    - {label: button-friends, link: friends}
clip:
  video: clip.mp4
cards:
  album: [card-1.$language.png, card-2.$language.png, card-3.$language.png]
score:
notice:
  plain: true
intro_easy:
intro_hard:
`,
  'locales/en.ftl': `# The words of the quiz.
welcome =
    Welcome to the quiz, <b>{ $name }</b>!
    { rules }
    1. Read the question.
    2. Answer it.
rules = Three questions, { level-easy } or { level-hard }.
question = Is a tomato a fruit?
clip = Look closely.
cards = Which of these?
score = You have { $score ->
    [one] one point
   *[other] { $score } points
}.
notice = Too late.
intro-easy = Here we go.
intro-hard = Take care.
button-play = Play
button-yes = Yes
button-no = No
button-rules = The rules
button-again = Once more
button-friends = Friends
level-easy = Easy
level-hard = Hard
command-play = Play a round
command-host = Ask the host
`,
  'locales/ru.ftl': `# Слова викторины.
welcome = Добро пожаловать, <b>{ $name }</b>! { rules }
rules = Три вопроса, { level-easy } или { level-hard }.
question = Помидор — это фрукт?
clip = Смотрите внимательно.
cards = Какая из них?
score = У вас { $score ->
    [one] { $score } очко
    [few] { $score } очка
   *[other] { $score } очков
}.
notice = Поздно.
intro-easy = Начали.
intro-hard = Осторожно.
button-play = Играть
button-yes = Да
button-no = Нет
button-rules = Правила
button-again = Ещё раз
button-friends = Друзья
level-easy = Просто
level-hard = Сложно
command-play = Сыграть
command-host = Спросить ведущего
`,
};

export interface QuizSettings {
  readonly length: number;
  readonly host: number | null;
  readonly levels: readonly string[];
}

const level = fields({ id: v.string('an id'), intro: v.string('the name of a message') }, 'id and intro');

/** What the quiz asks of its content. */
export const quizNeeds = {
  messages: ['welcome', 'question', 'clip', 'cards', 'score', 'notice'],
  delays: ['hurry', 'next_round'],
  events: ['round.started', 'answer.given', 'level.chosen'],
  variables: { name: 64, score: 3 },
  texts: { rules: { as: 'the rules', most: 100 } },
  commands: [{ name: 'play' }, { name: 'host', isShown: ({ host }) => host !== null }],
  rows: {
    levels: ({ levels }) => levels.map((id) => ({ label: `level-${id}`, data: `level.chosen:${id}` })),
  },
  links: ['friends'],
  conditions: ['finished'],
  settings: sections(
    {
      round: fields(
        {
          length: whole(1, 20, 'a whole number of questions from 1 to 20'),
          name: v.string('a name'),
          host: v.optional(v.nullable(v.number('a user id, or nothing'))),
        },
        '“length: 3” in a line of its own below it, indented by two spaces',
      ),
      levels: v.array(level, 'a list of levels'),
    },
    {
      examine: ({ levels = [] }): Examination => ({
        problems: levels.flatMap(({ id }, index) =>
          id === ''
            ? [{ path: ['levels', index, 'id'], expected: 'an id that says something', found: id }]
            : [],
        ),
        messages: levels.map(({ intro: name }, index) => ({
          path: ['levels', index, 'intro'],
          name,
          by: 'a level',
        })),
        texts: levels.map(({ id }, index) => ({
          path: ['levels', index],
          key: `level-${id}`,
          as: 'a label',
          most: 64,
        })),
      }),
      read: ({ round, levels }): QuizSettings => ({
        length: round.length,
        host: round.host ?? null,
        levels: levels.map(({ id }) => id),
      }),
    },
  ),
} satisfies Needs<QuizSettings>;

/** A content folder of the test's own with these files below it; one that is null is left out. */
export async function folderOf(contents: Readonly<Record<string, string | Buffer | null>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'content-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(contents)) {
    if (content === null) continue;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The quiz's folder with some places changed. */
export async function quiz(...edits: Edit[]): Promise<string> {
  const folder = await folderOf(files);
  await cp('content/media/traps.mp4', join(folder, 'media/clip.mp4'));
  for (const number of [1, 2, 3])
    for (const language of ['en', 'ru'])
      await cp(
        `content/media/rhythm-${number}.${language}.png`,
        join(folder, `media/card-${number}.${language}.png`),
      );
  await editContent(folder, ...edits);
  return folder;
}

/** What is wrong with a folder, one line each, with paths as from within it. */
export async function problemsIn<Settings>(folder: string, needs: Needs<Settings>): Promise<string[]> {
  const loaded = await loadContent(folder, needs);
  return 'problems' in loaded
    ? loaded.problems.map((problem) => describeProblem(problem).replaceAll(`${folder}/`, ''))
    : [];
}

/** What is wrong with the quiz once some places are changed. */
export const problemsAfter = async (...edits: Edit[]) => problemsIn(await quiz(...edits), quizNeeds);

/** What could be better in a folder that loads. */
export async function warningsIn<Settings>(folder: string, needs: Needs<Settings>): Promise<string[]> {
  const loaded = await loadContent(folder, needs);
  if ('problems' in loaded) throw new Error(loaded.problems.map(describeProblem).join('\n'));
  return loaded.warnings.map((one) => describeProblem(one).replaceAll(`${folder}/`, ''));
}

/** @throws Error naming every problem of the folder */
export async function loaded<Settings>(folder: string, needs: Needs<Settings>): Promise<Content<Settings>> {
  const found = await loadContent(folder, needs);
  if ('problems' in found) throw new Error(found.problems.map(describeProblem).join('\n'));
  return found.content;
}
