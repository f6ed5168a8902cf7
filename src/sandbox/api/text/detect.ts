import type { Entity } from './entity.ts';

/** What Telegram finds in plain text by itself, by kind, longest reading first. */
const pattern =
  /(?<![\w/@.])(?:(?<url>https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}'])|(?<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,})|(?<bot_command>\/[a-z0-9_]{1,64}(?:@\w{3,32})?)(?!\w|\/)|(?<mention>@[a-z]\w{3,31})(?!\w)|(?<hashtag>#[\p{L}\d_]*[\p{L}_][\p{L}\d_]*))/giu;
/** Nothing is looked for inside these. */
const closed = new Set(['code', 'pre', 'text_link', 'text_mention']);

/** Adds addresses, commands, mentions, hashtags and e-mails to the entities of a text, in order. */
export function addDetected(text: string, marked: readonly Entity[]): Entity[] {
  // Most texts have nothing to look for.
  if (!/[/@#]/.test(text)) return [...marked];
  const detected: Entity[] = [];
  for (const { 0: match, index, groups = {} } of text.matchAll(pattern)) {
    const type = Object.keys(groups).find((name) => groups[name] !== undefined) as string;
    const end = index + match.length;
    const isClosed = marked.some(
      (one) => closed.has(one.type) && one.offset < end && index < one.offset + one.length,
    );
    if (!isClosed) detected.push({ type, offset: index, length: match.length });
  }
  if (detected.length === 0) return [...marked];
  return [...marked, ...detected].sort((a, b) => a.offset - b.offset || b.length - a.length);
}
