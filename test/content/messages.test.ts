import { readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loaded, problemsAfter, problemsIn, quiz, quizNeeds } from '../support/quiz.ts';

it('a message that the conversation sends and nobody wrote', async () => {
  expect(await problemsAfter(['messages.yaml', '\nscore:', '\nscores:\n  text: score'])).toEqual([
    'messages.yaml score: expected an entry: the conversation uses this message (did you mean "scores"?), found nothing',
  ]);
});

it('a button, a keyboard and a poll are read as they are written', async () => {
  const folder = await quiz(
    ['messages.yaml', 'score:', 'score:\n  keyboard:\n    - [button-yes, button-no]\n    - button-rules\n'],
    [
      'messages.yaml',
      'notice:\n  plain: true',
      'notice:\n  poll: {options: [button-yes, button-no], correct: button-no, explanation: rules}',
    ],
    [
      'messages.yaml',
      'intro_easy:',
      'intro_easy:\n  keyboard: [[{label: button-play, request_contact: true}, {label: button-no, request_location: true}]]',
    ],
    [
      'messages.yaml',
      'intro_hard:',
      'intro_hard:\n  poll:\n    options: [button-yes, button-no, button-play]\n    anonymous: false\n    multiple: true',
    ],
    ['messages.yaml', 'clip:', 'clip:\n  keyboard: remove'],
  );
  const { messages } = await loaded(folder, quizNeeds);
  expect(messages.get('question')?.rows).toEqual([
    [
      { label: 'button-yes', data: 'answer.given:yes' },
      { label: 'button-no', data: 'answer.given:no' },
    ],
    [{ label: 'button-rules', url: 'https://example.com/$language/rules' }],
    [{ label: 'button-again', data: 'round.started', when: 'finished' }],
    [{ label: 'button-friends', link: 'friends' }],
  ]);
  expect(messages.get('score')?.keyboard).toEqual([
    [{ label: 'button-yes' }, { label: 'button-no' }],
    [{ label: 'button-rules' }],
  ]);
  expect(messages.get('intro_easy')?.keyboard).toEqual([
    [
      { label: 'button-play', asksFor: 'contact' },
      { label: 'button-no', asksFor: 'location' },
    ],
  ]);
  expect(messages.get('clip')?.keyboard).toBe('remove');
  expect(messages.get('notice')?.poll).toEqual({
    options: ['button-yes', 'button-no'],
    correct: [1],
    explanation: 'rules',
    isAnonymous: true,
    allowsMultiple: false,
  });
  expect(messages.get('intro_hard')?.poll).toEqual({
    options: ['button-yes', 'button-no', 'button-play'],
    isAnonymous: false,
    allowsMultiple: true,
  });
});

it.each<[string, from: string, to: string, path: string, text: string]>([
  [
    'a file that is not there',
    'video: clip.mp4',
    'video: klip.mp4',
    'clip.video',
    'a file of at most 50 MB at media/klip.mp4, found nothing',
  ],
  [
    'a misspelt setting',
    'video: clip.mp4',
    'vidoe: clip.mp4',
    'clip.vidoe',
    'one of text, plain, protect_content, video, photo, document, album, buttons, keyboard, poll (did you mean "video"?), found "vidoe"',
  ],
  [
    'a file outside of the folder',
    'video: clip.mp4',
    'video: ../bot.yaml',
    'clip.video',
    'the name of a file in media/, found "../bot.yaml"',
  ],
  [
    'two kinds of media',
    '  video: clip.mp4',
    '  video: clip.mp4\n  document: clip.mp4',
    'clip.document',
    'one of video, photo, document, album, found video and document',
  ],
  [
    'a poll with a picture',
    '  video: clip.mp4',
    '  video: clip.mp4\n  poll: {options: [button-yes]}',
    'clip.poll',
    'one of video, photo, document, album, poll, found video and poll',
  ],
  [
    'an event of the wrong form',
    'event: round.started}',
    'event: round}',
    'welcome.buttons.0.event',
    'an event such as round.started, found "round"',
  ],
  [
    'an event that no conversation takes',
    'event: round.started}',
    'event: round.startet}',
    'welcome.buttons.0.event',
    'one of round.started, answer.given, level.chosen (did you mean "round.started"?), found "round.startet"',
  ],
  [
    'a value that does not fit a button',
    'event: answer.given, value: "yes"',
    `event: answer.given, value: ${'я'.repeat(30)}`,
    'question.buttons.0.0.event',
    'event and value of at most 64 bytes together, found 73 bytes',
  ],
  [
    'a page without an address',
    'url: https://example.com/$language/rules',
    'url: example.com/rules',
    'question.buttons.1.url',
    'the address of a page, such as https://example.com, found "example.com/rules"',
  ],
  [
    'a condition that nothing tells',
    'when: finished',
    'when: finishd',
    'question.buttons.2.when',
    'finished, or nothing, found "finishd"',
  ],
  [
    'a link that nothing gives',
    'link: friends',
    'link: friend',
    'question.buttons.3.link',
    'friends, found "friend"',
  ],
  ['a row that is not true', 'levels: true', 'levels: 1', 'welcome.buttons.1.levels', 'true, found 1'],
  [
    'an album of one',
    '  album: [card-1.$language.png, card-2.$language.png, card-3.$language.png]',
    '  album: [card-1.$language.png]',
    'cards.album',
    'from 2 to 10 files, found ["card-1.$language.png"]',
  ],
  [
    'an album of pictures and documents',
    'card-2.$language.png',
    'rules.pdf',
    'cards.album',
    'documents only, or none, found ["card-1.$language.png","rules.pdf","card-3.$language.png"]',
  ],
  [
    'buttons under an album',
    'cards:',
    'cards:\n  buttons: [levels: true]',
    'cards.buttons',
    'no buttons under an album (Telegram takes none; put them under the next message), found some',
  ],
  [
    'a keyboard under an album',
    'cards:',
    'cards:\n  keyboard: [button-yes]',
    'cards.keyboard',
    'no keyboard under an album (Telegram takes none; put them under the next message), found some',
  ],
  [
    'buttons and a keyboard',
    'welcome:',
    'welcome:\n  keyboard: remove',
    'welcome.keyboard',
    'buttons or a keyboard (Telegram takes one of them; put the other under the next message), found both',
  ],
  [
    'a keyboard that is neither rows nor remove',
    'score:',
    'score:\n  keyboard: removed',
    'score.keyboard',
    'a list of rows, each a text of locales/ or a list of them; or remove, found "removed"',
  ],
  [
    'a key that asks for something else',
    'score:',
    'score:\n  keyboard:\n    - {label: button-yes, request_phone: true}',
    'score.keyboard.0.request_phone',
    'one of label, request_contact, request_location, found "request_phone"',
  ],
  [
    'a notice with buttons',
    'notice:\n  plain: true',
    'notice:\n  buttons: [levels: true]\n  plain: true',
    'notice.plain',
    'a notice without media and buttons, found some',
  ],
  [
    'a poll with too many options',
    'score:',
    `score:\n  poll: {options: [${Array.from({ length: 13 }, (_, index) => `o${index}`).join(', ')}]}`,
    'score.poll.options',
    'from 1 to 12 options, found ["o0","o1","o2","o3","o4","o5","o6","o7","o8","o9","o10","o11","o12"]',
  ],
  [
    'an option given twice',
    'score:',
    'score:\n  poll: {options: [button-yes, button-yes]}',
    'score.poll.options.1',
    'a text that option 1 does not have already, found "button-yes"',
  ],
  [
    'a right answer that is no option',
    'score:',
    'score:\n  poll: {options: [button-yes, button-no], correct: button-now}',
    'score.poll.correct',
    'one of button-yes, button-no (did you mean "button-no"?), found "button-now"',
  ],
  [
    'an explanation of nothing',
    'score:',
    'score:\n  poll: {options: [button-yes, button-no], explanation: rules}',
    'score.poll.explanation',
    'no explanation in a poll without a correct option, found "rules"',
  ],
])('%s is named with its line', async (_, from, to, path, text) => {
  const folder = await quiz(['messages.yaml', from, to]);
  const source = await readFile(join(folder, 'messages.yaml'), 'utf8');
  const asked = to.split('\n').at(-1) ?? '';
  const line = source.slice(0, source.indexOf(to) + to.indexOf(asked)).split('\n').length;
  expect(await problemsIn(folder, quizNeeds)).toContain(`messages.yaml:${line} ${path}: expected ${text}`);
});

it.each([
  ['a question of a poll', 'score', 'score =', 'a question', 300],
  ['an option of a poll', 'button-yes', 'button-yes =', 'an option', 100],
])('%s that is too long', async (_, key, from, as, most) => {
  expect(
    await problemsAfter(
      ['messages.yaml', 'score:', 'score:\n  poll: {options: [button-yes, button-no]}'],
      [
        'messages.yaml',
        'value: "yes"}, {label: button-no, event: answer.given, value: "no"}]',
        'value: "yes"}]',
      ],
      ['messages.yaml', '{label: button-yes, event', '{label: button-no, event'],
      ['locales/en.ftl', from, `${from} ${'T'.repeat(most + 1)}`],
    ),
  ).toContainEqual(
    expect.stringMatching(
      new RegExp(`^locales/en\\.ftl:\\d+ ${key}: expected at most ${most} characters for ${as}, `),
    ),
  );
});

it('a file that the default language lacks', async () => {
  const folder = await quiz();
  await rm(join(folder, 'media/card-2.en.png'));
  expect(await problemsIn(folder, quizNeeds)).toEqual([
    'messages.yaml:15 cards.album.1: expected a file of at most 10 MB at media/card-2.en.png, found nothing',
  ]);
});

it('a label without a text, in each language, with the place that uses it', async () => {
  expect(await problemsAfter(['messages.yaml', 'label: button-play', 'label: button-plai'])).toEqual(
    ['en', 'ru'].map(
      (language) =>
        `locales/${language}.ftl button-plai: expected a label, used in messages.yaml:2, found nothing`,
    ),
  );
});

it('a file that is too large', async () => {
  const folder = await quiz();
  await truncate(join(folder, 'media/clip.mp4'), 51 * 1024 * 1024);
  expect(await problemsIn(folder, quizNeeds)).toEqual([
    'messages.yaml:13 clip.video: expected a file of at most 50 MB at media/clip.mp4, found 51.0 MB',
  ]);
});
