/** A picture, video or file of a message. */
export interface Attachment {
  readonly kind: 'video' | 'photo' | 'document';
  /** In the media folder; `$language` in it stands for the person's language. */
  readonly file: string;
}

/** A button under a message: what its label is, and what it does. */
export type Button = {
  /** The key of its label. */
  readonly label: string;
  /** The language of its label. Default: the person's. */
  readonly language?: string;
  /** A name of `Needs.conditions`: shown only to whom it holds for. */
  readonly when?: string;
} & (
  | {
      /** Callback data: the event's type, and `:value` when it has one. */
      readonly data: string;
    }
  | {
      /** A page; `$language` in it stands for the person's language. */
      readonly url: string;
    }
  | {
      /** A name of `Needs.links`: it leads where that leads for the person, and is not there where it leads nowhere. */
      readonly link: string;
    }
);

/** A button of the keyboard in the place of the person's own: it sends its text, or what it asks for. */
export interface Key {
  /** The key of its text. */
  readonly label: string;
  readonly asksFor?: 'contact' | 'location';
}

/** A poll; its question is the message's text. */
export interface Poll {
  /** Keys of the texts of the options. */
  readonly options: readonly string[];
  /** Which options are right, from 0: then it is a quiz. */
  readonly correct?: readonly number[];
  /** The key of what a quiz says after a wrong answer. */
  readonly explanation?: string;
  readonly isAnonymous: boolean;
  readonly allowsMultiple: boolean;
}

/** What a message is made of: an entry of messages.yaml. */
export interface MessageContent {
  /** The key of its text. */
  readonly text: string;
  /** Shown by Telegram as a notice, without formatting. */
  readonly plain: boolean;
  /** It can be neither forwarded nor saved. */
  readonly isProtected: boolean;
  /** None: a text; one: its text is the caption; more: an album, captioned at its first. */
  readonly attachments: readonly Attachment[];
  /** The rows of buttons under it; those that a product makes of its settings are among them. */
  readonly rows: readonly (readonly Button[])[];
  /** `remove`: the person gets their own keyboard back. Absent: the one that is there stays. */
  readonly keyboard?: readonly (readonly Key[])[] | 'remove';
  readonly poll?: Poll;
}

/** What may be given alone or as a list. */
export const listOf = <T>(row: T | readonly T[]): readonly T[] => (Array.isArray(row) ? row : [row as T]);

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
