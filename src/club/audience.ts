import type { Content } from '#content';
import type { Effect } from '#runtime';

/** Effects whose message goes to the operators. */
export const toOperators: ReadonlySet<string> = new Set(['tellOperator', 'tellFound', 'forwardQuestion']);

/** The person's; for the operator's messages, the default. */
export function languageOf(content: Content, effect: Effect): string {
  const language = effect.context['language'];
  const isTheirs =
    !toOperators.has(effect.type) && typeof language === 'string' && content.languages.includes(language);
  return isTheirs ? language : content.defaultLanguage;
}
