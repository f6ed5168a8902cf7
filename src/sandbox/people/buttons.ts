import { flag, text } from '../api/values.ts';
import type { SandboxMessage } from '../world/message.ts';
import type { Telegram } from '../world/telegram.ts';

/** The newest message with a button of this label or callback data, and the data; null when there is none. */
export function findButton(
  messages: readonly SandboxMessage[],
  labelOrData: string,
): { message: SandboxMessage; data: string } | null {
  for (const message of [...messages].reverse())
    for (const { label, data } of message.buttons.flat())
      if (data !== undefined && (label === labelOrData || data === labelOrData)) return { message, data };
  return null;
}

/** A person presses a button, and the bot is asked what it says to that. Returns the query's id. */
export function press(telegram: Telegram, user: number, message: SandboxMessage, data: string): string {
  const query = telegram.newId(9);
  const about = { user, chat: message.chat, message: message.id, query, data };
  telegram.ask(query, user, (values) => {
    const said = text(values, 'text') ?? '';
    const url = text(values, 'url');
    telegram.toasts.set(user, [...(telegram.toasts.get(user) ?? []), said].slice(-100));
    telegram.emit({
      type: 'button_answered',
      ...about,
      text: said,
      alert: flag(values, 'show_alert'),
      ...(url !== undefined && { url }),
    });
  });
  telegram.emit({ type: 'button_pressed', ...about });
  telegram.push({
    callback_query: {
      id: query,
      from: telegram.userOf(user),
      message: message.raw,
      chat_instance: String(message.chat),
      data,
    },
  });
  return query;
}
