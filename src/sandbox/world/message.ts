import type { Json } from '../api/json.ts';
import type { FileStore } from './files.ts';

export interface Button {
  readonly label: string;
  readonly data?: string;
  readonly url?: string;
  readonly pay?: boolean;
}

export interface Media {
  readonly fileId: string;
  readonly fileName: string;
  readonly size: number;
}

const mediaKinds = ['photo', 'video', 'animation', 'audio', 'voice', 'sticker', 'document'] as const;
const serviceKinds = {
  successful_payment: 'Payment received',
  refunded_payment: 'Payment refunded',
  new_chat_members: 'Joined',
  left_chat_member: 'Left',
  group_chat_created: 'Created the group',
  new_chat_title: 'Renamed the chat',
  new_chat_photo: 'Changed the picture of the chat',
  delete_chat_photo: 'Removed the picture of the chat',
  migrate_to_chat_id: 'Became a supergroup',
  migrate_from_chat_id: 'Was a group before',
  pinned_message: 'Pinned a message',
  message_auto_delete_timer_changed: 'Changed when messages are deleted',
  write_access_allowed: 'Allowed the bot to write',
} as const;

/** A message as a chat shows it; `raw` is the Bot API's Message. */
export interface SandboxMessage {
  readonly id: number;
  readonly chat: number;
  readonly from: 'bot' | 'user';
  readonly kind: 'text' | (typeof mediaKinds)[number] | 'album' | 'invoice' | 'service' | 'other';
  text: string;
  buttons: Button[][];
  /** Files whose bytes were sent. */
  media?: Media[];
  /** The reader is not notified. */
  readonly isSilent?: boolean;
  /** Seconds since 1970. */
  readonly date: number;
  raw: Json;
}

/** A line that Telegram writes into a chat, such as who came in; `raw` is the Bot API's Message. */
export const isService = (raw: Json): boolean => Object.keys(serviceKinds).some((name) => name in raw);

/** What a person reads off a Bot API Message. */
export function describeMessage(
  raw: Json,
  from: SandboxMessage['from'],
  files: Pick<FileStore, 'find'>,
): SandboxMessage {
  const service = Object.entries(serviceKinds).find(([name]) => name in raw)?.[1];
  const kind = 'invoice' in raw ? 'invoice' : mediaKinds.find((name) => name in raw);
  const invoice = raw['invoice'] as { title?: string; description?: string } | undefined;
  const content = raw[kind ?? ''];
  const file = files.find(String(((Array.isArray(content) ? content.at(-1) : content) as Json)?.['file_id']));
  const buttons = buttonsOf(raw);
  return {
    id: raw['message_id'] as number,
    chat: (raw['chat'] as { id: number }).id,
    from,
    kind: kind ?? (service !== undefined ? 'service' : 'text' in raw ? 'text' : 'other'),
    text:
      (raw['text'] as string | undefined) ??
      (raw['caption'] as string | undefined) ??
      (invoice === undefined ? service : `${invoice.title}\n${invoice.description}`) ??
      '',
    buttons: kind === 'invoice' && buttons.length === 0 ? [[{ label: 'Pay', pay: true }]] : buttons,
    ...(file !== undefined &&
      !file.isSample && { media: [{ fileId: file.id, fileName: file.name, size: file.size }] }),
    date: raw['date'] as number,
    raw,
  };
}

function buttonsOf(raw: Json): Button[][] {
  const markup = raw['reply_markup'] as
    | { inline_keyboard?: { text: string; callback_data?: string; url?: string; pay?: boolean }[][] }
    | undefined;
  return (markup?.inline_keyboard ?? []).map((row) =>
    row.map(({ text: label, callback_data: data, url, pay }) => ({
      label,
      ...(data !== undefined && { data }),
      ...(url !== undefined && { url }),
      ...(pay === true && { pay }),
    })),
  );
}
