import type { Update } from 'grammy/types';
import { expect, test } from 'vitest';
import { arrivalOf, type Route } from '../../src/telegram/arrivals.ts';
import { edits } from '../../src/telegram/edits.ts';
import { polls } from '../../src/telegram/polls.ts';

const from = { id: 5, is_bot: false, first_name: 'Anna', language_code: 'ru' };
const message = { message_id: 1, date: 1, chat: { id: 5, type: 'private', first_name: 'Anna' }, from };
const rules = { userEvents: new Set(['start.requested']), buttonData: new Set<string>() };
const routes = [polls.route, edits.route] as readonly Route[];
const arrivalFrom = (update: object) => arrivalOf({ update_id: 1, ...update } as Update, rules, routes);
const said = (content: object) => arrivalFrom({ message: { ...message, ...content } })?.event;
const file = { file_id: 'f', file_unique_id: 'u', file_size: 12 };

test.each([
  [
    'a photo: the largest of its sizes',
    {
      photo: [
        { ...file, file_id: 's', width: 9, height: 6 },
        { ...file, width: 90, height: 60 },
      ],
    },
    { photo: { file: 'f', width: 90, height: 60 } },
  ],
  ['a voice', { voice: { ...file, duration: 3 } }, { voice: { file: 'f', duration: 3 } }],
  [
    'a document, its name cut',
    { document: { ...file, file_name: 'n'.repeat(300), mime_type: 'text/plain' } },
    { document: { file: 'f', name: 'n'.repeat(64), type: 'text/plain', size: 12 } },
  ],
  [
    'a location',
    { location: { latitude: 1.5, longitude: 2.5, horizontal_accuracy: 3 } },
    { location: { latitude: 1.5, longitude: 2.5 } },
  ],
  [
    'a contact, with the user whose it is',
    { contact: { phone_number: '+15550100', first_name: 'Anna', user_id: 5, vcard: 'x'.repeat(2_000) } },
    { contact: { phone: '+15550100', name: 'Anna', user: 5 } },
  ],
])('what people send comes with its data: %s', (_, content, expected) => {
  expect(said({ ...content, caption: 'here' })).toEqual({
    type: 'message.received',
    kind: 'other',
    text: 'here',
    message: 1,
    name: 'Anna',
    ...expected,
  });
});

test('an animation is no document, and a sticker has no data', () => {
  for (const content of [{ animation: file, document: file }, { sticker: file }])
    expect(said(content)).toEqual({ type: 'message.received', kind: 'other', message: 1, name: 'Anna' });
});

test('an answer to a poll names the poll and the options; one that is taken back names none', () => {
  const answered = (option_ids: number[]) =>
    arrivalFrom({ poll_answer: { poll_id: '77', user: from, option_ids, option_persistent_ids: [] } });
  expect(answered([0, 2])).toEqual({
    update: 1,
    chat: 5,
    lane: 'reply',
    elsewhere: true,
    languageCode: 'ru',
    event: { type: 'poll.answered', poll: '77', options: [0, 2], name: 'Anna' },
  });
  expect(answered([])?.event).toMatchObject({ options: [] });
});

test('an edited message is one that was received, under another name; a command in it asks for nothing', () => {
  const edited = (content: object) =>
    arrivalFrom({ edited_message: { ...message, edit_date: 2, ...content } })?.event;
  expect(edited({ text: 'so be it' })).toMatchObject({
    type: 'message.edited',
    kind: 'text',
    text: 'so be it',
    message: 1,
  });
  expect(edited({ text: '/start' })).toMatchObject({ type: 'message.edited', kind: 'command' });
  expect(edited({ location: { latitude: 1, longitude: 2, live_period: 60 } })).toMatchObject({
    location: { latitude: 1, longitude: 2 },
  });
});

test('what a channel answered, and what is edited in a group, is nobody’s', () => {
  const channel = { id: -1, type: 'channel', title: 'C' };
  expect(arrivalFrom({ poll_answer: { poll_id: '7', voter_chat: channel, option_ids: [0] } })).toBeNull();
  const group = { id: -5, type: 'group', title: 'G' };
  expect(arrivalFrom({ edited_message: { ...message, chat: group, text: 'x' } })).toBeNull();
});
