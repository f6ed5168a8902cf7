import type { Telegram } from '../../world/telegram.ts';
import { badRequest } from '../errors.ts';
import { isObject, type Json } from '../json.ts';
import { pickDocumented } from '../pick.ts';
import { integer, jsonOf, text } from '../values.ts';
import type { Entity } from './entity.ts';

/** What a call may mark, and what such an entity has besides its place. */
const marks = new Map<string, readonly string[]>([
  ...[
    'bold',
    'italic',
    'underline',
    'strikethrough',
    'spoiler',
    'code',
    'blockquote',
    'expandable_blockquote',
  ].map((type) => [type, []] as [string, string[]]),
  ['pre', ['language']],
  ['text_link', ['url']],
  ['text_mention', ['user']],
  ['custom_emoji', ['custom_emoji_id']],
  ['date_time', ['unix_time', 'date_time_format']],
]);
/** What Telegram looks for itself; from a call it is passed over. */
const detected = new Set([
  'mention',
  'hashtag',
  'cashtag',
  'bot_command',
  'url',
  'email',
  'phone_number',
  'bank_card_number',
]);

/** The entities that a call brings with its text. What is no array at all is passed over, as Telegram does. */
export function entitiesOf(telegram: Telegram, values: Json, name: string): Entity[] {
  const list = readQuietly(values, name);
  if (!Array.isArray(list)) return [];
  return list.map((one) => entityOf(telegram, one)).filter((entity) => entity !== null);
}

function readQuietly(values: Json, name: string): unknown {
  try {
    return jsonOf(values, name);
  } catch {
    return undefined;
  }
}

function entityOf(telegram: Telegram, entity: unknown): Entity | null {
  const refuse = (reason: string) => badRequest(`can't parse MessageEntity: ${reason}`);
  if (!isObject(entity)) throw refuse('expected an Object');
  const missing = ['offset', 'length', 'type'].find((name) => text(entity, name) === undefined);
  if (missing !== undefined) throw refuse(`Can't find field "${missing}"`);
  const type = text(entity, 'type') ?? '';
  if (detected.has(type)) return null;
  const fields = marks.get(type);
  if (fields === undefined) throw refuse('Unsupported type specified');
  const place = { type, offset: integer(entity, 'offset') ?? 0, length: integer(entity, 'length') ?? 0 };
  const user = type === 'text_mention' ? mentionedUser(telegram, entity['user']) : undefined;
  if (place.offset < 0 || place.length <= 0 || (type === 'text_mention' && user === undefined)) return null;
  const known = pickDocumented('MessageEntity', { ...entity, ...place, user }) as Json;
  const own = fields.filter((name) => name in known).map((name) => [name, known[name]]);
  return { ...place, ...Object.fromEntries(own) };
}

/** Telegram names whom it knows by all that it knows of them. */
function mentionedUser(telegram: Telegram, user: unknown): Json | undefined {
  const id = isObject(user) ? integer(user, 'id') : undefined;
  return id === undefined ? undefined : telegram.knownUser(id);
}
