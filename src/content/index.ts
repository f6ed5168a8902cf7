/**
 * What an operator edits: words, buttons, media and settings, read and checked as a whole. It knows no product: what machines,
 * features and a product ask of a folder is handed in (`Needs`).
 *
 * A folder holds `bot.yaml` (the default language, delays, the product's own sections), `messages.yaml` (what each message
 * is made of), `locales/<language>.ftl` (its words) and `media/`. A mistake is a `Problem`: one line with file, line, what was
 * expected and what was found; all are told at once. Nothing is thrown for what an operator can have written.
 *
 * ```ts
 * const loaded = await loadContent('content', { messages: ['question'], variables: { score: 3 } });
 * if ('problems' in loaded) throw new Error(loaded.problems.map(describeProblem).join('\n'));
 * loaded.content.format('en', 'question', { score: 2 });
 * ```
 * @module
 */
export { type Content, loadContent } from './content.ts';
export { messageName } from './entries.ts';
export type { Variables } from './locale.ts';
export type { Attachment, Button, Key, MessageContent, Poll } from './message.ts';
export {
  type Command,
  type Examination,
  type Needs,
  type RowKind,
  type Sections,
  sections,
  type TextUse,
} from './needs.ts';
export { describeProblem, type Problem, show, suggest } from './problem.ts';
export { fields, matching, whole } from './shape.ts';
