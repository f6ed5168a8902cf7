/** Telegram's HTML (https://core.telegram.org/bots/api#html-style). */
const types: Record<string, string> = {
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
  'tg-spoiler': 'spoiler',
};
const characters: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"' };

/**
 * Takes the tags out of a text.
 * @returns plain text with its entities, offsets in UTF-16 units
 * @throws Error with Telegram's words for an unknown, unopened or unclosed tag
 */
export function parseHtml(source: string): { text: string; entities: Record<string, unknown>[] } {
  let text = '';
  const entities: Record<string, unknown>[] = [];
  const open: { tag: string; offset: number; url?: string; at: number }[] = [];
  const tokens = /<(\/?)([a-z-]+)((?:\s[^>]*)?)>|&(?:lt|gt|amp|quot|#\d+);|[^<&]+|[<&]/gi;
  for (const { 0: token, 1: slash, 2: name, 3: attributes, index } of source.matchAll(tokens)) {
    const offset = Buffer.byteLength(source.slice(0, index));
    if (name === undefined) {
      if (token === '<') throw new Error(`Unsupported start tag at byte offset ${offset}`);
      const code = /^&#(\d+);$/.exec(token)?.[1];
      text += code === undefined ? (characters[token] ?? token) : String.fromCodePoint(Number(code));
      continue;
    }
    const tag = name.toLowerCase();
    if (!(tag in types)) throw new Error(`Unsupported start tag "${tag}" at byte offset ${offset}`);
    if (slash === '') {
      const url = /href\s*=\s*["']([^"']*)["']/i.exec(attributes ?? '')?.[1];
      open.push({ tag, offset: text.length, at: offset, ...(url !== undefined && { url }) });
      continue;
    }
    const last = open.pop();
    if (last === undefined) throw new Error(`Unexpected end tag at byte offset ${offset}`);
    if (last.tag !== tag)
      throw new Error(
        `Unmatched end tag at byte offset ${offset}, expected "</${last.tag}>", found "</${tag}>"`,
      );
    const length = text.length - last.offset;
    if (length > 0)
      entities.push({
        type: types[tag],
        offset: last.offset,
        length,
        ...(last.url !== undefined && { url: last.url }),
      });
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined)
    throw new Error(`Can't find end tag corresponding to start tag "${unclosed.tag}"`);
  return { text, entities: entities.sort((a, b) => Number(a['offset']) - Number(b['offset'])) };
}
