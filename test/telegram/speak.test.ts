import { beforeEach, describe, expect, it } from 'vitest';
import type { Content } from '../../src/content/content.ts';
import { answerButton, type Speech, speak } from '../../src/telegram/speak.ts';
import { folderOf, loaded } from '../support/quiz.ts';

let content: Content;
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

beforeEach(async () => {
  content = await loaded(
    await folderOf({
      'bot.yaml': 'default_language: en\n',
      'messages.yaml': `
hello:
  protect_content: true
score:
  plain: true
picture:
  photo: picture.$language.png
  buttons:
    - [{label: go, event: round.started}, {label: more, url: "https://example.com/$language"}]
    - {label: go, event: round.started, value: again, when: finished}
    - {label: friends, link: friends}
film:
  video: film.mp4
cards:
  album: [card-1.png, card-2.png]
ask:
  keyboard: [[yes-please, no-thanks], [{label: phone, request_contact: true}], {label: place, request_location: true}]
thanks:
  keyboard: remove
vote:
  poll: {options: [yes-please, no-thanks], multiple: true, anonymous: false}
riddle:
  poll: {options: [yes-please, no-thanks], correct: no-thanks, explanation: why}
`,
      'locales/en.ftl': `
hello = Hello <b>{ $name }</b>
score = { $name } has { $score }
picture = Look
film = Watch
cards = Choose
ask = Who are you?
thanks = Thanks
vote = Do you play?
riddle = Is a tomato a vegetable?
why = It is a <b>fruit</b>.
go = Go, { $name }
more = More
friends = Friends
yes-please = Yes
no-thanks = No
phone = My number
place = My place
lost = No picture today.
button-stale = Too old
`,
      'locales/ru.ftl': 'hello = Привет, { $name }\nmore = Ещё\ngo = Вперёд\n',
      'media/picture.en.png': png,
      'media/picture.ru.png': png,
      'media/film.mp4': Buffer.from('\0\0\0\x18ftypisom\0\0\0\0', 'latin1'),
      'media/card-1.png': png,
      'media/card-2.png': png,
    }),
    { variables: { name: 16, score: 3 }, conditions: ['finished'], links: ['friends'] },
  );
});

function say(name: string, more: Partial<Speech> = {}) {
  const message = content.messages.get(name);
  if (message === undefined) throw new Error(`no message ${name}`);
  return speak(content, {
    chat: 42,
    message,
    language: 'en',
    variables: { name: '<Ann>', score: 3 },
    ...more,
  });
}

describe('a text', () => {
  it('is HTML with its variables escaped, without a preview of links', () => {
    expect(say('hello')).toEqual({
      method: 'sendMessage',
      payload: {
        chat_id: 42,
        protect_content: true,
        text: 'Hello <b>&lt;Ann&gt;</b>',
        parse_mode: 'HTML',
        link_preview_options: { is_disabled: true },
      },
    });
    expect(say('hello', { language: 'ru' }).payload['text']).toBe('Привет, &lt;Ann&gt;');
  });

  it('that is plain has no formatting', () => {
    const { text, parse_mode } = say('score').payload;
    expect([text, parse_mode]).toEqual(['<Ann> has 3', undefined]);
  });
});

describe('media', () => {
  it('one goes with the text as its caption, in the person’s language', () => {
    expect(say('picture', { language: 'ru' })).toMatchObject({
      method: 'sendPhoto',
      payload: { photo: { media: 'picture.ru.png' }, caption: 'Look', parse_mode: 'HTML' },
    });
    expect(say('film')).toMatchObject({ method: 'sendVideo', payload: { supports_streaming: true } });
  });

  it('several go as an album, captioned at the first', () => {
    expect(say('cards')).toEqual({
      method: 'sendMediaGroup',
      payload: {
        chat_id: 42,
        media: [
          { type: 'photo', media: { media: 'card-1.png' }, caption: 'Choose', parse_mode: 'HTML' },
          { type: 'photo', media: { media: 'card-2.png' } },
        ],
      },
    });
  });

  it('that Telegram refused go as files, or are left out with a word about it', () => {
    expect(say('film', { media: 'document' })).toMatchObject({
      method: 'sendDocument',
      payload: { document: { media: 'film.mp4' } },
    });
    expect(say('film', { media: 'document' }).payload).not.toHaveProperty('supports_streaming');
    expect(say('cards', { media: 'document' }).payload['media']).toMatchObject([
      { type: 'document' },
      { type: 'document' },
    ]);
    expect(say('cards', { media: { without: 'lost' } })).toMatchObject({
      method: 'sendMessage',
      payload: { text: 'Choose\n\nNo picture today.' },
    });
  });
});

describe('buttons', () => {
  const rows = (more: Partial<Speech> = {}) =>
    (say('picture', more).payload['reply_markup'] as { inline_keyboard: object[][] }).inline_keyboard;
  const first = [
    { text: 'Go, <Ann>', callback_data: 'round.started' },
    { text: 'More', url: 'https://example.com/en' },
  ];

  it('lead on, or to a page in the person’s language', () => {
    expect(rows()).toEqual([first]);
    expect(rows({ language: 'ru' })).toEqual([
      [
        { text: 'Вперёд', callback_data: 'round.started' },
        { text: 'Ещё', url: 'https://example.com/ru' },
      ],
    ]);
  });

  it('are shown by what holds for the person, and by where their links lead', () => {
    expect(rows({ conditions: new Set(['finished']), links: { friends: 'https://t.me/+1' } })).toEqual([
      first,
      [{ text: 'Go, <Ann>', callback_data: 'round.started:again' }],
      [{ text: 'Friends', url: 'https://t.me/+1' }],
    ]);
  });

  it('of this message alone stand below', () => {
    const more = [[{ text: 'Refund', callback_data: 'refund.requested:1' }]];
    expect(rows({ more })).toEqual([first, ...more]);
  });

  it('stop waiting, with or without a word', () => {
    expect(answerButton(content, 'en', 'q1', null).payload).toEqual({ callback_query_id: 'q1' });
    expect(answerButton(content, 'en', 'q1', 'button-stale')).toEqual({
      method: 'answerCallbackQuery',
      payload: { callback_query_id: 'q1', text: 'Too old' },
    });
  });
});

describe('a keyboard', () => {
  it('has texts, and keys that ask for number and place', () => {
    expect(say('ask').payload['reply_markup']).toEqual({
      keyboard: [
        [{ text: 'Yes' }, { text: 'No' }],
        [{ text: 'My number', request_contact: true }],
        [{ text: 'My place', request_location: true }],
      ],
      resize_keyboard: true,
    });
  });

  it('is taken away', () => {
    expect(say('thanks').payload['reply_markup']).toEqual({ remove_keyboard: true });
  });
});

describe('a poll', () => {
  it('asks for an opinion', () => {
    expect(say('vote')).toEqual({
      method: 'sendPoll',
      payload: {
        chat_id: 42,
        question: 'Do you play?',
        options: [{ text: 'Yes' }, { text: 'No' }],
        is_anonymous: false,
        allows_multiple_answers: true,
      },
    });
  });

  it('with a right answer is a quiz', () => {
    expect(say('riddle').payload).toMatchObject({
      question: 'Is a tomato a vegetable?',
      is_anonymous: true,
      type: 'quiz',
      correct_option_ids: [1],
      explanation: 'It is a <b>fruit</b>.',
      explanation_parse_mode: 'HTML',
    });
  });
});
