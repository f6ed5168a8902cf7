import type { Telegram } from '../../world/telegram.ts';
import { badRequest } from '../errors.ts';
import type { Json } from '../json.ts';
import { text } from '../values.ts';
import { addDetected } from './detect.ts';
import { entitiesOf } from './entities.ts';
import type { Formatted } from './entity.ts';
import { parseHtml } from './html.ts';
import { parseMarkdown, parseMarkdownV2 } from './markdown.ts';

const parsers = new Map<string, (source: string) => Formatted>([
  ['html', parseHtml],
  ['markdown', parseMarkdown],
  ['markdownv2', parseMarkdownV2],
]);

/** Characters of a message's text, and of what stands under media, after entities. */
const longest = { text: 4_096, caption: 1_024 };
/** Before entities are looked at. */
const longestSource = 32_768;

/** The text or caption of a call as a message carries it, with its entities; `{}` for no caption. */
export function formatText(telegram: Telegram, values: Json, name: 'text' | 'caption'): Json {
  const source = text(values, name) ?? '';
  if (name === 'text' && source === '') throw badRequest('message text is empty');
  if (source.length > longestSource) throw badRequest('text is too long');
  const content = trim(parse(telegram, source, values, name === 'text' ? 'entities' : 'caption_entities'));
  if (content.text === '') {
    if (name === 'text') throw badRequest('text must be non-empty');
    return {};
  }
  if (content.text.length > longest[name])
    throw badRequest(`message ${name === 'text' ? 'is' : 'caption is'} too long`);
  const key = name === 'text' ? 'entities' : 'caption_entities';
  const entities = addDetected(content.text, content.entities);
  return { [name]: content.text, ...(entities.length > 0 && { [key]: entities }) };
}

function parse(telegram: Telegram, source: string, values: Json, entitiesName: string): Formatted {
  const mode = text(values, 'parse_mode')?.toLowerCase() ?? '';
  // What needs no parsing is most of it.
  if (mode === 'html' && !/[<&]/.test(source)) return { text: source, entities: [] };
  if (mode === '' || mode === 'none')
    return { text: source, entities: entitiesOf(telegram, values, entitiesName) };
  const parser = parsers.get(mode);
  if (parser === undefined) throw badRequest('unsupported parse_mode');
  try {
    return parser(source);
  } catch (error) {
    throw badRequest(`can't parse entities: ${(error as Error).message}`);
  }
}

/** Telegram takes spaces and line ends from both ends. */
function trim({ text: whole, entities }: Formatted): Formatted {
  const kept = whole.trim();
  if (entities.length === 0) return { text: kept, entities };
  const lead = whole.length - whole.trimStart().length;
  const moved = entities.flatMap((entity) => {
    const offset = Math.max(0, entity.offset - lead);
    const length = Math.min(entity.offset + entity.length - lead, kept.length) - offset;
    return length > 0 ? [{ ...entity, offset, length }] : [];
  });
  return { text: kept, entities: moved.sort((a, b) => a.offset - b.offset || b.length - a.length) };
}
