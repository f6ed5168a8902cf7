import type { Update } from 'grammy/types';
import type { TextUse } from '#content';
import type { EffectKind } from '#runtime';
import type { ArrivalRules, Route } from './arrivals.ts';

/**
 * One capability of a bot: what it hears, does and says.
 * @template Rules what its updates are read by
 * @template Parts what its effects are performed with
 */
export interface Feature<Rules extends ArrivalRules, Parts> {
  /** Kinds of updates that it asks of Telegram, besides messages, buttons and blocks. */
  readonly updates?: readonly Exclude<keyof Update, 'update_id'>[];
  /** Reads updates of its own; undefined for others'. Default: it reads none. */
  readonly route?: Route<Rules>;
  /** Actions of machines that it performs, by name, and what it posts itself. */
  readonly effects?: Readonly<Record<string, EffectKind<Parts>>>;
  /** Promise actors that machines may invoke, by name. */
  readonly actors?: Readonly<Record<string, EffectKind<Parts>>>;
  /** Texts that it uses besides those of messages. */
  readonly texts?: Readonly<Record<string, TextUse>>;
  /** Messages that it sends besides those that machines name. */
  readonly messages?: readonly string[];
}
