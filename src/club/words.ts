import type { Command, Needs, RowKind, TextUse } from '#content';
import { longestAnswer, noticeTexts } from '#telegram';
import { type ClubSettings, clubSections } from './settings.ts';

/** The variables that every text may use, with the most characters each can have. */
export const longest = {
  name: 64,
  username: 33,
  chat: 20,
  text: 500,
  charge: 256,
  price: 40,
  amount: 12,
  currency: 3,
  days: 6,
  topic: 64,
  topics: 4,
  paid: 40,
  until: 40,
  left: 40,
  plan: 7,
  payments: 900,
  answer: longestAnswer,
  reason: 200,
  count: 6,
  act: 7,
  by: 15,
  access: 7,
  book: 1_500,
  people: 1_500,
  removed: 6,
  club: 20,
  place: 7,
  trouble: 8,
} as const satisfies Readonly<Record<string, number>>;

const label: TextUse = { as: 'a label', most: 64 };

/** Texts that are used besides those of messages. */
const texts: Readonly<Record<string, TextUse>> = {
  'invoice-title': { as: 'the title of an invoice', most: 32 },
  'invoice-description': { as: 'the description of an invoice', most: 255 },
  'invoice-label': label,
  ...noticeTexts,
  'button-subscribe': label,
  'button-refund': { as: 'a label', most: 100 },
  'button-answer': label,
  'button-admit': label,
  'button-count': label,
  'button-refund-yes': label,
  'button-refund-no': label,
  'book-line': { as: "a line of a person's book", most: 500 },
  'media-failed': { as: 'a part of a message', most: 500, html: true },
  mydata: { as: 'a caption', most: 1_024 },
  subscribe: { as: 'a message', most: 4_096, html: true },
  'language-name': label,
  'name-unknown': { as: 'a name', most: 64 },
  stars: { as: 'a number of Stars', most: 40 },
};

/** The menu; without a club there is nothing to ask it for. */
const commands: readonly Command<ClubSettings>[] = [
  { name: 'start' },
  { name: 'status' },
  { name: 'club', isShown: ({ club }) => club.chatId !== null },
  { name: 'language' },
  { name: 'terms' },
  { name: 'paysupport' },
  { name: 'mydata' },
  { name: 'forget' },
  { name: 'help' },
];

const rows: Readonly<Record<string, RowKind<ClubSettings>>> = {
  topics: ({ topics }) => topics.map(({ id }) => ({ label: `topic-${id}`, data: `topic.selected:${id}` })),
  languages: (_, languages) =>
    languages.map((language) => ({
      label: 'language-name',
      data: `language.selected:${language}`,
      language,
    })),
};

/** What the club asks of its content besides what its machines do. */
export const clubNeeds = {
  variables: longest,
  texts,
  commands,
  rows,
  // The person's own invite link.
  links: ['club'],
  // Who has a time that can be made longer.
  conditions: ['renewable'],
  settings: clubSections,
} satisfies Needs<ClubSettings>;
