import type { Content, Variables } from '#content';
import type { Effect, EffectKind, JsonObject } from '#runtime';
import type { ArrivalRules } from './arrivals.ts';
import type { Call } from './call.ts';
import type { Perform } from './client.ts';
import type { Feature } from './feature.ts';
import { answerButton, noticeTexts, speak } from './speak.ts';

/** What the effects of a bot without parts of its own are performed with. */
export interface TalkParts {
  /** Renders a message and sends it, with its media. */
  readonly send: (effect: Effect) => Promise<unknown>;
  /** Calls Telegram among the replies. */
  readonly call: Perform;
  readonly content: () => Content;
  /** ms since 1970. */
  readonly now: () => number;
}

/** Hands an effect to the sender, which renders it. */
export const sends: EffectKind<Pick<TalkParts, 'send'>>['perform'] = (effect, { send }) => send(effect);

/** An effect that sends the message which its params name. */
export const speech: EffectKind<Pick<TalkParts, 'send'>> = {
  messages: ({ message }) => [message],
  perform: sends,
};

/**
 * What every bot can do: `send` with params `{message}` says a message of messages.yaml, and a pressed button stops waiting.
 * `send` takes a `lane` as well (`reply`, `reminder`, `broadcast`): what a timer sends is a reminder without it.
 */
export const talk: Feature<ArrivalRules, Pick<TalkParts, 'send'>> = {
  effects: { send: speech, answerButton: { order: 'instant', perform: sends } },
  texts: noticeTexts,
};

/**
 * Turns the effects of `talk` into calls. A variable of a text is looked for by its name in the effect's params, the
 * session's context, and the event that caused it; what is in none of them is a dash. A button's `when:` holds where that
 * name is `true` in the context, and its `link:` leads to the address that stands there.
 * @param variables names of variables, as the plan's needs list them
 * @throws Error, from the function, for an effect that is none of `talk`'s, or names no message
 */
export function renderTalk(content: Content, variables: readonly string[] = []): (effect: Effect) => Call {
  return (effect) => {
    const { type, params = {}, context, chat, to } = effect;
    const language = languageIn(content, context);
    if (type === 'answerButton') {
      const notice = params['stale'] === true ? 'button-stale' : null;
      return answerButton(content, language, String(params['query']), notice);
    }
    const message = content.messages.get(String(params['message']));
    if (type !== 'send' || message === undefined)
      throw new Error(
        `Expected the effect "send" with a message of messages.yaml, found "${type}" with "${String(params['message'])}" from machine "${effect.machine}"`,
      );
    return speak(content, {
      chat: to ?? chat,
      message,
      language,
      variables: variablesOf(effect, variables),
      conditions: new Set(Object.keys(context).filter((name) => context[name] === true)),
      links: context as Readonly<Record<string, string | undefined>>,
    });
  };
}

function languageIn({ languages, defaultLanguage }: Content, { language }: JsonObject): string {
  return typeof language === 'string' && languages.includes(language) ? language : defaultLanguage;
}

function variablesOf({ params, context, event }: Effect, names: readonly string[]): Variables {
  const sources = [params, context, event];
  const found = (name: string) =>
    sources.map((source) => source?.[name]).find((value) => value !== undefined);
  return Object.fromEntries(
    names.map((name) => {
      const value = found(name);
      return [name, typeof value === 'number' ? value : typeof value === 'string' ? value : '—'];
    }),
  );
}
