import { InputFile } from 'grammy';
import type { Content } from '#content';
import type { Effect } from '#runtime';
import type { Perform } from '#telegram';

/** Sends a person everything that is stored about them, as a file. */
export async function sendData(
  { chat, context }: Effect,
  content: Content,
  stored: unknown,
  perform: Perform,
): Promise<void> {
  const text = JSON.stringify(stored, null, 2);
  const caption = content.format(String(context['language']), 'mydata', {}, true);
  await perform('sendDocument', {
    chat_id: chat,
    document: new InputFile(Buffer.from(text), 'mydata.json'),
    caption,
  });
}
