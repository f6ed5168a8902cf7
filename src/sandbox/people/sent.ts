import type { Json } from '../api/parameters.ts';
import type { Telegram } from '../world/telegram.ts';

/** What an album is made of. */
export type AlbumKind = 'photo' | 'video' | 'document' | 'audio';

/** What people send besides texts. */
export type SentKind = AlbumKind | 'sticker' | 'voice' | 'animation' | 'video_note' | 'contact' | 'location';

/** Where people are. */
export const home = { latitude: 55.75, longitude: 37.62 };

/** The fields of the Bot API's Message that a client sends. */
export function sentContent(telegram: Telegram, kind: SentKind): Json {
  const file = { file_id: telegram.newId(), file_unique_id: telegram.newId(6) };
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
    case 'sticker': {
      const look = { type: 'regular', width: 512, height: 512, is_animated: false, is_video: false };
      return { sticker: { ...file, ...look } };
    }
    case 'contact':
      return { contact: { phone_number: '+15550100', first_name: 'Anna' } };
    default:
      return { location: home };
  }
}
