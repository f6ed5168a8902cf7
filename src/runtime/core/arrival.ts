import type { MachineEvent } from './commit.ts';
import type { JsonObject, Lane } from './effects.ts';

/** A line of a chat's book: kept for ever, once per key, by the same commit as the step that it came with. */
export interface Line {
  /** Whose book it stands in. */
  readonly chat: number;
  /** The step that came with it failed: what it means is still to be done. */
  readonly ungranted?: true;
}

/** What something that came in means. Made once, when it is stored. */
export interface Arrival {
  /** What was stored under this id in the last 25 h is not stored again; 0: never asked. */
  readonly update: number;
  readonly chat: number;
  readonly event: MachineEvent;
  readonly lane: Extract<Lane, 'checkout' | 'reply'>;
  /** The person's language, for a new session. */
  readonly languageCode?: string;
  /** An effect that goes out whether or not a machine reacts. */
  readonly answer?: Answer;
  /** Goes to the chat's book. What stands there already makes the whole arrival void. */
  readonly entry?: Line;
  /** An operator's own doing: machines for operators hear of it too. */
  readonly fromOperator?: true;
  /** It did not happen in the chat: its person may never have been there. */
  readonly elsewhere?: true;
  /** From now on the person cannot be reached. */
  readonly leaves?: true;
}

/** An effect that answers an arrival by itself, such as that a pressed button need not wait any more. */
export interface Answer {
  /** Unique within the chat. */
  readonly id: string;
  readonly type: string;
  readonly params: JsonObject;
  /** Added to the params when no machine reacts, and when the step failed. */
  readonly whenIgnored?: JsonObject;
  readonly whenBroken?: JsonObject;
}

/** What the runtime asks about the lines of a book, which it keeps without knowing what they mean. */
export interface Book {
  /** Names a line among all of its shard, for ever. */
  readonly keyOf: (line: Line) => string;
  /**
   * What the events of a chat tell of its book, and the line that an arrival brings as it is to be kept. Asked for chats
   * that have a book, or get one.
   */
  readonly account: (
    book: readonly Line[],
    arrived: { readonly event: MachineEvent; readonly entry?: Line; readonly now: number },
  ) => { readonly facts: JsonObject; readonly entry?: Line };
}

/** Whether a line stands in the book, and what it means was done. */
export function isEntered(line: Line, book: readonly Line[], keyOf: Book['keyOf']): boolean {
  const key = keyOf(line);
  const known = book.find((other) => keyOf(other) === key);
  return known !== undefined && known.ungranted !== true;
}
