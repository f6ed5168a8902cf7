import type { Json } from '../api/json.ts';
import { botIsInside, type Club } from './club.ts';
import { isService } from './message.ts';

/** The bot, as far as it matters for what it hears. */
interface Listener {
  readonly id: number;
  readonly username: string;
  /** Privacy mode is off. */
  readonly readsAll: boolean;
}

interface Mark {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly user?: { readonly id: number };
}

/**
 * Whether a bot is told of a message in a group or a channel. It must be inside, in a channel an administrator. In a group
 * an administrator and a bot without privacy mode hear everything; others hear commands, replies to them, mentions of them
 * and service messages.
 * @param message the Bot API's Message
 */
export function isHeard(message: Json, club: Club, bot: Listener): boolean {
  if (!botIsInside(club)) return false;
  if (club.bot === 'administrator') return true;
  if (club.type === 'channel') return false;
  return bot.readsAll || isService(message) || isReplyTo(message, bot) || isAddressed(message, bot);
}

function isReplyTo(message: Json, { id }: Listener): boolean {
  const original = message['reply_to_message'] as { readonly from?: { readonly id: number } } | undefined;
  return original?.from?.id === id;
}

/** A command for any bot or for this one; or its name, anywhere in the text. */
function isAddressed(message: Json, { id, username }: Listener): boolean {
  const text = String(message['text'] ?? message['caption'] ?? '');
  const marks = (message['entities'] ?? message['caption_entities'] ?? []) as readonly Mark[];
  const name = username.toLowerCase();
  return marks.some(({ type, offset, length, user }) => {
    const marked = text.slice(offset, offset + length).toLowerCase();
    const [command, addressee] = marked.split('@');
    if (type === 'mention') return addressee === name;
    if (type === 'text_mention') return user?.id === id;
    if (type !== 'bot_command') return false;
    return addressee === undefined ? offset === 0 && command !== '' : addressee === name;
  });
}
