import type * as v from 'valibot';
import type { Button } from './message.ts';

/**
 * What machines, features and a product ask of a content folder. Nothing is asked for that is left out, and a folder may use only
 * what is handed in: without `rows`, messages.yaml has no rows but those of buttons; without `settings`, bot.yaml has no
 * sections but `default_language` and `delays`.
 */
export interface Needs<Settings = undefined> {
  /** Names of messages that are sent. Default: any may be, none must be. */
  readonly messages?: readonly string[];
  /** Names of delays that bot.yaml may set. Default: any. A delay that it does not set is as long as its machine says. */
  readonly delays?: readonly string[];
  /** Events that a button may cause. Default: any. */
  readonly events?: readonly string[];
  /** Variables that every text may use, each with the most characters it can have. */
  readonly variables?: Readonly<Record<string, number>>;
  /** Texts that are used besides those of messages: the key, and what the text is. */
  readonly texts?: Readonly<Record<string, TextUse>>;
  /** The menu of commands, in order. Each has a description, the text `command-<name>`. */
  readonly commands?: readonly Command<Settings>[];
  /** Kinds of rows that a product makes of its settings: `- answers: true` in messages.yaml is the kind `answers`. */
  readonly rows?: Readonly<Record<string, RowKind<Settings>>>;
  /** Names that a `link:` button may have. Where it leads is decided for each person when the message is sent. */
  readonly links?: readonly string[];
  /** Names that a button's `when:` may have. Whether it holds is decided for each person when the message is sent. */
  readonly conditions?: readonly string[];
  /** The product's own sections of bot.yaml; made by `sections`. */
  readonly settings?: Sections<Settings>;
}

/** What a text must be where it is used. */
export interface TextUse {
  /** What it is, for problems: `a label`. */
  readonly as: string;
  /** Characters, once variables are at their longest. */
  readonly most: number;
  /** It may have Telegram's HTML. Default: false. */
  readonly html?: boolean;
}

/** A command of the menu. */
export interface Command<Settings> {
  readonly name: string;
  /** Whether the menu shows it. Default: always. */
  readonly isShown?: (settings: Settings) => boolean;
}

/** The buttons that a kind of row stands for, each in a row of its own. `languages`: the default one first. */
export type RowKind<Settings> = (settings: Settings, languages: readonly string[]) => readonly Button[];

/** The sections of bot.yaml that are a product's own. */
export interface Sections<Settings> {
  /** By name, in the order in which problems list them. */
  readonly shapes: v.ObjectEntries;
  /** Looks at the sections that have the right shape; one that has not, or is not there, is left out. */
  examine(sections: object): Examination;
  /** What the program goes by. Called only when every section has the right shape. */
  read(sections: object): Settings;
}

/** What is wrong with sections beyond their shape, and what they name elsewhere. A path begins with the section. */
export interface Examination {
  readonly problems?: readonly {
    readonly path: readonly PropertyKey[];
    readonly expected: string;
    readonly found: unknown;
  }[];
  /** Messages that must be there, and count as sent. */
  readonly messages?: readonly {
    readonly path: readonly PropertyKey[];
    readonly name: string;
    /** Who sends it, for problems: `a lesson`. */
    readonly by: string;
  }[];
  readonly texts?: readonly (TextUse & { readonly path: readonly PropertyKey[]; readonly key: string })[];
}

/**
 * Describes the sections of bot.yaml that are a product's own.
 * @param shapes a valibot schema for each; `fields`, `matching` and `whole` make some that say what they expected
 * @param rules.examine what a schema cannot tell; it may get any part of the sections. Default: nothing
 * @param rules.read from what is written to what the program goes by
 */
export function sections<Shapes extends v.ObjectEntries, Settings>(
  shapes: Shapes,
  rules: {
    examine?(sections: Partial<Written<Shapes>>): Examination;
    read(sections: Written<Shapes>): Settings;
  },
): Sections<Settings> {
  return { shapes, examine: () => ({}), ...rules };
}

type Written<Shapes extends v.ObjectEntries> = v.InferOutput<v.ObjectSchema<Shapes, undefined>>;
