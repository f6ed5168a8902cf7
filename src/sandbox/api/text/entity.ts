import type { Json } from '../json.ts';

/** The Bot API's MessageEntity; offset and length in UTF-16 units. */
export interface Entity {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
  readonly custom_emoji_id?: string;
  /** The Bot API's User. */
  readonly user?: Json;
}

export interface Formatted {
  readonly text: string;
  readonly entities: Entity[];
}

/** Telegram's errors count in bytes of UTF-8. */
export const byteOffset = (source: string, index: number) => Buffer.byteLength(source.slice(0, index));
