import type { MessageEntry } from './schema.ts';

export interface Attachment {
  readonly kind: 'video' | 'photo' | 'document';
  /** In the media folder; `$language` in it stands for the person's language. */
  readonly file: string;
}

export interface Button {
  /** The key of its label. */
  readonly label: string;
  /** Callback data: the event's type, and `:value` when it has one. */
  readonly data: string;
  /** `renewable`: shown only to who has a time that can be made longer. */
  readonly when?: 'renewable';
}

/** `topics` and `languages` make one row for each of them; a `club` leads to it by the person's invite link. */
export type Row = 'topics' | 'languages' | { readonly club: string } | readonly Button[];

export interface MessageContent {
  /** The key of its text. */
  readonly text: string;
  /** Shown by Telegram as a notice, without formatting. */
  readonly plain: boolean;
  /** It can be neither forwarded nor saved. */
  readonly isProtected: boolean;
  /** None: a text; one: its text is the caption; more: an album, captioned at its first. */
  readonly attachments: readonly Attachment[];
  readonly rows: readonly Row[];
}

/** Characters of an operator's answer. */
export const longestAnswer = 1_900;

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

/** A message as messages.yaml describes it, with what it leaves out. */
export function messageOf(name: string, entry: NonNullable<MessageEntry>): MessageContent {
  const { video, photo, document, album = [] } = entry;
  const attachments: Attachment[] = album.map((file) => ({ kind: kindOf(file), file }));
  if (video !== undefined) attachments.push({ kind: 'video', file: video });
  if (photo !== undefined) attachments.push({ kind: 'photo', file: photo });
  if (document !== undefined) attachments.push({ kind: 'document', file: document });
  const rows = (entry.buttons ?? []).map((row): Row => {
    if ('topics' in row) return 'topics';
    if ('languages' in row) return 'languages';
    if ('link' in row) return { club: row.label };
    return (Array.isArray(row) ? row : [row]).map(({ label, event, value, when }) => ({
      label,
      data: value === undefined ? event : `${event}:${value}`,
      ...(when !== undefined && { when }),
    }));
  });
  return {
    text: entry.text ?? name.replaceAll('_', '-'),
    plain: entry.plain ?? false,
    isProtected: entry.protect_content ?? false,
    attachments,
    rows,
  };
}

/** How a file of an album is sent, by its ending. */
export function kindOf(file: string): Attachment['kind'] {
  if (/\.(jpe?g|png|webp)$/i.test(file)) return 'photo';
  return /\.(mp4|mov|m4v)$/i.test(file) ? 'video' : 'document';
}

/** The files that an attachment stands for: one, or one for each language. */
export const filesOf = ({ file }: Attachment, languages: Iterable<string>): string[] =>
  file.includes('$language')
    ? [...languages].map((language) => file.replaceAll('$language', language))
    : [file];

/** The buttons that a row stands for. Those of topics and languages are to stand one under another. */
export function buttonsOf(
  row: Row,
  topics: readonly { readonly id: string }[],
  languages: readonly string[],
): readonly (Button & { readonly language?: string })[] {
  if (row === 'topics')
    return topics.map(({ id }) => ({ label: `topic-${id}`, data: `topic.selected:${id}` }));
  if (row === 'languages') {
    return languages.map((language) => ({
      label: 'language-name',
      data: `language.selected:${language}`,
      language,
    }));
  }
  return 'club' in row ? [] : row;
}
