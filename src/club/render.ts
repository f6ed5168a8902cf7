import { type MessageContent, show } from '#content';
import type { Effect } from '#runtime';
import { answerButton, type Call, type InlineButton, speak } from '#telegram';
import { languageOf } from './audience.ts';
import type { Access } from './payments/book.ts';
import { renderInvoice } from './payments/invoice.ts';
import type { Signer } from './payments/signature.ts';
import type { ClubContent } from './settings.ts';
import { variablesOf } from './variables.ts';

/** A button that only this message has: a label's key and callback data. */
interface ExtraButton {
  readonly label: string;
  readonly data: string;
  /** What its label calls `$paid`. */
  readonly paid?: { readonly currency: string; readonly amount: number };
}

/** What is needed besides the content: to sell, and to say what is left of a time. */
interface Surroundings {
  /** For currencies other than Stars. */
  readonly providerToken: string;
  /** Signs the payloads of invoices. */
  readonly signer: Signer;
  /** ms since 1970. */
  readonly now: () => number;
}

/**
 * Makes the function that turns an effect into the call that performs it. Pure but for the clock: no I/O.
 * @throws Error, from the function, when an effect or its message is unknown, saying what was expected and found
 */
export function createRender(content: ClubContent, around: Surroundings): (effect: Effect) => Call {
  return (effect) => {
    switch (effect.type) {
      case 'send':
      case 'tellOperator':
      case 'tellFound':
      case 'forwardQuestion':
      case 'sendAnswer':
        return sendMessage(content, effect, text(effect, 'message'), around);
      case 'sendMaterial':
        return sendMessage(content, effect, materialOf(content, effect), around);
      case 'copyMessage':
        return {
          method: 'copyMessage',
          payload: {
            chat_id: effect.to ?? effect.chat,
            from_chat_id: effect.chat,
            message_id: effect.event?.['message'],
          },
        };
      case 'sendInvoice': {
        const variables = variablesOf(content, effect, around.now());
        return renderInvoice(content, effect, {
          language: languageOf(content, effect),
          variables,
          ...around,
        });
      }
      case 'approveCheckout':
        return {
          method: 'answerPreCheckoutQuery',
          payload: { pre_checkout_query_id: queryOf(effect), ok: true },
        };
      case 'rejectCheckout':
        return rejectCheckout(content, effect, around.now());
      case 'answerButton': {
        const { stale, broke } = effect.params ?? {};
        const notice = stale === true ? 'button-stale' : broke === true ? 'something-broke' : null;
        return answerButton(content, languageOf(content, effect), text(effect, 'query'), notice);
      }
      default:
        throw new Error(
          'Expected an effect of type send, sendInvoice, sendMaterial, approveCheckout, rejectCheckout, tellOperator, ' +
            `tellFound, forwardQuestion, sendAnswer, copyMessage or answerButton, found ${show(effect.type)} from machine ${show(effect.machine)}`,
        );
    }
  };
}

function rejectCheckout(content: ClubContent, effect: Effect, now: number): Call {
  const { text: key } = messageOf(content, effect, text(effect, 'reason'));
  const reason = content.format(languageOf(content, effect), key, variablesOf(content, effect, now), true);
  const payload = { pre_checkout_query_id: queryOf(effect), ok: false, error_message: reason };
  return { method: 'answerPreCheckoutQuery', payload };
}

function text(effect: Effect, name: string): string {
  const value = effect.params?.[name];
  if (typeof value === 'string') return value;
  throw new Error(
    `Expected the effect "${effect.type}" of machine "${effect.machine}" to name its ${name}, found ${show(value)}`,
  );
}

function queryOf(effect: Effect): string {
  const query = effect.event?.['query'];
  if (typeof query === 'string') return query;
  throw new Error(
    `Expected the event that caused "${effect.type}" to carry a checkout query's id, found ${show(query)}`,
  );
}

function messageOf(content: ClubContent, effect: Effect, name: string): MessageContent {
  const message = content.messages.get(name);
  if (message !== undefined) return message;
  throw new Error(
    `Expected messages.yaml to have an entry "${name}", which "${effect.type}" of machine "${effect.machine}" sends, found nothing`,
  );
}

const materialOf = ({ settings }: ClubContent, { context }: Effect): string =>
  settings.topics.find(({ id }) => id === context['topic'])?.material ?? 'choose_topic';

/** The name of the message that an effect sends, where it has pictures, videos or files. */
export function mediaMessageOf(content: ClubContent, effect: Effect): string | null {
  const name = effect.type === 'sendMaterial' ? materialOf(content, effect) : effect.params?.['message'];
  if (typeof name !== 'string') return null;
  return (content.messages.get(name)?.attachments ?? []).length > 0 ? name : null;
}

function sendMessage(content: ClubContent, effect: Effect, name: string, { now }: Surroundings): Call {
  const message = messageOf(content, effect, name);
  const language = languageOf(content, effect);
  const { link } = effect.context;
  // What Telegram does not take as a picture goes as a file, and what it does not take at all is told of.
  const media = { document: 'document', none: { without: 'media-failed' } } as const;
  const instead = effect.params?.['media'];
  return speak(content, {
    chat: effect.to ?? effect.chat,
    message,
    language,
    variables: variablesOf(content, effect, now()),
    links: { club: typeof link === 'string' ? link : undefined },
    conditions: new Set(isRenewable(effect) ? ['renewable'] : []),
    more: extraRows(content, effect, language, now()),
    ...((instead === 'document' || instead === 'none') && { media: media[instead] }),
  });
}

function extraRows(
  content: ClubContent,
  effect: Effect,
  language: string,
  now: number,
): readonly (readonly InlineButton[])[] {
  const extra = (effect.params?.['buttons'] ?? []) as readonly ExtraButton[];
  return extra.map(({ label, data, paid }) => {
    const variables = variablesOf(content, { ...effect, event: { ...effect.event, ...paid } }, now);
    return [{ text: content.format(language, label, variables, true), callback_data: data }];
  });
}

/** Whether the person has a time that can be made longer: not for ever, and it does not go on by itself. */
function isRenewable({ event, context }: Effect): boolean {
  const access = event?.['access'] as Access | undefined;
  // What a timer sends tells of no book: then what the machine remembers of it counts.
  if (access === undefined) return typeof context['until'] === 'number' && context['renews'] !== true;
  return access.has && access.forEver !== true && access.renews !== true;
}
