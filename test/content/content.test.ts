import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, loaded, problemsAfter, problemsIn, quiz, quizNeeds, warningsIn } from '../support/quiz.ts';

describe('a bot with settings, rows, variables and commands of its own', () => {
  it('is loaded without a word about it', async () => {
    const folder = await quiz();
    expect([await problemsIn(folder, quizNeeds), await warningsIn(folder, quizNeeds)]).toEqual([[], []]);
    const content = await loaded(folder, quizNeeds);
    const { settings, delays, languages, defaultLanguage, commands } = content;
    expect(settings).toEqual({ length: 3, host: null, levels: ['easy', 'hard'] });
    expect(delays).toEqual({ hurry: 300_000, next_round: 86_400_000 });
    expect([languages, defaultLanguage]).toEqual([['en', 'ru'], 'en']);
    expect(commands).toEqual(['play']);
    expect([...content.buttonData].sort()).toEqual([
      'answer.given:no',
      'answer.given:yes',
      'level.chosen:easy',
      'level.chosen:hard',
      'round.started',
    ]);
    expect(content.messages.get('welcome')?.rows).toEqual([
      [{ label: 'button-play', data: 'round.started' }],
      [{ label: 'level-easy', data: 'level.chosen:easy' }],
      [{ label: 'level-hard', data: 'level.chosen:hard' }],
    ]);
  });

  it('shows a command by its settings', async () => {
    const content = await loaded(await quiz(['bot.yaml', 'host:', 'host: 7']), quizNeeds);
    expect(content.commands).toEqual(['play', 'host']);
  });

  it.each<[string, from: string, to: string, line: string]>([
    [
      'a setting of the wrong kind',
      'length: 3',
      'length: 3.5',
      'bot.yaml:5 round.length: expected a whole number of questions from 1 to 20, found 3.5',
    ],
    [
      'a misspelt setting',
      'length: 3',
      'lenght: 3',
      'bot.yaml:5 round.lenght: expected one of length, name, host (did you mean "length"?), found "lenght"',
    ],
    [
      'a section that the bot does not have',
      'delays:',
      'product:\n  id: club\ndelays:',
      'bot.yaml:8 product: expected one of default_language, round, levels, delays, found "product"',
    ],
    [
      'what only the bot itself can tell',
      'id: easy',
      'id: ""',
      'bot.yaml:12 levels.0.id: expected an id that says something, found nothing'.replace('nothing', '""'),
    ],
    [
      'a message that is not there',
      'intro: intro_hard',
      'intro: intro_herd',
      'bot.yaml:15 levels.1.intro: expected a message of messages.yaml (did you mean "intro_hard"?), found "intro_herd"',
    ],
    [
      'a delay that nothing uses',
      'hurry: 5m',
      'hury: 5m',
      'bot.yaml:9 delays.hury: expected one of hurry, next_round (did you mean "hurry"?), found "hury"',
    ],
    [
      'a delay without a unit',
      'hurry: 5m',
      'hurry: 5',
      'bot.yaml:9 delays.hurry: expected a time such as 5m or 24h (units: ms, s, m, h, d), more than 0 and at most 366d, found 5',
    ],
    [
      'a language without texts',
      'default_language: en',
      'default_language: de',
      'bot.yaml:2 default_language: expected one of en, ru, which have a file in locales/, found "de"',
    ],
    [
      'no language where there are two',
      'default_language: en',
      'default_language:',
      'bot.yaml:2 default_language: expected a language that has a file in locales/, found nothing',
    ],
  ])('%s is named with its line', async (_, from, to, line) => {
    expect(await problemsAfter(['bot.yaml', from, to])).toContain(line);
  });

  it('a section that is not there shows the way to write it', async () => {
    const folder = await quiz(['bot.yaml', 'round:\n  length: 3\n  name: quick\n  host:\n', '']);
    expect(await problemsIn(folder, quizNeeds)).toEqual([
      'bot.yaml:2 round: expected “length: 3” in a line of its own below it, indented by two spaces, found nothing',
    ]);
    await writeFile(join(folder, 'bot.yaml'), '');
    expect(await problemsIn(folder, quizNeeds)).toEqual([
      'bot.yaml:1 round: expected “length: 3” in a line of its own below it, indented by two spaces, found nothing',
      'bot.yaml:1 levels: expected a list of levels, found nothing',
      'bot.yaml:1 default_language: expected a language that has a file in locales/, found nothing',
    ]);
    await rm(join(folder, 'bot.yaml'));
    expect(await problemsIn(folder, quizNeeds)).toEqual([
      'bot.yaml: expected a file that can be read, found ENOENT',
    ]);
  });

  it('a text that its settings or the bot itself name is missed, with the place that names it', async () => {
    expect(
      await problemsAfter(
        ['locales/en.ftl', 'level-hard = Hard', ''],
        ['locales/en.ftl', '{ level-hard }', ''],
        ['locales/en.ftl', 'command-play = Play a round', ''],
      ),
    ).toEqual([
      'locales/en.ftl command-play: expected the description of a command, found nothing',
      'locales/en.ftl level-hard: expected a label, used in bot.yaml:14, found nothing',
    ]);
  });

  it('what sends a message is named by its own word', async () => {
    const folder = await quiz(
      ['messages.yaml', 'notice:', 'farewell:\nnotice:'],
      ['locales/en.ftl', 'notice =', 'farewell = Bye\nnotice ='],
      ['locales/ru.ftl', 'notice =', 'farewell = Пока\nnotice ='],
    );
    expect(await warningsIn(folder, quizNeeds)).toEqual([
      'messages.yaml:17 farewell: expected a message that a conversation or a level sends, found one that nothing sends',
    ]);
  });
});

describe('a bot that needs next to nothing', () => {
  const bare = { 'messages.yaml': 'hello:\n', 'locales/en.ftl': 'hello = Hello\n' };

  it('has no bot.yaml: its only language is the default one', async () => {
    const content = await loaded(await folderOf(bare), {});
    expect([content.defaultLanguage, content.settings, content.delays, content.commands]).toEqual([
      'en',
      undefined,
      {},
      [],
    ]);
    expect(content.format('en', 'hello')).toBe('Hello');
  });

  it('has a bot.yaml with a language and delays alone', async () => {
    const folder = await folderOf({ ...bare, 'bot.yaml': 'delays: {soon: 1m}\n' });
    expect((await loaded(folder, {})).delays).toEqual({ soon: 60_000 });
    await writeFile(join(folder, 'bot.yaml'), 'delays: {soon: 1m}\nround: {length: 3}\n');
    expect(await problemsIn(folder, {})).toEqual([
      'bot.yaml:2 round: expected one of default_language, delays, found "round"',
    ]);
  });

  it.each([
    [
      'a variable that nothing fills',
      { 'locales/en.ftl': 'hello = Hello { $name }\n' },
      'locales/en.ftl:1 hello: expected no variable: nothing fills one here, found { $name }',
    ],
    [
      'a row that nothing makes',
      { 'messages.yaml': 'hello:\n  buttons:\n    - levels: true\n' },
      'messages.yaml:3 hello.buttons.0.levels: expected one of label, event, value, when, found "levels"',
    ],
    [
      'a link that leads nowhere',
      { 'messages.yaml': 'hello:\n  buttons:\n    - {label: hello, link: friends}\n' },
      'messages.yaml:3 hello.buttons.0.link: expected one of label, event, value, when, found "link"',
    ],
    [
      'a condition that nothing tells',
      { 'messages.yaml': 'hello:\n  buttons:\n    - {label: hello, event: a.b, when: finished}\n' },
      'messages.yaml:3 hello.buttons.0.when: expected nothing, found "finished"',
    ],
    [
      'no language at all',
      { 'locales/en.ftl': null },
      'locales: expected a Fluent file for each language, such as ru.ftl, found none',
    ],
  ])('is told of %s', async (_, files, line) => {
    expect(await problemsIn(await folderOf({ ...bare, ...files }), {})).toContain(line);
  });
});

describe('languages', () => {
  it.each([
    ['ru', 'ru'],
    ['en', 'en'],
    ['en-GB', 'en'],
    ['RU', 'ru'],
    ['pt-BR', 'en'],
    ['', 'en'],
    [undefined, 'en'],
  ])('Telegram’s %s is answered in %s', async (code, language) => {
    expect((await loaded(await quiz(), quizNeeds)).pickLanguage(code)).toBe(language);
  });

  it('a text that another language lacks is borrowed from the default language, with a warning', async () => {
    const folder = await quiz(['locales/ru.ftl', 'clip =', 'klip =']);
    const { format } = await loaded(folder, quizNeeds);
    expect(format('ru', 'clip')).toBe('Look closely.');
    expect(await warningsIn(folder, quizNeeds)).toEqual([
      'locales/ru.ftl clip: expected a caption, used in messages.yaml:12 (did you mean "klip"?), found nothing; people read the text of en',
      'locales/ru.ftl:5 klip: expected a text that a message or another text uses (did you mean "clip"?), found one that nothing uses',
    ]);
  });

  it('a file that another language lacks is borrowed from the default language, and the warning says which', async () => {
    const folder = await quiz();
    await rm(join(folder, 'media/card-2.ru.png'));
    const { fileOf } = await loaded(folder, quizNeeds);
    expect(fileOf({ kind: 'photo', file: 'card-2.$language.png' }, 'ru')).toBe('card-2.en.png');
    expect(await warningsIn(folder, quizNeeds)).toEqual([
      'messages.yaml:15 cards.album.1: expected a file of at most 10 MB at media/card-2.ru.png, found nothing; people get media/card-2.en.png',
    ]);
  });

  it('one for which Telegram takes no menu of commands is refused, with the reason', async () => {
    const folder = await quiz();
    await writeFile(join(folder, 'locales/pt-BR.ftl'), 'welcome = Olá\n');
    await writeFile(join(folder, 'locales/fil.ftl'), 'welcome = Kumusta\n');
    const reason = 'Telegram takes a menu of commands for languages of two letters only';
    expect(await problemsIn(folder, quizNeeds)).toEqual([
      `locales/fil.ftl: expected a language of two letters: ${reason}, found "fil.ftl"`,
      `locales/pt-BR.ftl: expected pt.ftl, which people whose Telegram speaks pt-BR read as well: ${reason}, found "pt-BR.ftl"`,
    ]);
    const { commands: _, ...withoutMenu } = quizNeeds;
    expect(await problemsIn(folder, withoutMenu)).toEqual([]);
  });

  it('the default one may have any code: its menu is for all others', async () => {
    const folder = await folderOf({
      'messages.yaml': 'hello:\n',
      'locales/pt-BR.ftl': 'hello = Olá\ncommand-play = Jogar\n',
    });
    expect((await loaded(folder, { commands: [{ name: 'play' }] })).commands).toEqual(['play']);
  });

  it('a file whose name is no language is told', async () => {
    const folder = await quiz();
    await writeFile(join(folder, 'locales/english.ftl'), '');
    expect(await problemsIn(folder, quizNeeds)).toEqual([
      'locales/english.ftl: expected a language code as its name, such as ru.ftl or pt-BR.ftl, found "english.ftl"',
    ]);
  });
});

describe('format', () => {
  it('escapes variables unless the text is plain', async () => {
    const { format } = await loaded(await quiz(), quizNeeds);
    const name = '<b href="x">&';
    expect(format('ru', 'welcome', { name })).toContain('<b>&lt;b href=&quot;x&quot;&gt;&amp;</b>');
    expect(format('ru', 'welcome', { name }, true)).toContain(`<b>${name}</b>`);
  });

  it('declines numbers', async () => {
    const { format } = await loaded(await quiz(), quizNeeds);
    const say = (language: string, score: number) => format(language, 'score', { score });
    expect([1, 3, 5].map((score) => say('ru', score))).toEqual([
      'У вас 1 очко.',
      'У вас 3 очка.',
      'У вас 5 очков.',
    ]);
    expect([1, 2].map((score) => say('en', score))).toEqual(['You have one point.', 'You have 2 points.']);
  });

  it('falls back to the default language, then to the key', async () => {
    const { format } = await loaded(await quiz(), quizNeeds);
    expect([format('fr', 'button-play'), format('en', 'no-such-key')]).toEqual(['Play', 'no-such-key']);
  });
});
