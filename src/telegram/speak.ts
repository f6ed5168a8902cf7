import type { Attachment, Button, Content, Key, MessageContent, Poll, TextUse, Variables } from '#content';
import type { Call, MediaRef } from './call.ts';

/** A message on its way to one chat. */
export interface Speech {
  readonly chat: number;
  readonly message: MessageContent;
  readonly language: string;
  /** What its texts may say. Default: nothing. */
  readonly variables?: Variables;
  /** Where `link:` buttons lead, by name. One that leads nowhere is left out. Default: none does. */
  readonly links?: Readonly<Record<string, string | undefined>>;
  /** The `when:` names that hold for this person. Default: none does. */
  readonly conditions?: ReadonlySet<string>;
  /** Rows of buttons below the message's own; their labels are ready. */
  readonly more?: readonly (readonly InlineButton[])[];
  /**
   * What becomes of media that Telegram refused before: `document` sends them as files; `without` leaves them out and says
   * so below the words, by a text of this key. Default: they go as what they are.
   */
  readonly media?: 'document' | { readonly without: string };
}

/** A button as the Bot API takes it. */
export type InlineButton = { readonly text: string } & (
  | { readonly callback_data: string }
  | { readonly url: string }
);

/** Texts that `answerButton` may show. */
export const noticeTexts: Readonly<Record<'button-stale', TextUse>> = {
  'button-stale': { as: 'a notice', most: 200 },
};

/** The call that says a message: a text, a poll, one picture, video or file, or an album. Pure. */
export function speak(content: Content, speech: Speech): Call {
  const { message, language, variables = {} } = speech;
  const common = {
    chat_id: speech.chat,
    ...(message.isProtected && { protect_content: true }),
  };
  const markup = markupOf(content, speech);
  if (message.poll !== undefined) {
    const poll = pollOf(content, speech, message.poll);
    return { method: 'sendPoll', payload: { ...common, ...poll, ...markup } };
  }
  const words = content.format(language, message.text, variables, message.plain);
  const html = message.plain ? {} : { parse_mode: 'HTML' };
  const without = typeof speech.media === 'object' ? speech.media.without : null;
  const [first, ...others] = without === null ? message.attachments : [];
  if (first === undefined) {
    const text = without === null ? words : `${words}\n\n${content.format(language, without)}`;
    // Nobody who calls himself a link can make the bot show its preview.
    const payload = { ...common, text, ...html, link_preview_options: { is_disabled: true }, ...markup };
    return { method: 'sendMessage', payload };
  }
  const kindOf = ({ kind }: Attachment) => (speech.media === 'document' ? 'document' : kind);
  const refOf = (attachment: Attachment): MediaRef => ({ media: content.fileOf(attachment, language) });
  if (others.length > 0) {
    const pieces = message.attachments.map((attachment, index) => ({
      type: kindOf(attachment),
      media: refOf(attachment),
      ...(index === 0 && { caption: words, ...html }),
    }));
    return { method: 'sendMediaGroup', payload: { ...common, media: pieces } };
  }
  const kind = kindOf(first);
  const methods = { video: 'sendVideo', photo: 'sendPhoto', document: 'sendDocument' } as const;
  const streaming = kind === 'video' ? { supports_streaming: true } : {};
  const payload = { ...common, [kind]: refOf(first), ...streaming, caption: words, ...html, ...markup };
  return { method: methods[kind], payload };
}

/**
 * The call that lets a pressed button stop waiting.
 * @param query the id of the callback query
 * @param notice the key of a text to show over the chat; null: none
 */
export const answerButton = (
  content: Content,
  language: string,
  query: string,
  notice: string | null,
): Call => ({
  method: 'answerCallbackQuery',
  payload: {
    callback_query_id: query,
    ...(notice !== null && { text: content.format(language, notice, {}, true) }),
  },
});

/** Telegram takes either buttons or a keyboard. */
function markupOf(content: Content, speech: Speech) {
  const { keyboard, rows } = speech.message;
  const inline = [
    ...rows.map((row) => row.flatMap((button) => inlineOf(content, speech, button))),
    ...(speech.more ?? []),
  ].filter(({ length }) => length > 0);
  if (inline.length > 0) return { reply_markup: { inline_keyboard: inline } };
  if (keyboard === undefined) return {};
  if (keyboard === 'remove') return { reply_markup: { remove_keyboard: true } };
  const keys = keyboard.map((row) => row.map((key) => keyOf(content, speech, key)));
  return { reply_markup: { keyboard: keys, resize_keyboard: true } };
}

/** @returns none where it is not for this person */
function inlineOf(content: Content, speech: Speech, button: Button): readonly InlineButton[] {
  const { links = {}, conditions = new Set() } = speech;
  if (button.when !== undefined && !conditions.has(button.when)) return [];
  const language = button.language ?? speech.language;
  const text = content.format(language, button.label, speech.variables, true);
  if ('data' in button) return [{ text, callback_data: button.data }];
  if ('url' in button) return [{ text, url: button.url.replaceAll('$language', speech.language) }];
  const url = links[button.link];
  return url === undefined ? [] : [{ text, url }];
}

const keyOf = (content: Content, { language, variables }: Speech, { label, asksFor }: Key) => ({
  text: content.format(language, label, variables, true),
  ...(asksFor === 'contact' && { request_contact: true }),
  ...(asksFor === 'location' && { request_location: true }),
});

function pollOf(content: Content, { message, language, variables }: Speech, poll: Poll) {
  const plain = (key: string) => content.format(language, key, variables, true);
  return {
    question: plain(message.text),
    options: poll.options.map((key) => ({ text: plain(key) })),
    is_anonymous: poll.isAnonymous,
    allows_multiple_answers: poll.allowsMultiple,
    ...(poll.correct !== undefined && { type: 'quiz', correct_option_ids: poll.correct }),
    ...(poll.explanation !== undefined && {
      explanation: content.format(language, poll.explanation, variables),
      explanation_parse_mode: 'HTML',
    }),
  };
}
