import type { Json } from '../api/json.ts';
import type { FileKind } from '../world/files.ts';
import type { Telegram } from '../world/telegram.ts';

/** What an album is made of. */
export type AlbumKind = 'photo' | 'video' | 'document' | 'audio';

/** What people send besides texts. */
export type SampleKind =
  | AlbumKind
  | 'sticker'
  | 'voice'
  | 'animation'
  | 'video_note'
  | 'contact'
  | 'location';

/** Where people are. */
export const home = { latitude: 55.75, longitude: 37.62 };

/** A grey square of 90 pixels, PNG. */
const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAFoAAABaBAAAAADYM/PfAAAAJ0lEQVR42u3KMQ0AAAwDoMqv7GrYu8BNehHbtm3btm3btm3btp/vAXIjaAmRgdhMAAAAAElFTkSuQmCC',
  'base64',
);
const endings: Readonly<Partial<Record<SampleKind, string>>> = {
  photo: '.png',
  video: '.mp4',
  animation: '.mp4',
  video_note: '.mp4',
  audio: '.mp3',
  voice: '.oga',
  sticker: '.webp',
  document: '.pdf',
};

/** A new file of a person, which the bot can download and send on. */
function sample(telegram: Telegram, kind: FileKind): Json {
  const name = `${kind}-${telegram.newId(4)}${endings[kind] ?? ''}`;
  const bytes = kind === 'photo' ? picture : Buffer.from(`A ${kind} that a person of the sandbox sent.`);
  const { id: file_id, size: file_size } = telegram.files.add(kind, { name, bytes }, true);
  return { file_id, file_unique_id: file_id.slice(-16), file_size };
}

/** The fields of the Bot API's Message that a client sends. */
export function sampleContent(telegram: Telegram, kind: SampleKind): Json {
  if (kind === 'location') return { location: home };
  if (kind === 'contact') return { contact: { phone_number: '+15550100', first_name: 'Anna' } };
  const file = sample(telegram, kind);
  const film = { ...file, width: 320, height: 240, duration: 3 };
  switch (kind) {
    case 'photo':
      return { photo: [{ ...file, width: 90, height: 90 }] };
    case 'video':
      return { video: film };
    case 'document':
      return { document: { ...file, file_name: 'notes.pdf' } };
    case 'audio':
      return { audio: { ...file, duration: 3 } };
    case 'voice':
      return { voice: { ...file, duration: 3 } };
    case 'animation':
      // A client that knows no animations shows a document.
      return { animation: film, document: file };
    case 'video_note':
      return { video_note: { ...file, length: 240, duration: 3 } };
    default: {
      const look = { type: 'regular', width: 512, height: 512, is_animated: false, is_video: false };
      return { sticker: { ...file, ...look } };
    }
  }
}
