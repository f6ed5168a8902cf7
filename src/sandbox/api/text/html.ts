import { byteOffset, type Entity, type Formatted } from './entity.ts';

/** Telegram's HTML (https://core.telegram.org/bots/api#html-style). */
const types: Readonly<Record<string, string>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  code: 'code',
  pre: 'pre',
  a: 'text_link',
  blockquote: 'blockquote',
  span: 'spoiler',
  'tg-spoiler': 'spoiler',
  'tg-emoji': 'custom_emoji',
};
const characters: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
};

interface Tag {
  readonly name: string;
  readonly attributes: string;
  readonly offset: number;
}

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i')
    .exec(attributes)
    ?.slice(1)
    .find((value) => value !== undefined);

/**
 * Takes the tags out of a text.
 * @throws Error with Telegram's words for an unknown, unopened or unclosed tag
 */
export function parseHtml(source: string): Formatted {
  let text = '';
  const entities: Entity[] = [];
  const open: Tag[] = [];
  const tokens = /<(\/?)([a-z][a-z0-9-]*)((?:\s[^>]*)?)>|&(?:lt|gt|amp|quot|#\d+|#x[0-9a-f]+);|[^<&]+|[<&]/gi;
  for (const { 0: token, 1: slash, 2: tag, 3: attributes = '', index } of source.matchAll(tokens)) {
    const at = () => `at byte offset ${byteOffset(source, index)}`;
    if (tag === undefined) {
      if (token === '<')
        throw new Error(
          source.includes('>', index) ? `Unsupported start tag "" ${at()}` : `Unclosed start tag ${at()}`,
        );
      text += token.startsWith('&') ? character(token) : token;
      continue;
    }
    const name = tag.toLowerCase();
    if (slash === '') {
      if (!Object.hasOwn(types, name)) throw new Error(`Unsupported start tag "${name}" ${at()}`);
      if (name === 'span' && attribute(attributes, 'class') !== 'tg-spoiler')
        throw new Error(`Tag "span" must have class "tg-spoiler" ${at()}`);
      open.push({ name, attributes, offset: text.length });
      continue;
    }
    const last = open.pop();
    if (last === undefined) throw new Error(`Unexpected end tag ${at()}`);
    if (last.name !== name)
      throw new Error(`Unmatched end tag ${at()}, expected "</${last.name}>", found "</${name}>"`);
    const entity = entityOf(last, text);
    if (entity !== null) entities.push(entity);
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined)
    throw new Error(`Can't find end tag corresponding to start tag "${unclosed.name}"`);
  return { text, entities: joinPre(entities) };
}

function character(token: string): string {
  const [, hex, decimal] = /^&#(?:x([0-9a-f]+)|(\d+));$/i.exec(token) ?? [];
  if (hex === undefined && decimal === undefined) return characters[token.toLowerCase()] ?? token;
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : token;
}

function entityOf({ name, attributes, offset }: Tag, text: string): Entity | null {
  const base = { offset, length: text.length - offset };
  if (base.length === 0) return null;
  if (name === 'a') {
    const url = attribute(attributes, 'href');
    return url === undefined || url === '' ? null : { type: 'text_link', ...base, url };
  }
  if (name === 'tg-emoji')
    return { type: 'custom_emoji', ...base, custom_emoji_id: attribute(attributes, 'emoji-id') ?? '' };
  if (name === 'blockquote' && /(?:^|\s)expandable/i.test(attributes))
    return { type: 'expandable_blockquote', ...base };
  const language = /^language-(.+)$/.exec(attribute(attributes, 'class') ?? '')?.[1];
  if (name === 'code' && language !== undefined) return { type: 'code', ...base, language };
  return { type: types[name] as string, ...base };
}

/** A code with a language is only known inside pre, which takes the language over. */
function joinPre(entities: readonly Entity[]): Entity[] {
  const same = (a: Entity, b: Entity) => a.offset === b.offset && a.length === b.length;
  const codes = entities.filter(({ type }) => type === 'code');
  const joined = entities.map((entity) => {
    const code = entity.type === 'pre' ? codes.find((one) => same(one, entity)) : undefined;
    return code?.language === undefined ? entity : { ...entity, language: code.language };
  });
  return joined
    .filter((entity) => !(entity.type === 'code' && joined.some((o) => o.type === 'pre' && same(o, entity))))
    .map((entity) => {
      if (entity.type !== 'code') return entity;
      const { language: _, ...code } = entity;
      return code;
    });
}
