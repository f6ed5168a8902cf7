import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Edit } from '../support/content.ts';
import { problemsAfter, problemsIn, quiz, quizNeeds } from '../support/quiz.ts';

describe('a slip in the syntax is named at the line where it began, alone', () => {
  it.each<[string, file: string, from: string, to: string, expected: string, found: string, after?: number]>([
    ['no space', 'bot.yaml', 'length: 3', 'length:4', 'a space after the colon: "length: 4"', '"length:4"'],
    [
      'no space, at the first key',
      'bot.yaml',
      '  name: quick',
      '  name:quick',
      'a space after the colon: "name: quick"',
      '"name:quick"',
    ],
    [
      'no space, at the top',
      'bot.yaml',
      'default_language: en',
      'default_language:en',
      'a space after the colon: "default_language: en"',
      '"default_language:en"',
    ],
    ['no colon', 'bot.yaml', 'length: 3', 'length 3', 'a colon after the key: "length: 3"', '"length 3"'],
    [
      'no colon after a heading',
      'bot.yaml',
      '\ndelays:',
      '\ndelays',
      'a colon after the key: "delays:"',
      '"delays"',
    ],
    [
      'no colon after a message',
      'messages.yaml',
      '\nwelcome:',
      '\nwelcome',
      'a colon after the key: "welcome:"',
      '"welcome"',
    ],
    [
      'no colon after a message of one line',
      'messages.yaml',
      '\nscore:',
      '\nscore',
      'a colon after the key: "score:"',
      '"score"',
    ],
    ['an unclosed quote', 'bot.yaml', 'name: quick', 'name: "quick', 'a closing "', '"name: \\"quick"'],
    ['an unclosed apostrophe', 'bot.yaml', 'name: quick', "name: 'quick", "a closing '", `"name: 'quick"`],
    ['a tab', 'bot.yaml', '  length: 3', '\tlength: 3', 'spaces before it, not a tab', '"length: 3"'],
    [
      'a space too many',
      'bot.yaml',
      '  name: quick',
      '   name: quick',
      'as many spaces before it as before its neighbours',
      '"name: quick"',
    ],
    [
      'no space after a dash',
      'bot.yaml',
      '- id: easy',
      '-id: easy',
      'a space after the dash: "- id: easy"',
      '"-id: easy"',
    ],
    [
      'a brace',
      'messages.yaml',
      'event: round.started}',
      'event: round.started',
      'a closing }',
      '"- {label: button-play, event: round.started"',
    ],
    [
      'a bracket',
      'messages.yaml',
      'card-3.$language.png]',
      'card-3.$language.png',
      'a closing ]',
      '"album: [card-1.$language.png, card-2.$language.png, card-3.$language.png"',
    ],
    [
      'an alias',
      'bot.yaml',
      'name: quick',
      'name: *quick',
      'quotes around a value that begins with "*"',
      '"name: *quick"',
    ],
    [
      'a sign that YAML keeps',
      'bot.yaml',
      'host:',
      'host: @me',
      'quotes around a value that begins with such a sign',
      '"host: @me"',
    ],
    [
      'a colon within a value',
      'bot.yaml',
      'name: quick',
      'name: my: quick',
      'quotes around a value with a colon in it',
      '"name: my: quick"',
    ],
    [
      'a space too few',
      'bot.yaml',
      '  name: quick',
      ' name: quick',
      'as many spaces before it as before its neighbours',
      '"name: quick"',
    ],
    [
      'a space too few in a list',
      'bot.yaml',
      '    intro: intro_easy',
      '   intro: intro_easy',
      'as many spaces before it as before its neighbours',
      '"intro: intro_easy"',
    ],
    [
      'no colon after a dash',
      'bot.yaml',
      '- id: easy',
      '- id easy',
      'a colon after the key: "id: easy"',
      '"- id easy"',
    ],
    [
      'a brace too many',
      'messages.yaml',
      'event: round.started}',
      'event: round.started}}',
      'no } without a {',
      '"- {label: button-play, event: round.started}}"',
    ],
    [
      'no comma',
      'messages.yaml',
      'label: button-play, event',
      'label: button-play event',
      'a comma between the settings in braces',
      '"- {label: button-play event: round.started}"',
    ],
    [
      'a word after a quote',
      'bot.yaml',
      'name: quick',
      'name: "quick"er',
      'a space, or nothing, after the closing quote',
      '"name: \\"quick\\"er"',
    ],
    [
      'another sign that YAML keeps',
      'bot.yaml',
      'name: quick',
      'name: !quick quiz',
      'quotes around a value that begins with such a sign',
      '"name: !quick quiz"',
    ],
    [
      'two versions that were not joined',
      'bot.yaml',
      '# How it is played.',
      '<<<<<<< mine',
      'one of two versions, without the lines that part them',
      '"<<<<<<< mine"',
    ],
    ['a line that parts', 'bot.yaml', '# How it is played.', '---', 'no line "---"', '"---"'],
    [
      'what has no words of its own',
      'bot.yaml',
      'name: quick',
      'name: | quick',
      'valid YAML (Not a YAML token: quick)',
      '"name: | quick"',
    ],
  ])('%s', async (_, file, from, to, expected, found) => {
    const folder = await quiz([file, from, to]);
    const source = await readFile(join(folder, file), 'utf8');
    const line = source.slice(0, source.indexOf(to) + to.length).split('\n').length;
    expect(await problemsIn(folder, quizNeeds)).toEqual([
      `${file}:${line}: expected ${expected}, found ${found}`,
    ]);
  });

  it('within braces, where it makes another key', async () => {
    const lines = await problemsAfter(['messages.yaml', '{label: button-play', '{label:button-play']);
    expect(lines).toContainEqual(
      expect.stringMatching(/^messages\.yaml:\d+ .*: expected a space after the colon: "label: button-play"/),
    );
  });
});

describe('a file that is not UTF-8 is told in one line', () => {
  const rewrite = async (file: string, encode: (text: string) => Buffer) => {
    const folder = await quiz();
    const path = join(folder, file);
    await writeFile(path, encode(await readFile(path, 'utf8')));
    return problemsIn(folder, quizNeeds);
  };
  const saving = 'expected a file saved as UTF-8 (in an editor: Save as, Encoding: UTF-8), found';
  /** Windows-1251 has the Russian alphabet from 0xC0 on. */
  const cyrillic = (text: string) =>
    Buffer.from(
      [...text].map((sign) => {
        const code = sign.codePointAt(0) ?? 0;
        return code < 128 ? code : code >= 0x410 && code <= 0x44f ? code - 0x350 : 0x3f;
      }),
    );

  it.each(['locales/ru.ftl', 'locales/en.ftl', 'bot.yaml', 'messages.yaml'])('UTF-16: %s', async (file) => {
    const lines = [`${file}: ${saving} UTF-16`];
    expect(await rewrite(file, (text) => Buffer.from(`\ufeff${text}`, 'utf16le'))).toEqual(lines);
    expect(await rewrite(file, (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16())).toEqual(lines);
    expect(await rewrite(file, (text) => Buffer.from(text, 'utf16le'))).toEqual(lines);
  });

  it('Windows-1251, at its first letter', async () => {
    expect(await rewrite('locales/ru.ftl', cyrillic)).toEqual([
      `locales/ru.ftl:1: ${saving} letters of another encoding, such as Windows-1251`,
    ]);
    expect(
      await rewrite('bot.yaml', (text) => cyrillic(text.replace('# How it is played.', '# Товар'))),
    ).toEqual([`bot.yaml:3: ${saving} letters of another encoding, such as Windows-1251`]);
  });

  it.each(['locales/ru.ftl', 'bot.yaml', 'messages.yaml'])(
    'a byte order mark is no mistake: %s',
    async (file) => {
      expect(await rewrite(file, (text) => Buffer.from(`\ufeff${text}`))).toEqual([]);
    },
  );
});

it('what is right over several lines is not taken for the slip', async () => {
  const folder = await quiz(
    ['messages.yaml', '[card-1.$language.png, ', '[card-1.$language.png,\n    '],
    ['messages.yaml', '\nscore:', '\nscore'],
  );
  const [line, ...others] = await problemsIn(folder, quizNeeds);
  expect(line).toMatch(/^messages\.yaml:\d+: expected a colon after the key: "score:", found "score"$/);
  expect(others).toEqual([]);
});

describe('a file that cannot be read brings no noise from others', () => {
  const borrowing: Edit[] = [
    ['locales/ru.ftl', 'button-again', 'button-old'],
    ['locales/en.ftl', 'clip =', 'klip ='],
  ];
  const incomplete = async (...edits: Edit[]) => {
    const folder = await quiz(...borrowing, ...edits);
    await rm(join(folder, 'media/card-2.ru.png'));
    return folder;
  };
  const files = (lines: readonly string[]) => lines.map((line) => line.split(/[: ]/)[0]);

  it.each<Edit>([
    ['bot.yaml', 'length: 3', 'length:3'],
    ['messages.yaml', '\nwelcome:', '\nwelcome'],
  ])('%s', async (file, from, to) => {
    expect(files(await problemsIn(await incomplete([file, from, to]), quizNeeds))).toEqual([file]);
  });

  it.each(['locales/ru.ftl', 'locales/en.ftl'])('%s', async (file) => {
    const folder = await incomplete();
    await writeFile(join(folder, file), Buffer.from('# \ufeff', 'utf16le'));
    expect(files(await problemsIn(folder, quizNeeds))).toEqual([file]);
  });
});
